/* Each criterion as a table of events, and what is said of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/units.h"
#include "exercises/audit.h"

#define PAGES 8

enum { PHASE, SEND, PUSH, WRITE, FETCH, RUNS, ABORTED };

/* At so many milliseconds: a phase is entered, pages are sent, a page is written, ... */
struct happening {
    unsigned at_ms, what;
    uint64_t a, b;
};

static struct event event_of(const struct happening *happening)
{
    struct event event = {.at_ns = happening->at_ms * NS_PER_MS};
    uint64_t a = happening->a, b = happening->b;

    switch (happening->what) {
    case PHASE:
        event.kind = EVENT_PHASE_CHANGED;
        event.phase_changed.phase = a;
        break;
    case SEND:
    case PUSH:
        event.kind = EVENT_PAGES_SENT;
        event.pages_sent.first_idx = a;
        event.pages_sent.count = b;
        event.pages_sent.why = happening->what == SEND ? WHY_FIRST : WHY_PUSHED;
        break;
    case WRITE:
        event.kind = EVENT_PAGE_DIRTIED;
        event.page_dirtied.page_idx = a;
        event.page_dirtied.host = b;
        break;
    case FETCH:
        event.kind = EVENT_LOG_FETCHED;
        break;
    case RUNS:
        event.kind = EVENT_GUEST_RESUMED;
        event.guest_resumed.host = HOST_TARGET;
        break;
    default:
        event.kind = EVENT_MIGRATION_ENDED;
        event.migration_ended.outcome = OUTCOME_ABORTED;
    }
    return event;
}

#define COPY                    \
    {                           \
        1, PHASE, PHASE_COPY, 0 \
    }
#define PAUSE                     \
    {10, FETCH, 0, 0},            \
    {                             \
        10, PHASE, PHASE_PAUSE, 0 \
    }
#define HAND_OVER                    \
    {30, PHASE, PHASE_HAND_OVER, 0}, \
    {                                \
        31, RUNS, 0, 0               \
    }

struct row {
    struct happening happenings[16];
    const char *said[CRITERION_COUNT]; /* NULL: it holds; "-": it cannot be said */
    unsigned at_ms[CRITERION_COUNT];
};

static const struct row rows[] = {
    /* As it should be. */
    {{COPY, {5, WRITE, 3, HOST_SOURCE}, PAUSE, {11, SEND, 0, 5}, {12, SEND, 5, 3}, HAND_OVER},
     {NULL},
     {0}},
    {{COPY, PAUSE, {11, SEND, 0, 7}, HAND_OVER},
     {[CRITERION_WHOLE] = "page 7, the last one, was never sent"},
     {[CRITERION_WHOLE] = 30}},
    {{COPY, PAUSE, {11, SEND, 0, 3}, {12, SEND, 4, 4}, HAND_OVER},
     {[CRITERION_WHOLE] = "page 3 was never sent"},
     {[CRITERION_WHOLE] = 30}},
    {{COPY, PAUSE, {11, SEND, 0, 1}, {12, SEND, 4, 1}, HAND_OVER},
     {[CRITERION_STILL] = "-",
      [CRITERION_WHOLE] = "6 of 8 pages were never sent: 1 to 7, not all between",
      [CRITERION_ONCE] = "-"},
     {[CRITERION_WHOLE] = 30}},
    {{COPY, PAUSE, HAND_OVER},
     {[CRITERION_STILL] = "-",
      [CRITERION_WHOLE] = "none of the 8 pages was sent",
      [CRITERION_ONCE] = "-"},
     {[CRITERION_WHOLE] = 30}},
    /* What the engine pushes later is no fault of anybody's twice. */
    {{COPY, PAUSE, {11, SEND, 0, 6}, HAND_OVER, {32, PUSH, 6, 2}},
     {[CRITERION_WHOLE] = "2 of 8 pages were never sent: 6 to 7"},
     {[CRITERION_WHOLE] = 30}},
    {{COPY, PAUSE, {11, SEND, 0, 8}, {14, SEND, 2, 2}, HAND_OVER},
     {[CRITERION_ONCE] = "page 2 was sent at 11.00 ms and again at 14.00 ms, though nothing had "
                         "written to it"},
     {[CRITERION_ONCE] = 14}},
    /* While it runs, and what was written is sent again. */
    {{COPY, {2, SEND, 0, 8}, {6, WRITE, 5, HOST_SOURCE}, PAUSE, {11, SEND, 5, 1}, HAND_OVER},
     {[CRITERION_STILL] = "page 0 was sent at 2.000 ms, while the guest was still running",
      [CRITERION_ONCE] = "page 5 was sent at 2.000 ms, the guest wrote to it at 6.000 ms, and it "
                         "was sent again"},
     {[CRITERION_STILL] = 2, [CRITERION_ONCE] = 11}},
    /* While it runs, and what was written is not. */
    {{COPY,
      {2, SEND, 0, 8},
      {6, WRITE, 5, HOST_SOURCE},
      {7, WRITE, 6, HOST_SOURCE},
      PAUSE,
      HAND_OVER},
     {[CRITERION_STILL] = "page 0 was sent at 2.000 ms, while the guest was still running",
      [CRITERION_WHOLE] = "2 pages the guest wrote to before the pause were not sent again: the "
                          "target has page 5 as it was sent at 2.000 ms, and the guest wrote to it "
                          "from 6.000 ms on"},
     {[CRITERION_STILL] = 2, [CRITERION_WHOLE] = 30}},
    /* What a fetch has told once it does not tell again. */
    {{COPY,
      {2, SEND, 0, 8},
      {6, WRITE, 5, HOST_SOURCE},
      {7, FETCH, 0, 0},
      {8, SEND, 5, 1},
      PAUSE,
      HAND_OVER},
     {[CRITERION_STILL] = "page 0 was sent at 2.000 ms, while the guest was still running",
      [CRITERION_ONCE] = "page 5 was sent at 2.000 ms, the guest wrote to it at 6.000 ms, and it "
                         "was sent again"},
     {[CRITERION_STILL] = 2, [CRITERION_ONCE] = 8}},
    /* Writes at the target are the target's own. */
    {{COPY, PAUSE, {11, SEND, 0, 8}, HAND_OVER, {32, WRITE, 1, HOST_TARGET}}, {NULL}, {0}},
    /* It did not arrive. */
    {{COPY, PAUSE, {11, SEND, 0, 8}, {12, SEND, 0, 1}, {20, ABORTED, 0, 0}},
     {[CRITERION_ARRIVES] = "a reason",
      [CRITERION_STILL] = "-",
      [CRITERION_WHOLE] = "-",
      [CRITERION_ONCE] = "page 0 was sent at 11.00 ms and again at 12.00 ms, though nothing had "
                         "written to it"},
     {[CRITERION_ARRIVES] = 20, [CRITERION_ONCE] = 12}},
};

