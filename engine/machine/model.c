#include "machine/model.h"

#include <stdlib.h>
#include <string.h>

#include "base/prng.h"
#include "base/status.h"
#include "base/units.h"

#define PAYLOAD_BYTES 8 /* a page's version, little-endian */
#define PRNG_PURPOSE  0x6d6f64656cull

struct model {
    struct guest guest; /* first: a guest's address is its model's */
    struct model_config config;
    uint64_t *versions; /* of every page; calloc, so that pages never written cost nothing */

    /* All that travels beside the pages. */
    uint64_t now_ns;
    uint64_t write_count; /* writes that have happened */
    struct prng prng;     /* as it was before the next write chose its page */
};

static struct model *model_of(struct guest *guest)
{
    return (struct model *)guest;
}

static const struct model *const_model_of(const struct guest *guest)
{
    return (const struct model *)guest;
}

static bool never_writes(const struct model *model)
{
    return model->config.pattern == MODEL_IDLE || model->config.write_rate == 0 ||
           model->config.working_set_pages == 0;
}

/* ---- Running ---- */

/* Write k (k = 1, 2, ...) happens at floor(k * 1e9 / rate) ns. */
static uint64_t write_at_ns(const struct model *model, uint64_t k)
{
    return units_mul_div(k, NS_PER_S, model->config.write_rate);
}

/* The last k with write_at_ns(k) <= until: floor(k * 1e9 / rate) <= until means
 * k * 1e9 < (until + 1) * rate. One division here keeps the time out of the loop over writes. */
static uint64_t writes_until(const struct model *model, uint64_t until_ns)
{
    unsigned __int128 bound = ((unsigned __int128)until_ns + 1) * model->config.write_rate;
    unsigned __int128 count = (bound - 1) / NS_PER_S;
    return count < UINT64_MAX ? (uint64_t)count : UINT64_MAX;
}

static void stop_at_page(struct model *model, struct guest_run *run, enum guest_stop stop,
                         uint64_t page_idx)
{
    model->now_ns = write_at_ns(model, model->write_count + 1);
    run->stop = stop;
    run->page_idx = page_idx;
    run->is_stuck = stop == GUEST_MISSING; /* it has but one hart */
}

static void model_run(struct guest *guest, uint64_t until_ns, struct guest_run *run)
{
    struct model *model = model_of(guest);
    uint64_t due_count;
    bool is_whole = guest->present.set_count == guest->total_pages;

    *run = (struct guest_run){.stop = GUEST_TIME_REACHED};
    if (until_ns < model->now_ns)
        return;
    if (never_writes(model)) {
        if (until_ns > model->now_ns)
            *run = (struct guest_run){.stop = GUEST_IDLE, .wake_ns = UINT64_MAX};
        return;
    }
    due_count = writes_until(model, until_ns);
    while (model->write_count < due_count) {
        struct prng prng = model->prng;
        uint64_t page_idx = prng_below(&prng, model->config.working_set_pages);

        if (!is_whole && !bitmap_has(&guest->present, page_idx)) {
            stop_at_page(model, run, GUEST_MISSING, page_idx);
            return;
        }
        if (!bitmap_has(&guest->dirty, page_idx)) {
            bitmap_set(&guest->dirty, page_idx);
            if (guest->is_tracking) {
                stop_at_page(model, run, GUEST_DIRTIED, page_idx);
                return;
            }
        }
        model->versions[page_idx]++;
        model->prng = prng;
        model->write_count++;
    }
    model->now_ns = until_ns;
}

static uint64_t model_now_ns(const struct guest *guest)
{
    return const_model_of(guest)->now_ns;
}

static void model_idle_until(struct guest *guest, uint64_t until_ns)
{
    if (until_ns > model_of(guest)->now_ns)
        model_of(guest)->now_ns = until_ns;
}

/* ---- Pages ---- */

static void model_read_pages(const struct guest *guest, uint64_t first_idx, uint64_t count,
                             uint8_t *payloads)
{
    const uint64_t *versions = const_model_of(guest)->versions + first_idx;

    for (uint64_t i = 0; i < count; i++)
        for (unsigned byte = 0; byte < PAYLOAD_BYTES; byte++)
            payloads[i * PAYLOAD_BYTES + byte] = (uint8_t)(versions[i] >> (8 * byte));
}

static void model_install_pages(struct guest *guest, uint64_t first_idx, uint64_t count,
                                const uint8_t *payloads)
{
    uint64_t *versions = model_of(guest)->versions + first_idx;

    MUST(first_idx <= guest->total_pages && count <= guest->total_pages - first_idx);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t version = 0;
        for (unsigned byte = 0; byte < PAYLOAD_BYTES; byte++)
            version |= (uint64_t)payloads[i * PAYLOAD_BYTES + byte] << (8 * byte);
        if (version != versions[i])
            versions[i] = version; /* pages never written stay untouched memory */
        bitmap_set(&guest->present, first_idx + i);
        bitmap_clear(&guest->dirty, first_idx + i);
    }
}

static void model_drop_page(struct guest *guest, uint64_t page_idx)
{
    bitmap_clear(&guest->present, page_idx);
    bitmap_clear(&guest->dirty, page_idx);
    model_of(guest)->versions[page_idx] = 0;
}

static void model_track(struct guest *guest, bool is_on)
{
    guest->is_tracking = is_on;
    if (is_on)
        bitmap_clear_all(&guest->dirty);
}

/* Being in the log and being writable are the same thing here, so forgetting is protecting. */
static uint64_t model_fetch_dirty(struct guest *guest, uint64_t first_idx, uint64_t count,
                                  struct bitmap *into)
{
    uint64_t end_idx = first_idx + count;
    uint64_t fetched_count = 0;

