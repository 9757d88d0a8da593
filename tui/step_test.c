/* Each event in plain words, and which pages it was about. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tui/canvas.h"
#include "tui/narrator.h"
#include "tui/scripted.h"
#include "tui/step.h"

static void each_event_is_told_when_stepped_to(void **state)
{
    static const struct {
        struct event event;
        const char *part;
    } rows[] = {
        {{.kind = EVENT_REQUEST_SENT, .fields = {0, 30}}, "Event 1: A client sent a request."},
        {{.kind = EVENT_REQUEST_ANSWERED, .fields = {0, 400000, 0}}, "answer after 400.0 us"},
        {{.kind = EVENT_MIGRATION_STARTED, .fields = {MODE_PRE_COPY, 64}},
         "The move was asked for."},
        {{.kind = EVENT_PHASE_CHANGED, .fields = {PHASE_COPY}}, "A new phase: copy."},
        {{.kind = EVENT_ROUND_STARTED, .fields = {0, 64, 0}},
         "Round 0 begins with 64 pages to send."},
        {{.kind = EVENT_PAGES_SENT, .fields = {0, 8, WHY_FIRST, 8 * 4112}},
         "Host A sends 8 pages (pages 0 to 7, first copy); 8 sent"},
        {{.kind = EVENT_PAGES_INSTALLED, .fields = {0, 8, WHY_FIRST}},
         "Pages 0 to 7 arrived at host B."},
        {{.kind = EVENT_PAGE_DIRTIED, .fields = {3, HOST_SOURCE}},
         "The guest wrote to page 3 for the first time since it was sent: a trap"},
        {{.kind = EVENT_FRAME_SENT, .fields = {24, 0}},
         "A message without pages left host A: 24 bytes."},
        {{.kind = EVENT_ROUND_ENDED, .fields = {0, 64, 64 * 4112, 1}},
         "Round 0 ends: its last byte has left host A; 1 page dirtied meanwhile."},
        {{.kind = EVENT_LOG_FETCHED, .fields = {1}}, "the list of written pages was read"},
        {{.kind = EVENT_DOWNTIME_FORECAST, .fields = {5000000, 4000000}},
         "would be about 5.000 ms"},
        {{.kind = EVENT_GUEST_PAUSED, .fields = {HOST_SOURCE}}, "the downtime begins"},
        {{.kind = EVENT_FRAME_SENT, .fields = {4096, 1}},
         "registers and devices are on the link: 4.000 KiB"},
        {{.kind = EVENT_GUEST_RESUMED, .fields = {HOST_TARGET}},
         "The guest runs again, at host B."},
        {{.kind = EVENT_PAGE_FAULTED, .fields = {9, 0}},
         "The guest touched page 9, which is still at host A: it is asked for (fault 1)"},
        {{.kind = EVENT_FAULT_RESOLVED, .fields = {9, 0, 1000}}, "it goes on"},
        {{.kind = EVENT_LINK_CHANGED, .fields = {LINK_CUT}}, "The link is cut"},
        {{.kind = EVENT_BARRIER_SENT, .fields = {7, 2}}, "Barrier 7 follows 2 pages"},
        {{.kind = EVENT_MIGRATION_ENDED, .fields = {OUTCOME_COMPLETED}},
         "The move has ended: completed."},
    };
    struct timeline timeline;
    char text[2 * NARRATOR_MAX];
    (void)state;
    timeline_init(&timeline, 64);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct step step;
        step_begin(&step, &timeline);
        struct event event = rows[i].event;
        event.at_ns = 1000 * (i + 1);
        timeline_add(&timeline, &event);
        step_tell(&step, &timeline, false, text, sizeof text);
        if (strstr(text, rows[i].part) == NULL)
            fail_msg("row %zu: \"%s\" is not in \"%s\"", i, rows[i].part, text);
    }
    timeline_fini(&timeline);
}

/* Event by event through every mode: always something, never more than two lines of 78 columns. */
static void every_step_fits_two_lines(void **state)
{
    struct rect lines = {0, 0, 3, 78};
    struct canvas canvas;
    char text[2 * NARRATOR_MAX];
    (void)state;
    canvas_init(&canvas, false);
    canvas_resize(&canvas, 3, 78);
    for (int mode = 0; mode < MODE_COUNT; mode++) {
        struct scripted *s = scripted_open((enum mode)mode, 1000, NS_PER_S / 100);
        struct step step;
        step_begin(&step, &s->session.timeline);
        while (s->session.ops->step(&s->session)) {
            step_tell(&step, &s->session.timeline, false, text, sizeof text);
            step_begin(&step, &s->session.timeline);
            assert_true(canvas_width(text) > 10);
            assert_in_range(canvas_wrap(&canvas, lines, 0, text), 1, 2);
        }
        step_tell(&step, &s->session.timeline, false, text, sizeof text);
        scripted_close(&s->session);
    }
    canvas_fini(&canvas);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_event_is_told_when_stepped_to),
        cmocka_unit_test(every_step_fits_two_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
