/* seat_words: what ferry and the machine in which a strategy runs say to each other: numbered
 * 64-bit words, and environment calls in the manner of engine/machine/hypercall.h. Both sides
 * include this one file: seat.c, and seat_guest.c, which turns the words into student.h's
 * structures.
 *
 *   0x80000000  stack, 64 KiB, downwards: what overflows it leaves memory, and is noticed
 *   0x80010000  text | rodata: nothing may be stored here
 *   0x80080000  data | bss
 *   0x800ff000  the desk: view | action | memo
 *
 * A call begins at `seat_start` with sp at the stack's end and everything on the desk; it ends with
 * SEAT_DONE.
 *
 *   a7               a0 (in)   a1 (in)   a2 (in)   a0 (out)
 *   SEAT_DONE        -         -         -         -
 *   SEAT_PAGE_NEXT   from      kind      -         page number, or all ones
 *   SEAT_PAGE_RUN    from      kind      most      pages
 *   SEAT_SAY         address   bytes     number    -
 */
#ifndef SEAT_WORDS_H
#define SEAT_WORDS_H

#define SEAT_MEMORY_BYTES 0x100000
#define SEAT_STACK_BYTES  0x10000
#define SEAT_DATA         0x80080000
#define SEAT_DESK         0x800ff000
/* On the desk. */
#define SEAT_VIEW_AT    0
#define SEAT_ACTION_AT  512
#define SEAT_MEMO_AT    1024
#define SEAT_MEMO_BYTES 256

#define SEAT_DONE       93
#define SEAT_PAGE_NEXT  0x09001000
#define SEAT_PAGE_RUN   0x09001001
#define SEAT_SAY        0x09001002

#define SEAT_VIEW_WORDS(W)      \
    W(phase)                    \
    W(is_link_idle)             \
    W(now_ns)                   \
    W(total_pages)              \
    W(pages_to_send)            \
    W(page_bytes)               \
    W(state_bytes)              \
    W(half_rtt_ns)              \
    W(rounds_done)              \
    W(last_round_pages_sent)    \
    W(last_round_bytes_sent)    \
    W(last_round_dirtied_pages) \
    W(last_round_duration_ns)   \
    W(downtime_limit_ns)        \
    W(max_rounds)

enum seat_view_word {
#define SEAT_VIEW_WORD(name) SEAT_VIEW_##name,
    SEAT_VIEW_WORDS(SEAT_VIEW_WORD)
#undef SEAT_VIEW_WORD
        SEAT_VIEW_COUNT
};

enum seat_action_word { SEAT_KIND, SEAT_FIRST_IDX, SEAT_COUNT, SEAT_ACTION_COUNT };

/* Phases, kinds of pages, and actions, by their numbers on the desk. */
enum seat_phase {
    SEAT_PHASE_COPY,
    SEAT_PHASE_PAUSE,
    SEAT_PHASE_HAND_OVER,
    SEAT_PHASE_POST_COPY,
};
enum seat_pages {
    SEAT_PAGES_TO_SEND,
    SEAT_PAGES_SENT,
};
enum seat_action {
    SEAT_ACTION_WAIT,
    SEAT_ACTION_SEND,
    SEAT_ACTION_FETCH,
    SEAT_ACTION_PAUSE,
    SEAT_ACTION_HAND_OVER,
    SEAT_ACTION_GIVE_UP,
};

#endif
