/* debug: a machine under a debugger. It runs as ops->run would let it, and is held where somebody
 * wants to look: before the instruction at a breakpoint, behind an access to watched bytes, behind
 * one instruction of a hart, where the guest crashes, or at once.
 *
 * The guest does not notice. Nothing is patched into its memory, no page is dirtied, faulted or
 * protected by looking, and a run that is held ends as one that is not: to hold it is to cut it
 * between two ticks, and how a run is cut changes nothing (machine.h). So one rule follows for
 * several harts: they keep their turns. "Step hart 2" means that the machine goes on, in its own
 * order, until hart 2 has run one instruction; what the others do meanwhile they would have done.
 *
 * A struct debug belongs to whoever debugs, not to a machine: when the guest moves, debug_run is
 * given the machine at the target from then on, and breakpoints hold there.
 *
 *     debug_init        the guest is held
 *     debug_resume      ... until debug_run holds it again: debug->stop says why
 *     debug_run         in the place of ops->run
 */
#ifndef MACHINE_DEBUG_H
#define MACHINE_DEBUG_H

#include "machine/guest.h"
#include "machine/holds.h"

/* As many as the hardware of a generous board has; a debugger is told when there is no more. */
#define DEBUG_POINTS_MAX HOLDS_MAX
#define DEBUG_NO_HART    UINT32_MAX

enum debug_kind {
    DEBUG_BREAK,      /* an instruction at the address is about to run; */
    DEBUG_HARD_BREAK, /* the same, but a debugger keeps the two sorts apart */
    DEBUG_WRITE,      /* bytes of [address, address + count) were written, */
    DEBUG_READ,       /* were read, */
    DEBUG_ACCESS,     /* either */
};

struct debug_point {
    enum debug_kind kind;
    uint64_t address, byte_count; /* of a breakpoint the count does not matter */
};

enum debug_reason {
    DEBUG_ASKED,   /* somebody wanted it held: at the beginning, or by debug_hold */
    DEBUG_POINT,   /* `point` was met; `address`: the first watched byte that was accessed */
    DEBUG_STEPPED, /* the hart has run its instruction */
    DEBUG_CRASHED, /* the guest cannot go on; resumed, it ends */
    DEBUG_BEGIN,   /* backwards there is nothing before this (rewind.h) */
};

struct debug_stop {
    enum debug_reason reason;
    uint32_t hart_idx;
    struct debug_point point;
    uint64_t address;
};

struct debug {
    struct debug_point points[DEBUG_POINTS_MAX];
    uint32_t point_count;

    bool is_held;
    struct debug_stop stop; /* while it is held */

    uint32_t step_hart_idx; /* to be held behind one of its instructions; DEBUG_NO_HART: no */
    uint64_t left_tick;     /* where it was resumed: no breakpoint there stops it again */
    uint64_t until_tick;    /* debug_run returns there, not held; UINT64_MAX: nowhere */
    bool is_moved;          /* a debugger has set the pc: it is not where it was resumed before */
    bool has_told_crash;
};

static inline bool debug_is_break(const struct debug_point *point)
{
    return point->kind <= DEBUG_HARD_BREAK;
}

void debug_init(struct debug *debug);

/* False: there is no room for it. One that is there already is not added twice. */
bool debug_add(struct debug *debug, const struct debug_point *point);
bool debug_remove(struct debug *debug,
                  const struct debug_point *point); /* false: it is not there */

/* Lets it run on; `step_hart_idx` or DEBUG_NO_HART. `guest` is where it is now. */
void debug_resume(struct debug *debug, const struct guest *guest, uint32_t step_hart_idx);
/* Holds it where it is. */
void debug_hold(struct debug *debug, const struct guest *guest, enum debug_reason reason);
/* Nobody debugs any more: no points, not held. Of a crash that is still to come debug_run tells
 * nothing then: the guest ends with it, as without a debugger. */
void debug_leave(struct debug *debug);

/* As ops->run, and GUEST_HELD: while it is held (then nothing has run), or at until_tick. What else
 * stopped the guest at the same instant is told first. */
void debug_run(struct debug *debug, struct guest *guest, uint64_t until_ns, struct guest_run *run);

/* ---- Looking ---- */

uint64_t debug_ticks(const struct guest *guest); /* how far it has come: the same, the same state */
uint32_t debug_hart_count(const struct guest *guest);

/* Copies what is there of [address, address + count); returns how many bytes, which ends at the
 * first page that is missing, or at the end of memory. */
uint64_t debug_read(const struct guest *guest, uint64_t address, void *to, uint64_t count);
/* All or nothing. What is written is in the dirty log, as if the guest had written it; whatever
 * hart had reserved of it has that no more. */
bool debug_write(struct guest *guest, uint64_t address, const void *from, uint64_t count);

#endif
