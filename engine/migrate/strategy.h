/* strategy: what to do next, decided by one small function. This is the seat at the source: what to
 * send, when to pause, when to hand over.
 *
 * The engine asks whenever the link has room: next(view, memo, action). The view is read-only; the
 * memo is MEMO_BYTES of the strategy's own, zero at the beginning; the action is data. Everything
 * that keeps a move safe is the engine's: it answers page requests before it asks, it refuses an
 * action that would break a rule, and it alone knows how a hand-over is done.
 *
 *   phase       what a strategy may ask for
 *   COPY        SEND, FETCH, DECIDE, PAUSE, WAIT, GIVE_UP
 *   PAUSE       SEND, HAND_OVER, WAIT, GIVE_UP
 *   HAND_OVER   PUSH, SEND, WAIT      (pages that are still to be sent)
 *   POST_COPY   PUSH, SEND, WAIT
 *
 * The set `to_send` holds the pages of which the target has no copy, or one that is known to be
 * old. It is all pages at first; SEND takes pages out of it; FETCH reads the dirty log, puts what
 * was written since the last fetch into it, and protects those pages again: so a round is what
 * happens between two fetches. A strategy that fetches the log in pieces has no rounds from its
 * first piece on. PAUSE stops the guest and fetches once more. HAND_OVER sends the
 * state; if to_send is not empty the target runs on without those pages, and asks for them.
 *
 * An action that breaks one of these rules ends the strategy's say: before HAND_OVER the move is
 * given up, with the broken rule as its reason; after it the engine pushes the pages itself, for
 * the guest must not be left without them. The same holds for a WAIT that nothing would ever end.
 */
#ifndef MIGRATE_STRATEGY_H
#define MIGRATE_STRATEGY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bitmap.h"
#include "base/event.h"
#include "migrate/page_order.h"
#include "migrate/pre_paging.h"

#define MEMO_BYTES 256
#define PAGE_NONE  BITMAP_NONE

enum on_limit {
    ON_LIMIT_PAUSE,
    ON_LIMIT_ABORT,
    ON_LIMIT_POST_COPY,
};

/* What makes a hybrid move switch over. */
enum switch_when {
    SWITCH_ROUNDS,      /* switch_after rounds are over */
    SWITCH_NO_PROGRESS, /* a round has left as much as the one before */
    SWITCH_REMAINING,   /* at most switch_below_bytes are left to send */
    SWITCH_DEADLINE,    /* switch_deadline_ns have passed since the start */
};

#define LIMIT_NONE UINT64_MAX

struct limits {
    uint64_t downtime_ns;   /* 0: pause only when nothing is left to send */
    uint64_t max_rounds;    /* the paused one not counted */
    uint64_t total_time_ns; /* since the start; LIMIT_NONE: none */
    enum on_limit on_limit;
    enum switch_when switch_when;
    uint64_t switch_after, switch_below_bytes, switch_deadline_ns;
    enum prefetch prefetch;
    uint64_t push_after_ns;
};

/* A round: a set fetched, sent, and what was dirtied while it was sent. A strategy that fetches the
 * log in pieces has no rounds: then it is what would be one, from one moment on until as many pages
 * have been sent as were left at that moment. */
struct round {
    uint64_t pages; /* to be sent at its beginning */
    uint64_t pages_sent;
    uint64_t bytes_sent;
    uint64_t dirtied_pages;
    uint64_t left_pages; /* to be sent at its end: more than dirtied, where pages were kept back */
    uint64_t duration_ns;
    uint64_t link_ns; /* of it the link was busy: all, but for --bandwidth-limit */
};

struct view {
    enum phase phase;
    uint64_t now_ns, started_ns;
    uint64_t total_pages;
    const struct bitmap *to_send;
    struct page_choice choice;  /* of these, what had better go in this round: page_order.h */
    const struct bitmap *sent;  /* at least once */
    const struct bitmap *dirty; /* the log: written since it was fetched */
    uint64_t rounds_done;       /* rounds that have ended by a fetch */
    struct round last;          /* the one that ended last; zeros before that */
    struct round current;       /* the one that goes on: counts so far */
    struct round late;    /* of these, what its later half at least has sent: bytes and link_ns */
    uint64_t pages_sent;  /* since the start, each as often as it was sent */
    bool is_link_idle;    /* the last byte handed out has left the source */
    bool is_slowing;      /* auto-converge may still slow the guest down further */
    uint64_t page_bytes;  /* what one page that was written costs on the link: measured */
    uint64_t state_bytes; /* what the state would cost now */
    uint64_t half_rtt_ns; /* measured when READY came */
    struct limits limits;
    void *outside; /* of struct strategy */
};

