/* The curriculum's formulas, by numbers that can be checked with a pocket calculator. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "migrate/forecast.h"

#define NEAR(measured, expected, part) \
    assert_true(fabs((measured) - (expected)) <= fabs(expected) * (part))

/* 16384 pages of 4096 bytes at 16384 pages a second: a second for the whole memory. */
static const struct forecast_input even = {
    .page_wire_bytes = 4096,
    .bandwidth_bits_per_s = 16384ull * 4096 * 8,
    .latency_ns = 1000000,
    .state_bytes = 67109, /* a millisecond's worth */
    .writes = {.total_pages = 16384, .working_set_pages = 16384},
    .limits = {.downtime_ns = 30000000,
               .max_rounds = 30,
               .total_time_ns = LIMIT_NONE,
               .switch_after = 1,
               .prefetch = PREFETCH_SEQUENTIAL},
};

/* C3's case: 64 GiB over 10 Gbit/s, without framing. */
static void test_stop_and_copy_is_the_whole_memory(void **state)
{
    struct forecast_input input = even;
    struct forecast forecast;
    (void)state;
    input.writes.total_pages = 16777216;
    input.bandwidth_bits_per_s = 10000000000ull;
    forecast_make(MODE_STOP_AND_COPY, &input, &forecast);
    NEAR(forecast.downtime_s, 54.976 + 0.001, 1e-4);
    NEAR(forecast.total_s, forecast.downtime_s + 0.002, 1e-9); /* HELLO there, READY back */
    assert_int_equal(forecast.round_count, 1);
    assert_true(forecast.round_pages[0] == 16777216);
}

/* C8: S / B + L, whatever is written and however large the memory. */
static void test_post_copy_is_the_state_alone(void **state)
{
    struct forecast_input input = even;
    struct forecast forecast;
    (void)state;
    for (uint64_t pages = 4096; pages <= 262144; pages *= 8) {
        input.writes.total_pages = input.writes.working_set_pages = (double)pages;
        input.writes.write_rate = (double)pages;
        forecast_make(MODE_POST_COPY, &input, &forecast);
        NEAR(forecast.downtime_s, 0.002, 1e-4);
        NEAR(forecast.total_s, 0.004 + (double)pages / 16384, 1e-4);
        assert_int_equal(forecast.round_count, 0);
    }
}

/* C4: each round is N (1 - e^(-w V / (mu N))) of the one before it; here w / mu is a half. */
static void test_rounds_shrink_by_the_exponential_form(void **state)
{
    struct forecast_input input = even;
    struct forecast forecast;
    double sum_s = 0;
    (void)state;
    input.writes.write_rate = 8192;
    input.limits.downtime_ns = 0; /* to the last page */
    forecast_make(MODE_PRE_COPY, &input, &forecast);
    assert_true(forecast.is_converging && forecast.round_count > 8);
    assert_true(forecast.round_pages[0] == 16384);
    NEAR(forecast.round_pages[1], 6446.6, 1e-4); /* 16384 (1 - e^-0.5) */
    NEAR(forecast.round_pages[2], 2925.9, 1e-3);
    for (uint32_t i = 0; i + 1 < forecast.round_count; i++)
        sum_s += forecast.round_pages[i] / 16384;
    NEAR(forecast.total_s, 0.002 + sum_s + forecast.downtime_s, 1e-9);
    assert_true(forecast.downtime_s < 0.0021);
}

/* 16384 pages, 16384 writes during round 0: the pages that they leave dirty. */
static void test_other_laws(void **state)
{
    static const struct {
        enum forecast_law law;
        double writes, dirtied;
    } rows[] = {
        {LAW_EVENLY, 16384, 10356.7},  /* n (1 - 1/e) */
        {LAW_IN_ORDER, 16384, 16384},  /* each once */
        {LAW_IN_ORDER, 20000, 16384},  /* and some twice */
        {LAW_IN_ORDER, 1000, 1000},    /* each write another page */
        {LAW_HOT_COLD, 16384, 3188.5}, /* 1638 (1 - e^-9.002) + 14746 (1 - e^-0.1111) */
        {LAW_ZIPF, 16384, 4578.4},     /* the sum over all ranks, each with i^-0.99 / 10.767 */
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct forecast_input input = even;
        struct forecast forecast;
        input.writes.law = rows[i].law;
        input.writes.write_rate = rows[i].writes; /* round 0 takes a second */
        input.limits.downtime_ns = 0;
        forecast_make(MODE_PRE_COPY, &input, &forecast);
        NEAR(forecast.round_pages[1], rows[i].dirtied, 2e-3);
    }
}

