#include "student.h"

static void remember(uint64_t *where, uint64_t what)
{
    *where = what;
}

struct action next(const struct view *view, void *memo)
{
    uint64_t **cursor = memo;
    if (view->phase == PHASE_COPY)
        return (struct action){.kind = ACTION_PAUSE};
    remember(*cursor, page_next(view, 0, PAGE_TO_SEND));
    return (struct action){.kind = ACTION_HAND_OVER};
}
