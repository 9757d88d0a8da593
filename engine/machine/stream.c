#include "machine/stream.h"

#include <string.h>

#include "base/status.h"

/* The window fits one packet: sending again is one packet from una, never a part of it. */
_Static_assert(sizeof((struct stream_packet *)0)->data == STREAM_WINDOW_BYTES, "one packet");

#define NEVER UINT64_MAX

void stream_init(struct stream *stream)
{
    memset(stream, 0, sizeof *stream);
    stream->retry_at_ns = NEVER;
    stream->retry_after_ns = STREAM_RETRY_NS;
}

void stream_begin_at(struct stream *stream, uint64_t first)
{
    stream->una = stream->next = stream->expected = first;
}

uint64_t stream_numbers_end(const struct stream *stream)
{
    uint64_t sent_end = stream->next + stream->fin_sent;
    return sent_end > stream->expected ? sent_end : stream->expected;
}

static uint64_t end_of(const struct stream *stream)
{
    return stream->una + stream->to_send_count;
}

static bool is_in_flight(const struct stream *stream)
{
    return stream->next > stream->una || (stream->fin_sent && !stream->fin_acked);
}

/* What the peer may forget: all before the first unread byte, and the end itself once all before
 * it has been read. */
static uint64_t ack_of(const struct stream *stream)
{
    bool is_end_unread = stream->fin_received && stream->to_read_count > 0;
    return stream->expected - stream->to_read_count - is_end_unread;
}

/* ---- The near end ---- */

uint32_t stream_room(const struct stream *stream)
{
    return stream->is_closing ? 0 : STREAM_WINDOW_BYTES - stream->to_send_count;
}

uint32_t stream_write(struct stream *stream, const void *data, uint32_t count)
{
    uint32_t taken = count < stream_room(stream) ? count : stream_room(stream);
    memcpy(stream->to_send + stream->to_send_count, data, taken);
    stream->to_send_count += taken;
    stream->was_short = taken < count;
    return taken;
}

uint32_t stream_read(struct stream *stream, void *data, uint32_t capacity)
{
    uint32_t given = capacity < stream->to_read_count ? capacity : stream->to_read_count;
    if (given == 0)
        return 0;
    memcpy(data, stream->to_read, given);
    stream->to_read_count -= given;
    memmove(stream->to_read, stream->to_read + given, stream->to_read_count);
    stream->owes_ack = true;
    return given;
}

bool stream_is_at_end(const struct stream *stream)
{
    return stream->fin_received && stream->to_read_count == 0;
}

void stream_close(struct stream *stream)
{
    stream->is_closing = true;
}

bool stream_is_over(const struct stream *stream)
{
    return stream->fin_acked && stream_is_at_end(stream) && !stream->owes_ack;
}

/* ---- The network's side ---- */

/* The packet's part from `expected` on: how many of its bytes and end marks are old news. False
 * when it begins behind a gap: what is between was lost, and will come again with all of this. */
static bool is_in_order(const struct stream *stream, const struct stream_packet *packet,
                        uint64_t *old_count)
{
    *old_count = stream->expected - packet->sequence;
    return packet->sequence <= stream->expected;
}

static bool is_possible(const struct stream *stream, const struct stream_packet *packet)
{
    uint64_t sent_end = stream->next + stream->fin_sent;
    uint64_t old_count;

    if (packet->bytes > STREAM_WINDOW_BYTES || packet->ack > sent_end)
        return false;
    if (!is_in_order(stream, packet, &old_count) ||
        old_count >= (uint64_t)packet->bytes + packet->is_fin)
        return true;
    return !stream->fin_received &&
           packet->bytes - old_count <= STREAM_WINDOW_BYTES - stream->to_read_count;
}

static void take_ack(struct stream *stream, uint64_t now_ns, uint64_t ack)
{
    /* Behind the last byte there is only the end mark, which has a number but no place. */
    uint64_t acked_bytes = (ack < end_of(stream) ? ack : end_of(stream)) - stream->una;
    bool is_fin_acked = stream->fin_sent && ack > end_of(stream);

    if (ack <= stream->una && !is_fin_acked)
        return; /* nothing new, or an older packet that was overtaken */
    if (acked_bytes == 0 && stream->fin_acked)
        return;
    stream->to_send_count -= (uint32_t)acked_bytes;
    memmove(stream->to_send, stream->to_send + acked_bytes, stream->to_send_count);
    stream->una += acked_bytes;
    stream->fin_acked |= is_fin_acked;
    stream->retry_after_ns = STREAM_RETRY_NS;
    stream->retry_at_ns = is_in_flight(stream) ? now_ns + STREAM_RETRY_NS : NEVER;
}

static void take_data(struct stream *stream, const struct stream_packet *packet)
{
    uint64_t old_count;

    if (packet->bytes == 0 && !packet->is_fin)
        return;
    if (!is_in_order(stream, packet, &old_count) ||
        old_count >= (uint64_t)packet->bytes + packet->is_fin) {
        stream->owes_ack = true; /* the peer does not know how far we are: tell it */
        return;
    }
    uint32_t fresh = packet->bytes - (uint32_t)old_count;
    memcpy(stream->to_read + stream->to_read_count, packet->data + old_count, fresh);
    stream->to_read_count += fresh;
    stream->expected += fresh;
    if (packet->is_fin) {
        stream->fin_received = true;
        stream->expected++;
        stream->owes_ack |= stream->to_read_count == 0;
    }
}

