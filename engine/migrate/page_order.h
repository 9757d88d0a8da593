/* page_order: which pages of a round go now, and which had better wait. For every strategy that
 * sends by view_send_next; two remedies, and both may be on.
 *
 *   hot last         A page that was dirtied in each of the last two rounds is hot: it belongs to
 *                    the writable working set, and a copy sent before the pause will be old again
 *                    (Clark et al., Live Migration of Virtual Machines, NSDI 2005, section 4: these
 *                    are "not worth sending"). It waits for the pause; in a hybrid move the cold
 *                    pages go first, and hot ones fault. A page that stays clean for a round is
 *                    cold again. Round 0 has no round before it: there a page is hot that was
 *                    written already.
 *   skip rewritten   A page that was written again since the log was fetched is in the log, and
 *                    will be sent in the next round anyway: sent now, it would be sent twice.
 *
 * A round that has nothing else sends its hot pages: a strategy that goes on must not stand still.
 *
 *     log of round i-1   . # # . # . #
 *     log of round i     # # . . # # #
 *     hot                . # . . # . #      dirtied in both
 */
#ifndef MIGRATE_PAGE_ORDER_H
#define MIGRATE_PAGE_ORDER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bitmap.h"

struct page_order {
    bool is_hot_last, is_skipping; /* the remedies that are on */
    bool is_watching;              /* it knows what is hot: the sets below exist */
    bool is_released;              /* all that is left is hot: it goes */
    uint64_t rounds;               /* whose logs are known */
    struct bitmap fetched, before; /* the log of the last round, and of the one before it */
    struct bitmap hot;
};

/* A round's pages, less those that had better wait. */
struct page_choice {
    const struct bitmap *of;
    const struct bitmap *but_hot, *but_dirty; /* NULL: none wait for that */
};

void page_order_init(struct page_order *order, uint64_t total_pages, bool is_watching);
void page_order_fini(struct page_order *order);

/* A round's log has been fetched into order->fetched, which was empty: adds it to `to_send`. Pages
 * that a flush took out of the log were dirtied in that round as well. */
void page_order_fetched(struct page_order *order, struct bitmap *to_send,
                        const struct bitmap *flush_dirtied);

struct page_choice page_order_choice(const struct page_order *order, const struct bitmap *to_send,
                                     const struct bitmap *dirty);

/* Of those pages, the first at `from` or above, or BITMAP_NONE; and how many follow each other from
 * first_idx on, at most `most`. */
uint64_t page_choice_next(const struct page_choice *choice, uint64_t from);
uint64_t page_choice_run(const struct page_choice *choice, uint64_t first_idx, uint64_t most);

#endif
