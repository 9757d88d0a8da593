/* board: what a machine is made of, for the files that implement it (machine.c, hypercall.c,
 * state.c), for those that debug it (debug.c, gdb*.c, crash_report.c), and for tests of these.
 * Nobody else includes this; machine.h is the contract.
 */
#ifndef MACHINE_BOARD_H
#define MACHINE_BOARD_H

#include "base/smaller.h"
#include "machine/hart.h"
#include "machine/machine.h"
#include "machine/memory.h"

#define NO_PAGE UINT64_MAX

/* How many of its turns a hart may take: of 1,000 of them, `permille`, evenly spread. Each turn adds
 * permille to what the hart has saved up; at 1,000 it takes its turn and pays for it. */
struct hart_share {
    uint32_t permille;
    uint32_t saved;
};

struct machine {
    struct guest guest;   /* first: the world holds a pointer to it */
    struct memory memory; /* pages travel by themselves; what is derived from them is rebuilt */

    /* From here on: the state that moves, see state.c. */
    struct hart harts[HART_MAX];
    uint32_t hart_count;
    uint32_t turn_hart_idx; /* whose turn it is, */
    uint32_t turn_position; /* and how many of its HART_TURN ticks are over */

    struct hart_clock clock; /* instructions of all harts, and idling */

    bool has_ended, is_fault;
    uint64_t exit_status;    /* or the fault's cause */
    uint64_t fault_value;    /* the word or address that the fault is about */
    uint32_t fault_hart_idx; /* whose registers still stand as they were */

    uint8_t arguments[MACHINE_ARGS_MAX];
    uint32_t argument_bytes;
    uint64_t console_total_bytes; /* written since boot */
    struct mailbox mailbox;
    struct disk disk;

    /* What belongs to the host and stays there. */
    char host_name[HOST_NAME_BYTES];
    struct bytes console;           /* not drained yet */
    uint64_t awaited_idx[HART_MAX]; /* the page that a hart asked the world for, or NO_PAGE */
    struct hart_share shares[HART_MAX];
    bool is_turn_held_back; /* this turn is one that its hart must let pass */
    uint32_t barred;                /* harts that wait for a barrier, as bits */
    struct {
        uint64_t first_idx, count;
    } flushed; /* the pages that the last flush by a hypercall was about */

    /* A debugger's (debug.c): run no further than this tick (UINT64_MAX: no end), and the bytes
     * that the last hypercall read or wrote on the guest's behalf. */
    uint64_t stop_tick;
    struct {
        bool is_write;
        uint64_t address, byte_count;
    } touched;
};

static inline struct machine *machine_of(struct guest *guest)
{
    return (struct machine *)guest;
}

static inline const struct machine *machine_of_const(const struct guest *guest)
{
    return (const struct machine *)guest;
}

static inline uint64_t machine_now_ns(const struct machine *machine)
{
    return hart_clock_ns(&machine->clock, machine->clock.ticks);
}

/* hypercall.c: answers the environment call at which the hart stands. */
enum hypercall_result {
    HYPERCALL_DONE,
    HYPERCALL_OUTPUT, /* done, and the world has something to fetch */
    HYPERCALL_FLUSHED, /* done, and the world decides when the hart goes on: machine->flushed */
    HYPERCALL_ENDED,  /* the guest asked for its end */
    HYPERCALL_LEFT,   /* the hart does not go on behind the call: it stopped, or stands elsewhere */
    HYPERCALL_TROUBLE, /* a page of its buffer is missing or protected: nothing was done */
};
enum hypercall_result hypercall_answer(struct machine *machine, struct hart *hart,
                                       struct memory_trouble *trouble);

/* state.c */
void machine_save(const struct guest *guest, struct bytes *to);
enum status machine_load(struct guest *guest, struct bytes_reader *from, struct problem *problem);
uint64_t machine_digest(const struct guest *guest);

#endif
