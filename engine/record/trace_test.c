#include "record/trace.h"

#include "record/pretend.h"
#include "record/trace_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/units.h"

#define PAGES 1000

static const struct session_facts facts = {
    .guest = "kv",
    .mode = MODE_HYBRID,
    .seed = 7,
    .total_pages = PAGES,
    .bandwidth_bits_per_s = 200000000,
};

/* The trace of some events as text, to be freed. */
static char *trace_of(const struct session_facts *of, const struct event *events, size_t count)
{
    struct trace trace;
    trace_init(&trace, of);
    for (size_t i = 0; i < count; i++)
        trace_add(&trace, &events[i]);
    trace_finish(&trace);
    bytes_put_u8(&trace.text, 0);
    char *text = strdup((char *)trace.text.data);
    trace_fini(&trace);
    return text;
}

static void assert_sound(const char *text)
{
    struct check check;
    if (!check_trace(&check, text, strlen(text)))
        fail_msg("%s", check.why);
    check_fini(&check);
}

/* ---- The check itself refuses what is broken. ---- */

#define NAMES                                                                                \
    "{\"ph\":\"M\",\"pid\":1,\"name\":\"process_name\",\"args\":{\"name\":\"p\"}},"          \
    "{\"ph\":\"M\",\"pid\":1,\"tid\":2,\"name\":\"thread_name\",\"args\":{\"name\":\"t\"}}," \
    "{\"ph\":\"M\",\"pid\":1,\"tid\":3,\"name\":\"thread_name\",\"args\":{\"name\":\"u\"}},"
#define B(ts) "{\"ph\":\"B\",\"pid\":1,\"tid\":2,\"ts\":" #ts ",\"name\":\"b\"},"
#define E(ts) "{\"ph\":\"E\",\"pid\":1,\"tid\":2,\"ts\":" #ts "},"
#define X(ts, dur) \
    "{\"ph\":\"X\",\"pid\":1,\"tid\":2,\"ts\":" #ts ",\"dur\":" #dur ",\"name\":\"x\"},"
#define FLOW(ph, tid, ts) \
    "{\"ph\":\"" #ph "\",\"pid\":1,\"tid\":" #tid ",\"ts\":" #ts ",\"name\":\"f\",\"id\":1},"
#define C(ts, value) \
    "{\"ph\":\"C\",\"pid\":1,\"ts\":" #ts ",\"name\":\"c\",\"args\":{\"n\":" #value "}},"
#define LAST "{\"ph\":\"i\",\"pid\":1,\"tid\":3,\"ts\":99,\"name\":\"i\"}"

