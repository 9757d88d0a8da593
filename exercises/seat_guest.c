/* The strategy's side of the desk: ferry's words become student.h's structures, and the action that
 * `next` returns becomes words again. Compiled together with a student's file for the machine, and
 * in a test for the computer that the test runs on: then seat_call is the test's. */
#include "seat_words.h"
#include "student.h"

_Static_assert((int)PHASE_COPY == (int)SEAT_PHASE_COPY, "phases have one number");
_Static_assert((int)PHASE_PAUSE == (int)SEAT_PHASE_PAUSE, "phases have one number");
_Static_assert((int)PHASE_HAND_OVER == (int)SEAT_PHASE_HAND_OVER, "phases have one number");
_Static_assert((int)PHASE_POST_COPY == (int)SEAT_PHASE_POST_COPY, "phases have one number");
_Static_assert((int)PAGE_TO_SEND == (int)SEAT_PAGES_TO_SEND, "kinds have one number");
_Static_assert((int)PAGE_SENT == (int)SEAT_PAGES_SENT, "kinds have one number");
_Static_assert((int)ACTION_WAIT == (int)SEAT_ACTION_WAIT, "actions have one number");
_Static_assert((int)ACTION_SEND == (int)SEAT_ACTION_SEND, "actions have one number");
_Static_assert((int)ACTION_FETCH == (int)SEAT_ACTION_FETCH, "actions have one number");
_Static_assert((int)ACTION_PAUSE == (int)SEAT_ACTION_PAUSE, "actions have one number");
_Static_assert((int)ACTION_HAND_OVER == (int)SEAT_ACTION_HAND_OVER, "actions have one number");
_Static_assert((int)ACTION_GIVE_UP == (int)SEAT_ACTION_GIVE_UP, "actions have one number");
_Static_assert(MEMO_BYTES == SEAT_MEMO_BYTES, "the memo has one size");

uint64_t seat_call(uint64_t function, uint64_t a, uint64_t b, uint64_t c);
void seat_decide(const uint64_t *view_words, void *memo, uint64_t *action_words);

uint64_t page_next(const struct view *view, uint64_t from, enum page_kind kind)
{
    (void)view;
    return seat_call(SEAT_PAGE_NEXT, from, (uint64_t)kind, 0);
}

uint64_t page_run(const struct view *view, uint64_t from, enum page_kind kind, uint64_t most)
{
    (void)view;
    return seat_call(SEAT_PAGE_RUN, from, (uint64_t)kind, most);
}

void say(const char *text, uint64_t number)
{
    uint64_t bytes = 0;
    while (text[bytes] != '\0')
        bytes++;
    seat_call(SEAT_SAY, (uint64_t)(uintptr_t)text, bytes, number);
}

void seat_decide(const uint64_t *words, void *memo, uint64_t *action_words)
{
    const struct view view = {
        .phase = (enum phase)words[SEAT_VIEW_phase],
        .is_link_idle = words[SEAT_VIEW_is_link_idle] != 0,
        .now_ns = words[SEAT_VIEW_now_ns],
        .total_pages = words[SEAT_VIEW_total_pages],
        .pages_to_send = words[SEAT_VIEW_pages_to_send],
        .page_bytes = words[SEAT_VIEW_page_bytes],
        .state_bytes = words[SEAT_VIEW_state_bytes],
        .half_rtt_ns = words[SEAT_VIEW_half_rtt_ns],
        .rounds_done = words[SEAT_VIEW_rounds_done],
        .last_round =
            {
                .pages_sent = words[SEAT_VIEW_last_round_pages_sent],
                .bytes_sent = words[SEAT_VIEW_last_round_bytes_sent],
                .dirtied_pages = words[SEAT_VIEW_last_round_dirtied_pages],
                .duration_ns = words[SEAT_VIEW_last_round_duration_ns],
            },
        .downtime_limit_ns = words[SEAT_VIEW_downtime_limit_ns],
        .max_rounds = words[SEAT_VIEW_max_rounds],
    };
    struct action action = next(&view, memo);
    action_words[SEAT_KIND] = (uint32_t)action.kind;
    action_words[SEAT_FIRST_IDX] = action.first_idx;
    action_words[SEAT_COUNT] = action.count;
}

#ifdef __riscv

uint64_t seat_call(uint64_t function, uint64_t a, uint64_t b, uint64_t c)
{
    register uint64_t a0 __asm__("a0") = a;
    register uint64_t a1 __asm__("a1") = b;
    register uint64_t a2 __asm__("a2") = c;
    register uint64_t a7 __asm__("a7") = function;
    __asm__ volatile("ecall" : "+r"(a0) : "r"(a1), "r"(a2), "r"(a7) : "memory");
    return a0;
}

_Noreturn void seat_start(void);
_Noreturn void seat_start(void)
{
    seat_decide((const uint64_t *)(SEAT_DESK + SEAT_VIEW_AT), (void *)(SEAT_DESK + SEAT_MEMO_AT),
                (uint64_t *)(SEAT_DESK + SEAT_ACTION_AT));
    for (;;)
        seat_call(SEAT_DONE, 0, 0, 0);
}

/* The compiler calls these by itself, to copy and clear structures. */
void *memcpy(void *restrict to, const void *restrict from, size_t count);
void *memmove(void *to, const void *from, size_t count);
void *memset(void *to, int value, size_t count);
int memcmp(const void *a, const void *b, size_t count);

void *memcpy(void *restrict to, const void *restrict from, size_t count)
{
    for (size_t i = 0; i < count; i++)
        ((char *)to)[i] = ((const char *)from)[i];
    return to;
}

void *memmove(void *to, const void *from, size_t count)
{
    char *bytes = to;
    const char *source = from;
    if (bytes < source)
        return memcpy(to, from, count);
    while (count > 0) {
        count--;
        bytes[count] = source[count];
    }
    return to;
}

void *memset(void *to, int value, size_t count)
{
    for (size_t i = 0; i < count; i++)
        ((char *)to)[i] = (char)value;
    return to;
}

int memcmp(const void *a, const void *b, size_t count)
{
    const unsigned char *first = a, *second = b;
    for (size_t i = 0; i < count; i++)
        if (first[i] != second[i])
            return first[i] < second[i] ? -1 : 1;
    return 0;
}

#endif