static void each_criterion_is_judged_by_its_events(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct audit audit;
        audit_init(&audit, PAGES);
        for (size_t j = 0; j < 16 && rows[i].happenings[j].at_ms > 0; j++) {
            struct event event = event_of(&rows[i].happenings[j]);
            audit_event(&audit, &event);
        }
        audit_end(&audit, 50 * NS_PER_MS, "a reason", false);
        for (unsigned c = 0; c < CRITERION_COUNT; c++) {
            const struct finding *finding = &audit.findings[c];
            const char *said = rows[i].said[c];
            bool is_open = said != NULL && strcmp(said, "-") == 0;
            if (finding->is_broken != (said != NULL) || finding->is_open != is_open ||
                (said != NULL && !is_open && strcmp(finding->happened, said) != 0))
                fail_msg("row %zu, %s: \"%s\"", i, criterion_key((enum criterion)c),
                         finding->happened);
            if (said != NULL && !is_open)
                assert_int_equal(finding->at_ns, rows[i].at_ms[c] * NS_PER_MS);
        }
        audit_fini(&audit);
    }
}

static void what_never_ends_is_told_so(void **state)
{
    static const struct happening happenings[] = {COPY, PAUSE, {11, SEND, 0, 8}, {12, SEND, 0, 8}};
    struct audit audit;
    (void)state;
    audit_init(&audit, PAGES);
    for (size_t i = 0; i < sizeof happenings / sizeof happenings[0]; i++) {
        struct event event = event_of(&happenings[i]);
        audit_event(&audit, &event);
    }
    audit_end(&audit, 50 * NS_PER_MS, "", true);
    assert_string_equal(audit.findings[CRITERION_ARRIVES].happened,
                        "it does not end: at 50.00 ms the guest stands still, and 16 pages have "
                        "been sent, though it has 8");
    assert_true(audit.findings[CRITERION_WHOLE].is_open);
    audit_fini(&audit);
}

static void criteria_are_found_by_their_keys(void **state)
{
    enum criterion criterion;
    (void)state;
    for (unsigned i = 0; i < CRITERION_COUNT; i++) {
        assert_true(criterion_find(criterion_key((enum criterion)i), &criterion));
        assert_int_equal(criterion, i);
    }
    assert_false(criterion_find("pretty", &criterion));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_criterion_is_judged_by_its_events),
        cmocka_unit_test(what_never_ends_is_told_so),
        cmocka_unit_test(criteria_are_found_by_their_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
