/* The narrator as a table of instants and what is said at them. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tui/canvas.h"
#include "tui/keys.h"
#include "tui/narrator.h"
#include "tui/scripted.h"

#define START_NS NS_PER_S

static void each_scene_has_its_sentence(void **state)
{
    /* at_ns: since the start of the move. */
    static const struct {
        enum mode mode;
        int64_t at_ns;
        const char *part;
    } rows[] = {
        {MODE_PRE_COPY, -900000000, "Normal service: kv runs at host A and answers its 4 clients."},
        {MODE_PRE_COPY, -100000000, "At 1.000 s its 4,096 pages of memory will begin to move"},
        {MODE_PRE_COPY, 100000, "Host A asks host B whether it is ready."},
        {MODE_PRE_COPY, 100000000, "Round 0 sends all 4,096 pages"},
        {MODE_PRE_COPY, 600000000, "must be sent again already"},
        {MODE_PRE_COPY, 700000000, "written during round 0"},
        {MODE_PRE_COPY, 60000000000, "The move is complete: "},
        {MODE_STOP_AND_COPY, 100000000,
         "Stop-and-copy: the guest stands still while all 4,096 pages travel."},
        {MODE_STOP_AND_COPY, 700000000, "The guest runs at host B after 674.5 ms of downtime"},
        {MODE_STOP_AND_COPY, 1000000000,
         "The move is complete: total time 674.1 ms, downtime 674.5 ms."},
        {MODE_STOP_AND_COPY, -100000000, "At 1.000 s it will be stopped, and stand still until"},
        {MODE_POST_COPY, -100000000, "it will be paused for a moment and go on at host B"},
        {MODE_HYBRID, -100000000, "will be sent once while it runs on at host A. Then it goes"},
        {MODE_POST_COPY, 400000, "Its 4,096 pages stay behind at host A"},
        {MODE_POST_COPY, 1100000, "it waits until that page has come (fault 1)"},
        {MODE_POST_COPY, 500000000, "still to come. Host A pushes them"},
    };
    char text[2 * NARRATOR_MAX];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct scripted *s = scripted_open(rows[i].mode, 4096, START_NS);
        s->session.ops->advance(&s->session, START_NS + (uint64_t)rows[i].at_ns);
        narrator_tell(&s->session, text, sizeof text);
        if (strstr(text, rows[i].part) == NULL)
            fail_msg("row %zu: \"%s\" is not in \"%s\"", i, rows[i].part, text);
        scripted_close(&s->session);
    }
}

static void that_no_page_stays_behind_is_said(void **state)
{
    char text[2 * NARRATOR_MAX];
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct scripted *s = scripted_open(i == 0 ? MODE_POST_COPY : MODE_HYBRID, 4096, START_NS);
        s->session.ops->advance(&s->session, START_NS);
        for (int left = 20000; s->session.timeline.phase != PHASE_HAND_OVER && left > 0; left--)
            s->session.ops->step(&s->session);
        s->session.timeline.pages_left = 0;
        narrator_tell(&s->session, text, sizeof text);
        if (strstr(text, "none stays behind at host A") == NULL)
            fail_msg("%s", text);
        scripted_close(&s->session);
    }
}

/* Event by event through every mode: always something, never more than two lines of 78 columns. */
static void every_sentence_fits_two_lines(void **state)
{
    struct rect two_lines = {0, 0, 3, 78};
    struct canvas canvas;
    char text[2 * NARRATOR_MAX];
    (void)state;
    canvas_init(&canvas, false);
    canvas_resize(&canvas, 3, 78);
    for (int mode = 0; mode < MODE_COUNT; mode++) {
        struct scripted *s = scripted_open((enum mode)mode, 100000, NS_PER_S / 100);
        for (int i = 0; i < 20000 && s->session.ops->step(&s->session); i++) {
            narrator_tell(&s->session, text, sizeof text);
            assert_true(canvas_width(text) > 10 && canvas_width(text) <= NARRATOR_MAX);
            assert_in_range(canvas_wrap(&canvas, two_lines, 0, text), 1, 2);
        }
        scripted_close(&s->session);
    }
    canvas_fini(&canvas);
}

