/* frame: the unit of the migration stream. Every frame says how long it is and carries a checksum.
 *
 *    0               4     5     6           8                              16
 *    +---------------+-----+-----+-----------+-------------------------------+--- ... ---+
 *    | payload bytes |type | note| check     | checksum                      |  payload  |
 *    +---------------+-----+-----+-----------+-------------------------------+--- ... ---+
 *
 * All numbers are little-endian. `check` is the low 16 bits of XXH3-64 of bytes 0..5: a length
 * is waited for only where it was meant (but for one change in 65,536, which the payload's checksum
 * finds once so many bytes are there). `note` belongs to the type (PAGES: why the pages travel).
 *
 *    checksum := XXH3-64 of (bytes 0..7 | XXH3-64 of front | XXH3-64 of pages)
 *    payload   = front | pages      front: the payload's length modulo 4096
 *
 * It covers the first eight bytes and the payload, so that no header can be taken for another. Where
 * a payload ends in whole pages they are looked at in one go, wherever they lie: in pieces it would
 * take twice as long, and both ends look at every byte.
 *
 * A decoder that is fed any bytes, cut anywhere, either asks for more or refuses: it believes a
 * length only within FRAME_PAYLOAD_MAX, and a payload only after its checksum.
 */
#ifndef WIRE_FRAME_H
#define WIRE_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"

#define FRAME_HEADER_BYTES 16
#define FRAME_PAGE_BYTES   4096u
/* The largest state (64 streams with both windows full, 8 harts) is below 600 KiB. */
#define FRAME_PAYLOAD_MAX (1u << 20)

/* message.h has the payloads. */
enum frame_type {
    /* source -> target */
    FRAME_HELLO,
    FRAME_PAGES,
    FRAME_STALE,
    FRAME_STATE,
    FRAME_COMMIT,
    /* target -> source */
    FRAME_READY,
    FRAME_RUNNING,
    FRAME_PAGE_REQUEST,
    FRAME_COMPLETE,
    FRAME_REFUSED,
    /* source -> target, instead of all the rest */
    FRAME_ABORT,
    /* source -> target, and its answer */
    FRAME_BARRIER,
    FRAME_BARRIER_ACK,
    /* a new connection after COMMIT: source -> target, and its answer */
    FRAME_RECOVER,
    FRAME_BITMAP,
    /* source -> target: a client's packet that still came to the old host */
    FRAME_FORWARD,
    /* at the beginning of a file, and nowhere else */
    FRAME_SAVED,
    /* between a host and the gateway, both ways (live/trunk.h); never in a migration stream */
    FRAME_TALK,
    FRAME_PACKET,
    FRAME_EVENTS,
    /* source -> target: plain pages in a row */
    FRAME_ROW,
    FRAME_TYPE_COUNT
};

struct frame {
    enum frame_type type;
    uint8_t note;
    const uint8_t *payload; /* borrowed from the bytes that were decoded */
    uint32_t payload_bytes;
};

/* Encoding in two steps, so that a payload is written once, in place: begin appends a header to
 * `to` and returns where it stands; whatever is appended then is the payload; end seals it. */
size_t frame_begin(struct bytes *to, enum frame_type type, uint8_t note);
void frame_end(struct bytes *to, size_t begin);

/* The same where the payload ends in whole pages that lie elsewhere; less than a page is in front. */
void frame_end_with(struct bytes *to, size_t begin, const void *pages, size_t pages_bytes);

/* Of such a frame, `head` being its header and what is in front of the pages: what kind it says it
 * is (its payload is not borrowed: NULL), and whether its checksum is right. */
MUST_USE enum status frame_decode_header(const uint8_t *header, struct frame *frame);
bool frame_is_whole(const uint8_t *head, size_t head_bytes, const uint8_t *pages,
                    size_t pages_bytes);

/* Decodes the first frame of `data`. `*consumed` is its whole length, or 0: not enough bytes yet.
 * STATUS_BAD_STREAM for a length, type, check or checksum that cannot be. */
MUST_USE enum status frame_decode(const uint8_t *data, size_t count, struct frame *frame,
                                  size_t *consumed);

#endif