static void the_check_refuses_what_is_broken(void **state)
{
    static const struct {
        const char *events, *why; /* NULL: it is sound */
    } rows[] = {
        {NAMES B(1) B(2) E(3) E(3) X(3, 0) X(3, 0) B(3) E(4) LAST, NULL},
        {NAMES X(1, 2.5) X(3.5, 1) LAST, NULL},
        {NAMES X(1, 2.5) X(3.499, 1) LAST, "overlap"},
        {NAMES X(1, 5) X(2, 3) X(4, 2) LAST, "overlap"},
        {NAMES B(1) X(2, 2) E(3) LAST, "overlap"},
        {NAMES B(1) X(2, 1) E(3) LAST, NULL},
        {NAMES B(1) LAST, "no end"},
        {NAMES E(1) LAST, "without a beginning"},
        {NAMES B(2) E(1) LAST, "time goes back"},
        {NAMES X(2, 1) X(1, 1) LAST, "time goes back"},
        {NAMES C(1, 5) C(2, 6) LAST, NULL},
        {NAMES C(2, 5) C(1, 6) LAST, "time goes back"},
        {NAMES C(2, "5") LAST, "a number"},
        {NAMES B(1) FLOW(s, 2, 1) FLOW(t, 2, 2) FLOW(f, 2, 3) E(3) LAST, NULL},
        {NAMES B(1) FLOW(s, 2, 1) FLOW(t, 2, 2) E(3) LAST, "flow 1"},
        {NAMES B(1) FLOW(t, 2, 2) FLOW(f, 2, 2) E(3) LAST, "flow 1"},
        {NAMES B(1) FLOW(s, 2, 1) FLOW(s, 2, 2) FLOW(f, 2, 3) E(3) LAST, "flow 1"},
        {NAMES "{\"ph\":\"X\",\"pid\":1,\"tid\":3,\"ts\":0,\"dur\":5,\"name\":\"x\"}," B(1)
             FLOW(s, 2, 2) FLOW(f, 3, 1) E(3) LAST,
         "back in time"},
        {NAMES B(1) FLOW(s, 2, 2) FLOW(f, 3, 3) E(3) LAST, "in no slice at its 'f'"},
        {NAMES B(1) E(2) FLOW(s, 2, 3) X(4, 1) FLOW(f, 2, 4) LAST, "in no slice at its 's'"},
        {NAMES "{\"ph\":\"i\",\"pid\":1,\"tid\":4,\"ts\":1,\"name\":\"i\"}", "has no name"},
        {NAMES "{\"ph\":\"i\",\"pid\":2,\"tid\":2,\"ts\":1,\"name\":\"i\"}", "has no name"},
        {NAMES "{\"ph\":\"i\",\"pid\":1,\"tid\":2,\"name\":\"i\"}", "without its time"},
        {NAMES "{\"ph\":\"Q\",\"pid\":1,\"tid\":2,\"ts\":1}", "no event"},
        {NAMES B(1) E(2), "no trace"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct check check;
        char text[2000];
        int count = snprintf(text, sizeof text, "{\"traceEvents\":[%s]}", rows[i].events);
        bool is_good = check_trace(&check, text, (size_t)count);
        if (is_good != (rows[i].why == NULL) ||
            (rows[i].why != NULL && strstr(check.why, rows[i].why) == NULL))
            fail_msg("row %zu: \"%s\"", i, check.why);
        check_fini(&check);
    }
}

/* ---- What is said. ---- */

#define AT(us, what, ...)                                           \
    {                                                               \
        .at_ns = (us)*1000, .kind = what, .fields = { __VA_ARGS__ } \
    }

static const struct event post_copy[] = {
    AT(50, EVENT_REQUEST_SENT, 2, 30),
    AT(60, EVENT_REQUEST_SENT, 2, 30),
    AT(100, EVENT_MIGRATION_STARTED, MODE_POST_COPY, PAGES),
    AT(100, EVENT_PHASE_CHANGED, PHASE_SETUP),
    AT(200, EVENT_PHASE_CHANGED, PHASE_PAUSE),
    AT(200, EVENT_GUEST_PAUSED, HOST_SOURCE),
    AT(200, EVENT_FRAME_SENT, 3000, 1),
    AT(400, EVENT_GUEST_RESUMED, HOST_TARGET),
    AT(410, EVENT_PAGE_FAULTED, 17, 0),
    AT(500, EVENT_PAGES_SENT, 17, 1, WHY_FAULT, 4120),
    AT(500, EVENT_PAGES_SENT, 0, 16, WHY_PUSHED, 65920),
    AT(770, EVENT_PAGES_INSTALLED, 17, 1, WHY_FAULT),
    AT(770, EVENT_FAULT_RESOLVED, 17, 0, 360000),
    AT(800, EVENT_PAGE_FAULTED, 3, 0), /* on its way already */
    {.at_ns = 20 * NS_PER_MS + 1, .kind = EVENT_PAGES_INSTALLED, .fields = {0, 16, WHY_PUSHED}},
    {.at_ns = 20 * NS_PER_MS + 1, .kind = EVENT_FAULT_RESOLVED, .fields = {3, 0, 1}},
    {.at_ns = 20 * NS_PER_MS + 5, .kind = EVENT_REQUEST_ANSWERED, .fields = {2, 19950005, 0}},
    {.at_ns = 20 * NS_PER_MS + 25, .kind = EVENT_REQUEST_ANSWERED, .fields = {2, 19940025, 1}},
    {.at_ns = 21 * NS_PER_MS, .kind = EVENT_MIGRATION_ENDED, .fields = {OUTCOME_COMPLETED}},
};

/* Lines that must stand in the trace, in that order. */
static void a_fault_is_led_to_its_page(void **state)
{
    static const char *const lines[] = {
        "{\"displayTimeUnit\":\"ns\",\"otherData\":{\"guest\":\"kv\",\"mode\":\"hybrid\",\"seed\":"
        "7},",
        "{\"ph\":\"B\",\"pid\":1,\"tid\":103,\"ts\":0,\"name\":\"running\"}",
        "{\"ph\":\"B\",\"pid\":1,\"tid\":100,\"ts\":100,\"name\":\"post-copy\"}",
        "{\"ph\":\"E\",\"pid\":1,\"tid\":103,\"ts\":200}",
        "{\"ph\":\"B\",\"pid\":1,\"tid\":103,\"ts\":200,\"name\":\"paused\"}",
        "{\"ph\":\"X\",\"pid\":1,\"tid\":104,\"ts\":200,\"dur\":120,\"name\":\"state\",\"args\":{"
        "\"bytes\":3000}}",
        "{\"ph\":\"E\",\"pid\":1,\"tid\":103,\"ts\":400}",
        "{\"ph\":\"B\",\"pid\":2,\"tid\":205,\"ts\":400,\"name\":\"running\"}",
        "{\"ph\":\"B\",\"pid\":2,\"tid\":207,\"ts\":410,\"name\":\"fault on page 17\"}",
        "{\"ph\":\"s\",\"pid\":2,\"tid\":207,\"ts\":410,\"cat\":\"fault\",\"name\":\"page\",\"id\":"
        "1}",
        "{\"ph\":\"B\",\"pid\":2,\"tid\":205,\"ts\":410,\"name\":\"waiting for a page\"}",
        "{\"ph\":\"X\",\"pid\":1,\"tid\":104,\"ts\":500,\"dur\":164.8,\"name\":\"page 17, fault\",",
        "{\"ph\":\"t\",\"pid\":1,\"tid\":104,\"ts\":500,",
        "{\"ph\":\"X\",\"pid\":1,\"tid\":104,\"ts\":664.8,\"dur\":2636.8,\"name\":\"16 pages from "
        "0, pushed\",",
        "{\"ph\":\"X\",\"pid\":2,\"tid\":206,\"ts\":770,\"dur\":0,\"name\":\"page 17\"}",
        "{\"ph\":\"f\",\"pid\":2,\"tid\":206,\"ts\":770,\"cat\":\"fault\",\"name\":\"page\",\"id\":"
        "1,\"bp\":\"e\"}",
        "{\"ph\":\"E\",\"pid\":2,\"tid\":207,\"ts\":770,\"args\":{\"wait_ns\":360000}}",
        "{\"ph\":\"E\",\"pid\":2,\"tid\":205,\"ts\":770}",
        "{\"ph\":\"s\",\"pid\":2,\"tid\":207,\"ts\":800,\"cat\":\"fault\",\"name\":\"page\",\"id\":"
        "2}",
        "{\"ph\":\"X\",\"pid\":2,\"tid\":206,\"ts\":20000.001,\"dur\":0,\"name\":\"16 pages from "
        "0\"}",
        "{\"ph\":\"f\",\"pid\":2,\"tid\":206,\"ts\":20000.001,",
        "\"name\":\"missing pages\",\"args\":{\"pages\":983}}",
        "{\"ph\":\"X\",\"pid\":3,\"tid\":317,\"ts\":50,\"dur\":19950.005,\"name\":\"outage\"}",
        "{\"ph\":\"X\",\"pid\":3,\"tid\":317,\"ts\":20000.005,\"dur\":0.02,\"name\":\"waits\","
        "\"args\":{\"answer\":\"wrong\"}}",
        "\"name\":\"client latency\",\"args\":{\"us\":19950.005}}",
        "\n]}\n",
    };
    char *text = trace_of(&facts, post_copy, sizeof post_copy / sizeof post_copy[0]);
    const char *at = text;
    (void)state;
    assert_sound(text);
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        const char *found = strstr(at, lines[i]);
        if (found == NULL)
            fail_msg("line %zu is not there: %s\n%s", i, lines[i], at);
        at = found + 1;
    }
    free(text);
}

