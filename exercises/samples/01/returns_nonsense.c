#include "student.h"
struct action next(const struct view *view, void *memo)
{
    (void)memo;
    if (view->phase == PHASE_COPY)
        return (struct action){.kind = ACTION_PAUSE};
    return (struct action){(enum action_kind)42, 17, 99};
}
