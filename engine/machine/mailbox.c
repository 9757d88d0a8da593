#include "machine/mailbox.h"

#include <string.h>

#include "machine/hypercall.h"

void mailbox_init(struct mailbox *mailbox)
{
    memset(mailbox, 0, sizeof *mailbox);
}

/* A closed slot whose stream is over lingers until it is needed: if the last acknowledgement was
 * lost, the peer asks once more, and there is still somebody who can answer. */
static bool is_slot_free(const struct mailbox_slot *slot)
{
    return slot->state == MAILBOX_FREE ||
           (slot->state == MAILBOX_CLOSED && stream_is_over(&slot->stream));
}

/* ---- The guest's side ---- */

int64_t mailbox_listen(struct mailbox *mailbox, uint64_t port)
{
    uint16_t *unused = NULL;

    if (port == 0 || port > UINT16_MAX)
        return HYPERCALL_INVALID_PARAM;
    for (uint32_t i = 0; i < MAILBOX_PORTS; i++) {
        if (mailbox->ports[i] == port)
            return 0;
        if (mailbox->ports[i] == 0 && unused == NULL)
            unused = &mailbox->ports[i];
    }
    if (unused == NULL)
        return HYPERCALL_FAILED;
    *unused = (uint16_t)port;
    return 0;
}

int64_t mailbox_accept(struct mailbox *mailbox)
{
    for (uint32_t i = 0; i < MAILBOX_STREAMS; i++) {
        if (mailbox->slots[i].state != MAILBOX_CALLING)
            continue;
        mailbox->slots[i].state = MAILBOX_ACCEPTED;
        return i;
    }
    return HYPERCALL_WOULD_BLOCK;
}

static struct stream *accepted_stream(struct mailbox *mailbox, uint64_t stream_idx)
{
    if (stream_idx >= MAILBOX_STREAMS || mailbox->slots[stream_idx].state != MAILBOX_ACCEPTED)
        return NULL;
    return &mailbox->slots[stream_idx].stream;
}

int64_t mailbox_receive(struct mailbox *mailbox, uint64_t stream_idx, void *data, uint32_t capacity)
{
    struct stream *stream = accepted_stream(mailbox, stream_idx);
    uint32_t given;

    if (stream == NULL || capacity == 0)
        return HYPERCALL_INVALID_PARAM;
    given = stream_read(stream, data, capacity);
    if (given == 0 && !stream_is_at_end(stream))
        return HYPERCALL_WOULD_BLOCK;
    return given;
}

int64_t mailbox_send(struct mailbox *mailbox, uint64_t stream_idx, const void *data, uint32_t count)
{
    struct stream *stream = accepted_stream(mailbox, stream_idx);
    uint32_t taken;

    if (stream == NULL || count == 0)
        return HYPERCALL_INVALID_PARAM;
    taken = stream_write(stream, data, count);
    return taken > 0 ? (int64_t)taken : HYPERCALL_WOULD_BLOCK;
}

/* Reads what nobody will read: unread bytes are never acknowledged, and the peer could not end. */
static void discard_unread(struct stream *stream)
{
    uint8_t discarded[STREAM_WINDOW_BYTES];
    (void)stream_read(stream, discarded, sizeof discarded);
}

int64_t mailbox_close(struct mailbox *mailbox, uint64_t stream_idx)
{
    struct stream *stream = accepted_stream(mailbox, stream_idx);

    if (stream == NULL)
        return HYPERCALL_INVALID_PARAM;
    discard_unread(stream);
    stream_close(stream);
    mailbox->slots[stream_idx].state = MAILBOX_CLOSED;
    return 0;
}

/* After a send that was cut short only room to go on is news: a guest that must answer before it
 * reads on would otherwise never sleep while a client sends much and reads nothing. */
static bool slot_wants_attention(const struct mailbox_slot *slot)
{
    const struct stream *stream = &slot->stream;

    if (slot->state != MAILBOX_ACCEPTED)
        return slot->state == MAILBOX_CALLING;
    if (stream->was_short)
        return stream_room(stream) > 0;
    return stream->to_read_count > 0 || stream->fin_received;
}

uint32_t mailbox_poll(struct mailbox *mailbox, uint32_t *streams, uint32_t capacity)
{
    uint32_t first_idx = mailbox->next_poll_idx;
    uint32_t wanting_count = 0;
    bool is_caller_told = false;

    for (uint32_t i = 0; i < MAILBOX_STREAMS; i++) {
        uint32_t idx = (first_idx + i) % MAILBOX_STREAMS;
        bool is_caller = mailbox->slots[idx].state == MAILBOX_CALLING;
        if (!slot_wants_attention(&mailbox->slots[idx]) || (is_caller && is_caller_told))
            continue;
        is_caller_told |= is_caller;
        if (wanting_count < capacity) {
            streams[wanting_count] = is_caller ? MAILBOX_CALLER : idx;
            mailbox->next_poll_idx = (idx + 1) % MAILBOX_STREAMS;
        }
        wanting_count++;
    }
    return wanting_count;
}

bool mailbox_is_listening(const struct mailbox *mailbox)
{
    for (uint32_t i = 0; i < MAILBOX_PORTS; i++)
        if (mailbox->ports[i] != 0)
            return true;
    return false;
}

