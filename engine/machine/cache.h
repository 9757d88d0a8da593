/* cache: one write-back cache between all harts and memory, as tags and what is beneath them.
 *
 *     what harts see   =  RAM                    (memory.h: loads look nowhere else, and cost
 * nothing) what memory holds = RAM, but for the lines in here: their 64 bytes as memory has them
 *
 * So a line holds the bytes that it *hides*, and not those that were stored. Devices and the
 * migration read memory: RAM patched by the lines (memory_read). A line that is written back hides
 * nothing any more; one that is thrown away (cbo.inval) uncovers what it hid.
 *
 *   256 KiB: 1024 sets of 4 ways, lines of 64 bytes; the set is the line's number modulo 1024
 *   A store allocates its line. A load does not, and does not make it younger: nothing that a hart
 *   can see depends on it. What goes is the line of the set that was stored to the longest ago.
 *   cbo.clean keeps its line as a clean one; cbo.flush and evictions leave the way empty.
 *
 * This file knows nothing of pages: when a line may be written back is memory_cache.c's matter. No
 * line travels: the cut writes everything back first.
 */
#ifndef MACHINE_CACHE_H
#define MACHINE_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CACHE_LINE_BYTES 64
#define CACHE_WAYS       4
#define CACHE_SETS       1024
#define CACHE_LINES      (CACHE_SETS * CACHE_WAYS)
#define CACHE_NO_ADDRESS UINT64_MAX /* of an empty way: no line begins there */

struct cache_line {
    uint64_t address;   /* a multiple of CACHE_LINE_BYTES, or CACHE_NO_ADDRESS */
    uint64_t stored_at; /* by the cache's own count of stores: the smallest is the oldest */
    bool is_dirty;      /* stored to since it was filled or cleaned */
    uint8_t memory[CACHE_LINE_BYTES]; /* what it hides */
};

struct cache {
    struct cache_line lines[CACHE_LINES]; /* four after four: the ways of a set */
    uint64_t store_count;
    uint32_t dirty_count;
    uint32_t line_count; /* that are not empty */
};

void cache_init(struct cache *cache);

static inline uint64_t cache_line_address(uint64_t address)
{
    return address & ~(uint64_t)(CACHE_LINE_BYTES - 1);
}

/* The line that holds the byte at an address; NULL where none does. */
struct cache_line *cache_find(struct cache *cache, uint64_t address);

/* Where a line for that address would go: an empty way, else the oldest line of its set. It is the
 * caller's to see that what is there is not lost. */
struct cache_line *cache_victim(struct cache *cache, uint64_t address);

/* The empty way holds that line from now on, clean; `memory` is what it hides. */
void cache_fill(struct cache *cache, struct cache_line *line, uint64_t address,
                const uint8_t memory[CACHE_LINE_BYTES]);
/* A hart stores to it: it is dirty, and the youngest of its set. */
void cache_store(struct cache *cache, struct cache_line *line);
/* Memory holds these bytes now: the line is clean. */
void cache_clean(struct cache *cache, struct cache_line *line,
                 const uint8_t memory[CACHE_LINE_BYTES]);
void cache_empty(struct cache *cache, struct cache_line *line);

static inline bool cache_is_empty_way(const struct cache_line *line)
{
    return line->address == CACHE_NO_ADDRESS;
}

#endif
