/* block: decoded instructions, in the order in which they will be run, for fast.c.
 *
 * A block begins where somebody jumps to and goes on through branches that are not taken and along
 * jumps whose target is known, until the target is not known, is in the block already, or the block
 * is long enough. Its instructions are cells (cell.h) in one arena.
 *
 * Where code has been decoded is marked, halfword by halfword: memory.c, which sees all writes to
 * such pages, has the blocks of a page dropped when what they were made of changes. Nothing is
 * dropped while fast_run runs. All of this is derived from memory: nothing of it moves.
 */
#ifndef MACHINE_BLOCK_H
#define MACHINE_BLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "machine/hypercall.h"

struct memory;
struct block;
struct cell;
struct place;

#define BLOCK_INSTRUCTIONS 64         /* a slice ends within one, by way of struct block_patch */
#define BLOCK_CELLS        (1u << 17) /* the arena: 2 MiB, and 3 of places, real when used */
#define BLOCK_TABLE        4096       /* rows of the table by pc */
#define BLOCK_PAGES        1024       /* pages that may be decoded at a time */
#define BLOCK_RESUMES      64
#define BLOCK_NO_PC        UINT64_MAX /* odd: no pc */

/* A page that code was decoded from. */
struct code_page {
    uint64_t decoded[PAGE_BYTES / 2 / 64]; /* a bit for each halfword */
    struct block *first;
    uint32_t page_idx;
};

struct block_row {
    uint64_t pc;
    struct cell *cells; /* of the first block of the row */
};

struct block_resume { /* a slice ended before this cell of a block */
    uint64_t pc;
    struct cell *cell;
    struct block *block;
};

struct block_patch { /* cells that were changed so that a slice ends before one of them */
    struct cell *cells[3];
    const void *handlers[3];
    unsigned count;
};

struct blocks {
    struct cell *cells;   /* owned; the first block of the arena is BLOCK_UNLINKED */
    struct place *places; /* owned; one for each cell */
    uint32_t used_cells;
    bool is_full;                /* the next fast_run begins by dropping all */
    const void *const *handlers; /* by enum cell_code; fast_run's */

    struct code_page *pages; /* owned; slot 0 is never used */
    uint16_t *slot_of_page;  /* owned; 0: nothing of the page is decoded */
    uint32_t used_pages;

    struct block_patch patch;
    struct block_resume resumes[BLOCK_RESUMES];
    struct block_row table[BLOCK_TABLE];
};

void blocks_init(struct blocks *blocks, uint64_t page_count);
void blocks_fini(struct blocks *blocks);

/* Drops everything. */
void blocks_reset(struct blocks *blocks);

/* The page's bytes at [offset, offset + count) change: drops its blocks if they were decoded. */
void blocks_forget(struct blocks *blocks, uint64_t page_idx, uint64_t offset, uint64_t count);
void blocks_drop_page(struct blocks *blocks, uint64_t page_idx);

static inline bool blocks_have_page(const struct blocks *blocks, uint64_t page_idx)
{
    return blocks->slot_of_page[page_idx] != 0;
}

bool blocks_overlap(const struct blocks *blocks, uint64_t page_idx, uint64_t offset,
                    uint64_t count);

#endif
