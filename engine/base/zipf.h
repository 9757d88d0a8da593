/* zipf: random ranks, some far more often than others: rank k (1, 2, ... count) with a probability
 * proportional to k^-0.99, the exponent of the YCSB benchmarks (Cooper et al., SoCC 2010). Integers
 * only, no library: a guest and a model draw the same ranks, on every machine.
 *
 * By rejection (Devroye: "Non-Uniform Random Variate Generation", 1986, section II.3): beneath a
 * staircase that is easy to draw from, a rank is kept with the probability (law / staircase).
 *
 *     octave b holds the ranks lo = 2^b ... 2 lo - 1; its step is as high as its first rank
 *
 *       1 |#
 *         |#                         # the law    . what is drawn and thrown away (3 in 10)
 *     1/2 |##..
 *         |####....                  area of octave b: 2^b * (2^b)^-0.99 = 2^(b/100)
 *     1/4 |########........
 *         +----------------
 *          12 34  octave 3
 *
 * So one constant, the hundredth root of 2, makes the whole table, and the octaves are nearly
 * equally likely. A rank is kept where u < (lo/k)^0.99 for a u in [0, 1): the same as (u k/lo)^100
 * < k/lo, which nine multiplications decide; of a hundred ranks 99 are decided by u k/lo alone,
 * because the hundredth root of k/lo lies between 1 and 1.007.
 *
 * Exact but for rounding: no probability is wrong by more than one part in 2^50, for any count. */
#ifndef BASE_ZIPF_H
#define BASE_ZIPF_H

#include <stdbool.h>

#include "base/prng.h"

#define ZIPF_OCTAVES   41
#define ZIPF_COUNT_MAX (1ull << (ZIPF_OCTAVES - 1))

/* Fixed point: 62 bits behind the point, so that 1 .. 4 fit into a word. */
#define ZIPF_ONE         (1ull << 62)
#define ZIPF_ROOT_OF_TWO 4643762831374429860ull /* 2^(1/100) */
#define ZIPF_AREA_SHIFT  6                      /* 41 octaves of at most 2^0.4 are below 2^6 */

struct zipf {
    uint64_t count; /* the ranks are 1 .. count */
    uint64_t
        area_below[ZIPF_OCTAVES]; /* of this octave and all before it; the last is all there is */
    uint32_t octave_count;
};

static inline uint64_t zipf_multiply(uint64_t a, uint64_t b)
{
    return (uint64_t)((unsigned __int128)a * b >> 62);
}

/* How many ranks an octave holds: the last is cut off at `count`. */
static inline uint64_t zipf_width(const struct zipf *zipf, uint32_t octave)
{
    uint64_t lo = 1ull << octave;
    return zipf->count - lo < lo ? zipf->count - lo + 1 : lo;
}

/* `count`: 1 .. ZIPF_COUNT_MAX. */
static inline struct zipf zipf_make(uint64_t count)
{
    struct zipf zipf = {.count = count};
    uint64_t area = ZIPF_ONE, sum = 0;

    for (uint32_t b = 0; b < ZIPF_OCTAVES && count >> b > 0; b++) {
        sum += (uint64_t)((unsigned __int128)area * zipf_width(&zipf, b) >> (b + ZIPF_AREA_SHIFT));
        zipf.area_below[b] = sum;
        zipf.octave_count = b + 1;
        area = zipf_multiply(area, ZIPF_ROOT_OF_TWO);
    }
    return zipf;
}

/* Whether rank k of octave b is kept by u: u / 2^64 < (2^b / k)^0.99. */
static inline bool zipf_is_kept(uint64_t k, uint32_t octave, uint64_t u)
{
    uint64_t x = (uint64_t)((unsigned __int128)u * k >> (octave + 2)); /* u k/lo */
    uint64_t x4, x32;

    if (x < ZIPF_ONE || x >= ZIPF_ROOT_OF_TWO)
        return x < ZIPF_ONE;
    x4 = zipf_multiply(x, x);
    x4 = zipf_multiply(x4, x4);
    x32 = zipf_multiply(x4, x4);
    x32 = zipf_multiply(x32, x32);
    x32 = zipf_multiply(x32, x32);
    return zipf_multiply(zipf_multiply(zipf_multiply(x32, x32), x32), x4) <
           (uint64_t)((unsigned __int128)k << 62 >> octave);
}

/* A rank: 1 is the most frequent. Three random numbers a try, 1.44 tries on average. */
static inline uint64_t zipf_next(const struct zipf *zipf, struct prng *prng)
{
    for (;;) {
        uint64_t area = prng_below(prng, zipf->area_below[zipf->octave_count - 1]);
        uint32_t octave = 0, beyond = zipf->octave_count;

        while (beyond - octave > 1) { /* the first octave whose area_below is beyond `area` */
            uint32_t middle = (octave + beyond) / 2;
            if (area < zipf->area_below[middle - 1])
                beyond = middle;
            else
                octave = middle;
        }
        uint64_t k = (1ull << octave) + prng_below(prng, zipf_width(zipf, octave));
        if (zipf_is_kept(k, octave, prng_next(prng)))
            return k;
    }
}

#endif
