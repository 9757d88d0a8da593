#include "record/page_map.h"

#include <stdlib.h>
#include <string.h>

#include "base/status.h"

/* A page's history is one byte for both hosts; what either map shows is read off it.
 *
 *    7  6    5       4      3       2      1    0
 *   +-----+-------+------+-------+------+-----+----+
 *   | n   |WRITTEN|WAITED|ARRIVED|LOGGED| OLD |SENT|   n: copies on their way, 0 to 3
 *   +-----+-------+------+-------+------+-----+----+
 *
 *   start        every page is OLD: the target has no copy
 *   given away   as sent, but for SENT: the guest does not need the page, and it does not count
 *   sent         OLD ends, n + 1. LOGGED stays: the page was writable when it was read, and a write
 *                after that makes no second trap, so only the next fetch tells
 *   dirtied      LOGGED at the source, WRITTEN at the target
 *   log fetched  LOGGED becomes OLD
 *   installed    n - 1, ARRIVED. After the hand-over the page is now the target's alone: all
 *                that the source knew of it ends, and so does WAITED
 *
 *   The source shows             while copying              after the hand-over
 *     IN_FLIGHT                  n > 0                      n > 0
 *     DIRTY                      OLD or LOGGED              not current at the target
 *     CLEAN                      else                       -
 *     ABSENT                     -                          else: given away
 *   The target shows
 *     WAITED_FOR, MISSING        -                          not current there; WAITED or not
 *     DIRTY                      -                          WRITTEN
 *     CLEAN                      ARRIVED (perhaps old)      else
 *     ABSENT                     else                       -
 *
 *   current: ARRIVED, nothing newer at the source and nothing newer on its way.
 */
enum {
    SENT = 1,
    OLD = 2,
    LOGGED = 4,
    ARRIVED = 8,
    WAITED = 16,
    WRITTEN = 32,
    COPY = 64, /* one copy on its way */
    COPIES = 192,
};

#define BLOCK_PAGES 256u /* a count fits 16 bits, and a cell of a map looks at few single pages */

struct page_block {
    uint16_t counts[HOST_COUNT][PAGE_STATE_COUNT];
    bool is_uniform; /* all pages have the history `uniform`; map->pages is not looked at */
    uint8_t uniform;
};

/* ---- What a history shows as ---- */

static bool is_current(unsigned page)
{
    return (page & (ARRIVED | OLD | LOGGED | COPIES)) == ARRIVED;
}

static enum page_state shown_at_source(enum page_regime regime, unsigned page)
{
    if (regime == REGIME_STILL)
        return PAGE_CLEAN;
    if ((page & COPIES) != 0)
        return PAGE_IN_FLIGHT;
    if (regime == REGIME_HANDED_OVER)
        return is_current(page) ? PAGE_ABSENT : PAGE_DIRTY;
    return (page & (OLD | LOGGED)) != 0 ? PAGE_DIRTY : PAGE_CLEAN;
}

static enum page_state shown_at_target(enum page_regime regime, unsigned page)
{
    if (regime == REGIME_STILL)
        return PAGE_ABSENT;
    if (regime == REGIME_COPY)
        return (page & ARRIVED) != 0 ? PAGE_CLEAN : PAGE_ABSENT;
    if (!is_current(page))
        return (page & WAITED) != 0 ? PAGE_WAITED_FOR : PAGE_MISSING;
    return (page & WRITTEN) != 0 ? PAGE_DIRTY : PAGE_CLEAN;
}

/* ---- Blocks ---- */

static uint64_t block_count(const struct page_map *map)
{
    return (map->total_pages + BLOCK_PAGES - 1) / BLOCK_PAGES;
}

static uint32_t block_pages(const struct page_map *map, uint64_t block_idx)
{
    uint64_t left = map->total_pages - block_idx * BLOCK_PAGES;
    return left < BLOCK_PAGES ? (uint32_t)left : BLOCK_PAGES;
}

