#include "record/history.h"

#include "base/prng.h"
#include "record/playback.h"
#include "record/pretend.h"
#include "record/same_timeline.h"

#include <stdio.h>
#include <stdlib.h>

#define PAGES  20000 /* some hundred blocks of page_map.c */
#define EVENTS 30000

/* A session that lives through a list of events, as a world's would. */
struct lived {
    struct session session;
    struct history history;
};

static struct lived *live(const struct event_list *events, uint64_t keyframe_bytes_max,
                          uint64_t log_bytes_max)
{
    struct lived *lived = calloc(1, sizeof *lived);
    timeline_init(&lived->session.timeline, PAGES);
    history_init(&lived->history, &lived->session, NULL);
    if (keyframe_bytes_max > 0)
        lived->history.keyframe_bytes_max = keyframe_bytes_max;
    if (log_bytes_max > 0)
        lived->history.log_bytes_max = log_bytes_max;
    for (size_t i = 0; i < events->count; i++)
        history_live(&lived->history, &events->items[i]);
    return lived;
}

static void forget(struct lived *lived)
{
    history_fini(&lived->history);
    timeline_fini(&lived->session.timeline);
    free(lived);
}

/* The timeline at an instant, or behind so many events, made from the beginning. */
static struct timeline fold(const struct event_list *events, uint64_t at_ns, uint64_t most)
{
    struct timeline timeline;
    timeline_init(&timeline, PAGES);
    for (size_t i = 0; i < events->count && i < most && events->items[i].at_ns <= at_ns; i++)
        timeline_add(&timeline, &events->items[i]);
    return timeline;
}

static void assert_stands_at(const struct session *session, const struct event_list *events,
                             uint64_t at_ns)
{
    struct timeline expected = fold(events, at_ns, UINT64_MAX);
    timeline_advance(&expected, at_ns);
    assert_same_timeline(&session->timeline, &expected);
    timeline_fini(&expected);
}

static void a_sought_instant_is_the_one_that_was_lived(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 3; seed++) {
        struct event_list events = pretend_run(PAGES, EVENTS, seed);
        struct lived *lived = live(&events, seed == 1 ? 1 << 20 : 0, 0);
        struct prng prng = prng_make(seed, 4);
        uint64_t end_ns = events.items[EVENTS - 1].at_ns;
        assert_int_equal(lived->session.lived_ns, end_ns);
        assert_int_equal(lived->session.lived_events, EVENTS);
        for (unsigned i = 0; i < 150; i++) {
            /* Between two events, at one, right before one. */
            uint64_t at_ns = events.items[prng_below(&prng, EVENTS)].at_ns;
            at_ns = i % 3 == 0 ? prng_below(&prng, end_ns + 1) : at_ns - (i % 3 == 1 && at_ns > 0);
            assert_true(history_seek(&lived->history, at_ns));
            assert_stands_at(&lived->session, &events, at_ns);
            assert_int_equal(session_is_past(&lived->session), at_ns < end_ns);
        }
        assert_true(history_seek(&lived->history, UINT64_MAX));
        assert_stands_at(&lived->session, &events, end_ns);
        assert_false(session_is_past(&lived->session));
        forget(lived);
        event_list_fini(&events);
    }
}

/* From anywhere, in pieces, through what was lived, into what was not. */
static void life_goes_on_from_a_sought_instant(void **state)
{
    struct event_list events = pretend_run(PAGES, EVENTS, 7), half = events;
    (void)state;
    half.count = EVENTS / 2;
    struct lived *lived = live(&half, 0, 0);
    struct session *session = &lived->session;
    struct prng prng = prng_make(7, 4);
    history_pass(&lived->history, session->lived_ns + 1);
    uint64_t lived_ns = session->lived_ns;
    for (unsigned i = 0; i < 20; i++) {
        uint64_t at_ns = prng_below(&prng, lived_ns);
        assert_true(history_seek(&lived->history, at_ns));
        uint64_t before = session->timeline.event_count;
        assert_true(history_step(&lived->history));
        assert_int_equal(session->timeline.event_count, before + 1);
        history_advance(&lived->history, at_ns + prng_below(&prng, lived_ns / 3));
        assert_stands_at(session, &events, session->timeline.now_ns);
    }
    history_advance(&lived->history, UINT64_MAX); /* not beyond */
    assert_int_equal(session->timeline.now_ns, lived_ns);
    assert_int_equal(session->lived_ns, lived_ns);
    assert_false(session_is_past(session));
    assert_false(history_step(&lived->history));
    for (size_t i = EVENTS / 2; i < EVENTS; i++)
        history_live(&lived->history, &events.items[i]);
    assert_stands_at(session, &events, events.items[EVENTS - 1].at_ns);
    assert_true(history_seek(&lived->history, lived_ns / 2));
    assert_stands_at(session, &events, lived_ns / 2);
    forget(lived);
    event_list_fini(&events);
}