/* Wherever it breaks off, all that was open is closed. */
static void a_cut_run_is_sound(void **state)
{
    size_t count = sizeof post_copy / sizeof post_copy[0];
    struct event_list events = pretend_run(PAGES, 3000, 1);
    (void)state;
    for (size_t i = 0; i <= count; i++) {
        char *text = trace_of(&facts, post_copy, i);
        assert_sound(text);
        free(text);
    }
    for (size_t i = 0; i <= events.count; i += 41) {
        char *text = trace_of(&facts, events.items, i);
        assert_sound(text);
        free(text);
    }
    event_list_fini(&events);
}

/* Any events at all, in any order, with small and with extreme values: a file that is no trace is
 * never written. (A flow of such a run may go back in time, for its page can arrive before the link
 * has carried it: nothing else may be wrong.) */
static void any_events_make_a_trace(void **state)
{
    static const uint64_t pages[] = {0, 1, 17, PAGES - 1};
    static const uint64_t values[] = {0, 1, 2, 3, 7, 8, 63, 64, 1 << 20, UINT64_MAX};
    struct prng prng = prng_make(3, 3);
    (void)state;
    for (unsigned game = 0; game < 300; game++) {
        struct event events[120];
        uint64_t now_ns = 0;
        for (size_t i = 0; i < 120; i++) {
            struct event event = {.kind = (enum event_kind)prng_below(&prng, EVENT_COUNT)};
            const struct event_description *of = event_describe(event.kind);
            now_ns += prng_below(&prng, 3) * 1000 * prng_below(&prng, 5000);
            event.at_ns = now_ns;
            for (unsigned j = 0; j < of->field_count; j++) {
                const char *unit = of->field_units[j];
                uint64_t value = values[prng_below(&prng, 10)];
                if (strcmp(unit, "page") == 0)
                    value = pages[prng_below(&prng, 4)];
                else if (strcmp(unit, "pages") == 0 || strcmp(unit, "flag") == 0 ||
                         strcmp(unit, "host") == 0)
                    value = prng_below(&prng, 2);
                else if (strncmp(unit, "enum", 4) == 0)
                    value = prng_below(&prng, strcmp(unit, "enum_phase") == 0 ? 8 : 4);
                else if (strcmp(unit, "bytes") == 0)
                    value = prng_below(&prng, 5000);
                event.fields[j] = value;
            }
            events[i] = event;
        }
        char *text = trace_of(&facts, events, 120);
        struct check check;
        if (!check_trace(&check, text, strlen(text)) && strstr(check.why, "back in time") == NULL)
            fail_msg("game %u: %s", game, check.why);
        check_fini(&check);
        free(text);
    }
}

