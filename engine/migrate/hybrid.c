/* Hybrid (C10): some rounds of pre-copy warm the target, then post-copy switches over at once. Only
 * what is dirty at the switch can still fault; the list of those pages travels in the downtime. A
 * fetch that finds nothing ends the warming early: there is no further round to send. */
#include "migrate/strategy.h"

struct hybrid_memo {
    uint64_t cursor;
    bool is_fetched; /* a round has just ended, and the next has not begun */
};

static void copy_next(const struct view *view, struct hybrid_memo *own, struct action *action)
{
    bool is_warm = view->rounds_done >= view->limits.switch_after ||
                   (own->is_fetched && view->to_send->set_count == 0);
    own->is_fetched = false;
    if (is_warm) {
        action->kind = ACTION_PAUSE;
        return;
    }
    if (view_send_next(view, &own->cursor, action) || !view->is_link_idle)
        return;
    own->cursor = 0;
    own->is_fetched = true;
    action->kind = ACTION_FETCH;
}

void hybrid_next(const struct view *view, void *memo, struct action *action)
{
    struct hybrid_memo *own = memo;

    if (view->phase == PHASE_COPY) {
        copy_next(view, own, action);
    } else if (view->phase == PHASE_PAUSE) {
        action->kind = ACTION_HAND_OVER;
    } else {
        action->kind = ACTION_PUSH;
    }
}
