#include "live/trunk.h"

#include <string.h>

#include "machine/mailbox.h"
#include "record/recording.h"
#include "wire/message.h"

void trunk_put_talk(struct bytes *to, const char *json)
{
    size_t begin = frame_begin(to, FRAME_TALK, 0);
    bytes_put(to, json, strlen(json));
    frame_end(to, begin);
}

/* ---- Clients' packets ---- */

void trunk_put_packet(struct bytes *to, uint32_t stream_idx, const struct stream_packet *packet)
{
    const struct message_forward forward = {.stream_idx = stream_idx,
                                            .sequence = packet->sequence,
                                            .ack = packet->ack,
                                            .is_fin = packet->is_fin,
                                            .is_rehome = packet->is_rehome,
                                            .data = packet->data,
                                            .bytes = packet->bytes};
    size_t begin = frame_begin(to, FRAME_PACKET, 0);
    message_put_forward_payload(to, &forward);
    frame_end(to, begin);
}

void trunk_put_connect(struct bytes *to, uint32_t stream_idx, uint16_t port)
{
    const struct message_forward forward = {.stream_idx = stream_idx, .sequence = port};
    size_t begin = frame_begin(to, FRAME_PACKET, TRUNK_CONNECT);
    message_put_forward_payload(to, &forward);
    frame_end(to, begin);
}

void trunk_put_accepted(struct bytes *to, uint32_t stream_idx)
{
    const struct message_forward forward = {.stream_idx = stream_idx};
    size_t begin = frame_begin(to, FRAME_PACKET, TRUNK_ACCEPTED);
    message_put_forward_payload(to, &forward);
    frame_end(to, begin);
}

static enum status get_forward(const struct frame *frame, uint8_t note,
                               struct message_forward *forward)
{
    if (frame->type != FRAME_PACKET || frame->note != note)
        return STATUS_BAD_STREAM;
    if (message_get_forward(frame, forward) != STATUS_OK ||
        forward->stream_idx >= MAILBOX_STREAMS || forward->bytes > STREAM_WINDOW_BYTES)
        return STATUS_BAD_STREAM;
    return STATUS_OK;
}

enum status trunk_get_packet(const struct frame *frame, uint32_t *stream_idx,
                             struct stream_packet *packet)
{
    struct message_forward forward;
    if (get_forward(frame, 0, &forward) != STATUS_OK)
        return STATUS_BAD_STREAM;
    *stream_idx = forward.stream_idx;
    packet->sequence = forward.sequence;
    packet->ack = forward.ack;
    packet->bytes = forward.bytes;
    packet->is_fin = forward.is_fin;
    packet->is_rehome = forward.is_rehome;
    memcpy(packet->data, forward.data, forward.bytes);
    return STATUS_OK;
}

/* A call and its acceptance have a stream, and all else is nothing. */
static enum status get_bare(const struct frame *frame, uint8_t note,
                            struct message_forward *forward)
{
    if (get_forward(frame, note, forward) != STATUS_OK || forward->ack != 0 ||
        forward->bytes != 0 || forward->is_fin || forward->is_rehome)
        return STATUS_BAD_STREAM;
    return STATUS_OK;
}

enum status trunk_get_connect(const struct frame *frame, uint32_t *stream_idx, uint16_t *port)
{
    struct message_forward forward;
    if (get_bare(frame, TRUNK_CONNECT, &forward) != STATUS_OK || forward.sequence == 0 ||
        forward.sequence > UINT16_MAX)
        return STATUS_BAD_STREAM;
    *stream_idx = forward.stream_idx;
    *port = (uint16_t)forward.sequence;
    return STATUS_OK;
}

enum status trunk_get_accepted(const struct frame *frame, uint32_t *stream_idx)
{
    struct message_forward forward;
    if (get_bare(frame, TRUNK_ACCEPTED, &forward) != STATUS_OK || forward.sequence != 0)
        return STATUS_BAD_STREAM;
    *stream_idx = forward.stream_idx;
    return STATUS_OK;
}

/* A caller sends nothing before it is accepted, while a connection that is not over has at least
 * had its end from its client: so what has heard nothing is this very call. */
bool trunk_take_call(struct mailbox *mailbox, uint32_t stream_idx, uint16_t port)
{
    const struct mailbox_slot *slot = &mailbox->slots[stream_idx];
    return mailbox_connect(mailbox, stream_idx, port) ||
           (slot->state != MAILBOX_FREE && slot->stream.expected == 0);
}

/* ---- Events ---- */

static size_t event_bytes(const struct event *event)
{
    return 1 + 8 + 8 * (size_t)event_describe(event->kind)->field_count;
}

size_t trunk_put_events(struct bytes *to, const struct event *events, size_t count)
{
    size_t begin = frame_begin(to, FRAME_EVENTS, 0), payload_bytes = 0, i = 0;

    for (; i < count && payload_bytes + event_bytes(&events[i]) <= TRUNK_EVENTS_BYTES; i++) {
        bytes_put_u8(to, (uint8_t)events[i].kind);
        bytes_put_u64(to, events[i].at_ns);
        for (unsigned field = 0; field < event_describe(events[i].kind)->field_count; field++)
            bytes_put_u64(to, events[i].fields[field]);
        payload_bytes += event_bytes(&events[i]);
    }
    frame_end(to, begin);
    return i;
}

static enum status get_event(struct bytes_reader *reader, struct event *event)
{
    uint8_t kind = bytes_get_u8(reader);
    if (kind >= EVENT_COUNT)
        return STATUS_BAD_STREAM;
    *event = (struct event){.kind = (enum event_kind)kind, .at_ns = bytes_get_u64(reader)};
    for (unsigned field = 0; field < event_describe(event->kind)->field_count; field++)
        event->fields[field] = bytes_get_u64(reader);
    return !reader->has_failed && recorder_takes(event) ? STATUS_OK : STATUS_BAD_STREAM;
}

enum status trunk_get_events(const struct frame *frame, struct event_list *events)
{
    size_t count_before = events->count;
    struct bytes_reader reader;
    struct event event;

    if (frame->type != FRAME_EVENTS || frame->note != 0)
        return STATUS_BAD_STREAM;
    bytes_reader_init(&reader, frame->payload, frame->payload_bytes);
    while (bytes_left(&reader) > 0) {
        if (get_event(&reader, &event) != STATUS_OK) {
            events->count = count_before;
            return STATUS_BAD_STREAM;
        }
        event_append(events, event);
    }
    return STATUS_OK;
}