bool stream_receive(struct stream *stream, uint64_t now_ns, const struct stream_packet *packet)
{
    if (!is_possible(stream, packet))
        return false;
    take_ack(stream, now_ns, packet->ack);
    take_data(stream, packet);
    stream->owes_again |= packet->is_rehome;
    stream->owes_ack |= packet->is_rehome;
    return true;
}

bool stream_next_packet(struct stream *stream, uint64_t now_ns, struct stream_packet *packet)
{
    bool is_late = is_in_flight(stream) && now_ns >= stream->retry_at_ns;
    bool is_again = is_late || stream->owes_again;
    uint64_t from = is_again ? stream->una : stream->next;
    bool is_fin = stream->is_closing && !stream->fin_acked && (is_again || !stream->fin_sent);

    if (from == end_of(stream) && !is_fin && !stream->owes_ack && !stream->owes_rehome) {
        stream->owes_again = false;
        return false;
    }
    packet->sequence = from;
    packet->ack = ack_of(stream);
    packet->bytes = (uint32_t)(end_of(stream) - from);
    packet->is_fin = is_fin;
    packet->is_rehome = stream->owes_rehome;
    memcpy(packet->data, stream->to_send + (from - stream->una), packet->bytes);
    if (stream->fin_acked)
        packet->sequence++; /* the end mark has been counted: this is behind it */

    stream->next = end_of(stream);
    stream->fin_sent |= is_fin;
    stream->owes_ack = stream->owes_again = stream->owes_rehome = false;
    if (is_late) {
        uint64_t doubled = stream->retry_after_ns * 2;
        stream->retry_after_ns = doubled < STREAM_RETRY_MAX_NS ? doubled : STREAM_RETRY_MAX_NS;
    }
    if (!is_in_flight(stream))
        stream->retry_at_ns = NEVER;
    else if (is_again || stream->retry_at_ns == NEVER)
        stream->retry_at_ns = now_ns + stream->retry_after_ns;
    return true;
}

uint64_t stream_deadline_ns(const struct stream *stream)
{
    return stream->retry_at_ns;
}

void stream_rehome(struct stream *stream)
{
    stream->owes_rehome = true;
    stream->owes_again = true;
    stream->retry_after_ns = STREAM_RETRY_NS;
}

/* ---- What travels ---- */

/* The flags in the order of their bits. One list, so that save and load cannot disagree. */
#define STREAM_FLAGS(F) \
    F(0, is_closing)    \
    F(1, fin_sent)      \
    F(2, fin_acked)     \
    F(3, fin_received)  \
    F(4, owes_ack)      \
    F(5, owes_again)    \
    F(6, was_short)     \
    F(7, owes_rehome)

void stream_save(const struct stream *stream, struct bytes *to)
{
    uint8_t flags = 0;
#define SAVE_FLAG(bit, name) flags |= (uint8_t)(stream->name << bit);
    STREAM_FLAGS(SAVE_FLAG)
#undef SAVE_FLAG
    bytes_put_u8(to, flags);
    bytes_put_u64(to, stream->una);
    bytes_put_u64(to, stream->next);
    bytes_put_u64(to, stream->expected);
    bytes_put_u64(to, stream->retry_at_ns);
    bytes_put_u64(to, stream->retry_after_ns);
    bytes_put_u16(to, (uint16_t)stream->to_send_count);
    bytes_put_u16(to, (uint16_t)stream->to_read_count);
    bytes_put(to, stream->to_send, stream->to_send_count);
    bytes_put(to, stream->to_read, stream->to_read_count);
}

static bool is_consistent(const struct stream *stream)
{
    if (stream->una > UINT64_MAX / 2 || stream->expected > UINT64_MAX / 2)
        return false; /* no run gets that far, and sums cannot wrap */
    if (stream->next < stream->una || stream->next > end_of(stream))
        return false;
    if (stream->expected < (uint64_t)stream->to_read_count + stream->fin_received)
        return false;
    if ((stream->fin_sent && (!stream->is_closing || stream->next != end_of(stream))) ||
        (stream->fin_acked && (!stream->fin_sent || stream->to_send_count > 0)))
        return false;
    if (is_in_flight(stream) != (stream->retry_at_ns != NEVER))
        return false;
    return stream->retry_after_ns >= STREAM_RETRY_NS &&
           stream->retry_after_ns <= STREAM_RETRY_MAX_NS;
}

bool stream_load(struct stream *stream, struct bytes_reader *from)
{
    const uint8_t *sent, *unread;
    uint8_t flags;

    stream_init(stream);
    flags = bytes_get_u8(from);
#define LOAD_FLAG(bit, name) stream->name = flags >> bit & 1;
    STREAM_FLAGS(LOAD_FLAG)
#undef LOAD_FLAG
    stream->una = bytes_get_u64(from);
    stream->next = bytes_get_u64(from);
    stream->expected = bytes_get_u64(from);
    stream->retry_at_ns = bytes_get_u64(from);
    stream->retry_after_ns = bytes_get_u64(from);
    stream->to_send_count = bytes_get_u16(from);
    stream->to_read_count = bytes_get_u16(from);
    if (stream->to_send_count > STREAM_WINDOW_BYTES || stream->to_read_count > STREAM_WINDOW_BYTES)
        return false;
    sent = bytes_get(from, stream->to_send_count);
    unread = bytes_get(from, stream->to_read_count);
    if (sent == NULL || unread == NULL || !is_consistent(stream))
        return false;
    memcpy(stream->to_send, sent, stream->to_send_count);
    memcpy(stream->to_read, unread, stream->to_read_count);
    return true;
}
