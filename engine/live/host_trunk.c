/* The trunk: what a host and its gateway say to each other. It is kept up for ever: a gateway that
 * died has a successor, which finds the hosts as they are. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/units.h"
#include "live/host_private.h"
#include "live/key_file.h"
#include "live/trunk.h"

/* Events wait so long for others that leave with them, or until they are so many. */
#define EVENTS_NS    (5 * NS_PER_MS)
#define EVENTS_BATCH 512u
/* Events that nobody fetches; beyond that they are dropped, which is told. */
#define EVENTS_MAX (200u << 10)
/* What may wait on the trunk: packets behind it are sent again by their streams for nothing. */
#define PACKETS_BACKLOG_MAX (1u << 20)
#define EVENTS_BACKLOG_MAX  (256u << 10)
#define CONSOLE_BACKLOG_MAX (256u << 10)
#define SILENCE_NS          (10 * NS_PER_S) /* less than the gateway allows (gateway_trunks.c) */
#define STALL_NS            (30 * NS_PER_S)

/* ---- Speaking ---- */

static void flush(struct host *host)
{
    struct trunk *trunk = &host->trunk;

    if (trunk->channel != NULL && trunk->out.count > 0)
        channel_send(trunk->channel, trunk->out.data, trunk->out.count);
    bytes_clear(&trunk->out);
}

/* Gives `message` up. */
static void talk(struct host *host, json_t *message)
{
    if (host->trunk.channel != NULL)
        trunk_put_message(&host->trunk.out, message);
    else
        json_decref(message);
}

void trunk_tell(struct host *host, const char *event, json_t *data)
{
    if (host->trunk.is_open)
        talk(host, control_event(event, data, control_wall_us()));
    else
        json_decref(data);
}

void trunk_answer(struct host *host, json_t *message)
{
    talk(host, message);
}

/* What the gateway is told of the guests here is a claim: it goes before their packets. */
static void tell_guests(struct host *host)
{
    if (!host->is_changed || !host->trunk.is_open)
        return;
    host->is_changed = false;
    trunk_tell(host, "guests", host_claims(host));
}

static size_t backlog(const struct host *host)
{
    return channel_backlog(host->trunk.channel) + host->trunk.out.count;
}

bool trunk_takes_packets(const struct host *host)
{
    return host->trunk.is_open && backlog(host) < PACKETS_BACKLOG_MAX;
}

bool trunk_takes_console(const struct host *host)
{
    return host->trunk.is_open && backlog(host) < CONSOLE_BACKLOG_MAX;
}

bool trunk_keeps_console(const struct host *host, size_t count)
{
    return !host->trunk.is_open && host->trunk.channel != NULL && host->trunk.retry_after_ns == 0 &&
           count < CONSOLE_BACKLOG_MAX;
}

void trunk_packet(struct host *host, uint32_t stream_idx, const struct stream_packet *packet)
{
    tell_guests(host);
    trunk_put_packet(&host->trunk.out, stream_idx, packet);
}

void trunk_accepted(struct host *host, const struct trunk_call *call)
{
    tell_guests(host);
    trunk_put_call(&host->trunk.out, TRUNK_ACCEPTED, call);
}

/* ---- Events ---- */

static void put_events(struct host *host, struct move *move)
{
    struct event_list *events = &move->events;
    size_t put = 0;

    while (put < events->count && backlog(host) < EVENTS_BACKLOG_MAX)
        put +=
            trunk_put_events(&host->trunk.out, move->id, events->items + put, events->count - put);
    if (put > 0)
        memmove(events->items, events->items + put, (events->count - put) * sizeof *events->items);
    events->count -= put;
}

static void say_dropped(struct host *host)
{
    struct trunk *trunk = &host->trunk;

    if (trunk->dropped_events == 0 || !trunk->is_open)
        return;
    host_say(host, "%llu events of a move were told to nobody: the gateway was gone, or slow",
             (unsigned long long)trunk->dropped_events);
    trunk->dropped_events = 0;
}

static void tell_events(struct host *host, uint64_t now_ns)
{
    size_t waiting = 0;

    for (uint32_t i = 0; i < HOST_MOVES; i++) {
        struct move *move = &host->moves[i];
        if (!move->is_used)
            continue;
        progress_look(move);
        waiting += move->events.count;
    }
    say_dropped(host);
    if (waiting == 0 || (waiting < EVENTS_BATCH && now_ns < host->events_at_ns + EVENTS_NS))
        return;
    host->events_at_ns = now_ns;
    for (uint32_t i = 0; i < HOST_MOVES; i++) {
        struct move *move = &host->moves[i];
        if (!move->is_used)
            continue;
        if (host->trunk.is_open)
            put_events(host, move);
        move->looked = move->events.count;
        if (move->events.count < EVENTS_MAX)
            continue;
        host->trunk.dropped_events += move->events.count;
        move->events.count = move->looked = 0;
    }
}

