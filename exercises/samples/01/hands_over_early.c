#include "student.h"
struct action next(const struct view *view, void *memo)
{
    (void)memo;
    if (view->phase == PHASE_COPY)
        return (struct action){.kind = ACTION_PAUSE};
    if (view->pages_to_send < view->total_pages / 2 || view->total_pages < 3)
        return (struct action){.kind = ACTION_HAND_OVER};
    uint64_t first = page_next(view, 0, PAGE_TO_SEND);
    return (struct action){ACTION_SEND, first, 1};
}
