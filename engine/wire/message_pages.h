/* message_pages: what a PAGES frame says: pages of one form, which travel for one reason.
 *
 *   form               payload (little-endian)
 *   plain              one or more of: u64 page number, payload
 *   zero, free         one or more of: u64 first page, u64 pages
 *   delta, lz4, zstd   u64 first page; then of each page of a run, in order:
 *                      u64 digest of its contents, u16 bytes, the bytes
 *
 *   note of the frame     7    4 3    0
 *                       +------+------+
 *                       | form | why  |
 *                       +------+------+
 *
 * A plain page costs the same on the link alone or in a run: a frame's header, its number, its
 * bytes (MESSAGE_PAGE_WIRE_BYTES). Zero pages, and pages that the guest has given away, cost a few
 * bytes a run.
 *
 * A ROW is for pages of a machine that are sent from where they lie, and read to where they belong:
 * there each piece that stands by itself costs time, a header as much as a page. So there is one
 * header for up to MESSAGE_ROW_PAGES of them, and its bytes are charged as they are:
 *
 *   u64 first page, then the bytes of that page and of those behind it; the note as above, form plain
 *
 * A model guest's page carries only its version (guest.h: payload), in whatever form it travels,
 * and is charged what its contents would cost in that form; of plain ones many then share one
 * frame.
 */
#ifndef WIRE_MESSAGE_PAGES_H
#define WIRE_MESSAGE_PAGES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/event.h"
#include "wire/frame.h"
#include "wire/page_codec.h"

/* What a page costs on the link: header, number, 4096 bytes. */
#define MESSAGE_PAGE_WIRE_BYTES (FRAME_HEADER_BYTES + 8 + PAGE_CODEC_BYTES)
/* Of a row: what goes before its pages, and how many these are. Enough that what each frame costs
 * is little, and few enough that they are still in the nearest caches when their checksum is
 * looked at. */
#define MESSAGE_ROW_HEAD_BYTES (FRAME_HEADER_BYTES + 8)
#define MESSAGE_ROW_PAGES      16
/* A frame with a run of zero or free pages. */
#define MESSAGE_RUN_WIRE_BYTES (FRAME_HEADER_BYTES + 16)
/* Pages encoded as delta, lz4 or zstd: once for the run, and beside the bytes of each page. */
#define MESSAGE_ENCODED_RUN_BYTES  (FRAME_HEADER_BYTES + 8)
#define MESSAGE_ENCODED_PAGE_BYTES 10

/* ---- Onto the link. frame_end (frame.h) seals what these begin. ---- */

size_t message_begin_pages(struct bytes *to, enum page_form form, enum why why);
void message_put_plain(struct bytes *to, uint64_t page_idx, const uint8_t *payload,
                       uint32_t payload_bytes);
/* The same of a machine's page; returns where its bytes are to be put. */
uint8_t *message_place_plain(struct bytes *to, uint64_t page_idx);
/* A ROW but for its pages, which follow it on the link. */
void message_put_row_head(struct bytes *to, enum why why, uint64_t first_idx, const uint8_t *pages,
                          uint64_t count);
void message_put_run(struct bytes *to, uint64_t first_idx, uint64_t count); /* zero, free */
/* Behind the u64 of the run's first page, which the caller puts. */
void message_put_encoded(struct bytes *to, const struct page_encoded *encoded);

/* ---- Off the link ---- */

/* What a frame (PAGES or ROW) says, read piece by piece. */
struct message_pages {
    struct bytes_reader reader;
    uint32_t payload_bytes;
    enum page_form form;
    enum why why;
    bool is_row;
    uint64_t next_idx; /* of a row, or of a run of encoded pages */
};

/* One page; of zero and free ones a run. */
struct message_piece {
    uint64_t first_idx, count;
    const uint8_t *payload;      /* of plain */
    struct page_encoded encoded; /* of delta, lz4, zstd */
};

/* A row in two places, `head` and its pages. May a frame that begins with these bytes (at least a
 * header) be the row of `count` pages from first_idx? And when all is there: is it, whole, and why
 * does it travel? */
bool message_may_be_row(const uint8_t *head, size_t bytes, uint64_t first_idx, uint64_t count);
bool message_is_row(const uint8_t *head, const uint8_t *pages, uint64_t first_idx, uint64_t count,
                    enum why *why);

/* All pages of the frame lie below total_pages, and what is said of each is whole, or
 * STATUS_BAD_STREAM: half a page is never handed out. */
MUST_USE enum status message_get_pages(const struct frame *frame, uint32_t payload_bytes,
                                       uint64_t total_pages, struct message_pages *pages);
/* False at the end. */
bool message_next_piece(struct message_pages *pages, struct message_piece *piece);

#endif
