#include "student.h"
struct action next(const struct view *view, void *memo)
{
    (void)memo;
    if (view->phase == PHASE_COPY)
        return (struct action){.kind = ACTION_PAUSE};
    return (struct action){ACTION_SEND, 0, view->total_pages};
}
