#include "record/spread.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"

/* Buckets: values below 128 have one each; above, each power of two is cut into 128.
 *
 *   value   1 m m m m m m m x x x x      the highest bit, seven more, and what a bucket ignores
 *           \_ 64 - clz     \__ shift = width of the bucket in bits
 */
#define PARTS_LOG    7
#define PARTS        (1u << PARTS_LOG)
#define BUCKET_COUNT ((64 - PARTS_LOG + 1) * PARTS)

/* Counting out goes twelve bits at a time: 16 KiB of counters, which stay in the first cache. */
#define BINS_LOG 12
#define BINS     (1u << BINS_LOG)

static unsigned shift_of(uint64_t value)
{
    return value < PARTS ? 0 : 63 - PARTS_LOG - (unsigned)__builtin_clzll(value);
}

static uint32_t bucket_of(uint64_t value)
{
    unsigned shift = shift_of(value);
    return shift * PARTS + (uint32_t)(value >> shift);
}

/* The first value of a bucket, and how many bits of its values it leaves open. */
static uint64_t bucket_base(uint32_t bucket, unsigned *shift)
{
    *shift = bucket < 2 * PARTS ? 0 : bucket / PARTS - 1;
    return (uint64_t)(bucket - *shift * PARTS) << *shift;
}

void spread_init(struct spread *spread)
{
    *spread = (struct spread){.buckets = calloc(BUCKET_COUNT, sizeof *spread->buckets)};
    MUST(spread->buckets != NULL);
}

void spread_fini(struct spread *spread)
{
    free(spread->values);
    free(spread->buckets);
    *spread = (struct spread){0};
}

void spread_copy(struct spread *to, const struct spread *from)
{
    if (to->capacity < from->count) {
        to->values = realloc(to->values, from->count * sizeof *to->values);
        MUST(to->values != NULL);
        to->capacity = from->count;
    }
    if (from->count > 0)
        memcpy(to->values, from->values, from->count * sizeof *to->values);
    memcpy(to->buckets, from->buckets, BUCKET_COUNT * sizeof *to->buckets);
    to->count = from->count;
    to->max = from->max;
}

uint64_t spread_bytes(const struct spread *spread)
{
    return spread->count * sizeof *spread->values + BUCKET_COUNT * sizeof *spread->buckets;
}

void spread_add(struct spread *spread, uint64_t value)
{
    if (spread->count == spread->capacity) {
        spread->capacity = spread->capacity == 0 ? 1024 : spread->capacity * 2;
        spread->values = realloc(spread->values, spread->capacity * sizeof *spread->values);
        MUST(spread->values != NULL);
    }
    spread->values[spread->count++] = value;
    spread->buckets[bucket_of(value)]++;
    if (value > spread->max)
        spread->max = value;
}

/* Among the values that agree with `base` above the lowest `shift` bits: the one at `rank` (from
 * 0). Each turn settles the next BINS_LOG bits by counting. */
static uint64_t count_out(const struct spread *spread, uint64_t base, unsigned shift, uint64_t rank)
{
    while (shift > 0) {
        uint32_t counts[BINS] = {0};
        unsigned rest = shift > BINS_LOG ? shift - BINS_LOG : 0;
        for (uint64_t i = 0; i < spread->count; i++) {
            uint64_t above = spread->values[i] - base;
            if (above >> shift == 0)
                counts[above >> rest]++;
        }
        uint32_t bin = 0;
        for (; rank >= counts[bin]; bin++)
            rank -= counts[bin];
        base += (uint64_t)bin << rest;
        shift = rest;
    }
    return base;
}

uint64_t spread_percentile(const struct spread *spread, uint64_t percent)
{
    MUST(percent >= 1 && percent <= 100);
    if (spread->count == 0)
        return 0;
    /* Nearest rank: ceil(percent / 100 * count), counted from 1. */
    uint64_t rank = (spread->count * percent + 99) / 100 - 1;
    uint32_t bucket = 0;
    for (; rank >= spread->buckets[bucket]; bucket++)
        rank -= spread->buckets[bucket];
    unsigned shift;
    uint64_t base = bucket_base(bucket, &shift);
    return count_out(spread, base, shift, rank);
}
