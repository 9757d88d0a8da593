/* What a move must end in, whatever breaks in whichever phase: a row for each fault and instant,
 * and what becomes of it in a move that leaves pages behind and in one that does not. Every run is
 * made twice, and compared with the guest unmoved: all rules of the oracle are looked at. */
#include "base/prng.h"
#include "sim/scripted.h"

#define NO OUTCOME_COUNT /* the phase never comes in such a move */

/* In order: stop-and-copy, pre-copy, continuous; post-copy, hybrid. */
struct row {
    const char *fault;
    enum outcome at_once, left_behind;
};

static const struct row rows[] = {
    /* Before COMMIT nothing has happened. */
    {"cut@0ns", OUTCOME_ABORTED, OUTCOME_ABORTED},
    {"cut@0ns+1ms", OUTCOME_COMPLETED, OUTCOME_COMPLETED},
    {"cut@setup", OUTCOME_ABORTED, OUTCOME_ABORTED},
    {"cut@copy", OUTCOME_ABORTED, OUTCOME_ABORTED},
    {"cut@copy+1ms", OUTCOME_ABORTED, OUTCOME_ABORTED},
    {"cut@pause", OUTCOME_ABORTED, OUTCOME_ABORTED},
    {"cut@pause+10ms", OUTCOME_ABORTED, OUTCOME_ABORTED},
    {"crash-target@0ns", OUTCOME_ABORTED, OUTCOME_ABORTED},
    {"crash-target@setup", OUTCOME_ABORTED, OUTCOME_ABORTED},
    {"crash-target@copy", OUTCOME_ABORTED, OUTCOME_ABORTED},
    {"crash-target@pause", OUTCOME_ABORTED, OUTCOME_ABORTED},
    {"corrupt-to-target@copy:1B", OUTCOME_ABORTED, OUTCOME_ABORTED},
    {"corrupt-to-source@setup:1B", OUTCOME_ABORTED, OUTCOME_ABORTED},
    {"corrupt-to-target@pause:1B", OUTCOME_ABORTED, OUTCOME_ABORTED},
    {"refuse@setup:memory", OUTCOME_ABORTED, OUTCOME_ABORTED},
    {"refuse@setup:version", OUTCOME_ABORTED, OUTCOME_ABORTED},
    {"refuse@setup:feature", OUTCOME_ABORTED, OUTCOME_ABORTED},
    {"refuse@setup:kind", OUTCOME_ABORTED, OUTCOME_ABORTED},
    /* But for who had the guest. */
    {"crash-source@0ns", OUTCOME_LOST, OUTCOME_LOST},
    {"crash-source@setup", OUTCOME_LOST, OUTCOME_LOST},
    {"crash-source@copy", OUTCOME_LOST, OUTCOME_LOST},
    {"crash-source@pause", OUTCOME_LOST, OUTCOME_LOST},
    {"crash-source@aborted", OUTCOME_COMPLETED, OUTCOME_COMPLETED},
    /* COMMIT is out, and the target has not seen it. */
    {"cut@hand-over", OUTCOME_PAUSED, OUTCOME_PAUSED},
    {"cut@hand-over+5ms", OUTCOME_ABORTED, OUTCOME_ABORTED},
    {"cut@hand-over+5ms,cut@recover+5ms", OUTCOME_ABORTED, OUTCOME_ABORTED},
    {"cut@hand-over+5ms,crash-target@link-lost", OUTCOME_PAUSED, OUTCOME_PAUSED},
    {"crash-source@hand-over", OUTCOME_LOST, OUTCOME_LOST},
    {"crash-target@hand-over", OUTCOME_PAUSED, OUTCOME_PAUSED},
    {"corrupt-to-target@hand-over:1B", OUTCOME_COMPLETED, OUTCOME_PAUSED},
    /* The target has seen it, and the source does not know. */
    {"cut@running", OUTCOME_COMPLETED, OUTCOME_PAUSED},
    {"cut@running+5ms", OUTCOME_COMPLETED, OUTCOME_COMPLETED},
    {"cut@running+5ms,cut@recover+5ms", OUTCOME_COMPLETED, OUTCOME_COMPLETED},
    {"crash-source@running", OUTCOME_COMPLETED, OUTCOME_LOST},
    {"crash-target@running", OUTCOME_LOST, OUTCOME_LOST},
    {"corrupt-to-source@running+1ms:1B", OUTCOME_COMPLETED, OUTCOME_COMPLETED},
    {"corrupt-to-source@running:1B", OUTCOME_COMPLETED, NO},
    /* The guest is at both hosts. */
    {"cut@post-copy", NO, OUTCOME_PAUSED},
    {"cut@post-copy+5ms", NO, OUTCOME_COMPLETED},
    {"cut@post-copy+5ms,cut@recover+5ms,cut@35ms+5ms", NO, OUTCOME_COMPLETED},
    {"cut@post-copy+5ms,cut@recover", NO, OUTCOME_PAUSED},
    {"cut@post-copy+5ms,crash-source@link-lost", NO, OUTCOME_LOST},
    {"cut@post-copy+5ms,crash-target@recover", NO, OUTCOME_LOST},
    {"crash-source@post-copy", NO, OUTCOME_LOST},
    {"crash-target@post-copy", NO, OUTCOME_LOST},
    {"corrupt@post-copy+5ms:1B", NO, OUTCOME_COMPLETED},
    {"corrupt@post-copy:1B", NO, OUTCOME_PAUSED},
    {"corrupt@post-copy:32KiB", NO, OUTCOME_COMPLETED},
    /* It is done. */
    {"cut@completed", OUTCOME_COMPLETED, OUTCOME_COMPLETED},
    {"crash-source@completed", OUTCOME_COMPLETED, OUTCOME_COMPLETED},
    {"crash-target@completed", OUTCOME_LOST, OUTCOME_LOST},
    /* These only take their time. */
    {"slow@setup", OUTCOME_COMPLETED, OUTCOME_COMPLETED},
    {"slow@copy+5ms:1000x", OUTCOME_COMPLETED, OUTCOME_COMPLETED},
    {"delay@copy+5ms:2ms,slow-to-source@pause:2x", OUTCOME_COMPLETED, OUTCOME_COMPLETED},
};

