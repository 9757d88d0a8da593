/* Each strategy as a table: what it sees, what it asks for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

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
};

static struct view view_of(const struct situation *situation, struct bitmap *to_send)
{
    bitmap_init(to_send, 1000);
    for (uint64_t i = 0; i < situation->left; i++)
        bitmap_set(to_send, i);
    return (struct view){
        .phase = situation->phase,
        .total_pages = 1000,
        .to_send = to_send,
        .rounds_done = situation->rounds_done,
        .last = {.pages_sent = situation->sent,
                 .bytes_sent = situation->sent * 4120,
                 .dirtied_pages = situation->dirtied,
                 .duration_ns = situation->sent * 10000},
        .is_link_idle = !situation->is_link_busy,
        .page_bytes = 4120,
        .state_bytes = 412,
        .half_rtt_ns = 1000,
        .limits = {.downtime_ns = situation->downtime_limit_ns, .max_rounds = 5, .switch_after = 2},
    };
}

static enum action_kind ask(enum mode mode, const struct situation *situation, void *memo,
                            struct action *action)
{
    struct bitmap to_send;
    struct view view = view_of(situation, &to_send);
    *action = (struct action){.kind = ACTION_WAIT};
    strategy_of(mode)->next(&view, memo, action);
    bitmap_fini(&to_send);
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
        struct bitmap to_send;
        struct action action = {.kind = ACTION_WAIT};
        struct situation situation = {.phase = PHASE_COPY,
                                      .sent = 200,
                                      .dirtied = 100,
                                      .downtime_limit_ns = cases[i].downtime_limit_ns};
        assert_int_equal(ask(MODE_PRE_COPY, &situation, memo, &action), ACTION_FETCH);

        situation.left = 100;
        situation.rounds_done = 5;
        struct view view = view_of(&situation, &to_send);
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
        bitmap_fini(&to_send);
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

static void test_a_run_of_pages_is_one_action(void **state)
{
    struct bitmap to_send;
    struct view view = {.to_send = &to_send};
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
        cmocka_unit_test(test_a_run_of_pages_is_one_action),
        cmocka_unit_test(test_phases_only_go_where_they_may),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
