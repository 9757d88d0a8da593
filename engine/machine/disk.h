/* disk: a block device as its guest sees it. A guest asks for blocks by hypercalls (hypercall.h),
 * and goes on; the world moves the bytes when it likes, from and to *memory*, which a cache may
 * hide from the harts; then the request is done.
 *
 *     guest asks  ->  `asked` grows, the request waits in the queue
 *     world       ->  disk_first: serves it (DMA), disk_complete: `done` grows
 *     guest polls ->  is told how far it has come: nothing interrupts it
 *
 * One request is served after the other: request n is done when `done` is n or more, and blocks are
 * written in the order in which that was asked for. Where blocks are kept, and who serves them, is
 * the world's. What moves with the guest is how many it has made: no request travels,
 * for the cut waits until all of them are done.
 */
#ifndef MACHINE_DISK_H
#define MACHINE_DISK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "machine/hypercall.h"

#define DISK_REQUESTS_MAX 16 /* a guest with more under way waits for the first of them */

struct disk_request {
    bool is_write; /* memory to disk */
    uint64_t block_idx;
    uint64_t address; /* a multiple of DISK_BLOCK_BYTES: a block lies within a page */
};

struct disk {
    uint64_t block_count; /* whoever serves the disk says it; 0: there is none */
    uint64_t asked, done;
    struct disk_request requests[DISK_REQUESTS_MAX]; /* request n at n modulo this */
};

/* The number of the request, from 1 on; a negative HYPERCALL_ error where it is none. The memory
 * has been looked at. */
int64_t disk_ask(struct disk *disk, const struct disk_request *request);
/* The request that is to be served next; NULL: none is under way. */
const struct disk_request *disk_first(const struct disk *disk);
void disk_complete(struct disk *disk); /* it is done */

void disk_save(const struct disk *disk, struct bytes *to);
/* False: requests are under way, or numbers that cannot be. */
bool disk_load(struct disk *disk, struct bytes_reader *from);

#endif
