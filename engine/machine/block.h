/* block: decoded instructions, in the order in which they will be run, for fast.c.
 *
 * A block begins where somebody jumps to and goes on through branches that are not taken and along
 * jumps whose target is known, until the target is not known, is in the block already, or the block
 * is long enough. Its instructions are cells of 16 bytes in one arena; beside each cell lies a
 * place, which is looked at only when the run stops there.
 *
 *     block: pc, need | cell cell cell[branch]--. cell cell[exit]--.      | block: ...
 *                                               v                  v
 *                                            first cell of another block, or BLOCK_UNLINKED
 *
 *     cell   +----------------------+----+-----+-----+----+--------------+
 *            | handler              | rd | rs1 | rs2 |    |     imm      |
 *            +----------------------+----+-----+-----+----+--------------+
 *     a constant:                   | rd |          56 bits, signed      |
 *     an exit, a branch:            |count| rs1| rs2 |    | way to target|
 *
 * A block says how many instructions it needs at most; whoever enters it has that many left, and an
 * exit takes off what has been run on the way to it. So nothing is counted within.
 *
 * Where code has been decoded is marked, halfword by halfword: memory.c, which sees all writes to
 * such pages, has the blocks of a page dropped when what they were made of changes. Nothing is
 * dropped while fast_run runs. All of this is derived from memory: nothing of it moves.
 */
#ifndef MACHINE_BLOCK_H
#define MACHINE_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "machine/hypercall.h"
#include "machine/instruction.h"

struct memory;

/* What a cell does: an instruction, a short form or a sequence of fused.def, or one of these. */
enum cell_code {
    CELL_HAND_BACK, /* not for fast.c: stop here */
#define INSTRUCTION(code, mnemonic, format, match, mask, semantics) CELL_##code,
#include "machine/instruction.def"
#undef INSTRUCTION
    CELL_EXIT, /* go on in another block */
    CELL_JUMP, /* jalr into x0 */
    CELL_CALL, /* jalr; the next cell is its link, and is not run */
    CELL_LINK,
    CELL_STOP, /* put over another cell while a slice ends there */
#define SHORT(name, semantics) CELL_##name,
#define FUSED(first, second, from)
#define FUSED3(first, second, from, third, from_second)
#include "machine/fused.def"
#undef SHORT
#undef FUSED
    CELL_SINGLE_CODES,
    CELL_BEFORE_FUSED = CELL_SINGLE_CODES - 1,
#define SHORT(name, semantics)
#define FUSED(first, second, from) CELL_##first##_##second##_##from,
#include "machine/fused.def"
#undef FUSED
#undef FUSED3
    CELL_PAIRS_END,
    CELL_BEFORE_FUSED3 = CELL_PAIRS_END - 1,
#define FUSED(first, second, from)
#define FUSED3(first, second, from, third, from_second) \
    CELL_##first##_##second##_##from##_##third##_##from_second,
#include "machine/fused.def"
#undef SHORT
#undef FUSED
#undef FUSED3
    CELL_CODES
};

struct cell {
    const void *handler; /* a label in fast_run */
    union {
        struct {
            uint8_t rd, rs1, rs2, unused;
            int32_t imm; /* of an exit: bytes from this cell to the first one of the target */
        };
        int64_t wide; /* a constant, above the 8 bits of rd */
    };
};
#define CELL_WIDE_BITS 56

/* What is true before the cell is run. */
struct place {
    uint64_t pc;
    uint64_t target; /* of an exit or a branch */
    uint16_t code;   /* enum cell_code, of the cell alone */
    uint8_t count;   /* instructions that were run since the block began */
};

struct block {
    uint64_t pc;
    struct block *next_by_pc;      /* of the same row of the table */
    struct block *next_in_page[2]; /* of the blocks that were made of page_idx[i] */
    uint32_t page_idx[2];          /* the same twice, when it is one page */
    uint32_t cell_count;
    uint32_t need; /* instructions, at most; BLOCK_DEAD: it is dropped, go and look again */
    struct cell cells[];
};
#define BLOCK_DEAD         UINT32_MAX

#define BLOCK_INSTRUCTIONS 64         /* a slice ends within one, by way of struct block_patch */
#define BLOCK_CELLS        (1u << 17) /* the arena: 2 MiB, and 4 of places, real when used */
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
    uint64_t page_count;

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

/* ---- For fast.c ---- */

/* The block that begins at pc, made if need be. NULL: nothing can be fetched there, or is_full. */
struct block *blocks_at(struct blocks *blocks, struct memory *memory, uint64_t pc);

/* Where the slice that ended before pc goes on, in the middle of a block; NULL: not known. */
const struct block_resume *blocks_resume(const struct blocks *blocks, uint64_t pc);

/* The block is entered with `left` instructions left, which it needs more than: it will stop after
 * them, or some instructions earlier where no cell begins there. */
void blocks_patch(struct blocks *blocks, struct block *block, uint64_t left);
void blocks_unpatch(struct blocks *blocks);

static inline struct block_row *blocks_row(struct blocks *blocks, uint64_t pc)
{
    return &blocks->table[pc / 2 % BLOCK_TABLE];
}

static inline struct place *blocks_place(const struct blocks *blocks, const struct cell *cell)
{
    return &blocks->places[cell - blocks->cells];
}

static inline struct block *block_of(struct cell *first)
{
    return (struct block *)((char *)first - offsetof(struct block, cells));
}

/* block_build.c: decodes the block at pc into the arena's free end; false: nothing can be fetched
 * there. There is room for BLOCK_ROOM cells and two more pages. */
bool block_build(struct blocks *blocks, struct memory *memory, uint64_t pc, struct block *block);
/* An instruction with its link and an exit are three. */
#define BLOCK_ROOM (2 * BLOCK_INSTRUCTIONS + 8)

/* Notes that the halfwords from `address` on were decoded; the page's slot. */
void blocks_mark(struct blocks *blocks, uint64_t page_idx, uint64_t first_half, unsigned halves);

#endif
