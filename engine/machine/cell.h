/* cell: what a block is made of, for fast.c, which runs it, and block.c and block_build.c, which
 * make and find it.
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
 * A cell is 16 bytes; beside it lies a place, which is looked at only when the run stops there.
 */
#ifndef MACHINE_CELL_H
#define MACHINE_CELL_H

#include <stddef.h>

#include "machine/block.h"
#include "machine/instruction.h"

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
#define BLOCK_DEAD UINT32_MAX

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
