#include "machine/csr.h"

#include <stddef.h>

#define CSR_STVEC      0x105
#define CSR_SENVCFG    0x10a
#define CSR_SSTATUS    0x100
#define CSR_SIP        0x144

#define SSTATUS_UXL_64 (2ull << 32)

struct csr {
    uint32_t number;
    const char *name;
};

static const struct csr csrs[] = {
#define CSR(number, name, mask)           {number, #name},
#define COUNTER(number, name, bit, value) {number, #name},
#include "machine/csr.def"
#undef CSR
#undef COUNTER
};
#define CSR_COUNT (sizeof csrs / sizeof *csrs)

uint32_t csr_count(void)
{
    return CSR_COUNT;
}

uint32_t csr_number(uint32_t idx)
{
    MUST(idx < CSR_COUNT);
    return csrs[idx].number;
}

const char *csr_name(uint64_t number)
{
    for (size_t i = 0; i < CSR_COUNT; i++)
        if (csrs[i].number == number)
            return csrs[i].name;
    return NULL;
}

static bool is_allowed(const struct hart *hart, uint64_t number)
{
    bool is_for_users = (number >> 8 & 3) == 0;
    return is_for_users || !hart->is_user;
}

bool csr_read(const struct hart *hart, const struct hart_clock *clock, uint64_t number,
              uint64_t *value)
{
    if (!is_allowed(hart, number))
        return false;
    switch (number) {
#define CSR(number, name, mask) \
    case number:                \
        *value = hart->name;    \
        break;
#define COUNTER(number, name, bit, from)                         \
    case number:                                                 \
        if (hart->is_user && (hart->scounteren >> bit & 1) == 0) \
            return false;                                        \
        *value = from;                                           \
        break;
#include "machine/csr.def"
#undef CSR
#undef COUNTER
    default:
        return false;
    }
    if (number == CSR_SSTATUS)
        *value |= SSTATUS_UXL_64;
    if (number == CSR_SIP)
        *value = hart_pending(hart, hart_clock_ns(clock, clock->ticks));
    return true;
}

/* A value that a field cannot take leaves the field as it was. */
static uint64_t legal(uint64_t number, uint64_t before, uint64_t value)
{
    if (number == CSR_STVEC && (value & 3) > 1) /* neither direct nor vectored */
        return before;
    if (number == CSR_SENVCFG && SENVCFG_CBIE(value) == 2)
        return (value & SENVCFG_CBCFE) | (before & ~SENVCFG_CBCFE);
    return value;
}

bool csr_write(struct hart *hart, uint64_t number, uint64_t value)
{
    if (!is_allowed(hart, number))
        return false;
    switch (number) {
#define CSR(number, name, mask)                                                            \
    case number:                                                                           \
        hart->name = (hart->name & ~(mask)) | (legal(number, hart->name, value) & (mask)); \
        return true;
#define COUNTER(number, name, bit, from) /* read-only */
#include "machine/csr.def"
#undef CSR
#undef COUNTER
    default:
        return false;
    }
}
