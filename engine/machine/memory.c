#include "machine/memory.h"

#include <stdlib.h>

static const struct memory_trouble no_trouble = {MEMORY_OK, 0};

static void flush(struct memory_entry *tlb)
{
    for (unsigned i = 0; i < MEMORY_TLB_ENTRIES; i++)
        tlb[i].tag = MEMORY_NO_TAG;
}

static struct memory_entry *entry_of(struct memory_entry *tlb, uint64_t page_idx)
{
    return &tlb[(RAM_BASE / PAGE_BYTES + page_idx) % MEMORY_TLB_ENTRIES];
}

static uint64_t page_address(uint64_t page_idx)
{
    return RAM_BASE + page_idx * PAGE_BYTES;
}

static void enter(struct memory *memory, struct memory_entry *tlb, uint64_t page_idx)
{
    *entry_of(tlb, page_idx) =
        (struct memory_entry){page_address(page_idx), memory->ram + page_idx * PAGE_BYTES};
}

static void evict(struct memory_entry *tlb, uint64_t page_idx)
{
    struct memory_entry *entry = entry_of(tlb, page_idx);
    if (entry->tag == page_address(page_idx))
        entry->tag = MEMORY_NO_TAG;
}

void memory_init(struct memory *memory, struct guest *guest, uint64_t ram_bytes)
{
    MUST(ram_bytes > 0 && ram_bytes % PAGE_BYTES == 0);
    MUST(guest->present.bit_count == ram_bytes / PAGE_BYTES);
    *memory = (struct memory){.ram_bytes = ram_bytes, .guest = guest};
    memory->ram = calloc(1, ram_bytes);
    MUST(memory->ram != NULL);
    code_init(&memory->code);
    flush(memory->load_tlb);
    flush(memory->store_tlb);
}

void memory_fini(struct memory *memory)
{
    free(memory->ram);
    memory->ram = NULL;
    code_fini(&memory->code);
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

/* Bytes are written: a reservation of another hart that they touch is lost. */
static void end_reservations(struct memory *memory, uint64_t address, uint64_t count)
{
    for (uint32_t i = 0; i < HART_MAX; i++) {
        struct memory_reservation *held = &memory->reservations[i];
        if (i != memory->hart_idx && held->address - address < count)
            held->byte_count = 0;
        if (i != memory->hart_idx && address - held->address < held->byte_count)
            held->byte_count = 0;
    }
}

void memory_turn(struct memory *memory, uint32_t hart_idx)
{
    const struct memory_reservation *held = &memory->reservations[memory->hart_idx];
    if (hart_idx != memory->hart_idx && held->byte_count > 0)
        evict(memory->store_tlb, memory_page_idx(held->address));
    memory->hart_idx = hart_idx;
}

/* DOC: dirty-log
 *
 * The first write to a page since the last fetch is what the dirty log consists of. While tracking
 * is on it stops the guest here; the page is in the log then, so that the second attempt passes. */
struct memory_trouble memory_check_store(struct memory *memory, uint64_t address, uint64_t count)
{
    struct memory_trouble trouble = memory_check_load(memory, address, count);
    if (trouble.result != MEMORY_OK || count == 0)
        return trouble;
    struct guest *guest = memory->guest;
    uint64_t first = memory_page_idx(address);
    uint64_t last = memory_page_idx(address + count - 1);
    for (uint64_t page_idx = first; page_idx <= last; page_idx++)
        if (bitmap_set(&guest->dirty, page_idx) && guest->is_tracking)
            return (struct memory_trouble){MEMORY_DIRTIED, page_idx};
    for (uint64_t page_idx = first; page_idx <= last; page_idx++) {
        uint64_t from = page_idx == first ? address % PAGE_BYTES : 0;
        uint64_t to = page_idx == last ? (address + count - 1) % PAGE_BYTES + 1 : PAGE_BYTES;
        code_forget(&memory->code, page_idx, from, to - from);
    }
    end_reservations(memory, address, count);
    return no_trouble;
}

struct code_page *memory_fetch_slowly(struct memory *memory, uint64_t pc)
{
    if (memory_check_load(memory, pc, 2).result != MEMORY_OK)
        return NULL;
    evict(memory->store_tlb, memory_page_idx(pc));
    return code_take(&memory->code, memory_page_idx(pc));
}

/* The contents of a page are replaced, or go: nothing that was derived from them may stay. */
static void forget_page(struct memory *memory, uint64_t page_idx)
{
    evict(memory->load_tlb, page_idx);
    evict(memory->store_tlb, page_idx);
    code_drop(&memory->code, page_idx);
    bitmap_clear(&memory->guest->dirty, page_idx);
}

void memory_install(struct memory *memory, uint64_t page_idx, const uint8_t *payload)
{
    forget_page(memory, page_idx);
    bitmap_set(&memory->guest->present, page_idx);
    /* What is so already is not written: a page of zeros takes no real memory at the target. */
    if (memcmp(memory->ram + page_idx * PAGE_BYTES, payload, PAGE_BYTES) != 0)
        memcpy(memory->ram + page_idx * PAGE_BYTES, payload, PAGE_BYTES);
}

void memory_drop(struct memory *memory, uint64_t page_idx)
{
    forget_page(memory, page_idx);
    bitmap_clear(&memory->guest->present, page_idx);
    memset(memory->ram + page_idx * PAGE_BYTES, 0, PAGE_BYTES);
}

void memory_protect_all(struct memory *memory)
{
    flush(memory->store_tlb);
}

uint8_t *memory_load_slowly(struct memory *memory, uint64_t address, uint64_t count)
{
    if (memory_check_load(memory, address, count).result != MEMORY_OK)
        return NULL;
    enter(memory, memory->load_tlb, memory_page_idx(address));
    return memory_at(memory, address);
}

/* Would it be noticed by the dirty log? Then it is not for us to do. */
static bool is_protected(const struct memory *memory, uint64_t address, uint64_t count)
{
    const struct guest *guest = memory->guest;
    return guest->is_tracking && !(bitmap_has(&guest->dirty, memory_page_idx(address)) &&
                                   bitmap_has(&guest->dirty, memory_page_idx(address + count - 1)));
}

uint8_t *memory_store_slowly(struct memory *memory, uint64_t address, uint64_t count)
{
    if (memory_check_load(memory, address, count).result != MEMORY_OK ||
        is_protected(memory, address, count))
        return NULL;
    struct memory_trouble trouble = memory_check_store(memory, address, count);
    MUST(trouble.result == MEMORY_OK);
    uint64_t page_idx = memory_page_idx(address);
    if (!code_has(&memory->code, page_idx) && !is_reserved(memory, page_idx))
        enter(memory, memory->store_tlb, page_idx);
    return memory_at(memory, address);
}
