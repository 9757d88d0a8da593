#include "migrate/strategy.h"

#include "base/status.h"
#include "base/units.h"

const struct strategy *strategy_of(enum mode mode)
{
    static const struct strategy strategies[MODE_COUNT] = {
        {MODE_STOP_AND_COPY, stop_and_copy_next, NULL, NULL},
        {MODE_PRE_COPY, pre_copy_next, NULL, NULL},
        {MODE_CONTINUOUS, pre_copy_next, NULL, NULL},
        {MODE_POST_COPY, post_copy_next, NULL, NULL},
        {MODE_HYBRID, hybrid_next, NULL, NULL},
        {MODE_AUTO, pre_copy_next, NULL, NULL},
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

uint64_t view_next_page(const struct view *view, uint64_t from)
{
    return bitmap_next(view->to_send, from);
}

bool view_send_next(const struct view *view, uint64_t *cursor, struct action *action)
{
    uint64_t first_idx = view_next_page(view, *cursor);
    if (first_idx == PAGE_NONE)
        return false;
    action->kind = ACTION_SEND;
    action->first_idx = first_idx;
    action->count = bitmap_run(view->to_send, first_idx, 4096);
    /* The engine may send less than the run at once: the cursor stays until the pages have left. */
    *cursor = first_idx;
    return true;
}

uint64_t view_next_round_pages(const struct view *view)
{
    uint64_t pages = view->to_send->set_count;
    if (view->last.pages_sent == 0)
        return pages;
    /* Both rates are counts over the same round, so its duration cancels. */
    return (uint64_t)((unsigned __int128)pages * view->last.dirtied_pages / view->last.pages_sent);
}

uint64_t view_downtime_ns(const struct view *view, uint64_t pages)
{
    uint64_t bytes = pages * view->page_bytes + view->state_bytes;
    if (view->last.bytes_sent == 0)
        return view->half_rtt_ns;
    return units_mul_div(bytes, view->last.duration_ns, view->last.bytes_sent) + view->half_rtt_ns;
}