uint64_t trunk_due_ns(const struct host *host)
{
    if (host->trunk.channel == NULL)
        return host->trunk.retry_at_ns;
    for (uint32_t i = 0; i < HOST_MOVES; i++)
        if (host->moves[i].is_used && host->moves[i].events.count > 0)
            return host->events_at_ns + EVENTS_NS;
    return UINT64_MAX;
}

void trunk_turn(struct host *host, uint64_t now_ns)
{
    if (host->trunk.channel == NULL && host->trunk.retry_at_ns <= now_ns)
        trunk_open(host, now_ns);
    tell_guests(host);
    tell_events(host, now_ns);
    flush(host);
}

/* ---- Listening ---- */

/* It comes again, for that may change; but what is wrong with the host itself does not. Where it had been
 * taken before, the guests here may be the only ones that know their clients: they go on. */
static void turned_away(struct host *host, const struct control_message *message)
{
    bool is_for_good = strcmp(message->name, control_error_name(CONTROL_REFUSED)) == 0;
    char reason[240];

    snprintf(reason, sizeof reason, "the gateway does not take this host: %.200s",
             message->desc == NULL ? "" : message->desc);
    if (is_for_good && *host->trunk.instance == '\0' && host->calls->refused != NULL)
        host->calls->refused(host->owner, reason);
    else
        channel_close(host->trunk.channel, reason, true);
}

/* The gateway has answered hello: from now on packets pass. */
static void answered(struct host *host, const struct control_message *message)
{
    struct trunk *trunk = &host->trunk;
    const char *instance = control_word(message->data, "instance", "");
    uint64_t now_ns = uv_hrtime();

    if (trunk->is_open)
        return;
    if (message->kind == CONTROL_ERROR) {
        turned_away(host, message);
        return;
    }
    trunk->is_open = true;
    trunk->retry_after_ns = 0;
    trunk->said[0] = '\0';
    if (move_text_is_token(instance))
        snprintf(trunk->instance, sizeof trunk->instance, "%s", instance);
    host_say(host, "the gateway at %s knows this host", host->config->gateway);
    host_changed(host);
    /* Another gateway knows nothing of the link, before it hears of moves on it. */
    if (json_object_size(host->link) > 0)
        trunk_tell(host, "link", json_deep_copy(host->link));
    /* Whether what was said on the last connection was heard, nobody knows. */
    for (uint64_t i = 0; i < HOST_ENDS; i++)
        if (host->ends[(host->end_count + i) % HOST_ENDS] != NULL)
            trunk_tell(host, "migration_ended",
                       json_incref(host->ends[(host->end_count + i) % HOST_ENDS]));
    /* A gateway that did not order a move learns of it before it is told what has happened in it. */
    for (uint32_t i = 0; i < HOST_MOVES; i++)
        if (host->moves[i].is_used && host->moves[i].is_out && host->moves[i].over_ns == 0)
            trunk_tell(host, "progress", progress_json(&host->moves[i], now_ns));
    for (uint32_t i = 0; i < HOST_GUESTS; i++) {
        if (host->residents[i].guest == NULL || !resident_is_here(&host->residents[i]))
            continue;
        host->residents[i].is_unheard = false;
        mail_rehome(&host->residents[i], now_ns);
        mail_flush(&host->residents[i], now_ns); /* what it has said comes before its end */
        resident_tell_end(&host->residents[i]);
    }
}

static void hear_talk(struct host *host, const struct frame *frame)
{
    struct problem problem = {STATUS_OK, ""};
    struct control_message message;
    enum status status =
        control_read((const char *)frame->payload, frame->payload_bytes, &message, &problem);

    if (status == STATUS_OK && message.kind == CONTROL_COMMAND)
        host_obey(host, &message);
    else if (status == STATUS_OK &&
             (message.kind == CONTROL_RETURN || message.kind == CONTROL_ERROR))
        answered(host, &message);
    else if (status != STATUS_OK)
        trunk_answer(host, control_refusal(CONTROL_BAD_ARGUMENT, problem.text, message.id));
    control_message_fini(&message);
}

static enum status hear_frame(void *owner, const struct frame *frame)
{
    struct host *host = owner;
    struct stream_packet packet;
    struct trunk_call call;
    uint32_t stream_idx;

