/* page_delta: a page told by what has changed since the copy that was sent before. The idea is that
 * of XBZRLE (Svärd et al., "Evaluation of delta compression techniques for efficient live migration
 * of large virtual machines", VEE 2011): the copy sent before lies at the other end already.
 *
 *   the page |......###...........................##.####.......................................|
 *                \__ / \ /\_________________________/\_____/\_____________________________________/
 *                skip  new           skip              new                 not told
 *
 *   the delta   one or more of   +--------------+--------------+-----------+
 *                                | skip varint  | count varint | count new |
 *                                +--------------+--------------+-----------+
 *
 * `skip` bytes are as they were, then `count` (at least 1) are new. What follows the last entry is
 * as it was; the delta of a page that has not changed is empty. Two changes with no more than
 * DELTA_GAP_MAX bytes between them are told as one: an entry of its own would cost as much.
 */
#ifndef WIRE_PAGE_DELTA_H
#define WIRE_PAGE_DELTA_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#define DELTA_PAGE_BYTES 4096
#define DELTA_GAP_MAX    2

/* Writes the delta that makes `page` of `base` to `delta`, at most `most` bytes of it. Returns its
 * bytes, or SIZE_MAX when it would be longer. */
size_t page_delta_encode(const uint8_t base[DELTA_PAGE_BYTES], const uint8_t page[DELTA_PAGE_BYTES],
                         uint8_t *delta, size_t most);

/* Makes the page. STATUS_BAD_STREAM for a delta that says too little or reaches beyond the page;
 * `page` is then of no use. */
MUST_USE enum status page_delta_decode(const uint8_t base[DELTA_PAGE_BYTES], const uint8_t *delta,
                                       size_t count, uint8_t page[DELTA_PAGE_BYTES]);

#endif
