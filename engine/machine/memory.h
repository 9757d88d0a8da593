/* memory: RAM from RAM_BASE on in pages of 4 KiB, and everything that is derived from it.
 *
 * A page is present or missing, logged as dirty or not: those two sets are in struct guest. Memory
 * answers every access with one of four results, and keeps two caches that make the usual answer
 * quick:
 *
 *     page is            load TLB    store TLB                    decoded
 *     missing            no          no                           no
 *     present, clean     may be      no: the first store is seen  may be
 *     present, dirty     may be      may be, unless decoded       may be
 *
 * So the dirty log and missing pages cost nothing while nothing happens: an entry exists only where
 * nothing is left to be noticed; so a page in which a hart that does not run has something reserved
 * has none either. Addresses are physical, harts take turns: one TLB serves them all.
 *
 * An access may be misaligned and may cross a page; all its pages are looked at before anything
 * changes, so that an instruction happens wholly or not at all.
 */
#ifndef MACHINE_MEMORY_H
#define MACHINE_MEMORY_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "machine/code.h"
#include "machine/guest.h"

#define MEMORY_TLB_ENTRIES 256 /* 1 MiB of reach, 4 KiB of table each */

/* Guest numbers are little-endian, and they are read here with the host's own loads. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "needs a little-endian host");

enum memory_result {
    MEMORY_OK,
    MEMORY_OUTSIDE, /* not RAM */
    MEMORY_MISSING, /* page_idx is not there */
    MEMORY_DIRTIED, /* page_idx was protected; it is logged and writable now: try again */
};

struct memory_trouble {
    enum memory_result result;
    uint64_t page_idx;
};

struct memory_entry {
    uint64_t tag;  /* address of the page; MEMORY_NO_TAG: empty */
    uint8_t *page; /* its bytes */
};
/* The comparison in memory_look_up clears this bit of every address, whatever is loaded. */
#define MEMORY_NO_TAG (PAGE_BYTES / 2)

/* What lr has reserved, until any sc of the hart or a store of another one takes it away. */
struct memory_reservation {
    uint64_t address;
    uint32_t byte_count; /* 0: none. Any address may be reserved, 0 too. */
};

struct memory {
    uint8_t *ram;        /* owned; zeros that become real when touched */
    uint64_t ram_bytes;  /* whole pages */
    struct guest *guest; /* borrowed: present, dirty, is_tracking */
    struct memory_entry load_tlb[MEMORY_TLB_ENTRIES];
    struct memory_entry store_tlb[MEMORY_TLB_ENTRIES];
    struct code code;
    struct memory_reservation reservations[HART_MAX]; /* state that moves */
    uint32_t hart_idx;                                /* who runs; by memory_turn */
};

/* The guest's page sets must have been initialised for that many pages. */
void memory_init(struct memory *memory, struct guest *guest, uint64_t ram_bytes);
void memory_fini(struct memory *memory);

/* May [address, address + count) be read? Looks at presence only. */
struct memory_trouble memory_check_load(const struct memory *memory, uint64_t address,
                                        uint64_t count);
/* May it be written? Logs what is to be written. After MEMORY_OK the caller writes, at once. */
struct memory_trouble memory_check_store(struct memory *memory, uint64_t address, uint64_t count);

/* The bytes at an address that one of the checks has answered with MEMORY_OK. */
static inline uint8_t *memory_at(const struct memory *memory, uint64_t address)
{
    return memory->ram + (address - RAM_BASE);
}

static inline uint64_t memory_page_idx(uint64_t address)
{
    return (address - RAM_BASE) / PAGE_BYTES;
}

/* From now on accesses are those of this hart: its stores end the reservations of others. */
void memory_turn(struct memory *memory, uint32_t hart_idx);

/* What the world does to pages, see struct guest_ops. */
void memory_install(struct memory *memory, uint64_t page_idx, const uint8_t *payload);
void memory_drop(struct memory *memory, uint64_t page_idx);
void memory_protect_all(struct memory *memory); /* the caller has emptied (part of) the dirty log */

/* ---- The quick way, for the dispatcher ---- */

/* All give NULL, and have done nothing, where there is any trouble: the checks above say which. */
struct code_page *memory_fetch_slowly(struct memory *memory, uint64_t pc);
uint8_t *memory_load_slowly(struct memory *memory, uint64_t address, uint64_t count);
uint8_t *memory_store_slowly(struct memory *memory, uint64_t address, uint64_t count);

/* The decoded page around an even pc, or NULL. What is decoded is present: whatever
 * takes a page away drops its cells. An address outside RAM has a page_idx that no slot holds. */
static inline struct code_page *memory_fetch(struct memory *memory, uint64_t pc)
{
    uint64_t page_idx = memory_page_idx(pc);
    if (__builtin_expect(code_has(&memory->code, page_idx), 1))
        return &memory->code.slots[page_idx % CODE_SLOTS];
    return memory_fetch_slowly(memory, pc);
}

/* `count` is 1, 2, 4 or 8. The low bits of the address take part in the comparison with the tag, so
 * that a misaligned access, which may cross a page, misses. */
static inline uint8_t *memory_look_up(const struct memory_entry *tlb, uint64_t address,
                                      uint64_t count)
{
    const struct memory_entry *entry = &tlb[address / PAGE_BYTES % MEMORY_TLB_ENTRIES];
    if (__builtin_expect(entry->tag != (address & ~(uint64_t)(PAGE_BYTES - count)), 0))
        return NULL;
    return entry->page + address % PAGE_BYTES;
}

static inline uint8_t *memory_load(struct memory *memory, uint64_t address, uint64_t count)
{
    uint8_t *bytes = memory_look_up(memory->load_tlb, address, count);
    return bytes != NULL ? bytes : memory_load_slowly(memory, address, count);
}

static inline uint8_t *memory_store(struct memory *memory, uint64_t address, uint64_t count)
{
    uint8_t *bytes = memory_look_up(memory->store_tlb, address, count);
    return bytes != NULL ? bytes : memory_store_slowly(memory, address, count);
}

#endif
