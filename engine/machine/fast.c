/* The quick dispatcher. It may be skipped: it does what hart.c does, in the same words, for those
 * instructions that touch registers and memory alone. Where the speed comes from, by what it gave:
 *
 *   - Blocks (block.h). Instructions are decoded once, into cells that lie in the order in which
 *     they are run. What is left of the budget, and pc, are looked at once for each block.
 *   - Sequences (fused.def). Two or three instructions are one cell: fewer jumps, and a result that
 *     the next one needs is in a register. Through x[] in memory it would take the processor about
 *     as long as everything else that the cell does.
 *   - The TLB (memory.h) is only compared: the address of the bytes does not depend on it.
 *   - Each cell's code ends with a jump of its own to the next one's: DISPATCH.
 *
 * Every instruction is a function of its operands, always inlined; a cell's code is one, two or
 * three of them, with what they leave open filled in. */
#include "machine/fast.h"

#include <string.h>

#include "machine/arithmetic.h"
#include "machine/block.h"

/* How an instruction ended. Known when fast.c is compiled, but for branches and for accesses that
 * may fail: the rest of it costs nothing. */
enum outcome {
    NEXT,      /* nothing to write */
    WROTE,     /* rd becomes *value */
    TAKEN,     /* a branch */
    HAND_BACK, /* nothing of it has happened; hart_step is to do it */
};

/* ---- The words in which instruction.def and fused.def are written ---- */

#define RS1       (rs1)
#define RS2       (rs2)
#define IMM       ((uint64_t)cell->imm)
#define WIDE      (cell->wide >> (64 - CELL_WIDE_BITS))
#define SIGNED(v) ((int64_t)(v))
#define WORD(v)   ((int64_t)(int32_t)(v))
#define NOTHING()
#define WRITE(v)                \
    do {                        \
        *value = (uint64_t)(v); \
        return WROTE;           \
    } while (0)

#define BRANCH(condition) return (condition) ? TAKEN : NEXT

/* The bytes at an address, or a way out. The TLB is looked up by the page of the last byte, in the
 * row of the first one: a misaligned access is as quick as others, one that crosses a page misses.
 */
#define BYTES(row, address, count, slowly)                                    \
    uint8_t *bytes = (uint8_t *)(ram + (address));                            \
    if (__builtin_expect(!tlb_has(memory->tlb.row, (address), (count)), 0)) { \
        bytes = slowly(memory, (address), (count));                           \
        if (bytes == NULL)                                                    \
            return HAND_BACK;                                                 \
    }

#define LOAD(type)                                          \
    const uint64_t address = RS1 + IMM;                     \
    BYTES(loads, address, sizeof(type), memory_load_slowly) \
    type loaded;                                            \
    memcpy(&loaded, bytes, sizeof loaded);                  \
    WRITE((int64_t)loaded)

#define STORE(type)                                           \
    const uint64_t address = RS1 + IMM;                       \
    const type stored = (type)RS2;                            \
    BYTES(stores, address, sizeof(type), memory_store_slowly) \
    memcpy(bytes, &stored, sizeof stored)

#define OLD     old
#define OPERAND operand
#define AMO(type, new_value)                              \
    if (RS1 % sizeof(type) != 0)                          \
        return HAND_BACK;                                 \
    BYTES(stores, RS1, sizeof(type), memory_store_slowly) \
    type old;                                             \
    const type operand = (type)RS2;                       \
    memcpy(&old, bytes, sizeof old);                      \
    (void)operand;                                        \
    const type stored = (type)(new_value);                \
    memcpy(bytes, &stored, sizeof stored);                \
    WRITE((int64_t)old)

#define LOAD_RESERVED(type)                                           \
    if (RS1 % sizeof(type) != 0)                                      \
        return HAND_BACK;                                             \
    BYTES(loads, RS1, sizeof(type), memory_load_slowly)               \
    type loaded;                                                      \
    memcpy(&loaded, bytes, sizeof loaded);                            \
    memory->reservations[memory->hart_idx].address = RS1;             \
    memory->reservations[memory->hart_idx].byte_count = sizeof(type); \
    WRITE((int64_t)loaded)

