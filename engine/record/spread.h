/* spread: many durations, and the exact one at any rank: the percentiles of a report, cheap enough
 * to ask for with every frame that a view draws.
 *
 * Every value is kept, in the order of arrival. Beside them stands a histogram whose buckets are
 * 1/128 of a power of two wide, so that a rank is narrowed to one bucket without looking at a
 * value; the values of that bucket are then counted out, nothing is sorted or copied.
 */
#ifndef RECORD_SPREAD_H
#define RECORD_SPREAD_H

#include <stdint.h>

struct spread {
    uint64_t *values;  /* owned */
    uint64_t *buckets; /* owned: how many values are in each */
    uint64_t count, capacity;
    uint64_t max;
};

void spread_init(struct spread *spread);
void spread_fini(struct spread *spread);
void spread_copy(struct spread *to, const struct spread *from); /* `to` is initialised */
uint64_t spread_bytes(const struct spread *spread);             /* of a copy */
void spread_add(struct spread *spread, uint64_t value);

/* The percentile by nearest rank: the smallest value that at least `percent` of all values do not
 * exceed. 0 when there is none. percent is 1 to 100. */
uint64_t spread_percentile(const struct spread *spread, uint64_t percent);

#endif