static void a_move_given_up_and_a_broken_rule_are_said(void **state)
{
    struct scripted *s = scripted_open(MODE_PRE_COPY, 4096, START_NS);
    char text[2 * NARRATOR_MAX];
    (void)state;
    s->session.ops->advance(&s->session, START_NS + 100 * NS_PER_MS);
    assert_true(s->session.ops->act(&s->session, SESSION_ABORT, 0));
    s->session.ops->advance(&s->session, 100 * NS_PER_S);
    narrator_tell(&s->session, text, sizeof text);
    assert_non_null(strstr(text, "given up"));
    s->session.is_broken = true;
    s->session.verdict = "same_memory: page 7 differs";
    narrator_tell(&s->session, text, sizeof text);
    assert_string_equal(text, "same_memory: page 7 differs");
    scripted_close(&s->session);
}

/* What was decided is said while the round that follows begins; then the round has its sentence. */
static void a_decision_is_said_while_it_is_news(void **state)
{
    struct scripted *s = scripted_open(MODE_AUTO, 4096, START_NS);
    struct timeline *timeline = &s->session.timeline;
    const struct event events[] = {
        {.kind = EVENT_MIGRATION_STARTED, .at_ns = 1, .fields = {MODE_AUTO, 4096}},
        {.kind = EVENT_PHASE_CHANGED, .at_ns = 1, .fields = {PHASE_COPY}},
        {.kind = EVENT_ROUND_STARTED, .at_ns = 1, .fields = {0, 4096, 0}},
        {.kind = EVENT_ROUND_ENDED, .at_ns = NS_PER_S, .fields = {0, 4096, 4096 * 4112, 100}},
        {.kind = EVENT_DECIDED, .at_ns = NS_PER_S, .fields = {DECISION_SLOWER, 800}},
        {.kind = EVENT_ROUND_STARTED, .at_ns = NS_PER_S, .fields = {1, 100, 0}},
        {.kind = EVENT_PAGES_SENT, .at_ns = 2 * NS_PER_S, .fields = {0, 90, WHY_RESENT, 90 * 4112}},
    };
    enum { EVENTS = sizeof events / sizeof events[0] };
    char text[2 * NARRATOR_MAX];
    (void)state;
    for (int i = 0; i < EVENTS; i++) {
        timeline_add(timeline, &events[i]);
        narrator_tell(&s->session, text, sizeof text);
        bool is_news = strstr(text, "the guest is slowed down") != NULL;
        if (is_news != (i == EVENTS - 3 || i == EVENTS - 2))
            fail_msg("after event %d: %s", i, text);
    }
    scripted_close(&s->session);
}

static void attend_nothing(struct session_guard *guard, struct session *session, int wait_ms)
{
    (void)guard, (void)session, (void)wait_ms;
}

/* Whoever watches is told why nothing goes on, and what of the keys cannot be done. */
static void a_debugger_that_holds_is_told(void **state)
{
    struct scripted *s = scripted_open(MODE_PRE_COPY, 4096, START_NS);
    struct session_guard guard = {.attend = attend_nothing};
    char text[2 * NARRATOR_MAX];
    (void)state;
    s->session.guard = &guard;
    narrator_tell(&s->session, text, sizeof text);
    assert_null(strstr(text, "debugger"));
    assert_null(key_obstacle(key_find('s'), &s->session));
    guard.is_holding = true;
    narrator_tell(&s->session, text, sizeof text);
    assert_non_null(strstr(text, "A debugger holds the guest."));
    assert_non_null(strstr(key_obstacle(key_find('s'), &s->session), "debugger"));
    assert_null(key_obstacle(key_find('q'), &s->session));
    scripted_close(&s->session);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_scene_has_its_sentence),
        cmocka_unit_test(that_no_page_stays_behind_is_said),
        cmocka_unit_test(every_sentence_fits_two_lines),
        cmocka_unit_test(a_move_given_up_and_a_broken_rule_are_said),
        cmocka_unit_test(a_debugger_that_holds_is_told),
        cmocka_unit_test(a_decision_is_said_while_it_is_news),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