static void back_is_before_the_last_event(void **state)
{
    struct event_list events = pretend_run(PAGES, EVENTS, 8);
    struct lived *lived = live(&events, 0, 0);
    struct session *session = &lived->session;
    (void)state;
    for (uint64_t count = EVENTS; count > EVENTS - 50; count--) {
        assert_true(history_back(&lived->history));
        struct timeline expected = fold(&events, UINT64_MAX, count - 1);
        assert_same_timeline(&session->timeline, &expected);
        timeline_fini(&expected);
    }
    history_seek(&lived->history, events.items[1].at_ns);
    while (history_has_before(&lived->history))
        assert_true(history_back(&lived->history));
    assert_int_equal(session->timeline.event_count, 0);
    assert_int_equal(session->timeline.now_ns, 0);
    assert_false(history_back(&lived->history));
    /* Time alone has passed: the beginning is before it all the same. */
    history_advance(&lived->history, 0);
    history_begin(&lived->history);
    assert_int_equal(session->timeline.now_ns, 0);
    assert_true(session_is_past(session));
    forget(lived);
    event_list_fini(&events);
}

/* Keyframes keep to their budget; where there is room for none, a seek is right all the same. */
static void keyframes_keep_to_their_budget(void **state)
{
    static const uint64_t budgets[] = {1, 300 << 10, 1 << 20, 2 << 20, 0};
    struct event_list events = pretend_run(PAGES, EVENTS, 9);
    uint32_t count = 0;
    (void)state;
    for (size_t i = 0; i < sizeof budgets / sizeof budgets[0]; i++) {
        struct lived *lived = live(&events, budgets[i], 0);
        struct history *history = &lived->history;
        assert_true(history->keyframe_bytes <= history->keyframe_bytes_max);
        assert_true(history->keyframe_count >= count); /* more room, more of them */
        count = history->keyframe_count;
        assert_true(i > 0 || count == 1);
        assert_true(history_seek(history, lived->session.lived_ns / 3));
        assert_stands_at(&lived->session, &events, lived->session.lived_ns / 3);
        forget(lived);
    }
    assert_true(count > 5);
    event_list_fini(&events);
}

/* Of a world that lives on and on, the older half goes, and with it the instants that are sought.
 */
static void what_was_forgotten_cannot_be_sought(void **state)
{
    struct event_list events = pretend_run(PAGES, EVENTS, 10);
    (void)state;
    for (uint64_t budget = 1; budget <= 16 << 20; budget += (16 << 20) - 1) {
        struct lived *lived = live(&events, budget, 40000);
        struct session *session = &lived->session;
        uint64_t known = 0;
        assert_true(lived->history.log.bytes.count <= 40000);
        struct timeline before;
        timeline_init(&before, PAGES);
        for (unsigned i = 0; i <= 20; i++) {
            uint64_t at_ns = session->lived_ns / 20 * i;
            timeline_copy(&before, &session->timeline);
            if (history_seek(&lived->history, at_ns)) {
                assert_stands_at(session, &events, at_ns);
                known++;
            } else {
                assert_same_timeline(&session->timeline, &before);
                assert_int_equal(known, 0); /* the older ones */
            }
        }
        timeline_fini(&before);
        assert_true(known > 0 && known < 21);
        history_begin(&lived->history);
        assert_true(session->timeline.event_count > 0);
        assert_false(history_has_before(&lived->history));
        assert_false(history_back(&lived->history));
        forget(lived);
    }
    event_list_fini(&events);
}

/* A recording has been lived when it is opened; its end is told at its end alone. */
static void a_recording_is_sought_like_a_world(void **state)
{
    struct event_list events = pretend_run(PAGES, EVENTS, 11);
    struct recorder recorder;
    struct session *session;
    struct prng prng = prng_make(11, 4);
    (void)state;
    recorder_init(&recorder, "guest = kv\nmode = hybrid\nmemory = 80000KiB\n", true);
    for (size_t i = 0; i < EVENTS; i++)
        recorder_add(&recorder, &events.items[i]);
    recorder_finish(&recorder);
    assert_int_equal(
        playback_open(&session, recorder.bytes.data, recorder.bytes.count, "recording x", NULL),
        STATUS_OK);
    uint64_t end_ns = events.items[EVENTS - 1].at_ns;
    assert_int_equal(session->lived_ns, end_ns);
    assert_int_equal(session->timeline.event_count, 0);
    assert_true(session_is_past(session));
    for (unsigned i = 0; i < 30; i++) {
        uint64_t at_ns = prng_below(&prng, end_ns);
        assert_true(session->ops->seek(session, at_ns));
        assert_stands_at(session, &events, at_ns);
        assert_false(session->has_ended || session->is_broken);
        assert_null(session->verdict);
        assert_true(session->ops->step(session));
        assert_true(session->ops->act(session, SESSION_BACK, 0));
    }
    assert_true(session->ops->seek(session, UINT64_MAX));
    assert_stands_at(session, &events, end_ns);
    assert_true(session->has_ended);
    assert_non_null(session->verdict);
    assert_false(session->ops->step(session));
    assert_true(session->ops->act(session, SESSION_BACK, 0));
    assert_false(session->has_ended);
    assert_null(session->verdict);
    /* Before its first event time may have passed; a replay begins at 0. */
    assert_true(session->ops->act(session, SESSION_REPLAY, MODE_HYBRID));
    assert_int_equal(session->timeline.now_ns, 0);
    session->ops->close(session);
    recorder_fini(&recorder);
    event_list_fini(&events);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sought_instant_is_the_one_that_was_lived),
        cmocka_unit_test(life_goes_on_from_a_sought_instant),
        cmocka_unit_test(back_is_before_the_last_event),
        cmocka_unit_test(keyframes_keep_to_their_budget),
        cmocka_unit_test(what_was_forgotten_cannot_be_sought),
        cmocka_unit_test(a_recording_is_sought_like_a_world),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
