/* fault: what goes wrong in a run, as a plan that is read once and never drawn: which fault, when,
 * for how long and how badly. world_fault.c makes it happen.
 *
 *   KIND@WHEN[+DURATION][:VALUE]     several of them with commas between
 *
 *   kind           value               without one   what happens
 *   cut            -                                 the connection breaks for both ends, and what
 *                                                    is under way is lost; none can be made while
 *                                                    it lasts
 *   slow           20Mbit/s, or 10x    10x           the link carries less (10x: a tenth)
 *   delay          50ms                10ms          bytes take so much longer to arrive
 *   corrupt        64KiB               64KiB         one byte in so many arrives changed
 *   crash-source   -                                 the host is gone, with all that was in it
 *   crash-target   -
 *   refuse         memory, version,    (must be      the target is another than the guest needs
 *                  feature or kind     said)
 *
 * slow, delay and corrupt strike both directions; slow-to-target and slow-to-source one of them.
 * WHEN is an instant of the run (1.2s), the name of a phase (when the source first enters it), or
 * `running`: when the target has verified COMMIT and says so, which the source does not know yet.
 * Without a duration it is for good; a crash always is. `refuse` is for the phase setup.
 */
#ifndef SCENARIO_FAULT_H
#define SCENARIO_FAULT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/event.h"
#include "base/status.h"

#define FAULT_PLAN_MAX   16
#define FAULT_TEXT_MAX   64 /* of one fault, as it was written */
#define FAULT_FOR_GOOD   UINT64_MAX
#define FAULT_SLOWER_MAX 1000 /* times */

/* P(kind, name, whether it can last, whether it strikes a direction) */
#define FAULT_KINDS(P)                                       \
    P(FAULT_KIND_CUT, "cut", true, false)                    \
    P(FAULT_KIND_SLOW, "slow", true, true)                   \
    P(FAULT_KIND_DELAY, "delay", true, true)                 \
    P(FAULT_KIND_CORRUPT, "corrupt", true, true)             \
    P(FAULT_KIND_CRASH_SOURCE, "crash-source", false, false) \
    P(FAULT_KIND_CRASH_TARGET, "crash-target", false, false) \
    P(FAULT_KIND_REFUSE, "refuse", false, false)

/* Why a target refuses: it has half the memory, speaks a later version, lacks a feature, or was
 * made ready for a guest of another kind. */
#define FAULT_REFUSALS(R)              \
    R(FAULT_REFUSE_MEMORY, "memory")   \
    R(FAULT_REFUSE_VERSION, "version") \
    R(FAULT_REFUSE_FEATURE, "feature") \
    R(FAULT_REFUSE_KIND, "kind")

enum fault_kind {
#define FAULT_ENUM(kind, name, lasts, has_way) kind,
    FAULT_KINDS(FAULT_ENUM)
#undef FAULT_ENUM
        FAULT_KIND_COUNT
};

enum fault_refusal {
#define REFUSAL_ENUM(refusal, name) refusal,
    FAULT_REFUSALS(REFUSAL_ENUM)
#undef REFUSAL_ENUM
        FAULT_REFUSAL_COUNT
};

enum fault_when { FAULT_AT_INSTANT, FAULT_AT_PHASE, FAULT_AT_RUNNING };

struct planned_fault {
    enum fault_kind kind;
    bool strikes[HOST_COUNT]; /* the links by the host that sends */
    enum fault_when when;
    uint64_t at_ns;       /* FAULT_AT_INSTANT */
    enum phase phase;     /* FAULT_AT_PHASE */
    uint64_t duration_ns; /* FAULT_FOR_GOOD */
    /* SLOW: bit/s, or with is_factor how many times; DELAY: ns; CORRUPT: bytes; REFUSE: why */
    uint64_t value;
    bool is_factor;
    char text[FAULT_TEXT_MAX];
};

struct fault_plan {
    struct planned_fault faults[FAULT_PLAN_MAX];
    uint32_t count;
};

/* Reads a whole plan; "" and "none" are an empty one. STATUS_USAGE with what was wrong, where, and
 * what would be right. */
MUST_USE enum status fault_parse(const char *text, struct fault_plan *plan,
                                 struct problem *problem);

/* What a link of that bandwidth carries while this SLOW lasts. */
uint64_t fault_slowed(const struct planned_fault *fault, uint64_t bits_per_s);

#endif
