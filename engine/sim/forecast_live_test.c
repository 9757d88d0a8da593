/* What a move says of itself while it goes on, from its second round on: the downtime that it will
 * come to, and the time left. Within a quarter or a millisecond of what then happens, in the median
 * of twenty moves (the median of what each has said).
 */
#include "sim/scripted.h"

#include "base/units.h"

#define MOVES    20
#define SAID_MAX 128
#define LEAST_NS 1000000u
#define ALLOWED  1000u /* thousandths of a quarter, or of LEAST_NS */

struct said {
    uint64_t at_ns, pause_ns, left_ns;
};

static int by_size(const void *a, const void *b)
{
    const uint64_t *left = a, *right = b;
    return (*left > *right) - (*left < *right);
}

static uint64_t median(uint64_t *values, size_t count)
{
    qsort(values, count, sizeof *values, by_size);
    return values[(count - 1) / 2];
}

/* How far it was off, of what is allowed. */
static uint64_t miss(uint64_t said_ns, uint64_t real_ns)
{
    uint64_t off_ns = said_ns > real_ns ? said_ns - real_ns : real_ns - said_ns;
    uint64_t allowed_ns = real_ns / 4 > LEAST_NS ? real_ns / 4 : LEAST_NS;
    return off_ns * 1000 / allowed_ns;
}

static size_t listen(const struct run *run, struct said *said, size_t count)
{
    for (size_t i = 0; i < run->events.count && count < SAID_MAX; i++) {
        const struct event *event = &run->events.items[i];
        if (event->kind == EVENT_DOWNTIME_FORECAST)
            said[count++] = (struct said){.at_ns = event->at_ns,
                                          .pause_ns = event->downtime_forecast.pause_ns,
                                          .left_ns = event->downtime_forecast.left_ns};
    }
    return count;
}

static void move(const char *words, uint64_t seed, uint64_t *downtime_miss, uint64_t *left_miss)
{
    uint64_t downtimes[SAID_MAX], lefts[SAID_MAX];
    struct said said[SAID_MAX];
    struct scenario scenario;
    struct image image = {.data = NULL};
    struct problem problem = {0};
    struct run run;
    size_t count = 0;
    char line[400];

    snprintf(line, sizeof line, "%s seed=%llu run-for=0ms", words, (unsigned long long)seed);
    scenario_of(&scenario, line);
    if (!scenario_is_model(&scenario))
        image = image_read(scenario.guest);
    if (run_open(&run, &scenario, image.data, image.count, false, &problem) != STATUS_OK)
        fail_msg("%s: %s", line, problem.text);
    do
        count = listen(&run, said, count);
    while (run_step(&run));
    assert_int_equal(run.timeline.outcome, OUTCOME_COMPLETED);
    assert_true(count > 0);
    for (size_t i = 0; i < count; i++) {
        downtimes[i] = miss(said[i].pause_ns, run.timeline.downtime_ns);
        lefts[i] = miss(said[i].left_ns, run.timeline.ended_ns - said[i].at_ns);
    }
    *downtime_miss = median(downtimes, count);
    *left_miss = median(lefts, count);
    run_close(&run);
    scenario_fini(&scenario);
    free(image.data);
}

static void test_what_is_said_comes_to_pass(void **state)
{
    static const char *const moves[] = {
        "guest=model:uniform memory=32MiB dirty-rate=15kpages/s mode=pre-copy",
        "guest=model:uniform memory=32MiB dirty-rate=25kpages/s mode=pre-copy",
        "guest=model:uniform memory=32MiB dirty-rate=25kpages/s mode=hybrid",
        "guest=model:uniform memory=32MiB dirty-rate=15kpages/s mode=continuous",
        "guest=model:hot-cold memory=32MiB dirty-rate=10kpages/s mode=pre-copy",
        "guest=model:hot-cold memory=32MiB dirty-rate=10kpages/s mode=hybrid switch-after=3",
        "guest=model:zipf memory=32MiB dirty-rate=10kpages/s mode=auto",
        "guest=memwalk memory=16MiB dirty-rate=4kpages/s mode=pre-copy",
        "guest=memwalk memory=16MiB dirty-rate=4kpages/s pattern=hot-cold mode=pre-copy",
        "guest=kv memory=32MiB bandwidth=200Mbit/s clients=4 request-rate=2k/s mode=pre-copy",
        "guest=kv memory=32MiB bandwidth=200Mbit/s clients=4 request-rate=2k/s mode=hybrid",
        "guest=kv memory=32MiB bandwidth=200Mbit/s clients=0 mode=pre-copy",
    };
    (void)state;
    for (size_t i = 0; i < sizeof moves / sizeof moves[0]; i++) {
        uint64_t downtimes[MOVES], lefts[MOVES];
        for (uint64_t seed = 0; seed < MOVES; seed++)
            move(moves[i], seed + 1, &downtimes[seed], &lefts[seed]);
        uint64_t downtime = median(downtimes, MOVES), left = median(lefts, MOVES);
        if (downtime > ALLOWED || left > ALLOWED)
            fail_msg("%s: of what is allowed the downtime was off by %llu, the time left by %llu "
                     "thousandths",
                     moves[i], (unsigned long long)downtime, (unsigned long long)left);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_what_is_said_comes_to_pass)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
