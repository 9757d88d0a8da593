/* Hybrid (C10): some pre-copy warms the target, then post-copy switches over at once. Only what is
 * dirty or not yet sent at the switch can still fault; the list of those pages travels in the
 * downtime. When it is warm enough, the user says (--switch-when); a fetch that finds nothing, or a
 * limit, ends the warming early. At a limit too the move switches over, as it would have later. */
#include "machine/guest.h"
#include "migrate/strategy.h"

struct hybrid_memo {
    uint64_t cursor;
    bool is_fetched; /* a round has just ended, and the next has not begun */
};

/* Why it is warm enough, as a sentence; NULL when it is not. */
static const char *why_warm(const struct view *view, bool is_fetched)
{
    const struct limits *limits = &view->limits;
    uint64_t pages = view->to_send->set_count;

    if (is_fetched && pages == 0)
        return "a round left nothing dirty: there was no other to wait for";
    switch (limits->switch_when) {
    case SWITCH_ROUNDS:
        return view->rounds_done >= limits->switch_after ? "the rounds before the switch were done"
                                                         : NULL;
    case SWITCH_NO_PROGRESS:
        return is_fetched && pages > view->last.pages - view->last.pages / 4
                   ? "a round had not lowered what was left by a quarter"
                   : NULL;
    case SWITCH_REMAINING:
        return (pages + view->dirty->set_count) <= limits->switch_below_bytes / PAGE_BYTES
                   ? "what was left was below --switch-below"
                   : NULL;
    case SWITCH_DEADLINE:
        return view->now_ns - view->started_ns >= limits->switch_deadline_ns
                   ? "the time before the switch was over"
                   : NULL;
    }
    return NULL;
}

/* A limit that ends the warming before it is warm enough; NULL: none. The rounds that the user
 * wants are no matter of --max-rounds. */
static const char *why_no_longer(const struct view *view, bool is_fetched, enum limit *limit)
{
    *limit = LIMIT_TIME;
    if (view_is_out_of_time(view))
        return "the total-time limit left no time for more pre-copy before the switch";
    *limit = LIMIT_ROUNDS;
    if (is_fetched && view->limits.switch_when != SWITCH_ROUNDS &&
        view->rounds_done >= view->limits.max_rounds)
        return "the round limit was met before the switch rule held";
    return NULL;
}

static bool is_over(const struct view *view, struct hybrid_memo *own, struct action *action)
{
    bool was_fetched = own->is_fetched;

    own->is_fetched = false;
    action->kind = ACTION_PAUSE;
    action->reason = why_warm(view, was_fetched);
    if (action->reason != NULL)
        return true;
    action->reason = why_no_longer(view, was_fetched, &action->limit);
    if (action->reason == NULL) {
        action->kind = ACTION_WAIT;
        return false;
    }
    action->is_limit_exceeded = true;
    if (view->limits.on_limit == ON_LIMIT_ABORT)
        action->kind = ACTION_GIVE_UP;
    return true;
}

void hybrid_next(const struct view *view, void *memo, struct action *action)
{
    struct hybrid_memo *own = memo;

    if (view->phase != PHASE_COPY) {
        view_finish(view, true, NULL, action);
        return;
    }
    if (is_over(view, own, action) || view_send_next(view, &own->cursor, action) ||
        !view->is_link_idle)
        return;
    own->cursor = 0;
    own->is_fetched = true;
    action->kind = ACTION_FETCH;
}
