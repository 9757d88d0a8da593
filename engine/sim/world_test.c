/* The world by example: theory against measurement on model guests, where nothing but the engine
 * and the link can be wrong. */
#include <math.h>

#include "base/prng.h"
#include "sim/scripted.h"
#include "wire/message.h"

static void run_words(struct run *run, const char *words)
{
    struct scenario scenario;
    struct problem problem = {0};

    scenario_of(&scenario, words);
    if (run_open(run, &scenario, NULL, 0, false, &problem) != STATUS_OK)
        fail_msg("%s", problem.text);
    run_to_end(run);
    scenario_fini(&scenario);
    if (!oracle_holds(world_oracle(run->world)))
        fail_msg("%s", world_oracle(run->world)->what);
}

static void assert_near(const char *what, double measured, double expected, double tolerance)
{
    if (fabs(measured - expected) > tolerance)
        fail_msg("%s: measured %.9g, expected %.9g within %.3g", what, measured, expected,
                 tolerance);
}

/* C4: V' = N (1 - e^(-w V / (mu N))), each round from the set that was really sent. Four standard
 * deviations of the count of pages hit at least once by k random writes: its variance is below
 * N e^-a (1 - e^-a (1 + a)) with a = k/N. */
static void assert_rounds(const struct timeline *timeline, double pages, double write_rate,
                          double page_rate)
{
    for (uint32_t i = 0; i + 1 < timeline->round_count; i++) {
        double a = write_rate * (double)timeline->rounds[i].pages_sent / (page_rate * pages);
        double expected = pages * (1 - exp(-a));
        double deviation = sqrt(pages * exp(-a) * (1 - exp(-a) * (1 + a)));
        double tolerance = fmax(fmax(expected * 0.01, 4 * deviation), 1);
        assert_int_equal(timeline->rounds[i].dirtied_pages, timeline->rounds[i + 1].pages_sent);
        assert_near("pages of a round", (double)timeline->rounds[i].dirtied_pages, expected,
                    tolerance);
    }
}

static void test_rounds_follow_the_exponential_form(void **state)
{
    static const struct {
        const char *words;
        double write_rate, bits_per_s;
    } cases[] = {
        {"guest=model:uniform memory=4000000KiB dirty-rate=100000pages/s bandwidth=10Gbit/s", 1e5,
         1e10},
        {"guest=model:uniform memory=4000000KiB dirty-rate=250000pages/s bandwidth=10Gbit/s seed=7",
         2.5e5, 1e10},
        {"guest=model:uniform memory=4000000KiB dirty-rate=400000pages/s bandwidth=10Gbit/s seed=3",
         4e5, 1e10},
        {"guest=model:uniform memory=400000KiB dirty-rate=20000pages/s bandwidth=1Gbit/s seed=9",
         2e4, 1e9},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct run run;
        run_words(&run, cases[i].words);
        assert_int_equal(run.timeline.outcome, OUTCOME_COMPLETED);
        assert_true(run.timeline.round_count >= 3);
        assert_rounds(&run.timeline, (double)run.timeline.total_pages, cases[i].write_rate,
                      cases[i].bits_per_s / 8 / MESSAGE_PAGE_WIRE_BYTES);
        run_close(&run);
    }
}

/* C3 and C8: downtime = (bytes sent while paused) / B + L. */
static void test_downtimes_are_those_of_theory(void **state)
{
    static const char *const sizes[] = {"16MiB", "1GiB", "64GiB"};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct run run;
        char words[160];
        snprintf(words, sizeof words,
                 "guest=model:idle memory=%s bandwidth=10Gbit/s mode=stop-and-copy", sizes[i]);
        run_words(&run, words);
        double bytes = (double)run.timeline.total_pages * MESSAGE_PAGE_WIRE_BYTES;
        double expected = (bytes + (double)run.timeline.state_bytes) * 8 / 10e9 + 100e-6;
        assert_near("stop-and-copy", (double)run.timeline.downtime_ns / 1e9, expected,
                    expected / 1e4);
        run_close(&run);

        snprintf(words, sizeof words,
                 "guest=model:uniform memory=%s bandwidth=10Gbit/s mode=post-copy run-for=1ms",
                 sizes[i]);
        if (i == 2)
            continue; /* a fault on each of 16,777,216 pages shows nothing that 262,144 do not */
        run_words(&run, words);
        expected = (double)run.timeline.state_bytes * 8 / 10e9 + 100e-6;
        assert_near("post-copy", (double)run.timeline.downtime_ns / 1e9, expected, expected / 1e4);
        assert_int_equal(run.timeline.pages_sent, run.timeline.total_pages);
        assert_int_equal(run.timeline.pages_resent, 0);
        run_close(&run);
    }
}

