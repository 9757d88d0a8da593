/* Both ends of a migration, joined by hand: no link, no clock, no world. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "machine/model.h"
#include "migrate/source.h"
#include "migrate/target.h"

#define PAGES 256

struct pair {
    struct guest *guests[HOST_COUNT];
    struct event_list events;
    struct source source;
    struct target target;
    uint64_t now_ns;
};

static void pair_init(struct pair *pair, const struct strategy *strategy, uint64_t target_pages)
{
    struct model_config config = {.pattern = WRITES_UNIFORM,
                                  .total_pages = PAGES,
                                  .working_set_pages = PAGES,
                                  .write_rate = 1000000,
                                  .seed = 5};
    struct source_config source_config = {
        .strategy = strategy,
        .limits = {.downtime_ns = 1000000, .max_rounds = 5, .switch_after = 1},
        .copy_chunk_bytes = 16 * MESSAGE_PAGE_WIRE_BYTES,
        .push_chunk_bytes = 1,
    };
    *pair = (struct pair){0};
    pair->guests[HOST_SOURCE] = model_open(&config);
    config.total_pages = config.working_set_pages = target_pages;
    pair->guests[HOST_TARGET] = model_open_empty(&config);
    source_init(&pair->source, &source_config, pair->guests[HOST_SOURCE], &pair->events);
    target_init(&pair->target, pair->guests[HOST_TARGET], &pair->events);
}

static void pair_fini(struct pair *pair)
{
    source_fini(&pair->source);
    target_fini(&pair->target);
    event_list_fini(&pair->events);
    for (uint32_t host = 0; host < HOST_COUNT; host++)
        pair->guests[host]->ops->close(pair->guests[host]);
}

/* The guest lives for 10 us where it may; then each end says one thing, and the other hears it in
 * pieces of `piece` bytes. False when nobody had anything to say. */
static bool pair_exchange(struct pair *pair, size_t piece)
{
    struct bytes out = {0};
    struct guest_run run;
    bool was_said = false;

    pair->now_ns += 10000;
    if (!source_wants_pause(&pair->source))
        do
            pair->guests[0]->ops->run(pair->guests[0], pair->now_ns, &run);
        while (run.stop != GUEST_TIME_REACHED);
    if (source_send(&pair->source, pair->now_ns, 0, &out) > 0) {
        was_said = true;
        for (size_t at = 0; at < out.count; at += piece)
            target_receive(&pair->target, pair->now_ns, out.data + at,
                           out.count - at < piece ? out.count - at : piece);
    }
    bytes_clear(&out);
    if (target_send(&pair->target, &out) > 0) {
        was_said = true;
        for (size_t at = 0; at < out.count; at += piece)
            source_receive(&pair->source, pair->now_ns, out.data + at,
                           out.count - at < piece ? out.count - at : piece);
    }
    bytes_fini(&out);
    return was_said;
}

static void assert_moved(const struct pair *pair)
{
    uint8_t ours[8], theirs[8];
    assert_int_equal(pair->source.phase, PHASE_COMPLETED);
    assert_true(pair->target.is_complete);
    for (uint64_t i = 0; i < PAGES; i++) {
        pair->guests[0]->ops->read_pages(pair->guests[0], i, 1, ours);
        pair->guests[1]->ops->read_pages(pair->guests[1], i, 1, theirs);
        assert_memory_equal(ours, theirs, 8);
    }
    assert_int_equal(pair->guests[0]->ops->now_ns(pair->guests[0]),
                     pair->guests[1]->ops->now_ns(pair->guests[1]));
}

static void test_every_mode_moves_everything_however_it_is_cut(void **state)
{
    static const size_t pieces[] = {1, 7, 4096, 1 << 20};
    (void)state;
    for (int mode = 0; mode < MODE_COUNT; mode++)
        for (size_t i = 0; i < 4; i++) {
            struct pair pair;
            pair_init(&pair, strategy_of((enum mode)mode), PAGES);
            source_start(&pair.source, 0);
            while (pair_exchange(&pair, pieces[i]))
                ;
            assert_moved(&pair);
            pair_fini(&pair);
        }
}

