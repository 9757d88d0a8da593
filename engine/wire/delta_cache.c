#include "wire/delta_cache.h"

#include <stdlib.h>

#include "base/status.h"
#include "wire/page_delta.h"

#define SWEEPS_KEPT 2 /* this one and the one before */

void delta_cache_init(struct delta_cache *cache, uint64_t bytes)
{
    uint64_t pages = bytes / DELTA_PAGE_BYTES;

    *cache = (struct delta_cache){.sweep = 1};
    cache->ways = pages < DELTA_CACHE_WAYS ? pages : DELTA_CACHE_WAYS;
    if (pages == 0)
        return;
    cache->sets = pages / cache->ways;
    uint64_t places = delta_cache_pages_max(cache);
    cache->entries = malloc(places * sizeof *cache->entries);
    cache->copies = malloc(places * DELTA_PAGE_BYTES);
    MUST(cache->entries != NULL && cache->copies != NULL);
    for (uint64_t i = 0; i < places; i++)
        cache->entries[i] = (struct delta_cache_entry){.page_idx = DELTA_CACHE_FREE};
}

void delta_cache_fini(struct delta_cache *cache)
{
    free(cache->entries);
    free(cache->copies);
}

uint64_t delta_cache_pages_max(const struct delta_cache *cache)
{
    return cache->ways * cache->sets;
}

void delta_cache_begin_sweep(struct delta_cache *cache)
{
    cache->sweep++;
}

static struct delta_cache_entry *set_of(const struct delta_cache *cache, uint64_t page_idx)
{
    return cache->entries + page_idx % cache->sets * cache->ways;
}

static uint8_t *copy_of(struct delta_cache *cache, const struct delta_cache_entry *entry)
{
    return cache->copies + (uint64_t)(entry - cache->entries) * DELTA_PAGE_BYTES;
}

static struct delta_cache_entry *find(const struct delta_cache *cache, uint64_t page_idx)
{
    if (cache->sets == 0)
        return NULL;
    struct delta_cache_entry *set = set_of(cache, page_idx);
    for (uint64_t way = 0; way < cache->ways; way++)
        if (set[way].page_idx == page_idx)
            return &set[way];
    return NULL;
}

uint8_t *delta_cache_find(struct delta_cache *cache, uint64_t page_idx)
{
    struct delta_cache_entry *entry = find(cache, page_idx);
    if (entry == NULL)
        return NULL;
    entry->sweep = cache->sweep;
    return copy_of(cache, entry);
}

/* A free place, or else the one whose copy was of use the longest time ago. */
static struct delta_cache_entry *cheapest(const struct delta_cache *cache, uint64_t page_idx)
{
    struct delta_cache_entry *set = set_of(cache, page_idx);
    struct delta_cache_entry *best = set;
    for (uint64_t way = 0; way < cache->ways && best->page_idx != DELTA_CACHE_FREE; way++)
        if (set[way].page_idx == DELTA_CACHE_FREE || set[way].sweep < best->sweep)
            best = &set[way];
    return best;
}

uint8_t *delta_cache_add(struct delta_cache *cache, uint64_t page_idx, bool is_again)
{
    if (cache->sets == 0)
        return NULL;
    MUST(find(cache, page_idx) == NULL);
    struct delta_cache_entry *entry = cheapest(cache, page_idx);
    bool is_free = entry->page_idx == DELTA_CACHE_FREE;
    bool is_worn = entry->sweep == 0 || cache->sweep - entry->sweep >= SWEEPS_KEPT;
    if (!is_free && !(is_again && is_worn))
        return NULL;
    *entry = (struct delta_cache_entry){.page_idx = page_idx, .sweep = is_again ? cache->sweep : 0};
    return copy_of(cache, entry);
}

void delta_cache_forget(struct delta_cache *cache, uint64_t page_idx)
{
    struct delta_cache_entry *entry = find(cache, page_idx);
    if (entry != NULL)
        *entry = (struct delta_cache_entry){.page_idx = DELTA_CACHE_FREE};
}