/* A machine of 64 GiB over 10 Gbit/s is the curriculum's catastrophe: 54.98 s without framing. */
static void test_the_shop_is_closed_for_55_seconds(void **state)
{
    struct run run;
    (void)state;
    run_words(&run, "guest=model:idle memory=64GiB bandwidth=10Gbit/s mode=stop-and-copy");
    assert_int_equal(run.timeline.total_pages, 16777216);
    assert_near("downtime", (double)run.timeline.downtime_ns / 1e9, 54.98, 0.55);
    run_close(&run);
}

/* The forecast made before a run, and the run: where the rounds stop by expectation and by counts
 * at the same place (many pages, rates apart from every limit), they must agree. */
static void test_forecasts_come_true(void **state)
{
    static const char *const cases[] = {
        "mode=stop-and-copy memory=256MiB latency=50ms",
        "mode=post-copy memory=256MiB latency=50ms dirty-rate=20000pages/s",
        "mode=hybrid memory=256MiB dirty-rate=20000pages/s switch-after=1",
        "mode=hybrid memory=256MiB latency=50ms dirty-rate=9000pages/s switch-after=3",
        "mode=hybrid memory=16MiB dirty-rate=1pages/s switch-after=2",
        "mode=pre-copy memory=1GiB latency=50ms dirty-rate=9000pages/s downtime-limit=200ms",
        "mode=pre-copy memory=256MiB dirty-rate=40000pages/s max-rounds=4",
        "mode=pre-copy memory=256MiB latency=1s dirty-rate=25000pages/s working-set=64MiB "
        "max-rounds=6 bandwidth=1Gbit/s downtime-limit=1ms",
        "guest=model:hot-cold mode=pre-copy memory=1GiB dirty-rate=20000pages/s max-rounds=3",
        "guest=model:zipf mode=pre-copy memory=1GiB dirty-rate=30000pages/s max-rounds=4",
        "guest=model:zipf mode=hybrid memory=1GiB working-set=512MiB dirty-rate=90000pages/s",
        "guest=model:sequential mode=hybrid memory=1GiB dirty-rate=20000pages/s switch-after=2",
        "guest=model:sequential mode=pre-copy memory=1GiB working-set=64MiB dirty-rate=40kpages/s "
        "max-rounds=5",
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char words[240];
        struct run run;
        struct forecast forecast;
        snprintf(words, sizeof words, "guest=model:uniform run-for=0ms %s", cases[i]);
        run_words(&run, words);
        const struct timeline *timeline = &run.timeline;
        assert_true(run_forecast(&run.scenario, run.scenario.mode, world_state_bytes(run.world),
                                 &forecast));
        double total_s = (double)(timeline->ended_ns - timeline->started_ns) / 1e9;
        double downtime_s = (double)timeline->downtime_ns / 1e9;
        assert_near(cases[i], total_s, forecast.total_s, forecast.total_s * 0.01);
        assert_near(cases[i], downtime_s, forecast.downtime_s, forecast.downtime_s * 0.02);
        assert_int_equal(timeline->round_count, forecast.round_count);
        assert_int_equal(timeline->is_limit_exceeded, !forecast.is_converging);
        run_close(&run);
    }
}

/* C6: the guest stands still while a trap is handled, so a round has time for no more of them. */
static void test_a_trap_costs_world_time(void **state)
{
    struct run run;
    (void)state;
    run_words(&run, "guest=model:uniform memory=64MiB dirty-rate=30000pages/s trap-cost=1ms "
                    "max-rounds=3 run-for=0ms");
    for (uint32_t i = 0; i < 3; i++) {
        const struct timeline_round *round = &run.timeline.rounds[i];
        assert_near("traps of a round", (double)round->dirtied_pages,
                    (double)round->duration_ns / (1e6 + 1e9 / 30000),
                    2 + (double)round->dirtied_pages * 0.04);
    }
    run_close(&run);
}

