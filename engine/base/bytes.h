/* bytes: little-endian numbers in and out of byte buffers that somebody else owns.
 *
 * A writer appends to a growable buffer. A reader walks a borrowed buffer and never passes its end:
 * a read past it yields zeros and marks the reader as failed, so that a decoder reads all its
 * fields and asks once, at the end, whether the bytes were there.
 */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bytes {
    uint8_t *data; /* owned; NULL while capacity is 0 */
    size_t count;
    size_t capacity;
};

struct bytes_reader {
    const uint8_t *data; /* borrowed */
    size_t count;
    size_t position;
    bool has_failed;
};

/* Bytes of somebody else's that lie together. */
struct span {
    uint8_t *data;
    size_t count;
};

void bytes_fini(struct bytes *bytes);
void bytes_clear(struct bytes *bytes); /* keeps the capacity */
/* Room for `count` more bytes; returns where they begin. The count grows by `count`. */
uint8_t *bytes_extend(struct bytes *bytes, size_t count);
/* Forgets the first `count` bytes and moves the rest to the front. */
void bytes_drop_front(struct bytes *bytes, size_t count);

void bytes_put(struct bytes *bytes, const void *data, size_t count);
void bytes_put_u8(struct bytes *bytes, uint8_t value);
void bytes_put_u16(struct bytes *bytes, uint16_t value);
void bytes_put_u32(struct bytes *bytes, uint32_t value);
void bytes_put_u64(struct bytes *bytes, uint64_t value);
/* LEB128: seven bits a byte, the lowest first, the top bit set on all but the last. */
void bytes_put_varint(struct bytes *bytes, uint64_t value);

void bytes_reader_init(struct bytes_reader *reader, const void *data, size_t count);
size_t bytes_left(const struct bytes_reader *reader);
/* `count` borrowed bytes, or NULL (and failed) when they are not there. */
const uint8_t *bytes_get(struct bytes_reader *reader, size_t count);
uint8_t bytes_get_u8(struct bytes_reader *reader);
uint16_t bytes_get_u16(struct bytes_reader *reader);
uint32_t bytes_get_u32(struct bytes_reader *reader);
uint64_t bytes_get_u64(struct bytes_reader *reader);
uint64_t bytes_get_varint(struct bytes_reader *reader);
/* True when nothing was read past the end and nothing is left over. */
bool bytes_is_done(const struct bytes_reader *reader);

#endif
