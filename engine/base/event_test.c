#include "base/event.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static void the_list_describes_itself(void **state)
{
    const struct event_description *sent = event_describe(EVENT_PAGES_SENT);
    static const char *const names[] = {"first_idx", "count", "why", "bytes", "form"};
    static const char *const units[] = {"page", "pages", "enum_why", "bytes", "enum_page_form"};
    (void)state;
    assert_string_equal(sent->name, "pages_sent");
    assert_int_equal(sent->field_count, 5);
    for (unsigned i = 0; i < 5; i++) {
        assert_string_equal(sent->field_names[i], names[i]);
        assert_string_equal(sent->field_units[i], units[i]);
    }
    for (unsigned kind = 0; kind < EVENT_COUNT; kind++) {
        const struct event_description *description = event_describe((enum event_kind)kind);
        assert_in_range(description->field_count, 1, EVENT_FIELDS_MAX);
        for (unsigned i = 0; i < EVENT_FIELDS_MAX; i++)
            assert_int_equal(description->field_names[i] != NULL, i < description->field_count);
        for (unsigned other = 0; other < kind; other++)
            assert_string_not_equal(description->name,
                                    event_describe((enum event_kind)other)->name);
    }
}

/* Exports and recordings read fields[] where everybody else reads names: they must be the same. */
static void fields_stand_in_the_order_of_the_list(void **state)
{
    struct event event = {.kind = EVENT_ROUND_ENDED, .fields = {1, 2, 3, 4}};
    (void)state;
    assert_int_equal(event.round_ended.round_idx, 1);
    assert_int_equal(event.round_ended.pages_sent, 2);
    assert_int_equal(event.round_ended.bytes_sent, 3);
    assert_int_equal(event.round_ended.dirtied_pages, 4);
    event = (struct event){.kind = EVENT_FAULT_RESOLVED, .fault_resolved = {.wait_ns = 9}};
    assert_int_equal(event.fields[2], 9);
}

static void names_are_those_of_the_command_line(void **state)
{
    (void)state;
    assert_string_equal(mode_name(MODE_STOP_AND_COPY), "stop-and-copy");
    assert_string_equal(mode_name(MODE_HYBRID), "hybrid");
    assert_string_equal(phase_name(PHASE_IDLE), "idle");
    assert_string_equal(phase_name(PHASE_ABORTED), "aborted");
    assert_string_equal(why_name(WHY_PUSHED), "pushed");
    assert_string_equal(outcome_name(OUTCOME_LOST), "lost");
}

static void a_list_keeps_the_order(void **state)
{
    struct event_list list = {0};
    (void)state;
    for (uint64_t i = 0; i < 1000; i++)
        event_append(&list, (struct event){.at_ns = i, .kind = EVENT_LOG_FETCHED});
    assert_int_equal(list.count, 1000);
    for (uint64_t i = 0; i < 1000; i++)
        assert_int_equal(list.items[i].at_ns, i);
    event_list_fini(&list);
    assert_null(list.items);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_list_describes_itself),
        cmocka_unit_test(fields_stand_in_the_order_of_the_list),
        cmocka_unit_test(names_are_those_of_the_command_line),
        cmocka_unit_test(a_list_keeps_the_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
