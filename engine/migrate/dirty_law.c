#include "migrate/dirty_law.h"

#include <math.h>

/* Pages of n that are hit at least once by k writes, evenly. */
static double hit_evenly(double n, double k)
{
    return n > 0 ? n * (1 - exp(-k / n)) : 0;
}

static double hit_hot_cold(double n, double k)
{
    double hot = floor(n / 10);
    return hot > 0 ? hit_evenly(hot, 0.9 * k) + hit_evenly(n - hot, 0.1 * k) : hit_evenly(n, k);
}

/* The sum of i^-0.99 over ranks from..to - 1: for a few the sum, for many the integral. */
#define ZIPF_EXPONENT 0.99
static double zipf_part(double from, double to)
{
    double sum = 0;
    if (to - from > 8)
        return (pow(to - 0.5, 1 - ZIPF_EXPONENT) - pow(from - 0.5, 1 - ZIPF_EXPONENT)) /
               (1 - ZIPF_EXPONENT);
    for (double rank = from; rank < to; rank++)
        sum += pow(rank, -ZIPF_EXPONENT);
    return sum;
}

/* In groups of ranks that differ by an eighth at most: the first eight stand alone. */
static double hit_zipf(double n, double k)
{
    double all = 0, hit = 0, to;
    for (double from = 1; from <= n; from = to) {
        to = fmin(from + fmax(1, floor(from / 8)), n + 1);
        all += zipf_part(from, to);
    }
    for (double from = 1; from <= n; from = to) {
        to = fmin(from + fmax(1, floor(from / 8)), n + 1);
        hit += hit_evenly(to - from, k * zipf_part(from, to) / all);
    }
    return hit;
}

/* On the straight line through the logarithms of two points. */
static double between(const struct dirty_curve *curve, uint32_t a, uint32_t b, double time_s)
{
    if (curve->pages[a] <= 0 || curve->pages[b] <= curve->pages[a])
        return curve->pages[b];
    double slope =
        log(curve->pages[b] / curve->pages[a]) / log(curve->interval_s[b] / curve->interval_s[a]);
    return curve->pages[a] * pow(time_s / curve->interval_s[a], slope);
}

static double measured(const struct dirty_curve *curve, double time_s)
{
    uint32_t last = curve->count - 1, b = 1;

    if (curve->count == 0)
        return 0;
    if (curve->count == 1)
        return curve->pages[0] * time_s / curve->interval_s[0];
    while (b < last && time_s > curve->interval_s[b])
        b++;
    return between(curve, b - 1, b, time_s);
}

/* As if nothing slowed the guest. */
static double unlimited_pages(const struct dirty_law *law, double time_s)
{
    double n = law->working_set_pages;
    double k = law->write_rate * time_s;

    if (law->law == LAW_MEASURED)
        return time_s > 0 ? measured(&law->curve, time_s) : 0;
    if (k <= 0 || n <= 0)
        return law->hot_pages;
    switch (law->law) {
    case LAW_EVENLY:
        return hit_evenly(n, k) + law->hot_pages;
    case LAW_IN_ORDER:
        return fmin(n, k) + law->hot_pages;
    case LAW_HOT_COLD:
        return hit_hot_cold(n, k) + law->hot_pages;
    case LAW_ZIPF:
        return hit_zipf(n, k) + law->hot_pages;
    case LAW_MEASURED:
        break;
    }
    return law->hot_pages;
}

double dirty_law_pages(const struct dirty_law *law, double time_s)
{
    double pages = fmin(law->total_pages, unlimited_pages(law, time_s));
    return law->limit_rate > 0 ? fmin(pages, law->limit_rate * fmax(0, time_s)) : pages;
}

double dirty_law_between(const struct dirty_law *law, double from_s, double to_s)
{
    if (law->ends_s > 0 && to_s > law->ends_s)
        to_s = law->ends_s;
    if (law->ends_s > 0 && to_s <= from_s)
        return 0;
    return dirty_law_pages(law, to_s - from_s);
}

double dirty_law_plateau(const struct dirty_law *law, double page_rate)
{
    double pages = law->total_pages;
    /* From above it falls towards the fixed point, and by less than a millionth of memory where it
     * has arrived. */
    for (unsigned i = 0; i < 1000; i++) {
        double next = dirty_law_pages(law, pages / page_rate);
        if (pages - next < 1e-6 * law->total_pages)
            return next;
        pages = next;
    }
    return pages;
}
