#include "live/trunk.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "machine/mailbox.h"
#include "record/recording.h"
#include "wire/message.h"

/* Nothing is copied where what comes begins with a frame and ends with one. */
enum status trunk_hear(struct bytes *in, const uint8_t *data, size_t count,
                       enum status (*hear)(void *owner, const struct frame *frame), void *owner)
{
    bool has_begun = in->count > 0;
    size_t taken = 0, consumed = 1;
    enum status status = STATUS_OK;
    struct frame frame;

    if (has_begun) {
        bytes_put(in, data, count);
        data = in->data;
        count = in->count;
    }
    while (status == STATUS_OK && consumed > 0) {
        status = frame_decode(data + taken, count - taken, &frame, &consumed);
        if (status == STATUS_OK && consumed > 0)
            status = hear(owner, &frame);
        taken += consumed;
    }
    if (has_begun)
        bytes_drop_front(in, taken);
    else
        bytes_put(in, data + taken, count - taken);
    return status;
}

void trunk_put_talk(struct bytes *to, const char *json)
{
    size_t begin = frame_begin(to, FRAME_TALK, 0);
    bytes_put(to, json, strlen(json));
    frame_end(to, begin);
}

void trunk_put_message(struct bytes *to, json_t *message)
{
    struct bytes line = {0};

    control_put(&line, message);
    line.data[line.count - 1] = '\0'; /* where its line ends */
    trunk_put_talk(to, (const char *)line.data);
    bytes_fini(&line);
}

uint64_t trunk_pid_space(void)
{
    struct stat space;
    return stat("/proc/self/ns/pid", &space) == 0 ? (uint64_t)space.st_ino : 0;
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

/* Letters of ASCII, whatever else the user's language may call one. */
#define NAME_LETTERS                                                 \
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789" \
    "._-+:"

bool trunk_is_name(const char *name)
{
    size_t count = strspn(name, NAME_LETTERS);
    return name[count] == '\0' && count > 0 && count < TRUNK_NAME_MAX;
}

/* A call is a packet whose bytes are the guest's name. */
_Static_assert(TRUNK_NAME_MAX <= STREAM_WINDOW_BYTES, "a name fits in a packet");

void trunk_put_call(struct bytes *to, uint8_t note, const struct trunk_call *call)
{
    const struct message_forward forward = {.stream_idx = call->stream_idx,
                                            .sequence = call->port,
                                            .ack = call->first,
                                            .data = (const uint8_t *)call->guest,
                                            .bytes = (uint32_t)strlen(call->guest)};
    size_t begin = frame_begin(to, FRAME_PACKET, note);
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

enum status trunk_get_call(const struct frame *frame, uint8_t note, struct trunk_call *call)
{
    struct message_forward forward;
    if (get_forward(frame, note, &forward) != STATUS_OK || forward.is_fin || forward.is_rehome ||
        forward.sequence == 0 || forward.sequence > UINT16_MAX || forward.bytes == 0 ||
        forward.bytes >= TRUNK_NAME_MAX || memchr(forward.data, '\0', forward.bytes) != NULL)
        return STATUS_BAD_STREAM;
    *call = (struct trunk_call){
        .stream_idx = forward.stream_idx, .port = (uint16_t)forward.sequence, .first = forward.ack};
    memcpy(call->guest, forward.data, forward.bytes);
    return STATUS_OK;
}

/* A caller sends nothing before it is accepted, and no two connections of a number begin at the same
 * byte if anything was said in the first: so what has heard nothing from there on is this very call. */
bool trunk_take_call(struct mailbox *mailbox, const struct trunk_call *call)
{
    struct mailbox_slot *slot = &mailbox->slots[call->stream_idx];
    bool is_new = mailbox_connect(mailbox, call->stream_idx, call->port);

    if (is_new)
        stream_begin_at(&slot->stream, call->first);
    return is_new || (slot->state != MAILBOX_FREE && slot->stream.expected == call->first);
}

/* ---- Events ---- */

static size_t event_bytes(const struct event *event)
{
    return 1 + 8 + 8 * (size_t)event_describe(event->kind)->field_count;
}

size_t trunk_put_events(struct bytes *to, const char *move, const struct event *events,
                        size_t count)
{
    size_t begin = frame_begin(to, FRAME_EVENTS, 0), payload_bytes = MOVE_ID_BYTES - 1, i = 0;

    MUST(move_text_is_id(move));
    bytes_put(to, move, MOVE_ID_BYTES - 1);
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

enum status trunk_get_events(const struct frame *frame, char move[MOVE_ID_BYTES],
                             struct event_list *events)
{
    size_t count_before = events->count;
    struct bytes_reader reader;
    struct event event;

    *move = '\0';
    if (frame->type != FRAME_EVENTS || frame->note != 0 || frame->payload_bytes < MOVE_ID_BYTES - 1)
        return STATUS_BAD_STREAM;
    snprintf(move, MOVE_ID_BYTES, "%.*s", MOVE_ID_BYTES - 1, (const char *)frame->payload);
    if (!move_text_is_id(move))
        return STATUS_BAD_STREAM;
    bytes_reader_init(&reader, frame->payload + MOVE_ID_BYTES - 1,
                      frame->payload_bytes - (MOVE_ID_BYTES - 1));
    while (bytes_left(&reader) > 0) {
        if (get_event(&reader, &event) != STATUS_OK) {
            events->count = count_before;
            return STATUS_BAD_STREAM;
        }
        event_append(events, event);
    }
    return STATUS_OK;
}