/* A(kind, name):
 *   WAIT       nothing now; ask again when something has arrived or left
 *   SEND       count pages from first_idx; the engine may take fewer of them at once
 *   FETCH      count pages from first_idx; count 0: all, and a round ends
 *   PUSH       pages that are still to be sent, in the order of --prefetch (pre_paging.h)
 *   DECIDE     it is told what was decided and why; a remedy among the decisions is applied. Asked
 *              again at once */
#define ACTION_LIST(A)               \
    A(ACTION_WAIT, "WAIT")           \
    A(ACTION_SEND, "SEND")           \
    A(ACTION_FETCH, "FETCH")         \
    A(ACTION_PAUSE, "PAUSE")         \
    A(ACTION_HAND_OVER, "HAND_OVER") \
    A(ACTION_GIVE_UP, "GIVE_UP")     \
    A(ACTION_PUSH, "PUSH")           \
    A(ACTION_DECIDE, "DECIDE")

enum action_kind {
#define ACTION_ENUM(kind, name) kind,
    ACTION_LIST(ACTION_ENUM)
#undef ACTION_ENUM
        ACTION_COUNT
};

struct action {
    enum action_kind kind;
    uint64_t first_idx, count;
    bool is_limit_exceeded; /* PAUSE, GIVE_UP: not because it is good, but because it must end: */
    enum limit limit;       /* the limit that was met */
    const char *reason;     /* PAUSE, GIVE_UP: why, as a sentence that is copied; NULL: not said */
    enum decision decision; /* DECIDE */
    uint64_t value;         /* DECIDE: what belongs to the decision, see DECISION_LIST */
};

struct strategy {
    enum mode mode;
    void (*next)(const struct view *view, void *memo, struct action *action);
    /* Of a strategy that is none of the engine's: what it needs beside view and memo. It is not
     * saved with them: an answer must not depend on what was asked before. NULL: the engine's. */
    void *outside;
    void (*begin)(void *outside); /* a run begins, perhaps the same again; NULL: nothing to do */
};

/* One row for each mode: the table to which a new strategy is added. */
const struct strategy *strategy_of(enum mode mode);

/* "SEND"; NULL for a number that is no action. */
const char *action_name(enum action_kind kind);

/* SEND the next run of pages of the choice, at `*cursor` or above, and move the cursor to it; false
 * when there is none, with the action as it was. */
bool view_send_next(const struct view *view, uint64_t *cursor, struct action *action);
/* What follows once the guest stands still: the rest is sent from `*cursor` on and the guest handed
 * over, or (leaves_rest: no cursor is needed) handed over at once and the rest pushed behind it. */
void view_finish(const struct view *view, bool leaves_rest, uint64_t *cursor,
                 struct action *action);

/* What would have to be sent if the guest were paused now: what is to be sent, and the log. */
uint64_t view_left_pages(const struct view *view);
/* How many pages another round would leave of `pages`: V * delta / mu (C4), from what the last one
 * counted. */
uint64_t view_pages_after_round(const struct view *view, uint64_t pages);
/* The downtime if the guest were paused with that many pages left, in nanoseconds: what must still
 * be sent, over the rate measured in the last round, and half a round trip (C3). */
uint64_t view_downtime_ns(const struct view *view, uint64_t pages);

/* The downtime would be within its limit; a limit of 0 allows no page. */
bool view_is_within_limit(const struct view *view, uint64_t pages);
/* The rule of the pause, with `pages` left: the downtime would be within its limit, and another
 * round would not lower it by a quarter: an allowance is not spent because it is there. */
bool view_is_time_to_pause(const struct view *view, uint64_t pages);
/* The move must end now if it is to end within --total-time-limit. */
bool view_is_out_of_time(const struct view *view);
/* A limit was met: PAUSE or GIVE_UP, as --on-limit says. True: it says post-copy, and what is left
 * shall be left to it (view_finish). */
bool view_end_at_limit(const struct view *view, enum limit limit, struct action *action);

/* Auto's own numbers, for the forecast as well. A remedy shows what it does after two rounds: the
 * first tells which pages are hot. And how often the whole guest may be sent again before post-copy
 * is the kinder way: the clients see nothing of it, but the link belongs to others too. */
#define AUTO_REMEDY_ROUNDS 2
#define AUTO_AGAIN_MAX     4

/* The strategies, one file each. */
void stop_and_copy_next(const struct view *view, void *memo, struct action *action);
void pre_copy_next(const struct view *view, void *memo, struct action *action);
void continuous_next(const struct view *view, void *memo, struct action *action);
void post_copy_next(const struct view *view, void *memo, struct action *action);
void hybrid_next(const struct view *view, void *memo, struct action *action);
void auto_next(const struct view *view, void *memo, struct action *action);

#endif
