#include "machine/model.h"

#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "machine/contents.h"
#include "machine/sections.h"
#include "machine/versions.h"

#define PAYLOAD_BYTES 8 /* a page's version, little-endian */

struct model {
    struct guest guest; /* first: a guest's address is its model's */
    struct model_config config;
    struct versions versions; /* of every page */

    /* All that travels beside the pages. */
    uint64_t now_ns;
    struct writes writes;
};

static struct model *model_of(struct guest *guest)
{
    return (struct model *)guest;
}

static const struct model *const_model_of(const struct guest *guest)
{
    return (const struct model *)guest;
}

/* ---- Running ---- */

static void stop_at_page(struct model *model, struct guest_run *run, enum guest_stop stop,
                         uint64_t page_idx)
{
    model->now_ns = writes_at_ns(&model->writes, model->writes.count + 1);
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
    if (writes_are_none(&model->writes)) {
        if (until_ns > model->now_ns)
            *run = (struct guest_run){.stop = GUEST_IDLE, .wake_ns = UINT64_MAX};
        return;
    }
    due_count = writes_until(&model->writes, until_ns);
    while (model->writes.count < due_count) {
        struct prng prng = model->writes.prng;
        uint64_t page_idx = writes_next_page(&model->writes, &prng);

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
        versions_set(&model->versions, page_idx, versions_get(&model->versions, page_idx) + 1);
        model->writes.prng = prng;
        model->writes.count++;
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

/* It has but one hart, and that one never lets a turn pass. */
static void model_set_share(struct guest *guest, uint32_t hart_idx, uint32_t permille)
{
    (void)guest;
    (void)hart_idx;
    (void)permille;
}

/* ---- Pages ---- */

static void model_read_pages(const struct guest *guest, uint64_t first_idx, uint64_t count,
                             uint8_t *payloads)
{
    versions_read(&const_model_of(guest)->versions, first_idx, count, payloads);
}

static void model_read_contents(const struct guest *guest, uint64_t page_idx,
                                uint8_t page[PAGE_BYTES])
{
    MUST(bitmap_has(&guest->present, page_idx));
    contents_make(page_idx, versions_get(&const_model_of(guest)->versions, page_idx), page);
}

static void model_install_pages(struct guest *guest, uint64_t first_idx, uint64_t count,
                                const uint8_t *payloads)
{
    MUST(first_idx <= guest->total_pages && count <= guest->total_pages - first_idx);
    versions_write(&model_of(guest)->versions, first_idx, count, payloads);
    bitmap_set_run(&guest->present, first_idx, count);
    bitmap_clear_run(&guest->dirty, first_idx, count);
}

static void model_drop_page(struct guest *guest, uint64_t page_idx)
{
    bitmap_clear(&guest->present, page_idx);
    bitmap_clear(&guest->dirty, page_idx);
    versions_set(&model_of(guest)->versions, page_idx, 0);
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

static void save_config(const void *state, struct bytes *to)
{
    const struct model_config *config = &((const struct model *)state)->config;

    bytes_put_u8(to, (uint8_t)config->pattern);
    bytes_put_u64(to, config->total_pages);
    bytes_put_u64(to, config->working_set_pages);
    bytes_put_u64(to, config->write_rate);
    bytes_put_u64(to, config->seed);
}

/* Both ends were made from one scenario: nothing is taken over, all is compared. */
static const char *load_config(void *state, uint16_t version, struct bytes_reader *from)
{
    const struct model_config *config = &((const struct model *)state)->config;
    bool is_same = bytes_get_u8(from) == config->pattern;

    (void)version;
    is_same &= bytes_get_u64(from) == config->total_pages;
    is_same &= bytes_get_u64(from) == config->working_set_pages;
    is_same &= bytes_get_u64(from) == config->write_rate;
    is_same &= bytes_get_u64(from) == config->seed;
    return is_same ? NULL : "it is of a model with another pattern, size, rate or seed";
}

static void save_writes(const void *state, struct bytes *to)
{
    const struct model *model = state;

    bytes_put_u64(to, model->now_ns);
    bytes_put_u64(to, model->writes.count);
    bytes_put_u64(to, model->writes.prng.state);
}

/* No write of the future has happened, and none of the past is still to come: at most the one of
 * this instant, which trapped. A clock far from its writes would make us catch up for ever. */
static bool is_clock_right(const struct model *model)
{
    const struct writes *writes = &model->writes;

    if (model->now_ns > INT64_MAX)
        return false;
    if (writes_are_none(writes))
        return writes->count == 0;
    return writes->count <= writes_until(writes, model->now_ns) &&
           writes_at_ns(writes, writes->count + 1) >= model->now_ns;
}

static const char *load_writes(void *state, uint16_t version, struct bytes_reader *from)
{
    struct model *model = state;

    (void)version;
    model->now_ns = bytes_get_u64(from);
    model->writes.count = bytes_get_u64(from);
    model->writes.prng.state = bytes_get_u64(from);
    return is_clock_right(model) ? NULL : "its clock does not belong to its writes";
}

static const struct section sections[] = {
    {"MODL", 1, 1, save_config, load_config},
    {"WRIT", 1, 1, save_writes, load_writes},
};
#define SECTION_COUNT (sizeof sections / sizeof sections[0])

static void model_save(const struct guest *guest, struct bytes *to)
{
    sections_save(sections, SECTION_COUNT, const_model_of(guest), to);
}

static enum status model_load(struct guest *guest, struct bytes_reader *from,
                              struct problem *problem)
{
    struct model *model = model_of(guest);
    struct model loaded = *model;
    enum status status = sections_load(sections, SECTION_COUNT, &loaded, from, problem);

    if (status == STATUS_OK)
        *model = loaded;
    return status;
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
    digest_add_u64(digest, model->writes.count);
    digest_add_u64(digest, model->writes.prng.state);
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
    bitmap_fini(&guest->free);
    versions_fini(&model_of(guest)->versions);
    free(guest);
}

/* No cache and no devices. */

static struct guest_written model_write_back(struct guest *guest)
{
    (void)guest;
    return (struct guest_written){0, 0};
}

static bool model_is_quiet(const struct guest *guest)
{
    (void)guest;
    return true;
}

static void model_tell_flushes(struct guest *guest, bool is_on)
{
    (void)guest, (void)is_on;
}

static void model_bar(struct guest *guest, uint32_t hart_idx, bool is_barred)
{
    (void)guest, (void)hart_idx, (void)is_barred;
}

static const struct guest_ops model_ops = {
    .kind = "model",
    .payload_bytes = PAYLOAD_BYTES,
    .is_charged_in_full = true,
    .run = model_run,
    .now_ns = model_now_ns,
    .idle_until = model_idle_until,
    .set_share = model_set_share,
    .read_pages = model_read_pages,
    .install_pages = model_install_pages,
    .drop_page = model_drop_page,
    .read_contents = model_read_contents,
    .track = model_track,
    .fetch_dirty = model_fetch_dirty,
    .write_back = model_write_back,
    .is_quiet = model_is_quiet,
    .tell_flushes = model_tell_flushes,
    .bar = model_bar,
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
    writes_init(&model->writes, config->pattern, config->working_set_pages, config->write_rate,
                config->seed);
    versions_init(&model->versions, config->total_pages);
    bitmap_init(&model->guest.present, config->total_pages);
    bitmap_init(&model->guest.dirty, config->total_pages);
    bitmap_init(&model->guest.free, config->total_pages);
    return &model->guest;
}

struct guest *model_open(const struct model_config *config)
{
    struct guest *guest = model_open_empty(config);
    bitmap_set_all(&guest->present);
    return guest;
}
