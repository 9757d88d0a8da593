#include "migrate/pre_paging.h"

#include <string.h>

/* ---- Bubbles ---- */

static void move_to_front(struct pre_paging *pre_paging, uint32_t idx)
{
    struct bubble bubble = pre_paging->bubbles[idx];
    memmove(&pre_paging->bubbles[1], &pre_paging->bubbles[0], idx * sizeof bubble);
    pre_paging->bubbles[0] = bubble;
}

static void burst(struct pre_paging *pre_paging, uint32_t idx)
{
    pre_paging->bubble_count--;
    memmove(&pre_paging->bubbles[idx], &pre_paging->bubbles[idx + 1],
            (pre_paging->bubble_count - idx) * sizeof pre_paging->bubbles[0]);
}

/* A page inside of a bubble has been pushed and is still on its way: the guest has met the edge. */
static void note_side(struct bubble *bubble, uint64_t page_idx)
{
    uint64_t to_low = page_idx + 1 - bubble->low_idx, to_high = bubble->high_idx - page_idx;
    if (bubble->high_idx - bubble->low_idx > 1)
        bubble->ahead = to_high < to_low ? BUBBLE_UP : to_high > to_low ? BUBBLE_DOWN : BUBBLE_BOTH;
    if (page_idx < bubble->low_idx)
        bubble->ahead = BUBBLE_DOWN;
    else if (page_idx >= bubble->high_idx)
        bubble->ahead = BUBBLE_UP;
    bubble->pushes = 0;
}

static bool is_at(const struct bubble *bubble, uint64_t page_idx)
{
    return page_idx + 1 >= bubble->low_idx && page_idx <= bubble->high_idx;
}

void pre_paging_faulted(struct pre_paging *pre_paging, uint64_t page_idx)
{
    pre_paging->turn = 0;
    for (uint32_t i = 0; i < pre_paging->bubble_count; i++) {
        if (!is_at(&pre_paging->bubbles[i], page_idx))
            continue;
        move_to_front(pre_paging, i);
        note_side(&pre_paging->bubbles[0], page_idx);
        return;
    }
    if (pre_paging->bubble_count < PRE_PAGING_BUBBLES)
        pre_paging->bubble_count++;
    move_to_front(pre_paging, pre_paging->bubble_count - 1);
    pre_paging->bubbles[0] = (struct bubble){.low_idx = page_idx, .high_idx = page_idx + 1};
}

/* Whether this push goes up, as far as there is a choice. */
static bool is_up_next(const struct bubble *bubble)
{
    bool is_other_side = bubble->pushes % (PRE_PAGING_SIDES_AHEAD + 1) == PRE_PAGING_SIDES_AHEAD;
    return bubble->ahead == BUBBLE_BOTH ? bubble->pushes % 2 == 0
                                        : (bubble->ahead == BUBBLE_UP) != is_other_side;
}

/* False when nothing is left on either side. */
static bool grow(struct bubble *bubble, const struct bitmap *to_send, uint64_t most,
                 uint64_t *first_idx, uint64_t *count)
{
    uint64_t above = bitmap_next(to_send, bubble->high_idx);
    uint64_t below = bitmap_previous(to_send, bubble->low_idx);

    if (above == BITMAP_NONE && below == BITMAP_NONE)
        return false;
    if (below == BITMAP_NONE || (above != BITMAP_NONE && is_up_next(bubble))) {
        *first_idx = above;
        *count = bitmap_run(to_send, above, most);
        bubble->high_idx = above + *count;
    } else {
        *count = bitmap_run_back(to_send, below, most);
        *first_idx = below + 1 - *count;
        bubble->low_idx = *first_idx;
    }
    bubble->pushes++;
    return true;
}

/* ---- The order ---- */

static bool next_in_order(struct pre_paging *pre_paging, const struct bitmap *to_send,
                          uint64_t most, uint64_t *first_idx, uint64_t *count)
{
    uint64_t next_idx = bitmap_next(to_send, pre_paging->cursor_idx);
    if (next_idx == BITMAP_NONE)
        return false;
    pre_paging->cursor_idx = next_idx;
    *first_idx = next_idx;
    *count = bitmap_run(to_send, next_idx, most);
    return true;
}

bool pre_paging_next(struct pre_paging *pre_paging, const struct bitmap *to_send, uint64_t most,
                     uint64_t *first_idx, uint64_t *count)
{
    while (pre_paging->prefetch == PREFETCH_BUBBLE && pre_paging->bubble_count > 0) {
        uint32_t idx = pre_paging->turn % pre_paging->bubble_count;
        pre_paging->turn = idx + 1;
        if (grow(&pre_paging->bubbles[idx], to_send, most, first_idx, count))
            return true;
        burst(pre_paging, idx);
    }
    return next_in_order(pre_paging, to_send, most, first_idx, count);
}
