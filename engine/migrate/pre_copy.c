/* Pre-copy by rounds (C4): round 0 sends all pages while the guest runs; each further round sends
 * what was dirtied during the one before. When little enough is left, the guest is paused for the
 * last set alone (view_is_time_to_pause). A guest that writes too fast for that is ended by a
 * limit.
 */
#include "migrate/strategy.h"

struct pre_copy_memo {
    uint64_t cursor;
    bool is_fetched; /* the round's end has been fetched; what comes next is still to be decided */
    bool leaves_rest;
};

static bool is_over(const struct view *view, struct pre_copy_memo *own, struct action *action)
{
    bool was_fetched = own->is_fetched;
    uint64_t pages = view->to_send->set_count;

    own->is_fetched = false;
    if (was_fetched && view_is_time_to_pause(view, pages)) {
        action->kind = ACTION_PAUSE;
        action->reason = pages == 0
                             ? "nothing was left to send when the guest was paused"
                             : "the forecast downtime was within the limit, and another round "
                               "would not have lowered it by a quarter";
    } else if (was_fetched && view->rounds_done >= view->limits.max_rounds) {
        own->leaves_rest = view_end_at_limit(view, LIMIT_ROUNDS, action);
    } else if (view_is_out_of_time(view)) {
        own->leaves_rest = view_end_at_limit(view, LIMIT_TIME, action);
    } else {
        return false;
    }
    own->cursor = 0;
    return true;
}

void pre_copy_next(const struct view *view, void *memo, struct action *action)
{
    struct pre_copy_memo *own = memo;

    if (view->phase != PHASE_COPY) {
        view_finish(view, own->leaves_rest, &own->cursor, action);
        return;
    }
    if (is_over(view, own, action) || view_send_next(view, &own->cursor, action) ||
        !view->is_link_idle) /* a round ends when its last byte leaves the source */
        return;
    own->cursor = 0;
    own->is_fetched = true;
    action->kind = ACTION_FETCH;
}