    if (frame->type == FRAME_TALK) {
        hear_talk(host, frame);
    } else if (frame->type == FRAME_PACKET && frame->note == TRUNK_CONNECT) {
        if (trunk_get_call(frame, TRUNK_CONNECT, &call) != STATUS_OK)
            return STATUS_BAD_STREAM;
        mail_call(host, &call);
    } else {
        if (trunk_get_packet(frame, &stream_idx, &packet) != STATUS_OK)
            return STATUS_BAD_STREAM;
        mail_packet(host, uv_hrtime(), stream_idx, &packet);
    }
    return STATUS_OK;
}

static void heard(void *owner, struct channel *channel, const uint8_t *data, size_t count)
{
    struct host *host = owner;
    uint64_t asked_ns = host->trunk.asked_ns;

    /* It asks every second, and gives up who does not answer: whatever it ordered meanwhile, while this
     * process was stopped, nobody waits for any more. */
    if (asked_ns != 0 && uv_hrtime() - asked_ns > SILENCE_NS) {
        channel_close(channel, "nothing was heard of it for 10s", true);
        return;
    }
    if (trunk_hear(&host->trunk.in, data, count, hear_frame, host) != STATUS_OK)
        channel_close(channel, "what the gateway says cannot be read", true);
}

/* ---- Its life ---- */

static void opened(void *owner, struct channel *channel)
{
    struct host *host = owner;
    struct channel_limits limits = {.stall_ns = STALL_NS};
    json_t *hello =
        json_pack("{s:s, s:s, s:i, s:i, s:I, s:o}", "name", host->config->name, "address",
                  host_address(host), "protocol", CONTROL_PROTOCOL, "pid", (int)getpid(),
                  "pid_space", (json_int_t)trunk_pid_space(), "guests", host_claims(host));

    channel_set_limits(channel, &limits);
    talk(host, control_event("hello", hello, control_wall_us()));
    flush(host);
}

/* Why there is no trunk any more, or none yet: it is tried again and again, and said once. */
static void tell_why(struct host *host, const char *reason)
{
    struct trunk *trunk = &host->trunk;

    if (trunk->is_open && !host->is_closing) {
        host_say(host, "the gateway is gone (%s): guests and moves go on",
                 *reason == '\0' ? "it closed the connection" : reason);
    } else if (!trunk->is_open && *reason != '\0' && strcmp(trunk->said, reason) != 0) {
        snprintf(trunk->said, sizeof trunk->said, "%s", reason);
        host_say(host, "no way to the gateway: %s", reason);
    }
}

static void closed(void *owner, struct channel *channel, const char *reason)
{
    struct host *host = owner;
    struct trunk *trunk = &host->trunk;

    (void)channel;
    tell_why(host, reason);
    trunk->channel = NULL;
    trunk->is_open = false;
    trunk->asked_ns = 0;
    bytes_clear(&trunk->in);
    bytes_clear(&trunk->out);
    trunk->retry_after_ns = trunk->retry_after_ns == 0 ? HOST_RETRY_NS : 2 * trunk->retry_after_ns;
    if (trunk->retry_after_ns > HOST_RETRY_MAX_NS)
        trunk->retry_after_ns = HOST_RETRY_MAX_NS;
    trunk->retry_at_ns = host->is_closing ? UINT64_MAX : uv_hrtime() + trunk->retry_after_ns;
    host_freed(host);
}

static const struct channel_owner trunk_calls = {
    .opened = opened, .heard = heard, .closed = closed};

enum status trunk_find(struct host *host, struct problem *problem)
{
    const struct host_config *config = host->config;
    struct problem detail = {STATUS_OK, ""};

    if (config->gateway == NULL ||
        channel_find(config->gateway, config->key, host->trunk.gateway, &detail) == STATUS_OK)
        return STATUS_OK;
    return problem_set(problem, STATUS_USAGE, "--gateway: %.300s", detail.text);
}

void trunk_open(struct host *host, uint64_t now_ns)
{
    struct trunk *trunk = &host->trunk;
    struct problem problem = {STATUS_OK, ""};
    struct channel_key key;

    trunk->retry_at_ns = UINT64_MAX;
    if (*trunk->gateway == '\0' || host->is_closing)
        return;
    enum status status = channel_connect(host->loop, trunk->gateway,
                                         key_for(host->config->key, KEY_FOR_TRUNK, "", &key),
                                         &trunk_calls, host, &trunk->channel, &problem);
    key_forget(&key);
    if (status == STATUS_OK)
        return;
    tell_why(host, problem.text);
    trunk->retry_at_ns = now_ns + HOST_RETRY_MAX_NS;
}

void trunk_close(struct host *host)
{
    flush(host);
    if (host->trunk.channel != NULL)
        channel_close(host->trunk.channel, "", false);
}
