/* Trunks: who comes in, what is said on the way, and what is sent. Whoever has proved nothing yet is a
 * visitor; hello makes a host of it (gateway_hosts.c).
 */
#include <string.h>

#include "base/units.h"
#include "live/gateway_private.h"
#include "live/key_file.h"

/* A host that reads nothing for so long, or says nothing although it is asked for the time, is not
 * there: it comes back by a trunk of its own. */
#define TRUNK_STALL_NS   (10 * NS_PER_S)
#define TRUNK_SILENCE_NS (15 * NS_PER_S)
/* Packets beyond that are lost instead: their streams send them again when the host reads on. */
#define TRUNK_BACKLOG_BYTES (1u << 20)
/* What a host tells becomes a line of the door, in which other words stand too. */
#define TOLD_MAX (CONTROL_LINE_MAX - 256)

static void send_away(struct visitor *visitor, const char *reason, bool is_at_once)
{
    visitor->is_leaving = true;
    channel_close(visitor->trunk, reason, is_at_once);
}

/* With a reason that it hears. */
static void refuse(struct visitor *visitor, enum control_error error, const char *reason)
{
    struct bytes out = {0};

    trunk_put_message(&out, control_refusal(error, reason, NULL));
    channel_send(visitor->trunk, out.data, out.count);
    bytes_fini(&out);
    send_away(visitor, reason, false);
}

/* ---- What is said on a trunk ---- */

static void welcome(struct visitor *visitor, const json_t *hello)
{
    struct problem problem = {0};

    enum status status = gateway_host_comes(visitor, hello, &problem);
    if (status != STATUS_OK)
        refuse(visitor, status == STATUS_REFUSED ? CONTROL_NOT_NOW : CONTROL_REFUSED, problem.text);
}

static bool is_one_of(const char *word, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(word, words[i]) == 0)
            return true;
    return false;
}

/* What a host may tell everybody at the door: not what is the gateway's to see, and of no guest but
 * its own. Whose a move is they know who have ordered it. */
static bool may_tell(const struct gateway_host *host, const struct control_message *message)
{
    static const char *const of_guests[] = {"console", "guest_ended"};
    static const char *const of_moves[] = {"progress", "migration_ended", "link"};
    const char *guest = control_word(message->data, "guest", "");

    if (!is_one_of(message->name, of_guests, 2))
        return is_one_of(message->name, of_moves, 3);
    for (unsigned i = 0; i < host->claim_count; i++)
        if (strcmp(host->claims[i].name, guest) == 0)
            return true;
    return false;
}

static void hear_event(struct visitor *visitor, const struct control_message *message)
{
    struct gateway_host *host = visitor->host;

    if (strcmp(message->name, "guests") == 0)
        gateway_host_claims(host, message->data);
    else if (json_dumpb(message->data, NULL, 0, JSON_COMPACT | JSON_ENCODE_ANY) > TOLD_MAX)
        send_away(visitor, "it tells more than a line of the control protocol holds", true);
    else if (may_tell(host, message))
        gateway_tell(host->gateway, host->number, message->name, json_incref(message->data));
}

static void hear_talk(struct visitor *visitor, const struct frame *frame)
{
    struct gateway_host *host = visitor->host;
    struct control_message message;
    struct problem problem = {0};

    if (control_read((const char *)frame->payload, frame->payload_bytes, &message, &problem) !=
        STATUS_OK) {
        send_away(visitor, problem.text, true);
    } else if (host == NULL) {
        if (message.kind == CONTROL_EVENT && strcmp(message.name, "hello") == 0)
            welcome(visitor, message.data);
        else
            refuse(visitor, CONTROL_REFUSED, "a trunk begins with hello");
    } else if (message.kind == CONTROL_RETURN || message.kind == CONTROL_ERROR) {
        gateway_host_answers(host, &message);
    } else if (message.kind == CONTROL_EVENT) {
        hear_event(visitor, &message);
    }
    control_message_fini(&message);
}

static enum status hear_packet(struct gateway_host *host, const struct frame *frame)
{
    struct gateway_guest *guest;
    struct stream_packet packet;
    struct trunk_call call;
    uint32_t stream_idx;

    if (frame->note == TRUNK_ACCEPTED) {
        if (trunk_get_call(frame, TRUNK_ACCEPTED, &call) != STATUS_OK)
            return STATUS_BAD_STREAM;
        guest = gateway_guest_named(host->gateway, call.guest);
        if (guest != NULL && guest->home == host)
            gateway_clients_accepted(guest, &call);
        return STATUS_OK;
    }
    if (trunk_get_packet(frame, &stream_idx, &packet) != STATUS_OK)
        return STATUS_BAD_STREAM;
    guest = gateway_clients_guest(host, stream_idx);
    if (guest != NULL) /* else it is of one who has moved on, and will be sent again from there */
        gateway_clients_packet(guest, stream_idx, &packet);
    return STATUS_OK;
}