static void test_a_target_that_does_not_fit_refuses_before_anything_is_sent(void **state)
{
    struct pair pair;
    (void)state;
    pair_init(&pair, strategy_of(MODE_PRE_COPY), PAGES / 2);
    source_start(&pair.source, 0);
    while (pair_exchange(&pair, 4096))
        ;
    assert_int_equal(pair.source.phase, PHASE_ABORTED);
    assert_int_equal(pair.target.phase, TARGET_REFUSED);
    assert_false(source_wants_pause(&pair.source));
    assert_string_equal(pair.source.reason,
                        "the guest has 256 pages of memory, and the target has room for 128");
    for (size_t i = 0; i < pair.events.count; i++)
        assert_int_not_equal(pair.events.items[i].kind, EVENT_PAGES_SENT);
    pair_fini(&pair);
}

/* A state that was changed on the way: the target says no, and the guest goes on at the source. */
static void test_a_refused_commit_gives_the_guest_back(void **state)
{
    struct pair pair;
    struct message_commit commit = {.missing_pages = 0, .state_digest = 1};
    struct bytes forged = {0};
    (void)state;
    pair_init(&pair, strategy_of(MODE_STOP_AND_COPY), PAGES);
    source_start(&pair.source, 0);
    while (pair.source.phase != PHASE_PAUSE)
        pair_exchange(&pair, 4096);
    while (pair.source.phase == PHASE_PAUSE && pair.source.to_send.set_count > 0)
        pair_exchange(&pair, 4096);
    message_put_commit(&forged, &commit);
    target_receive(&pair.target, pair.now_ns, forged.data, forged.count);
    assert_int_equal(pair.target.phase, TARGET_REFUSED);
    while (pair_exchange(&pair, 4096))
        ;
    assert_int_equal(pair.source.phase, PHASE_ABORTED);
    assert_false(source_wants_pause(&pair.source));
    assert_false(target_is_running(&pair.target));
    bytes_fini(&forged);
    pair_fini(&pair);
}

/* The state is right, but a page is missing that the source has not named. */
static void test_a_hole_in_memory_is_refused(void **state)
{
    struct pair pair;
    struct bytes forged = {0}, saved = {0};
    (void)state;
    pair_init(&pair, strategy_of(MODE_STOP_AND_COPY), PAGES);
    source_start(&pair.source, 0);
    while (pair.source.phase != PHASE_PAUSE || pair.source.to_send.set_count > 0)
        pair_exchange(&pair, 4096);
    pair.guests[1]->ops->drop_page(pair.guests[1], 3);
    pair.guests[0]->ops->save(pair.guests[0], &saved);
    message_put_state(&forged, &saved);
    message_put_commit(
        &forged, &(struct message_commit){.missing_pages = 0,
                                          .state_digest = digest_of(saved.data, saved.count)});
    target_receive(&pair.target, pair.now_ns, forged.data, forged.count);
    assert_int_equal(pair.target.phase, TARGET_REFUSED);
    assert_string_equal(pair.target.reason, "pages are missing that the source has not named");
    bytes_fini(&forged);
    bytes_fini(&saved);
    pair_fini(&pair);
}

/* Once the guest runs at the target, its own writes are newer than anything that may still come. */
static void test_an_old_copy_does_not_overwrite_what_the_guest_wrote(void **state)
{
    static const uint8_t old[8] = {99};
    struct pair pair;
    struct bytes late = {0};
    uint8_t before[8], after[8];
    (void)state;
    pair_init(&pair, strategy_of(MODE_STOP_AND_COPY), PAGES);
    source_start(&pair.source, 0);
    while (pair_exchange(&pair, 4096))
        ;
    pair.guests[1]->ops->read_pages(pair.guests[1], 7, 1, before);
    size_t begin = frame_begin(&late, FRAME_PAGES, WHY_PUSHED);
    bytes_put_u64(&late, 7);
    bytes_put(&late, old, sizeof old);
    frame_end(&late, begin);
    target_receive(&pair.target, pair.now_ns, late.data, late.count);
    pair.guests[1]->ops->read_pages(pair.guests[1], 7, 1, after);
    assert_memory_equal(before, after, sizeof before);
    bytes_fini(&late);
    pair_fini(&pair);
}

