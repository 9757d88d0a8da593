/* The dirty rate measured before a move, and what a forecast that is made of it is worth: beside
 * the move itself, for guests with a formula and without. */
#include <math.h>

#include "sim/dirty_rate.h"
#include "sim/scripted.h"

static struct problem problem;

static void measure(const char *words, struct scenario *scenario, struct image *image,
                    struct dirty_rate *rate)
{
    scenario_of(scenario, words);
    *image = scenario_is_model(scenario) ? (struct image){0} : image_read(scenario->guest);
    if (dirty_rate_measure(scenario, image->data, image->count, rate, &problem) != STATUS_OK)
        fail_msg("%s", problem.text);
}

/* Uniform writes: n (1 - e^(-w t / n)) at every length, by the log within 2 %, sampled within what
 * 1,024 pages can tell (four standard deviations of a binomial count). */
static void test_a_model_is_measured_as_the_formula_has_it(void **state)
{
    struct scenario scenario;
    struct image image;
    struct dirty_rate rate;
    (void)state;

    measure("guest=model:uniform memory=64MiB dirty-rate=20kpages/s seed=3", &scenario, &image,
            &rate);
    assert_false(rate.has_ended);
    assert_int_equal(rate.sampled_pages, 1024);
    for (uint32_t i = 0; i < DIRTY_RATE_LEVELS; i++) {
        double n = 16384, t = rate.curve.interval_s[i];
        double part = 1 - exp(-20000 * t / n);
        double sampled = (double)rate.levels[i].changed_pages / 1024;
        assert_int_equal(rate.levels[i].windows, 1024 >> i);
        assert_true(fabs(rate.curve.pages[i] / (n * part) - 1) < 0.02);
        assert_true(fabs(sampled - part) < 4 * sqrt(part * (1 - part) / 1024));
    }
    /* The longest is as long as round 0: 16,384 pages of 4,120 bytes by 1 Gbit/s. */
    assert_true(fabs(rate.curve.interval_s[DIRTY_RATE_LEVELS - 1] - 0.54) < 0.001);
    scenario_fini(&scenario);
}

/* Who writes what was there is seen by the log alone; who writes one page sees no difference. */
static void test_the_two_ways_differ_where_they_must(void **state)
{
    struct scenario scenario;
    struct image image;
    struct dirty_rate rate;
    (void)state;

    measure("guest=model:idle memory=16MiB", &scenario, &image, &rate);
    for (uint32_t i = 0; i < DIRTY_RATE_LEVELS; i++)
        assert_true(rate.levels[i].dirtied_pages == 0 && rate.levels[i].changed_pages == 0);
    scenario_fini(&scenario);

    measure("guest=hello memory=1MiB start-at=0ns", &scenario, &image, &rate);
    assert_true(rate.has_ended && rate.ended_ns < NS_PER_MS);
    assert_true(rate.levels[DIRTY_RATE_LEVELS - 1].dirtied_pages > 0);
    free(image.data);
    scenario_fini(&scenario);
}

static uint64_t forecast_pages(const struct forecast *forecast)
{
    double pages = forecast->left_pages;
    for (uint32_t i = 0; i < forecast->round_count; i++)
        pages += forecast->round_pages[i];
    return (uint64_t)(pages + 0.5);
}

static void assert_near(const char *words, const char *what, double forecast, double measured,
                        double part, double slack)
{
    if (fabs(forecast - measured) > measured * part + slack)
        fail_msg("%s: %s: forecast %g, measured %g", words, what, forecast, measured);
}

/* How good it is. The total time and the pages within `part`, or 0.5 ms and 16 pages; the rounds
 * within three, and the downtime within a half or 0.2 ms: its few last pages are chance. */
static void test_what_is_forecast_from_it_comes_to_pass(void **state)
{
    static const struct {
        const char *words;
        double part;
    } rows[] = {
        {"guest=model:uniform dirty-rate=20kpages/s", 0.01},
        {"guest=model:sequential dirty-rate=20kpages/s seed=9", 0.01},
        {"guest=model:hot-cold dirty-rate=30kpages/s", 0.05},
        {"guest=model:zipf dirty-rate=30kpages/s", 0.05},
        {"guest=model:uniform dirty-rate=40kpages/s max-rounds=12 memory=16MiB", 0.03},
        {"guest=kv", 0.02},
        {"guest=kv request-rate=5k/s free-hints=off bandwidth=100Mbit/s start-at=1s", 0.02},
        {"guest=database", 0.02}, /* nearly all of it is given away: a move of 3 ms */
        {"guest=database free-hints=off", 0.02},
        {"guest=database bandwidth=100Mbit/s free-hints=off start-at=20ms", 0.02},
        {"guest=sort start-at=20ms free-hints=off", 0.02},
        {"guest=sort bandwidth=200Mbit/s free-hints=off", 0.02},
        {"guest=kv mode=hybrid", 0.02},
        {"guest=sort mode=hybrid free-hints=off start-at=300ms", 0.02},
        {"guest=database mode=hybrid free-hints=off switch-after=2", 0.02},
    };
    (void)state;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *words = rows[i].words;
        struct scenario scenario;
        struct image image;
        struct dirty_rate rate;
        struct forecast forecast;
        struct run run;

        measure(words, &scenario, &image, &rate);
        assert_true(run_forecast_of(&scenario, &rate, scenario.mode, rate.state_bytes, &forecast));
        assert_int_equal(run_open(&run, &scenario, image.data, image.count, false, &problem),
                         STATUS_OK);
        run_to_end(&run);
        const struct timeline *timeline = &run.timeline;
        assert_near(words, "total time", forecast.total_s,
                    (double)(timeline->ended_ns - timeline->started_ns) / 1e9, rows[i].part,
                    0.0005);
        assert_near(words, "pages", (double)forecast_pages(&forecast), (double)timeline->pages_sent,
                    rows[i].part, 16);
        assert_near(words, "rounds", forecast.round_count, timeline->round_count, 0, 3);
        assert_near(words, "downtime", forecast.downtime_s, (double)timeline->downtime_ns / 1e9,
                    0.5, 0.0002);
        assert_int_equal(forecast.is_converging, !timeline->is_limit_exceeded);
        run_close(&run);
        free(image.data);
        scenario_fini(&scenario);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_model_is_measured_as_the_formula_has_it),
        cmocka_unit_test(test_the_two_ways_differ_where_they_must),
        cmocka_unit_test(test_what_is_forecast_from_it_comes_to_pass),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
