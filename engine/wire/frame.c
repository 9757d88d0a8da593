#include "wire/frame.h"

#include "base/digest.h"

/* The header's fields by offset. */
enum { AT_TYPE = 4, AT_NOTE = 5, AT_CHECK = 6, AT_CHECKSUM = 8 };

static uint64_t little_endian(const uint8_t *at, unsigned count)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < count; i++)
        value |= (uint64_t)at[i] << (8 * i);
    return value;
}

static void put_little_endian(uint8_t *at, uint64_t value, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        at[i] = (uint8_t)(value >> (8 * i));
}

/* Of the length, the type and the note alone: a length that was changed on the way would otherwise be
 * waited for, and a connection that has no more to say would stand still. */
static uint64_t header_check(const uint8_t *header)
{
    return digest_of(header, AT_CHECK) & UINT16_MAX;
}

/* What is in front of the whole pages at the payload's end, and those: each in one go, wherever it
 * lies, which is twice as fast as piece by piece. */
static uint64_t checksum(const uint8_t *header, const uint8_t *front, size_t front_bytes,
                         const uint8_t *pages, size_t pages_bytes)
{
    uint8_t all[24];

    for (unsigned i = 0; i < 8; i++)
        all[i] = header[i];
    put_little_endian(all + 8, digest_of(front, front_bytes), 8);
    put_little_endian(all + 16, digest_of(pages, pages_bytes), 8);
    return digest_of(all, sizeof all);
}

static uint64_t checksum_of_whole(const uint8_t *header, size_t payload_bytes)
{
    const uint8_t *payload = header + FRAME_HEADER_BYTES;
    size_t front_bytes = payload_bytes % FRAME_PAGE_BYTES;

    return checksum(header, payload, front_bytes, payload + front_bytes,
                    payload_bytes - front_bytes);
}

static bool is_checksum(const uint8_t *header, uint64_t expected)
{
    return little_endian(header + AT_CHECKSUM, 8) == expected;
}

size_t frame_begin(struct bytes *to, enum frame_type type, uint8_t note)
{
    size_t begin = to->count;
    uint8_t *header = bytes_extend(to, FRAME_HEADER_BYTES);
    put_little_endian(header, 0, FRAME_HEADER_BYTES / 2);
    header[AT_TYPE] = (uint8_t)type;
    header[AT_NOTE] = note;
    return begin;
}

void frame_end(struct bytes *to, size_t begin)
{
    size_t payload_bytes = to->count - begin - FRAME_HEADER_BYTES;
    uint8_t *header = to->data + begin;
    MUST(payload_bytes <= FRAME_PAYLOAD_MAX);
    put_little_endian(header, payload_bytes, 4);
    put_little_endian(header + AT_CHECK, header_check(header), 2);
    put_little_endian(header + AT_CHECKSUM, checksum_of_whole(header, payload_bytes), 8);
}

void frame_end_with(struct bytes *to, size_t begin, const void *pages, size_t pages_bytes)
{
    size_t front_bytes = to->count - begin - FRAME_HEADER_BYTES;
    uint8_t *header = to->data + begin;

    MUST(front_bytes < FRAME_PAGE_BYTES && pages_bytes % FRAME_PAGE_BYTES == 0 &&
         front_bytes + pages_bytes <= FRAME_PAYLOAD_MAX);
    put_little_endian(header, front_bytes + pages_bytes, 4);
    put_little_endian(header + AT_CHECK, header_check(header), 2);
    put_little_endian(
        header + AT_CHECKSUM,
        checksum(header, header + FRAME_HEADER_BYTES, front_bytes, pages, pages_bytes), 8);
}

enum status frame_decode_header(const uint8_t *header, struct frame *frame)
{
    uint32_t payload_bytes = (uint32_t)little_endian(header, 4);

    if (payload_bytes > FRAME_PAYLOAD_MAX || header[AT_TYPE] >= FRAME_TYPE_COUNT ||
        little_endian(header + AT_CHECK, 2) != header_check(header))
        return STATUS_BAD_STREAM;
    *frame = (struct frame){
        .type = (enum frame_type)header[AT_TYPE],
        .note = header[AT_NOTE],
        .payload_bytes = payload_bytes,
    };
    return STATUS_OK;
}

bool frame_is_whole(const uint8_t *head, size_t head_bytes, const uint8_t *pages,
                    size_t pages_bytes)
{
    size_t front_bytes = head_bytes - FRAME_HEADER_BYTES;

    return little_endian(head, 4) == front_bytes + pages_bytes && front_bytes < FRAME_PAGE_BYTES &&
           pages_bytes % FRAME_PAGE_BYTES == 0 &&
           is_checksum(head,
                       checksum(head, head + FRAME_HEADER_BYTES, front_bytes, pages, pages_bytes));
}

enum status frame_decode(const uint8_t *data, size_t count, struct frame *frame, size_t *consumed)
{
    *consumed = 0;
    if (count < FRAME_HEADER_BYTES)
        return STATUS_OK;
    if (frame_decode_header(data, frame) != STATUS_OK)
        return STATUS_BAD_STREAM;
    if (count - FRAME_HEADER_BYTES < frame->payload_bytes)
        return STATUS_OK;
    frame->payload = data + FRAME_HEADER_BYTES;
    if (!is_checksum(data, checksum_of_whole(data, frame->payload_bytes)))
        return STATUS_BAD_STREAM;
    *consumed = FRAME_HEADER_BYTES + frame->payload_bytes;
    return STATUS_OK;
}
