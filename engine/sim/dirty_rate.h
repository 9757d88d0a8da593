/* dirty_rate: how fast a guest dirties its memory where it lives, unmoved, with the clients of its
 * scenario: measured in virtual time before a move is made, so the same everywhere. Two ways, as
 * QEMU's calc-dirty-rate has them:
 *
 *   by the dirty log   every page that was written is counted ("dirty-bitmap" there)
 *   sampled            some pages are looked at before and after, and their digests compared
 *                      ("page-sampling" there): cheap, and blind to who writes what was there
 *
 * Pages are not dirtied twice: how many it are depends on how long one looks. So all interval
 * lengths from a thousandth of the longest to the longest are looked at at once, each as often as
 * it fits; together they are the curve that forecasts need (migrate/dirty_law.h):
 *
 *      start-at                                                       as long as round 0 would take
 *      | . . . . . . . . . . . . . . . . . . . . . . . . . . . . . . .|    1024 of the shortest
 *      | .   .   .   .   .   .   .   .   .   .   .   .   .   .   .   .|     512
 *      | ...                                                          |       1 of the longest
 */
#ifndef SIM_DIRTY_RATE_H
#define SIM_DIRTY_RATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "migrate/dirty_law.h"
#include "scenario/scenario.h"

#define DIRTY_RATE_LEVELS 11 /* 2^10 of the shortest make the longest */
/* Nobody wants to wait for a measurement of minutes; a forecast that looks further goes on along
 * the curve's end. */
#define DIRTY_RATE_LONGEST_NS (10 * 1000000000ull)
#define DIRTY_RATE_SAMPLES    1024 /* pages; a GiB has 512 in QEMU, and here the guests are small */

struct dirty_rate {
    uint64_t from_ns;     /* when it began: where the move would begin, */
    uint64_t state_bytes; /* and the state that it had there, on the link */
    uint64_t free_pages;  /* that the guest had given away there, and that are not sent */
    bool has_ended;       /* the guest, before or meanwhile, */
    uint64_t ended_ns;    /* at that instant of its life */
    uint64_t sampled_pages;
    struct dirty_rate_level {
        uint64_t interval_ns;
        uint64_t windows;        /* of that length */
        uint64_t dirtied_pages;  /* in all of them together, by the log */
        uint64_t changed_pages;  /* of those sampled, in the first one */
    } levels[DIRTY_RATE_LEVELS]; /* the shortest first */
    struct dirty_curve curve;    /* by the log: the mean of each length's windows */
};

/* The scenario has been checked; it is not moved. */
MUST_USE enum status dirty_rate_measure(const struct scenario *scenario, const uint8_t *image,
                                        size_t image_bytes, struct dirty_rate *rate,
                                        struct problem *problem);

/* Of a level: pages in a window, the mean by the log; and pages a second, where the sampled one is
 * of the whole memory, by its part of the sample. */
double dirty_rate_pages(const struct dirty_rate *rate, uint32_t level);
double dirty_rate_by_log(const struct dirty_rate *rate, uint32_t level);
double dirty_rate_by_sample(const struct dirty_rate *rate, uint32_t level, uint64_t total_pages);

#endif
