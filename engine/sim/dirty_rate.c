#include "sim/dirty_rate.h"

#include <stdlib.h>

#include "base/digest.h"
#include "base/prng.h"
#include "base/units.h"
#include "sim/world_private.h"
#include "wire/message.h"

#define TICKS         (1u << (DIRTY_RATE_LEVELS - 1))
#define SHORTEST_NS   (64 * NS_PER_MS) /* of the longest interval: 62 us of the shortest */
#define NEVER_NS      (7200 * NS_PER_S) /* of a move: later than any that can be asked for */
#define PRNG_PURPOSE  0x73616d706c65ull
#define NEVER_DIRTIED UINT16_MAX

struct measuring {
    struct world *world;
    struct guest *guest;
    struct dirty_rate *rate;
    uint16_t *last_tick;         /* owned: of each page, when it was found dirty last */
    uint64_t *samples, *digests; /* owned: pages, and what they were at the beginning */
    struct bitmap dirty;
};

/* Lives until then, unless the guest ends before: then nothing happens any more. */
static void live_until(struct measuring *measuring, uint64_t until_ns)
{
    struct event_list events = {0};

    if (measuring->rate->has_ended)
        return;
    bool is_alive = world_advance(measuring->world, until_ns, &events);
    event_list_fini(&events);
    measuring->rate->has_ended = !is_alive || measuring->world->has_guest_ended;
    if (measuring->rate->has_ended)
        measuring->rate->ended_ns = measuring->guest->ops->now_ns(measuring->guest);
}

/* ---- Sampled ---- */

static uint64_t page_digest(const struct guest *guest, uint64_t page_idx)
{
    uint8_t page[PAGE_BYTES];
    guest->ops->read_contents(guest, page_idx, page);
    return digest_of(page, sizeof page);
}

/* One page of each of as many equal parts of memory. */
static void take_samples(struct measuring *measuring)
{
    const struct guest *guest = measuring->guest;
    struct prng prng = prng_make(measuring->world->scenario.seed, PRNG_PURPOSE);
    uint64_t total = guest->total_pages;
    uint64_t count = total < DIRTY_RATE_SAMPLES ? total : DIRTY_RATE_SAMPLES;

    measuring->rate->sampled_pages = count;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t first = units_mul_div(i, total, count), end = units_mul_div(i + 1, total, count);
        measuring->samples[i] = first + prng_below(&prng, end - first);
        measuring->digests[i] = page_digest(guest, measuring->samples[i]);
    }
}

static uint64_t count_changed(const struct measuring *measuring)
{
    uint64_t count = 0;
    for (uint64_t i = 0; i < measuring->rate->sampled_pages; i++)
        count += page_digest(measuring->guest, measuring->samples[i]) != measuring->digests[i];
    return count;
}

/* ---- By the log ---- */

/* A page that is dirty in this tick, and was last in another, is new in the windows of all lengths
 * for which the two ticks do not share a window. */
static void count_dirty(struct measuring *measuring, uint16_t tick)
{
    struct dirty_rate_level *levels = measuring->rate->levels;
    uint64_t idx = 0;

    while ((idx = bitmap_next(&measuring->dirty, idx)) != BITMAP_NONE) {
        uint16_t last = measuring->last_tick[idx];
        for (uint32_t i = 0; i < DIRTY_RATE_LEVELS; i++)
            levels[i].dirtied_pages += last == NEVER_DIRTIED || last >> i != tick >> i;
        measuring->last_tick[idx++] = tick;
    }
}

static void look(struct measuring *measuring)
{
    struct dirty_rate *rate = measuring->rate;
    struct guest *guest = measuring->guest;
    uint64_t tick_ns = rate->levels[0].interval_ns;

    guest->ops->fetch_dirty(guest, 0, guest->total_pages, NULL);
    take_samples(measuring);
    for (uint32_t tick = 0; tick < TICKS; tick++) {
        live_until(measuring, rate->from_ns + (tick + 1) * tick_ns);
        bitmap_clear_all(&measuring->dirty);
        guest->ops->fetch_dirty(guest, 0, guest->total_pages, &measuring->dirty);
        count_dirty(measuring, (uint16_t)tick);
        for (uint32_t i = 0; i < DIRTY_RATE_LEVELS; i++)
            if (tick + 1 == 1u << i)
                rate->levels[i].changed_pages = count_changed(measuring);
    }
}

