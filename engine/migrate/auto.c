/* Auto: as pre-copy, for as long as rounds get there; with the mildest remedy that does where they
 * do not; and by post-copy where none will. It asks for nothing, and says what it decides and why.
 *
 *   the rounds shrink          they go on: nothing is milder
 *   they do not, fast enough   pages written in every round wait for the pause, and those written
 *                              again meanwhile are skipped: costs nobody anything
 *   nor do they now            the guest is slowed down, but only where the user allowed that
 *                              (--auto-converge): is_slowing
 *   nor then                   post-copy, with pages pushed around each fault: the downtime is the
 *                              state's, the guest is slower for a while, and nothing is sent twice
 *
 * Fast enough: at the ratio by which the last round shrank what is left, the downtime is within its
 * limit before the rounds are used up, and before four times what the guest has was sent again.
 *
 * A race that no order of the pages can win shows itself at the beginning of the first round (DOC:
 * outrun): then post-copy follows at once, and what rounds would send again is not sent.
 */
#include "migrate/strategy.h"

/* How far the first round had come, in pages that were written, when so many were dirty. */
struct mark {
    uint64_t sent, dirty;
};

enum race {
    RACE_BEGINS,  /* nothing can be said yet */
    RACE_CLOSE,   /* from the mark on, does the guest write more than is sent? */
    RACE_OUTRUN,  /* it did: */
    RACE_WATCHED, /* from the mark on, does it go on? */
    RACE_JUDGED,
};

struct auto_memo {
    uint64_t cursor;
    struct mark mark;
    enum race race;
    uint64_t remedied_at_round; /* when hot pages began to wait */
    bool is_fetched;
    bool is_told; /* that the rounds go on */
    bool is_remedied;
    bool is_leaving; /* post-copy was decided: the next action is the pause */
};

/* Whether rounds that go on as the last did reach the downtime limit in time. */
static bool will_get_there(const struct view *view)
{
    uint64_t pages = view->to_send->set_count;
    uint64_t may_send = AUTO_AGAIN_MAX * view->total_pages;

    for (uint64_t round = view->rounds_done; round <= view->limits.max_rounds; round++) {
        if (view_is_within_limit(view, pages))
            return true;
        uint64_t next = view_pages_after_round(view, pages);
        if (next >= pages || pages > may_send)
            return false;
        may_send -= pages;
        pages = next;
    }
    return false;
}

static void decide(struct action *action, enum decision decision, uint64_t value)
{
    action->kind = ACTION_DECIDE;
    action->decision = decision;
    action->value = value;
}

/* No more rounds: a pause where it is short enough, else post-copy. */
static void leave(const struct view *view, struct auto_memo *own, struct action *action)
{
    own->cursor = 0; /* in the middle of a round, too: what is left is all of it */
    if (view_is_within_limit(view, view_left_pages(view))) {
        action->kind = ACTION_PAUSE;
        action->reason = "the forecast downtime was within the limit when no more rounds were "
                         "allowed";
        return;
    }
    own->is_leaving = true;
    decide(action, DECISION_POST_COPY, view_left_pages(view));
}

/* DOC: outrun
 *
 * Whoever dirties more new pages than are sent in the same time wins every round that is not shorter:
 * it leaves more than it began with. That the pages are new, those since the mark, leaves out the
 * hot ones, which could wait for the pause. So it is looked at as soon as what was sent would itself
 * take longer than a pause may (shorter rounds are no use to be had), and again whenever twice as
 * much was sent. A guest that merely begins with a burst is not to be taken for one that outruns the
 * link: when a quarter of memory was sent it must have dirtied half as many pages, and still go on.
 * So much may be sent twice, and no more.
 *
 *      sent     0 . p . 2p . . 4p . . . 1/8 . . . . . . . 1/4      p: a 64th, or what a pause may
 *               |   |<-->|<--->|         |<------------->|            take
 *              in one of them more new     new ones still
 *                     than sent
 */
static bool is_outrun(const struct view *view, struct auto_memo *own)
{
    uint64_t total = view->total_pages;
    struct mark now = {view->current.bytes_sent / view->page_bytes, view->dirty->set_count};
    uint64_t sent = now.sent - own->mark.sent, dirtied = now.dirty - own->mark.dirty;

    if (view->rounds_done > 0 || view->is_slowing)
        return false;
    switch (own->race) {
    case RACE_BEGINS:
        if (now.sent < total / 64 || view_is_within_limit(view, now.sent))
            return false;
        own->race = RACE_CLOSE;
        break;
    case RACE_CLOSE:
        if (sent < own->mark.sent)
            return false;
        if (dirtied >= sent)
            own->race = RACE_OUTRUN;
        else if (now.sent >= total / 8)
            own->race = RACE_JUDGED; /* so close that the rounds shall tell */
        break;
    case RACE_OUTRUN:
        if (now.sent < total / 8)
            return false;
        own->race = RACE_WATCHED;
        break;
    case RACE_WATCHED:
        if (sent < total / 8)
            return false;
        own->race = RACE_JUDGED;
        return dirtied >= sent / 4 && now.dirty >= now.sent / 2 &&
               !view_is_within_limit(view, view_left_pages(view));
    case RACE_JUDGED:
        return false;
    }
    own->mark = now;
    return false;
}

/* After a fetch: true where there is more to do than to send the round. */
static bool has_decided(const struct view *view, struct auto_memo *own, struct action *action)
{
    uint64_t pages = view->to_send->set_count;
    bool is_over = view->rounds_done >= view->limits.max_rounds;

    if (view_is_time_to_pause(view, pages)) {
        action->kind = ACTION_PAUSE;
        action->reason = pages == 0 ? "nothing was left to send when the guest was paused"
                                    : "the forecast downtime was within the limit, and another "
                                      "round would not have lowered it by a quarter";
        return true;
    }
    if (is_over) {
        leave(view, own, action);
        return true;
    }
    if (own->is_remedied && view->rounds_done - own->remedied_at_round < AUTO_REMEDY_ROUNDS)
        return false;
    if (will_get_there(view)) {
        if (!own->is_told)
            decide(action, DECISION_ROUNDS, pages);
        own->is_told = true;
        return action->kind == ACTION_DECIDE;
    }
    own->is_told = false;
    if (!own->is_remedied) {
        own->is_remedied = true;
        own->remedied_at_round = view->rounds_done;
        decide(action, DECISION_HOT_LAST, pages);
        return true;
    }
    if (view->is_slowing)
        return false;
    leave(view, own, action);
    return true;
}

void auto_next(const struct view *view, void *memo, struct action *action)
{
    struct auto_memo *own = memo;
    bool was_fetched = own->is_fetched;

    if (view->phase != PHASE_COPY) {
        view_finish(view, own->is_leaving, &own->cursor, action);
        return;
    }
    own->is_fetched = false;
    if (own->is_leaving) {
        action->kind = ACTION_PAUSE;
        action->reason = "rounds would not have brought the downtime within its limit: the guest "
                         "was switched over before the rest of its pages";
        return;
    }
    if (was_fetched && has_decided(view, own, action))
        return;
    if (view_is_out_of_time(view) || is_outrun(view, own)) {
        leave(view, own, action);
        return;
    }
    if (view_send_next(view, &own->cursor, action) || !view->is_link_idle)
        return;
    own->cursor = 0;
    own->is_fetched = true;
    action->kind = ACTION_FETCH;
}