static void test_a_broken_stream_ends_the_move_and_not_the_guest(void **state)
{
    static const uint8_t noise[64] = {0xff, 0xff, 0xff, 0xff, 9};
    struct pair pair;
    (void)state;

    pair_init(&pair, strategy_of(MODE_PRE_COPY), PAGES);
    source_start(&pair.source, 0);
    while (pair.source.phase != PHASE_COPY)
        pair_exchange(&pair, 4096);
    source_receive(&pair.source, pair.now_ns, noise, sizeof noise);
    assert_int_equal(pair.source.phase, PHASE_ABORTED);
    pair_fini(&pair);

    pair_init(&pair, strategy_of(MODE_PRE_COPY), PAGES);
    source_start(&pair.source, 0);
    while (pair.source.phase != PHASE_COPY)
        pair_exchange(&pair, 4096);
    target_receive(&pair.target, pair.now_ns, noise, sizeof noise);
    while (pair_exchange(&pair, 4096))
        ;
    assert_int_equal(pair.source.phase, PHASE_ABORTED);
    assert_false(source_wants_pause(&pair.source));
    pair_fini(&pair);
}

static void test_a_requested_page_overtakes_the_push(void **state)
{
    struct pair pair;
    const struct event *last = NULL;
    struct bytes out = {0};
    (void)state;

    pair_init(&pair, strategy_of(MODE_POST_COPY), PAGES);
    source_start(&pair.source, 0);
    while (pair.source.phase != PHASE_POST_COPY)
        pair_exchange(&pair, 4096);
    target_fault(&pair.target, pair.now_ns, 0, PAGES - 1);
    assert_true(target_is_waiting(&pair.target, 0));
    target_send(&pair.target, &out);
    source_receive(&pair.source, pair.now_ns, out.data, out.count);
    bytes_clear(&out);
    source_send(&pair.source, pair.now_ns, 0, &out);
    for (size_t i = 0; i < pair.events.count; i++)
        if (pair.events.items[i].kind == EVENT_PAGES_SENT)
            last = &pair.events.items[i];
    assert_int_equal(last->pages_sent.first_idx, PAGES - 1);
    assert_int_equal(last->pages_sent.why, WHY_FAULT);
    target_receive(&pair.target, pair.now_ns, out.data, out.count);
    assert_false(target_is_waiting(&pair.target, 0));
    bytes_fini(&out);
    while (pair_exchange(&pair, 4096))
        ;
    assert_moved(&pair);
    pair_fini(&pair);
}

/* ---- Connections that break ---- */

static void pair_disconnect(struct pair *pair)
{
    source_disconnected(&pair->source, pair->now_ns, "the link was cut");
    target_disconnected(&pair->target);
}

static void pair_connect(struct pair *pair)
{
    source_connected(&pair->source, pair->now_ns);
    target_connected(&pair->target);
}

/* COMMIT is out and lost: only the target's word gives the guest back, and it never runs there. */
static void test_a_commit_that_was_lost_is_refused_on_the_next_connection(void **state)
{
    struct pair pair;
    struct bytes burst = {0};
    (void)state;
    pair_init(&pair, strategy_of(MODE_STOP_AND_COPY), PAGES);
    source_start(&pair.source, 0);
    while (pair.source.phase != PHASE_PAUSE || pair.source.to_send.set_count > 0)
        pair_exchange(&pair, 4096);
    source_send(&pair.source, pair.now_ns, 0, &burst);
    assert_int_equal(pair.source.phase, PHASE_HAND_OVER);
    pair_disconnect(&pair);
    assert_int_equal(pair.source.phase, PHASE_LINK_LOST);
    assert_true(source_wants_pause(&pair.source));
    assert_false(source_abort(&pair.source, pair.now_ns, "no way back"));
    target_receive(&pair.target, pair.now_ns, burst.data, burst.count); /* late, from before */
    assert_false(target_is_running(&pair.target));
    pair_connect(&pair);
    assert_int_equal(pair.source.phase, PHASE_RECOVER);
    assert_true(source_wants_pause(&pair.source));
    while (pair_exchange(&pair, 7))
        ;
    assert_int_equal(pair.source.phase, PHASE_ABORTED);
    assert_false(source_wants_pause(&pair.source));
    assert_false(target_is_running(&pair.target));
    bytes_fini(&burst);
    pair_fini(&pair);
}

/* The RUNNING that was lost is said again, with all that is here. */
static void test_a_move_is_recovered_however_often_the_connection_breaks(void **state)
{
    struct pair pair;
    uint64_t exchanges = 0;
    (void)state;
    pair_init(&pair, strategy_of(MODE_POST_COPY), PAGES);
    source_start(&pair.source, 0);
    while (!target_is_running(&pair.target))
        pair_exchange(&pair, 4096);
    do {
        pair_disconnect(&pair);
        pair_disconnect(&pair);
        pair_connect(&pair);
        for (uint64_t i = 0; i <= exchanges; i++)
            pair_exchange(&pair, 64);
    } while (++exchanges < 40 && !pair.target.is_complete);
    while (pair_exchange(&pair, 4096))
        ;
    assert_true(exchanges > 5);
    assert_moved(&pair);
    pair_fini(&pair);
}