    MUST(first_idx <= guest->total_pages && count <= guest->total_pages - first_idx);
    for (uint64_t word_idx = first_idx / 64; word_idx * 64 < end_idx; word_idx++) {
        uint64_t first_of_word = word_idx * 64;
        uint64_t taken = guest->dirty.words[word_idx];
        if (first_of_word < first_idx)
            taken &= ~0ull << (first_idx % 64);
        if (end_idx - first_of_word < 64)
            taken &= (1ull << (end_idx % 64)) - 1;
        if (taken == 0)
            continue;
        guest->dirty.words[word_idx] &= ~taken;
        fetched_count += (uint64_t)__builtin_popcountll(taken);
        if (into == NULL)
            continue;
        into->set_count += (uint64_t)__builtin_popcountll(taken & ~into->words[word_idx]);
        into->words[word_idx] |= taken;
    }
    guest->dirty.set_count -= fetched_count;
    return fetched_count;
}

/* ---- State ---- */

static void config_save(const struct model_config *config, struct bytes *to)
{
    bytes_put_u8(to, (uint8_t)config->pattern);
    bytes_put_u64(to, config->total_pages);
    bytes_put_u64(to, config->working_set_pages);
    bytes_put_u64(to, config->write_rate);
    bytes_put_u64(to, config->seed);
}

static bool config_is_saved(const struct model_config *config, struct bytes_reader *from)
{
    bool is_same = bytes_get_u8(from) == config->pattern;
    is_same &= bytes_get_u64(from) == config->total_pages;
    is_same &= bytes_get_u64(from) == config->working_set_pages;
    is_same &= bytes_get_u64(from) == config->write_rate;
    is_same &= bytes_get_u64(from) == config->seed;
    return is_same && !from->has_failed;
}

static void model_save(const struct guest *guest, struct bytes *to)
{
    const struct model *model = const_model_of(guest);

    config_save(&model->config, to);
    bytes_put_u64(to, model->now_ns);
    bytes_put_u64(to, model->write_count);
    bytes_put_u64(to, model->prng.state);
}

/* No write of the future has happened, and none of the past is still to come: at most the one of
 * this instant, which trapped. A clock far from its writes would make us catch up for ever. */
static bool is_clock_right(const struct model *model)
{
    if (model->now_ns > INT64_MAX)
        return false;
    if (never_writes(model))
        return model->write_count == 0;
    return model->write_count <= writes_until(model, model->now_ns) &&
           write_at_ns(model, model->write_count + 1) >= model->now_ns;
}

static enum status model_load(struct guest *guest, struct bytes_reader *from)
{
    struct model *model = model_of(guest);

    if (!config_is_saved(&model->config, from))
        return STATUS_BAD_STATE;
    model->now_ns = bytes_get_u64(from);
    model->write_count = bytes_get_u64(from);
    model->prng.state = bytes_get_u64(from);
    return !from->has_failed && is_clock_right(model) ? STATUS_OK : STATUS_BAD_STATE;
}

static uint64_t model_digest(const struct guest *guest)
{
    const struct model *model = const_model_of(guest);
    struct digest *digest = digest_open();
    uint8_t payloads[512 * PAYLOAD_BYTES];
    uint64_t value;

    MUST(guest->present.set_count == guest->total_pages);
    for (uint64_t first_idx = 0; first_idx < guest->total_pages; first_idx += 512) {
        uint64_t left = guest->total_pages - first_idx;
        uint64_t count = left < 512 ? left : 512;
        model_read_pages(guest, first_idx, count, payloads);
        digest_add(digest, payloads, count * PAYLOAD_BYTES);
    }
    digest_add_u64(digest, model->now_ns);
    digest_add_u64(digest, model->write_count);
    digest_add_u64(digest, model->prng.state);
    value = digest_value(digest);
    digest_close(digest);
    return value;
}

static uint64_t model_instructions(const struct guest *guest)
{
    (void)guest;
    return 0;
}

static void model_close(struct guest *guest)
{
    bitmap_fini(&guest->present);
    bitmap_fini(&guest->dirty);
    free(model_of(guest)->versions);
    free(guest);
}

static const struct guest_ops model_ops = {
    .kind = "model",
    .payload_bytes = PAYLOAD_BYTES,
    .is_charged_in_full = true,
    .run = model_run,
    .now_ns = model_now_ns,
    .idle_until = model_idle_until,
    .read_pages = model_read_pages,
    .install_pages = model_install_pages,
    .drop_page = model_drop_page,
    .track = model_track,
    .fetch_dirty = model_fetch_dirty,
    .save = model_save,
    .load = model_load,
    .digest = model_digest,
    .instructions = model_instructions,
    .close = model_close,
};

struct guest *model_open_empty(const struct model_config *config)
{
    struct model *model = calloc(1, sizeof *model);

    MUST(model != NULL);
    MUST(config->total_pages > 0 && config->total_pages <= MODEL_PAGES_MAX);
    MUST(config->working_set_pages <= config->total_pages);
    model->guest.ops = &model_ops;
    model->guest.total_pages = config->total_pages;
    model->config = *config;
    model->prng = prng_make(config->seed, PRNG_PURPOSE);
    model->versions = calloc(config->total_pages, sizeof *model->versions);
    MUST(model->versions != NULL);
    bitmap_init(&model->guest.present, config->total_pages);
    bitmap_init(&model->guest.dirty, config->total_pages);
    return &model->guest;
}

struct guest *model_open(const struct model_config *config)
{
    struct guest *guest = model_open_empty(config);
    bitmap_set_all(&guest->present);
    return guest;
}
