/* ends: the two ends of a move as a scenario's options want them, wherever they are: in a simulated
 * world or in two processes.
 */
#ifndef SCENARIO_ENDS_H
#define SCENARIO_ENDS_H

#include "migrate/source.h"
#include "scenario/scenario.h"

/* What the source is configured with, but for the sizes of its chunks: ends_set_chunks. */
struct source_config ends_source_config(const struct scenario *scenario);

/* The link carries so much from now on: how many bytes the source hands out at once follows. While
 * the guest runs at the source, the move may use no more of the link than its limit. */
void ends_set_chunks(struct source_config *config, uint64_t bits_per_s);

#endif