/* While there was no connection nothing went: that is no rate. */
static void test_what_is_left_is_as_slow_as_the_new_connection(void **state)
{
    struct pair pair;
    uint64_t left_ns;
    (void)state;
    pair_init(&pair, strategy_of(MODE_POST_COPY), PAGES);
    source_start(&pair.source, 0);
    while (!target_is_running(&pair.target) || pair.source.to_send.set_count > PAGES - 16)
        pair_exchange(&pair, 4096);
    pair_disconnect(&pair);
    assert_false(source_left_ns(&pair.source, pair.now_ns, &left_ns));
    pair.now_ns += 60 * NS_PER_S;
    pair_connect(&pair);
    while (pair.source.phase != PHASE_POST_COPY || pair.source.to_send.set_count > PAGES - 32)
        pair_exchange(&pair, 4096);
    assert_true(source_left_ns(&pair.source, pair.now_ns, &left_ns));
    assert_true(left_ns < 60 * NS_PER_S);
    pair_fini(&pair);
}

/* The source of another move is told nothing, least of all that it may have its guest back. */
static void test_a_recovery_of_another_move_is_not_answered(void **state)
{
    struct pair pair;
    struct bytes forged = {0}, out = {0};
    (void)state;
    pair_init(&pair, strategy_of(MODE_STOP_AND_COPY), PAGES);
    source_start(&pair.source, 0);
    while (!target_is_running(&pair.target))
        pair_exchange(&pair, 4096);
    target_send(&pair.target, &out);
    bytes_clear(&out);
    message_put_number(&forged, FRAME_RECOVER, 12345);
    target_receive(&pair.target, pair.now_ns, forged.data, forged.count);
    assert_true(pair.target.has_hung_up);
    assert_int_equal(target_send(&pair.target, &out), 0);
    assert_true(target_is_running(&pair.target));
    bytes_fini(&forged);
    bytes_fini(&out);
    pair_fini(&pair);
}

/* What cannot be read after COMMIT ends the connection, and neither the move nor the guest. */
static void test_who_cannot_read_after_commit_hangs_up(void **state)
{
    static const uint8_t noise[64] = {0xff, 0xff, 0xff, 0xff, 9};
    struct pair pair;
    (void)state;
    pair_init(&pair, strategy_of(MODE_POST_COPY), PAGES);
    source_start(&pair.source, 0);
    while (pair.source.phase != PHASE_POST_COPY)
        pair_exchange(&pair, 4096);
    source_receive(&pair.source, pair.now_ns, noise, sizeof noise);
    assert_true(pair.source.has_hung_up);
    assert_int_equal(pair.source.phase, PHASE_LINK_LOST);
    target_receive(&pair.target, pair.now_ns, noise, sizeof noise);
    assert_true(pair.target.has_hung_up);
    pair_disconnect(&pair);
    pair_connect(&pair);
    while (pair_exchange(&pair, 4096))
        ;
    assert_moved(&pair);
    pair_fini(&pair);
}

/* Strategies that nobody should write. The one that is told what to ask for is told so from
 * outside: in COPY at once, in PAUSE after a PAUSE of its own. */
struct order {
    enum phase phase;
    struct action action;
};

static void ordered_next(const struct view *view, void *memo, struct action *action)
{
    const struct order *order = view->outside;
    (void)memo;
    action->kind = ACTION_PAUSE;
    if (view->phase == order->phase)
        *action = order->action;
}

static void fetches_without_end_next(const struct view *view, void *memo, struct action *action)
{
    (void)view;
    (void)memo;
    action->kind = ACTION_FETCH;
}

/* Hands over before anything was sent, and never sends anything. */
static void early_next(const struct view *view, void *memo, struct action *action)
{
    (void)memo;
    action->kind = view->phase == PHASE_COPY    ? ACTION_PAUSE
                   : view->phase == PHASE_PAUSE ? ACTION_HAND_OVER
                                                : ACTION_FETCH;
}

/* Hands over at once, waits for the target, and does as ordered then. */
static void late_next(const struct view *view, void *memo, struct action *action)
{
    const struct order *order = view->outside;
    (void)memo;
    action->kind = view->phase == PHASE_COPY    ? ACTION_PAUSE
                   : view->phase == PHASE_PAUSE ? ACTION_HAND_OVER
                                                : ACTION_WAIT;
    if (view->phase == order->phase)
        *action = order->action;
}

