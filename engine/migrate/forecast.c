#include "migrate/forecast.h"

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

/* Pages that a time of copying `pages` leaves dirty (C4), and the hot ones. */
static double dirtied(const struct forecast_input *input, double page_rate, double pages)
{
    double n = (double)input->working_set_pages;
    double k = input->write_rate * pages / page_rate;
    double hot = (double)input->hot_pages;
    if (k <= 0 || n <= 0)
        return hot;
    switch (input->law) {
    case LAW_EVENLY:
        return hit_evenly(n, k) + hot;
    case LAW_IN_ORDER:
        return fmin(n, k) + hot;
    case LAW_HOT_COLD:
        return hit_hot_cold(n, k) + hot;
    case LAW_ZIPF:
        return hit_zipf(n, k) + hot;
    }
    return hot;
}

static double burst_s(const struct forecast_input *input, double pages)
{
    double bytes = pages * (double)input->page_wire_bytes + (double)input->state_bytes;
    return bytes * 8 / (double)input->bandwidth_bits_per_s + (double)input->latency_ns / 1e9;
}

static void add_round(struct forecast *forecast, double pages)
{
    if (forecast->round_count == FORECAST_ROUNDS_MAX)
        return;
    forecast->round_pages[forecast->round_count] = pages;
    forecast->round_s[forecast->round_count] = pages / forecast->page_rate;
    forecast->total_s += pages / forecast->page_rate;
    forecast->round_count++;
}

/* The same stop rule as the engine's, on expectations instead of counts. Returns what is left. */
static double copy_rounds(const struct forecast_input *input, struct forecast *forecast,
                          uint64_t rounds_max, bool is_hybrid)
{
    double left = (double)input->total_pages;
    for (uint64_t round = 0; round < rounds_max && round + 1 < FORECAST_ROUNDS_MAX; round++) {
        double sent = left;
        add_round(forecast, sent);
        left = dirtied(input, forecast->page_rate, sent);
        double downtime_s = burst_s(input, left);
        double next_s = burst_s(input, sent > 0 ? left * left / sent : 0);
        if (left < 0.5) { /* less than half a page is none: no round can follow */
            forecast->is_converging = true;
            break;
        }
        if (is_hybrid)
            continue;
        forecast->is_converging = downtime_s * 1e9 <= (double)input->downtime_limit_ns;
        if (forecast->is_converging && next_s > downtime_s * 0.75)
            break;
    }
    return left;
}

void forecast_make(enum mode mode, const struct forecast_input *input, struct forecast *forecast)
{
    double left = (double)input->total_pages;

    /* Before the first page, HELLO goes there and READY comes back. */
    *forecast =
        (struct forecast){.is_converging = true, .total_s = 2 * (double)input->latency_ns / 1e9};
    forecast->page_rate = (double)input->bandwidth_bits_per_s / 8 / (double)input->page_wire_bytes;
    switch (mode) {
    case MODE_STOP_AND_COPY:
        break;
    case MODE_PRE_COPY:
    case MODE_CONTINUOUS:
    case MODE_AUTO:
        left = copy_rounds(input, forecast, input->max_rounds, false);
        break;
    case MODE_POST_COPY:
    case MODE_HYBRID:
        if (mode == MODE_HYBRID)
            left = copy_rounds(input, forecast, input->switch_after, true);
        /* The pages that are left travel after the switch; the state alone makes the downtime, and
         * for hybrid the bitmap of what is stale, a bit for each page. */
        forecast->downtime_s = burst_s(input, 0);
        if (mode == MODE_HYBRID && left < 0.5)
            add_round(forecast, 0); /* nothing is stale: an empty paused round, as in pre-copy */
        else if (mode == MODE_HYBRID)
            forecast->downtime_s +=
                (double)input->total_pages / (double)input->bandwidth_bits_per_s;
        forecast->total_s += forecast->downtime_s + left / forecast->page_rate;
        return;
    case MODE_COUNT:
        return;
    }
    forecast->downtime_s = burst_s(input, left);
    add_round(forecast, left);
    forecast->total_s += forecast->downtime_s - left / forecast->page_rate;
}
