/* oracle: watches a world and says which of the design's rules hold. It sees everything, takes part
 * in nothing, and shares no code with what it watches.
 *
 *   one_runner     the guest never runs in two places, and is somewhere at the end
 *   same_memory    each page at the target equals the source's at the cut, or was written since
 *   streams        no byte of a connection is lost, doubled, changed or reordered
 *   one_instant    registers, memory, clock, caches, devices and streams at the target belong to one
 *                  cut; what the guest had flushed is there
 *   safe           a failure before COMMIT leaves the guest at the source as if nothing had been
 *                  tried; one after it leaves it where it can be recovered
 *   transparent    a guest ends with the digest and console that it has when it is never moved
 *   deterministic  the same scenario and seed make the same recording
 *
 * The last two need a second run; they do not apply until somebody makes one (run_verify).
 */
#ifndef SIM_ORACLE_H
#define SIM_ORACLE_H

#include <stdbool.h>
#include <stdint.h>

#define ORACLE_RULES(R)                \
    R(RULE_ONE_RUNNER, "one_runner")   \
    R(RULE_SAME_MEMORY, "same_memory") \
    R(RULE_STREAMS, "streams")         \
    R(RULE_ONE_INSTANT, "one_instant") \
    R(RULE_SAFE, "safe")               \
    R(RULE_TRANSPARENT, "transparent") \
    R(RULE_DETERMINISTIC, "deterministic")

enum oracle_rule {
#define ORACLE_ENUM(rule, key) rule,
    ORACLE_RULES(ORACLE_ENUM)
#undef ORACLE_ENUM
        RULE_COUNT
};

struct oracle {
    bool applies[RULE_COUNT];
    bool is_broken[RULE_COUNT];
    char what[256]; /* the first break: which rule, when, what was seen; "" while all holds */
};

const char *oracle_rule_key(enum oracle_rule rule);
bool oracle_holds(const struct oracle *oracle); /* every rule that applies */
void oracle_break(struct oracle *oracle, enum oracle_rule rule, uint64_t now_ns, const char *format,
                  ...) __attribute__((format(printf, 4, 5)));

#endif
