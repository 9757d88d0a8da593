#include "machine/cache.h"

#include <string.h>

#include "base/status.h"

void cache_init(struct cache *cache)
{
    *cache = (struct cache){.store_count = 0};
    for (unsigned i = 0; i < CACHE_LINES; i++)
        cache->lines[i].address = CACHE_NO_ADDRESS;
}

static struct cache_line *set_of(struct cache *cache, uint64_t address)
{
    return &cache->lines[address / CACHE_LINE_BYTES % CACHE_SETS * CACHE_WAYS];
}

struct cache_line *cache_find(struct cache *cache, uint64_t address)
{
    struct cache_line *set = set_of(cache, address);
    uint64_t wanted = cache_line_address(address);
    for (unsigned way = 0; way < CACHE_WAYS; way++)
        if (set[way].address == wanted)
            return &set[way];
    return NULL;
}

struct cache_line *cache_victim(struct cache *cache, uint64_t address)
{
    struct cache_line *set = set_of(cache, address);
    struct cache_line *victim = set;
    for (unsigned way = 0; way < CACHE_WAYS; way++) {
        if (cache_is_empty_way(&set[way]))
            return &set[way];
        if (set[way].stored_at < victim->stored_at)
            victim = &set[way];
    }
    return victim;
}

void cache_fill(struct cache *cache, struct cache_line *line, uint64_t address,
                const uint8_t memory[CACHE_LINE_BYTES])
{
    MUST(cache_is_empty_way(line));
    line->address = cache_line_address(address);
    line->stored_at = ++cache->store_count;
    line->is_dirty = false;
    memcpy(line->memory, memory, CACHE_LINE_BYTES);
    cache->line_count++;
}

void cache_store(struct cache *cache, struct cache_line *line)
{
    line->stored_at = ++cache->store_count;
    cache->dirty_count += !line->is_dirty;
    line->is_dirty = true;
}

void cache_clean(struct cache *cache, struct cache_line *line,
                 const uint8_t memory[CACHE_LINE_BYTES])
{
    memcpy(line->memory, memory, CACHE_LINE_BYTES);
    cache->dirty_count -= line->is_dirty;
    line->is_dirty = false;
}

void cache_empty(struct cache *cache, struct cache_line *line)
{
    MUST(!cache_is_empty_way(line));
    cache->dirty_count -= line->is_dirty;
    cache->line_count--;
    line->is_dirty = false;
    line->address = CACHE_NO_ADDRESS;
}
