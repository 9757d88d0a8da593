/* bench: what the benchmarks measure with: wall time, and its order. For files named *_bench.c
 * alone, which any floor may have; nothing else below floor 3 reads a clock. */
#ifndef BASE_BENCH_H
#define BASE_BENCH_H

#include <time.h>

static inline double bench_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* For qsort, of doubles. */
static inline int bench_by_size(const void *a, const void *b)
{
    double difference = *(const double *)a - *(const double *)b;
    return difference < 0 ? -1 : difference > 0;
}

#endif
