/* units: sizes, rates and times as people write them, as integers in one base unit.
 *
 * A number without its unit is refused, with an example of what would be right: "64" may mean
 * bytes, pages or megabytes, and a factor of 8 between bits and bytes is the commonest mistake in
 * the field. Decimal fractions are accepted where the result is a whole number of base units.
 *
 *   kind                 base unit    accepted
 *   UNIT_SIZE            byte         B KiB MiB GiB (powers of 1024), kB MB GB (powers of 1000)
 *   UNIT_TIME            nanosecond   ns us ms s min
 *   UNIT_BANDWIDTH       bit/s        bit/s kbit/s Mbit/s Gbit/s Tbit/s, and bytes: B/s kB/s MB/s
 *                                     GB/s KiB/s MiB/s GiB/s
 *   UNIT_PAGE_RATE       page/s       pages/s kpages/s Mpages/s
 *   UNIT_REQUEST_RATE    request/s    /s k/s
 *   UNIT_CPU_RATE        instr/s      IPS kIPS MIPS GIPS
 *   UNIT_COUNT           one          digits only
 */
#ifndef BASE_UNITS_H
#define BASE_UNITS_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

enum unit_kind {
    UNIT_SIZE,
    UNIT_TIME,
    UNIT_BANDWIDTH,
    UNIT_PAGE_RATE,
    UNIT_REQUEST_RATE,
    UNIT_CPU_RATE,
    UNIT_COUNT,
};

#define NS_PER_S  1000000000ull
#define NS_PER_MS 1000000ull
#define NS_PER_US 1000ull

/* Reads all of `text`. STATUS_USAGE with a detail (what was wrong, an example) when it is not a
 * number with a unit of that kind, or does not fit 63 bits. */
MUST_USE enum status units_parse(enum unit_kind kind, const char *text, uint64_t *value,
                                 struct problem *problem);

/* Writes the shortest exact form that units_parse reads back ("64MiB", "200Mbit/s"). */
void units_format(enum unit_kind kind, uint64_t value, char *text, size_t text_bytes);

/* Writes a rounded form with at most four significant digits for people: "2.750 s", "64.00 MiB". A
 * count is written whole, its digits grouped: "16,777,216". */
void units_for_people(enum unit_kind kind, uint64_t value, char *text, size_t text_bytes);

/* a * b / c rounded down, through 128 bits; c > 0 and the result must fit 64 bits. */
uint64_t units_mul_div(uint64_t a, uint64_t b, uint64_t c);
/* The same of numbers that somebody else has told, a recording or another host: UINT64_MAX where it
 * would not fit, and for a division by 0. */
uint64_t units_mul_div_told(uint64_t a, uint64_t b, uint64_t c);

#endif
