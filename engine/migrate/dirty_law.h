/* dirty_law: how many pages a guest dirties in how much time, starting with none dirty. It is what
 * every forecast is made of: a formula where the pattern of the writes is known, a measured curve
 * where not. Floating point: for reports and pictures, never for decisions.
 *
 * Source of the formulas: row C4 of the curriculum, and the occupancy argument: of n pages hit
 * evenly by k random writes, n (1 - e^(-k/n)) are hit at least once. Where pages are not hit evenly
 * the law holds for each group of pages that are, with its part of the writes.
 */
#ifndef MIGRATE_DIRTY_LAW_H
#define MIGRATE_DIRTY_LAW_H

#include <stdint.h>

/* How many pages k writes hit at least once, of the n that are written. */
enum forecast_law {
    LAW_EVENLY,   /* n (1 - e^(-k/n)) */
    LAW_IN_ORDER, /* k, at most n: ever-new pages, round and round */
    LAW_HOT_COLD, /* a tenth of the pages gets 9 of 10 writes, the others the rest */
    LAW_ZIPF,     /* rank i gets a part proportional to i^-0.99 */
    LAW_MEASURED, /* no formula: the curve below */
};

/* Points of a measured curve, shortest interval first; the pages never become fewer. */
#define DIRTY_CURVE_MAX 16
struct dirty_curve {
    uint32_t count;
    double interval_s[DIRTY_CURVE_MAX], pages[DIRTY_CURVE_MAX];
};

struct dirty_law {
    enum forecast_law law;
    double total_pages;
    double working_set_pages; /* that are written */
    double hot_pages;         /* written in every interval, however short (stack, buffers) */
    double write_rate;        /* w, pages per second; 0: none */
    double limit_rate;        /* newly dirtied pages per second at most (--dirty-limit); 0: none */
    struct dirty_curve curve; /* of LAW_MEASURED, which has none of the three above */
    double ends_s;            /* after the move's start the guest ends; 0: it does not */
};

/* Pages dirtied within that time. Between the points of a curve on a straight line of the
 * logarithms; before the first and behind the last on the line of the two that are next, and never
 * more than there are: some pages are written again however soon one looks. */
double dirty_law_pages(const struct dirty_law *law, double time_s);

/* Pages dirtied between two instants after the move's start, of which the guest lives the first. */
double dirty_law_between(const struct dirty_law *law, double from_s, double to_s);

/* C7: where rounds at that page rate settle: v = pages dirtied while v pages are sent. */
double dirty_law_plateau(const struct dirty_law *law, double page_rate);

#endif