#define STORE_CONDITIONAL(type)                                                    \
    if (RS1 % sizeof(type) != 0)                                                   \
        return HAND_BACK;                                                          \
    struct memory_reservation *held = &memory->reservations[memory->hart_idx];     \
    const bool is_held = held->byte_count == sizeof(type) && held->address == RS1; \
    if (is_held) {                                                                 \
        const type stored = (type)RS2;                                             \
        BYTES(stores, RS1, sizeof(type), memory_store_slowly)                      \
        memcpy(bytes, &stored, sizeof stored);                                     \
    }                                                                              \
    held->byte_count = 0;                                                          \
    WRITE(!is_held)

/* Jumps have code of their own below; for the rest see hart.c. */
#define PC                    0
#define LINK_AND_JUMP(target) return HAND_BACK

/* Each instruction as a function of its operands, to be built into its cell and into sequences. */
#define ALWAYS_INLINE static inline __attribute__((always_inline))
#define DO(name, semantics)                                                                   \
    ALWAYS_INLINE enum outcome do_##name(struct memory *memory, uintptr_t ram,                \
                                         const struct cell *cell, uint64_t rs1, uint64_t rs2, \
                                         uint64_t *value)                                     \
    {                                                                                         \
        (void)memory, (void)ram, (void)cell, (void)rs1, (void)rs2, (void)value;               \
        semantics;                                                                            \
        return NEXT;                                                                          \
    }
#define INSTRUCTION(code, mnemonic, format, match, mask, semantics) DO(code, semantics)
#define SYSTEM(code, mnemonic, format, match, mask, semantics)      DO(code, return HAND_BACK)
#include "machine/instruction.def"
#undef INSTRUCTION
#undef SYSTEM
#define SHORT(name, semantics) DO(name, semantics)
#define FUSED(first, second, from)
#define FUSED3(first, second, from, third, from_second)
#include "machine/fused.def"
#undef SHORT
#undef FUSED
#undef FUSED3

/* ---- Cells ---- */

/* Each cell's code jumps to the next one's itself (threaded dispatch: Bell, "Threaded code",
 * Communications of the ACM 16(6), 1973), so that each has a jump of its own for the processor to
 * predict. */
#define DISPATCH() goto * op->handler

/* Leaves the block by a branch or an exit: one comparison says whether the target is linked, lives,
 * and is not too long for what is left. */
#define LEAVE_BY(cell_)                                                     \
    do {                                                                    \
        struct cell *exit_ = (cell_);                                       \
        struct cell *target_ = (struct cell *)((char *)exit_ + exit_->imm); \
        left -= exit_->rd;                                                  \
        if (__builtin_expect(left < block_of(target_)->need, 0)) {          \
            op = exit_;                                                     \
            goto leave;                                                     \
        }                                                                   \
        op = target_;                                                       \
        DISPATCH();                                                         \
    } while (0)

#define RUN(name, cell_)                                         \
    switch (do_##name(memory, ram, (cell_), rs1, rs2, &value)) { \
    case NEXT:                                                   \
        break;                                                   \
    case WROTE:                                                  \
        x[(cell_)->rd] = value;                                  \
        break;                                                   \
    case TAKEN:                                                  \
        LEAVE_BY(cell_);                                         \
    case HAND_BACK:                                              \
        op = (cell_);                                            \
        goto hand_back;                                          \
    }

#define SINGLE(name)              \
    run_##name:                   \
    {                             \
        uint64_t rs1, rs2, value; \
        OPERANDS_NONE(op);        \
        RUN(name, op)             \
        op++;                     \
        DISPATCH();               \
    }

/* The operands of an instruction within a sequence: `from` says which one is in hand. */
#define OPERANDS_NONE(cell_) (rs1 = x[(cell_)->rs1], rs2 = x[(cell_)->rs2])
#define OPERANDS_RS1(cell_)  (rs1 = value, rs2 = x[(cell_)->rs2])
#define OPERANDS_RS2(cell_)  (rs1 = x[(cell_)->rs1], rs2 = value)
#define OPERANDS_SAME(cell_) (rs2 = x[(cell_)->rs2])

/* ---- Running ---- */

/* Less than BLOCK_DEAD, which nobody has left. */
#define BUDGET_MAX (BLOCK_DEAD / 2)

