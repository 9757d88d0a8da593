/* remedy: what would help a move that will not bring its downtime within the limit (C7), and what
 * it would then come to: each is an option that could be added to the line, and the forecast with
 * it. Theory, as the forecast is.
 */
#ifndef LABS_REMEDY_H
#define LABS_REMEDY_H

#include "sim/run.h"

#define REMEDY_MAX 8

struct remedy {
    char option[64];  /* "--dirty-limit 3kpages/s" */
    char remark[160]; /* what it costs beside; "": nothing to say */
    struct forecast forecast;
    bool is_open; /* what it comes to cannot be said beforehand: the forecast is not its own */
};

/* What the forecasts of a scenario are made of. */
struct remedy_case {
    const struct scenario *scenario;
    const struct dirty_rate *measured; /* NULL: its guest has a formula */
    uint64_t state_bytes;
};

/* For pre-copy or continuous scan, that does not converge. Fills `remedies`, the least first, and
 * returns how many they are. `*shrink_permille`: to how much of their size compression would have
 * to bring pages for the same; 0: no size would do. */
uint32_t remedies_find(const struct remedy_case *of, enum mode mode,
                       struct remedy remedies[REMEDY_MAX], uint64_t *shrink_permille);

#endif