static void run_row(struct run *run, const char *guest, enum mode mode, const char *fault,
                    uint64_t seed)
{
    struct scenario scenario;
    struct oracle oracle;
    char words[400];
    bool is_model = strncmp(guest, "model:", 6) == 0;

    snprintf(words, sizeof words, "guest=%s mode=%s fault=%s seed=%llu start-at=3ms %s", guest,
             mode_name(mode), fault, (unsigned long long)seed,
             is_model ? "memory=1MiB run-for=20ms bandwidth=1Gbit/s"
                      : "memory=1MiB bandwidth=1Gbit/s");
    struct image image = {0};
    if (!is_model)
        image = image_read(guest);
    scenario_of(&scenario, words);
    if (!is_model)
        assert_int_equal(scenario_set(&scenario, "args", "--count 40000", NULL), STATUS_OK);
    assert_int_equal(run_open(run, &scenario, image.data, image.count, false, NULL), STATUS_OK);
    run_to_end(run);
    run_verify(run, image.data, image.count, &oracle);
    if (!oracle_holds(&oracle))
        fail_msg("%s: %s", words, oracle.what);
    scenario_fini(&scenario);
    free(image.data);
}

static void assert_row(const struct row *row, const char *guest, enum mode mode)
{
    bool leaves_behind = mode == MODE_POST_COPY || mode == MODE_HYBRID;
    enum outcome wanted = leaves_behind ? row->left_behind : row->at_once;
    struct run run;

    if (wanted == NO)
        return;
    run_row(&run, guest, mode, row->fault, 1);
    if (!run.timeline.has_ended || run.timeline.outcome != wanted)
        fail_msg("%s, %s, %s: %s instead of %s (%s)", guest, mode_name(mode), row->fault,
                 run.timeline.has_ended ? outcome_name(run.timeline.outcome) : "no end",
                 outcome_name(wanted), world_reason(run.world));
    if (*world_reason(run.world) == '\0')
        fail_msg("%s, %s: nobody says why", mode_name(mode), row->fault);
    assert_int_equal(world_oracle(run.world)->applies[RULE_SAFE],
                     wanted == OUTCOME_ABORTED || wanted == OUTCOME_PAUSED);
    run_close(&run);
}

