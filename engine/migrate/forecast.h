/* forecast: what theory says of a move before it is made. The curriculum's formulas, in floating
 * point: they are computed when they are drawn or reported and never decide anything.
 *
 * Source of the formulas: rows C3 (stop-and-copy), C4 (rounds), C5 (continuous scan), C7 (the race
 * that cannot be won), C8 and C9 (post-copy and its faults), C10 (hybrid) of the curriculum. How
 * many pages are dirtied in how much time is dirty_law.h's. The stop rules are the strategies' own,
 * on expectations instead of counts.
 *
 * Of compression nothing is forecast: how far pages shrink shows when they do. So all of it is as
 * with --compress none.
 */
#ifndef MIGRATE_FORECAST_H
#define MIGRATE_FORECAST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/event.h"
#include "migrate/dirty_law.h"
#include "migrate/strategy.h"

#define FORECAST_ROUNDS_MAX 128

struct forecast_input {
    uint64_t page_wire_bytes; /* what one page costs on the link */
    uint64_t bandwidth_bits_per_s;
    uint64_t copy_bits_per_s; /* while the guest runs at the source; 0: all of it */
    uint64_t latency_ns;      /* one way */
    uint64_t state_bytes;     /* S, with its framing */
    uint64_t hart_count;
    uint64_t free_pages; /* that the guest has given away: they are not sent */
    struct dirty_law writes;
    struct limits limits;
};

/* How a move by rounds or by continuous scan ends. */
enum forecast_end {
    FORECAST_CONVERGES, /* the downtime is within its limit */
    FORECAST_ROUNDS,    /* the rounds are used up before that, */
    FORECAST_TIME,      /* the time is, */
    FORECAST_PROGRESS,  /* or continuous scan sees that it gets nowhere */
};

struct forecast {
    double page_rate; /* mu, while the guest runs at the source */
    double total_s;   /* from the start, a round trip before the first page, to the last page */
    double downtime_s;
    uint32_t round_count; /* the paused one included; post-copy not */
    bool has_paused;      /* the last of them is the paused one */
    double round_pages[FORECAST_ROUNDS_MAX];
    double round_s[FORECAST_ROUNDS_MAX];
    bool is_converging; /* end is FORECAST_CONVERGES; always so for modes without rounds */
    enum forecast_end end;
    double plateau_pages; /* C7: where the rounds would settle; pages */
    double left_pages;    /* to be sent after the switch: each of them can fault */
    double fault_wait_s;  /* C8: at least so long waits who faults; 0: nobody can */
    double fault_rate;    /* C9: no more faults are answered in a second */
};

void forecast_make(enum mode mode, const struct forecast_input *input, struct forecast *forecast);

#endif
