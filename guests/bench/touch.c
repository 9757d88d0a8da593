/* One store to each page of memory that nobody has touched. */
#include "bench.h"

#ifndef MIB
#define MIB 64
#endif

static volatile uint8_t pages[MIB << 20];

int bench_main(void)
{
    for (size_t i = 0; i < sizeof pages; i += 4096)
        pages[i] = 1;
    return 0;
}
