#include "machine/writes.h"

#include <string.h>

#include "base/status.h"
#include "base/units.h"

#define PRNG_PURPOSE 0x6d6f64656cull

const char *writes_pattern_name(enum writes_pattern pattern)
{
    static const char *const names[WRITES_PATTERN_COUNT] = {
#define WRITES_NAME(pattern, name, sentence) name,
        WRITES_PATTERNS(WRITES_NAME)
#undef WRITES_NAME
    };
    MUST((unsigned)pattern < WRITES_PATTERN_COUNT);
    return names[pattern];
}

const char *writes_pattern_sentence(enum writes_pattern pattern)
{
    static const char *const sentences[WRITES_PATTERN_COUNT] = {
#define WRITES_SENTENCE(pattern, name, sentence) sentence,
        WRITES_PATTERNS(WRITES_SENTENCE)
#undef WRITES_SENTENCE
    };
    MUST((unsigned)pattern < WRITES_PATTERN_COUNT);
    return sentences[pattern];
}

bool writes_find_pattern(const char *name, enum writes_pattern *pattern)
{
    for (unsigned i = 0; i < WRITES_PATTERN_COUNT; i++) {
        *pattern = (enum writes_pattern)i;
        if (strcmp(name, writes_pattern_name(*pattern)) == 0)
            return true;
    }
    return false;
}

void writes_init(struct writes *writes, enum writes_pattern pattern, uint64_t pages, uint64_t rate,
                 uint64_t seed)
{
    *writes = (struct writes){
        .pattern = pattern, .pages = pages, .rate = rate, .prng = prng_make(seed, PRNG_PURPOSE)};
    if (pattern == WRITES_ZIPF && pages > 0)
        writes->zipf = zipf_make(pages);
}

bool writes_are_none(const struct writes *writes)
{
    return writes->pattern == WRITES_IDLE || writes->rate == 0 || writes->pages == 0;
}

/* ---- When: write k is due as soon as floor(k * UNIT / rate) of the guest's work has been done,
 * where work is time, and in phases goes on at ten a nanosecond while busy and at one while quiet.
 * The last k that is due at an instant: k * UNIT / rate < work(instant + 1). ---- */

#define BUSY_WORK  (WRITES_QUIET_PART * WRITES_PHASE_NS)
#define CYCLE_WORK (BUSY_WORK + WRITES_PHASE_NS)
#define CYCLE_NS   (2 * WRITES_PHASE_NS)

static uint64_t unit_of(const struct writes *writes)
{
    return writes->pattern == WRITES_PHASES ? WRITES_QUIET_PART * NS_PER_S : NS_PER_S;
}

static bool is_quiet_at(uint64_t now_ns)
{
    return now_ns % CYCLE_NS >= WRITES_PHASE_NS;
}

static unsigned __int128 work_until(const struct writes *writes, unsigned __int128 until_ns)
{
    if (writes->pattern != WRITES_PHASES)
        return until_ns;
    uint64_t in_cycle_ns = (uint64_t)(until_ns % CYCLE_NS);
    unsigned __int128 work = until_ns / CYCLE_NS * CYCLE_WORK;
    return work + (in_cycle_ns < WRITES_PHASE_NS ? in_cycle_ns * WRITES_QUIET_PART
                                                 : BUSY_WORK + in_cycle_ns - WRITES_PHASE_NS);
}

uint64_t writes_at_ns(const struct writes *writes, uint64_t k)
{
    unsigned __int128 work = (unsigned __int128)k * unit_of(writes) / writes->rate;

    if (writes->pattern != WRITES_PHASES)
        return work < UINT64_MAX ? (uint64_t)work : UINT64_MAX;
    uint64_t in_cycle = (uint64_t)(work % CYCLE_WORK);
    unsigned __int128 at_ns = work / CYCLE_WORK * CYCLE_NS;
    at_ns += in_cycle < BUSY_WORK ? in_cycle / WRITES_QUIET_PART
                                  : WRITES_PHASE_NS + in_cycle - BUSY_WORK;
    return at_ns < UINT64_MAX ? (uint64_t)at_ns : UINT64_MAX;
}

/* One division here keeps the time out of the loop over writes. */
uint64_t writes_until(const struct writes *writes, uint64_t now_ns)
{
    unsigned __int128 bound = work_until(writes, (unsigned __int128)now_ns + 1) * writes->rate;
    unsigned __int128 count = (bound - 1) / unit_of(writes);
    return count < UINT64_MAX ? (uint64_t)count : UINT64_MAX;
}

/* ---- Where ---- */

uint64_t writes_next_page(const struct writes *writes, struct prng *prng)
{
    uint64_t pages = writes->pages;
    uint64_t hot_pages = pages / WRITES_HOT_PART;

    switch (writes->pattern) {
    case WRITES_SEQUENTIAL:
        return writes->count % pages;
    case WRITES_HOT_COLD:
        if (hot_pages == 0)
            break;
        if (prng_below(prng, 10) < WRITES_HOT_SHARE)
            return prng_below(prng, hot_pages);
        return hot_pages + prng_below(prng, pages - hot_pages);
    case WRITES_ZIPF:
        return zipf_next(&writes->zipf, prng) - 1;
    case WRITES_PHASES:
        if (is_quiet_at(writes_at_ns(writes, writes->count + 1)))
            return prng_below(prng, hot_pages > 0 ? hot_pages : 1);
        break;
    case WRITES_IDLE:
    case WRITES_UNIFORM:
    case WRITES_PATTERN_COUNT:
        break;
    }
    return prng_below(prng, pages);
}
