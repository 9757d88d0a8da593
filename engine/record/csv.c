#include "record/csv.h"

#include <stdio.h>
#include <string.h>

#include "base/status.h"
#include "record/session.h"

static void put_text(struct csv *csv, const char *text)
{
    bytes_put(&csv->text, text, strlen(text));
}

static unsigned find_column(struct csv *csv, const char *name)
{
    for (unsigned i = 0; i < csv->column_count; i++)
        if (strcmp(csv->columns[i], name) == 0)
            return i;
    MUST(csv->column_count < CSV_COLUMNS_MAX);
    csv->columns[csv->column_count] = name;
    return csv->column_count++;
}

void csv_init(struct csv *csv)
{
    *csv = (struct csv){.column_count = 0};
    for (unsigned kind = 0; kind < EVENT_COUNT; kind++) {
        const struct event_description *description = event_describe((enum event_kind)kind);
        for (unsigned i = 0; i < description->field_count; i++)
            csv->column_of[kind][i] = (uint8_t)find_column(csv, description->field_names[i]);
    }
    put_text(csv, "at_ns,event");
    for (unsigned i = 0; i < csv->column_count; i++) {
        put_text(csv, ",");
        put_text(csv, csv->columns[i]);
    }
    put_text(csv, "\r\n");
}

void csv_fini(struct csv *csv)
{
    bytes_fini(&csv->text);
}

/* What a value is called, where it is no number. */
static const char *word_of(const char *name, const char *unit, uint64_t value)
{
    if (strcmp(unit, "enum_mode") == 0)
        return mode_name((enum mode)value);
    if (strcmp(unit, "enum_phase") == 0)
        return phase_name((enum phase)value);
    if (strcmp(unit, "enum_why") == 0)
        return why_name((enum why)value);
    if (strcmp(unit, "enum_outcome") == 0)
        return outcome_name((enum outcome)value);
    if (strcmp(unit, "enum_page_form") == 0)
        return page_form_name((enum page_form)value);
    if (strcmp(unit, "enum_link_state") == 0)
        return link_state_name((enum link_state)value);
    if (strcmp(unit, "enum_limit") == 0)
        return limit_name((enum limit)value);
    if (strcmp(unit, "host") == 0)
        return value == HOST_SOURCE ? "source" : "target";
    return strcmp(name, "command") == 0 ? session_command_name(value) : NULL;
}

static void put_field(struct csv *csv, const char *name, const char *unit, uint64_t value)
{
    const char *word = word_of(name, unit, value);
    bool is_digest = strcmp(unit, "digest") == 0;
    char number[32];

    snprintf(number, sizeof number, is_digest ? "%016llx" : "%llu", (unsigned long long)value);
    put_text(csv, word != NULL ? word : number);
}

void csv_add(struct csv *csv, const struct event *event)
{
    const struct event_description *description = event_describe(event->kind);
    const uint8_t *column_of = csv->column_of[event->kind];
    char at[32];

    snprintf(at, sizeof at, "%llu,", (unsigned long long)event->at_ns);
    put_text(csv, at);
    put_text(csv, description->name);
    for (unsigned column = 0; column < csv->column_count; column++) {
        put_text(csv, ",");
        for (unsigned i = 0; i < description->field_count; i++)
            if (column_of[i] == column)
                put_field(csv, description->field_names[i], description->field_units[i],
                          event->fields[i]);
    }
    put_text(csv, "\r\n");
}