uint64_t fast_run(struct hart *hart, struct memory *memory, uint64_t budget)
{
    static const void *const handlers[CELL_CODES] = {
        [CELL_HAND_BACK] = &&hand_back,
#define INSTRUCTION(code, mnemonic, format, match, mask, semantics) [CELL_##code] = &&run_##code,
#include "machine/instruction.def"
#undef INSTRUCTION
        [CELL_EXIT] = &&exit,           [CELL_JUMP] = &&jump,      [CELL_CALL] = &&call,
        [CELL_LINK] = &&hand_back,      [CELL_STOP] = &&hand_back,
#define SHORT(name, semantics) [CELL_##name] = &&run_##name,
#define FUSED(first, second, from) \
    [CELL_##first##_##second##_##from] = &&run_##first##_##second##_##from,
#define FUSED3(first, second, from, third, from_second)            \
    [CELL_##first##_##second##_##from##_##third##_##from_second] = \
        &&run_##first##_##second##_##from##_##third##_##from_second,
#include "machine/fused.def"
#undef SHORT
#undef FUSED
#undef FUSED3
    };
    struct blocks *const blocks = &memory->blocks;
    const uintptr_t ram = (uintptr_t)memory->ram - RAM_BASE;
    uint64_t *const x = hart->x;
    uint64_t left, pc = hart->pc;
    struct block *block;
    struct cell *op;

    if (budget > BUDGET_MAX)
        budget = BUDGET_MAX;
    left = budget;
    blocks->handlers = handlers;
    if (blocks->is_full)
        blocks_reset(blocks);
    const struct block_resume *resume = blocks_resume(blocks, pc);
    if (resume != NULL) {
        op = resume->cell;
        left += blocks_place(blocks, op)->count; /* as if it had come from the block's beginning */
        if (left < resume->block->need)
            blocks_patch(blocks, resume->block, left);
        DISPATCH();
    }
    op = NULL;

enter: /* at pc, by the exit `op` if there is one to be linked */
    block = left > 0 ? blocks_at(blocks, memory, pc) : NULL;
    if (block == NULL) {
        hart->pc = pc;
        blocks_unpatch(blocks);
        return budget - left;
    }
    if (op != NULL)
        op->imm = (int32_t)((char *)block->cells - (char *)op);
    if (left < block->need)
        blocks_patch(blocks, block, left);
    op = block->cells;
    DISPATCH();

leave:
    pc = blocks_place(blocks, op)->target;
    goto enter;

exit:
    LEAVE_BY(op);

jump:
    pc = (x[op->rs1] + (uint64_t)op->imm) & ~1ull;
    left -= op->rd;
    goto look_up;
call: /* rd may be rs1 */
    pc = (x[op->rs1] + (uint64_t)op->imm) & ~1ull;
    left -= op->rd;
    x[op[1].rd] = (uint64_t)(op[1].wide >> (64 - CELL_WIDE_BITS));
look_up : {
    const struct block_row *row = blocks_row(blocks, pc);
    op = NULL;
    if (row->pc != pc || left < block_of(row->cells)->need)
        goto enter;
    op = row->cells;
    DISPATCH();
}

hand_back : {
    const struct place *place = blocks_place(blocks, op);
    hart->pc = place->pc;
    left -= place->count;
    blocks_unpatch(blocks);
    return budget - left;
}

#define INSTRUCTION(code, mnemonic, format, match, mask, semantics) SINGLE(code)
#include "machine/instruction.def"
#undef INSTRUCTION
#define SHORT(name, semantics) SINGLE(name)
#define FUSED(first, second, from)
#define FUSED3(first, second, from, third, from_second)
#include "machine/fused.def"
#undef SHORT
#undef FUSED
#undef FUSED3
#define SHORT(name, semantics)
#define FUSED(first, second, from)    \
    run_##first##_##second##_##from:  \
    {                                 \
        uint64_t rs1, rs2, value = 0; \
        OPERANDS_NONE(op);            \
        RUN(first, op)                \
        OPERANDS_##from(op + 1);      \
        RUN(second, op + 1)           \
        op += 2;                      \
        DISPATCH();                   \
    }
#define FUSED3(first, second, from, third, from_second)        \
    run_##first##_##second##_##from##_##third##_##from_second: \
    {                                                          \
        uint64_t rs1, rs2, value = 0;                          \
        OPERANDS_NONE(op);                                     \
        RUN(first, op)                                         \
        OPERANDS_##from(op + 1);                               \
        RUN(second, op + 1)                                    \
        OPERANDS_##from_second(op + 2);                        \
        RUN(third, op + 2)                                     \
        op += 3;                                               \
        DISPATCH();                                            \
    }
#include "machine/fused.def"
#undef SHORT
#undef FUSED
#undef FUSED3
}
