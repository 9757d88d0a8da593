/* The two controllers that slow a guest at the source, each against a guest that is one formula. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/units.h"
#include "migrate/throttle.h"

static void test_auto_converge_goes_step_by_step(void **state)
{
    static const uint32_t shares[] = {800, 700, 600, 500, 400, 300, 200, 100, 10, 10};
    struct throttle throttle;
    struct round bad = {.pages = 100, .left_pages = 51}, good = {.pages = 100, .left_pages = 50};
    (void)state;

    throttle_init(&throttle, &(struct throttle_config){.is_auto_converging = true});
    throttle_begin(&throttle, 0);
    for (int i = 0; i < 5; i++) { /* never twice in a row */
        assert_false(throttle_round_ended(&throttle, &bad));
        assert_false(throttle_round_ended(&throttle, &good));
    }
    assert_int_equal(throttle_share(&throttle, 0), 1000);
    for (size_t i = 0; i < sizeof shares / sizeof shares[0]; i++) {
        assert_int_equal(throttle_has_more(&throttle), i < 9);
        assert_false(throttle_round_ended(&throttle, &bad));
        assert_int_equal(throttle_round_ended(&throttle, &bad), i < 9);
        assert_int_equal(throttle_share(&throttle, 7), shares[i]);
    }
    throttle_end(&throttle);
    assert_int_equal(throttle_share(&throttle, 7), 1000);

    throttle_init(&throttle, &(struct throttle_config){0});
    throttle_begin(&throttle, 0);
    for (int i = 0; i < 4; i++)
        assert_false(throttle_round_ended(&throttle, &bad));
    assert_int_equal(throttle_share(&throttle, 0), 1000);
}

/* A hart with whole time dirties `rate` pages a second; it is asked every 250 us, as a link with
 * room asks the source. What it dirties in the second half of ten seconds meets the limit. */
static void test_a_dirty_limit_is_met_by_each_hart(void **state)
{
    static const struct {
        uint64_t limit, rate;
        uint64_t expected; /* pages a second */
    } cases[] = {
        {2000, 45000, 2000}, {2000, 2100, 2000},      {2000, 1500, 1500}, {100, 45000, 100},
        {10, 300, 10},       {50000, 1000000, 50000}, {1, 10, 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct throttle throttle;
        uint64_t due = 0, dirtied = 0, quiet = 0; /* in pages times NS_PER_S * 1000 */
        throttle_init(&throttle,
                      &(struct throttle_config){.dirty_limit_pages_per_s = cases[i].limit});
        throttle_begin(&throttle, 0);
        for (uint64_t now_ns = 0; now_ns < 60 * NS_PER_S; now_ns += 250000) {
            due += cases[i].rate * throttle_share(&throttle, 3) * 250000;
            for (; due >= NS_PER_S * 1000; due -= NS_PER_S * 1000) {
                throttle_dirtied(&throttle, 3);
                dirtied += now_ns >= 30 * NS_PER_S;
            }
            throttle_tick(&throttle, now_ns);
            quiet += throttle_share(&throttle, 2);
        }
        uint64_t expected = cases[i].expected * 30, apart = expected / 20 + 1;
        uint64_t step = 30 * cases[i].rate / 1000; /* a share is a whole number of thousandths */
        if (dirtied > expected + apart || dirtied + apart + step < expected)
            fail_msg("case %zu: %llu pages, not %llu", i, (unsigned long long)dirtied,
                     (unsigned long long)expected);
        assert_int_equal(quiet, 1000ull * 240000); /* the other hart loses nothing */
    }
}

/* A burst is noticed within milliseconds, not after a period; and what it cost is given back. */
static void test_a_burst_is_slowed_at_once(void **state)
{
    struct throttle throttle;
    (void)state;
    throttle_init(&throttle, &(struct throttle_config){.dirty_limit_pages_per_s = 100});
    throttle_begin(&throttle, 0);
    for (int i = 0; i < 200; i++)
        throttle_dirtied(&throttle, 0);
    throttle_tick(&throttle, NS_PER_MS / 2);
    assert_int_equal(throttle_share(&throttle, 0), 1000);
    throttle_tick(&throttle, 2 * NS_PER_MS);
    assert_int_equal(throttle_share(&throttle, 0), 1);
    uint32_t before = 1;
    for (uint64_t now_ns = NS_PER_S; throttle_share(&throttle, 0) < 1000; now_ns += NS_PER_S) {
        throttle_tick(&throttle, now_ns);
        uint32_t after = throttle_share(&throttle, 0);
        assert_true(after > before && after <= before + before / 4 + 1);
        before = after;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_auto_converge_goes_step_by_step),
        cmocka_unit_test(test_a_dirty_limit_is_met_by_each_hart),
        cmocka_unit_test(test_a_burst_is_slowed_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
