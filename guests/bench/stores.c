/* Memory filled from one end to the other, a word of 32 bits at a time. */
#include "bench.h"

#ifndef ROUNDS
#define ROUNDS 400
#endif
#define WORDS (1u << 20)

static volatile uint32_t words[WORDS];

int bench_main(void)
{
    for (uint32_t round = 0; round < ROUNDS; round++)
        for (uint32_t i = 0; i < WORDS; i++)
            words[i] = round + i;
    return words[WORDS - 1] != ROUNDS - 1 + WORDS - 1;
}