static void names_and_numbers_are_json(void **state)
{
    static const struct event events[] = {
        {.at_ns = UINT64_MAX, .kind = EVENT_FRAME_SENT, .fields = {UINT64_MAX, 0}},
        {.at_ns = UINT64_MAX, .kind = EVENT_PAGES_SENT, .fields = {0, 1, 0, UINT64_MAX}},
    };
    struct session_facts odd = facts;
    (void)state;
    odd.guest = "./\"a\\b\xe5\x81\x9c\x7f.elf";
    odd.seed = UINT64_MAX;
    odd.bandwidth_bits_per_s = 0;
    char *text = trace_of(&odd, events, 2);
    json_t *trace = json_loads(text, 0, NULL);
    const json_t *other = json_object_get(trace, "otherData");
    assert_non_null(other);
    assert_string_equal(json_string_value(json_object_get(other, "guest")), "./?a?b????.elf");
    assert_string_equal(json_string_value(json_object_get(other, "seed")), "18446744073709551615");
    assert_non_null(strstr(text, "\"ts\":18446744073709551.615,"));
    json_decref(trace);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_check_refuses_what_is_broken),
        cmocka_unit_test(a_fault_is_led_to_its_page),
        cmocka_unit_test(a_cut_run_is_sound),
        cmocka_unit_test(any_events_make_a_trace),
        cmocka_unit_test(names_and_numbers_are_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
