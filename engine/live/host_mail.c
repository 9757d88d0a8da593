/* What a guest has to say, and what is said to it: packets of its clients' streams, its console. */
#include <stdio.h>
#include <string.h>

#include "live/host_private.h"
#include "live/trunk.h"

/* Of the console in one event: escaped it may be six times as long, and a line of the protocol has
 * its end (CONTROL_LINE_MAX). */
#define CONSOLE_PIECE_BYTES 8192u

static bool has_mailbox(const struct resident *resident)
{
    return resident->guest != NULL && !scenario_is_model(&resident->scenario);
}

/* ---- Streams whose client is gone ---- */

/* DOC: ghost-peer
 * A gateway that died took its clients' ends of all streams with it; one that takes the guest for lost
 * forgets them. For each a ghost stands in, which needs no state: it acknowledges whatever the guest
 * sends and says that the stream ends. The guest sees its client hang up, closes in its turn, and the
 * slot is free. */
static void answer_as_ghost(struct resident *resident, uint64_t now_ns, uint32_t stream_idx,
                            uint64_t ack)
{
    struct mailbox *mailbox = machine_mailbox(resident->guest);
    const struct stream *stream = &mailbox->slots[stream_idx].stream;
    /* Once is enough: an end that is said again is answered, and that answer answered. */
    struct stream_packet packet = {
        .sequence = stream->expected, .ack = ack, .is_fin = !stream->fin_received};

    mailbox_deliver(mailbox, now_ns, stream_idx, &packet);
}

static void end_as_ghost(struct resident *resident, uint32_t stream_idx)
{
    const struct mailbox *mailbox = machine_mailbox(resident->guest);

    resident->ghosts |= 1ull << stream_idx;
    answer_as_ghost(resident, resident_now_ns(resident), stream_idx,
                    mailbox->slots[stream_idx].stream.next);
}

static bool is_in_use(const struct mailbox *mailbox, uint32_t stream_idx)
{
    const struct mailbox_slot *slot = &mailbox->slots[stream_idx];
    return slot->state == MAILBOX_CALLING || slot->state == MAILBOX_ACCEPTED ||
           (slot->state == MAILBOX_CLOSED && !stream_is_over(&slot->stream));
}

void mail_check_instance(struct resident *resident, uint64_t now_ns)
{
    const char *instance = resident->host->trunk.instance;
    bool is_first = *resident->instance == '\0';

    (void)now_ns;
    if (!has_mailbox(resident) || *instance == '\0' || strcmp(resident->instance, instance) == 0)
        return;
    snprintf(resident->instance, sizeof resident->instance, "%s", instance);
    struct mailbox *mailbox = machine_mailbox(resident->guest);
    unsigned count = 0;
    for (uint32_t i = 0; i < MAILBOX_STREAMS && !is_first; i++) {
        if (!is_in_use(mailbox, i))
            continue;
        end_as_ghost(resident, i);
        count++;
    }
    if (count > 0)
        host_say(resident->host,
                 "%s: another gateway is there: %u connections of the one before are ended",
                 resident->name, count);
    resident_wake(resident);
}

/* ---- Packets ---- */

static void send_packets(struct resident *resident)
{
    struct host *host = resident->host;
    struct mailbox *mailbox = machine_mailbox(resident->guest);
    uint64_t guest_ns = resident_now_ns(resident), deadline_ns;
    struct stream_packet packet;
    uint32_t stream_idx;

    resident->mail_due_ns = UINT64_MAX;
    if (!resident_is_here(resident) || !trunk_takes_packets(host))
        return; /* asked again when the trunk is there, or has room */
    while (trunk_takes_packets(host) && mailbox_packet(mailbox, guest_ns, &stream_idx, &packet)) {
        if ((resident->ghosts >> stream_idx & 1) == 0) {
            trunk_packet(host, stream_idx, &packet);
            continue;
        }
        answer_as_ghost(resident, guest_ns, stream_idx,
                        packet.sequence + packet.bytes + packet.is_fin);
        resident_wake(resident);
    }
    for (uint32_t i = 0; resident->ghosts != 0 && i < MAILBOX_STREAMS; i++)
        if (!is_in_use(mailbox, i))
            resident->ghosts &= ~(1ull << i);
    deadline_ns = mailbox_deadline_ns(mailbox);
    if (deadline_ns != UINT64_MAX)
        resident->mail_due_ns = deadline_ns + resident->offset_ns;
}

