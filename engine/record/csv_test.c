#include "record/csv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "record/session.h"

/* The columns that people's scripts know, by their names: none is renamed, none goes. */
static const char *const known[] = {
    "at_ns",   "event",      "mode",         "total_pages", "phase",         "round_idx",
    "pages",   "is_paused",  "pages_sent",   "bytes_sent",  "dirtied_pages", "first_idx",
    "count",   "why",        "bytes",        "is_state",    "page_idx",      "host",
    "now_ns",  "pause_ns",   "downtime_ns",  "hart_idx",    "wait_ns",       "streams",
    "outcome", "client_idx", "latency_ns",   "is_wrong",    "status",        "is_fault",
    "command", "value",      "instructions", "digest",
};

static char head[2048]; /* the first line */
static unsigned column_count;

static void take_head(struct csv *csv)
{
    csv_init(csv);
    assert_true(csv->text.count < sizeof head);
    memcpy(head, csv->text.data, csv->text.count);
    head[csv->text.count] = '\0';
    column_count = 1;
    for (const char *at = head; *at != '\0'; at++)
        column_count += *at == ',';
}

/* The value in a row under a column's name. */
static void cell(const char *row, const char *column, char *text)
{
    const char *name = head, *value = row;
    while (strncmp(name, column, strlen(column)) != 0 ||
           strchr(",\r", name[strlen(column)]) == NULL) {
        name = strchr(name, ',') + 1;
        value = strchr(value, ',') + 1;
    }
    size_t count = strcspn(value, ",\r");
    memcpy(text, value, count);
    text[count] = '\0';
}

static void every_kind_has_its_row(void **state)
{
    struct csv csv;
    (void)state;
    take_head(&csv);
    for (unsigned kind = 0; kind < EVENT_COUNT; kind++) {
        const struct event_description *description = event_describe((enum event_kind)kind);
        struct event event = {.at_ns = 1000 + kind, .kind = (enum event_kind)kind};
        unsigned commas = 0, filled = 2;
        for (unsigned i = 0; i < EVENT_FIELDS_MAX; i++)
            event.fields[i] = 1;
        bytes_clear(&csv.text);
        csv_add(&csv, &event);
        bytes_put_u8(&csv.text, 0);
        const char *row = (char *)csv.text.data;
        char text[64];
        for (const char *at = row; *at != '\0'; at++)
            commas += *at == ',';
        assert_int_equal(commas, column_count - 1);
        assert_string_equal(row + strlen(row) - 2, "\r\n");
        cell(row, "event", text);
        assert_string_equal(text, description->name);
        for (unsigned i = 0; i < description->field_count; i++) {
            cell(row, description->field_names[i], text);
            assert_true(text[0] != '\0');
            filled++;
        }
        for (const char *at = row; (at = strchr(at, ',')) != NULL; at++)
            commas -= at[1] == ',' || at[1] == '\r';
        assert_int_equal(commas + 1, filled);
    }
    csv_fini(&csv);
}

static void known_columns_stay(void **state)
{
    struct csv csv;
    (void)state;
    take_head(&csv);
    csv_fini(&csv);
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        char name[40], line[sizeof head + 2];
        snprintf(name, sizeof name, ",%s,", known[i]);
        snprintf(line, sizeof line, ",%.*s,", (int)strcspn(head, "\r"), head);
        if (strstr(line, name) == NULL)
            fail_msg("no column %s", known[i]);
    }
}

static void words_where_there_are_words(void **state)
{
    static const struct {
        struct event event;
        const char *column, *text;
    } rows[] = {
        {{.kind = EVENT_MIGRATION_STARTED, .fields = {MODE_POST_COPY, 16384}}, "mode", "post-copy"},
        {{.kind = EVENT_MIGRATION_STARTED, .fields = {0, 16384}}, "total_pages", "16384"},
        {{.kind = EVENT_PHASE_CHANGED, .fields = {PHASE_HAND_OVER}}, "phase", "hand-over"},
        {{.kind = EVENT_PAGES_SENT, .fields = {17, 2, WHY_RESENT, 8240}}, "why", "re-sent"},
        {{.kind = EVENT_PAGES_SENT, .fields = {17, 2, WHY_RESENT, 8240}}, "bytes", "8240"},
        {{.kind = EVENT_PAGES_SENT, .fields = {17, 2, 0, 40, PAGE_FORM_ZERO}}, "form", "zero"},
        {{.kind = EVENT_LIMIT_EXCEEDED, .limit_exceeded = {.limit = LIMIT_TIME}},
         "limit",
         "total-time"},
        {{.kind = EVENT_LINK_CHANGED, .fields = {LINK_SLOW, 1000}}, "state", "slow"},
        {{.kind = EVENT_MIGRATION_ENDED, .fields = {OUTCOME_ABORTED}}, "outcome", "aborted"},
        {{.kind = EVENT_GUEST_RESUMED, .fields = {HOST_TARGET}}, "host", "target"},
        {{.kind = EVENT_INPUT_GIVEN, .fields = {SESSION_ABORT, 0}}, "command", "abort"},
        {{.kind = EVENT_RUN_ENDED, .fields = {UINT64_MAX, 0xfeed}}, "digest", "000000000000feed"},
        {{.kind = EVENT_RUN_ENDED, .fields = {UINT64_MAX, 1}},
         "instructions",
         "18446744073709551615"},
        {{.at_ns = UINT64_MAX}, "at_ns", "18446744073709551615"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct csv csv;
        char text[64];
        take_head(&csv);
        bytes_clear(&csv.text);
        csv_add(&csv, &rows[i].event);
        bytes_put_u8(&csv.text, 0);
        cell((char *)csv.text.data, rows[i].column, text);
        assert_string_equal(text, rows[i].text);
        csv_fini(&csv);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_has_its_row),
        cmocka_unit_test(known_columns_stay),
        cmocka_unit_test(words_where_there_are_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
