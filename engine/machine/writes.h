/* writes: when a model guest writes, and to which page. Write k (k = 1, 2, ...) is a function of
 * the pattern, the rate and the seed: nothing depends on how time is cut.
 *
 *   pattern     the page of a write                                    the instant of write k
 *   idle        -                                                      never
 *   uniform     each of the working set as likely                      floor(k * 1e9 / rate) ns
 *   sequential  one after the other, round and round                   the same
 *   hot-cold    9 of 10 to the first tenth, the tenth to the others    the same
 *   zipf        page i with a probability like (i + 1)^-0.99           the same
 *   phases      half a second busy: as uniform. Half a second quiet:   the same on a clock that
 *               the first tenth of the working set alone               is ten times slower in
 *                                                                      quiet phases
 *
 * All integers (zipf: base/zipf.h). A working set of less than ten pages has no hot tenth: hot-cold
 * is uniform there, and a quiet phase writes to one page.
 */
#ifndef MACHINE_WRITES_H
#define MACHINE_WRITES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/prng.h"
#include "base/zipf.h"

/* P(pattern, name, sentence): as in --guest model:NAME, and for who asks what it is. */
#define WRITES_PATTERNS(P)                                                                         \
    P(WRITES_IDLE, "idle", "no instructions and no writes")                                        \
    P(WRITES_UNIFORM, "uniform", "no instructions, only page writes, evenly over its working set") \
    P(WRITES_SEQUENTIAL, "sequential", "page writes to one page after the other, round and round") \
    P(WRITES_HOT_COLD, "hot-cold", "page writes, 9 of 10 of them to a tenth of the pages")         \
    P(WRITES_ZIPF, "zipf", "page writes to few pages often and to many seldom (exponent 0.99)")    \
    P(WRITES_PHASES, "phases", "busy and quiet by turns, each for half a second")

enum writes_pattern {
#define WRITES_ENUM(pattern, name, sentence) pattern,
    WRITES_PATTERNS(WRITES_ENUM)
#undef WRITES_ENUM
        WRITES_PATTERN_COUNT
};

#define WRITES_HOT_PART   10 /* a tenth is hot, or written in quiet phases, */
#define WRITES_HOT_SHARE  9  /* and gets 9 of 10 writes, not in phases */

#define WRITES_PHASE_NS   500000000ull
#define WRITES_QUIET_PART 10 /* of the rate is left in a quiet phase */

struct writes {
    enum writes_pattern pattern;
    uint64_t pages; /* the working set: 0 .. pages - 1 */
    uint64_t rate;  /* per second */
    struct zipf zipf;

    /* All that changes. */
    uint64_t count;   /* writes that have happened */
    struct prng prng; /* as it is before the next write chooses its page */
};

const char *writes_pattern_name(enum writes_pattern pattern);
const char *writes_pattern_sentence(enum writes_pattern pattern);
/* False when no pattern has that name. */
bool writes_find_pattern(const char *name, enum writes_pattern *pattern);

void writes_init(struct writes *writes, enum writes_pattern pattern, uint64_t pages, uint64_t rate,
                 uint64_t seed);
bool writes_are_none(const struct writes *writes);

/* Neither may be asked of writes that are none. */
uint64_t writes_at_ns(const struct writes *writes, uint64_t k);      /* k > 0 */
uint64_t writes_until(const struct writes *writes, uint64_t now_ns); /* the last k that is due */

/* The page of write count + 1; `prng` becomes what it is behind it. */
uint64_t writes_next_page(const struct writes *writes, struct prng *prng);

#endif
