/* What no count tells: each such event has a sentence, in pictures, steps and lines alike. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tui/canvas.h"
#include "tui/narrator.h"
#include "tui/news.h"
#include "tui/plain.h"
#include "tui/scene.h"
#include "tui/scripted.h"

static const struct {
    struct event event;
    const char *part;
} news[] = {
    {{.kind = EVENT_DECIDED, .fields = {DECISION_ROUNDS, 9}}, "Decided: the rounds shrink fast"},
    {{.kind = EVENT_DECIDED, .fields = {DECISION_HOT_LAST, 9}},
     "Decided: the rounds shrink too slow"},
    {{.kind = EVENT_DECIDED, .fields = {DECISION_SLOWER, 800}}, "the guest is slowed down."},
    {{.kind = EVENT_DECIDED, .fields = {DECISION_POST_COPY, 9}},
     "within its limit: post-copy does."},
    {{.kind = EVENT_DECIDED, .fields = {DECISION_FAULT_SET_POINT, 680000}},
     "longer than 680.0 us."},
    {{.kind = EVENT_LIMIT_EXCEEDED, .fields = {3, 9, LIMIT_ROUNDS}}, "The rounds are used up"},
    {{.kind = EVENT_LIMIT_EXCEEDED, .fields = {3, 9, LIMIT_TIME}}, "The total time is used up"},
    {{.kind = EVENT_LIMIT_EXCEEDED, .fields = {3, 9, LIMIT_PROGRESS}},
     "as fast as they are copied"},
    {{.kind = EVENT_LINK_CHANGED, .fields = {LINK_WHOLE, 0}}, "The link is whole again."},
    {{.kind = EVENT_LINK_CHANGED, .fields = {LINK_CUT, 0}}, "The link is cut"},
    {{.kind = EVENT_LINK_CHANGED, .fields = {LINK_SLOW, 20000000}}, "it carries 20.00 Mbit/s."},
    {{.kind = EVENT_LINK_CHANGED, .fields = {LINK_DELAYED, 10000000}}, "arrives 10.00 ms later."},
    {{.kind = EVENT_LINK_CHANGED, .fields = {LINK_CORRUPTING, 65536}}, "one byte in 64.00 KiB"},
    {{.kind = EVENT_PHASE_CHANGED, .fields = {PHASE_LINK_LOST}}, "The connection is lost."},
    {{.kind = EVENT_PHASE_CHANGED, .fields = {PHASE_RECOVER}}, "host B tells which pages it has"},
    {{.kind = EVENT_HOST_CRASHED, .fields = {HOST_TARGET}}, "Host B has crashed"},
    {{.kind = EVENT_TUNNEL_ENDED, .fields = {8000}}, "ended after 8,000 packets"},
    {{.kind = EVENT_SHARE_SET, .fields = {HOST_SOURCE, 1, 805}},
     "Hart 1 is slowed: it may run 80.5 %"},
    {{.kind = EVENT_SHARE_SET, .fields = {HOST_SOURCE, 1, 1000}}, "all of its time again"},
    {{.kind = EVENT_BARRIER_SENT, .fields = {7, 2}}, "Barrier 7 follows 2 pages"},
    {{.kind = EVENT_BARRIER_ACKNOWLEDGED, .fields = {7, 1000000}}, "acknowledged after 1.000 ms"},
    {{.kind = EVENT_CACHE_WRITTEN_BACK, .fields = {HOST_SOURCE, 10, 3}}, "writes 10 lines"},
    {{.kind = EVENT_DISK_WRITTEN, .fields = {5, 512, HOST_TARGET}}, "block 5, served at host B."},
    {{.kind = EVENT_PACKET_FORWARDED, .fields = {2, 60}}, "client 2 on through the tunnel"},
    {{.kind = EVENT_PACKET_DROPPED, .fields = {2, 60, HOST_SOURCE}}, "came to host A"},
    {{.kind = EVENT_LOG_DRAINED, .fields = {512}}, "with one exit: 512 pages."},
};

enum { NEWS = sizeof news / sizeof news[0], TURNS = 17 /* the first so many rows */ };

