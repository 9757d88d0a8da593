/* versions: one number for each of up to MODEL_PAGES_MAX pages, 0 at first, in little memory.
 *
 * Pages stand in chunks of 4096. A chunk in which all is 0 takes nothing; one that has been written
 * takes a byte a page, and 2, 4 or 8 when one of its numbers has outgrown that:
 *
 *     chunks   0       1       2            widths    0  1  2
 *              NULL    |.|.|   |..|..|..|   (bytes a page; 0: all zeros)
 *
 * So 1 TiB of pages is 256 MiB of numbers as long as no page was written more than 255 times, and
 * the pages that are written so often cannot be many: a write takes time.
 */
#ifndef MACHINE_VERSIONS_H
#define MACHINE_VERSIONS_H

#include <stdint.h>

struct versions {
    uint8_t **chunks; /* owned */
    uint8_t *widths;  /* owned */
    uint64_t page_count;
};

void versions_init(struct versions *versions, uint64_t page_count);
void versions_fini(struct versions *versions);

uint64_t versions_get(const struct versions *versions, uint64_t page_idx);
void versions_set(struct versions *versions, uint64_t page_idx, uint64_t version);

/* Of `count` pages from first_idx, as little-endian words of 8 bytes. */
void versions_read(const struct versions *versions, uint64_t first_idx, uint64_t count,
                   uint8_t *words);
void versions_write(struct versions *versions, uint64_t first_idx, uint64_t count,
                    const uint8_t *words);

uint64_t versions_bytes(const struct versions *versions); /* that the numbers take now */

#endif
