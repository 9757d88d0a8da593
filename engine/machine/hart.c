#include "machine/hart.h"

#include "base/units.h"

/* Unprivileged counters, Zicntr; all are read-only. */
#define CSR_CYCLE   0xc00
#define CSR_TIME    0xc01
#define CSR_INSTRET 0xc02

#define ECALL_BYTES 4

const char *fault_name(enum fault fault)
{
    switch (fault) {
#define FAULT_NAME(name, cause, text) \
    case name:                        \
        return text;
        FAULT_LIST(FAULT_NAME)
#undef FAULT_NAME
    }
    return "fault";
}

uint64_t hart_clock_ns(const struct hart_clock *clock, uint64_t ticks)
{
    return clock->idle_ns + units_mul_div(ticks, NS_PER_S, clock->ticks_per_s);
}

void hart_finish_ecall(struct hart *hart)
{
    hart->pc += ECALL_BYTES;
    hart->retired_instructions++;
}

/* Division as the M extension defines it (Volume I, table 7.1): by zero gives all ones and leaves
 * the dividend; the one overflow gives the dividend and leaves 0. The 32-bit forms come here with
 * sign-extended operands, for which the same holds after truncation. */
static uint64_t divide(uint64_t a, uint64_t b)
{
    return b == 0 ? UINT64_MAX : a / b;
}

static uint64_t remainder_of(uint64_t a, uint64_t b)
{
    return b == 0 ? a : a % b;
}

static uint64_t divide_signed(int64_t a, int64_t b)
{
    if (b == 0)
        return UINT64_MAX;
    return b == -1 ? -(uint64_t)a : (uint64_t)(a / b);
}

static uint64_t remainder_signed(int64_t a, int64_t b)
{
    if (b == 0)
        return (uint64_t)a;
    return b == -1 ? 0 : (uint64_t)(a % b);
}

/* Everything but the three counters, and every attempt to write, is illegal. */
static bool read_csr(const struct hart *hart, const struct hart_clock *clock, uint64_t number,
                     uint64_t retired, uint64_t *value)
{
    switch (number) {
    case CSR_CYCLE:
    case CSR_INSTRET:
        *value = hart->retired_instructions + retired;
        return true;
    case CSR_TIME:
        *value = hart_clock_ns(clock, clock->ticks + retired);
        return true;
    default:
        return false;
    }
}

static void stop_for(struct hart_result *result, const struct memory_trouble *trouble,
                     enum fault outside, uint64_t address)
{
    switch (trouble->result) {
    case MEMORY_MISSING:
        *result = (struct hart_result){.stop = HART_MISSING, .page_idx = trouble->page_idx};
        return;
    case MEMORY_DIRTIED:
        *result = (struct hart_result){.stop = HART_DIRTIED, .page_idx = trouble->page_idx};
        return;
    case MEMORY_OUTSIDE:
    case MEMORY_OK:
        *result =
            (struct hart_result){.stop = HART_FAULT, .fault = outside, .fault_value = address};
        return;
    }
}

