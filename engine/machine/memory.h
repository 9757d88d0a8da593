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
 * With a write-back cache (cache.h) the dirty log is a matter of memory_cache.h, and there are no
 * store entries at all: every store is seen.
 *
 * An access may be misaligned and may cross a page; all its pages are looked at before anything
 * changes, so that an instruction happens wholly or not at all.
 */
#ifndef MACHINE_MEMORY_H
#define MACHINE_MEMORY_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "machine/block.h"
#include "machine/guest.h"
#include "machine/holds.h"

#define TLB_ROWS 1024 /* 4 MiB of reach */

/* Guest numbers are little-endian, and they are read here with the host's own loads. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "needs a little-endian host");

struct cache;

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

/* Pages that may be read, and that may be written, without looking any further, by address: row n
 * holds an address whose page number is n modulo TLB_ROWS. Where that page lies in RAM is not in
 * it, because as long as addresses are not translated one constant leads there: so an access need
 * not wait for the row, it is only compared. */
struct tlb {
    uint64_t loads[TLB_ROWS];
    uint64_t stores[TLB_ROWS];
};
#define TLB_EMPTY 1 /* the address of no page */

/* What lr has reserved, until any sc of the hart or a store of another one takes it away. */
struct memory_reservation {
    uint64_t address;
    uint32_t byte_count; /* 0: none. Any address may be reserved, 0 too. */
};

struct memory {
    uint8_t *ram;        /* owned; zeros that become real when touched */
    uint64_t ram_bytes;  /* whole pages */
    struct guest *guest; /* borrowed: present, dirty, is_tracking */
    struct bitmap blank; /* of pages that are missing: nothing was ever written where they lie */
    struct tlb tlb;
    struct cache *cache; /* owned; NULL: stores reach memory at once */
    bool tells_flushes;  /* HART_FLUSHED */
    struct blocks blocks;
    struct memory_reservation reservations[HART_MAX]; /* state that moves */
    uint32_t hart_idx;                                /* who runs; by memory_turn */
    struct holds holds;                               /* a debugger's, see holds.h */
};

/* The guest's page sets must have been initialised for that many pages. */
void memory_init(struct memory *memory, struct guest *guest, uint64_t ram_bytes);
void memory_add_cache(struct memory *memory); /* behind memory_init: an empty one */
void memory_fini(struct memory *memory);
/* RAM becomes real 2 MiB at a time from now on, where the system has such pages: three times as
 * quickly, and all of it at once even where little of it is used. */
void memory_use_huge_pages(struct memory *memory);

/* May [address, address + count) be read? Looks at presence only. */
struct memory_trouble memory_check_load(const struct memory *memory, uint64_t address,
                                        uint64_t count);
/* May it be written? Logs what is to be written. After MEMORY_OK the caller writes, at once. */
struct memory_trouble memory_check_store(struct memory *memory, uint64_t address, uint64_t count);

/* Contents of the page change: it is in the dirty log, and not free any more. True where that is to
 * be told (the page was protected): memory_check_store and its like stop for it, once. */
bool memory_log(struct memory *memory, uint64_t page_idx);
/* Bytes have changed, and by no hart's store: nothing that was derived from them stays. */
void memory_changed(struct memory *memory, uint64_t address, uint64_t count);

/* Bytes are written, and by no hart: whoever has reserved some of them has them no more. */
void memory_end_reservations(struct memory *memory, uint64_t address, uint64_t count);

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
/* Where the bytes of `count` pages lie, none of which is present; NULL: they cannot be written but
 * by memory_install, which is told when they are there, and with what: with just these bytes. Where
 * pages follow each other they get huge ones. */
uint8_t *memory_place(struct memory *memory, uint64_t first_idx, uint64_t count);
void memory_drop(struct memory *memory, uint64_t page_idx);
/* A debugger wants to look at other places: nothing stays decoded or in the TLB that hides them. */
void memory_set_holds(struct memory *memory, const struct holds *holds);
void memory_protect(struct memory *memory, uint64_t page_idx); /* its next store is seen */
void memory_protect_all(struct memory *memory); /* the caller has emptied (part of) the dirty log */

/* ---- The quick way, for fast.c ---- */

/* May the bytes be accessed without a further look? The row is that of the first byte, the page
 * that of the last one: a misaligned access is as quick as others, one that crosses a page is not
 * found. `count` is 1, 2, 4 or 8. */
static inline bool tlb_has(const uint64_t *rows, uint64_t address, uint64_t count)
{
    return rows[address / PAGE_BYTES % TLB_ROWS] ==
           ((address + count - 1) & ~(uint64_t)(PAGE_BYTES - 1));
}

/* Where tlb_has says no. NULL, and nothing is done, where there is any trouble (the checks above
 * say which), or where decoded instructions would be overwritten. */
uint8_t *memory_load_slowly(struct memory *memory, uint64_t address, uint64_t count);
uint8_t *memory_store_slowly(struct memory *memory, uint64_t address, uint64_t count);

/* The page is being decoded: from now on its stores are to be seen. */
void memory_watch_code(struct memory *memory, uint64_t page_idx);

#endif
