/* contents: what stands in a page of a model guest, made when somebody looks.
 *
 * A model's page is its number and its version; from these two follow its 4096 bytes, as 512
 * little-endian words:
 *
 *     word  0             1             2 ... 511
 *           page number   version       the random numbers of prng_make(page number, version)
 *
 * So bytes tell which page they are, as it was after which write, and whether one of them is wrong.
 * No page is all zeros, and none is worth compressing.
 */
#ifndef MACHINE_CONTENTS_H
#define MACHINE_CONTENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "machine/hypercall.h"

void contents_make(uint64_t page_idx, uint64_t version, uint8_t page[PAGE_BYTES]);
/* Which page and version these bytes are; false when they are none. */
bool contents_recognize(const uint8_t page[PAGE_BYTES], uint64_t *page_idx, uint64_t *version);

#endif