static void each_is_told_and_fits_two_lines(void **state)
{
    struct rect lines = {0, 0, 3, 78};
    struct canvas canvas;
    char text[2 * NARRATOR_MAX];
    (void)state;
    canvas_init(&canvas, false);
    canvas_resize(&canvas, 3, 78);
    for (size_t i = 0; i < NEWS; i++) {
        text[0] = '\0';
        bool is_told = news_tell(&news[i].event, false, text, sizeof text);
        if (!is_told || strstr(text, news[i].part) == NULL)
            fail_msg("row %zu: \"%s\" is not in \"%s\"", i, news[i].part, text);
        assert_in_range(canvas_wrap(&canvas, lines, 0, text), 1, 2);
    }
    assert_false(news_tell(&(struct event){.kind = EVENT_PAGE_FAULTED}, false, text, sizeof text));
    assert_false(news_tell(&(struct event){.kind = EVENT_PHASE_CHANGED, .fields = {PHASE_COPY}},
                           false, text, sizeof text));
    /* As `ferry link` says it. It may have been given more or less, or been mended. */
    const struct event slow = {.kind = EVENT_LINK_CHANGED, .fields = {LINK_SLOW, 8u << 20}};
    assert_true(news_tell(&slow, true, text, sizeof text));
    assert_string_equal(text, "The link carries 1.000 MiB/s from now on.");
    canvas_fini(&canvas);
}

/* What happens in the midst of a move is in its lines, with its instant; a limit is told by what
 * became of the move (plain_test.c). What only a step tells would be too much there. */
static void turns_are_told_in_lines(void **state)
{
    (void)state;
    for (size_t i = 0; i < NEWS; i++) {
        char *text = NULL;
        size_t count = 0;
        struct scripted *s = scripted_open(MODE_PRE_COPY, 256, NS_PER_MS);
        FILE *out = open_memstream(&text, &count);
        const struct event *last = &s->events.items[s->events.count - 1];
        struct event event = news[i].event;
        /* A tunnel outlives the move. */
        event.at_ns = event.kind == EVENT_TUNNEL_ENDED ? last->at_ns : 3 * NS_PER_MS;
        assert_true(event.at_ns <= last->at_ns);
        event_append(&s->events, event);
        scripted_sort(s);
        assert_int_equal(plain_play(&s->session, out), 0);
        fclose(out);
        bool is_told = strstr(text, news[i].part) != NULL;
        bool is_turn = i < TURNS && event.kind != EVENT_LIMIT_EXCEEDED;
        if (is_told != is_turn)
            fail_msg("row %zu is %stold:\n%s", i, is_told ? "" : "not ", text);
        if (is_turn)
            assert_true(event.kind == EVENT_TUNNEL_ENDED || strstr(text, "0.003000 s: ") != NULL);
        free(text);
        scripted_close(&s->session);
    }
}

/* More of them than are kept between two looks: the last ones are told, and nothing breaks. */
static void no_more_are_kept_than_there_is_room_for(void **state)
{
    struct turns turns = {0};
    (void)state;
    for (uint64_t i = 0; i < TURNS_KEPT + 5; i++)
        turns_fold(&turns, &(struct event){.at_ns = i, .kind = EVENT_TUNNEL_ENDED});
    turns_fold(&turns, &(struct event){.kind = EVENT_PAGES_SENT});
    assert_int_equal(turns.last.kind, EVENT_PAGES_SENT);
    assert_int_equal(turns.count, TURNS_KEPT + 5);
    assert_null(turns_at(&turns, 4));
    assert_int_equal(turns_at(&turns, 5)->at_ns, 5);
    assert_int_equal(turns_at(&turns, TURNS_KEPT + 4)->at_ns, TURNS_KEPT + 4);
    assert_null(turns_at(&turns, TURNS_KEPT + 5));
}