/* As long as round 0 would take: no round is longer. */
static uint64_t longest_ns(const struct scenario *scenario)
{
    uint64_t bits_per_s = scenario->bandwidth_bits_per_s;

    if (scenario->bandwidth_limit_bits_per_s < bits_per_s)
        bits_per_s = scenario->bandwidth_limit_bits_per_s;
    uint64_t ns = units_mul_div(scenario->memory_bytes / PAGE_BYTES,
                                MESSAGE_PAGE_WIRE_BYTES * 8 * NS_PER_S, bits_per_s);
    return ns < SHORTEST_NS ? SHORTEST_NS : ns > DIRTY_RATE_LONGEST_NS ? DIRTY_RATE_LONGEST_NS : ns;
}

static void lay_out(struct dirty_rate *rate, const struct scenario *scenario)
{
    uint64_t tick_ns = longest_ns(scenario) / TICKS;

    *rate = (struct dirty_rate){.from_ns = scenario->start_at_ns};
    for (uint32_t i = 0; i < DIRTY_RATE_LEVELS; i++) {
        rate->levels[i].interval_ns = tick_ns << i;
        rate->levels[i].windows = TICKS >> i;
    }
}

/* What a guest that has ended does not write any more is no part of its rate: a window counts as
 * far as it was lived, and nothing is known of more time than there was. */
static void draw_curve(struct dirty_rate *rate)
{
    double lived_s = (double)(TICKS * rate->levels[0].interval_ns) / 1e9;
    struct dirty_curve *curve = &rate->curve;

    if (rate->has_ended)
        lived_s =
            rate->ended_ns > rate->from_ns ? (double)(rate->ended_ns - rate->from_ns) / 1e9 : 0;
    for (uint32_t i = 0; i < DIRTY_RATE_LEVELS; i++) {
        double interval_s = (double)rate->levels[i].interval_ns / 1e9;
        bool is_last = interval_s >= lived_s;
        curve->interval_s[i] = is_last && lived_s > 0 ? lived_s : interval_s;
        curve->pages[i] =
            (double)rate->levels[i].dirtied_pages / (is_last ? 1 : (double)lived_s / interval_s);
        curve->count++;
        if (is_last)
            return;
    }
}

enum status dirty_rate_measure(const struct scenario *scenario, const uint8_t *image,
                               size_t image_bytes, struct dirty_rate *rate, struct problem *problem)
{
    struct measuring measuring = {.rate = rate};
    struct scenario unmoved;

    lay_out(rate, scenario);
    scenario_copy(&unmoved, scenario);
    unmoved.start_at_ns = NEVER_NS;
    unmoved.fault[0] = '\0'; /* what befalls the link is no matter of the guest's */
    enum status status = world_open(&unmoved, image, image_bytes, &measuring.world, problem);
    scenario_fini(&unmoved);
    if (status != STATUS_OK)
        return status;
    measuring.guest = measuring.world->hosts[HOST_SOURCE].guest;
    uint64_t total = measuring.guest->total_pages;
    measuring.last_tick = malloc(total * sizeof *measuring.last_tick);
    measuring.samples = malloc(2 * DIRTY_RATE_SAMPLES * sizeof *measuring.samples);
    MUST(measuring.last_tick != NULL && measuring.samples != NULL);
    measuring.digests = measuring.samples + DIRTY_RATE_SAMPLES;
    for (uint64_t i = 0; i < total; i++)
        measuring.last_tick[i] = NEVER_DIRTIED;
    bitmap_init(&measuring.dirty, total);
    live_until(&measuring, rate->from_ns);
    rate->state_bytes = world_state_bytes(measuring.world);
    rate->free_pages = scenario->free_hints ? measuring.guest->free.set_count : 0;
    look(&measuring);
    draw_curve(rate);
    bitmap_fini(&measuring.dirty);
    free(measuring.last_tick);
    free(measuring.samples);
    world_close(measuring.world);
    return STATUS_OK;
}

double dirty_rate_pages(const struct dirty_rate *rate, uint32_t level)
{
    return (double)rate->levels[level].dirtied_pages / (double)rate->levels[level].windows;
}

double dirty_rate_by_log(const struct dirty_rate *rate, uint32_t level)
{
    return dirty_rate_pages(rate, level) * 1e9 / (double)rate->levels[level].interval_ns;
}

double dirty_rate_by_sample(const struct dirty_rate *rate, uint32_t level, uint64_t total_pages)
{
    return (double)rate->levels[level].changed_pages / (double)rate->sampled_pages *
           (double)total_pages * 1e9 / (double)rate->levels[level].interval_ns;
}
