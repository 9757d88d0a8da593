/* throttle: slowing the guest at the source until it dirties no faster than the link carries (C7).
 * Two controllers, and the smaller share of both is a hart's:
 *
 *   auto-converge   for all harts, step by step: when a round left more than half of what there
 *                   was to send at its beginning, twice in a row, they lose a fifth of their time,
 *                   then a tenth more each time, and keep a hundredth. (QEMU's auto-converge has
 *                   the same numbers: cpu-throttle-initial 20, cpu-throttle-increment 10,
 *                   max-cpu-throttle 99, throttle-trigger-threshold 50. Half, because rounds that
 *                   halve are few; twice, because one burst of writes is not yet a trend.)
 *   dirty limit     for each hart by itself: what it dirtied in a period, against what it may. Its
 *                   share is multiplied by the ratio, so that the next period meets the limit; it
 *                   is given back by at most a quarter a period, for a hart that pauses for a while
 *                   is not a slow one. (QEMU: vcpu-dirty-limit.)
 *
 * Shares are thousandths of the time. Integers only: they decide.
 */
#ifndef MIGRATE_THROTTLE_H
#define MIGRATE_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>

#include "machine/hypercall.h"
#include "migrate/strategy.h"

struct throttle_config {
    bool is_auto_converging;
    uint64_t dirty_limit_pages_per_s; /* of each hart; 0: none */
};

struct throttle_hart {
    uint64_t dirtied_pages; /* in this period */
    uint32_t permille;      /* by the dirty limit */
};

struct throttle {
    struct throttle_config config;
    bool is_on;                /* pages travel while the guest runs */
    uint32_t permille;         /* by auto-converge */
    uint32_t full_rounds;      /* in a row that left more than half of what there was */
    uint64_t period_begins_ns; /* of the dirty limit */
    bool is_period_full;       /* a hart has dirtied twice what a period allows */
    struct throttle_hart harts[HART_MAX];
};

void throttle_init(struct throttle *throttle, const struct throttle_config *config);
/* The shares are whole before the one and after the other. */
void throttle_begin(struct throttle *throttle, uint64_t now_ns);
void throttle_end(struct throttle *throttle);

/* What happens, as it happens. A round (or what would be one) ended: true when it was a step. */
void throttle_dirtied(struct throttle *throttle, uint32_t hart_idx);
bool throttle_round_ended(struct throttle *throttle, const struct round *round);
/* Time has passed. */
void throttle_tick(struct throttle *throttle, uint64_t now_ns);

/* Its answers. */
uint32_t throttle_share(const struct throttle *throttle, uint32_t hart_idx); /* thousandths */
bool throttle_has_more(const struct throttle *throttle); /* auto-converge has steps left */

#endif
