/* random_run: a random program on the machine, as the world would run it: in slices, with the dirty
 * log going on and off, with pages that are taken away and come back when they are missed. None of
 * that may be seen in what the program leaves. Only tests include this.
 */
#ifndef MACHINE_RANDOM_RUN_H
#define MACHINE_RANDOM_RUN_H

#include <stdio.h>
#include <stdlib.h>

#include "base/prng.h"
#include "machine/machine.h"

/* Of ticks: a broken machine may jump around for ever, so that a whole run is no slice. */
#define AT_ONCE 1000000

struct disturbance {
    uint64_t slice_max; /* ticks at a time, at random up to this */
    bool has_tracking;  /* the dirty log goes on, off, is fetched */
    bool has_missing;   /* pages of the image go, and come when they are asked for */
};

/* What is run, and how. */
struct random_run {
    struct machine_config config; /* a tick is a nanosecond: cpu_rate * hart_count = 10^9 */
    uint64_t image_pages;
    uint64_t ticks_max; /* it does not end */
    struct disturbance how;
    uint64_t seed;
};

/* What came of it. `trouble` says why it did not come to its end, or is "". */
struct random_end {
    char trouble[200];
    uint64_t instructions, digest;
};

static inline void disturb(struct guest *guest, const struct random_run *one, struct prng *prng,
                           uint8_t *away)
{
    if (one->how.has_tracking && prng_below(prng, 4) == 0)
        guest->ops->track(guest, prng_below(prng, 2) == 0);
    if (one->how.has_tracking && guest->is_tracking && prng_below(prng, 2) == 0)
        guest->ops->fetch_dirty(guest, 0, guest->total_pages, NULL);
    uint64_t page_idx = prng_below(prng, one->image_pages);
    if (one->how.has_missing && bitmap_has(&guest->present, page_idx)) {
        guest->ops->read_pages(guest, page_idx, 1, away + page_idx * PAGE_BYTES);
        guest->ops->drop_page(guest, page_idx);
    }
}

static inline void run_to_end(struct guest *guest, const struct random_run *one, uint8_t *away,
                              struct random_end *end)
{
    struct prng prng = prng_make(one->seed, 1);
    struct guest_run run = {.stop = GUEST_TIME_REACHED};
    while (run.stop != GUEST_ENDED && run.stop != GUEST_IDLE &&
           guest->ops->now_ns(guest) < one->ticks_max) {
        uint64_t slice = 1 + prng_below(&prng, one->how.slice_max);
        guest->ops->run(guest, guest->ops->now_ns(guest) + slice, &run);
        if (run.stop == GUEST_MISSING)
            guest->ops->install_pages(guest, run.page_idx, 1, away + run.page_idx * PAGE_BYTES);
        else if (run.stop != GUEST_ENDED)
            disturb(guest, one, &prng, away);
    }
    machine_describe_fault(guest, end->trouble, sizeof end->trouble);
    if (run.stop == GUEST_ENDED && !run.is_fault && run.status != 0)
        snprintf(end->trouble, sizeof end->trouble, "ends with %d", (int)run.status);
    if (run.stop != GUEST_ENDED)
        snprintf(end->trouble, sizeof end->trouble, "%s",
                 run.stop == GUEST_IDLE ? "waits for ever" : "does not end");
}

/* Runs the image to its end; `pages` are `count` pages from `first_idx` as it leaves them. */
static inline struct random_end run_disturbed(const struct random_run *one,
                                              const struct bytes *image, uint64_t first_idx,
                                              uint64_t count, uint8_t *pages)
{
    struct guest *guest;
    struct problem problem = {0};
    struct random_end end = {.trouble = ""};
    enum status status =
        machine_open(&one->config, "random", image->data, image->count, &guest, &problem);
    MUST(status == STATUS_OK);
    uint8_t *away = malloc(one->image_pages * PAGE_BYTES);
    MUST(away != NULL);
    run_to_end(guest, one, away, &end);
    for (uint64_t i = 0; i < one->image_pages; i++)
        if (!bitmap_has(&guest->present, i))
            guest->ops->install_pages(guest, i, 1, away + i * PAGE_BYTES);
    guest->ops->read_pages(guest, first_idx, count, pages);
    end.instructions = guest->ops->instructions(guest);
    end.digest = guest->ops->digest(guest);
    free(away);
    guest->ops->close(guest);
    return end;
}

/* A batch differs, of which no program does alone and in one go: what disturbed it is at fault. */
static inline void fail_disturbed(const struct disturbance *how, uint64_t first_seed,
                                  uint64_t last_seed, const char *trouble)
{
    fail_msg("seeds %llu to %llu, slices up to %llu, tracking %d, missing %d: %s; undisturbed they "
             "agree",
             (unsigned long long)first_seed, (unsigned long long)last_seed,
             (unsigned long long)how->slice_max, how->has_tracking, how->has_missing, trouble);
}

#endif
