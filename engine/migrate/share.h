/* share: a guest that may run only part of the time. In each period of world time it runs first,
 * for as many thousandths of the period as its share says, and stands still for the rest; its own
 * clock stands still with it, so that it cannot notice.
 *
 * The slice in which it runs is measured on the guest's own clock: what stops the guest in between
 * (a trap, a page that is missing, whoever looks) takes nothing from the slice and moves no instant
 * of the guest's, and a run that is cut into pieces is the run in one piece.
 */
#ifndef MIGRATE_SHARE_H
#define MIGRATE_SHARE_H

#include <stdbool.h>
#include <stdint.h>

#include "machine/guest.h"

/* Short against a page's way over a slow link, so that a slowed guest is no guest that comes in
 * bursts; a thousandth of it is a whole number of nanoseconds. */
#define SHARE_PERIOD_NS 100000ull

struct share {
    uint32_t permille;     /* 1 to GUEST_SHARE_WHOLE */
    uint64_t slice_end_ns; /* guest time; UINT64_MAX while the share is whole */
};

#define SHARE_WHOLE ((struct share){GUEST_SHARE_WHOLE, UINT64_MAX})

/* A new share counts from this instant of the guest's. */
static inline void share_set(struct share *share, uint64_t guest_ns, uint32_t permille)
{
    if (permille == share->permille)
        return;
    share->permille = permille;
    share->slice_end_ns = permille == GUEST_SHARE_WHOLE
                              ? UINT64_MAX
                              : guest_ns + SHARE_PERIOD_NS / GUEST_SHARE_WHOLE * permille;
}

/* The guest's clock has reached the end of its slice: how long it stands still now. The next slice
 * begins. */
static inline uint64_t share_pass(struct share *share)
{
    uint64_t runs_ns = SHARE_PERIOD_NS / GUEST_SHARE_WHOLE * share->permille;
    share->slice_end_ns += runs_ns;
    return SHARE_PERIOD_NS - runs_ns;
}

#endif
