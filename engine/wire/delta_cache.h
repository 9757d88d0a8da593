/* delta_cache: copies of pages as they were sent last, in a bounded number, for deltas to be told
 * against. The other end needs none: its copy is its memory.
 *
 *   set of page p:  p mod sets       ways    0        1        ...      7
 *                                        +--------+--------+--- ---+--------+
 *                                        | page   | page   |       | page   |   and of each, the
 *                                        | sweep  | sweep  |       | sweep  |   4096 bytes
 *                                        +--------+--------+--- ---+--------+
 *
 * A *sweep* is one pass of the sender over memory: a round, or once around for a scan. A sender
 * goes round and round, and a cache that is smaller than what it sends again would, by the rule
 * "the least recently used goes first", have dropped every copy just before it is wanted. So a copy
 * that was of use in this sweep or the one before stays (as in QEMU's XBZRLE cache), and the
 * newcomer is not kept; else the copy that was of use the longest time ago makes room. A page sent
 * for the first time has shown no need yet: it takes free places only, and makes room for any that
 * is sent again.
 */
#ifndef WIRE_DELTA_CACHE_H
#define WIRE_DELTA_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#define DELTA_CACHE_WAYS 8

struct delta_cache_entry {
    uint64_t page_idx; /* DELTA_CACHE_FREE: none */
    uint64_t sweep;    /* in which it was of use last; 0: never */
};
#define DELTA_CACHE_FREE UINT64_MAX

struct delta_cache {
    uint64_t ways, sets; /* ways * sets copies at most */
    uint64_t sweep;
    struct delta_cache_entry *entries; /* owned */
    uint8_t *copies;                   /* owned */
};

/* Room for as many whole pages as fit into `bytes`; the system lays memory beneath a place when it
 * is first used. */
void delta_cache_init(struct delta_cache *cache, uint64_t bytes);
void delta_cache_fini(struct delta_cache *cache);

void delta_cache_begin_sweep(struct delta_cache *cache);

/* The copy of a page, which is of use now; NULL when there is none. It may be written to: it is to
 * be what was sent. */
uint8_t *delta_cache_find(struct delta_cache *cache, uint64_t page_idx);
/* A place for the copy of a page that has none; NULL when those that are kept are worth more. */
uint8_t *delta_cache_add(struct delta_cache *cache, uint64_t page_idx, bool is_again);
void delta_cache_forget(struct delta_cache *cache, uint64_t page_idx);

uint64_t delta_cache_pages_max(const struct delta_cache *cache);

#endif
