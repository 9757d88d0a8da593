/* Each strategy as a table: what it sees, what it asks for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "migrate/phase.h"
#include "migrate/strategy.h"

/* A view in which `left` of 1000 pages are to be sent, after a round that sent `sent` pages in
 * sent * 10 us and saw `dirtied` of them dirtied. */
struct situation {
    enum phase phase;
    uint64_t left, rounds_done, sent, dirtied;
    uint64_t downtime_limit_ns;
    bool is_link_busy;
    uint64_t now_ns, total_time_ns; /* 0: none */
    uint64_t in_log;                /* the last pages */
    uint64_t pages_sent;
    enum on_limit on_limit;
    enum switch_when switch_when;
};

/* The sets of a view, of 1000 pages each. */
struct sets {
    struct bitmap to_send, dirty;
};

static void sets_fini(struct sets *sets)
{
    bitmap_fini(&sets->to_send);
    bitmap_fini(&sets->dirty);
}

static struct view view_of(const struct situation *situation, struct sets *sets)
{
    uint64_t total_ns = situation->total_time_ns;

    bitmap_init(&sets->to_send, 1000);
    bitmap_init(&sets->dirty, 1000);
    bitmap_set_run(&sets->to_send, 0, situation->left);
    bitmap_set_run(&sets->dirty, 1000 - situation->in_log, situation->in_log);
    return (struct view){
        .phase = situation->phase,
        .now_ns = situation->now_ns,
        .total_pages = 1000,
        .to_send = &sets->to_send,
        .choice = {.of = &sets->to_send},
        .dirty = &sets->dirty,
        .rounds_done = situation->rounds_done,
        .last = {.pages = situation->sent,
                 .pages_sent = situation->sent,
                 .bytes_sent = situation->sent * 4120,
                 .dirtied_pages = situation->dirtied,
                 .left_pages = situation->dirtied,
                 .duration_ns = situation->sent * 10000,
                 .link_ns = situation->sent * 10000},
        .pages_sent = situation->pages_sent,
        .is_link_idle = !situation->is_link_busy,
        .page_bytes = 4120,
        .state_bytes = 412,
        .half_rtt_ns = 1000,
        .limits = {.downtime_ns = situation->downtime_limit_ns,
                   .max_rounds = 5,
                   .total_time_ns = total_ns == 0 ? LIMIT_NONE : total_ns,
                   .on_limit = situation->on_limit,
                   .switch_when = situation->switch_when,
                   .switch_after = 2,
                   .switch_below_bytes = 100 * 4096,
                   .switch_deadline_ns = 1000000},
    };
}

static enum action_kind ask(enum mode mode, const struct situation *situation, void *memo,
                            struct action *action)
{
    struct sets sets;
    struct view view = view_of(situation, &sets);
    *action = (struct action){.kind = ACTION_WAIT};
    strategy_of(mode)->next(&view, memo, action);
    sets_fini(&sets);
    return action->kind;
}

