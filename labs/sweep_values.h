/* sweep_values: which values of what a sweep goes through, as written behind --vary:
 *
 *     harts=1,2,4,8                 these
 *     latency=100us..1ms+100us      from one to the other by steps,
 *     bandwidth=100Mbit/s..10Gbit/s*2   by a factor,
 *     load=0.05..0.99               or in SWEEP_POINTS_DEFAULT points as far from each other
 *
 * The key is an option of the scenario's, of numbers or of words, or `load`: the race's w / mu, the
 * page writes of a second as a part of the pages that the link can copy, which sets dirty-rate.
 */
#ifndef LABS_SWEEP_VALUES_H
#define LABS_SWEEP_VALUES_H

#include "scenario/scenario.h"

#define SWEEP_POINTS_MAX     1000
#define SWEEP_POINTS_DEFAULT 12

struct sweep_value {
    char text[64];   /* as it is written */
    double x;        /* where it stands on an axis: its number, or its place among words */
    uint64_t number; /* in its base unit; of load and words: not used */
};

struct sweep_values {
    char key[40];
    int option_idx; /* of the scenario; -1: load */
    bool is_word;   /* its values are words */
    bool is_factor; /* they grow by a factor: an axis of logarithms suits them */
    uint32_t count;
    struct sweep_value *values; /* owned */
};

/* STATUS_USAGE with what would be right. sweep_values_fini in every case. */
MUST_USE enum status sweep_values_parse(struct sweep_values *values, const char *text,
                                        struct problem *problem);
void sweep_values_fini(struct sweep_values *values);

/* The scenario with that value, checked. scenario_fini in every case. */
MUST_USE enum status sweep_values_apply(const struct sweep_values *values, uint32_t idx,
                                        const struct scenario *from, struct scenario *to,
                                        struct problem *problem);
/* The scenario at any place of the axis between the values; false where there is none. Not
 * checked. scenario_fini where true. */
bool sweep_values_at(const struct sweep_values *values, double x, const struct scenario *from,
                     struct scenario *to);

#endif
