/* estimate: how far a move is and how long it will still take, from its timeline alone: the
 * engine's own forecast, corrected at the end of every round, and between two of them what has
 * passed since.
 */
#ifndef RECORD_ESTIMATE_H
#define RECORD_ESTIMATE_H

#include "record/timeline.h"

/* To the last page installed, in nanoseconds; 0: it is over. False while nothing is known: before
 * the first page, or where the link has carried none. */
bool estimate_left_ns(const struct timeline *timeline, uint64_t *left_ns);

/* A progress that never runs backwards: where the estimate grows, it stands still. 1000 is the end
 * itself, and nothing before it. */
struct estimate {
    uint32_t permille; /* that was shown last */
};
uint32_t estimate_advance(struct estimate *estimate, uint64_t passed_ns, uint64_t left_ns);
uint32_t estimate_end(struct estimate *estimate);
/* The same of a timeline. */
uint32_t estimate_progress(struct estimate *estimate, const struct timeline *timeline);

#endif