/* Adds `count` pages of one history to a block's counts and to the whole. */
static void count_in(struct page_map *map, struct page_block *block, unsigned page, uint32_t count)
{
    for (uint32_t host = 0; host < HOST_COUNT; host++) {
        uint8_t state = map->shown[host][page];
        block->counts[host][state] = (uint16_t)(block->counts[host][state] + count);
        map->totals[host][state] += count;
    }
}

static void count_out(struct page_map *map, struct page_block *block, unsigned page, uint32_t count)
{
    for (uint32_t host = 0; host < HOST_COUNT; host++) {
        uint8_t state = map->shown[host][page];
        block->counts[host][state] = (uint16_t)(block->counts[host][state] - count);
        map->totals[host][state] -= count;
    }
}

/* How many pages in a row, of `count`, have the same history as the first. */
static uint32_t stretch(const uint8_t *pages, uint32_t count)
{
    uint32_t length = 1;
    while (length < count && pages[length] == pages[0])
        length++;
    return length;
}

/* All histories stay; what they show as is new. */
static void enter(struct page_map *map, enum page_regime regime)
{
    map->regime = regime;
    for (unsigned page = 0; page <= UINT8_MAX; page++) {
        map->shown[HOST_SOURCE][page] = (uint8_t)shown_at_source(regime, page);
        map->shown[HOST_TARGET][page] = (uint8_t)shown_at_target(regime, page);
    }
    memset(map->totals, 0, sizeof map->totals);
    for (uint64_t i = 0; i < block_count(map); i++) {
        struct page_block *block = &map->blocks[i];
        const uint8_t *pages = &map->pages[i * BLOCK_PAGES];
        uint32_t count = block_pages(map, i);
        memset(block->counts, 0, sizeof block->counts);
        if (block->is_uniform)
            count_in(map, block, block->uniform, count);
        for (uint32_t at = 0, length; !block->is_uniform && at < count; at += length) {
            length = stretch(&pages[at], count - at);
            count_in(map, block, pages[at], length);
        }
    }
}

static void reset(struct page_map *map, enum page_regime regime, uint8_t page)
{
    for (uint64_t i = 0; i < block_count(map); i++) {
        map->blocks[i].is_uniform = true;
        map->blocks[i].uniform = page;
    }
    bitmap_clear_all(&map->logged_blocks);
    enter(map, regime);
}

/* calloc's zeros cost nothing until they are written: a guest that a recording merely claims to be
 * large stays small here. */
void page_map_init(struct page_map *map, uint64_t total_pages)
{
    *map = (struct page_map){.total_pages = total_pages};
    map->pages = calloc(total_pages + 1, 1);
    map->blocks = calloc(block_count(map) + 1, sizeof *map->blocks);
    MUST(map->pages != NULL && map->blocks != NULL);
    bitmap_init(&map->logged_blocks, block_count(map));
    reset(map, REGIME_STILL, 0);
}

void page_map_fini(struct page_map *map)
{
    free(map->pages);
    free(map->blocks);
    bitmap_fini(&map->logged_blocks);
    *map = (struct page_map){0};
}

/* Pages of uniform blocks stay untouched: the map of a large guest that did little is small, and so
 * is its copy. */
void page_map_copy(struct page_map *to, const struct page_map *from)
{
    MUST(to->total_pages == from->total_pages);
    uint64_t blocks = block_count(from);
    to->regime = from->regime;
    to->distinct_sent = from->distinct_sent;
    memcpy(to->totals, from->totals, sizeof to->totals);
    memcpy(to->shown, from->shown, sizeof to->shown);
    memcpy(to->blocks, from->blocks, blocks * sizeof *to->blocks);
    bitmap_copy(&to->logged_blocks, &from->logged_blocks);
    for (uint64_t i = 0; i < blocks; i++)
        if (!from->blocks[i].is_uniform)
            memcpy(&to->pages[i * BLOCK_PAGES], &from->pages[i * BLOCK_PAGES],
                   block_pages(from, i));
}

uint64_t page_map_bytes(const struct page_map *map)
{
    uint64_t blocks = block_count(map), bytes = blocks * sizeof *map->blocks + sizeof map->shown;
    for (uint64_t i = 0; i < blocks; i++)
        bytes += map->blocks[i].is_uniform ? 0 : block_pages(map, i);
    return bytes;
}

