#include "machine/hart.h"

#include "base/units.h"
#include "machine/arithmetic.h"
#include "machine/cache.h"
#include "machine/csr.h"
#include "machine/fast.h"
#include "machine/instruction.h"
#include "machine/memory_cache.h"

#define A0              10
#define A1              11
#define INTERRUPT_CAUSE (1ull << 63)
#define STVEC_MODE      3ull
#define STVEC_VECTORED  1
#define ECALL_BYTES     4

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

bool fault_has_value(enum fault fault)
{
    return fault != FAULT_BREAKPOINT && fault != FAULT_USER_ECALL;
}

uint64_t hart_clock_ns(const struct hart_clock *clock, uint64_t ticks)
{
    return clock->idle_ns + units_mul_div(ticks, NS_PER_S, clock->ticks_per_s);
}

/* The n-th tick is over at idle_ns + floor(n * 1e9 / rate), so the last one is the largest n with
 * n * 1e9 < (d + 1) * rate, d being the nanoseconds that are not idle. */
uint64_t hart_clock_ticks_until(const struct hart_clock *clock, uint64_t until_ns)
{
    if (until_ns < clock->idle_ns)
        return 0;
    unsigned __int128 span_ns = (unsigned __int128)(until_ns - clock->idle_ns) + 1;
    unsigned __int128 last = (span_ns * clock->ticks_per_s - 1) / NS_PER_S;
    if (last <= clock->ticks)
        return 0;
    last -= clock->ticks;
    return last > UINT64_MAX ? UINT64_MAX : (uint64_t)last;
}

uint64_t hart_clock_ticks_to(const struct hart_clock *clock, uint64_t at_ns)
{
    if (hart_clock_ns(clock, clock->ticks) >= at_ns)
        return 0;
    uint64_t before = hart_clock_ticks_until(clock, at_ns - 1);
    return before == UINT64_MAX ? UINT64_MAX : before + 1;
}

void hart_start(struct hart *hart, uint64_t pc, uint64_t a0, uint64_t a1)
{
    *hart = (struct hart){
        .pc = pc,
        .status = HART_STARTED,
        .retired_instructions = hart->retired_instructions,
        .cycles = hart->cycles,
        .timer_ns = UINT64_MAX,
        .hart_idx = hart->hart_idx,
        .has_mail = hart->has_mail,
    };
    hart->x[A0] = a0;
    hart->x[A1] = a1;
}

void hart_finish_ecall(struct hart *hart, bool goes_on)
{
    hart->pc += goes_on ? ECALL_BYTES : 0;
    hart->cycles++;
}

/* ---- Traps: Volume II, chapters 4.1 and 3.1.6.1 ---- */

static uint64_t pending(const struct hart *hart, bool is_timer_due)
{
    return hart->sip | (is_timer_due ? INTERRUPT_TIMER : 0) |
           (hart->has_mail ? INTERRUPT_EXTERNAL : 0);
}

uint64_t hart_pending(const struct hart *hart, uint64_t now_ns)
{
    return pending(hart, now_ns >= hart->timer_ns);
}

/* The cause of the interrupt to take now, 0 for none. The order of the three is the
 * specification's. */
static uint64_t interrupt(const struct hart *hart, bool is_timer_due)
{
    uint64_t wanted = pending(hart, is_timer_due) & hart->sie;
    if (wanted == 0 || (!hart->is_user && (hart->sstatus & SSTATUS_SIE) == 0))
        return 0;
    uint64_t code = (wanted & INTERRUPT_EXTERNAL) ? 9 : (wanted & INTERRUPT_SOFTWARE) ? 1 : 5;
    return INTERRUPT_CAUSE | code;
}

uint64_t hart_interrupt(const struct hart *hart, uint64_t now_ns)
{
    return interrupt(hart, now_ns >= hart->timer_ns);
}

/* Goes to the guest's handler, which takes a tick. False where there is none, or none that could be
 * run: the guest would trap for ever. */
