/* Hybrid (C10): some rounds of pre-copy warm the target, then post-copy switches over at once. Only
 * what is dirty at the switch can still fault; the list of those pages travels in the downtime. */
#include "migrate/strategy.h"

struct hybrid_memo {
    uint64_t cursor;
};

void hybrid_next(const struct view *view, void *memo, struct action *action)
{
    struct hybrid_memo *own = memo;

    if (view->phase == PHASE_PAUSE) {
        own->cursor = 0;
        action->kind = ACTION_HAND_OVER;
        return;
    }
    if (view->phase == PHASE_COPY && view->rounds_done >= view->limits.switch_after) {
        action->kind = ACTION_PAUSE;
        return;
    }
    if (view_send_next(view, &own->cursor, action) || view->phase != PHASE_COPY)
        return;
    if (view->is_link_idle) {
        own->cursor = 0;
        action->kind = ACTION_FETCH;
    }
}
