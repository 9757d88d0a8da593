/* pace: how fast the guest got on before, during and after its move, and what slowed it: harts
 * that stand in line for pages, shares of the time. One part of the timeline, folded with it.
 *
 *      start of the run   move starts   paused     resumed        last page     end of the run
 *            |   before       |  copying   |  paused   |  switched   |    after      |
 *
 * A model retires no instructions, and has no rate.
 */
#ifndef RECORD_PACE_H
#define RECORD_PACE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/event.h"

#define PACE_HARTS_MAX 8

struct pace {
    /* Of each stretch that has ended: what was retired in it, and how long it took. */
    uint64_t instructions[STRETCH_COUNT], duration_ns[STRETCH_COUNT];
    uint64_t since_ns, instructions_then; /* of the one that goes on */

    /* Harts that wait for pages. */
    uint64_t waiting_harts, waiting_harts_max;
    uint64_t waiting_ns;     /* of all of them together, so far */
    uint64_t network_faults; /* that a page was sent for; the others found it on its way */
    uint64_t counted_ns;     /* until when waiting_ns has been counted */

    /* The controller that slows the guest. */
    uint64_t set_point_ns; /* what a fault should wait at most; 0: nobody said */
    uint32_t share_permille[PACE_HARTS_MAX]; /* now */
    uint32_t share_least_permille;               /* the least that any hart had */

    uint64_t log_drains; /* exits of a hardware log */
};

void pace_init(struct pace *pace);
void pace_fold(struct pace *pace, const struct event *event);

/* How much of its time the guest may run now: of its harts, the one that has least. */
static inline uint32_t pace_share(const struct pace *pace)
{
    uint32_t least = pace->share_permille[0];
    for (unsigned i = 1; i < PACE_HARTS_MAX; i++)
        if (pace->share_permille[i] < least)
            least = pace->share_permille[i];
    return least;
}

/* Instructions per second in that stretch; 0: not known, or none. */
uint64_t pace_rate(const struct pace *pace, enum stretch stretch);
/* How many harts waited on average while pages were missing at the target, in thousandths. */
uint64_t pace_queue_permille(const struct pace *pace);

#endif
