#include "machine/memory_cache.h"

#include "machine/cache.h"

static const struct memory_trouble no_trouble = {MEMORY_OK, 0};

static uint8_t *ram_of(const struct memory *memory, const struct cache_line *line)
{
    return memory_at(memory, line->address);
}

static bool hides_other_bytes(const struct memory *memory, const struct cache_line *line)
{
    return memcmp(line->memory, ram_of(memory, line), CACHE_LINE_BYTES) != 0;
}

/* ---- Lines that go ---- */

/* The one way from the cache to memory. The page is logged before its line is gone: where that
 * stops the hart, the second attempt finds it logged. */
static struct memory_trouble write_back(struct memory *memory, struct cache_line *line)
{
    uint64_t page_idx = memory_page_idx(line->address);
    if (!bitmap_has(&memory->guest->present, page_idx))
        return (struct memory_trouble){MEMORY_MISSING, page_idx};
    if (memory_log(memory, page_idx))
        return (struct memory_trouble){MEMORY_DIRTIED, page_idx};
    cache_clean(memory->cache, line, ram_of(memory, line));
    return no_trouble;
}

/* Harts see again what memory holds. It is another thing only where the line is dirty, or where a
 * device has written beneath it. */
static void uncover(struct memory *memory, struct cache_line *line)
{
    if (hides_other_bytes(memory, line)) {
        memcpy(ram_of(memory, line), line->memory, CACHE_LINE_BYTES);
        memory_changed(memory, line->address, CACHE_LINE_BYTES);
    }
    cache_empty(memory->cache, line);
}

static struct memory_trouble flush_line(struct memory *memory, struct cache_line *line)
{
    struct memory_trouble trouble = line->is_dirty ? write_back(memory, line) : no_trouble;
    if (trouble.result == MEMORY_OK)
        uncover(memory, line);
    return trouble;
}

/* ---- Harts ---- */

struct memory_trouble memory_cache_make_room(struct memory *memory, uint64_t address,
                                             uint64_t count)
{
    struct cache *cache = memory->cache;
    uint64_t end = address + count;
    for (uint64_t at = cache_line_address(address); at < end; at += CACHE_LINE_BYTES) {
        if (cache_find(cache, at) != NULL)
            continue;
        struct cache_line *line = cache_victim(cache, at);
        if (!cache_is_empty_way(line)) {
            struct memory_trouble trouble = flush_line(memory, line);
            if (trouble.result != MEMORY_OK)
                return trouble;
        }
        cache_fill(cache, line, at, memory_at(memory, at));
        if (memory->guest->free.set_count > 0) /* of a free page the cache holds no line */
            bitmap_clear(&memory->guest->free, memory_page_idx(at));
    }
    return no_trouble;
}

/* May the line go as if it had never been there? */
static bool is_easy_to_lose(const struct memory *memory, const struct cache_line *line)
{
    const struct guest *guest = memory->guest;
    uint64_t page_idx = memory_page_idx(line->address);
    if (!line->is_dirty)
        return !hides_other_bytes(memory, line);
    return bitmap_has(&guest->present, page_idx) &&
           (!guest->is_tracking || bitmap_has(&guest->dirty, page_idx));
}

bool memory_cache_is_easy(struct memory *memory, uint64_t address, uint64_t count)
{
    uint64_t end = address + count;
    for (uint64_t at = cache_line_address(address); at < end; at += CACHE_LINE_BYTES) {
        if (cache_find(memory->cache, at) != NULL)
            continue;
        const struct cache_line *line = cache_victim(memory->cache, at);
        if (!cache_is_empty_way(line) && !is_easy_to_lose(memory, line))
            return false;
    }
    return true;
}

void memory_cache_store(struct memory *memory, uint64_t address, uint64_t count)
{
    uint64_t end = address + count;
    for (uint64_t at = cache_line_address(address); at < end; at += CACHE_LINE_BYTES) {
        struct cache_line *line = cache_find(memory->cache, at);
        MUST(line != NULL);
        cache_store(memory->cache, line);
    }
}

struct memory_trouble memory_cache_block(struct memory *memory, uint64_t address,
                                         enum cache_operation operation)
{
    struct cache_line *line = memory->cache != NULL ? cache_find(memory->cache, address) : NULL;
    if (line == NULL)
        return no_trouble;
    switch (operation) {
    case CACHE_CLEAN:
        return line->is_dirty ? write_back(memory, line) : no_trouble;
    case CACHE_FLUSH:
        return flush_line(memory, line);
    case CACHE_INVAL:
        break;
    }
    uncover(memory, line);
    return no_trouble;
}

struct memory_trouble memory_cache_flush(struct memory *memory, uint64_t address, uint64_t count)
{
    struct cache *cache = memory->cache;
    if (cache == NULL || cache->line_count == 0)
        return no_trouble;
    for (unsigned i = 0; i < CACHE_LINES; i++) {
        struct cache_line *line = &cache->lines[i];
        bool is_meant =
            !cache_is_empty_way(line) &&
            line->address + CACHE_LINE_BYTES - 1 - address < count + CACHE_LINE_BYTES - 1;
        struct memory_trouble trouble = is_meant ? flush_line(memory, line) : no_trouble;
        if (trouble.result != MEMORY_OK)
            return trouble;
    }
    return no_trouble;
}

/* ---- The hypervisor and its devices ---- */

