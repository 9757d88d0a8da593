#include "machine/fast.h"

#include "machine/arithmetic.h"

/* Takes the instruction at pc apart into its cell. False: it cannot be run here. */
static bool decode_at(struct memory *memory, uint64_t pc, struct instruction *cell)
{
    uint16_t low = 0, high = 0;
    memcpy(&low, memory_at(memory, pc), sizeof low);
    if (!instruction_is_compressed(low)) {
        if (memory_check_load(memory, pc + 2, 2).result != MEMORY_OK)
            return false;
        memcpy(&high, memory_at(memory, pc + 2), sizeof high);
    }
    if (!instruction_decode(low | (uint32_t)high << 16, cell)) {
        *cell = (struct instruction){0};
        return false;
    }
    if (cell->rd == 0)
        cell->rd = HART_SINK;
    return true;
}

/* ---- The words in which instruction.def is written ---- */

#define RS1       (x[op->rs1])
#define RS2       (x[op->rs2])
#define IMM       ((uint64_t)op->imm)
#define PC        (page_pc + (uint64_t)((const char *)op - (const char *)page->cells) / PC_STEP)
#define SIGNED(v) ((int64_t)(v))
#define WORD(v)   ((int64_t)(int32_t)(v))
#define WRITE(v)  (x[op->rd] = (uint64_t)(v))
#define NOTHING()

/* Cells are 16 bytes for two bytes of code. */
#define PC_STEP (sizeof(struct instruction) / 2)

/* A target within the page is a cell; only another page has to be looked up. */
#define JUMP_NEAR(distance)                                                          \
    do {                                                                             \
        uint64_t cell_ = (uint64_t)(op - page->cells) + (uint64_t)((distance) >> 1); \
        if (__builtin_expect(cell_ >= CODE_CELLS, 0)) {                              \
            pc = PC + (uint64_t)(distance);                                          \
            goto enter_page;                                                         \
        }                                                                            \
        op = &page->cells[cell_];                                                    \
        DISPATCH();                                                                  \
    } while (0)

#define BRANCH(condition) \
    if (condition)        \
    JUMP_NEAR(op->imm)

#define LINK_AND_JUMP(target)    \
    pc = (target);               \
    WRITE(PC + 2u * op->halves); \
    goto enter_page

#define LOAD(type)                                                       \
    const uint8_t *bytes = memory_load(memory, RS1 + IMM, sizeof(type)); \
    if (__builtin_expect(bytes == NULL, 0)) {                            \
        goto stop_before;                                                \
    }                                                                    \
    type loaded;                                                         \
    memcpy(&loaded, bytes, sizeof loaded);                               \
    WRITE((int64_t)loaded)

#define STORE(type)                                                 \
    uint8_t *bytes = memory_store(memory, RS1 + IMM, sizeof(type)); \
    if (__builtin_expect(bytes == NULL, 0)) {                       \
        goto stop_before;                                           \
    }                                                               \
    const type stored = (type)RS2;                                  \
    memcpy(bytes, &stored, sizeof stored)

/* Atomics are aligned, and write: they ask for the right to store before they read. */
#define ATOMIC_ADDRESS(type)     \
    if (RS1 % sizeof(type) != 0) \
    goto stop_before

#define ATOMIC_BYTES(type)                                    \
    uint8_t *bytes = memory_store(memory, RS1, sizeof(type)); \
    if (bytes == NULL) {                                      \
        goto stop_before;                                     \
    }

#define OLD     old
#define OPERAND operand
#define AMO(type, value)             \
    ATOMIC_ADDRESS(type);            \
    ATOMIC_BYTES(type)               \
    type old;                        \
    const type operand = (type)RS2;  \
    memcpy(&old, bytes, sizeof old); \
    (void)operand;                   \
    const type new = (type)(value);  \
    memcpy(bytes, &new, sizeof new); \
    WRITE((int64_t)old)

#define LOAD_RESERVED(type)     goto stop_before
#define STORE_CONDITIONAL(type) goto stop_before

/* Each instruction jumps to the next one's code itself (threaded dispatch: Bell, "Threaded code",
 * Communications of the ACM 16(6), 1973), so that each has a jump of its own for the processor to
 * predict. `left` counts down with every instruction that begins; one that stops gives it back. */
#define DISPATCH()                          \
    do {                                    \
        if (__builtin_expect(left == 0, 0)) \
            goto budget_is_used;            \
        left--;                             \
        goto *labels[op->code];             \
    } while (0)

uint64_t fast_run(struct hart *hart, struct memory *memory, uint64_t budget)
{
    static const void *const labels[] = {
        [INSTRUCTION_NONE] = &&decode,
        [CODE_PAGE_END] = &&end_of_page,
#define INSTRUCTION(code, mnemonic, format, match, mask, semantics) \
    [INSTRUCTION_##code] = &&run_##code,
#include "machine/instruction.def"
#undef INSTRUCTION
    };
    uint64_t *const x = hart->x;
    uint64_t left = budget;
    uint64_t pc = hart->pc; /* only while no page is entered; inside one it is where op points */
    uint64_t page_pc;
    struct code_page *page;
    struct instruction *op;

enter_page:
    if (left == 0) { /* before the page is asked for: the next instruction is not ours to begin */
        hart->pc = pc;
        goto done;
    }
    page = memory_fetch(memory, pc);
    if (page == NULL) {
        hart->pc = pc;
        goto done;
    }
    page_pc = pc - pc % PAGE_BYTES;
    op = &page->cells[pc % PAGE_BYTES / 2];
    DISPATCH();

end_of_page:
    left++;
    pc = PC;
    goto enter_page;

decode:
    if (!decode_at(memory, PC, op))
        goto stop_before;
    if (op == &page->cells[CODE_CELLS - 1] && op->halves == 2) {
        const void *label = labels[op->code];
        op->code = INSTRUCTION_NONE; /* its second half may change unseen: see code.h */
        goto *label;
    }
    goto *labels[op->code];

#define INSTRUCTION(code, mnemonic, format, match, mask, semantics) \
    run_##code:                                                     \
    {                                                               \
        semantics;                                                  \
    }                                                               \
    op += op->halves;                                               \
    DISPATCH();
#define SYSTEM(code, mnemonic, format, match, mask, semantics) run_##code : goto stop_before;
#include "machine/instruction.def"
#undef INSTRUCTION
#undef SYSTEM

stop_before:
    left++;
    hart->pc = PC;
    goto done;
budget_is_used:
    hart->pc = PC;
done:
    return budget - left;
}
