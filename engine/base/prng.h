/* prng: seeded random numbers, the same on every machine.
 *
 * splitmix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", OOPSLA 2014):
 * one 64-bit word of state, so that it is saved and copied with whatever owns it.
 */
#ifndef BASE_PRNG_H
#define BASE_PRNG_H

#include <stdint.h>

struct prng {
    uint64_t state;
};

#define PRNG_STEP 0x9e3779b97f4a7c15ull

static inline uint64_t prng_next(struct prng *prng)
{
    uint64_t z = prng->state += PRNG_STEP;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}

/* A stream of its own for each (seed, purpose): adding a user of one stream shifts no other.
 *
 * All streams walk the one cycle of splitmix64 by the same step, so a beginning is drawn at random:
 * beginnings that are multiples of the step would make seed 2 the stream of seed 1 without its
 * first number. */
static inline struct prng prng_make(uint64_t seed, uint64_t purpose)
{
    struct prng of_seed = {seed};
    struct prng of_both = {prng_next(&of_seed) + purpose};
    return (struct prng){prng_next(&of_both)};
}

/* As if so many numbers had been taken. */
static inline void prng_skip(struct prng *prng, uint64_t count)
{
    prng->state += count * PRNG_STEP;
}

/* 0 .. bound - 1, by the high half of a 128-bit product (bias below bound / 2^64). */
static inline uint64_t prng_below(struct prng *prng, uint64_t bound)
{
    return (uint64_t)((unsigned __int128)prng_next(prng) * bound >> 64);
}

#endif
