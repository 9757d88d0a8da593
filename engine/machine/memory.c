#include "machine/memory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "machine/cache.h"
#include "machine/memory_cache.h"

static const struct memory_trouble no_trouble = {MEMORY_OK, 0};

static void flush(uint64_t *rows)
{
    for (unsigned i = 0; i < TLB_ROWS; i++)
        rows[i] = TLB_EMPTY;
}

static uint64_t page_address(uint64_t page_idx)
{
    return RAM_BASE + page_idx * PAGE_BYTES;
}

static uint64_t *row_of(uint64_t *rows, uint64_t page_idx)
{
    return &rows[page_address(page_idx) / PAGE_BYTES % TLB_ROWS];
}

static void enter(uint64_t *rows, uint64_t page_idx)
{
    *row_of(rows, page_idx) = page_address(page_idx);
}

static void evict(uint64_t *rows, uint64_t page_idx)
{
    if (*row_of(rows, page_idx) == page_address(page_idx))
        *row_of(rows, page_idx) = TLB_EMPTY;
}

#define HUGE_BYTES (2ull << 20)

/* RAM begins where a huge page may begin, and what lies around it is nobody's: an access beyond its
 * end is one that the processor sees. */
static uint8_t *map_ram(uint64_t ram_bytes)
{
    uint8_t *all = mmap(NULL, ram_bytes + HUGE_BYTES, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    MUST(all != MAP_FAILED);
    uint64_t before = -(uintptr_t)all % HUGE_BYTES;
    if (before > 0)
        MUST(munmap(all, before) == 0);
    MUST(munmap(all + before + ram_bytes, HUGE_BYTES - before) == 0);
    return all + before;
}

void memory_init(struct memory *memory, struct guest *guest, uint64_t ram_bytes)
{
    MUST(ram_bytes > 0 && ram_bytes % PAGE_BYTES == 0);
    MUST(guest->present.bit_count == ram_bytes / PAGE_BYTES);
    *memory = (struct memory){.ram_bytes = ram_bytes, .guest = guest};
    memory->ram = map_ram(ram_bytes);
    bitmap_init(&memory->blank, ram_bytes / PAGE_BYTES);
    bitmap_set_all(&memory->blank);
    blocks_init(&memory->blocks, ram_bytes / PAGE_BYTES);
    flush(memory->tlb.loads);
    flush(memory->tlb.stores);
}

void memory_add_cache(struct memory *memory)
{
    MUST(memory->cache == NULL);
    memory->cache = malloc(sizeof *memory->cache);
    MUST(memory->cache != NULL);
    cache_init(memory->cache);
}

void memory_fini(struct memory *memory)
{
    munmap(memory->ram, memory->ram_bytes);
    memory->ram = NULL;
    bitmap_fini(&memory->blank);
    free(memory->cache);
    memory->cache = NULL;
    blocks_fini(&memory->blocks);
}

void memory_use_huge_pages(struct memory *memory)
{
    (void)madvise(memory->ram, memory->ram_bytes, MADV_HUGEPAGE); /* where there are any */
}

/* Neither the address nor its end may wrap: both are compared as distances from RAM_BASE. */
static bool is_inside(const struct memory *memory, uint64_t address, uint64_t count)
{
    uint64_t offset = address - RAM_BASE;
    return offset <= memory->ram_bytes && count <= memory->ram_bytes - offset;
}

struct memory_trouble memory_check_load(const struct memory *memory, uint64_t address,
                                        uint64_t count)
{
    if (!is_inside(memory, address, count))
        return (struct memory_trouble){MEMORY_OUTSIDE, 0};
    if (count == 0)
        return no_trouble;
    uint64_t last = memory_page_idx(address + count - 1);
    for (uint64_t page_idx = memory_page_idx(address); page_idx <= last; page_idx++)
        if (!bitmap_has(&memory->guest->present, page_idx))
            return (struct memory_trouble){MEMORY_MISSING, page_idx};
    return no_trouble;
}

/* Is something of another hart reserved in the page? */
static bool is_reserved(const struct memory *memory, uint64_t page_idx)
{
    for (uint32_t i = 0; i < HART_MAX; i++)
        if (i != memory->hart_idx && memory->reservations[i].byte_count > 0 &&
            memory_page_idx(memory->reservations[i].address) == page_idx)
            return true;
    return false;
}

/* Bytes are written: a reservation that they touch is lost, but for the writing hart's own. */
static void end_reservations(struct memory *memory, uint64_t address, uint64_t count,
                             uint32_t writer_idx)
{
    for (uint32_t i = 0; i < HART_MAX; i++) {
        struct memory_reservation *held = &memory->reservations[i];
        if (i != writer_idx && held->address - address < count)
            held->byte_count = 0;
        if (i != writer_idx && address - held->address < held->byte_count)
            held->byte_count = 0;
    }
}

void memory_end_reservations(struct memory *memory, uint64_t address, uint64_t count)
{
    end_reservations(memory, address, count, HART_MAX);
}

void memory_turn(struct memory *memory, uint32_t hart_idx)
{
    const struct memory_reservation *held = &memory->reservations[memory->hart_idx];
    if (hart_idx != memory->hart_idx && held->byte_count > 0)
        evict(memory->tlb.stores, memory_page_idx(held->address));
    memory->hart_idx = hart_idx;
}

void memory_changed(struct memory *memory, uint64_t address, uint64_t count)
{
    uint64_t last = memory_page_idx(address + count - 1);
    for (uint64_t page_idx = memory_page_idx(address); page_idx <= last; page_idx++) {
        uint64_t begin = page_address(page_idx), end = begin + PAGE_BYTES;
        uint64_t from = address > begin ? address : begin;
        uint64_t to = address + count < end ? address + count : end;
        blocks_forget(&memory->blocks, page_idx, from - begin, to - from);
    }
    memory_end_reservations(memory, address, count);
}

/* DOC: dirty-log
 *
 * The first write to a page since the last fetch is what the dirty log consists of. While tracking
 * is on it stops the guest; the page is in the log then, so that the second attempt passes. */
bool memory_log(struct memory *memory, uint64_t page_idx)
{
    struct guest *guest = memory->guest;
    if (guest->free.set_count > 0)
        bitmap_clear(&guest->free, page_idx);
    return bitmap_set(&guest->dirty, page_idx) && guest->is_tracking;
}

/* Without a cache a store dirties its pages, with one it takes lines of them. */
static struct memory_trouble log_store(struct memory *memory, uint64_t address, uint64_t count)
{
    if (memory->cache != NULL)
        return memory_cache_make_room(memory, address, count);
    uint64_t last = memory_page_idx(address + count - 1);
    for (uint64_t page_idx = memory_page_idx(address); page_idx <= last; page_idx++)
        if (memory_log(memory, page_idx))
            return (struct memory_trouble){MEMORY_DIRTIED, page_idx};
    return no_trouble;
}

struct memory_trouble memory_check_store(struct memory *memory, uint64_t address, uint64_t count)
{
    struct memory_trouble trouble = memory_check_load(memory, address, count);
    if (trouble.result != MEMORY_OK || count == 0)
        return trouble;
    trouble = log_store(memory, address, count);
    if (trouble.result != MEMORY_OK)
        return trouble;
    if (memory->cache != NULL)
        memory_cache_store(memory, address, count);
    uint64_t first = memory_page_idx(address);
    uint64_t last = memory_page_idx(address + count - 1);
    for (uint64_t page_idx = first; page_idx <= last; page_idx++) {
        uint64_t from = page_idx == first ? address % PAGE_BYTES : 0;
        uint64_t to = page_idx == last ? (address + count - 1) % PAGE_BYTES + 1 : PAGE_BYTES;
        blocks_forget(&memory->blocks, page_idx, from, to - from);
    }
    end_reservations(memory, address, count, memory->hart_idx);
    return no_trouble;
}

void memory_watch_code(struct memory *memory, uint64_t page_idx)
{
    evict(memory->tlb.stores, page_idx);
}

/* The contents of a page are replaced, or go: nothing that was derived from them may stay. */
static void forget_page(struct memory *memory, uint64_t page_idx)
{
    evict(memory->tlb.loads, page_idx);
    evict(memory->tlb.stores, page_idx);
    blocks_drop_page(&memory->blocks, page_idx);
    bitmap_clear(&memory->guest->dirty, page_idx);
    if (memory->guest->free.set_count > 0)
        bitmap_clear(&memory->guest->free, page_idx);
}

void memory_install(struct memory *memory, uint64_t page_idx, const uint8_t *payload)
{
    static const uint8_t zeros[PAGE_BYTES];
    bool is_blank = memory->cache == NULL && bitmap_has(&memory->blank, page_idx);

    forget_page(memory, page_idx);
    /* Of memory that is not real it is not even looked whether it is zeros: that would make it so,
     * and an empty guest would be waited for as if it were full. */
    if (!bitmap_set(&memory->guest->present, page_idx) || !is_blank ||
        memcmp(payload, zeros, PAGE_BYTES) != 0)
        memory_replace_page(memory, page_idx, payload);
}

/* Pages that come in order are put on a huge page where one begins. Those that come singly are not:
 * to clear 2 MiB for each would make who waits for it wait ten times as long. */
static void begin_huge_pages(struct memory *memory, uint64_t first_idx, uint64_t count)
{
    uint64_t at = (first_idx * PAGE_BYTES + HUGE_BYTES - 1) / HUGE_BYTES * HUGE_BYTES;
    uint64_t end = (first_idx + count) * PAGE_BYTES;

    for (; at < end && at + HUGE_BYTES <= memory->ram_bytes; at += HUGE_BYTES)
        (void)madvise(memory->ram + at, HUGE_BYTES, MADV_HUGEPAGE);
}

uint8_t *memory_place(struct memory *memory, uint64_t first_idx, uint64_t count)
{
    MUST(bitmap_gap(&memory->guest->present, first_idx, count) == count);
    if (memory->cache != NULL)
        return NULL; /* what it holds of a page comes between */
    begin_huge_pages(memory, first_idx, count);
    bitmap_clear_run(&memory->blank, first_idx, count);
    return memory->ram + first_idx * PAGE_BYTES;
}

void memory_drop(struct memory *memory, uint64_t page_idx)
{
    forget_page(memory, page_idx);
    bitmap_clear(&memory->guest->present, page_idx);
    bitmap_clear(&memory->blank, page_idx);
    /* Its bytes may stay: nobody sees them before others are installed. To clear them would take
     * its time out of a downtime. Only what a cache holds has to be told. */
    if (memory->cache != NULL)
        memory_replace_page(memory, page_idx, NULL);
}

void memory_protect(struct memory *memory, uint64_t page_idx)
{
    evict(memory->tlb.stores, page_idx);
}

void memory_protect_all(struct memory *memory)
{
    flush(memory->tlb.stores);
}

void memory_set_holds(struct memory *memory, const struct holds *holds)
{
    memcpy(&memory->holds, holds, sizeof *holds); /* to the last byte: it is compared so */
    flush(memory->tlb.loads);
    flush(memory->tlb.stores);
    blocks_reset(&memory->blocks);
}

static bool is_watched(const struct memory *memory, uint64_t address, uint64_t count)
{
    return memory->holds.watched_count > 0 &&
           holds_has_watched(&memory->holds, address / PAGE_BYTES,
                             (address + count - 1) / PAGE_BYTES);
}

uint8_t *memory_load_slowly(struct memory *memory, uint64_t address, uint64_t count)
{
    if (memory_check_load(memory, address, count).result != MEMORY_OK)
        return NULL;
    if (is_watched(memory, address, count))
        return memory->holds.is_on ? NULL : memory_at(memory, address);
    enter(memory->tlb.loads, memory_page_idx(address));
    return memory_at(memory, address);
}

/* Is there anything that would be noticed, by the dirty log or because it is decoded? Then it is
 * for memory_check_store alone. */
static bool is_noticed(const struct memory *memory, uint64_t page_idx, uint64_t from,
                       uint64_t count)
{
    const struct guest *guest = memory->guest;
    bool is_logged = memory->cache != NULL || bitmap_has(&guest->dirty, page_idx);
    return (guest->is_tracking && !is_logged) ||
           blocks_overlap(&memory->blocks, page_idx, from, count);
}

uint8_t *memory_store_slowly(struct memory *memory, uint64_t address, uint64_t count)
{
    if (memory_check_load(memory, address, count).result != MEMORY_OK)
        return NULL;
    uint64_t page_idx = memory_page_idx(address), from = address % PAGE_BYTES;
    uint64_t in_first = count <= PAGE_BYTES - from ? count : PAGE_BYTES - from;
    if (is_noticed(memory, page_idx, from, in_first) ||
        (in_first < count && is_noticed(memory, page_idx + 1, 0, count - in_first)))
        return NULL;
    bool is_looked_at = is_watched(memory, address, count);
    if (is_looked_at && memory->holds.is_on)
        return NULL;
    if (memory->cache != NULL && !memory_cache_is_easy(memory, address, count))
        return NULL;
    struct memory_trouble trouble = memory_check_store(memory, address, count);
    MUST(trouble.result == MEMORY_OK);
    if (!blocks_have_page(&memory->blocks, page_idx) && !is_reserved(memory, page_idx) &&
        !is_looked_at && memory->cache == NULL)
        enter(memory->tlb.stores, page_idx);
    return memory_at(memory, address);
}