static bool take_trap(struct hart *hart, const struct memory *memory, uint64_t cause,
                      uint64_t value)
{
    uint64_t handler = hart->stvec & ~STVEC_MODE;
    if ((cause & INTERRUPT_CAUSE) != 0 && (hart->stvec & STVEC_MODE) == STVEC_VECTORED)
        handler += 4 * (cause & ~INTERRUPT_CAUSE);
    if (memory_check_load(memory, handler, 2).result == MEMORY_OUTSIDE)
        return false;
    hart->sepc = hart->pc;
    hart->scause = cause;
    hart->stval = value;
    bool was_on = (hart->sstatus & SSTATUS_SIE) != 0;
    hart->sstatus &= ~(SSTATUS_SIE | SSTATUS_SPIE | SSTATUS_SPP);
    hart->sstatus |= (was_on ? SSTATUS_SPIE : 0) | (hart->is_user ? 0 : SSTATUS_SPP);
    hart->is_user = false;
    hart->pc = handler;
    hart->cycles++;
    return true;
}

static uint64_t return_from_trap(struct hart *hart)
{
    bool are_on = (hart->sstatus & SSTATUS_SPIE) != 0;
    hart->is_user = (hart->sstatus & SSTATUS_SPP) == 0;
    hart->sstatus &= ~(SSTATUS_SIE | SSTATUS_SPP);
    hart->sstatus |= SSTATUS_SPIE | (are_on ? SSTATUS_SIE : 0);
    return hart->sepc;
}

/* An exception at pc. False: nobody handles it. */
static bool except(struct hart *hart, const struct memory *memory, enum fault fault, uint64_t value,
                   struct hart_result *result)
{
    if (take_trap(hart, memory, fault, value))
        return true;
    *result = (struct hart_result){.stop = HART_FAULT, .fault = fault, .fault_value = value};
    return false;
}

/* An access to memory did not go through: an exception, or a matter for the machine. */
static bool stop_for(struct hart *hart, const struct memory *memory, struct memory_trouble trouble,
                     enum fault outside, uint64_t address, struct hart_result *result)
{
    if (trouble.result == MEMORY_OUTSIDE)
        return except(hart, memory, outside, address, result);
    *result = (struct hart_result){
        .stop = trouble.result == MEMORY_MISSING ? HART_MISSING : HART_DIRTIED,
        .page_idx = trouble.page_idx,
    };
    return false;
}

/* ---- The words in which instruction.def is written ---- */

#define RS1       (hart->x[one.rs1])
#define RS2       (hart->x[one.rs2])
#define UIMM      ((uint64_t)one.rs1)
#define IMM       ((uint64_t)one.imm)
#define PC        (hart->pc)
#define SIGNED(v) ((int64_t)(v))
#define WORD(v)   ((int64_t)(int32_t)(v))
#define WRITE(v)  (hart->x[one.rd] = (uint64_t)(v))
#define NOTHING()

#define BRANCH(condition) \
    if (condition)        \
    next_pc = PC + IMM

/* The target is read before rd is written: they may be one register. */
#define LINK_AND_JUMP(target) \
    uint64_t after = next_pc; \
    next_pc = (target);       \
    WRITE(after)

#define TRAP(fault, value) return except(hart, memory, (fault), (value), result)
#define ILLEGAL()          TRAP(FAULT_ILLEGAL, bits)

#define STOP_UNLESS_OK(outside, address) \
    if (trouble.result != MEMORY_OK)     \
    return stop_for(hart, memory, trouble, (outside), (address), result)

#define LOAD(type)                                              \
    const uint64_t address = RS1 + IMM;                         \
    trouble = memory_check_load(memory, address, sizeof(type)); \
    STOP_UNLESS_OK(FAULT_LOAD_ACCESS, address);                 \
    type loaded;                                                \
    memcpy(&loaded, memory_at(memory, address), sizeof loaded); \
    WRITE((int64_t)loaded)

#define STORE(type)                                              \
    const uint64_t address = RS1 + IMM;                          \
    const type stored = (type)RS2;                               \
    trouble = memory_check_store(memory, address, sizeof(type)); \
    STOP_UNLESS_OK(FAULT_STORE_ACCESS, address);                 \
    memcpy(memory_at(memory, address), &stored, sizeof stored)

