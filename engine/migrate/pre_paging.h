/* pre_paging: in which order pages are pushed once the guest runs at the target, so that few of
 * those that it touches have to be asked for (C11).
 *
 *   none        nothing is pushed before push_after_ns have passed since the hand-over
 *   sequential  from the first page to the last
 *   bubble      outwards from the pages that were asked for, in both directions (Hines and Gopalan,
 *               "Post-copy based live virtual machine migration using adaptive pre-paging and
 *               dynamic self-ballooning", VEE 2009, section 3.2)
 *
 *        pushed and present                    one bubble
 *      . . . # # # # # # . . . . . # # # F # # # # . . . . . . . .
 *            low_idx - ^ ^ - high_idx      ^ the pivot: the page that was asked for
 *
 * A fault outside of all bubbles is the pivot of a new one; beyond PRE_PAGING_BUBBLES of them the
 * oldest bursts, and what is left of it comes in its turn. The newest is pushed next, then all of
 * them by turns. A fault at or near a bubble's edge says where the guest is going: from then on that
 * side gets PRE_PAGING_SIDES_AHEAD pushes of one more. Before the first fault pages are pushed as by
 * sequential.
 *
 * The source keeps one of these, tells it what was asked for, and asks it where a strategy wants to
 * PUSH. It decides nothing about what is answered on request: that comes first anyway.
 */
#ifndef MIGRATE_PRE_PAGING_H
#define MIGRATE_PRE_PAGING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bitmap.h"

#define PRE_PAGING_BUBBLES     8 /* a guest has at most so many harts, each with a place of its own */
#define PRE_PAGING_SIDES_AHEAD 7

enum prefetch {
    PREFETCH_NONE,
    PREFETCH_SEQUENTIAL,
    PREFETCH_BUBBLE,
};

enum bubble_side { BUBBLE_BOTH, BUBBLE_UP, BUBBLE_DOWN };

/* No page of [low_idx, high_idx) is still to be pushed. */
struct bubble {
    uint64_t low_idx, high_idx;
    enum bubble_side ahead; /* where the guest is going */
    uint32_t pushes;
};

struct pre_paging {
    enum prefetch prefetch;
    struct bubble bubbles[PRE_PAGING_BUBBLES]; /* the newest first */
    uint32_t bubble_count;
    uint32_t turn;       /* which of them is pushed next */
    uint64_t cursor_idx; /* no page below is still to be pushed: of sequential */
};

/* The page was asked for. */
void pre_paging_faulted(struct pre_paging *pre_paging, uint64_t page_idx);
/* The page is to be pushed once more: it did not arrive as it was sent. */
static inline void pre_paging_again(struct pre_paging *pre_paging, uint64_t page_idx)
{
    if (page_idx < pre_paging->cursor_idx)
        pre_paging->cursor_idx = page_idx;
}
/* Chooses at most `most` pages of `to_send` to be pushed next; false when there are none, or (none)
 * never any. Who pushes them takes all of them. */
bool pre_paging_next(struct pre_paging *pre_paging, const struct bitmap *to_send, uint64_t most,
                     uint64_t *first_idx, uint64_t *count);

#endif
