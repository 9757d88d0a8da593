/* contents: what stands in a page of a model guest, made when somebody looks, or encodes it.
 *
 * A model's page is its number and its version; from these two follow its 4096 bytes, as 512
 * little-endian words. A page that was never written, version 0, is all zeros. Any other:
 *
 *     word  0             1         2 ... 255                                      256 ... 511
 *           page number   version   random numbers; each write changes one more    zeros
 *                                   of them, in order, round and round
 *
 * So bytes tell which page they are, as it was after which write, and whether one of them is wrong;
 * and they can be told in fewer bytes as real pages can: half of a page is worth compressing, and
 * two writes that are close to each other differ in a few words.
 */
#ifndef MACHINE_CONTENTS_H
#define MACHINE_CONTENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "machine/hypercall.h"

#define CONTENTS_ANY_PAGE UINT64_MAX

void contents_make(uint64_t page_idx, uint64_t version, uint8_t page[PAGE_BYTES]);
/* Which page and version these bytes are (of zeros: CONTENTS_ANY_PAGE, version 0); false when they
 * are none. */
bool contents_recognize(const uint8_t page[PAGE_BYTES], uint64_t *page_idx, uint64_t *version);

#endif