struct guest_written memory_write_back(struct memory *memory)
{
    struct guest_written written = {0, 0};
    struct cache *cache = memory->cache;
    if (cache == NULL)
        return written;
    for (unsigned i = 0; i < CACHE_LINES; i++) {
        struct cache_line *line = &cache->lines[i];
        if (cache_is_empty_way(line))
            continue;
        if (line->is_dirty) {
            uint64_t page_idx = memory_page_idx(line->address);
            MUST(bitmap_has(&memory->guest->present, page_idx));
            written.lines++;
            written.pages += !bitmap_has(&memory->guest->dirty, page_idx);
            memory_log(memory, page_idx);
            cache_clean(cache, line, ram_of(memory, line));
        }
        uncover(memory, line);
    }
    return written;
}

/* The part of [address, address + count) that lies in the line at `at`. */
struct part {
    uint64_t from, count;
};

static struct part part_of(uint64_t address, uint64_t count, uint64_t at)
{
    uint64_t from = at > address ? at : address;
    uint64_t end = address + count, line_end = at + CACHE_LINE_BYTES;
    return (struct part){from, (end < line_end ? end : line_end) - from};
}

static bool has_lines(const struct memory *memory)
{
    return memory->cache != NULL && memory->cache->line_count > 0;
}

void memory_read(const struct memory *memory, uint64_t address, uint64_t count, uint8_t *bytes)
{
    uint64_t end = address + count;
    memcpy(bytes, memory_at(memory, address), count);
    if (!has_lines(memory))
        return;
    for (uint64_t at = cache_line_address(address); at < end; at += CACHE_LINE_BYTES) {
        const struct cache_line *line = cache_find(memory->cache, at);
        struct part part = part_of(address, count, at);
        if (line != NULL)
            memcpy(bytes + (part.from - address), line->memory + (part.from - at), part.count);
    }
}

/* Into memory beneath the cache: nothing is logged. */
static void put_beneath(struct memory *memory, uint64_t address, uint64_t count,
                        const uint8_t *bytes)
{
    uint64_t end = address + count;
    for (uint64_t at = cache_line_address(address); at < end; at += CACHE_LINE_BYTES) {
        struct cache_line *line = has_lines(memory) ? cache_find(memory->cache, at) : NULL;
        struct part part = part_of(address, count, at);
        const uint8_t *new = bytes + (part.from - address);
        if (line != NULL)
            memcpy(line->memory + (part.from - at), new, part.count);
        else
            memcpy(memory_at(memory, part.from), new, part.count);
    }
}

void memory_write(struct memory *memory, uint64_t address, uint64_t count, const uint8_t *bytes)
{
    if (count == 0)
        return;
    uint64_t last = memory_page_idx(address + count - 1);
    for (uint64_t page_idx = memory_page_idx(address); page_idx <= last; page_idx++)
        memory_log(memory, page_idx);
    put_beneath(memory, address, count, bytes);
    memory_changed(memory, address, count);
}

void memory_replace_page(struct memory *memory, uint64_t page_idx, const uint8_t *payload)
{
    static const uint8_t zeros[PAGE_BYTES];
    uint8_t *page = memory->ram + page_idx * PAGE_BYTES;
    const uint8_t *bytes = payload != NULL ? payload : zeros;
    if (has_lines(memory))
        put_beneath(memory, RAM_BASE + page_idx * PAGE_BYTES, PAGE_BYTES, bytes);
    else if (page != bytes &&
             (memcmp(bytes, zeros, PAGE_BYTES) != 0 || memcmp(page, zeros, PAGE_BYTES) != 0))
        /* Zeros that are there already are not written: they take no real memory at the target. Of
         * others it is not asked, because to look at memory that is not real costs as much. */
        memcpy(page, bytes, PAGE_BYTES);
}

/* ---- Free pages ---- */

/* Whole pages within the bytes: the first, and the one behind the last. */
static uint64_t first_whole(uint64_t address)
{
    return memory_page_idx(address + PAGE_BYTES - 1);
}

static uint64_t end_whole(uint64_t address, uint64_t count)
{
    return memory_page_idx(address + count);
}

static bool is_free(const struct memory *memory, uint64_t page_idx)
{
    return memory->guest->free.set_count > 0 && bitmap_has(&memory->guest->free, page_idx);
}

struct memory_trouble memory_check_give(struct memory *memory, uint64_t address, uint64_t count)
{
    struct memory_trouble trouble = memory_check_load(memory, address, count);
    if (trouble.result == MEMORY_OUTSIDE)
        return trouble;
    for (uint64_t i = first_whole(address); i < end_whole(address, count); i++) {
        if (!bitmap_has(&memory->guest->present, i))
            return (struct memory_trouble){MEMORY_MISSING, i};
        if (!is_free(memory, i) && memory_log(memory, i))
            return (struct memory_trouble){MEMORY_DIRTIED, i};
    }
    return no_trouble;
}

static void drop_lines(struct memory *memory, uint64_t page_idx)
{
    uint64_t begin = RAM_BASE + page_idx * PAGE_BYTES;
    for (uint64_t at = begin; has_lines(memory) && at < begin + PAGE_BYTES;
         at += CACHE_LINE_BYTES) {
        struct cache_line *line = cache_find(memory->cache, at);
        if (line != NULL)
            cache_empty(memory->cache, line);
    }
}

void memory_give(struct memory *memory, uint64_t address, uint64_t count)
{
    for (uint64_t i = first_whole(address); i < end_whole(address, count); i++) {
        if (is_free(memory, i))
            continue; /* nobody has used it since: not in memory, and not in the cache */
        drop_lines(memory, i);
        memory_replace_page(memory, i, NULL);
        memory_changed(memory, RAM_BASE + i * PAGE_BYTES, PAGE_BYTES);
        memory_protect(memory, i);
        bitmap_set(&memory->guest->free, i);
    }
}
