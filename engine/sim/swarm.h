/* swarm: many small worlds. Each seed draws a guest, a way to move it and all that may happen to it
 * meanwhile; the world is lived to its end, and the oracle says whether every rule held. What
 * nobody would think of trying is tried here.
 *
 *   swarm_draw      a seed becomes a scenario: the same one everywhere, for ever
 *   swarm_judge     lives it, and says what it came to in a few numbers
 *   swarm_explain   a seed that broke a rule: which, at which event, and what was seen
 *
 * What is drawn is data (swarm_draw.c): a table with a row for each option of the scenario. A value
 * that the whole does not allow (another mode's limit, a guest without harts) is left out, so that
 * each drawn scenario is one that `ferry run` takes.
 */
#ifndef SIM_SWARM_H
#define SIM_SWARM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/event.h"
#include "base/status.h"
#include "sim/oracle.h"
#include "scenario/scenario.h"

/* ---- What can be drawn ---- */

/* An option and its values; each is as likely, and may stand there more than once. */
struct swarm_row {
    const char *key;
    uint32_t percent;   /* of the seeds try to set it at all */
    const char *values; /* words between blanks */
};
#define SWARM_ROWS_MAX  64
#define SWARM_NOT_DRAWN 255 /* the option has its default */

uint32_t swarm_row_count(void);
const struct swarm_row *swarm_row(uint32_t idx);
/* The row's value of that number; false behind the last one. */
bool swarm_row_value(uint32_t row_idx, uint32_t value_idx, char *text, size_t text_bytes);

/* The guests, so that whoever reads files can bring their images; some stand there more than once.
 */
uint32_t swarm_guest_count(void);
const char *swarm_guest_name(uint32_t idx);

struct swarm_image {
    const uint8_t *data; /* borrowed; NULL: a model, or a guest that is not here: never drawn */
    size_t bytes;
};

/* ---- One seed ---- */

/* scenario_fini is the caller's. `drawn` NULL: not asked for; else which value each row drew. */
void swarm_draw(uint64_t seed, const struct swarm_image *images, struct scenario *scenario,
                uint32_t *guest_idx, uint8_t drawn[SWARM_ROWS_MAX]);

/* What a world came to. Plain bytes: it travels between processes. */
struct swarm_result {
    uint64_t seed;
    uint64_t event_count;
    uint32_t guest_idx;
    uint8_t outcome;             /* enum outcome */
    uint8_t broken;              /* the first rule that broke; RULE_COUNT: none */
    uint8_t applied[RULE_COUNT]; /* 1: the rule was looked at */
    uint8_t drawn[SWARM_ROWS_MAX];
};
void swarm_judge(uint64_t seed, const struct swarm_image *images, struct swarm_result *result);

/* A broken rule, and where: event_idx counts from 1, as the rows of `ferry export --csv` do. */
struct swarm_violation {
    enum oracle_rule rule;
    uint64_t event_idx;
    enum event_kind event_kind;
    uint64_t at_ns;
    char what[256];
};
/* Lives the seed once more, event by event. False: no rule is broken (not in this program). */
bool swarm_explain(uint64_t seed, const struct swarm_image *images,
                   struct swarm_violation *violation);

#endif
