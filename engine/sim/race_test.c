/* The races of the curriculum, measured against their laws: the continuous scan (C5), the rounds
 * beside it (C4), and the race that cannot be won (C7). Model guests: nothing but the engine and
 * the link can be wrong. */
#include <math.h>

#include "sim/scripted.h"
#include "wire/message.h"

#define BITS_PER_S 10e9
#define PAGE_RATE  (BITS_PER_S / 8 / MESSAGE_PAGE_WIRE_BYTES) /* mu */

/* A move of `pages` at a write rate of `ratio` * mu. */
static void race(struct run *run, const char *words, uint64_t pages, double ratio, uint64_t seed)
{
    struct scenario scenario;
    struct problem problem = {0};
    char line[400];

    snprintf(line, sizeof line,
             "bandwidth=10Gbit/s run-for=0ms memory=%lluKiB dirty-rate=%.0fpages/s seed=%llu %s",
             (unsigned long long)pages * 4, ratio * PAGE_RATE, (unsigned long long)seed, words);
    scenario_of(&scenario, line);
    if (run_open(run, &scenario, NULL, 0, false, &problem) != STATUS_OK)
        fail_msg("%s: %s", line, problem.text);
    run_to_end(run);
    scenario_fini(&scenario);
    if (!oracle_holds(world_oracle(run->world)))
        fail_msg("%s: %s", line, world_oracle(run->world)->what);
}

static void assert_near(const char *what, double ratio, double measured, double expected,
                        double tolerance)
{
    if (fabs(measured - expected) > tolerance)
        fail_msg("%s at w = %g mu: measured %.9g, expected %.9g within %.3g", what, ratio, measured,
                 expected, tolerance);
}

/* From the first page (a round trip after the start) to the pause. */
static double copied_s(const struct run *run)
{
    return (double)(run->timeline.paused_at_ns - run->timeline.started_ns) / 1e9 - 200e-6;
}

/* C5: T = (N/w) ln(mu / (mu - w)); and beside it C4's law for ever-new pages, N / (mu - w) in the
 * limit of many rounds: at 0.9, 2.56 N/mu and 10 N/mu. */
static void test_a_scan_takes_the_time_of_its_law(void **state)
{
    static const double ratios[] = {0.05, 0.3, 0.5, 0.7, 0.9, 0.95};
    const double pages = 200000;
    (void)state;
    for (size_t i = 0; i < sizeof ratios / sizeof ratios[0]; i++) {
        double ratio = ratios[i], w = ratio * PAGE_RATE;
        double scan_s = pages / w * log(PAGE_RATE / (PAGE_RATE - w));
        double rounds_s = pages / (PAGE_RATE - w);
        struct run run;
        race(&run, "guest=model:uniform mode=continuous downtime-limit=0ms", 200000, ratio, i + 1);
        assert_int_equal(run.timeline.outcome, OUTCOME_COMPLETED);
        assert_int_equal(run.timeline.round_count, 1); /* the paused one, of no pages */
        assert_int_equal(run.timeline.rounds[0].pages_sent, 0);
        assert_near("the scan's time", ratio, copied_s(&run), scan_s, scan_s / 100);
        run_close(&run);

        /* Until less than a page is left; at 0.95 that is more rounds than are allowed. */
        race(&run, "guest=model:sequential mode=pre-copy downtime-limit=0ms max-rounds=100", 200000,
             ratio, i + 1);
        double rest = pow(ratio, run.timeline.round_count - 1);
        assert_near("the rounds' time", ratio, copied_s(&run), rounds_s * (1 - rest),
                    rounds_s / 100);
        run_close(&run);
    }
}

/* C4, round by round, beside the same guest's scan: V(i+1) = w V(i) / mu on ever-new pages. */
static void test_rounds_on_new_pages_shrink_geometrically(void **state)
{
    struct run run;
    (void)state;
    race(&run, "guest=model:sequential mode=pre-copy downtime-limit=1ms", 1000000, 0.6, 1);
    assert_true(run.timeline.round_count > 8);
    for (uint32_t i = 0; i + 1 < run.timeline.round_count; i++) {
        double expected = 0.6 * (double)run.timeline.rounds[i].pages_sent;
        assert_near("pages of a round", 0.6, (double)run.timeline.rounds[i + 1].pages_sent,
                    expected, fmax(expected / 100, 1));
    }
    run_close(&run);
}