/* Atomics are aligned, and write: they ask for the right to store before they read. */
#define ALIGNED(type, fault)     \
    if (RS1 % sizeof(type) != 0) \
    TRAP(fault, RS1)

#define OLD     old
#define OPERAND operand
#define AMO(type, value)                                     \
    ALIGNED(type, FAULT_ATOMIC_MISALIGNED);                  \
    trouble = memory_check_store(memory, RS1, sizeof(type)); \
    STOP_UNLESS_OK(FAULT_STORE_ACCESS, RS1);                 \
    uint8_t *bytes = memory_at(memory, RS1);                 \
    type old;                                                \
    const type operand = (type)RS2;                          \
    memcpy(&old, bytes, sizeof old);                         \
    (void)operand;                                           \
    const type new = (type)(value);                          \
    memcpy(bytes, &new, sizeof new);                         \
    WRITE((int64_t)old)

#define LOAD_RESERVED(type)                                            \
    ALIGNED(type, FAULT_LOAD_MISALIGNED);                              \
    const uint64_t reserved = RS1;                                     \
    LOAD(type);                                                        \
    memory->reservations[hart->hart_idx] = (struct memory_reservation) \
    {                                                                  \
        .address = reserved, .byte_count = sizeof(type)                \
    }

/* Fails, without touching memory, where the reservation is not for exactly these bytes. */
#define STORE_CONDITIONAL(type)                                              \
    ALIGNED(type, FAULT_ATOMIC_MISALIGNED);                                  \
    struct memory_reservation *held = &memory->reservations[hart->hart_idx]; \
    bool is_held = held->byte_count == sizeof(type) && held->address == RS1; \
    if (is_held) {                                                           \
        const type stored = (type)RS2;                                       \
        trouble = memory_check_store(memory, RS1, sizeof(type));             \
        STOP_UNLESS_OK(FAULT_STORE_ACCESS, RS1);                             \
        memcpy(memory_at(memory, RS1), &stored, sizeof stored);              \
    }                                                                        \
    held->byte_count = 0;                                                    \
    WRITE(!is_held)

#define SUPERVISOR_ONLY() \
    if (hart->is_user)    \
    ILLEGAL()

#define SUPERVISOR_RETURN() next_pc = return_from_trap(hart)
#define WAIT()              result->stop = HART_WAIT

#define ENVIRONMENT_CALL()                              \
    if (hart->is_user)                                  \
        TRAP(FAULT_USER_ECALL, 0);                      \
    *result = (struct hart_result){.stop = HART_ECALL}; \
    return false

#define CSR(is_write, value)                                                               \
    uint64_t old;                                                                          \
    if (!csr_read(hart, clock, IMM, &old) || ((is_write) && !csr_write(hart, IMM, value))) \
        ILLEGAL();                                                                         \
    WRITE(old)

/* The block must be there to be spoken of, cache or not. */
#define CACHE_BLOCK(operation, may_users)                            \
    if (hart->is_user && !(may_users))                               \
        ILLEGAL();                                                   \
    const uint64_t block = cache_line_address(RS1);                  \
    trouble = memory_check_load(memory, block, CACHE_LINE_BYTES);    \
    STOP_UNLESS_OK(FAULT_STORE_ACCESS, RS1);                         \
    trouble = memory_cache_block(memory, block, (operation));        \
    STOP_UNLESS_OK(FAULT_STORE_ACCESS, RS1);                         \
    if (memory->tells_flushes && (operation) != CACHE_INVAL)         \
        *result = (struct hart_result)                               \
        {                                                            \
            .stop = HART_FLUSHED, .page_idx = memory_page_idx(block) \
        }

/* In user mode cbo.inval may have been made a flush, so that nobody can uncover what others hid
 * (Zicbom, chapter 2.5.3). */
#define INVAL_OR_FLUSH \
    (hart->is_user && SENVCFG_CBIE(hart->senvcfg) == 1 ? CACHE_FLUSH : CACHE_INVAL)

