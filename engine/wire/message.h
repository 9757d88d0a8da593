/* message: what the frames of the migration stream say.
 *
 *   frame         direction  payload (little-endian)
 *   HELLO         s -> t     u32 magic, u16 version, u16 0, u32 features,
 *                            u32 payload bytes of a page, u64 pages,
 *                            kind of guest as 16 characters, filled up with zeros
 *   READY         s <- t     -  (it has the memory and understands the guest)
 *   PAGES         s -> t     pages, in one of six forms: message_pages.h
 *   ROW           s -> t     u64 first page, and the bytes of pages that follow each other, plain;
 *                            as many as came; note as of PAGES: message_pages.h
 *   STALE         s -> t     u64 first page, bits (set: the copy sent before is stale)
 *   STATE         s -> t     everything but the pages, as the guest saves itself
 *   COMMIT        s -> t     u64 pages that are missing at the target, u64 digest of STATE
 *   RUNNING       s <- t     -  (it has verified all of it, and runs)
 *   REFUSED       s <- t     reason as text, at any time before it runs
 *   PAGE_REQUEST  s <- t     u64 page number; note: MESSAGE_AGAIN where it came and was wrong
 *   COMPLETE      s <- t     -  (no page is missing any more)
 *   ABORT         s -> t     reason as text
 *   BARRIER       s -> t     u64 its number: every page that a flush made dirty is before it
 *   BARRIER_ACK   s <- t     u64 the same: what came before it is installed
 *   RECOVER       s -> t     u64 digest of the STATE that was committed
 *   BITMAP        s <- t     u64 first page, bits (set: the page is here)
 *   FORWARD       s -> t     u32 stream, u32 0, u64 sequence, u64 ack, u16 0, u8 is the end behind
 *                            it, u8 the sender has moved, bytes (stream.h says what they mean)
 *   SAVED         file       which guest it is and how large, as text: migrate/saved.h
 *
 *   s -> t   HELLO         PAGES PAGES ... STALE STATE COMMIT          PAGES ...
 *   s <- t          READY                                     RUNNING  PAGE_REQUEST ...  COMPLETE
 *
 * HELLO's features are the forms in which pages may come, bit i for form i of enum page_form, and
 * from bit 16 on MESSAGE_FEATURE_... A target that does not know one of them says so, by name,
 * before anything else is sent.
 *
 * When the connection breaks after COMMIT, all that was under way is lost, and a new one begins
 * with the question what the target has. Pages that it lacks travel (again); it asks (again) for
 * those that its harts wait for. A target that had not verified COMMIT answers REFUSED.
 *
 *   s -> t   RECOVER                            PAGES ...
 *   s <- t            BITMAP ... RUNNING  PAGE_REQUEST ...  COMPLETE
 */
#ifndef WIRE_MESSAGE_H
#define WIRE_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bitmap.h"
#include "base/event.h"
#include "wire/frame.h"
#include "wire/message_pages.h"

#define MESSAGE_MAGIC      0x59525246u /* "FRRY" */
#define MESSAGE_VERSION    3
#define MESSAGE_KIND_BYTES 16
#define MESSAGE_AGAIN      1
#define MESSAGE_REASON_MAX 160

/* Bits in one STALE frame: a whole number of bytes, far below the largest payload. */
#define MESSAGE_STALE_BITS (1u << 20)

/* What the two ends of a move must both know beyond the table's first part: the bits of `features`.
 * A target that is asked for one that it does not know refuses before anything is sent. */
#define MESSAGE_FEATURE_RECOVER (1u << 16) /* RECOVER, BITMAP */
#define MESSAGE_FEATURE_FORWARD (1u << 17) /* FORWARD */
#define MESSAGE_FEATURE_ROW     (1u << 18) /* ROW */
#define MESSAGE_FEATURES        (MESSAGE_FEATURE_RECOVER | MESSAGE_FEATURE_FORWARD | MESSAGE_FEATURE_ROW)

struct message_hello {
    uint16_t version;
    uint32_t features; /* forms of pages, and MESSAGE_FEATURE_..., that this move may need */
    uint32_t payload_bytes;
    uint64_t total_pages;
    char kind[MESSAGE_KIND_BYTES + 1];
};

struct message_commit {
    uint64_t missing_pages;
    uint64_t state_digest;
};

/* A client's packet on its way through the tunnel; what its numbers mean, stream.h says. */
struct message_forward {
    uint32_t stream_idx;
    uint64_t sequence, ack;
    bool is_fin, is_rehome;
    const uint8_t *data; /* borrowed */
    uint32_t bytes;
};

/* What STATE and COMMIT cost on the link for a state of that many bytes. */
static inline uint64_t message_hand_over_bytes(uint64_t state_bytes)
{
    return FRAME_HEADER_BYTES + state_bytes + FRAME_HEADER_BYTES + 16;
}

/* Each appends one whole frame. */
void message_put_hello(struct bytes *to, const struct message_hello *hello);
void message_put_stale(struct bytes *to, const struct bitmap *stale, uint64_t first_idx);
void message_put_bitmap(struct bytes *to, const struct bitmap *present, uint64_t first_idx);
void message_put_state(struct bytes *to, const struct bytes *state);
void message_put_commit(struct bytes *to, const struct message_commit *commit);
void message_put_number(struct bytes *to, enum frame_type type,
                        uint64_t number); /* PAGE_REQUEST, BARRIER, BARRIER_ACK, RECOVER */
void message_put_request_again(struct bytes *to, uint64_t page_idx);
void message_put_forward(struct bytes *to, const struct message_forward *forward);
/* The payload of FORWARD alone, for another frame that has the same. */
void message_put_forward_payload(struct bytes *to, const struct message_forward *forward);
/* REFUSED, ABORT; and with "": READY, RUNNING, COMPLETE. */
void message_put_text(struct bytes *to, enum frame_type type, const char *text);

/* Each reads a frame of its type whole, or says STATUS_BAD_STREAM. */
MUST_USE enum status message_get_hello(const struct frame *frame, struct message_hello *hello);
MUST_USE enum status message_get_commit(const struct frame *frame, struct message_commit *commit);
MUST_USE enum status message_get_number(const struct frame *frame, uint64_t *number);
/* Printable, and cut where it is longer. */
void message_get_text(const struct frame *frame, char text[MESSAGE_REASON_MAX]);
/* The bits of STALE and BITMAP, with the page where they begin; the caller checks the range. */
MUST_USE enum status message_get_stale(const struct frame *frame, uint64_t *first_idx,
                                       const uint8_t **bits, uint32_t *bit_count);

MUST_USE enum status message_get_forward(const struct frame *frame,
                                         struct message_forward *forward);

#endif
