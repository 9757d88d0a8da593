#include "migrate/forecast.h"

#include <math.h>

#include "machine/hypercall.h"

static double bytes_per_s(uint64_t bits_per_s)
{
    return (double)bits_per_s / 8;
}

/* What has to be sent at least once. */
static double first_pages(const struct forecast_input *input)
{
    return fmax(0, input->writes.total_pages - (double)input->free_pages);
}

/* Pages, the state, and half a round trip, at the whole bandwidth: what a pause costs (C3). */
static double burst_s(const struct forecast_input *input, double pages)
{
    double bytes = pages * (double)input->page_wire_bytes + (double)input->state_bytes;
    return bytes / bytes_per_s(input->bandwidth_bits_per_s) + (double)input->latency_ns / 1e9;
}

static double push_rate(const struct forecast_input *input)
{
    return bytes_per_s(input->bandwidth_bits_per_s) / (double)input->page_wire_bytes;
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

static bool is_within_limit(const struct forecast_input *input, double left)
{
    uint64_t limit_ns = input->limits.downtime_ns;
    return left < 0.5 || (limit_ns > 0 && burst_s(input, left) * 1e9 <= (double)limit_ns);
}

/* The strategies' rule of the pause: within the limit, and another round, which would leave `next`,
 * would not lower the downtime by a quarter. Less than half a page is none. */
static bool is_time_to_pause(const struct forecast_input *input, double left, double next)
{
    return left < 0.5 ||
           (is_within_limit(input, left) && burst_s(input, next) > burst_s(input, left) * 0.75);
}

static bool has_time_limit(const struct forecast_input *input)
{
    return input->limits.total_time_ns != LIMIT_NONE && input->limits.total_time_ns != 0;
}

static bool is_out_of_time(const struct forecast_input *input, const struct forecast *forecast,
                           double left)
{
    return has_time_limit(input) &&
           (forecast->total_s + burst_s(input, left)) * 1e9 >= (double)input->limits.total_time_ns;
}

/* ---- Rounds (C4) ---- */

/* Auto: whether rounds that go on as the last one did meet the limit in time, and before four times
 * the memory was sent again. */
static bool get_there(const struct forecast_input *input, const struct forecast *forecast,
                      double sent, double left)
{
    double may_send = AUTO_AGAIN_MAX * input->writes.total_pages;
    double ratio = sent > 0 ? left / sent : 0;

    for (uint64_t round = forecast->round_count; round <= input->limits.max_rounds; round++) {
        if (is_within_limit(input, left))
            return true;
        if (ratio >= 1 || left > may_send)
            return false;
        may_send -= left;
        left *= ratio;
    }
    return false;
}

/* What is left of `left` pages where the round ends when so many of them were sent: those, and what
 * was dirtied. */
static double left_after(const struct forecast_input *input, const struct forecast *forecast,
                         double left, double sent)
{
    double began_s = forecast->total_s, ended_s = began_s + sent / forecast->page_rate;
    double again = dirty_law_between(&input->writes, began_s, ended_s);

    return fmin(input->writes.total_pages, left - sent + again * sent / left);
}

/* A round that ends early. */
static void cut_round(const struct forecast_input *input, struct forecast *forecast, double sent,
                      double *left)
{
    *left = left_after(input, forecast, *left, sent);
    add_round(forecast, sent);
}

/* Pages that are new while as many are sent as lie between the two. */
static double new_pages(const struct forecast_input *input, const struct forecast *forecast,
                        double from_pages, double to_pages)
{
    double rate = forecast->page_rate, began_s = forecast->total_s;
    return dirty_law_between(&input->writes, began_s, began_s + to_pages / rate) -
           dirty_law_between(&input->writes, began_s, began_s + from_pages / rate);
}

/* Auto: DOC outrun in auto.c, on expectations. */
static bool is_outrun(const struct forecast_input *input, struct forecast *forecast, double *left)
{
    double total = input->writes.total_pages;
    double may_s = (double)input->limits.downtime_ns / 1e9 - burst_s(input, 0);
    double sent = fmax(total / 64, may_s * forecast->page_rate);

    if (forecast->round_count > 0)
        return false;
    while (sent < total / 8 && new_pages(input, forecast, sent, 2 * sent) < sent)
        sent *= 2;
    if (sent >= total / 8)
        return false;
    sent = fmax(2 * sent, total / 8);
    double quarter = sent + total / 8;
    if (quarter >= *left || new_pages(input, forecast, sent, quarter) < total / 32 ||
        new_pages(input, forecast, 0, quarter) < quarter / 2)
        return false;
    cut_round(input, forecast, quarter, left);
    return true;
}

/* Whether hybrid leaves the rest to post-copy now. */
static bool is_warm(const struct forecast_input *input, const struct forecast *forecast,
                    enum mode mode, double sent, double left)
{
    const struct limits *limits = &input->limits;
    double remaining_pages = (double)(limits->switch_below_bytes / PAGE_BYTES);

    if (mode != MODE_HYBRID)
        return false;
    switch (limits->switch_when) {
    case SWITCH_ROUNDS:
        return forecast->round_count >= limits->switch_after;
    case SWITCH_NO_PROGRESS:
        return left > sent * 0.75;
    case SWITCH_REMAINING:
        return left <= remaining_pages;
    case SWITCH_DEADLINE:
        return forecast->total_s * 1e9 >= (double)limits->switch_deadline_ns;
    }
    return true;
}

/* The deadline falls into this round. */
static bool cut_by_deadline(const struct forecast_input *input, struct forecast *forecast,
                            double *left)
{
    double room_s = (double)input->limits.switch_deadline_ns / 1e9 - forecast->total_s;

    if (input->limits.switch_when != SWITCH_DEADLINE || *left / forecast->page_rate <= room_s)
        return false;
    cut_round(input, forecast, fmax(0, room_s) * forecast->page_rate, left);
    return true;
}

/* By how much the move is late where the round ends when so many pages were sent. */
static double late_s(const struct forecast_input *input, const struct forecast *forecast,
                     double left, double sent)
{
    return forecast->total_s + sent / forecast->page_rate +
           burst_s(input, left_after(input, forecast, left, sent)) -
           (double)input->limits.total_time_ns / 1e9;
}

/* The total-time limit ends this round: where what is dirtied uses up what there is to spare; in the
 * first, half of the time is waited for where it is out of reach, or the move is to be given up. */
static bool cut_by_total_time(const struct forecast_input *input, struct forecast *forecast,
                              double *left)
{
    double half_s = (double)input->limits.total_time_ns / 2e9, low = 0, high = *left;
    bool is_first = forecast->round_count == 0;

    if (!has_time_limit(input) || *left <= 0 || late_s(input, forecast, *left, *left) < 0)
        return false;
    bool is_waiting =
        late_s(input, forecast, *left, 0) >= 0 || input->limits.on_limit == ON_LIMIT_ABORT;
    for (unsigned i = 0; i < 50; i++) {
        double middle = (low + high) / 2;
        *(late_s(input, forecast, *left, middle) < 0 ? &low : &high) = middle;
    }
    if (is_first && is_waiting)
        high = fmin(fmax(high, (half_s - forecast->total_s) * forecast->page_rate), *left);
    cut_round(input, forecast, high, left);
    return true;
}

/* Returns what is left when the guest is paused; `*leaves_rest`: for post-copy. */
static double copy_rounds(enum mode mode, const struct forecast_input *input,
                          struct forecast *forecast, bool *leaves_rest)
{
    uint64_t rounds_max = input->limits.max_rounds;
    double left = first_pages(input);
    uint32_t remedied_at = 0; /* auto: the round, from 1 */

    if (mode == MODE_HYBRID && input->limits.switch_when == SWITCH_ROUNDS)
        rounds_max = input->limits.switch_after;
    forecast->end = FORECAST_ROUNDS;
    for (uint64_t round = 0; round < rounds_max && round + 1 < FORECAST_ROUNDS_MAX; round++) {
        double sent = left;
        if ((mode == MODE_HYBRID && cut_by_deadline(input, forecast, &left)) ||
            (mode == MODE_AUTO && is_outrun(input, forecast, &left))) {
            forecast->end = FORECAST_CONVERGES;
            *leaves_rest = true;
            return left;
        }
        if (cut_by_total_time(input, forecast, &left)) {
            forecast->end = FORECAST_TIME;
            break;
        }
        double began_s = forecast->total_s;
        add_round(forecast, sent);
        left = dirty_law_between(&input->writes, began_s, forecast->total_s); /* C4 */
        *leaves_rest = is_warm(input, forecast, mode, sent, left);
        if (mode == MODE_AUTO && !get_there(input, forecast, sent, left)) {
            if (remedied_at == 0)
                remedied_at = forecast->round_count;
            *leaves_rest = forecast->round_count - remedied_at >= AUTO_REMEDY_ROUNDS;
        }
        bool is_done = mode == MODE_HYBRID
                           ? left < 0.5
                           : is_time_to_pause(input, left, sent > 0 ? left * left / sent : 0);
        if (is_done || *leaves_rest) {
            forecast->end = FORECAST_CONVERGES;
            break;
        }
    }
    if (is_within_limit(input, left))
        forecast->end = FORECAST_CONVERGES;
    if (mode == MODE_AUTO && forecast->end != FORECAST_CONVERGES) { /* at its limit, too */
        *leaves_rest = true;
        forecast->end = FORECAST_CONVERGES;
    }
    if (mode == MODE_HYBRID)
        *leaves_rest |= forecast->end != FORECAST_TIME || input->limits.on_limit != ON_LIMIT_ABORT;
    return left;
}

/* ---- Continuous scan (C5) ---- */

/* Even writes over all of memory: C(t) = (mu N / w)(1 - e^(-w t / N)) pages are clean. */
static double even_left(const struct forecast_input *input, double page_rate, double time_s)
{
    double n = input->writes.total_pages, w = input->writes.write_rate;

    if (w <= 0)
        return fmax(0, n - page_rate * time_s);
    return fmax(0, n - page_rate * n / w * (1 - exp(-w * time_s / n))) + input->writes.hot_pages;
}

/* T = (N / w) ln(mu / (mu - w)); infinite where the race cannot be won. */
static double even_end_s(const struct forecast_input *input, double page_rate)
{
    double n = input->writes.total_pages, w = input->writes.write_rate;

    if (w >= page_rate)
        return INFINITY;
    return w > 0 ? n / w * log(page_rate / (page_rate - w)) : n / page_rate;
}

/* Any other law: memory as pieces, each with its part of the dirty pages, passed round and round;
 * at a visit, what was dirtied since the last one is sent. */
#define PIECES       256
#define PIECES_APART 16 /* between two sums over all of them */

struct scan {
    double now_s, last_s[PIECES];
    uint32_t next;
    bool is_first_pass;
    double unsent_pages; /* in the first pass */
};

static double scan_left(const struct scan *scan, const struct forecast_input *input)
{
    double left = 0;
    for (uint32_t i = 0; i < PIECES; i += PIECES_APART)
        if (!scan->is_first_pass || i < scan->next)
            left += dirty_law_between(&input->writes, scan->last_s[i], scan->now_s) * PIECES_APART /
                    PIECES;
    return left + scan->unsent_pages;
}

static void scan_on(struct scan *scan, const struct forecast_input *input, double page_rate)
{
    double pages = first_pages(input) / PIECES;
    double last_s = scan->last_s[scan->next];

    if (!scan->is_first_pass)
        pages = dirty_law_between(&input->writes, last_s, scan->now_s) / PIECES;
    else
        scan->unsent_pages -= pages;
    scan->last_s[scan->next] = scan->now_s;
    scan->now_s += pages / page_rate;
    scan->next = (scan->next + 1) % PIECES;
    scan->is_first_pass &= scan->next != 0;
}

/* What is left at the beginning of a would-be round, and when that is over: it has sent as much. */
static double next_left(struct scan *scan, const struct forecast_input *input, double page_rate,
                        bool is_even, double left)
{
    double until_s = scan->now_s + left / page_rate;

    if (is_even) {
        scan->now_s = until_s;
        return even_left(input, page_rate, until_s);
    }
    /* At the end of the race a piece holds less than a page: then a pass is a step. */
    for (unsigned i = 0; scan->now_s < until_s && (i < PIECES || scan->is_first_pass); i++)
        scan_on(scan, input, page_rate);
    return scan_left(scan, input);
}

#define SCAN_STEPS_MAX 4096

static double scan_memory(const struct forecast_input *input, struct forecast *forecast)
{
    const struct dirty_law *writes = &input->writes;
    bool is_even = writes->law == LAW_EVENLY && input->free_pages == 0 && writes->limit_rate == 0 &&
                   writes->working_set_pages == writes->total_pages;
    double total = first_pages(input), rate = forecast->page_rate, began_s = forecast->total_s;
    double left = total, least = total, sent = 0, sent_at_least = 0;
    struct scan scan = {.is_first_pass = true, .unsent_pages = total};

    forecast->end = FORECAST_PROGRESS;
    for (unsigned i = 0; i < SCAN_STEPS_MAX; i++) {
        double before = left;
        left = next_left(&scan, input, rate, is_even, before);
        sent += before;
        forecast->total_s = began_s + scan.now_s;
        if (is_time_to_pause(input, left, before > 0 ? left * left / before : 0)) {
            forecast->end = FORECAST_CONVERGES;
            if (is_even && left < 0.5 && isfinite(even_end_s(input, rate)))
                forecast->total_s = began_s + even_end_s(input, rate);
            return left < 0.5 ? 0 : left;
        }
        if (is_out_of_time(input, forecast, left)) {
            forecast->end = FORECAST_TIME;
            break;
        }
        if (left < least * 15 / 16) {
            least = left;
            sent_at_least = sent;
        }
        if (sent - sent_at_least > total)
            break;
    }
    if (is_within_limit(input, left))
        forecast->end = FORECAST_CONVERGES;
    return left;
}

/* ---- The switch (C8, C9, C10) ---- */

/* What is left travels after the switch; the state alone makes the downtime, and where copies sent
 * before are old, the bitmap of those, a bit for each page. */
static void switch_over(const struct forecast_input *input, struct forecast *forecast, double left)
{
    double page_s = 1 / push_rate(input);
    double rtt_s = 2 * (double)input->latency_ns / 1e9;

    forecast->downtime_s = burst_s(input, 0);
    forecast->has_paused = left < 0.5;
    if (left < 0.5) /* nothing is stale: an empty paused round, as in pre-copy */
        add_round(forecast, 0);
    else if (left < first_pages(input))
        forecast->downtime_s += input->writes.total_pages / (double)input->bandwidth_bits_per_s;
    forecast->left_pages = left < 0.5 ? 0 : left;
    if (forecast->left_pages > 0) {
        forecast->fault_wait_s = rtt_s + page_s;
        forecast->fault_rate =
            fmin((double)(input->hart_count > 0 ? input->hart_count : 1) / forecast->fault_wait_s,
                 1 / page_s);
    }
    forecast->total_s += forecast->downtime_s + left * page_s;
    if (input->limits.prefetch == PREFETCH_NONE && left >= 0.5)
        forecast->total_s += (double)input->limits.push_after_ns / 1e9;
}

static void pause_and_copy(const struct forecast_input *input, struct forecast *forecast,
                           double left)
{
    forecast->downtime_s = burst_s(input, left);
    add_round(forecast, left);
    forecast->has_paused = true;
    forecast->round_s[forecast->round_count - 1] = left / push_rate(input);
    forecast->total_s += forecast->downtime_s - left / forecast->page_rate;
}

void forecast_make(enum mode mode, const struct forecast_input *input, struct forecast *forecast)
{
    uint64_t copy_bits_per_s = input->copy_bits_per_s;
    double left = first_pages(input);
    bool leaves_rest = mode == MODE_POST_COPY;

    if (copy_bits_per_s == 0 || copy_bits_per_s > input->bandwidth_bits_per_s)
        copy_bits_per_s = input->bandwidth_bits_per_s;
    /* Before the first page, HELLO goes there and READY comes back. */
    *forecast = (struct forecast){
        .page_rate = bytes_per_s(copy_bits_per_s) / (double)input->page_wire_bytes,
        .total_s = 2 * (double)input->latency_ns / 1e9,
    };
    forecast->plateau_pages = dirty_law_plateau(&input->writes, forecast->page_rate);
    if (mode == MODE_CONTINUOUS)
        left = scan_memory(input, forecast);
    else if (mode == MODE_PRE_COPY || mode == MODE_HYBRID || mode == MODE_AUTO)
        left = copy_rounds(mode, input, forecast, &leaves_rest);
    forecast->is_converging = forecast->end == FORECAST_CONVERGES;
    bool is_at_limit = !forecast->is_converging && !leaves_rest;
    if (leaves_rest || (is_at_limit && input->limits.on_limit == ON_LIMIT_POST_COPY))
        switch_over(input, forecast, left);
    else if (!is_at_limit || input->limits.on_limit != ON_LIMIT_ABORT)
        pause_and_copy(input, forecast, left);
}
