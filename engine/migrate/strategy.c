#include "migrate/strategy.h"

#include "base/status.h"
#include "base/units.h"

const struct strategy *strategy_of(enum mode mode)
{
    static const struct strategy strategies[MODE_COUNT] = {
        {MODE_STOP_AND_COPY, stop_and_copy_next, NULL, NULL},
        {MODE_PRE_COPY, pre_copy_next, NULL, NULL},
        {MODE_CONTINUOUS, continuous_next, NULL, NULL},
        {MODE_POST_COPY, post_copy_next, NULL, NULL},
        {MODE_HYBRID, hybrid_next, NULL, NULL},
        {MODE_AUTO, auto_next, NULL, NULL},
    };
    MUST((unsigned)mode < MODE_COUNT && strategies[mode].mode == mode);
    return &strategies[mode];
}

const char *action_name(enum action_kind kind)
{
    static const char *const names[ACTION_COUNT] = {
#define ACTION_NAME(kind, name) name,
        ACTION_LIST(ACTION_NAME)
#undef ACTION_NAME
    };
    return (unsigned)kind < ACTION_COUNT ? names[kind] : NULL;
}

bool view_send_next(const struct view *view, uint64_t *cursor, struct action *action)
{
    uint64_t first_idx = page_choice_next(&view->choice, *cursor);
    if (first_idx == PAGE_NONE)
        return false;
    action->kind = ACTION_SEND;
    action->first_idx = first_idx;
    action->count = page_choice_run(&view->choice, first_idx, 4096);
    /* The engine may send less than the run at once: the cursor stays until the pages have left. */
    *cursor = first_idx;
    return true;
}

void view_finish(const struct view *view, bool leaves_rest, uint64_t *cursor, struct action *action)
{
    if (view->phase != PHASE_PAUSE) {
        action->kind = ACTION_PUSH;
        return;
    }
    if (leaves_rest || !view_send_next(view, cursor, action))
        action->kind = ACTION_HAND_OVER;
}

/* ---- What is left, and what it would cost ---- */

uint64_t view_left_pages(const struct view *view)
{
    return bitmap_union_count(view->to_send, view->dirty);
}

uint64_t view_pages_after_round(const struct view *view, uint64_t pages)
{
    const struct round *last = &view->last;

    if (last->bytes_sent == 0 || last->pages == 0)
        return pages;
    /* Both rates are counts over the same round, so its duration cancels. They are counted in
     * bytes, for a round of pages that are small in the stream says little of how long others take;
     * and as if all of the round's pages had been sent, where some were kept back. */
    uint64_t left =
        units_mul_div(units_mul_div(pages * view->page_bytes, last->left_pages, last->bytes_sent),
                      last->pages_sent, last->pages);
    return left < view->total_pages ? left : view->total_pages; /* no round leaves more than all */
}

/* The last round, or what there is of the first. */
static const struct round *measured_round(const struct view *view)
{
    return view->last.bytes_sent > 0 ? &view->last : &view->current;
}

/* At the rate of that round. */
static uint64_t pause_ns(const struct view *view, const struct round *round, uint64_t pages)
{
    uint64_t bytes = pages * view->page_bytes + view->state_bytes;
    if (round->bytes_sent == 0)
        return view->half_rtt_ns;
    return units_mul_div(bytes, round->link_ns, round->bytes_sent) + view->half_rtt_ns;
}

uint64_t view_downtime_ns(const struct view *view, uint64_t pages)
{
    return pause_ns(view, measured_round(view), pages);
}

/* ---- When it is time ---- */

bool view_is_within_limit(const struct view *view, uint64_t pages)
{
    if (view->limits.downtime_ns == 0)
        return pages == 0;
    return view_downtime_ns(view, pages) <= view->limits.downtime_ns;
}

bool view_is_time_to_pause(const struct view *view, uint64_t pages)
{
    uint64_t downtime_ns = view_downtime_ns(view, pages);
    uint64_t next_ns = view_downtime_ns(view, view_pages_after_round(view, pages));

    if (pages == 0)
        return true;
    return view_is_within_limit(view, pages) && next_ns > downtime_ns - downtime_ns / 4;
}

/* The first round's beginning does not tell its rate: there is a slow start, or a socket that swallows
 * what has gone nowhere yet. To give up for it, or because the limit seems out of reach whatever is
 * done, waits for half of the time. Where the limit can be kept, and what was written again uses up
 * what there was to spare, that would be too late: but a link that has become faster is judged as it is
 * now. */
static bool is_too_early(const struct view *view, uint64_t lived_ns, uint64_t left_pages)
{
    uint64_t limit_ns = view->limits.total_time_ns;

    if (view->last.pages > 0 || lived_ns >= limit_ns / 2)
        return false;
    return view->limits.on_limit == ON_LIMIT_ABORT || lived_ns < limit_ns / 32 ||
           lived_ns + view_downtime_ns(view, view->to_send->set_count) >= limit_ns ||
           lived_ns + pause_ns(view, &view->late, left_pages) < limit_ns;
}

bool view_is_out_of_time(const struct view *view)
{
    uint64_t limit_ns = view->limits.total_time_ns;
    uint64_t lived_ns = view->now_ns - view->started_ns;
    /* Pages that are to be sent and were written again as well count once; but to count them is
     * worth its time only when the simple sum says that it is late. */
    uint64_t most = view->to_send->set_count + view->dirty->set_count;

    if (limit_ns == LIMIT_NONE || lived_ns + view_downtime_ns(view, most) < limit_ns)
        return false;
    uint64_t left = view_left_pages(view);
    return lived_ns + view_downtime_ns(view, left) >= limit_ns &&
           !is_too_early(view, lived_ns, left);
}

bool view_end_at_limit(const struct view *view, enum limit limit, struct action *action)
{
    static const char *const sentences[LIMIT_COUNT][2] = {
        [LIMIT_ROUNDS] = {"the round limit was met with the downtime limit out of reach",
                          "the round limit was met with the downtime limit out of reach "
                          "(--on-limit abort)"},
        [LIMIT_TIME] = {"the total-time limit left no time to bring the downtime within its limit",
                        "the total-time limit left no time to bring the downtime within its limit "
                        "(--on-limit abort)"},
        [LIMIT_PROGRESS] = {"pages were written as fast as they were copied, with the downtime "
                            "limit out of reach",
                            "pages were written as fast as they were copied, with the downtime "
                            "limit out of reach (--on-limit abort)"},
    };
    uint64_t left = view_left_pages(view);
    bool is_known =
        view->last.pages > 0 || left == 0; /* how long the pause takes: as a round did */
    bool is_within = is_known && view_is_within_limit(view, left);
    bool is_abort = view->limits.on_limit == ON_LIMIT_ABORT;

    action->kind = !is_within && is_abort ? ACTION_GIVE_UP : ACTION_PAUSE;
    action->is_limit_exceeded = !is_within;
    action->limit = limit;
    action->reason = is_within ? "the last round brought the downtime within its limit"
                               : sentences[limit][is_abort];
    return !is_within && view->limits.on_limit == ON_LIMIT_POST_COPY;
}
