/* sections: a saved state as parts that describe themselves, so that it can be read by a program
 * that is older or newer than its writer, and is refused where that cannot go well.
 *
 *     "FRST" | u16 format (2) | u16 0 | section | section | ... | END
 *
 *       4 bytes     2         2         4         `length` bytes              8
 *     +---------+---------+---------+---------+---------------------+-----------------------+
 *     |   tag   | version |  flags  | length  |  the section's own  | XXH3-64 of all before |
 *     +---------+---------+---------+---------+---------------------+-----------------------+
 *                                                  in this section; END's: in all of the state
 *
 * Numbers are little-endian. A section that is not known is skipped where its flags say that it is
 * SECTION_OPTIONAL, and refused by its name where not. Known ones come once each, in the order of
 * their table, and are read to their last byte.
 *
 * A section that reads version 0 may be absent: where save writes nothing it is left out, and load is
 * given version 0 and an empty body. So a state that does without it is what it was before there was
 * such a section.
 *
 * Format 1, which has been written before, is read as well: no head, no flags and no checksums, END
 * is empty.
 */
#ifndef MACHINE_SECTIONS_H
#define MACHINE_SECTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"

#define SECTION_OPTIONAL 1u /* who does not know it may do without */

/* A row of a guest's table. The state is whatever the guest gives to save and load. */
struct section {
    char tag[5];
    uint16_t oldest_version; /* that load reads; 0: see below */
    uint16_t version;        /* that save writes; load reads all between */
    void (*save)(const void *state, struct bytes *to);
    /* NULL, or what is wrong as words behind "section TAG: ". What it does not read is refused. */
    const char *(*load)(void *state, uint16_t version, struct bytes_reader *body);
};

void sections_save(const struct section *sections, size_t count, const void *state,
                   struct bytes *to);

/* Reads all that `from` holds. STATUS_BAD_STATE, with a problem that names the section, where it is
 * damaged, cut off, or of another kind or time; `state` is then half loaded: who calls gives one
 * that can be thrown away. */
MUST_USE enum status sections_load(const struct section *sections, size_t count, void *state,
                                   struct bytes_reader *from, struct problem *problem);

/* For who only looks at a state that was just saved: the next section's tag and the bytes of its
 * body; false at END, and where no section stands. Begins behind the head that it skips. */
bool sections_next(struct bytes_reader *from, char tag[5], uint32_t *body_bytes);

#endif
