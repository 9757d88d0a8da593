/* kv and its clients, moved: nobody gets a wrong answer, and everybody goes on getting answers. */
#include "base/prng.h"
#include "base/units.h"
#include "sim/scripted.h"

#define CLIENTS 4

static struct image kv;

static int setup(void **state)
{
    (void)state;
    kv = image_read("kv");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    free(kv.data);
    return 0;
}

/* Answers that each client got after the guest had resumed at the target. */
struct after {
    uint64_t answers[CLIENTS];
    bool has_moved;
};

static void count(struct after *after, const struct event_list *events)
{
    for (size_t i = 0; i < events->count; i++) {
        const struct event *event = &events->items[i];
        after->has_moved |= event->kind == EVENT_GUEST_RESUMED;
        if (after->has_moved && event->kind == EVENT_REQUEST_ANSWERED)
            after->answers[event->request_answered.client_idx]++;
    }
}

static void assert_served(const char *words)
{
    struct scenario scenario;
    struct run run;
    struct after after = {0};
    bool is_alive = true;

    scenario_of(&scenario, words);
    assert_int_equal(run_open(&run, &scenario, kv.data, kv.count, false, NULL), STATUS_OK);
    for (uint64_t until_ns = 0; is_alive; until_ns += 50 * NS_PER_MS) {
        is_alive = run_advance(&run, until_ns);
        count(&after, &run.events);
    }
    if (!oracle_holds(world_oracle(run.world)))
        fail_msg("%s: %s", words, world_oracle(run.world)->what);
    if (run.timeline.errors > 0 || run.timeline.is_guest_fault)
        fail_msg("%s: %llu wrong answers", words, (unsigned long long)run.timeline.errors);
    assert_int_equal(run.timeline.outcome, OUTCOME_COMPLETED);
    for (uint32_t i = 0; i < CLIENTS; i++)
        if (after.answers[i] < 10)
            fail_msg("%s: client %u got %llu answers after the move", words, i,
                     (unsigned long long)after.answers[i]);
    run_close(&run);
    scenario_fini(&scenario);
}

static void test_no_client_gets_a_wrong_answer(void **state)
{
    static const char *const bandwidths[] = {"20Mbit/s", "200Mbit/s", "10Gbit/s"};
    struct prng prng = prng_make(11, 1);
    (void)state;
    for (int mode = 0; mode < MODE_COUNT; mode++)
        for (size_t i = 0; i < 3; i++)
            for (unsigned seed = 1; seed <= 3; seed++) {
                char words[240];
                snprintf(words, sizeof words,
                         "guest=kv memory=2MiB mode=%s bandwidth=%s seed=%u start-at=%lluns "
                         "clients=4 request-rate=1000/s run-for=300ms",
                         mode_name((enum mode)mode), bandwidths[i], seed,
                         (unsigned long long)prng_below(&prng, 100 * NS_PER_MS));
                assert_served(words);
            }
}

/* Traps that cost more than the guest has lived yet, and a link as slow as a satellite's. */
static void test_odd_costs_disturb_nobody(void **state)
{
    (void)state;
    assert_served("guest=kv memory=1MiB clients=4 start-at=0ns trap-cost=10ms run-for=1s");
    assert_served("guest=kv memory=1MiB clients=4 start-at=0ns latency=600ms run-for=1s");
    assert_served("guest=kv memory=1MiB clients=4 mode=post-copy latency=5ms run-for=2s");
}

static void test_a_service_does_not_depend_on_how_time_is_cut(void **state)
{
    (void)state;
    for (int mode = 0; mode < MODE_COUNT; mode++) {
        char words[160];
        struct scenario scenario;
        struct run whole, cut;
        struct prng prng = prng_make((uint64_t)mode, 2);

        snprintf(words, sizeof words, "guest=kv memory=1MiB mode=%s start-at=20ms run-for=50ms",
                 mode_name((enum mode)mode));
        scenario_of(&scenario, words);
        assert_int_equal(run_open(&whole, &scenario, kv.data, kv.count, false, NULL), STATUS_OK);
        assert_int_equal(run_open(&cut, &scenario, kv.data, kv.count, false, NULL), STATUS_OK);
        run_to_end(&whole);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_client_gets_a_wrong_answer),
        cmocka_unit_test(test_odd_costs_disturb_nobody),
        cmocka_unit_test(test_a_service_does_not_depend_on_how_time_is_cut),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
