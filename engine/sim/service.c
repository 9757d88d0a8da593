/* The service: clients, the switch between them and the hosts, and the packets under way.
 *
 * DOC: routes
 * Whatever the route, sequence numbers and what is sent again are stream.h's alone: a packet that is
 * dropped here is a packet that was lost, and no more.
 *
 *   announce   the target tells the switch, which learns it half a network's latency later; what was
 *              under way to the old host until then is dropped there
 *   tunnel     the switch is not told (or only after --tunnel-for): the old host puts what comes for
 *              the guest into FORWARD frames of the migration link, from COMMIT on. Answers go
 *              directly from the target to the client, in the guest's name: one detour, not two
 *   none       the guest's address is its old host's: clients send to where nobody is, and what the
 *              guest sends comes from an address that they have no connection with
 */
#include <string.h>

#include "sim/world_private.h"

void service_send(struct world *world, struct host *host)
{
    struct mailbox *mailbox;
    struct packet *packet;
    uint32_t stream_idx;

    if (world->clients.count == 0)
        return;
    mailbox = machine_mailbox(host->guest);
    for (;;) {
        packet = network_fill(&world->network);
        if (!mailbox_packet(mailbox, host_guest_ns(world, host), &stream_idx, &packet->packet))
            break;
        packet->stream_idx = stream_idx;
        packet->is_to_guest = false;
        packet->host = host_idx(world, host);
        observe_writer(&world->observer, world->now_ns, TO_CLIENT, stream_idx,
                       &mailbox->slots[stream_idx].stream);
        world_happen(world, world->now_ns + NETWORK_LATENCY_NS, HAPPEN_PACKET, 0,
                     network_send(&world->network));
    }
    uint64_t deadline_ns = mailbox_deadline_ns(mailbox);
    world->mailbox_due_ns = deadline_ns == UINT64_MAX ? UINT64_MAX : deadline_ns + host->offset_ns;
}

/* Sees that a client is asked again in time. */
static void arm_client(struct world *world, const struct client *client)
{
    uint64_t due_ns = client_deadline_ns(client);
    uint64_t *armed_ns = &world->client_armed_ns[client->client_idx];
    if (due_ns < *armed_ns) {
        *armed_ns = due_ns > world->now_ns ? due_ns : world->now_ns + 1;
        world_happen(world, *armed_ns, HAPPEN_CLIENT, client->client_idx, 0);
    }
}

/* Sends what a client has to say, and sees that it is asked again in time. */
static void follow_client(struct world *world, struct client *client)
{
    observe_writer(&world->observer, world->now_ns, TO_GUEST, client->client_idx, &client->stream);
    for (;;) {
        struct packet *packet = network_fill(&world->network);
        if (!stream_next_packet(&client->stream, world->now_ns, &packet->packet))
            break;
        packet->stream_idx = client->client_idx;
        packet->is_to_guest = true;
        packet->host = world->home;
        world_happen(world, world->now_ns + NETWORK_LATENCY_NS, HAPPEN_PACKET, 0,
                     network_send(&world->network));
    }
    arm_client(world, client);
}

/* The old host can send on what comes to it: it has given the guest away, lives, and is heard. */
static bool is_tunnelling(const struct world *world)
{
    return world->scenario.route == ROUTE_TUNNEL && !world->tunnel.has_ended &&
           !world->failures.has_crashed[HOST_SOURCE] && world->failures.is_connected;
}

/* A new connection finds the guest by the same way as packets do. */
static bool is_reached(struct world *world, const struct host *home)
{
    return home != NULL && (host_idx(world, home) == world->home || is_tunnelling(world));
}

static void client_due(struct world *world, uint32_t client_idx)
{
    struct client *client = &world->clients.items[client_idx];
    struct host *host = world_home(world);

    if (client->state == CLIENT_CONNECTING) {
        if (is_reached(world, host) &&
            mailbox_connect(machine_mailbox(host->guest), client_idx, scenario_port(&world->scenario)))
            client_connected(&world->clients, client, world->now_ns);
        else
            client->due_ns = world->now_ns + CLIENT_CONNECT_NS;
    }
    client_tick(&world->clients, client, world->now_ns);
    follow_client(world, client);
}

