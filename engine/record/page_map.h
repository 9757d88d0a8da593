/* page_map: what every page is at either host, kept up to date event by event, and counted so that
 * a map of 16,777,216 pages is drawn without looking at each.
 *
 * The timeline owns one and tells it what happened; see page_map.c for the drawing of what a page
 * goes through.
 */
#ifndef RECORD_PAGE_MAP_H
#define RECORD_PAGE_MAP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bitmap.h"
#include "base/event.h"
#include "record/timeline.h"

/* What both maps show depends on where the move stands. */
enum page_regime {
    REGIME_STILL,       /* no move, or one that was given up: all is at the source */
    REGIME_COPY,        /* the guest is at the source, pages travel */
    REGIME_HANDED_OVER, /* the guest is at the target */
};

struct page_block; /* 256 pages in a row, with their counts */

struct page_map {
    uint64_t total_pages;
    enum page_regime regime;
    uint64_t distinct_sent; /* pages that were sent at least once */
    uint64_t totals[HOST_COUNT][PAGE_STATE_COUNT];

    uint8_t *pages; /* owned: a byte of history each; not valid where the block is uniform */
    struct page_block *blocks;                /* owned */
    struct bitmap logged_blocks;              /* where the dirty log may hold a page */
    uint8_t shown[HOST_COUNT][UINT8_MAX + 1]; /* the state that a byte shows as, in this regime */
};

void page_map_init(struct page_map *map, uint64_t total_pages);
void page_map_fini(struct page_map *map);
/* `to` is of as many pages, and becomes what `from` is. */
void page_map_copy(struct page_map *to, const struct page_map *from);
/* How much memory a copy touches, about. */
uint64_t page_map_bytes(const struct page_map *map);

/* What happened, in the words of the events. Pages must be the guest's: a bug otherwise. */
void page_map_start(struct page_map *map);
void page_map_send(struct page_map *map, uint64_t first_idx, uint64_t count);
void page_map_give_away(struct page_map *map, uint64_t first_idx, uint64_t count); /* form free */
void page_map_install(struct page_map *map, uint64_t first_idx, uint64_t count);
void page_map_dirty(struct page_map *map, uint32_t host, uint64_t page_idx);
/* The dirty log of those pages; count 0: of all from first_idx on. */
void page_map_fetch(struct page_map *map, uint64_t first_idx, uint64_t count);
void page_map_hand_over(struct page_map *map); /* the guest runs at the target */
void page_map_wait(struct page_map *map, uint64_t page_idx, bool is_waiting);
void page_map_give_up(struct page_map *map);

enum page_state page_map_state(const struct page_map *map, uint32_t host, uint64_t page_idx);
/* How many pages of [first_idx, first_idx + count) show as each state at a host. */
void page_map_count(const struct page_map *map, uint32_t host, uint64_t first_idx, uint64_t count,
                    uint64_t counts[PAGE_STATE_COUNT]);

#endif