/* ---- What happens to a page ---- */

enum happening {
    PAGE_SENT,
    PAGE_GIVEN_AWAY,
    PAGE_INSTALLED,
    PAGE_LOGGED,
    PAGE_WRITTEN,
    PAGE_WAIT_BEGAN,
    PAGE_WAIT_ENDED,
};

static uint8_t history_after(enum page_regime regime, enum happening happening, unsigned page)
{
    bool is_over = regime == REGIME_HANDED_OVER;
    switch (happening) {
    case PAGE_SENT:
    case PAGE_GIVEN_AWAY:
        page |= happening == PAGE_SENT ? SENT : 0;
        if (is_over && is_current(page))
            break; /* a copy that comes too late; the target ignores it */
        page &= ~(unsigned)OLD;
        page += (page & COPIES) != COPIES ? COPY : 0;
        break;
    case PAGE_INSTALLED:
        page -= (page & COPIES) != 0 ? COPY : 0;
        page |= ARRIVED;
        if (is_over)
            page &= SENT | ARRIVED | WRITTEN;
        break;
    case PAGE_LOGGED:
        page |= LOGGED;
        break;
    case PAGE_WRITTEN:
        page |= WRITTEN;
        break;
    case PAGE_WAIT_BEGAN:
        page |= WAITED;
        break;
    case PAGE_WAIT_ENDED:
        page &= ~(unsigned)WAITED;
        break;
    }
    return (uint8_t)page;
}

static void recount(struct page_map *map, struct page_block *block, unsigned before, unsigned after,
                    uint32_t count)
{
    count_out(map, block, before, count);
    count_in(map, block, after, count);
    if ((before & SENT) == 0 && (after & SENT) != 0)
        map->distinct_sent += count;
    if ((after & LOGGED) != 0)
        bitmap_set(&map->logged_blocks, (uint64_t)(block - map->blocks));
}

/* The same happens to pages [at, at + count) of one block. Pages of equal history go together. */
static void happen_in_block(struct page_map *map, uint64_t block_idx, uint32_t at, uint32_t count,
                            enum happening happening)
{
    struct page_block *block = &map->blocks[block_idx];
    uint8_t *pages = &map->pages[block_idx * BLOCK_PAGES];
    uint32_t all = block_pages(map, block_idx);

    if (block->is_uniform) {
        uint8_t after = history_after(map->regime, happening, block->uniform);
        if (after == block->uniform)
            return;
        if (count == all) {
            recount(map, block, block->uniform, after, count);
            block->uniform = after;
            return;
        }
        memset(pages, block->uniform, all);
        block->is_uniform = false;
    }
    for (uint32_t end = at + count, length; at < end; at += length) {
        length = stretch(&pages[at], end - at);
        uint8_t after = history_after(map->regime, happening, pages[at]);
        recount(map, block, pages[at], after, length);
        memset(&pages[at], after, length);
    }
}

static void happen(struct page_map *map, uint64_t first_idx, uint64_t count,
                   enum happening happening)
{
    MUST(first_idx <= map->total_pages && count <= map->total_pages - first_idx);
    while (count > 0) {
        uint64_t block_idx = first_idx / BLOCK_PAGES;
        uint32_t at = (uint32_t)(first_idx % BLOCK_PAGES);
        uint32_t here = block_pages(map, block_idx) - at;
        if (here > count)
            here = (uint32_t)count;
        happen_in_block(map, block_idx, at, here, happening);
        first_idx += here;
        count -= here;
    }
}

void page_map_start(struct page_map *map)
{
    reset(map, REGIME_COPY, OLD);
}

void page_map_send(struct page_map *map, uint64_t first_idx, uint64_t count)
{
    happen(map, first_idx, count, PAGE_SENT);
}

void page_map_give_away(struct page_map *map, uint64_t first_idx, uint64_t count)
{
    happen(map, first_idx, count, PAGE_GIVEN_AWAY);
}

void page_map_install(struct page_map *map, uint64_t first_idx, uint64_t count)
{
    happen(map, first_idx, count, PAGE_INSTALLED);
}