static void test_every_fault_in_every_phase_ends_as_it_must(void **state)
{
    static const enum mode modes[] = {MODE_STOP_AND_COPY, MODE_PRE_COPY, MODE_CONTINUOUS,
                                      MODE_POST_COPY, MODE_HYBRID};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (size_t k = 0; k < sizeof modes / sizeof modes[0]; k++) {
            assert_row(&rows[i], "model:uniform", modes[k]);
            assert_row(&rows[i], "sort", modes[k]);
        }
}

/* After a cut only what is not there travels: of what had been sent, a link's latency full. */
static void test_a_recovery_sends_what_is_missing_and_no_more(void **state)
{
    static const struct {
        const char *fault;
        uint64_t losses;
    } cases[] = {
        {"none", 0},
        {"cut@40ms+3ms", 1},
        {"cut@post-copy+3ms,cut@30ms+1ms,cut@60ms+2ms,cut@recover+5ms", 4},
        {"cut@running+20ms,cut@80ms+1ns", 2},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scenario scenario;
        struct run run;
        char words[300];
        snprintf(words, sizeof words,
                 "guest=model:uniform mode=post-copy memory=16MiB start-at=3ms run-for=1ms "
                 "dirty-rate=20000pages/s fault=%s",
                 cases[i].fault);
        scenario_of(&scenario, words);
        assert_int_equal(run_open(&run, &scenario, NULL, 0, false, NULL), STATUS_OK);
        run_to_end(&run);
        assert_true(oracle_holds(world_oracle(run.world)));
        assert_int_equal(run.timeline.outcome, OUTCOME_COMPLETED);
        assert_int_equal(run.timeline.trouble.link_losses, cases[i].losses);
        assert_true(run.timeline.trouble.recoveries >= 1 || cases[i].losses == 0);
        assert_in_range(run.timeline.pages_sent, 4096, 4096 + 8 * cases[i].losses);
        assert_int_equal(run.timeline.pages_resent, run.timeline.pages_sent - 4096);
        assert_true(cases[i].losses == 0 || run.timeline.trouble.lost_ns > 0);
        run_close(&run);
        scenario_fini(&scenario);
    }
}

/* Nobody pushes: a hart that waited when the link was cut is answered because the target asks
 * again. */
static void test_what_was_waited_for_is_asked_for_again(void **state)
{
    struct scenario scenario;
    struct run run;
    (void)state;
    scenario_of(&scenario,
                "guest=model:uniform mode=post-copy memory=4MiB start-at=3ms run-for=1ms "
                "prefetch=none push-after=1s fault=cut@20ms+3ms,cut@40ms+2ms");
    assert_int_equal(run_open(&run, &scenario, NULL, 0, false, NULL), STATUS_OK);
    run_to_end(&run);
    assert_true(oracle_holds(world_oracle(run.world)));
    assert_int_equal(run.timeline.outcome, OUTCOME_COMPLETED);
    assert_in_range(timeline_fault_wait(&run.timeline).max, 2000000, 6000000);
    run_close(&run);
    scenario_fini(&scenario);
}

/* Whatever is changed on the way, wherever: never a page that was not checked. */
static void test_bytes_that_change_at_random_harm_nothing(void **state)
{
    static const char *const rates[] = {"2KiB", "16KiB", "100KiB", "700KiB"};
    uint64_t changed_ends = 0;
    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        enum mode mode = (enum mode)(seed % MODES_COMPARED);
        char fault[64];
        struct run run;
        snprintf(fault, sizeof fault, "corrupt@%llums:%s", (unsigned long long)(seed % 16),
                 rates[seed % 4]);
        run_row(&run, seed % 3 == 0 ? "sort" : "model:uniform", mode, fault, seed);
        assert_int_not_equal(run.timeline.outcome, OUTCOME_LOST);
        changed_ends +=
            run.timeline.outcome != OUTCOME_COMPLETED || run.timeline.trouble.link_losses > 0;
        run_close(&run);
    }
    assert_true(changed_ends > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_fault_in_every_phase_ends_as_it_must),
        cmocka_unit_test(test_a_recovery_sends_what_is_missing_and_no_more),
        cmocka_unit_test(test_what_was_waited_for_is_asked_for_again),
        cmocka_unit_test(test_bytes_that_change_at_random_harm_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