/* Takes the instruction at pc apart into its cell. False: `result` says why it cannot be run. */
static bool decode_at(struct memory *memory, uint64_t pc, struct instruction *cell,
                      struct hart_result *result)
{
    uint16_t low = 0, high = 0;
    memcpy(&low, memory_at(memory, pc), sizeof low);
    if (!instruction_is_compressed(low)) {
        struct memory_trouble trouble = memory_check_load(memory, pc + 2, 2);
        if (trouble.result != MEMORY_OK) {
            stop_for(result, &trouble, FAULT_FETCH_ACCESS, pc + 2);
            return false;
        }
        memcpy(&high, memory_at(memory, pc + 2), sizeof high);
    }
    uint32_t bits = low | (uint32_t)high << 16;
    if (!instruction_decode(bits, cell)) {
        *cell = (struct instruction){0};
        *result =
            (struct hart_result){.stop = HART_FAULT, .fault = FAULT_ILLEGAL, .fault_value = bits};
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

#define LINK_AND_JUMP_NEAR()     \
    WRITE(PC + 2u * op->halves); \
    JUMP_NEAR(op->imm)

#define LINK_AND_JUMP(target)    \
    pc = (target);               \
    WRITE(PC + 2u * op->halves); \
    goto enter_page

#define LOAD(type)                                                                 \
    const uint8_t *bytes = memory_load(memory, RS1 + IMM, sizeof(type), &trouble); \
    if (__builtin_expect(bytes == NULL, 0)) {                                      \
        stop_for(result, &trouble, FAULT_LOAD_ACCESS, RS1 + IMM);                  \
        goto stop_before;                                                          \
    }                                                                              \
    type loaded;                                                                   \
    memcpy(&loaded, bytes, sizeof loaded);                                         \
    WRITE((int64_t)loaded)

#define STORE(type)                                                           \
    uint8_t *bytes = memory_store(memory, RS1 + IMM, sizeof(type), &trouble); \
    if (__builtin_expect(bytes == NULL, 0)) {                                 \
        stop_for(result, &trouble, FAULT_STORE_ACCESS, RS1 + IMM);            \
        goto stop_before;                                                     \
    }                                                                         \
    const type stored = (type)RS2;                                            \
    memcpy(bytes, &stored, sizeof stored)

/* Atomics are aligned, and write: they ask for the right to store before they read. */
#define ATOMIC_ADDRESS(type)     \
    if (RS1 % sizeof(type) != 0) \
    FAULT(FAULT_ATOMIC_MISALIGNED, RS1)

#define ATOMIC_BYTES(type)                                              \
    uint8_t *bytes = memory_store(memory, RS1, sizeof(type), &trouble); \
    if (bytes == NULL) {                                                \
        stop_for(result, &trouble, FAULT_STORE_ACCESS, RS1);            \
        goto stop_before;                                               \
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

#define LOAD_RESERVED(type)           \
    ATOMIC_ADDRESS(type);             \
    const uint64_t address = RS1;     \
    LOAD(type);                       \
    hart->has_reservation = true;     \
    hart->reserved_address = address; \
    hart->reserved_bytes = sizeof(type)

/* Fails, without touching memory, where the reservation is not for exactly these bytes. */
#define STORE_CONDITIONAL(type)                                              \
    ATOMIC_ADDRESS(type);                                                    \
    bool is_held = hart->has_reservation && hart->reserved_address == RS1 && \
                   hart->reserved_bytes == sizeof(type);                     \
    if (is_held) {                                                           \
        ATOMIC_BYTES(type)                                                   \
        const type stored = (type)RS2;                                       \
        memcpy(bytes, &stored, sizeof stored);                               \
    }                                                                        \
    hart->has_reservation = false;                                           \
    WRITE(!is_held)

#define READ_CSR(is_write)                                                    \
    uint64_t value;                                                           \
    if ((is_write) || !read_csr(hart, clock, IMM, budget - left - 1, &value)) \
        FAULT(FAULT_ILLEGAL, instruction_bits(memory, PC));                   \
    WRITE(value)

#define FAULT(cause, about)                                                                     \
    do {                                                                                        \
        *result =                                                                               \
            (struct hart_result){.stop = HART_FAULT, .fault = (cause), .fault_value = (about)}; \
        goto stop_before;                                                                       \
    } while (0)

#define STOP_BEFORE(why)                           \
    *result = (struct hart_result){.stop = (why)}; \
    goto stop_before

#define STOP_AFTER(why)                            \
    *result = (struct hart_result){.stop = (why)}; \
    goto stop_after

static uint64_t instruction_bits(const struct memory *memory, uint64_t pc)
{
    uint32_t bits;
    memcpy(&bits, memory_at(memory, pc), sizeof bits);
    return bits;
}

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

uint64_t hart_run(struct hart *hart, struct memory *memory, const struct hart_clock *clock,
                  uint64_t budget, struct hart_result *result)
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
    struct memory_trouble trouble;
    uint64_t left = budget;
    uint64_t pc = hart->pc; /* only while no page is entered; inside one it is where op points */
    uint64_t page_pc;
    struct code_page *page;
    struct instruction *op;

enter_page:
    if (left == 0) { /* before the page is asked for: the next instruction is not ours to begin */
        *result = (struct hart_result){.stop = HART_BUDGET};
        hart->pc = pc;
        goto done;
    }
    page = memory_fetch(memory, pc, &trouble);
    if (page == NULL) {
        stop_for(result, &trouble, FAULT_FETCH_ACCESS, pc);
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
    if (!decode_at(memory, PC, op, result))
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
#include "machine/instruction.def"
#undef INSTRUCTION

stop_after:
    hart->pc = PC + 2u * op->halves;
    goto done;
stop_before:
    left++;
    hart->pc = PC;
    goto done;
budget_is_used:
    *result = (struct hart_result){.stop = HART_BUDGET};
    hart->pc = PC;
done:
    hart->retired_instructions += budget - left;
    return budget - left;
}