void service_client(struct world *world, const struct heap_entry *entry)
{
    uint64_t *armed_ns = &world->client_armed_ns[entry->who];
    if (*armed_ns != entry->at_ns)
        return; /* it wanted to be asked earlier, and was */
    *armed_ns = UINT64_MAX;
    client_due(world, entry->who);
}

/* The last answer to DBSIZE lets all clients begin. */
static void clients_began(struct world *world)
{
    for (uint32_t i = 0; i < world->clients.count; i++)
        follow_client(world, &world->clients.items[i]);
}

/* ---- Packets ---- */

static void drop(struct world *world, const struct packet *packet, uint32_t host)
{
    world_emit(world, (struct event){.kind = EVENT_PACKET_DROPPED,
                                     .packet_dropped = {.client_idx = packet->stream_idx,
                                                        .bytes = packet->packet.bytes,
                                                        .host = host}});
}

static void deliver(struct world *world, struct host *host, uint32_t stream_idx,
                    const struct stream_packet *packet)
{
    struct mailbox *mailbox = machine_mailbox(host->guest);
    mailbox_deliver(mailbox, host_guest_ns(world, host), stream_idx, packet);
    observe_packet(&world->observer, world->now_ns, TO_GUEST, stream_idx, true,
                   &mailbox->slots[stream_idx].stream);
    service_send(world, host);
}

static bool forward(struct world *world, const struct packet *packet)
{
    const struct message_forward message = {.stream_idx = packet->stream_idx,
                                            .sequence = packet->packet.sequence,
                                            .ack = packet->packet.ack,
                                            .is_fin = packet->packet.is_fin,
                                            .is_rehome = packet->packet.is_rehome,
                                            .data = packet->packet.data,
                                            .bytes = packet->packet.bytes};
    uint64_t charge;

    if (packet->host != HOST_SOURCE || !is_tunnelling(world) ||
        !source_forward(&world->source, &message, &charge))
        return false;
    world->tunnel.packets++;
    world_emit(world, (struct event){
                          .kind = EVENT_PACKET_FORWARDED,
                          .packet_forwarded = {.client_idx = packet->stream_idx, .bytes = charge}});
    world_feed_link(world, HOST_SOURCE);
    return true;
}

static void packet_to_guest(struct world *world, const struct packet *packet)
{
    struct host *host = world_home(world);

    /* A host at which the guest does not live drops what arrives for it: it is sent again. */
    if (host != NULL && host_idx(world, host) == packet->host)
        deliver(world, host, packet->stream_idx, &packet->packet);
    else if (!forward(world, packet))
        drop(world, packet, packet->host);
}

static void packet_to_client(struct world *world, const struct packet *packet)
{
    struct client *client = &world->clients.items[packet->stream_idx];
    bool had_begun = world->clients.has_begun;

    if (world->scenario.route == ROUTE_NONE && packet->host == HOST_TARGET) {
        drop(world, packet, HOST_TARGET); /* from an address that it has no connection with */
        return;
    }
    bool is_sound = stream_receive(&client->stream, world->now_ns, &packet->packet);
    observe_packet(&world->observer, world->now_ns, TO_CLIENT, packet->stream_idx, is_sound,
                   &client->stream);
    client_read(&world->clients, client, world->now_ns);
    follow_client(world, client);
    if (!had_begun && world->clients.has_begun)
        clients_began(world);
}

/* What this causes may put packets on the network, and move the place where this one stands. */
void service_packet(struct world *world, uint64_t packet_idx)
{
    struct packet packet = *network_packet(&world->network, packet_idx);

    network_drop(&world->network, packet_idx);
    if (packet.is_to_guest)
        packet_to_guest(world, &packet);
    else
        packet_to_client(world, &packet);
}

