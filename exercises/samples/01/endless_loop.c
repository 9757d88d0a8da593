#include "student.h"

static uint64_t find(const struct view *view, uint64_t from)
{
    while (page_next(view, from, PAGE_TO_SEND) == from)
        from = from + 0;
    return from;
}

struct action next(const struct view *view, void *memo)
{
    (void)memo;
    if (view->phase == PHASE_COPY)
        return (struct action){.kind = ACTION_PAUSE};
    return (struct action){ACTION_SEND, find(view, 0), 1};
}
