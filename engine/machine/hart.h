/* hart: registers, and what runs instructions on them.
 *
 * A hart knows memory and time and nothing else of the machine. Guests run in supervisor mode, as
 * under any SBI (the machine answers `ecall`), and may run parts of themselves in user mode: what
 * traps goes to the guest's own handler at stvec. Until a guest has set stvec it is not one that
 * handles traps: its first one ends it, and hart_run says why.
 *
 *     hart_run    the one that others call: interrupts, then fast_run (fast.h) as far as that goes,
 *                 then hart_step for what it leaves
 *     hart_step   exactly one instruction, taken apart afresh: the reference, and the only place
 *                 where system instructions, faults and traps are dealt with
 *
 * Time is counted in ticks: each retired instruction, each answered `ecall` and each trap that is
 * taken is one. `cycle` counts a hart's ticks; `instret` retired instructions only: neither traps
 * nor ecall and ebreak, which cause one (RISC-V, Volume II, version 20211203, section 3.3.1).
 */
#ifndef MACHINE_HART_H
#define MACHINE_HART_H

#include <stdbool.h>
#include <stdint.h>

#include "machine/memory.h"

/* Results into x0 go to one more register that nobody reads, instead of a test at every write. */
#define HART_REGISTERS 32
#define HART_SINK      32

/* Exception causes (Volume II, table 4.2), and how a person would call them. */
#define FAULT_LIST(X)                                         \
    X(FAULT_FETCH_ACCESS, 1, "jump outside memory")           \
    X(FAULT_ILLEGAL, 2, "illegal instruction")                \
    X(FAULT_BREAKPOINT, 3, "breakpoint")                      \
    X(FAULT_LOAD_MISALIGNED, 4, "misaligned load-reserved")   \
    X(FAULT_LOAD_ACCESS, 5, "load outside memory")            \
    X(FAULT_ATOMIC_MISALIGNED, 6, "misaligned atomic access") \
    X(FAULT_STORE_ACCESS, 7, "store outside memory")          \
    X(FAULT_USER_ECALL, 8, "environment call from user mode")

enum fault {
#define FAULT_ENUM(name, cause, text) name = cause,
    FAULT_LIST(FAULT_ENUM)
#undef FAULT_ENUM
};

const char *fault_name(enum fault fault);
/* Is it about a word or an address? */
bool fault_has_value(enum fault fault);

/* Interrupts by their bits in sip and sie; the cause is the bit's number (Volume II, 4.1.3). */
#define INTERRUPT_SOFTWARE (1u << 1) /* another hart asks for attention: SBI send_ipi */
#define INTERRUPT_TIMER    (1u << 5) /* guest time has reached the hart's timer */
#define INTERRUPT_EXTERNAL (1u << 9) /* a mailbox wants attention, as long as it does */

enum hart_stop {
    HART_BUDGET,  /* all ticks of the budget have passed */
    HART_ECALL,   /* from supervisor mode: the caller answers it, then hart_finish_ecall */
    HART_WAIT,    /* wfi was executed */
    HART_MISSING, /* page_idx */
    HART_DIRTIED, /* page_idx */
    HART_FLUSHED, /* cbo.clean or cbo.flush was executed, of a line in page_idx:
                     memory->tells_flushes */
    HART_HELD,    /* memory->holds.is_on, and a debugger may want to look at this instruction */
    HART_FAULT,   /* a trap that cannot be taken: fault, and the word or address it is about */
};

struct hart_result {
    enum hart_stop stop;
    uint64_t page_idx;
    enum fault fault;
    uint64_t fault_value;
};

/* As SBI's hart state management knows them (its chapter 9), but for HART_WAITING: `wfi`. */
enum hart_status {
    HART_STARTED = 0,
    HART_STOPPED = 1,
    HART_SUSPENDED = 4, /* by hart_suspend; goes on as from wfi */
    HART_WAITING = 16,
};

/* All of it moves with the guest, but for what stands below the line. */
struct hart {
    uint64_t x[HART_REGISTERS + 1];
    uint64_t pc;
    enum hart_status status;
    bool is_user; /* else supervisor mode */
    uint64_t retired_instructions;
    uint64_t cycles;
    uint64_t timer_ns; /* UINT64_MAX: never */

    /* Supervisor registers, with exactly the bits that can be written: see csr.def. */
    uint64_t sstatus, sie, sip, stvec, scounteren, senvcfg, sscratch, sepc, scause, stval, satp;

    /* ---- set by the machine before it runs ---- */
    uint32_t hart_idx;
    bool has_mail; /* the level of INTERRUPT_EXTERNAL */
};

/* What the time CSR is made of: it counts nanoseconds of guest time. */
struct hart_clock {
    uint64_t ticks; /* that had passed when hart_run was called, of all harts */
    uint64_t ticks_per_s;
    uint64_t idle_ns;
};

uint64_t hart_clock_ns(const struct hart_clock *clock, uint64_t ticks);
/* How many more ticks pass at or before until_ns; UINT64_MAX: at least so many. */
uint64_t hart_clock_ticks_until(const struct hart_clock *clock, uint64_t until_ns);
/* How many more ticks until the time is at_ns; 0: it is; UINT64_MAX: at least so many. */
uint64_t hart_clock_ticks_to(const struct hart_clock *clock, uint64_t at_ns);

/* As a hart stands when it is started: supervisor mode, interrupts off, at `pc`. */
void hart_start(struct hart *hart, uint64_t pc, uint64_t a0, uint64_t a1);

/* INTERRUPT_ bits that are pending at now_ns, enabled or not. */
uint64_t hart_pending(const struct hart *hart, uint64_t now_ns);

/* The cause of the interrupt that it takes before its next instruction; 0: none. */
uint64_t hart_interrupt(const struct hart *hart, uint64_t now_ns);

/* Runs for at most `budget` ticks; returns how many have passed. Unless it was HART_BUDGET,
 * HART_WAIT or HART_FLUSHED, pc stands at the instruction that stopped it, of which nothing has
 * happened. */
uint64_t hart_run(struct hart *hart, struct memory *memory, const struct hart_clock *clock,
                  uint64_t budget, struct hart_result *result);

/* One tick: an interrupt is taken, or the instruction at pc is run and retires or traps. False, and
 * no tick has passed: see `result` (also after HART_WAIT and HART_FLUSHED, whose instruction did
 * retire: true). `clock->ticks` is now. result->stop is HART_BUDGET when there is nothing to tell.
 */
bool hart_step(struct hart *hart, struct memory *memory, const struct hart_clock *clock,
               struct hart_result *result);

/* The environment call at pc is done: lets its tick pass, and steps behind it unless the answer has
 * put the hart elsewhere. */
void hart_finish_ecall(struct hart *hart, bool goes_on);

#endif
