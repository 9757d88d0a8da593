#include "wire/message.h"

#include <string.h>

void message_put_hello(struct bytes *to, const struct message_hello *hello)
{
    char kind[MESSAGE_KIND_BYTES] = {0};
    size_t begin = frame_begin(to, FRAME_HELLO, 0);
    memcpy(kind, hello->kind, strnlen(hello->kind, MESSAGE_KIND_BYTES));
    bytes_put_u32(to, MESSAGE_MAGIC);
    bytes_put_u16(to, hello->version);
    bytes_put_u16(to, 0);
    bytes_put_u32(to, hello->features);
    bytes_put_u32(to, hello->payload_bytes);
    bytes_put_u64(to, hello->total_pages);
    bytes_put(to, kind, sizeof kind);
    frame_end(to, begin);
}

enum status message_get_hello(const struct frame *frame, struct message_hello *hello)
{
    struct bytes_reader reader;
    *hello = (struct message_hello){0};
    bytes_reader_init(&reader, frame->payload, frame->payload_bytes);
    uint32_t magic = bytes_get_u32(&reader);
    hello->version = bytes_get_u16(&reader);
    uint16_t zero = bytes_get_u16(&reader);
    hello->features = bytes_get_u32(&reader);
    hello->payload_bytes = bytes_get_u32(&reader);
    hello->total_pages = bytes_get_u64(&reader);
    const uint8_t *kind = bytes_get(&reader, MESSAGE_KIND_BYTES);
    if (!bytes_is_done(&reader) || magic != MESSAGE_MAGIC || zero != 0)
        return STATUS_BAD_STREAM;
    memcpy(hello->kind, kind, MESSAGE_KIND_BYTES);
    return STATUS_OK;
}

static void put_bits(struct bytes *to, enum frame_type type, const struct bitmap *bits,
                     uint64_t first_idx)
{
    uint64_t end_idx = first_idx + MESSAGE_STALE_BITS;
    if (end_idx > bits->bit_count)
        end_idx = bits->bit_count;
    size_t begin = frame_begin(to, type, 0);
    bytes_put_u64(to, first_idx);
    for (uint64_t idx = first_idx; idx < end_idx; idx += 8)
        bytes_put_u8(to, (uint8_t)(bits->words[idx / 64] >> (idx % 64)));
    frame_end(to, begin);
}

void message_put_stale(struct bytes *to, const struct bitmap *stale, uint64_t first_idx)
{
    put_bits(to, FRAME_STALE, stale, first_idx);
}

void message_put_bitmap(struct bytes *to, const struct bitmap *present, uint64_t first_idx)
{
    put_bits(to, FRAME_BITMAP, present, first_idx);
}

enum status message_get_stale(const struct frame *frame, uint64_t *first_idx, const uint8_t **bits,
                              uint32_t *bit_count)
{
    struct bytes_reader reader;
    bytes_reader_init(&reader, frame->payload, frame->payload_bytes);
    *first_idx = bytes_get_u64(&reader);
    if (reader.has_failed || *first_idx % 8 != 0 || *first_idx > UINT64_MAX / 2 ||
        bytes_left(&reader) > MESSAGE_STALE_BITS / 8)
        return STATUS_BAD_STREAM;
    *bit_count = (uint32_t)bytes_left(&reader) * 8;
    *bits = bytes_get(&reader, bytes_left(&reader));
    return STATUS_OK;
}

void message_put_state(struct bytes *to, const struct bytes *state)
{
    size_t begin = frame_begin(to, FRAME_STATE, 0);
    bytes_put(to, state->data, state->count);
    frame_end(to, begin);
}

void message_put_commit(struct bytes *to, const struct message_commit *commit)
{
    size_t begin = frame_begin(to, FRAME_COMMIT, 0);
    bytes_put_u64(to, commit->missing_pages);
    bytes_put_u64(to, commit->state_digest);
    frame_end(to, begin);
}

enum status message_get_commit(const struct frame *frame, struct message_commit *commit)
{
    struct bytes_reader reader;
    bytes_reader_init(&reader, frame->payload, frame->payload_bytes);
    commit->missing_pages = bytes_get_u64(&reader);
    commit->state_digest = bytes_get_u64(&reader);
    return bytes_is_done(&reader) ? STATUS_OK : STATUS_BAD_STREAM;
}

void message_put_number(struct bytes *to, enum frame_type type, uint64_t number)
{
    size_t begin = frame_begin(to, type, 0);
    bytes_put_u64(to, number);
    frame_end(to, begin);
}

void message_put_request_again(struct bytes *to, uint64_t page_idx)
{
    size_t begin = frame_begin(to, FRAME_PAGE_REQUEST, MESSAGE_AGAIN);
    bytes_put_u64(to, page_idx);
    frame_end(to, begin);
}

enum status message_get_number(const struct frame *frame, uint64_t *number)
{
    struct bytes_reader reader;
    bytes_reader_init(&reader, frame->payload, frame->payload_bytes);
    *number = bytes_get_u64(&reader);
    return bytes_is_done(&reader) ? STATUS_OK : STATUS_BAD_STREAM;
}

void message_put_forward_payload(struct bytes *to, const struct message_forward *forward)
{
    bytes_put_u32(to, forward->stream_idx);
    bytes_put_u32(to, 0);
    bytes_put_u64(to, forward->sequence);
    bytes_put_u64(to, forward->ack);
    bytes_put_u16(to, 0);
    bytes_put_u8(to, forward->is_fin);
    bytes_put_u8(to, forward->is_rehome);
    bytes_put(to, forward->data, forward->bytes);
}

void message_put_forward(struct bytes *to, const struct message_forward *forward)
{
    size_t begin = frame_begin(to, FRAME_FORWARD, 0);
    message_put_forward_payload(to, forward);
    frame_end(to, begin);
}

enum status message_get_forward(const struct frame *frame, struct message_forward *forward)
{
    struct bytes_reader reader;
    *forward = (struct message_forward){0};
    bytes_reader_init(&reader, frame->payload, frame->payload_bytes);
    forward->stream_idx = bytes_get_u32(&reader);
    uint32_t zero = bytes_get_u32(&reader);
    forward->sequence = bytes_get_u64(&reader);
    forward->ack = bytes_get_u64(&reader);
    zero |= bytes_get_u16(&reader);
    uint8_t is_fin = bytes_get_u8(&reader), is_rehome = bytes_get_u8(&reader);
    if (reader.has_failed || zero != 0 || is_fin > 1 || is_rehome > 1)
        return STATUS_BAD_STREAM;
    forward->is_fin = is_fin != 0;
    forward->is_rehome = is_rehome != 0;
    forward->bytes = (uint32_t)bytes_left(&reader);
    forward->data = bytes_get(&reader, forward->bytes);
    return STATUS_OK;
}

void message_put_text(struct bytes *to, enum frame_type type, const char *text)
{
    size_t begin = frame_begin(to, type, 0);
    bytes_put(to, text, strnlen(text, MESSAGE_REASON_MAX - 1));
    frame_end(to, begin);
}

void message_get_text(const struct frame *frame, char text[MESSAGE_REASON_MAX])
{
    uint32_t count = frame->payload_bytes;
    if (count > MESSAGE_REASON_MAX - 1)
        count = MESSAGE_REASON_MAX - 1;
    for (uint32_t i = 0; i < count; i++) {
        uint8_t byte = frame->payload[i];
        text[i] = byte >= ' ' && byte <= '~' ? (char)byte : '?';
    }
    text[count] = '\0';
}