/* Wants everything sent at once. */
static void greedy_next(const struct view *view, void *memo, struct action *action)
{
    (void)memo;
    action->kind = view->phase == PHASE_COPY                                     ? ACTION_PAUSE
                   : view->phase == PHASE_PAUSE && view->to_send->set_count == 0 ? ACTION_HAND_OVER
                                                                                 : ACTION_SEND;
    action->first_idx = bitmap_next(view->to_send, 0);
    action->count = view->total_pages - action->first_idx;
}

/* 70,000 pages of a model are more than a frame may carry, however wide the link. */
static void test_a_run_of_pages_is_bounded_by_a_frame(void **state)
{
    static const struct strategy greedy = {MODE_STOP_AND_COPY, greedy_next, NULL, NULL};
    struct model_config model = {.pattern = WRITES_IDLE, .total_pages = 70000};
    struct source_config config = {.strategy = &greedy, .copy_chunk_bytes = 1ull << 40};
    struct guest *guest = model_open(&model);
    struct event_list events = {0};
    struct source source;
    struct bytes ready = {0}, out = {0};
    (void)state;
    source_init(&source, &config, guest, &events);
    source_start(&source, 0);
    source_send(&source, 0, 0, &out);
    message_put_text(&ready, FRAME_READY, "");
    source_receive(&source, 0, ready.data, ready.count);
    while (source_send(&source, 0, 0, &out) > 0)
        ;
    assert_int_equal(source.phase, PHASE_HAND_OVER);
    assert_int_equal(source.sent.set_count, 70000);
    source_fini(&source);
    event_list_fini(&events);
    bytes_fini(&ready);
    bytes_fini(&out);
    guest->ops->close(guest);
}

static void test_what_is_left_is_as_slow_as_the_limit_lets_it(void **state)
{
    struct pair pair;
    uint64_t left_ns;
    (void)state;

    pair_init(&pair, strategy_of(MODE_PRE_COPY), PAGES);
    pair.source.config.bandwidth_limit_bits_per_s = pair.source.pacer.bits_per_s = 1000000000;
    pair.source.config.limits.total_time_ns = LIMIT_NONE;
    source_start(&pair.source, 0);
    for (unsigned i = 0; i < 1000 && pair.source.current.pages_sent < PAGES / 4; i++)
        (void)pair_exchange(&pair, 1 << 20);
    assert_int_equal(pair.source.phase, PHASE_COPY);
    assert_true(source_left_ns(&pair.source, pair.now_ns, &left_ns));
    assert_true(left_ns >= pair.source.to_send.set_count * 4096 * 8); /* ns, at a bit each */
    pair_fini(&pair);
}

static void play_to_the_end(struct pair *pair, const struct strategy *strategy)
{
    pair_init(pair, strategy, PAGES);
    source_start(&pair->source, 0);
    for (int i = 0; i < 2000; i++)
        pair_exchange(pair, 4096);
}