bool mailbox_wants_attention(const struct mailbox *mailbox)
{
    for (uint32_t i = 0; i < MAILBOX_STREAMS; i++)
        if (slot_wants_attention(&mailbox->slots[i]))
            return true;
    return false;
}

/* ---- The world's side ---- */

bool mailbox_connect(struct mailbox *mailbox, uint32_t stream_idx, uint16_t port)
{
    bool is_listening = false;

    for (uint32_t i = 0; i < MAILBOX_PORTS; i++)
        is_listening |= port != 0 && mailbox->ports[i] == port;
    if (!is_listening || stream_idx >= MAILBOX_STREAMS ||
        !is_slot_free(&mailbox->slots[stream_idx]))
        return false;
    mailbox->slots[stream_idx].state = MAILBOX_CALLING;
    stream_init(&mailbox->slots[stream_idx].stream);
    return true;
}

void mailbox_deliver(struct mailbox *mailbox, uint64_t now_ns, uint32_t stream_idx,
                     const struct stream_packet *packet)
{
    struct mailbox_slot *slot;

    if (stream_idx >= MAILBOX_STREAMS)
        return;
    slot = &mailbox->slots[stream_idx];
    if (slot->state == MAILBOX_FREE)
        return;
    /* A packet that contradicts the stream is dropped like one that was damaged on its way. */
    (void)stream_receive(&slot->stream, now_ns, packet);
    if (slot->state == MAILBOX_CLOSED)
        discard_unread(&slot->stream);
}

bool mailbox_packet(struct mailbox *mailbox, uint64_t now_ns, uint32_t *stream_idx,
                    struct stream_packet *packet)
{
    for (uint32_t i = 0; i < MAILBOX_STREAMS; i++) {
        struct mailbox_slot *slot = &mailbox->slots[i];
        if (slot->state == MAILBOX_FREE || !stream_next_packet(&slot->stream, now_ns, packet))
            continue;
        *stream_idx = i;
        return true;
    }
    return false;
}

uint64_t mailbox_deadline_ns(const struct mailbox *mailbox)
{
    uint64_t earliest_ns = UINT64_MAX;
    for (uint32_t i = 0; i < MAILBOX_STREAMS; i++) {
        const struct mailbox_slot *slot = &mailbox->slots[i];
        if (slot->state != MAILBOX_FREE && stream_deadline_ns(&slot->stream) < earliest_ns)
            earliest_ns = stream_deadline_ns(&slot->stream);
    }
    return earliest_ns;
}

uint32_t mailbox_rehome(struct mailbox *mailbox)
{
    uint32_t moved_count = 0;
    for (uint32_t i = 0; i < MAILBOX_STREAMS; i++) {
        if (is_slot_free(&mailbox->slots[i]))
            continue;
        stream_rehome(&mailbox->slots[i].stream);
        moved_count++;
    }
    return moved_count;
}

/* ---- What travels: ports, then the slots in use, each with its number ---- */

void mailbox_save(const struct mailbox *mailbox, struct bytes *to)
{
    uint8_t used_count = 0;

    for (uint32_t i = 0; i < MAILBOX_PORTS; i++)
        bytes_put_u16(to, mailbox->ports[i]);
    bytes_put_u8(to, (uint8_t)mailbox->next_poll_idx);
    for (uint32_t i = 0; i < MAILBOX_STREAMS; i++)
        used_count = (uint8_t)(used_count + (mailbox->slots[i].state != MAILBOX_FREE));
    bytes_put_u8(to, used_count);
    for (uint32_t i = 0; i < MAILBOX_STREAMS; i++) {
        if (mailbox->slots[i].state == MAILBOX_FREE)
            continue;
        bytes_put_u8(to, (uint8_t)i);
        bytes_put_u8(to, (uint8_t)mailbox->slots[i].state);
        stream_save(&mailbox->slots[i].stream, to);
    }
}

static bool slot_load(struct mailbox *mailbox, struct bytes_reader *from, uint32_t *after_idx)
{
    uint8_t idx = bytes_get_u8(from);
    uint8_t state = bytes_get_u8(from);

    if (idx < *after_idx || idx >= MAILBOX_STREAMS)
        return false; /* slots come in order: none twice */
    if (state <= MAILBOX_FREE || state > MAILBOX_CLOSED)
        return false;
    *after_idx = idx + 1u;
    mailbox->slots[idx].state = state;
    if (!stream_load(&mailbox->slots[idx].stream, from))
        return false;
    return mailbox->slots[idx].stream.is_closing == (state == MAILBOX_CLOSED);
}

bool mailbox_load(struct mailbox *mailbox, struct bytes_reader *from)
{
    uint32_t after_idx = 0;
    uint8_t used_count;

    mailbox_init(mailbox);
    for (uint32_t i = 0; i < MAILBOX_PORTS; i++)
        mailbox->ports[i] = bytes_get_u16(from);
    mailbox->next_poll_idx = bytes_get_u8(from);
    used_count = bytes_get_u8(from);
    if (from->has_failed || mailbox->next_poll_idx >= MAILBOX_STREAMS)
        return false;
    for (uint8_t i = 0; i < used_count; i++)
        if (!slot_load(mailbox, from, &after_idx))
            return false;
    return true;
}
