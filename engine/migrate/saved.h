/* saved: a machine in a file (C1), which is a move whose link is that file. The source writes what
 * it would say to a target, by stop-and-copy; another process, perhaps much later, gives the same
 * bytes to a target. There is no second format and no second way to install a page:
 *
 *     SAVED  SAVED ...  HELLO  PAGES PAGES ...  STATE  COMMIT
 *
 * The first SAVED is for whoever opens the file: which guest it is and how large, as lines of text
 * that both ends of a saving agree on and nobody here reads. The others (note 1) hold what the two
 * hosts of a move share and a file must bring along: the disk, as u64 first byte, bytes. A file has
 * no target behind it: the READY that a source waits for is said by the saving, and RUNNING, after
 * which the source has moved its guest, when the file is safe.
 *
 * A file is believed as little as a link: frame by frame, by its checksums, and the guest runs when
 * COMMIT has been verified, nothing is missing, and nothing stands behind it.
 */
#ifndef MIGRATE_SAVED_H
#define MIGRATE_SAVED_H

#include "migrate/source.h"
#include "migrate/target.h"

#define SAVED_MAGIC    "ferry saved machine\n" /* the text begins with it: what sort of file it is */
#define SAVED_TEXT_MAX 8192                    /* more than a guest's arguments and name */

/* ---- Writing ---- */

struct saving {
    struct source source;
    struct event_list events;
};

/* The guest stands still until saving_fini. */
void saving_init(struct saving *saving, struct guest *guest);
/* Appends SAVED with the magic and `text` to what is to be written. */
void saving_begin(struct bytes *to, const char *text);
/* Appends what a disk holds, but for what is zero anyway. */
void saving_put_disk(struct bytes *to, const uint8_t *disk, size_t disk_bytes);
/* Appends the next piece; false: all was written, and nothing was appended. */
bool saving_next(struct saving *saving, struct bytes *to);
void saving_fini(struct saving *saving);

/* ---- Reading ---- */

/* The text behind the magic, at the beginning of a file: `*consumed` is SAVED's whole length, 0:
 * not enough bytes yet. STATUS_BAD_INPUT: that is no saved machine, or SAVED is damaged. */
MUST_USE enum status saved_read_text(const uint8_t *data, size_t count, const char **text,
                                     size_t *text_bytes, size_t *consumed, struct problem *problem);

struct resuming {
    struct target target;
    struct event_list events;
    uint8_t *disk;     /* borrowed: what the file's disk goes to, */
    size_t disk_bytes; /* and how large it is */
    struct bytes in;   /* received, not a whole frame yet */
    uint64_t position; /* of the frame that is read, in the file */
};

/* `guest` is empty and of the shape that the text tells; `position`: how many bytes SAVED took. */
void resuming_init(struct resuming *resuming, struct guest *guest, uint64_t position, uint8_t *disk,
                   size_t disk_bytes);
/* What stands behind SAVED, in pieces of any size. */
MUST_USE enum status resuming_receive(struct resuming *resuming, const uint8_t *data, size_t count,
                                      struct problem *problem);
/* The file is over. STATUS_OK: the guest is here, whole, and may run. */
MUST_USE enum status resuming_finish(struct resuming *resuming, struct problem *problem);
void resuming_fini(struct resuming *resuming);

#endif