static void test_limits_end_a_race_that_cannot_be_won(void **state)
{
    static const char *const base =
        "guest=model:uniform memory=64MiB dirty-rate=60000pages/s bandwidth=1Gbit/s max-rounds=5";
    char words[200];
    struct run run;
    (void)state;

    run_words(&run, base);
    assert_int_equal(run.timeline.outcome, OUTCOME_COMPLETED);
    assert_true(run.timeline.is_limit_exceeded);
    assert_int_equal(run.timeline.round_count, 6);
    assert_true(run.timeline.rounds[5].is_paused);
    run_close(&run);

    snprintf(words, sizeof words, "%s on-limit=abort", base);
    run_words(&run, words);
    assert_int_equal(run.timeline.outcome, OUTCOME_ABORTED);
    assert_int_equal(run.timeline.host, HOST_SOURCE);
    assert_int_equal(run.timeline.downtime_ns, 0);
    run_close(&run);

    snprintf(words, sizeof words, "%s on-limit=post-copy", base);
    run_words(&run, words);
    assert_int_equal(run.timeline.outcome, OUTCOME_COMPLETED);
    assert_true(run.timeline.faults > 0);
    assert_true(run.timeline.downtime_ns < 1000000);
    run_close(&run);
}

/* An allowance is not spent because it is there: with a limit of a minute the guest is still not
 * paused before the rounds have stopped shrinking. */
static void test_a_downtime_allowance_is_not_spent(void **state)
{
    struct run small, large;
    (void)state;
    run_words(&small,
              "guest=model:uniform memory=64MiB dirty-rate=5000pages/s downtime-limit=30ms");
    run_words(&large, "guest=model:uniform memory=64MiB dirty-rate=5000pages/s downtime-limit=60s");
    assert_int_equal(small.timeline.downtime_ns, large.timeline.downtime_ns);
    run_close(&small);
    run_close(&large);
    run_words(&small, "guest=model:uniform memory=64MiB dirty-rate=100pages/s downtime-limit=0ms");
    assert_int_equal(small.timeline.rounds[small.timeline.round_count - 1].pages_sent, 0);
    run_close(&small);
}

static void test_a_run_does_not_depend_on_how_it_is_cut(void **state)
{
    static const char *const modes[] = {"stop-and-copy", "pre-copy", "post-copy", "hybrid"};
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        char words[160];
        struct run whole, cut;
        struct scenario scenario;
        snprintf(words, sizeof words, "guest=model:uniform memory=16MiB mode=%s run-for=10ms",
                 modes[i]);
        run_words(&whole, words);
        scenario_of(&scenario, words);
        assert_int_equal(run_open(&cut, &scenario, NULL, 0, false, NULL), STATUS_OK);
        struct prng prng = prng_make(i, 1);
        while (prng_below(&prng, 3) == 0
                   ? run_step(&cut)
                   : run_advance(&cut, world_now_ns(cut.world) + prng_below(&prng, 300000)))
            ;
        assert_int_equal(recorder_digest(&whole.recorder), recorder_digest(&cut.recorder));
        run_close(&whole);
        run_close(&cut);
        scenario_fini(&scenario);
    }
}

static void test_people_may_interfere(void **state)
{
    struct scenario scenario;
    struct run run;
    (void)state;

    scenario_of(&scenario, "guest=model:uniform memory=16MiB bandwidth=200Mbit/s start-at=10s");
    assert_int_equal(run_open(&run, &scenario, NULL, 0, false, NULL), STATUS_OK);
    run_advance(&run, 1000000);
    assert_false(world_switch_to_post_copy(run.world, NULL));
    assert_false(world_abort(run.world, NULL));
    assert_true(world_start(run.world, NULL));
    assert_false(world_start(run.world, NULL));
    run_advance(&run, 300000000);
    assert_true(world_switch_to_post_copy(run.world, NULL));
    run_to_end(&run);
    assert_int_equal(run.timeline.outcome, OUTCOME_COMPLETED);
    assert_true(run.timeline.pages_pushed > 0);
    assert_true(oracle_holds(world_oracle(run.world)));
    run_close(&run);

    assert_int_equal(run_open(&run, &scenario, NULL, 0, false, NULL), STATUS_OK);
    assert_true(world_start(run.world, NULL));
    run_advance(&run, 300000000);
    assert_true(world_abort(run.world, NULL));
    run_to_end(&run);
    assert_int_equal(run.timeline.outcome, OUTCOME_ABORTED);
    assert_string_equal(world_reason(run.world), "given up on request");
    run_close(&run);
    scenario_fini(&scenario);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rounds_follow_the_exponential_form),
        cmocka_unit_test(test_downtimes_are_those_of_theory),
        cmocka_unit_test(test_the_shop_is_closed_for_55_seconds),
        cmocka_unit_test(test_forecasts_come_true),
        cmocka_unit_test(test_a_trap_costs_world_time),
        cmocka_unit_test(test_limits_end_a_race_that_cannot_be_won),
        cmocka_unit_test(test_a_downtime_allowance_is_not_spent),
        cmocka_unit_test(test_a_run_does_not_depend_on_how_it_is_cut),
        cmocka_unit_test(test_people_may_interfere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
