/* memory_cache: memory behind a write-back cache, as its harts, its devices and the migration meet
 * it. cache.h says what a line is; here is what happens to pages because of it.
 *
 * DOC: write-back
 *
 * Without a cache a page is dirty when a hart stores to it. With one, a store only reaches the
 * cache, and a page is dirty when a line of it is written *back*: by an eviction, by cbo.clean or
 * cbo.flush, by the flush-all call, or by the hypervisor at the cut. The dirty log and the
 * protection trap are there, in write_back(), and not at the store. So a store may trap for a page
 * that it does not touch: that of the line that has to go.
 *
 * The functions below are called with a cache, but for those that say otherwise. An access that
 * stops its hart has not happened, and is tried again: each of them can be repeated.
 */
#ifndef MACHINE_MEMORY_CACHE_H
#define MACHINE_MEMORY_CACHE_H

#include "machine/memory.h"

enum cache_operation { CACHE_CLEAN, CACHE_FLUSH, CACHE_INVAL };

/* ---- Harts ---- */

/* Gives every line of the bytes a place in the cache. Their pages are present. */
struct memory_trouble memory_cache_make_room(struct memory *memory, uint64_t address,
                                             uint64_t count);
/* Would that pass with nothing to be told, and without changing what harts see? For fast_run. */
bool memory_cache_is_easy(struct memory *memory, uint64_t address, uint64_t count);
/* Their lines, which have places, are stored to. */
void memory_cache_store(struct memory *memory, uint64_t address, uint64_t count);

/* cbo.*, on the line of an address; without a cache nothing happens. The page is present. */
struct memory_trouble memory_cache_block(struct memory *memory, uint64_t address,
                                         enum cache_operation operation);
/* Flushes all lines within [address, address + count); without a cache nothing happens. */
struct memory_trouble memory_cache_flush(struct memory *memory, uint64_t address, uint64_t count);

/* ---- The hypervisor and its devices; also without a cache ---- */

/* The cut: everything is written back, the cache is empty. Pages stand in the dirty log, and
 * nothing traps: the guest stands still. */
struct guest_written memory_write_back(struct memory *memory);

/* What memory holds, which is what a device reads; the pages are present. */
void memory_read(const struct memory *memory, uint64_t address, uint64_t count, uint8_t *bytes);
/* A device writes: lines of the bytes hide them from the harts. The pages stand in the dirty log,
 * and nothing traps: no hart has to be stopped for it. */
void memory_write(struct memory *memory, uint64_t address, uint64_t count, const uint8_t *bytes);

/* The contents of a page are replaced beneath what is cached of it; NULL: by zeros. */
void memory_replace_page(struct memory *memory, uint64_t page_idx, const uint8_t *payload);

/* ---- Free pages; also without a cache ---- */

/* May the guest give these bytes away, whole pages of them? Logs them as for a store, one trap for
 * each page that was protected. Pages that are free already are not looked at. */
struct memory_trouble memory_check_give(struct memory *memory, uint64_t address, uint64_t count);
/* They are zeros from now on, and stand in guest->free. Their reservations and lines are gone. */
void memory_give(struct memory *memory, uint64_t address, uint64_t count);

#endif