/* Ten hot pages at w / mu = 1/2: V' = V/2 + 10 settles at 20 pages, and long before that another
 * round would not lower the downtime by a quarter. */
static void test_hot_pages_end_the_rounds(void **state)
{
    struct forecast_input input = even;
    struct forecast cold, hot;
    (void)state;
    input.writes.write_rate = 8192;
    input.state_bytes = input.latency_ns = 0; /* the downtime is that of the pages alone */
    forecast_make(MODE_PRE_COPY, &input, &cold);
    input.writes.hot_pages = 10;
    forecast_make(MODE_PRE_COPY, &input, &hot);
    assert_true(hot.is_converging && hot.round_count < cold.round_count);
    assert_true(hot.round_pages[hot.round_count - 1] > 20 &&
                hot.round_pages[hot.round_count - 1] < 60);
}

/* C7: writing faster than copying ends on the plateau v = 1 - e^(-1.2 v), 31 % of memory. */
static void test_a_race_that_cannot_be_won_ends_at_the_round_limit(void **state)
{
    struct forecast_input input = even;
    struct forecast forecast;
    (void)state;
    input.writes.write_rate = 1.2 * 16384;
    forecast_make(MODE_PRE_COPY, &input, &forecast);
    assert_false(forecast.is_converging);
    assert_int_equal(forecast.round_count, 31); /* thirty, and the paused one */
    NEAR(forecast.round_pages[30], 0.3137 * 16384, 1e-2);
}

/* C10: the bitmap of stale pages, a bit each, is all that hybrid adds to post-copy's downtime; a
 * guest that writes nothing needs none, and no second round. */
static void test_hybrid_carries_a_bitmap_where_something_is_stale(void **state)
{
    struct forecast_input input = even;
    struct forecast forecast;
    (void)state;
    input.writes.write_rate = 8192;
    forecast_make(MODE_HYBRID, &input, &forecast);
    NEAR(forecast.downtime_s, 0.002 + 16384.0 / (double)input.bandwidth_bits_per_s, 1e-4);
    NEAR(forecast.total_s, 0.002 + 1 + forecast.downtime_s + 6446.6 / 16384, 1e-4);

    input.writes.write_rate = 0;
    input.limits.switch_after = 5;
    forecast_make(MODE_HYBRID, &input, &forecast);
    NEAR(forecast.downtime_s, 0.002, 1e-4);
    NEAR(forecast.total_s, 0.002 + 1 + 0.002, 1e-4);
}

/* The total-time limit falls into the first round: where it can be kept it is, by a round that ends when
 * what was written again has used up what there was to spare. Out of reach, or to be given up: half. */
static void test_a_total_time_limit_cuts_the_first_round(void **state)
{
    static const struct {
        enum mode mode;
        enum on_limit on_limit;
        double limit_s, total_s;
    } rows[] = {
        {MODE_PRE_COPY, ON_LIMIT_PAUSE, 1.1, 1.1},
        {MODE_PRE_COPY, ON_LIMIT_POST_COPY, 1.1, 1.1},
        {MODE_HYBRID, ON_LIMIT_PAUSE, 1.1, 1.1},
        {MODE_PRE_COPY, ON_LIMIT_ABORT, 1.1, 0.55},
        {MODE_HYBRID, ON_LIMIT_ABORT, 1.1, 0.55},
        /* After 2 ms, 0.448 of memory, of which so much is written again: 0.448 (1 - e^-0.896) */
        {MODE_PRE_COPY, ON_LIMIT_PAUSE, 0.9, 1.269},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct forecast_input input = even;
        struct forecast forecast;
        input.writes.write_rate = 2 * 16384;
        input.limits.switch_after = 30;
        input.limits.on_limit = rows[i].on_limit;
        input.limits.total_time_ns = (uint64_t)(rows[i].limit_s * 1e9);
        forecast_make(rows[i].mode, &input, &forecast);
        if (fabs(forecast.total_s - rows[i].total_s) > 0.002)
            fail_msg("row %zu: %f s", i, forecast.total_s);
        assert_int_equal(forecast.end, FORECAST_TIME);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stop_and_copy_is_the_whole_memory),
        cmocka_unit_test(test_post_copy_is_the_state_alone),
        cmocka_unit_test(test_other_laws),
        cmocka_unit_test(test_rounds_shrink_by_the_exponential_form),
        cmocka_unit_test(test_hot_pages_end_the_rounds),
        cmocka_unit_test(test_a_race_that_cannot_be_won_ends_at_the_round_limit),
        cmocka_unit_test(test_hybrid_carries_a_bitmap_where_something_is_stale),
        cmocka_unit_test(test_a_total_time_limit_cuts_the_first_round),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