static enum status hear_events(struct gateway_host *host, const struct frame *frame)
{
    struct gateway *gateway = host->gateway;
    struct event_list events = {0};
    char move[MOVE_ID_BYTES];
    enum status status = trunk_get_events(frame, move, &events);

    for (size_t i = 0; i < events.count; i++)
        events.items[i].at_ns -= (uint64_t)host->clock_ahead_ns;
    if (status == STATUS_OK && gateway->calls->happened != NULL && !gateway->is_closing)
        gateway->calls->happened(gateway->owner, host->number, move, events.items, events.count);
    event_list_fini(&events);
    return status;
}

/* A visitor may be sent away on the way: then nothing more of it counts. */
static enum status hear_frame(void *owner, const struct frame *frame)
{
    struct visitor *visitor = owner;

    if (visitor->is_leaving)
        return STATUS_OK;
    if (frame->type == FRAME_TALK) {
        hear_talk(visitor, frame);
        return STATUS_OK;
    }
    if (visitor->host == NULL)
        return STATUS_BAD_STREAM;
    if (frame->type == FRAME_PACKET)
        return hear_packet(visitor->host, frame);
    if (frame->type == FRAME_EVENTS)
        return hear_events(visitor->host, frame);
    return STATUS_BAD_STREAM;
}

static void trunk_heard(void *owner, struct channel *channel, const uint8_t *data, size_t count)
{
    struct visitor *visitor = owner;
    (void)channel;

    if (trunk_hear(&visitor->in, data, count, hear_frame, visitor) != STATUS_OK)
        send_away(visitor, "what came on the trunk cannot be read", true);
}

static void trunk_opened(void *owner, struct channel *channel)
{
    (void)owner, (void)channel; /* the host speaks first */
}

static void trunk_closed(void *owner, struct channel *channel, const char *reason)
{
    struct visitor *visitor = owner;
    struct gateway_host *host = visitor->host;

    visitor->trunk = NULL;
    visitor->host = NULL;
    bytes_fini(&visitor->in);
    if (host != NULL && host->trunk == channel)
        gateway_host_leaves(host, reason[0] != '\0' ? reason : "it has closed its connection");
    gateway_let_go(visitor->gateway);
}

static bool trunk_comes(void *listener_owner, struct channel *channel,
                        const struct channel_owner **calls, void **owner)
{
    static const struct channel_owner trunk_calls = {
        .opened = trunk_opened, .heard = trunk_heard, .closed = trunk_closed};
    static const struct channel_limits limits = {.stall_ns = TRUNK_STALL_NS,
                                                 .silence_ns = TRUNK_SILENCE_NS,
                                                 .backlog_bytes = 4 * TRUNK_BACKLOG_BYTES};
    struct gateway *gateway = listener_owner;

    for (unsigned i = 0; i < GATEWAY_VISITORS; i++) {
        struct visitor *visitor = &gateway->visitors[i];
        if (visitor->trunk != NULL)
            continue;
        *visitor = (struct visitor){.gateway = gateway, .trunk = channel};
        gateway->open_handles++;
        channel_set_limits(channel, &limits);
        *calls = &trunk_calls;
        *owner = visitor;
        return true;
    }
    return false;
}

/* ---- The loop's turns ---- */

bool gateway_host_takes(const struct gateway_host *host)
{
    return host->trunk != NULL &&
           channel_backlog(host->trunk) + host->out.count < TRUNK_BACKLOG_BYTES;
}

void gateway_trunks_turn(struct gateway *gateway)
{
    for (unsigned i = 0; i < GATEWAY_HOSTS; i++) {
        struct gateway_host *host = &gateway->hosts[i];
        if (host->trunk == NULL || host->out.count == 0)
            continue;
        channel_send(host->trunk, host->out.data, host->out.count);
        bytes_clear(&host->out);
    }
}

/* ---- The listener ---- */

static void turned_away(void *owner, const char *line)
{
    gateway_tell(owner, 0, "turned_away", json_pack("{s:o}", "reason", control_text_json(line)));
}

enum status gateway_trunks_open(struct gateway *gateway, const char *address,
                                struct problem *problem)
{
    struct channel_key key;
    enum status status =
        channel_listen(gateway->loop, address, key_for(gateway->key, KEY_FOR_TRUNK, "", &key),
                       trunk_comes, gateway, &gateway->hosts_listener, problem);
    key_forget(&key);
    if (status == STATUS_OK)
        channel_listener_tell(gateway->hosts_listener, turned_away);
    return status;
}

void gateway_trunks_close(struct gateway *gateway)
{
    channel_listener_close(gateway->hosts_listener);
    for (unsigned i = 0; i < GATEWAY_VISITORS; i++)
        if (gateway->visitors[i].trunk != NULL)
            channel_close(gateway->visitors[i].trunk, "", false);
}