void mail_deliver(struct resident *resident, uint64_t now_ns, uint32_t stream_idx,
                  const struct stream_packet *packet)
{
    (void)now_ns;
    if (!has_mailbox(resident) || (resident->ghosts >> stream_idx & 1) != 0)
        return;
    mailbox_deliver(machine_mailbox(resident->guest), resident_now_ns(resident), stream_idx,
                    packet);
    resident->has_output = true; /* an acknowledgement, perhaps */
    resident_wake(resident);
}

void mail_rehome(struct resident *resident, uint64_t now_ns)
{
    if (!has_mailbox(resident))
        return;
    mail_check_instance(resident, now_ns);
    mailbox_rehome(machine_mailbox(resident->guest));
    resident->has_output = true;
    host_changed(resident->host); /* the claim goes before the packets */
}

/* The guest here that has that stream; NULL. */
static struct resident *find_owner(struct host *host, uint32_t stream_idx)
{
    struct resident *lingering = NULL;

    for (uint32_t i = 0; i < HOST_GUESTS; i++) {
        struct resident *resident = &host->residents[i];
        if (!has_mailbox(resident) || !resident_is_here(resident))
            continue;
        const struct mailbox *mailbox = machine_mailbox(resident->guest);
        if ((resident->ghosts >> stream_idx & 1) != 0)
            continue; /* its client is no more: what comes is another's */
        if (is_in_use(mailbox, stream_idx))
            return resident;
        if (mailbox->slots[stream_idx].state != MAILBOX_FREE)
            lingering = resident; /* over, but its peer may want the last word again */
    }
    return lingering;
}

/* A number that is used is of that guest alone, whoever left with it before. One whose connection is over
 * is so only where nobody else has it: its peer may want the last word again. */
void mail_leaves(struct move *move)
{
    const struct resident *resident = move->resident;
    uint64_t used = 0, lingering = 0, others = 0;

    if (!has_mailbox(resident))
        return;
    const struct mailbox *mailbox = machine_mailbox(resident->guest);
    for (uint32_t i = 0; i < MAILBOX_STREAMS; i++) {
        uint64_t bit = 1ull << i & ~resident->ghosts;
        if (is_in_use(mailbox, i))
            used |= bit;
        else if (mailbox->slots[i].state != MAILBOX_FREE)
            lingering |= bit;
    }
    for (uint32_t i = 0; i < HOST_MOVES; i++) {
        move->host->moves[i].streams &= ~used;
        others |= move->host->moves[i].streams;
    }
    move->streams = used | (lingering & ~others);
}

/* The old host sends on what still comes to it: --route tunnel. */
static bool forward(struct host *host, uint64_t now_ns, uint32_t stream_idx,
                    const struct stream_packet *packet)
{
    const struct message_forward message = {.stream_idx = stream_idx,
                                            .sequence = packet->sequence,
                                            .ack = packet->ack,
                                            .is_fin = packet->is_fin,
                                            .is_rehome = packet->is_rehome,
                                            .data = packet->data,
                                            .bytes = packet->bytes};

    for (uint32_t i = 0; i < HOST_MOVES; i++) {
        struct move *move = &host->moves[i];
        uint64_t charge;
        if (!move->is_used || (move->streams >> stream_idx & 1) == 0 ||
            move->scenario.route != ROUTE_TUNNEL || move->line == NULL ||
            !source_forward(&move->source, &message, &charge))
            continue;
        move->forwarded++;
        event_append(&move->events, (struct event){.at_ns = now_ns,
                                                   .kind = EVENT_PACKET_FORWARDED,
                                                   .packet_forwarded = {.client_idx = stream_idx,
                                                                        .bytes = charge}});
        move_feed(move);
        return true;
    }
    return false;
}

/* Nobody here has it: it is lost, as in any network, and will be sent again. The move that took the
 * guest away tells it. */
static void drop(struct host *host, uint64_t now_ns, uint32_t stream_idx, uint32_t bytes)
{
    for (uint32_t i = 0; i < HOST_MOVES; i++) {
        struct move *move = &host->moves[i];
        if (!move->is_used || move->over_ns != 0 ||
            (move->is_out && move->source.phase < PHASE_HAND_OVER))
            continue;
        event_append(
            &move->events,
            (struct event){.at_ns = now_ns,
                           .kind = EVENT_PACKET_DROPPED,
                           .packet_dropped = {.client_idx = stream_idx,
                                              .bytes = bytes,
                                              .host = move->is_out ? HOST_SOURCE : HOST_TARGET}});
        return;
    }
}

void mail_packet(struct host *host, uint64_t now_ns, uint32_t stream_idx,
                 const struct stream_packet *packet)
{
    struct resident *resident = find_owner(host, stream_idx);

    if (resident != NULL)
        mail_deliver(resident, now_ns, stream_idx, packet);
    else if (!forward(host, now_ns, stream_idx, packet))
        drop(host, now_ns, stream_idx, packet->bytes);
}