/* C7: with w > mu the rounds settle at the plateau v = 1 - e^(-(w/mu) v). */
static void test_a_race_that_cannot_be_won_settles_at_the_plateau(void **state)
{
    struct run run;
    double plateau = 1, sum = 0;
    (void)state;
    for (int i = 0; i < 200; i++)
        plateau = 1 - exp(-1.2 * plateau);
    race(&run, "guest=model:uniform mode=pre-copy max-rounds=60", 200000, 1.2, 5);
    assert_int_equal(run.timeline.round_count, 61);
    assert_true(run.timeline.is_limit_exceeded);
    for (uint32_t i = 40; i < 60; i++)
        sum += (double)run.timeline.rounds[i].pages_sent / 200000;
    assert_near("the plateau", 1.2, sum / 20, plateau, plateau / 100);
    run_close(&run);
}

/* Where it cannot be won a scan sees that it is not, and ends as the user chose. */
static void test_a_scan_knows_when_it_does_not_win(void **state)
{
    static const struct {
        const char *words;
        double ratio;
        enum outcome outcome;
    } cases[] = {
        {"", 1.0, OUTCOME_COMPLETED},
        {"on-limit=abort", 1.2, OUTCOME_ABORTED},
        {"on-limit=post-copy", 3, OUTCOME_COMPLETED},
        {"total-time-limit=500ms", 3, OUTCOME_COMPLETED},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char words[200];
        struct run run;
        snprintf(words, sizeof words, "guest=model:uniform mode=continuous downtime-limit=2ms %s",
                 cases[i].words);
        race(&run, words, 50000, cases[i].ratio, 1);
        assert_int_equal(run.timeline.outcome, cases[i].outcome);
        assert_int_equal(run.timeline.is_limit_exceeded, i > 0);
        if (i == 3)
            assert_true(run.timeline.ended_ns - run.timeline.started_ns <= 501000000);
        run_close(&run);
    }
}

/* The rule of the pause needs no rounds: an allowance is kept where going on costs little. */
static void test_a_scan_does_not_spend_its_allowance(void **state)
{
    struct run run;
    (void)state;
    race(&run, "guest=model:uniform mode=continuous downtime-limit=10s", 100000, 0.3, 1);
    assert_true(run.timeline.rounds[0].pages_sent < 300);
    run_close(&run);
}

/* The whole move takes no longer than its limit, where the rest can still be sent in it. */
static void test_a_total_time_limit_is_kept(void **state)
{
    static const char *const modes[] = {"pre-copy", "pre-copy on-limit=post-copy", "continuous",
                                        "hybrid switch-after=99"};
    (void)state;
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        char words[200];
        struct run run;
        snprintf(words, sizeof words, "guest=model:uniform total-time-limit=700ms mode=%s",
                 modes[i]);
        race(&run, words, 100000, 0.9, 1);
        uint64_t total_ns = run.timeline.ended_ns - run.timeline.started_ns;
        if (total_ns > 705000000 || total_ns < 600000000)
            fail_msg("%s: %llu ns", modes[i], (unsigned long long)total_ns);
        run_close(&run);
    }
}

/* As well where what is written again uses up in the first round what there was to spare, and early in
 * it. */
static void test_what_is_written_again_is_within_the_total_time(void **state)
{
    static const char *const modes[] = {"pre-copy downtime-limit=0ms",
                                        "pre-copy downtime-limit=0ms on-limit=post-copy",
                                        "continuous downtime-limit=0ms", "hybrid switch-after=99"};
    static const double ratios[] = {0.5, 1, 4}, spare[] = {0.04, 0.17, 0.4};
    const uint64_t pages = 25000;
    (void)state;
    for (size_t i = 0; i < 36; i++) {
        double limit_us = (double)pages / PAGE_RATE * 1e6 * (1 + spare[i / 4 % 3]);
        char words[200];
        struct run run;
        snprintf(words, sizeof words, "guest=model:uniform total-time-limit=%.0fus mode=%s",
                 limit_us, modes[i % 4]);
        race(&run, words, pages, ratios[i / 12], 1);
        uint64_t total_ns = run.timeline.ended_ns - run.timeline.started_ns;
        if ((double)total_ns > limit_us * 1010 || (double)total_ns < limit_us * 900)
            fail_msg("%s at w = %g mu: %llu ns", words, ratios[i / 12],
                     (unsigned long long)total_ns);
        run_close(&run);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_scan_takes_the_time_of_its_law),
        cmocka_unit_test(test_rounds_on_new_pages_shrink_geometrically),
        cmocka_unit_test(test_a_race_that_cannot_be_won_settles_at_the_plateau),
        cmocka_unit_test(test_a_scan_knows_when_it_does_not_win),
        cmocka_unit_test(test_a_scan_does_not_spend_its_allowance),
        cmocka_unit_test(test_a_total_time_limit_is_kept),
        cmocka_unit_test(test_what_is_written_again_is_within_the_total_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
