#include "student.h"
struct mine {
    uint64_t sent_first;
};
struct action next(const struct view *view, void *memo)
{
    struct mine *mine = memo;
    if (view->phase == PHASE_COPY)
        return (struct action){.kind = ACTION_PAUSE};
    if (mine->sent_first < 2) {
        mine->sent_first++;
        return (struct action){ACTION_SEND, 0, 1};
    }
    uint64_t first = page_next(view, 0, PAGE_TO_SEND);
    if (first == PAGE_NONE)
        return (struct action){.kind = ACTION_HAND_OVER};
    return (struct action){ACTION_SEND, first, 1};
}