/* The instruction's two or four bytes. Where they cannot be had, *address is where they stop. */
static struct memory_trouble fetch(const struct memory *memory, uint64_t pc, uint32_t *bits,
                                   uint64_t *address)
{
    uint16_t low, high = 0;
    *address = pc;
    struct memory_trouble trouble = memory_check_load(memory, pc, sizeof low);
    if (trouble.result != MEMORY_OK)
        return trouble;
    memcpy(&low, memory_at(memory, pc), sizeof low);
    if (!instruction_is_compressed(low)) {
        *address = pc + sizeof low;
        trouble = memory_check_load(memory, *address, sizeof high);
        if (trouble.result == MEMORY_OK)
            memcpy(&high, memory_at(memory, *address), sizeof high);
    }
    *bits = low | (uint32_t)high << 16;
    return trouble;
}

/* The instruction at pc: true when its tick has passed, by retiring or by a trap. */
static bool run_one(struct hart *hart, struct memory *memory, const struct hart_clock *clock,
                    struct hart_result *result)
{
    struct instruction one;
    uint64_t fetch_address;
    uint32_t bits;

    struct memory_trouble trouble = fetch(memory, hart->pc, &bits, &fetch_address);
    STOP_UNLESS_OK(FAULT_FETCH_ACCESS, fetch_address);
    if (!instruction_decode(bits, &one))
        ILLEGAL();
    if (one.rd == 0)
        one.rd = HART_SINK;
    uint64_t next_pc = hart->pc + 2u * one.halves;
    switch ((enum instruction_code)one.code) {
#define INSTRUCTION(code, mnemonic, format, match, mask, semantics) \
    case INSTRUCTION_##code: {                                      \
        semantics;                                                  \
        break;                                                      \
    }
#include "machine/instruction.def"
#undef INSTRUCTION
    case INSTRUCTION_NONE:
    case INSTRUCTION_COUNT:
        MUST(false);
    }
    hart->pc = next_pc;
    hart->retired_instructions++;
    hart->cycles++;
    return true;
}

static bool step(struct hart *hart, struct memory *memory, const struct hart_clock *clock,
                 bool is_timer_due, struct hart_result *result)
{
    uint64_t cause = interrupt(hart, is_timer_due);
    *result = (struct hart_result){.stop = HART_BUDGET};
    if (cause == 0)
        return run_one(hart, memory, clock, result);
    if (take_trap(hart, memory, cause, 0))
        return true;
    *result = (struct hart_result){
        .stop = HART_FAULT, .fault = FAULT_FETCH_ACCESS, .fault_value = hart->stvec};
    return false;
}

bool hart_step(struct hart *hart, struct memory *memory, const struct hart_clock *clock,
               struct hart_result *result)
{
    bool is_timer_due = hart_clock_ns(clock, clock->ticks) >= hart->timer_ns;
    return step(hart, memory, clock, is_timer_due, result);
}

uint64_t hart_run(struct hart *hart, struct memory *memory, const struct hart_clock *clock,
                  uint64_t budget, struct hart_result *result)
{
    /* The timer is set by a call that ends a run: what it is now holds for the whole of one. */
    const uint64_t due =
        hart->timer_ns == UINT64_MAX ? UINT64_MAX : hart_clock_ticks_to(clock, hart->timer_ns);
    struct hart_clock now = *clock;
    uint64_t passed = 0;

    *result = (struct hart_result){.stop = HART_BUDGET};
    while (passed < budget && result->stop == HART_BUDGET) {
        if (interrupt(hart, passed >= due) == 0) {
            /* Up to the timer: whether it interrupts is looked at there. */
            uint64_t limit = passed < due && due < budget ? due : budget;
            uint64_t ran = fast_run(hart, memory, limit - passed);
            hart->retired_instructions += ran;
            hart->cycles += ran;
            passed += ran;
            if (passed == limit)
                continue;
            if (memory->holds.is_on) {
                result->stop = HART_HELD;
                break;
            }
        }
        now.ticks = clock->ticks + passed;
        if (!step(hart, memory, &now, passed >= due, result))
            break;
        passed++;
    }
    return passed;
}
