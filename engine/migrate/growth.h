/* growth: how many pages a guest dirties within how long, as it was seen last. A round tells one
 * point of that curve at its end, and smaller ones on its way: the dirty log is read, not fetched,
 * whenever the time since it was fetched has doubled. So after the first round, which is the
 * longest, it is known what the shorter ones that follow will leave, bent as the curve may be: what
 * is written all the time is dirty soon, the rest takes long (C6).
 *
 *     pages |              o          a point for each power of two of time, the newest that fell
 *           |       o                 there; straight lines between them
 *           |   o
 *           | o
 *           +--------------- time
 *
 * Integers alone: it feeds events.
 */
#ifndef MIGRATE_GROWTH_H
#define MIGRATE_GROWTH_H

#include <stdint.h>

#define GROWTH_STEPS    32
#define GROWTH_FIRST_NS (1ull << 15) /* 33 us, doubled up to 19 hours */

struct growth {
    struct {
        uint64_t ns, pages; /* ns 0: nothing was seen there */
    } points[GROWTH_STEPS];
};

/* So many pages were dirtied in the first `ns` since the log was fetched. */
void growth_note(struct growth *growth, uint64_t ns, uint64_t pages);
/* How many will be, in so long; 0 where nothing was seen at all. */
uint64_t growth_pages(const struct growth *growth, uint64_t ns);

#endif