/* A number's next connection begins behind all that the last one has used: who calls with such numbers
 * has no end of that one any more, even if the guest still has. */
static bool is_given_up(const struct mailbox *mailbox, const struct trunk_call *call)
{
    return is_in_use(mailbox, call->stream_idx) &&
           call->first > mailbox->slots[call->stream_idx].stream.expected;
}

/* The guest that is called takes it if it listens there, or nobody does, and it is repeated. */
void mail_call(struct host *host, const struct trunk_call *call)
{
    struct resident *resident = host_find_resident(host, call->guest);

    if (resident == NULL || !has_mailbox(resident) || !resident_is_here(resident) ||
        resident->is_ended || (resident->ghosts >> call->stream_idx & 1) != 0)
        return;
    struct mailbox *mailbox = machine_mailbox(resident->guest);
    if (is_given_up(mailbox, call)) {
        end_as_ghost(resident, call->stream_idx);
        resident->has_output = true;
    } else if (trunk_take_call(mailbox, call)) {
        trunk_accepted(host, call);
    } else {
        return;
    }
    resident_wake(resident);
}

/* ---- Console ---- */

/* JSON knows UTF-8 alone: of a piece that is none, what is no ASCII is told as a question mark. */
static json_t *console_text(uint8_t *data, size_t count)
{
    json_t *text = json_stringn((const char *)data, count);

    for (size_t i = 0; text == NULL && i < count; i++)
        data[i] = data[i] < 0x80 ? data[i] : '?';
    return text != NULL ? text : json_stringn((const char *)data, count);
}

/* Said once until there is another trunk. A host that was given no gateway has nobody to tell. */
static void console_is_unheard(struct resident *resident)
{
    struct host *host = resident->host;

    if (host->config->gateway == NULL || resident->is_unheard)
        return;
    host_say(host,
             host->trunk.is_open ? "%s writes more than the gateway takes: some of it is not told"
                                 : "what %s writes while there is no gateway is told to nobody",
             resident->name);
    resident->is_unheard = true;
}

/* What a guest says last says what it came to. */
static void remember_line(struct resident *resident, const uint8_t *data, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bool is_end = data[i] == '\n';
        if (!is_end && resident->is_line_whole)
            resident->last_line_count = 0;
        resident->is_line_whole = is_end;
        if (is_end || resident->last_line_count + 1 >= sizeof resident->last_line)
            continue;
        bool is_letter = data[i] >= ' ' && data[i] < 0x7f;
        resident->last_line[resident->last_line_count++] = is_letter ? (char)data[i] : '?';
        resident->last_line[resident->last_line_count] = '\0';
    }
}

static void drain_console(struct resident *resident, uint64_t now_ns)
{
    struct host *host = resident->host;
    struct bytes *console = machine_console(resident->guest);

    if (console->count == 0 || trunk_keeps_console(host, console->count))
        return;
    remember_line(resident, console->data, console->count);
    if (host->calls->console != NULL)
        host->calls->console(host->owner, resident->name, console->data, console->count);
    for (size_t at = 0; at < console->count; at += CONSOLE_PIECE_BYTES) {
        size_t left = console->count - at;
        if (!trunk_takes_console(host)) {
            console_is_unheard(resident);
            break;
        }
        size_t count = left < CONSOLE_PIECE_BYTES ? left : CONSOLE_PIECE_BYTES;
        trunk_tell(host, "console",
                   json_pack("{s:s, s:o}", "guest", resident->name, "text",
                             console_text(console->data + at, count)));
    }
    resident_emit(resident, now_ns,
                  (struct event){.kind = EVENT_CONSOLE_WRITTEN,
                                 .console_written = {.host = resident_host_idx(resident),
                                                     .bytes = console->count}});
    bytes_clear(console);
}

/* Where it listens has changed: the gateway lets clients in by that. */
static void look_at_ports(struct resident *resident)
{
    const struct mailbox *mailbox = machine_mailbox(resident->guest);

    if (memcmp(resident->told_ports, mailbox->ports, sizeof mailbox->ports) == 0)
        return;
    memcpy(resident->told_ports, mailbox->ports, sizeof mailbox->ports);
    host_changed(resident->host);
}

void mail_flush(struct resident *resident, uint64_t now_ns)
{
    bool is_due = resident->mail_due_ns <= now_ns;

    if (!has_mailbox(resident) || (!resident->has_output && !is_due))
        return;
    resident->has_output = false;
    drain_console(resident, now_ns);
    look_at_ports(resident);
    send_packets(resident);
}