void page_map_dirty(struct page_map *map, uint32_t host, uint64_t page_idx)
{
    happen(map, page_idx, 1, host == HOST_SOURCE ? PAGE_LOGGED : PAGE_WRITTEN);
}

void page_map_wait(struct page_map *map, uint64_t page_idx, bool is_waiting)
{
    happen(map, page_idx, 1, is_waiting ? PAGE_WAIT_BEGAN : PAGE_WAIT_ENDED);
}

/* LOGGED becomes OLD: both show the same, so that no count changes. */
/* What of a block's pages is among [first_idx, end_idx); the block stays a logged one where others
 * of its pages are in the log still. */
static void fetch_block(struct page_map *map, uint64_t block_idx, uint64_t first_idx,
                        uint64_t end_idx)
{
    struct page_block *block = &map->blocks[block_idx];
    uint8_t *pages = &map->pages[block_idx * BLOCK_PAGES];
    uint64_t block_first_idx = block_idx * BLOCK_PAGES;
    uint8_t left = 0;

    if (block->is_uniform)
        memset(pages, block->uniform, block_pages(map, block_idx));
    block->is_uniform = false;
    for (uint32_t at = 0; at < block_pages(map, block_idx); at++) {
        bool is_fetched = block_first_idx + at >= first_idx && block_first_idx + at < end_idx;
        if (is_fetched)
            pages[at] = (uint8_t)((pages[at] & ~LOGGED) | (pages[at] & LOGGED) / LOGGED * OLD);
        left |= pages[at];
    }
    if ((left & LOGGED) == 0)
        bitmap_clear(&map->logged_blocks, block_idx);
}

void page_map_fetch(struct page_map *map, uint64_t first_idx, uint64_t count)
{
    uint64_t block_idx = first_idx / BLOCK_PAGES;
    if (count == 0)
        count = map->total_pages;
    while ((block_idx = bitmap_next(&map->logged_blocks, block_idx)) != BITMAP_NONE &&
           block_idx * BLOCK_PAGES < first_idx + count) {
        fetch_block(map, block_idx, first_idx, first_idx + count);
        block_idx++;
    }
}

void page_map_hand_over(struct page_map *map)
{
    if (map->regime == REGIME_COPY)
        enter(map, REGIME_HANDED_OVER);
}

void page_map_give_up(struct page_map *map)
{
    reset(map, REGIME_STILL, 0);
}

/* ---- Looking ---- */

enum page_state page_map_state(const struct page_map *map, uint32_t host, uint64_t page_idx)
{
    MUST(host < HOST_COUNT && page_idx < map->total_pages);
    const struct page_block *block = &map->blocks[page_idx / BLOCK_PAGES];
    uint8_t page = block->is_uniform ? block->uniform : map->pages[page_idx];
    return (enum page_state)map->shown[host][page];
}

void page_map_count(const struct page_map *map, uint32_t host, uint64_t first_idx, uint64_t count,
                    uint64_t counts[PAGE_STATE_COUNT])
{
    MUST(host < HOST_COUNT && first_idx <= map->total_pages &&
         count <= map->total_pages - first_idx);
    uint64_t end = first_idx + count;
    if (count == map->total_pages) {
        memcpy(counts, map->totals[host], PAGE_STATE_COUNT * sizeof *counts);
        return;
    }
    memset(counts, 0, PAGE_STATE_COUNT * sizeof *counts);
    for (uint64_t at = first_idx; at < end;) {
        const struct page_block *block = &map->blocks[at / BLOCK_PAGES];
        uint64_t next = (at / BLOCK_PAGES + 1) * BLOCK_PAGES;
        bool is_whole = at % BLOCK_PAGES == 0 && (next <= end || end == map->total_pages);
        for (unsigned state = 0; is_whole && state < PAGE_STATE_COUNT; state++)
            counts[state] += block->counts[host][state];
        if (next > end)
            next = end;
        if (!is_whole && block->is_uniform)
            counts[map->shown[host][block->uniform]] += next - at;
        else if (!is_whole)
            for (uint64_t i = at; i < next; i++)
                counts[map->shown[host][map->pages[i]]]++;
        at = next;
    }
}
