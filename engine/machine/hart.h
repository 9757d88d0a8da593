/* hart: registers, and the loop that runs instructions.
 *
 * A hart knows memory and nothing else of the machine. hart_run returns when its budget is used or
 * when there is something that a hart cannot do: an environment call, waiting, a page that is not
 * there or is protected, a fault. Unless it says otherwise (HART_BUDGET, HART_WAIT), pc stands at
 * the instruction that stopped it, and nothing of that instruction has happened or is counted.
 *
 * There are no privilege levels and no trap handlers: what would trap elsewhere ends the guest.
 */
#ifndef MACHINE_HART_H
#define MACHINE_HART_H

#include <stdbool.h>
#include <stdint.h>

#include "machine/memory.h"

/* Results into x0 go to one more register that nobody reads, instead of a test at every write. */
#define HART_REGISTERS 32
#define HART_SINK      32

/* Causes as in the mcause register (RISC-V, Volume II, version 20211203, table 3.6). */
#define FAULT_LIST(X)                                         \
    X(FAULT_FETCH_ACCESS, 1, "jump outside memory")           \
    X(FAULT_ILLEGAL, 2, "illegal instruction")                \
    X(FAULT_BREAKPOINT, 3, "breakpoint")                      \
    X(FAULT_LOAD_ACCESS, 5, "load outside memory")            \
    X(FAULT_ATOMIC_MISALIGNED, 6, "misaligned atomic access") \
    X(FAULT_STORE_ACCESS, 7, "store outside memory")

enum fault {
#define FAULT_ENUM(name, cause, text) name = cause,
    FAULT_LIST(FAULT_ENUM)
#undef FAULT_ENUM
};

const char *fault_name(enum fault fault);

enum hart_stop {
    HART_BUDGET,  /* all instructions of the budget were run */
    HART_ECALL,   /* the caller answers it, then hart_finish */
    HART_WAIT,    /* wfi was executed */
    HART_MISSING, /* page_idx */
    HART_DIRTIED, /* page_idx */
    HART_FAULT,   /* fault, and the word or address it is about */
};

struct hart_result {
    enum hart_stop stop;
    uint64_t page_idx;
    enum fault fault;
    uint64_t fault_value;
};

struct hart {
    uint64_t x[HART_REGISTERS + 1];
    uint64_t pc;
    uint64_t retired_instructions;
    bool is_waiting; /* executed wfi and has not been woken */

    /* lr leaves a reservation, any sc takes it away. Any address may be reserved, 0 too. */
    bool has_reservation;
    uint64_t reserved_address;
    uint64_t reserved_bytes;
};

/* What the time CSR is made of: it counts nanoseconds of guest time. */
struct hart_clock {
    uint64_t ticks; /* instructions that had passed when hart_run was called */
    uint64_t ticks_per_s;
    uint64_t idle_ns;
};

uint64_t hart_clock_ns(const struct hart_clock *clock, uint64_t ticks);

/* Runs at most `budget` instructions; returns how many were retired. */
uint64_t hart_run(struct hart *hart, struct memory *memory, const struct hart_clock *clock,
                  uint64_t budget, struct hart_result *result);

/* The environment call at pc is done: counts it and steps behind it. */
void hart_finish_ecall(struct hart *hart);

#endif
