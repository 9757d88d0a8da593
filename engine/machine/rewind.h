/* rewind: a machine goes backwards, by running again from a point that it has passed.
 *
 * A guest without outside input is in one state only at each tick, so the state before the last
 * instruction is reached by running again, from the nearest point that was kept, up to one tick
 * less. A point holds what save() gives, and the pages that changed since the point before it:
 *
 *     tick    0           1M          2M          3M    now
 *     points  [opening]   [pages 3,9] [page 9]    [9]    |      to 2.5M: pages as of
 *                                     <-----------------'       2M (9 from it, 3 from
 *                                                               1M), then run
 *
 * Points are a distance of `spacing` ticks apart; when they are too many, or take too much memory,
 * every second one goes, and where that was by living on the distance doubles. Which pages changed
 * is read from the dirty log, so the guest is not one that migrates.
 *
 *     rewind_init     at the instant before which there is nothing
 *     rewind_pass     forwards, at rewind_due_tick at the latest
 *     rewind_changed  registers or memory were changed by hand: a new past begins here, and what
 *                     was lived behind it is forgotten. So it is when the guest, once more
 *                     before it, runs on to here: this time nobody changes anything
 *     rewind_begin    backwards, then rewind_search until it is done: the debug is held there
 */
#ifndef MACHINE_REWIND_H
#define MACHINE_REWIND_H

#include "machine/debug.h"

#define REWIND_SPACING     1000000u     /* run again in some milliseconds */
#define REWIND_SPACING_MAX (1ull << 40) /* a sum of it and a tick is still a tick */
#define REWIND_POINTS_MAX  256u
#define REWIND_PAGES_MAX   65536u /* 256 MiB of pages, beside those of the opening */
/* A second step backwards is likely: so far before the first a point is kept. */
#define REWIND_NEAR 20000u

struct rewind_point {
    uint64_t tick;
    bool is_changed; /* by hand: what runs up to here comes to another state */
    struct bytes state;
    uint64_t *page_idx; /* owned, ascending: changed since the point before */
    uint8_t *payloads;  /* owned, of each its contents */
    uint64_t page_count;
};

struct rewind {
    struct guest *guest; /* borrowed */
    struct rewind_point points[REWIND_POINTS_MAX];
    uint32_t point_count;
    uint32_t at_idx; /* the newest point that is not behind the guest: the dirty log says what has
                        changed since */
    uint64_t spacing;

    struct { /* backwards: the interval that is run again to find the last stop in it */
        struct debug debug;
        uint32_t point_idx, step_hart_idx;
        uint64_t now_tick, begin_tick, end_tick;
        bool has_found;
        uint64_t found_tick;
        struct debug_stop found;
    } search;
};

void rewind_init(struct rewind *rewind, struct guest *guest);
void rewind_fini(struct rewind *rewind);

uint64_t rewind_due_tick(const struct rewind *rewind);
void rewind_pass(struct rewind *rewind);
void rewind_changed(struct rewind *rewind);

/* To the last place before now where `debug` would hold the guest when it runs forwards: before an
 * instruction at a breakpoint, before an access to what is watched; with a hart to step, before its
 * last instruction. Without such a place: to where everything began (DEBUG_BEGIN). */
void rewind_begin(struct rewind *rewind, const struct debug *debug, uint32_t step_hart_idx);
/* A piece of the search. True: it is done, and `debug` is held at the place. */
bool rewind_search(struct rewind *rewind, struct debug *debug);
/* No more of it: back to where it began. */
void rewind_give_up(struct rewind *rewind, struct debug *debug);

#endif
