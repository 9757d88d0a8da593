/* Continuous scan (C5): memory is passed through again and again, and whatever is dirty is sent as
 * it is met. Each chunk of 64 pages is fetched from the dirty log, and so protected again, just
 * before it is sent: every copy is fresh. There are no rounds; the guest is paused when nothing is
 * dirty anywhere, or by the rule of the pause, for which the time of sending what was left stands
 * in the place of a round.
 *
 * A race that is won leaves less and less. When as many pages have been sent as the guest has, and
 * what is left is not smaller by a sixteenth than ever before, it is not being won: at a rate of
 * writes w below that of copies, mu, each such time leaves at most e^(-w/mu) of what it began with.
 */
#include "migrate/strategy.h"

#define CHUNK_PAGES 64

struct continuous_memo {
    uint64_t chunk_end_idx; /* of the chunk fetched last; 0: none */
    uint64_t cursor;
    uint64_t least_left, sent_at_least; /* pages; sent when it was that few */
    bool has_begun;
    bool leaves_rest;
};

static bool is_stuck(const struct view *view, struct continuous_memo *own, uint64_t left)
{
    if (!own->has_begun || left < own->least_left - own->least_left / 16) {
        own->has_begun = true;
        own->least_left = left;
        own->sent_at_least = view->pages_sent;
    }
    return view->pages_sent - own->sent_at_least > view->total_pages && !view->is_slowing;
}

static bool is_over(const struct view *view, struct continuous_memo *own, struct action *action)
{
    /* A page that is in both sets is in the chunk under way, or has not been sent at all yet. */
    uint64_t left = view->to_send->set_count + view->dirty->set_count;

    if (view->is_link_idle && (left == 0 || view->last.bytes_sent > 0) &&
        view_is_time_to_pause(view, left)) {
        action->kind = ACTION_PAUSE;
        action->reason = left == 0 ? "every page was clean at once when the guest was paused"
                                   : "the forecast downtime was within the limit, and a round "
                                     "would not have lowered it by a quarter";
    } else if (view_is_out_of_time(view)) {
        own->leaves_rest = view_end_at_limit(view, LIMIT_TIME, action);
    } else if (is_stuck(view, own, left)) {
        own->leaves_rest = view_end_at_limit(view, LIMIT_PROGRESS, action);
    } else {
        return false;
    }
    own->cursor = 0;
    return true;
}

/* The next page to which anything is to be done, round and round. */
static uint64_t next_dirty(const struct view *view, uint64_t from)
{
    uint64_t page_idx = bitmap_union_next(view->to_send, view->dirty, from);

    return page_idx == PAGE_NONE && from > 0 ? next_dirty(view, 0) : page_idx;
}

void continuous_next(const struct view *view, void *memo, struct action *action)
{
    struct continuous_memo *own = memo;

    if (view->phase != PHASE_COPY) {
        view_finish(view, own->leaves_rest, &own->cursor, action);
        return;
    }
    if (is_over(view, own, action))
        return;
    if (own->cursor < own->chunk_end_idx && view_send_next(view, &own->cursor, action) &&
        action->first_idx < own->chunk_end_idx) {
        if (action->count > own->chunk_end_idx - action->first_idx)
            action->count = own->chunk_end_idx - action->first_idx;
        return;
    }
    uint64_t page_idx = next_dirty(view, own->chunk_end_idx);
    *action = (struct action){.kind = ACTION_WAIT};
    if (page_idx == PAGE_NONE) /* all is clean, and the last bytes are still on their way out */
        return;
    own->cursor = page_idx - page_idx % CHUNK_PAGES;
    own->chunk_end_idx = own->cursor + CHUNK_PAGES;
    if (own->chunk_end_idx > view->total_pages)
        own->chunk_end_idx = view->total_pages;
    action->kind = ACTION_FETCH;
    action->first_idx = own->cursor;
    action->count = own->chunk_end_idx - own->cursor;
}
