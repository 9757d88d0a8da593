/* forecast: what theory says of a move before it is made. The curriculum's formulas, in floating
 * point: they are computed when they are drawn or reported and never decide anything.
 *
 * Source of the formulas: rows C3 (stop-and-copy), C4 (rounds) and C8 (post-copy) of the
 * curriculum; the rounds follow the occupancy argument: of n pages hit evenly by k random writes,
 * n (1 - e^(-k/n)) are hit at least once. Where pages are not hit evenly the law holds for each
 * group of pages that are, with its part of the writes.
 */
#ifndef MIGRATE_FORECAST_H
#define MIGRATE_FORECAST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/event.h"

#define FORECAST_ROUNDS_MAX 128

/* How many pages k writes hit at least once, of the n that are written. */
enum forecast_law {
    LAW_EVENLY,   /* n (1 - e^(-k/n)) */
    LAW_IN_ORDER, /* k, at most n: ever-new pages, round and round */
    LAW_HOT_COLD, /* a tenth of the pages gets 9 of 10 writes, the others the rest */
    LAW_ZIPF,     /* rank i gets a part proportional to i^-0.99 */
};

struct forecast_input {
    uint64_t total_pages;
    uint64_t page_wire_bytes; /* what one page costs on the link */
    uint64_t bandwidth_bits_per_s;
    uint64_t latency_ns;  /* one way */
    uint64_t state_bytes; /* S, with its framing */
    enum forecast_law law;
    uint64_t working_set_pages; /* that are written */
    uint64_t hot_pages;         /* written in every round, however short (stack, buffers) */
    double write_rate;          /* w, pages per second; 0: none */
    uint64_t downtime_limit_ns;
    uint64_t max_rounds;
    uint64_t switch_after; /* hybrid */
};

struct forecast {
    double page_rate; /* mu */
    double total_s;   /* from the start, a round trip before the first page, to the last page */
    double downtime_s;
    uint32_t round_count; /* the paused one included; post-copy not */
    double round_pages[FORECAST_ROUNDS_MAX];
    double round_s[FORECAST_ROUNDS_MAX];
    bool is_converging; /* pre-copy: met the downtime limit in max_rounds */
};

void forecast_make(enum mode mode, const struct forecast_input *input, struct forecast *forecast);

#endif
