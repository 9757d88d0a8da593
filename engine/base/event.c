#include "base/event.h"

#include <stdlib.h>

#include "base/status.h"

#define TEXT_OF(name, text) text,

const char *mode_name(enum mode mode)
{
    static const char *const names[] = {MODE_LIST(TEXT_OF)};
    MUST((unsigned)mode < MODE_COUNT);
    return names[mode];
}

const char *phase_name(enum phase phase)
{
    static const char *const names[] = {PHASE_LIST(TEXT_OF)};
    MUST((unsigned)phase < PHASE_COUNT);
    return names[phase];
}

const char *why_name(enum why why)
{
    static const char *const names[] = {WHY_LIST(TEXT_OF)};
    MUST((unsigned)why < WHY_COUNT);
    return names[why];
}

const char *outcome_name(enum outcome outcome)
{
    static const char *const names[] = {OUTCOME_LIST(TEXT_OF)};
    MUST((unsigned)outcome < OUTCOME_COUNT);
    return names[outcome];
}

const char *page_form_name(enum page_form form)
{
    static const char *const names[] = {PAGE_FORM_LIST(TEXT_OF)};
    MUST((unsigned)form < PAGE_FORM_COUNT);
    return names[form];
}

const char *link_state_name(enum link_state state)
{
    static const char *const names[] = {LINK_STATE_LIST(TEXT_OF)};
    MUST((unsigned)state < LINK_STATE_COUNT);
    return names[state];
}

const char *limit_name(enum limit limit)
{
    static const char *const names[] = {LIMIT_LIST(TEXT_OF)};
    MUST((unsigned)limit < LIMIT_COUNT);
    return names[limit];
}

const char *decision_sentence(enum decision decision)
{
    static const char *const sentences[] = {DECISION_LIST(TEXT_OF)};
    MUST((unsigned)decision < DECISION_COUNT);
    return sentences[decision];
}

const struct event_description *event_describe(enum event_kind kind)
{
#define FIELD_ONE(name, unit)  +1
#define FIELD_NAME(name, unit) #name,
#define FIELD_UNIT(name, unit) #unit,
#define DESCRIBE(kind, member, fields) \
    {#member, 0 fields(FIELD_ONE), {fields(FIELD_NAME)}, {fields(FIELD_UNIT)}},
    static const struct event_description descriptions[EVENT_COUNT] = {EVENT_LIST(DESCRIBE)};
    MUST((unsigned)kind < EVENT_COUNT);
    return &descriptions[kind];
}

void event_append(struct event_list *list, struct event event)
{
    if (list->count == list->capacity) {
        list->capacity = list->capacity == 0 ? 64 : list->capacity * 2;
        list->items = realloc(list->items, list->capacity * sizeof *list->items);
        MUST(list->items != NULL);
    }
    list->items[list->count++] = event;
}

void event_list_fini(struct event_list *list)
{
    free(list->items);
    *list = (struct event_list){0};
}
