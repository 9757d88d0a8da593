/* arithmetic: division as the M extension defines it (Volume I, table 7.1), for both dispatchers.
 * Division never traps: by zero it gives all ones and leaves the dividend; the one overflow gives
 * the dividend and leaves 0. The 32-bit forms come here with extended operands, for which the same
 * holds after truncation. */
#ifndef MACHINE_ARITHMETIC_H
#define MACHINE_ARITHMETIC_H

#include <stdint.h>

static inline uint64_t divide(uint64_t a, uint64_t b)
{
    return b == 0 ? UINT64_MAX : a / b;
}

static inline uint64_t remainder_of(uint64_t a, uint64_t b)
{
    return b == 0 ? a : a % b;
}

static inline uint64_t divide_signed(int64_t a, int64_t b)
{
    if (b == 0)
        return UINT64_MAX;
    return b == -1 ? -(uint64_t)a : (uint64_t)(a / b);
}

static inline uint64_t remainder_signed(int64_t a, int64_t b)
{
    if (b == 0)
        return (uint64_t)a;
    return b == -1 ? 0 : (uint64_t)(a % b);
}

#endif