/* ---- Where the guest lives ---- */

/* Whether the network would say of that host that it knows the guest, be it only to pass on what
 * comes, or to wait for its end of the move. */
static bool is_somebody_there(const struct world *world, uint32_t host)
{
    bool has_left = host == HOST_SOURCE && target_is_running(&world->target);
    return !world->failures.has_crashed[host] && !world->failures.is_guest_lost &&
           !(has_left && world->scenario.route == ROUTE_NONE);
}

void service_tell_clients(struct world *world)
{
    bool is_there = is_somebody_there(world, world->home);
    for (uint32_t i = 0; i < world->clients.count; i++) {
        client_told(&world->clients.items[i], world->now_ns, is_there);
        arm_client(world, &world->clients.items[i]);
    }
}

void service_rehome(struct world *world, struct host *host)
{
    bool has_moved = host_idx(world, host) == HOST_TARGET;

    if (world->clients.count == 0)
        return;
    if (has_moved && world->scenario.route == ROUTE_NONE) {
        world->observer.oracle.applies[RULE_STREAMS] = false; /* every connection is broken */
        service_tell_clients(world);
        service_send(world, host);
        return;
    }
    uint32_t streams = mailbox_rehome(machine_mailbox(host->guest));
    if (!has_moved || world->scenario.route == ROUTE_ANNOUNCE)
        world_happen(world, world->now_ns + NETWORK_LATENCY_NS / 2, HAPPEN_ANNOUNCE,
                     host_idx(world, host), streams);
    else if (world->scenario.tunnel_for_ns != SCENARIO_NONE)
        world_happen(world, world->now_ns + world->scenario.tunnel_for_ns, HAPPEN_TUNNEL, 0, 0);
    service_send(world, host);
}

void service_announce(struct world *world, const struct heap_entry *entry)
{
    world->home = entry->who;
    service_tell_clients(world);
    world_emit(world,
               (struct event){.kind = EVENT_STREAMS_REHOMED,
                              .streams_rehomed = {.streams = entry->what, .host = entry->who}});
    if (entry->who == HOST_TARGET && world->scenario.route == ROUTE_TUNNEL)
        world_happen(world, world->now_ns + NETWORK_LATENCY_NS, HAPPEN_TUNNEL, 0, 1);
}

/* The target announces itself; when the switch has learned it, and what was under way to the old
 * host has come, nothing needs that host any more. A host that crashed before was needed, and its
 * tunnel did not end: it broke. */
void service_end_tunnel(struct world *world, const struct heap_entry *entry)
{
    struct host *host = &world->hosts[HOST_TARGET];

    if (world->failures.is_guest_lost)
        return;
    if (entry->what == 0) {
        uint32_t streams = mailbox_rehome(machine_mailbox(host->guest));
        world_happen(world, world->now_ns + NETWORK_LATENCY_NS / 2, HAPPEN_ANNOUNCE, HOST_TARGET,
                     streams);
        service_send(world, host);
        return;
    }
    if (world->failures.has_crashed[HOST_SOURCE])
        return;
    world->tunnel.has_ended = true;
    world_emit(world, (struct event){.kind = EVENT_TUNNEL_ENDED,
                                     .tunnel_ended = {.packets = world->tunnel.packets}});
}

void service_forwarded(struct world *world)
{
    struct message_forward forward;
    struct host *host = world_home(world);
    struct stream_packet packet;

    while (target_next_forward(&world->target, &forward)) {
        if (host == NULL || forward.stream_idx >= world->clients.count ||
            forward.bytes > sizeof packet.data)
            continue;
        packet = (struct stream_packet){.sequence = forward.sequence,
                                        .ack = forward.ack,
                                        .bytes = forward.bytes,
                                        .is_fin = forward.is_fin,
                                        .is_rehome = forward.is_rehome};
        memcpy(packet.data, forward.data, forward.bytes);
        deliver(world, host, forward.stream_idx, &packet);
    }
}
