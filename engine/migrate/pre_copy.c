/* Pre-copy by rounds (C4): round 0 sends all pages while the guest runs; each further round sends
 * what was dirtied during the one before. When little enough is left, the guest is paused for the
 * last set alone.
 *
 * When is it little enough? When the downtime would be within the limit AND another round would
 * not lower it by a quarter: an allowance is not spent because it is there.
 */
#include "migrate/strategy.h"

struct pre_copy_memo {
    uint64_t cursor;
    bool is_fetched; /* the round's end has been fetched; what comes next is still to be decided */
    bool is_forced;  /* the limit was met and post-copy takes over what is left */
};

static bool is_time_to_pause(const struct view *view)
{
    uint64_t pages = view->to_send->set_count;
    if (pages == 0)
        return true;
    if (view->limits.downtime_ns == 0)
        return false;
    uint64_t downtime_ns = view_downtime_ns(view, pages);
    uint64_t next_ns = view_downtime_ns(view, view_next_round_pages(view));
    return downtime_ns <= view->limits.downtime_ns && next_ns > downtime_ns - downtime_ns / 4;
}

/* The round limit: a move that has not got there by now ends as the user has chosen. */
static void end_at_limit(const struct view *view, struct pre_copy_memo *own, struct action *action)
{
    bool is_within = view->limits.downtime_ns > 0 &&
                     view_downtime_ns(view, view->to_send->set_count) <= view->limits.downtime_ns;
    action->kind = ACTION_PAUSE;
    action->is_limit_exceeded = !is_within;
    if (is_within)
        return;
    if (view->limits.on_limit == ON_LIMIT_ABORT)
        action->kind = ACTION_GIVE_UP;
    own->is_forced = view->limits.on_limit == ON_LIMIT_POST_COPY;
}

static void copy_next(const struct view *view, struct pre_copy_memo *own, struct action *action)
{
    if (own->is_fetched) {
        own->is_fetched = false;
        own->cursor = 0;
        if (is_time_to_pause(view)) {
            action->kind = ACTION_PAUSE;
            return;
        }
        if (view->rounds_done >= view->limits.max_rounds) {
            end_at_limit(view, own, action);
            return;
        }
    }
    if (view_send_next(view, &own->cursor, action))
        return;
    if (!view->is_link_idle) /* a round ends when its last byte leaves the source */
        return;
    action->kind = ACTION_FETCH;
    own->is_fetched = true;
}

void pre_copy_next(const struct view *view, void *memo, struct action *action)
{
    struct pre_copy_memo *own = memo;

    if (view->phase == PHASE_COPY) {
        copy_next(view, own, action);
        return;
    }
    if (view->phase == PHASE_PAUSE) {
        if (own->is_forced || !view_send_next(view, &own->cursor, action))
            action->kind = ACTION_HAND_OVER;
        return;
    }
    action->kind = ACTION_PUSH;
}
