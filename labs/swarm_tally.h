/* swarm_tally: what a swarm came to so far: how many of what, in numbers that can be kept in a file
 * and taken up again.
 */
#ifndef LABS_SWARM_TALLY_H
#define LABS_SWARM_TALLY_H

#include <jansson.h>
#include <stdio.h>

#include "sim/swarm.h"

#define SWARM_GUESTS_MAX 64
#define SWARM_VALUES_MAX 64

struct swarm_tally {
    uint64_t first, last; /* the seeds asked for */
    uint64_t next;        /* all below are done, and no rule was broken */
    uint64_t events;
    uint64_t outcomes[OUTCOME_COUNT];
    uint64_t applied[RULE_COUNT];
    uint64_t guests[SWARM_GUESTS_MAX];
    uint64_t drawn[SWARM_ROWS_MAX][SWARM_VALUES_MAX];
};

void swarm_tally_init(struct swarm_tally *tally, uint64_t first, uint64_t last);
void swarm_tally_add(struct swarm_tally *tally, const struct swarm_result *result);

/* The state in a file: of these tables and no others. A file that is not there is no error:
 * *is_there says so. */
MUST_USE enum status swarm_tally_load(struct swarm_tally *tally, const char *path, bool *is_there,
                                      struct problem *problem);
MUST_USE enum status swarm_tally_save(const struct swarm_tally *tally, const char *path,
                                      struct problem *problem);

void swarm_tally_print(const struct swarm_tally *tally, FILE *file);
json_t *swarm_tally_json(const struct swarm_tally *tally);

#endif