static void test_first_and_last_actions_of_every_mode(void **state)
{
    static const struct {
        enum mode mode;
        struct situation situation;
        enum action_kind expected;
    } cases[] = {
        {MODE_STOP_AND_COPY, {.phase = PHASE_COPY, .left = 1000}, ACTION_PAUSE},
        {MODE_STOP_AND_COPY, {.phase = PHASE_PAUSE, .left = 1000}, ACTION_SEND},
        {MODE_STOP_AND_COPY, {.phase = PHASE_PAUSE, .left = 0}, ACTION_HAND_OVER},
        {MODE_POST_COPY, {.phase = PHASE_COPY, .left = 1000}, ACTION_PAUSE},
        {MODE_POST_COPY, {.phase = PHASE_PAUSE, .left = 1000}, ACTION_HAND_OVER},
        {MODE_POST_COPY, {.phase = PHASE_HAND_OVER, .left = 1000}, ACTION_PUSH},
        {MODE_POST_COPY, {.phase = PHASE_POST_COPY, .left = 1}, ACTION_PUSH},
        {MODE_PRE_COPY, {.phase = PHASE_COPY, .left = 1000}, ACTION_SEND},
        {MODE_PRE_COPY, {.phase = PHASE_COPY, .left = 0}, ACTION_FETCH},
        {MODE_PRE_COPY, {.phase = PHASE_COPY, .left = 0, .is_link_busy = true}, ACTION_WAIT},
        {MODE_PRE_COPY, {.phase = PHASE_PAUSE, .left = 3}, ACTION_SEND},
        {MODE_PRE_COPY, {.phase = PHASE_PAUSE, .left = 0}, ACTION_HAND_OVER},
        {MODE_CONTINUOUS, {.phase = PHASE_COPY, .left = 1000}, ACTION_FETCH},
        {MODE_CONTINUOUS, {.phase = PHASE_COPY, .left = 0}, ACTION_PAUSE},
        {MODE_CONTINUOUS, {.phase = PHASE_COPY, .left = 0, .is_link_busy = true}, ACTION_WAIT},
        {MODE_CONTINUOUS, {.phase = PHASE_PAUSE, .left = 3}, ACTION_SEND},
        {MODE_CONTINUOUS, {.phase = PHASE_PAUSE, .left = 0}, ACTION_HAND_OVER},
        {MODE_HYBRID, {.phase = PHASE_COPY, .left = 1000}, ACTION_SEND},
        {MODE_HYBRID, {.phase = PHASE_COPY, .left = 0, .rounds_done = 1}, ACTION_FETCH},
        {MODE_HYBRID, {.phase = PHASE_COPY, .left = 50, .rounds_done = 2}, ACTION_PAUSE},
        {MODE_HYBRID, {.phase = PHASE_PAUSE, .left = 50}, ACTION_HAND_OVER},
        {MODE_HYBRID, {.phase = PHASE_POST_COPY, .left = 50}, ACTION_PUSH},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t memo[MEMO_BYTES / 8] = {0};
        struct action action;
        if (ask(cases[i].mode, &cases[i].situation, memo, &action) != cases[i].expected)
            fail_msg("case %zu: action %d instead of %d", i, action.kind, cases[i].expected);
    }
}

