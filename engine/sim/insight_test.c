/* What a run tells of itself while it goes on and when it is over: the time left, a progress that
 * never runs backwards, where each byte went. */
#include <math.h>

#include "record/estimate.h"
#include "sim/scripted.h"

static const char *const scenarios[] = {
    "guest=model:uniform memory=16MiB dirty-rate=15kpages/s mode=stop-and-copy",
    "guest=model:uniform memory=16MiB dirty-rate=15kpages/s mode=pre-copy",
    "guest=model:uniform memory=16MiB dirty-rate=40kpages/s mode=pre-copy max-rounds=8",
    "guest=model:hot-cold memory=16MiB dirty-rate=20kpages/s mode=continuous",
    "guest=model:uniform memory=16MiB dirty-rate=15kpages/s mode=post-copy",
    "guest=model:uniform memory=16MiB dirty-rate=15kpages/s mode=hybrid compress=zero",
    "guest=kv memory=16MiB mode=pre-copy compress=delta request-rate=3k/s bandwidth=50Mbit/s",
    "guest=kv memory=16MiB mode=hybrid compress=lz4 bandwidth=50Mbit/s",
    "guest=sort memory=16MiB mode=post-copy start-at=10ms",
    "guest=database memory=16MiB mode=pre-copy bandwidth=100Mbit/s",
};
#define SCENARIO_TOTAL (sizeof scenarios / sizeof *scenarios)

static void open_run(struct run *run, struct scenario *scenario, const char *words)
{
    struct image image = {0};
    struct problem problem = {STATUS_OK, ""};
    scenario_of(scenario, words);
    if (!scenario_is_model(scenario))
        image = image_read(scenario->guest);
    if (run_open(run, scenario, image.data, image.count, false, &problem) != STATUS_OK)
        fail_msg("%s: %s", words, problem.text);
    free(image.data);
}

static void test_each_byte_went_somewhere(void **state)
{
    (void)state;
    for (size_t i = 0; i < SCENARIO_TOTAL; i++) {
        struct scenario scenario;
        struct run run;
        uint64_t sum = 0;

        open_run(&run, &scenario, scenarios[i]);
        run_to_end(&run);
        const struct timeline *timeline = &run.timeline;
        const uint64_t *uses = timeline->bytes_by_use;
        for (unsigned use = 0; use < TIMELINE_USE_COUNT; use++)
            sum += uses[use];
        assert_true(sum > 0 && sum == timeline->bytes_on_wire);
        assert_int_equal(uses[USE_FRAMING] + uses[USE_CONTROL], timeline->framing_bytes);
        assert_int_equal(uses[USE_STATE], timeline->state_bytes);
        uint64_t for_something = timeline->framing_bytes + timeline->state_bytes;
        for (unsigned why = 0; why < WHY_COUNT; why++)
            for_something += timeline->bytes_by_why[why];
        assert_int_equal(for_something, timeline->bytes_on_wire);
        if (scenario.mode == MODE_PRE_COPY) /* in whatever form: delta or not */
            assert_int_equal(timeline->bytes_by_why[WHY_RESENT] > 0, timeline->pages_resent > 0);
        bool is_all = scenario_is_model(&scenario); /* a machine gives pages away */
        if (is_all && scenario.compress == COMPRESS_NONE && scenario.mode != MODE_POST_COPY) {
            assert_int_equal(uses[USE_FIRST] + uses[USE_ZERO], 4096 * 4096ull);
            assert_int_equal(uses[USE_RESENT], timeline->pages_resent * 4096);
        }
        if (is_all && scenario.mode == MODE_POST_COPY)
            assert_int_equal(uses[USE_FAULT] + uses[USE_PUSHED] + uses[USE_ZERO], 4096 * 4096ull);
        if (scenario.compress == COMPRESS_DELTA)
            assert_true(uses[USE_DELTA] > 0 && uses[USE_ZERO] > 0);
        run_close(&run);
        scenario_fini(&scenario);
    }
}

/* Step by step: the progress grows to its end and never falls. */
static void test_progress_never_runs_backwards(void **state)
{
    (void)state;
    for (size_t i = 0; i < SCENARIO_TOTAL; i++) {
        struct scenario scenario;
        struct run run;
        struct estimate estimate = {0};
        uint32_t before = 0, half = 0;

        open_run(&run, &scenario, scenarios[i]);
        for (uint64_t at_ns = 0; run_advance(&run, at_ns); at_ns += NS_PER_MS) {
            uint32_t now = estimate_progress(&estimate, &run.timeline);
            assert_true(now >= before && now <= 1000);
            assert_true(now < 1000 || run.timeline.has_ended);
            half |= now > 250 && now < 750;
            before = now;
        }
        assert_int_equal(estimate_progress(&estimate, &run.timeline), 1000);
        /* It does not jump from nothing to all; what is mostly zeros is over at once. */
        assert_true(half || scenario.compress != COMPRESS_NONE || !scenario_is_model(&scenario));
        run_close(&run);
        scenario_fini(&scenario);
    }
}

/* At each round's end the engine says how long it will still take. Where rounds shrink evenly that
 * comes to pass: within a sixth of the time that there is. */
static void test_the_time_left_comes_to_pass(void **state)
{
    static const char *const even[] = {
        "guest=model:sequential memory=64MiB dirty-rate=15kpages/s",
        "guest=model:sequential memory=64MiB dirty-rate=22kpages/s seed=4",
        "guest=model:uniform memory=64MiB dirty-rate=6kpages/s mode=hybrid",
    };
    (void)state;
    for (size_t i = 0; i < sizeof even / sizeof *even; i++) {
        struct scenario scenario;
        struct run run;
        struct {
            uint64_t at_ns, left_ns, pages;
        } said[64] = {0};
        unsigned count = 0;

        open_run(&run, &scenario, even[i]);
        do {
            for (size_t e = 0; e < run.events.count; e++) {
                const struct event *event = &run.events.items[e];
                if (event->kind != EVENT_DOWNTIME_FORECAST || count == 64)
                    continue;
                said[count].at_ns = event->at_ns;
                said[count].left_ns = event->downtime_forecast.left_ns;
                said[count++].pages = event->downtime_forecast.pages_left;
            }
        } while (run_step(&run));
        assert_true(count > 0 && said[0].pages > 0);
        for (unsigned s = 0; s < count && said[s].pages > 200; s++) {
            double left = (double)(run.timeline.ended_ns - said[s].at_ns);
            if (fabs((double)said[s].left_ns - left) > left / 6)
                fail_msg("%s: forecast %u says %g ns, it was %g", even[i], s,
                         (double)said[s].left_ns, left);
        }
        run_close(&run);
        scenario_fini(&scenario);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_byte_went_somewhere),
        cmocka_unit_test(test_progress_never_runs_backwards),
        cmocka_unit_test(test_the_time_left_comes_to_pass),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
