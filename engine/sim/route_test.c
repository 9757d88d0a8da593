/* How clients find a guest that has moved: the three routes, with every guest that serves. */
#include "sim/scripted.h"

static void run_route(struct run *run, const char *guest, const char *words)
{
    struct scenario scenario;
    struct oracle oracle;
    struct image image = image_read(guest);
    char all[400];

    snprintf(all, sizeof all, "guest=%s memory=4MiB start-at=80ms run-for=700ms %s", guest, words);
    scenario_of(&scenario, all);
    assert_int_equal(run_open(run, &scenario, image.data, image.count, false, NULL), STATUS_OK);
    run_to_end(run);
    run_verify(run, image.data, image.count, &oracle);
    if (!oracle_holds(&oracle))
        fail_msg("%s: %s", all, oracle.what);
    scenario_fini(&scenario);
    free(image.data);
}

static const char *const servers[] = {"kv", "web", "chat", "game"};
static const char *const modes[] = {"pre-copy", "post-copy"};

/* Nobody notices more than a pause, whichever way packets go. */
static void test_connections_survive_by_announce_and_by_tunnel(void **state)
{
    (void)state;
    for (size_t i = 0; i < 4; i++)
        for (size_t mode = 0; mode < 2; mode++) {
            char words[200];
            struct run run;
            snprintf(words, sizeof words, "mode=%s", modes[mode]);
            run_route(&run, servers[i], words);
            assert_int_equal(run.timeline.errors, 0);
            assert_int_equal(run.timeline.trouble.packets_forwarded, 0);
            uint64_t answers = run.timeline.answers;
            run_close(&run);

            snprintf(words, sizeof words, "mode=%s route=tunnel", modes[mode]);
            run_route(&run, servers[i], words);
            assert_int_equal(run.timeline.errors, 0);
            assert_true(run.timeline.answers > answers * 9 / 10);
            assert_true(run.timeline.trouble.packets_forwarded > 100);
            assert_false(run.timeline.trouble.has_tunnel_ended);
            assert_true(world_oracle(run.world)->applies[RULE_STREAMS]);
            run_close(&run);
        }
}

/* The residual dependency is over when the time for it is, and what went through it is counted. */
static void test_a_tunnel_ends_without_losing_a_packet(void **state)
{
    struct run run;
    (void)state;
    run_route(&run, "kv", "mode=stop-and-copy route=tunnel tunnel-for=100ms");
    const struct trouble *trouble = &run.timeline.trouble;
    uint64_t dropped_by_pause = trouble->packets_dropped;
    assert_true(trouble->has_tunnel_ended);
    assert_in_range(trouble->tunnel_ended_ns - run.timeline.resumed_at_ns, 100000000, 100100000);
    assert_true(trouble->last_forwarded_ns <= trouble->tunnel_ended_ns);
    assert_int_equal(run.timeline.errors, 0);
    run_close(&run);
    /* After the pause none was lost: as many came to nobody as without any end. */
    run_route(&run, "kv", "mode=stop-and-copy route=tunnel");
    assert_int_equal(run.timeline.trouble.packets_dropped, dropped_by_pause);
    run_close(&run);
}

/* Its clients talk to a host from which the guest has gone, or which is no more. */
static void test_what_breaks_without_a_way(void **state)
{
    static const char *const ways[] = {
        "route=none",
        "route=tunnel fault=crash-source@completed",
    };
    (void)state;
    for (size_t i = 0; i < 4; i++)
        for (size_t way = 0; way < 2; way++)
            for (size_t mode = 0; mode < 2; mode++) {
                char words[200];
                struct run run;
                snprintf(words, sizeof words, "mode=%s %s", modes[mode], ways[way]);
                run_route(&run, servers[i], words);
                assert_int_equal(run.timeline.outcome, OUTCOME_COMPLETED);
                assert_true(run.timeline.errors >= 4);
                assert_true(run.timeline.trouble.packets_dropped > 0);
                assert_int_equal(world_oracle(run.world)->applies[RULE_STREAMS], way == 1);
                run_close(&run);
            }
}

/* A tunnel that was to end, and whose old host crashed first: it did not end, and that host cannot
 * be said to have been free to go. Until the target announces itself packets are lost. */
static void test_a_tunnel_that_breaks_has_not_ended(void **state)
{
    struct run run;
    (void)state;

    run_route(&run, "kv",
              "mode=pre-copy route=tunnel tunnel-for=300ms fault=crash-source@completed");
    assert_true(run.timeline.trouble.has_crashed[HOST_SOURCE]);
    assert_false(run.timeline.trouble.has_tunnel_ended);
    assert_true(run.timeline.trouble.has_rehomed);
    assert_true(run.timeline.trouble.packets_dropped > 0);
    run_close(&run);
}

/* A link that is cut while the old host still sends on: packets are lost, connections are not. */
static void test_a_tunnel_that_is_cut_for_a_while(void **state)
{
    struct run run;
    (void)state;
    run_route(&run, "kv", "mode=pre-copy route=tunnel fault=cut@completed+100ms");
    assert_int_equal(run.timeline.errors, 0);
    assert_true(run.timeline.longest_silence_ns > 100000000);
    assert_true(run.timeline.trouble.packets_forwarded > 100);
    run_close(&run);
    run_route(&run, "kv", "mode=post-copy route=tunnel fault=cut@post-copy+50ms");
    assert_int_equal(run.timeline.outcome, OUTCOME_COMPLETED);
    assert_int_equal(run.timeline.errors, 0);
    run_close(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_connections_survive_by_announce_and_by_tunnel),
        cmocka_unit_test(test_a_tunnel_ends_without_losing_a_packet),
        cmocka_unit_test(test_what_breaks_without_a_way),
        cmocka_unit_test(test_a_tunnel_that_breaks_has_not_ended),
        cmocka_unit_test(test_a_tunnel_that_is_cut_for_a_while),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
