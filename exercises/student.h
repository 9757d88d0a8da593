/* student.h: everything that a strategy of yours can see, ask and do. Include this and nothing
 * else.
 *
 * You write one function, `next`. While a guest is moved from the source to the target, ferry calls
 * it whenever the link has room, and does what it returns:
 *
 *     ferry:   the link has room. What next?       next(view, memo)
 *     you:     look at the view                    view->phase, page_next(view, 0, PAGE_TO_SEND)
 *     you:     return one action                   (struct action){.kind = ACTION_PAUSE}
 *     ferry:   does it, time passes, and asks again
 *
 * The move goes through these phases, and you bring it from one to the next:
 *
 *     PHASE_COPY       the guest runs at the source     SEND  FETCH  PAUSE  WAIT  GIVE_UP
 *        | PAUSE
 *     PHASE_PAUSE      the guest stands still           SEND  HAND_OVER  WAIT  GIVE_UP
 *        | HAND_OVER
 *     PHASE_HAND_OVER  the target checks what it got    SEND  WAIT
 *        | (it is right)
 *     PHASE_POST_COPY  the guest runs at the target,    SEND  WAIT
 *                      and pages are still missing: you are asked only if you left some behind
 *
 * Your code runs inside a small RISC-V machine of its own: 1 MiB of memory, 64 KiB of it stack, at
 * most 1,000,000 instructions for one decision, no floating point, no C library. Each call begins
 * with that machine as it was at first: what you keep outside the memo, in a static variable or a
 * global one, is forgotten.
 */
#ifndef STUDENT_H
#define STUDENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum phase {
    PHASE_COPY,
    PHASE_PAUSE,
    PHASE_HAND_OVER,
    PHASE_POST_COPY,
};

/* What you see, as it is at this instant. Page numbers go from 0 to total_pages - 1; times are in
 * nanoseconds, sizes in bytes. A round is what lies between two fetches of the dirty log. */
struct view {
    enum phase phase;
    bool is_link_idle; /* nothing is on its way out */
    uint64_t now_ns;
    uint64_t total_pages;
    uint64_t pages_to_send; /* how many pages are PAGE_TO_SEND */
    uint64_t page_bytes;    /* what one page costs on the link, its frame included */
    uint64_t state_bytes;   /* the same for registers and devices, sent by the hand-over */
    uint64_t half_rtt_ns;   /* one way to the target, as measured */

    uint64_t rounds_done;
    struct {
        uint64_t pages_sent, bytes_sent, dirtied_pages, duration_ns;
    } last_round; /* zeros before the first has ended */

    uint64_t downtime_limit_ns, max_rounds; /* what the user allows; 0 and 0: no matter here */
};

/* Sets of pages. */
enum page_kind {
    PAGE_TO_SEND, /* the target has no copy, or one that is known to be old: all pages at first.
                     SEND takes pages out; FETCH and PAUSE put those in that the guest has
                     written to since the last fetch. */
    PAGE_SENT,    /* was sent at least once, however old that copy is by now */
};

enum action_kind {
    ACTION_WAIT,      /* nothing now. Only while something is on its way: see is_link_idle */
    ACTION_SEND,      /* `count` pages from `first_idx` on. The link may take fewer of them at
                         once: the rest is still PAGE_TO_SEND when you are asked again */
    ACTION_FETCH,     /* ends the round: read the dirty log, and watch for writes anew */
    ACTION_PAUSE,     /* stop the guest, and fetch once more */
    ACTION_HAND_OVER, /* send the rest of the guest's state; from now on it lives at the target */
    ACTION_GIVE_UP,   /* the guest stays where it is */
};

struct action {
    enum action_kind kind;
    uint64_t first_idx, count; /* of ACTION_SEND */
};

/* Bytes that are yours: zeros at the first call, then as you left them. Lay a struct over them:
 *     struct mine { uint64_t cursor; };
 *     struct mine *mine = memo; */
#define MEMO_BYTES 256

/* ---- What you write ---- */

struct action next(const struct view *view, void *memo);

/* ---- What you may call ---- */

#define PAGE_NONE UINT64_MAX

/* The first page of that kind with the number `from` or above; PAGE_NONE when there is none. */
uint64_t page_next(const struct view *view, uint64_t from, enum page_kind kind);

/* How many pages in a row are of that kind, beginning with page `from`; at most `most`. */
uint64_t page_run(const struct view *view, uint64_t from, enum page_kind kind, uint64_t most);

/* A word to yourself, shown beside your code and by `ferry run`: say("page", 7) shows "page 7". */
void say(const char *text, uint64_t number);

#endif