/* The rule of the pause, one inequality at a time: the downtime of V pages is V * 10 us + 2 us. */
static void test_when_pre_copy_pauses(void **state)
{
    static const struct {
        struct situation after_fetch;
        enum action_kind expected;
        const char *why;
    } cases[] = {
        {{.left = 100, .sent = 125, .dirtied = 100, .downtime_limit_ns = 2000000},
         ACTION_PAUSE,
         "within the limit, and 80 pages are not a quarter less"},
        {{.left = 100, .sent = 200, .dirtied = 100, .downtime_limit_ns = 2000000},
         ACTION_SEND,
         "within the limit, but another round would halve it"},
        {{.left = 100, .sent = 125, .dirtied = 100, .downtime_limit_ns = 900000},
         ACTION_SEND,
         "not within the limit"},
        {{.left = 0, .sent = 125, .dirtied = 0, .downtime_limit_ns = 900000},
         ACTION_PAUSE,
         "nothing is left"},
        {{.left = 0, .sent = 125, .dirtied = 0, .downtime_limit_ns = 0},
         ACTION_PAUSE,
         "nothing is left, as a limit of 0 demands"},
        {{.left = 1, .sent = 1, .dirtied = 1, .downtime_limit_ns = 0},
         ACTION_SEND,
         "one page is left, and a limit of 0 allows none"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t memo[MEMO_BYTES / 8] = {0};
        struct action action;
        struct situation before = cases[i].after_fetch, after = cases[i].after_fetch;
        before.phase = after.phase = PHASE_COPY;
        before.left = 0;
        assert_int_equal(ask(MODE_PRE_COPY, &before, memo, &action), ACTION_FETCH);
        if (ask(MODE_PRE_COPY, &after, memo, &action) != cases[i].expected)
            fail_msg("%s: action %d instead of %d", cases[i].why, action.kind, cases[i].expected);
        assert_false(action.is_limit_exceeded);
    }
}

static void test_what_happens_at_the_round_limit(void **state)
{
    static const struct {
        enum on_limit on_limit;
        uint64_t downtime_limit_ns;
        enum action_kind expected;
        bool is_limit_exceeded;
    } cases[] = {
        {ON_LIMIT_PAUSE, 900000, ACTION_PAUSE, true},
        {ON_LIMIT_ABORT, 900000, ACTION_GIVE_UP, true},
        {ON_LIMIT_POST_COPY, 900000, ACTION_PAUSE, true},
        {ON_LIMIT_ABORT, 2000000, ACTION_PAUSE, false}, /* the last round got it within the limit */
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t memo[MEMO_BYTES / 8] = {0};
        struct sets sets;
        struct action action = {.kind = ACTION_WAIT};
        struct situation situation = {.phase = PHASE_COPY,
                                      .sent = 200,
                                      .dirtied = 100,
                                      .downtime_limit_ns = cases[i].downtime_limit_ns};
        assert_int_equal(ask(MODE_PRE_COPY, &situation, memo, &action), ACTION_FETCH);

        situation.left = 100;
        situation.rounds_done = 5;
        struct view view = view_of(&situation, &sets);
        view.limits.on_limit = cases[i].on_limit;
        action = (struct action){.kind = ACTION_WAIT};
        pre_copy_next(&view, memo, &action);
        assert_int_equal(action.kind, cases[i].expected);
        assert_int_equal(action.is_limit_exceeded, cases[i].is_limit_exceeded);

        /* After the pause, post-copy hands over what is left; the others send it first. */
        view.phase = PHASE_PAUSE;
        action = (struct action){.kind = ACTION_WAIT};
        pre_copy_next(&view, memo, &action);
        assert_int_equal(action.kind,
                         cases[i].on_limit == ON_LIMIT_POST_COPY ? ACTION_HAND_OVER : ACTION_SEND);
        sets_fini(&sets);
    }
}

/* Nothing was dirtied in the first of five rounds: there is no second to wait for. */
static void test_hybrid_does_not_wait_for_rounds_that_cannot_come(void **state)
{
    static const struct situation sent = {.phase = PHASE_COPY, .left = 0};
    static const struct situation fetched = {.phase = PHASE_COPY, .left = 0, .rounds_done = 1};
    uint64_t memo[MEMO_BYTES / 8] = {0};
    struct action action;
    (void)state;
    assert_int_equal(ask(MODE_HYBRID, &sent, memo, &action), ACTION_FETCH);
    assert_int_equal(ask(MODE_HYBRID, &fetched, memo, &action), ACTION_PAUSE);
}

/* Each rule beside a situation in which it does not hold yet. The downtime of V pages, and so the
 * time to send them, is V * 10 us + 2 us. */
static void test_when_hybrid_switches(void **state)
{
    static const struct {
        struct situation after_fetch;
        enum action_kind expected;
        const char *reason;
    } cases[] = {
        {{.switch_when = SWITCH_NO_PROGRESS, .left = 76, .sent = 100}, ACTION_PAUSE, "a quarter"},
        {{.switch_when = SWITCH_NO_PROGRESS, .left = 75, .sent = 100}, ACTION_SEND, NULL},
        {{.switch_when = SWITCH_REMAINING, .left = 100, .sent = 200}, ACTION_PAUSE, "below"},
        {{.switch_when = SWITCH_REMAINING, .left = 100, .sent = 200, .in_log = 1},
         ACTION_SEND,
         NULL},
        {{.switch_when = SWITCH_REMAINING, .left = 101, .sent = 200, .rounds_done = 5},
         ACTION_PAUSE,
         "round limit"},
        {{.switch_when = SWITCH_REMAINING,
          .left = 101,
          .sent = 200,
          .rounds_done = 5,
          .on_limit = ON_LIMIT_ABORT},
         ACTION_GIVE_UP,
         "round limit"},
        {{.switch_when = SWITCH_DEADLINE, .left = 101, .sent = 200, .now_ns = 1000000},
         ACTION_PAUSE,
         "time before the switch"},
        {{.switch_when = SWITCH_DEADLINE, .left = 101, .sent = 200, .now_ns = 999999},
         ACTION_SEND,
         NULL},
        {{.left = 100, .sent = 200, .now_ns = 5000, .total_time_ns = 1007000},
         ACTION_PAUSE,
         "total-time"},
        {{.left = 100, .sent = 200, .now_ns = 5000, .total_time_ns = 1007001}, ACTION_SEND, NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct situation before = {.phase = PHASE_COPY,
                                   .sent = 200,
                                   .switch_when = cases[i].after_fetch.switch_when,
                                   .rounds_done = 1,
                                   .in_log = 200};
        struct situation after = cases[i].after_fetch;
        uint64_t memo[MEMO_BYTES / 8] = {0};
        struct action action;
        after.phase = PHASE_COPY;
        assert_int_equal(ask(MODE_HYBRID, &before, memo, &action), ACTION_FETCH);
        if (ask(MODE_HYBRID, &after, memo, &action) != cases[i].expected)
            fail_msg("case %zu: action %d instead of %d", i, action.kind, cases[i].expected);
        if (cases[i].reason != NULL && strstr(action.reason, cases[i].reason) == NULL)
            fail_msg("case %zu: because %s", i, action.reason);
    }
}

/* A limit is met in time: what is left at that moment, sent or left to post-copy, still fits. */
static void test_what_happens_at_the_total_time_limit(void **state)
{
    static const enum mode modes[] = {MODE_PRE_COPY, MODE_CONTINUOUS};
    (void)state;
    for (size_t i = 0; i < 2; i++)
        for (unsigned on_limit = 0; on_limit <= ON_LIMIT_POST_COPY; on_limit++) {
            struct situation situation = {.phase = PHASE_COPY,
                                          .left = 60,
                                          .in_log = 40,
                                          .sent = 200,
                                          .dirtied = 100,
                                          .downtime_limit_ns = 900000,
                                          .now_ns = 7000,
                                          .total_time_ns = 1010001,
                                          .on_limit = (enum on_limit)on_limit};
            uint64_t memo[MEMO_BYTES / 8] = {0};
            struct action action;
            ask(modes[i], &situation, memo, &action);
            assert_false(action.is_limit_exceeded);
            situation.now_ns = 8001;
            assert_int_equal(ask(modes[i], &situation, memo, &action),
                             on_limit == ON_LIMIT_ABORT ? ACTION_GIVE_UP : ACTION_PAUSE);
            assert_true(action.is_limit_exceeded);
            assert_int_equal(action.limit, LIMIT_TIME);
            assert_non_null(strstr(action.reason, "total-time limit"));
        }
}

/* Of the first round it is little that was measured at its beginning: neither is the move ended because
 * that was slow, nor is the guest paused because it was quick. */
static void test_an_early_measurement_ends_nothing(void **state)
{
    static const struct {
        uint64_t link_ns, now_ns;
        enum on_limit on_limit;
        enum action_kind expected;
    } rows[] = {
        {1000000, 100000, ON_LIMIT_ABORT, ACTION_SEND},
        {1000000, 499999, ON_LIMIT_PAUSE, ACTION_SEND},
        {1000000, 500000, ON_LIMIT_ABORT, ACTION_GIVE_UP},
        {1000000, 500000, ON_LIMIT_PAUSE, ACTION_PAUSE},
        {1000, 500000, ON_LIMIT_ABORT, ACTION_SEND},
        {1000, 999999, ON_LIMIT_ABORT, ACTION_GIVE_UP},
        {1000, 999999, ON_LIMIT_POST_COPY, ACTION_PAUSE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct situation situation = {.phase = PHASE_COPY,
                                      .left = 900,
                                      .pages_sent = 100,
                                      .downtime_limit_ns = 100000000,
                                      .now_ns = rows[i].now_ns,
                                      .total_time_ns = 1000000,
                                      .on_limit = rows[i].on_limit};
        uint64_t memo[MEMO_BYTES / 8] = {0};
        struct action action = {.kind = ACTION_WAIT};
        struct sets sets;
        struct view view = view_of(&situation, &sets);
        view.current = (struct round){.pages = 1000,
                                      .pages_sent = 100,
                                      .bytes_sent = 412000,
                                      .duration_ns = rows[i].link_ns,
                                      .link_ns = rows[i].link_ns};
        pre_copy_next(&view, memo, &action);
        sets_fini(&sets);
        if (action.kind != rows[i].expected)
            fail_msg("row %zu: %s", i, action_name(action.kind));
        assert_int_equal(action.is_limit_exceeded, action.kind != ACTION_SEND);
    }
}

/* Where the limit can be kept, and only what is written again is too much, that is not waited for; but a
 * link that has become faster is judged as it is now. The first 100 of 1,000 pages took 100 us: with 20 us
 * to spare, and 25 us for what was written again, it is time. */
static void test_what_is_written_again_ends_the_first_round_in_time(void **state)
{
    static const struct {
        uint64_t in_log, total_time_ns, late_ns; /* of the last 50 pages */
        enum on_limit on_limit;
        enum action_kind expected;
    } rows[] = {
        {0, 1020000, 50000, ON_LIMIT_PAUSE, ACTION_SEND},
        {25, 1020000, 50000, ON_LIMIT_PAUSE, ACTION_PAUSE},
        {25, 1020000, 50000, ON_LIMIT_POST_COPY, ACTION_PAUSE},
        {25, 1020000, 50000, ON_LIMIT_ABORT, ACTION_SEND}, /* half of the time is still to come */
        {25, 1020000, 40000, ON_LIMIT_PAUSE, ACTION_SEND},
        {25, 990000, 50000, ON_LIMIT_PAUSE, ACTION_SEND}, /* out of reach, it seems */
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct situation situation = {.phase = PHASE_COPY,
                                      .left = 900,
                                      .in_log = rows[i].in_log,
                                      .downtime_limit_ns = 1000,
                                      .now_ns = 100000,
                                      .total_time_ns = rows[i].total_time_ns,
                                      .on_limit = rows[i].on_limit};
        uint64_t memo[MEMO_BYTES / 8] = {0};
        struct action action = {.kind = ACTION_WAIT};
        struct sets sets;
        struct view view = view_of(&situation, &sets);
        view.current = (struct round){
            .pages = 1000, .pages_sent = 100, .bytes_sent = 412000, .link_ns = 100000};
        view.late = (struct round){.bytes_sent = 206000, .link_ns = rows[i].late_ns};
        pre_copy_next(&view, memo, &action);
        sets_fini(&sets);
        if (action.kind != rows[i].expected)
            fail_msg("row %zu: %s", i, action_name(action.kind));
    }
}

/* The chunk that is fetched is the next in which anything is dirty, round and round; then what is
 * to be sent of it is sent, and no more than that. */
static void test_a_scan_goes_round_by_chunks(void **state)
{
    struct situation situation = {.phase = PHASE_COPY, .in_log = 10};
    uint64_t memo[MEMO_BYTES / 8] = {0};
    struct action action;
    struct sets sets;
    (void)state;

    assert_int_equal(ask(MODE_CONTINUOUS, &situation, memo, &action), ACTION_FETCH);
    assert_int_equal(action.first_idx, 960);
    assert_int_equal(action.count, 40); /* the guest has 1000 pages */
    situation.in_log = 0;
    struct view view = view_of(&situation, &sets);
    bitmap_set_run(&sets.to_send, 990, 10);
    bitmap_set_run(&sets.dirty, 70, 4);
    continuous_next(&view, memo, &action);
    assert_int_equal(action.kind, ACTION_SEND);
    assert_int_equal(action.first_idx, 990);
    bitmap_clear_run(&sets.to_send, 990, 10);
    continuous_next(&view, memo, &action);
    assert_int_equal(action.kind, ACTION_FETCH);
    assert_int_equal(action.first_idx, 64);
    assert_int_equal(action.count, 64);
    bitmap_set_run(&sets.to_send, 120, 20); /* one more chunk has pages: they are not fresh */
    continuous_next(&view, memo, &action);
    assert_int_equal(action.first_idx, 120);
    assert_int_equal(action.count, 8);
    sets_fini(&sets);
}

/* As many pages were sent as the guest has, and what is left has not become a sixteenth less. */
static void test_a_scan_that_wins_nothing_ends(void **state)
{
    static const struct {
        uint64_t left_later;
        bool is_slowing, is_ended;
    } cases[] = {{151, false, true}, {149, false, false}, {151, true, false}};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct situation situation = {.phase = PHASE_COPY, .left = 160, .sent = 64, .dirtied = 64};
        uint64_t memo[MEMO_BYTES / 8] = {0};
        struct action action;
        struct sets sets;
        ask(MODE_CONTINUOUS, &situation, memo, &action);
        assert_false(action.is_limit_exceeded);
        situation.left = cases[i].left_later;
        situation.pages_sent = 1001;
        struct view view = view_of(&situation, &sets);
        view.is_slowing = cases[i].is_slowing;
        action = (struct action){.kind = ACTION_WAIT};
        continuous_next(&view, memo, &action);
        if (action.is_limit_exceeded != cases[i].is_ended)
            fail_msg("case %zu: action %d", i, action.kind);
        sets_fini(&sets);
    }
}

static void test_a_run_of_pages_is_one_action(void **state)
{
    struct bitmap to_send;
    struct view view = {.choice = {.of = &to_send}};
    struct action action;
    uint64_t cursor = 0;
    (void)state;

    bitmap_init(&to_send, 300);
    for (uint64_t i = 60; i < 200; i++)
        bitmap_set(&to_send, i);
    assert_true(view_send_next(&view, &cursor, &action));
    assert_int_equal(action.first_idx, 60);
    assert_int_equal(action.count, 140);
    cursor = 200;
    assert_false(view_send_next(&view, &cursor, &action));
    bitmap_fini(&to_send);
}

static void test_phases_only_go_where_they_may(void **state)
{
    (void)state;
    assert_true(phase_is_legal(PHASE_COPY, PHASE_ABORTED));
    assert_true(phase_is_legal(PHASE_HAND_OVER, PHASE_ABORTED)); /* REFUSED */
    assert_false(phase_is_legal(PHASE_POST_COPY, PHASE_ABORTED));
    assert_false(phase_is_legal(PHASE_COMPLETED, PHASE_COPY));
    assert_false(phase_is_legal(PHASE_COPY, PHASE_HAND_OVER));
    for (int phase = 0; phase < PHASE_COUNT; phase++)
        assert_false(phase_is_legal((enum phase)phase, PHASE_IDLE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_and_last_actions_of_every_mode),
        cmocka_unit_test(test_when_pre_copy_pauses),
        cmocka_unit_test(test_what_happens_at_the_round_limit),
        cmocka_unit_test(test_hybrid_does_not_wait_for_rounds_that_cannot_come),
        cmocka_unit_test(test_when_hybrid_switches),
        cmocka_unit_test(test_what_happens_at_the_total_time_limit),
        cmocka_unit_test(test_an_early_measurement_ends_nothing),
        cmocka_unit_test(test_what_is_written_again_ends_the_first_round_in_time),
        cmocka_unit_test(test_a_scan_goes_round_by_chunks),
        cmocka_unit_test(test_a_scan_that_wins_nothing_ends),
        cmocka_unit_test(test_a_run_of_pages_is_one_action),
        cmocka_unit_test(test_phases_only_go_where_they_may),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