static void test_a_strategy_cannot_break_a_rule(void **state)
{
    static const struct {
        struct order order;
        const char *reason;
    } cases[] = {
        {{PHASE_COPY, {.kind = ACTION_SEND, .first_idx = PAGES, .count = 1}},
         "the strategy asked to SEND page 256: the guest has pages 0 to 255"},
        {{PHASE_PAUSE, {.kind = ACTION_SEND, .first_idx = PAGE_NONE, .count = 1}},
         "the strategy asked to SEND page 18446744073709551615, which is PAGE_NONE: the guest has "
         "pages 0 to 255"},
        {{PHASE_PAUSE, {.kind = ACTION_SEND, .first_idx = 1, .count = UINT64_MAX}},
         "the strategy asked to SEND 18446744073709551615 pages from page 1 on: the guest has 256 "
         "in all"},
        {{PHASE_COPY, {.kind = ACTION_SEND, .first_idx = 9, .count = 0}},
         "the strategy asked to SEND 0 pages from page 9 on: at least 1 is to be sent"},
        {{PHASE_COPY, {.kind = ACTION_HAND_OVER}},
         "the strategy asked to HAND_OVER in phase copy, where it may SEND, FETCH, PAUSE, WAIT or "
         "GIVE_UP"},
        {{PHASE_PAUSE, {.kind = ACTION_PAUSE}},
         "the strategy asked to PAUSE in phase pause, where it may SEND, HAND_OVER, WAIT or "
         "GIVE_UP"},
        {{PHASE_PAUSE, {.kind = ACTION_FETCH}},
         "the strategy asked to FETCH in phase pause, where it may SEND, HAND_OVER, WAIT or "
         "GIVE_UP"},
        {{PHASE_COPY, {.kind = (enum action_kind)77}},
         "the strategy asked for action 77: there is none"},
        {{PHASE_COPY, {.kind = ACTION_WAIT}},
         "the strategy waits with nothing under way: no one would ever ask it again"},
        {{PHASE_PAUSE, {.kind = ACTION_WAIT}},
         "the strategy waits with nothing under way: no one would ever ask it again"},
        {{PHASE_COPY, {.kind = ACTION_GIVE_UP, .reason = "it would not do"}}, "it would not do"},
        {{PHASE_PAUSE, {.kind = ACTION_GIVE_UP}}, "the strategy gave the move up"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pair pair;
        struct order order = cases[i].order;
        struct strategy strategy = {MODE_STOP_AND_COPY, ordered_next, &order, NULL};
        play_to_the_end(&pair, &strategy);
        assert_int_equal(pair.source.phase, PHASE_ABORTED);
        assert_string_equal(pair.source.reason, cases[i].reason);
        assert_false(source_wants_pause(&pair.source));
        assert_false(target_is_running(&pair.target));
        pair_fini(&pair);
    }
}

static void test_a_strategy_that_never_sends_is_stopped(void **state)
{
    static const struct strategy endless = {MODE_PRE_COPY, fetches_without_end_next, NULL, NULL};
    struct pair pair;
    (void)state;
    play_to_the_end(&pair, &endless);
    assert_int_equal(pair.source.phase, PHASE_ABORTED);
    assert_string_equal(pair.source.reason,
                        "the strategy asked for actions without end and sent nothing");
    pair_fini(&pair);
}

/* After COMMIT there is no way back: whatever it asks for then, the guest gets its pages. */
static void test_pages_that_a_strategy_leaves_behind_are_pushed_by_the_engine(void **state)
{
    static const struct order orders[] = {
        {PHASE_POST_COPY, {.kind = ACTION_WAIT}},
        {PHASE_POST_COPY, {.kind = ACTION_SEND, .first_idx = PAGES, .count = 1}},
        {PHASE_POST_COPY, {.kind = ACTION_GIVE_UP}},
    };
    static const struct strategy early = {MODE_PRE_COPY, early_next, NULL, NULL};
    struct pair pair;
    (void)state;
    play_to_the_end(&pair, &early);
    assert_moved(&pair);
    pair_fini(&pair);
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        struct order order = orders[i];
        struct strategy strategy = {MODE_POST_COPY, late_next, &order, NULL};
        play_to_the_end(&pair, &strategy);
        assert_moved(&pair);
        pair_fini(&pair);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_mode_moves_everything_however_it_is_cut),
        cmocka_unit_test(test_a_target_that_does_not_fit_refuses_before_anything_is_sent),
        cmocka_unit_test(test_a_refused_commit_gives_the_guest_back),
        cmocka_unit_test(test_a_hole_in_memory_is_refused),
        cmocka_unit_test(test_an_old_copy_does_not_overwrite_what_the_guest_wrote),
        cmocka_unit_test(test_a_broken_stream_ends_the_move_and_not_the_guest),
        cmocka_unit_test(test_a_requested_page_overtakes_the_push),
        cmocka_unit_test(test_a_commit_that_was_lost_is_refused_on_the_next_connection),
        cmocka_unit_test(test_a_move_is_recovered_however_often_the_connection_breaks),
        cmocka_unit_test(test_what_is_left_is_as_slow_as_the_new_connection),
        cmocka_unit_test(test_a_recovery_of_another_move_is_not_answered),
        cmocka_unit_test(test_who_cannot_read_after_commit_hangs_up),
        cmocka_unit_test(test_a_run_of_pages_is_bounded_by_a_frame),
        cmocka_unit_test(test_what_is_left_is_as_slow_as_the_limit_lets_it),
        cmocka_unit_test(test_a_strategy_cannot_break_a_rule),
        cmocka_unit_test(test_a_strategy_that_never_sends_is_stopped),
        cmocka_unit_test(test_pages_that_a_strategy_leaves_behind_are_pushed_by_the_engine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