/* How a move ended that was not completed, and why: as much as can be known. */
static void a_failure_says_why(void **state)
{
    enum { NOBODY = 9, CORRUPTING };
    static const struct {
        enum outcome outcome;
        bool is_cut, has_resumed;
        uint64_t crashed; /* the host; or what befell the link */
        const char *part;
    } rows[] = {
        {OUTCOME_ABORTED, false, false, NOBODY, "The move was given up. Nothing is lost"},
        {OUTCOME_ABORTED, true, false, NOBODY, "The link was cut before the hand-over."},
        {OUTCOME_ABORTED, false, false, CORRUPTING, "The link corrupts, and the move was given"},
        {OUTCOME_ABORTED, false, false, HOST_TARGET, "Host B crashed before the hand-over."},
        {OUTCOME_PAUSED, false, false, NOBODY, "The move failed at the hand-over"},
        {OUTCOME_PAUSED, true, false, NOBODY, "host A cannot know whether the guest runs"},
        {OUTCOME_PAUSED, true, true, NOBODY, "64 pages are still at host A"},
        {OUTCOME_LOST, false, false, HOST_SOURCE, "host A crashed while it had the guest."},
        {OUTCOME_LOST, false, true, HOST_SOURCE, "host A crashed, and with it 64 pages"},
        {OUTCOME_LOST, false, true, HOST_TARGET, "host B crashed, and the guest with it."},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct timeline timeline;
        struct event events[5] = {
            {.kind = EVENT_MIGRATION_STARTED, .fields = {MODE_POST_COPY, 64}}};
        char text[2 * NARRATOR_MAX];
        int count = 1;
        timeline_init(&timeline, 64);
        if (rows[i].has_resumed)
            events[count++] = (struct event){.kind = EVENT_GUEST_RESUMED, .fields = {HOST_TARGET}};
        if (rows[i].is_cut)
            events[count++] = (struct event){.kind = EVENT_LINK_CHANGED, .fields = {LINK_CUT}};
        if (rows[i].crashed == CORRUPTING)
            events[count++] =
                (struct event){.kind = EVENT_LINK_CHANGED, .fields = {LINK_CORRUPTING, 65536}};
        else if (rows[i].crashed != NOBODY)
            events[count++] =
                (struct event){.kind = EVENT_HOST_CRASHED, .fields = {rows[i].crashed}};
        events[count++] =
            (struct event){.kind = EVENT_MIGRATION_ENDED, .fields = {rows[i].outcome}};
        for (int j = 0; j < count; j++)
            timeline_add(&timeline, &events[j]);
        scene_failure(&timeline, text, sizeof text);
        if (strstr(text, rows[i].part) == NULL)
            fail_msg("row %zu: \"%s\" is not in \"%s\"", i, rows[i].part, text);
        timeline_fini(&timeline);
    }
}

/* Each limit with each end: nothing says that the rounds ran out where it was something else. */
static void a_limit_is_told_as_what_it_was(void **state)
{
    static const char *const parts[LIMIT_COUNT] = {"The rounds ran out", "The total time ran out",
                                                   "no progress"};
    (void)state;
    for (uint64_t i = 0; i < 2 * LIMIT_COUNT; i++) {
        struct timeline timeline;
        uint64_t limit = i / 2, end = i % 2 == 0 ? EVENT_GUEST_RESUMED : EVENT_MIGRATION_ENDED;
        uint64_t value = i % 2 == 0 ? HOST_TARGET : OUTCOME_ABORTED;
        timeline_init(&timeline, 64);
        const struct event events[] = {
            {.kind = EVENT_MIGRATION_STARTED, .fields = {MODE_PRE_COPY, 64}},
            {.kind = EVENT_LIMIT_EXCEEDED, .fields = {3, 9, limit}},
            {.kind = (enum event_kind)end, .fields = {value}},
        };
        for (size_t j = 0; j < sizeof events / sizeof events[0]; j++)
            timeline_add(&timeline, &events[j]);
        assert_non_null(strstr(scene_limit(&timeline), parts[limit]));
        timeline.pages_missing = 0; /* all of them came before the guest */
        assert_non_null(strstr(scene_limit(&timeline), parts[limit]));
        timeline_fini(&timeline);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_is_told_and_fits_two_lines),
        cmocka_unit_test(turns_are_told_in_lines),
        cmocka_unit_test(no_more_are_kept_than_there_is_room_for),
        cmocka_unit_test(a_failure_says_why),
        cmocka_unit_test(a_limit_is_told_as_what_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
