/* memory_guest: a guest that is nothing but pages of bytes and one number, for the tests of the two
 * ends: what it writes, and what it gives away, the test says. */
#ifndef MIGRATE_MEMORY_GUEST_H
#define MIGRATE_MEMORY_GUEST_H

#include <stdlib.h>
#include <string.h>

#include "machine/guest.h"

struct memory_guest {
    struct guest guest; /* first */
    uint64_t number;    /* all its state */
    uint8_t *pages;
};

static inline struct memory_guest *memory_of(const struct guest *guest)
{
    return (struct memory_guest *)guest;
}

static inline uint8_t *memory_page(const struct guest *guest, uint64_t page_idx)
{
    return memory_of(guest)->pages + page_idx * PAGE_BYTES;
}

/* The guest writes to a page. */
static inline uint8_t *memory_write(struct guest *guest, uint64_t page_idx)
{
    bitmap_set(&guest->dirty, page_idx);
    bitmap_clear(&guest->free, page_idx);
    return memory_page(guest, page_idx);
}

/* The guest gives a page away: it reads as zeros from now on. */
static inline void memory_give_away(struct guest *guest, uint64_t page_idx)
{
    memset(memory_write(guest, page_idx), 0, PAGE_BYTES);
    bitmap_set(&guest->free, page_idx);
}

static inline void memory_read_pages(const struct guest *guest, uint64_t first_idx, uint64_t count,
                                     uint8_t *payloads)
{
    memcpy(payloads, memory_page(guest, first_idx), count * PAGE_BYTES);
}

static inline const uint8_t *memory_lend_pages(const struct guest *guest, uint64_t first_idx,
                                               uint64_t count)
{
    MUST(bitmap_run(&guest->present, first_idx, count) == count);
    return memory_page(guest, first_idx);
}

static inline void memory_install_pages(struct guest *guest, uint64_t first_idx, uint64_t count,
                                        const uint8_t *payloads)
{
    memmove(memory_page(guest, first_idx), payloads, count * PAGE_BYTES);
    bitmap_set_run(&guest->present, first_idx, count);
    bitmap_clear_run(&guest->dirty, first_idx, count);
}

static inline uint8_t *memory_place_pages(struct guest *guest, uint64_t first_idx, uint64_t count)
{
    MUST(bitmap_next(&guest->present, first_idx) - first_idx >= count);
    return memory_page(guest, first_idx);
}

static inline void memory_drop_page(struct guest *guest, uint64_t page_idx)
{
    bitmap_clear(&guest->present, page_idx);
    memset(memory_page(guest, page_idx), 0xdd, PAGE_BYTES);
}

static inline void memory_read_contents(const struct guest *guest, uint64_t page_idx,
                                        uint8_t page[PAGE_BYTES])
{
    memory_read_pages(guest, page_idx, 1, page);
}

static inline void memory_track(struct guest *guest, bool is_on)
{
    guest->is_tracking = is_on;
    bitmap_clear_all(&guest->dirty);
}

static inline uint64_t memory_fetch_dirty(struct guest *guest, uint64_t first_idx, uint64_t count,
                                          struct bitmap *into)
{
    uint64_t fetched = 0;
    for (uint64_t i = first_idx; i < first_idx + count; i++) {
        if (!bitmap_clear(&guest->dirty, i))
            continue;
        fetched++;
        if (into != NULL)
            bitmap_set(into, i);
    }
    return fetched;
}

static inline struct guest_written memory_write_back(struct guest *guest)
{
    (void)guest; /* no cache */
    return (struct guest_written){0};
}

static inline bool memory_is_quiet(const struct guest *guest)
{
    (void)guest;
    return true;
}

static inline void memory_tell_flushes(struct guest *guest, bool is_on)
{
    (void)guest;
    (void)is_on;
}

static inline void memory_save(const struct guest *guest, struct bytes *to)
{
    bytes_put_u64(to, memory_of(guest)->number);
}

static inline enum status memory_load(struct guest *guest, struct bytes_reader *from,
                                      struct problem *problem)
{
    memory_of(guest)->number = bytes_get_u64(from);
    return bytes_is_done(from) ? STATUS_OK
                               : problem_set(problem, STATUS_BAD_STATE, "it is no number");
}

static inline void memory_close(struct guest *guest)
{
    bitmap_fini(&guest->present);
    bitmap_fini(&guest->dirty);
    bitmap_fini(&guest->free);
    free(memory_of(guest)->pages);
    free(guest);
}

static inline struct guest *memory_open(uint64_t total_pages, bool is_there)
{
    static const struct guest_ops ops = {
        .kind = "memory",
        .payload_bytes = PAGE_BYTES,
        .read_pages = memory_read_pages,
        .lend_pages = memory_lend_pages,
        .install_pages = memory_install_pages,
        .place_pages = memory_place_pages,
        .drop_page = memory_drop_page,
        .read_contents = memory_read_contents,
        .track = memory_track,
        .fetch_dirty = memory_fetch_dirty,
        .write_back = memory_write_back,
        .is_quiet = memory_is_quiet,
        .tell_flushes = memory_tell_flushes,
        .save = memory_save,
        .load = memory_load,
        .close = memory_close,
    };
    struct memory_guest *memory = calloc(1, sizeof *memory);
    MUST(memory != NULL);
    memory->pages = calloc(total_pages, PAGE_BYTES);
    MUST(memory->pages != NULL);
    memory->guest.ops = &ops;
    memory->guest.total_pages = total_pages;
    bitmap_init(&memory->guest.present, total_pages);
    bitmap_init(&memory->guest.dirty, total_pages);
    bitmap_init(&memory->guest.free, total_pages);
    if (is_there)
        bitmap_set_all(&memory->guest.present);
    return &memory->guest;
}

#endif
