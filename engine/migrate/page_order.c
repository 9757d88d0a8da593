#include "migrate/page_order.h"

#include <stddef.h>

#include "base/status.h"

void page_order_init(struct page_order *order, uint64_t total_pages, bool is_watching)
{
    *order = (struct page_order){.is_watching = is_watching};
    if (!is_watching)
        return;
    bitmap_init(&order->fetched, total_pages);
    bitmap_init(&order->before, total_pages);
    bitmap_init(&order->hot, total_pages);
}

void page_order_fini(struct page_order *order)
{
    bitmap_fini(&order->fetched);
    bitmap_fini(&order->before);
    bitmap_fini(&order->hot);
}

void page_order_fetched(struct page_order *order, struct bitmap *to_send,
                        const struct bitmap *flush_dirtied)
{
    struct bitmap before = order->before;

    MUST(order->is_watching);
    bitmap_add(to_send, &order->fetched);
    bitmap_add(&order->fetched, flush_dirtied);
    bitmap_copy(&order->hot, &order->fetched);
    bitmap_keep(&order->hot, &before);
    bitmap_keep(&order->hot, to_send);
    order->is_released = order->hot.set_count == to_send->set_count;
    order->before = order->fetched;
    order->fetched = before;
    bitmap_clear_all(&order->fetched);
    order->rounds++;
}

struct page_choice page_order_choice(const struct page_order *order, const struct bitmap *to_send,
                                     const struct bitmap *dirty)
{
    bool is_first = order->is_hot_last && order->rounds == 0;
    bool holds_hot = order->is_hot_last && order->rounds > 0 && !order->is_released;

    return (struct page_choice){.of = to_send,
                                .but_hot = holds_hot ? &order->hot : NULL,
                                .but_dirty = order->is_skipping || is_first ? dirty : NULL};
}

/* 64 pages of the choice. */
static uint64_t word_of(const struct page_choice *choice, uint64_t word_idx)
{
    uint64_t word = choice->of->words[word_idx];
    if (choice->but_hot != NULL)
        word &= ~choice->but_hot->words[word_idx];
    if (choice->but_dirty != NULL)
        word &= ~choice->but_dirty->words[word_idx];
    return word;
}

uint64_t page_choice_next(const struct page_choice *choice, uint64_t from)
{
    for (uint64_t at = bitmap_next(choice->of, from); at != BITMAP_NONE;
         at = bitmap_next(choice->of, (at / 64 + 1) * 64)) {
        uint64_t word = word_of(choice, at / 64) & ~0ull << (at % 64);
        if (word != 0)
            return at / 64 * 64 + (uint64_t)__builtin_ctzll(word);
    }
    return BITMAP_NONE;
}

uint64_t page_choice_run(const struct page_choice *choice, uint64_t first_idx, uint64_t most)
{
    uint64_t end = first_idx + bitmap_run(choice->of, first_idx, most);

    for (uint64_t at = first_idx; at < end; at = (at / 64 + 1) * 64) {
        uint64_t absent = ~word_of(choice, at / 64) & ~0ull << (at % 64);
        uint64_t absent_idx = at / 64 * 64 + (uint64_t)__builtin_ctzll(absent | 1ull << 63);
        if (absent != 0 && absent_idx < end)
            return absent_idx - first_idx;
    }
    return end - first_idx;
}
