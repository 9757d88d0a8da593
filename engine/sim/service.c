/* The service: clients, the switch between them and the hosts, and the packets under way. */
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
        observe_writer(&world->observer, world->now_ns, TO_CLIENT, stream_idx,
                       &mailbox->slots[stream_idx].stream);
        world_happen(world, world->now_ns + NETWORK_LATENCY_NS, HAPPEN_PACKET, 0,
                     network_send(&world->network));
    }
    uint64_t deadline_ns = mailbox_deadline_ns(mailbox);
    world->mailbox_due_ns = deadline_ns == UINT64_MAX ? UINT64_MAX : deadline_ns + host->offset_ns;
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
    uint64_t due_ns = client_deadline_ns(client);
    uint64_t *armed_ns = &world->client_armed_ns[client->client_idx];
    if (due_ns < *armed_ns) {
        *armed_ns = due_ns > world->now_ns ? due_ns : world->now_ns + 1;
        world_happen(world, *armed_ns, HAPPEN_CLIENT, client->client_idx, 0);
    }
}

static void client_due(struct world *world, uint32_t client_idx)
{
    struct client *client = &world->clients.items[client_idx];
    struct host *host = world_home(world);

    if (client->state == CLIENT_CONNECTING) {
        if (host != NULL &&
            mailbox_connect(machine_mailbox(host->guest), client_idx, world->clients.dialect->port))
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

void service_packet(struct world *world, uint64_t packet_idx)
{
    struct packet *packet = network_packet(&world->network, packet_idx);
    uint32_t stream_idx = packet->stream_idx;

    if (packet->is_to_guest) {
        struct host *host = world_home(world);
        /* A host at which the guest does not live drops what arrives for it: it is sent again. */
        if (host != NULL && host_idx(world, host) == packet->host) {
            struct mailbox *mailbox = machine_mailbox(host->guest);
            mailbox_deliver(mailbox, host_guest_ns(world, host), stream_idx, &packet->packet);
            observe_packet(&world->observer, world->now_ns, TO_GUEST, stream_idx, true,
                           &mailbox->slots[stream_idx].stream);
            service_send(world, host);
        }
    } else {
        struct client *client = &world->clients.items[stream_idx];
        bool had_begun = world->clients.has_begun;
        bool is_sound = stream_receive(&client->stream, world->now_ns, &packet->packet);
        observe_packet(&world->observer, world->now_ns, TO_CLIENT, stream_idx, is_sound,
                       &client->stream);
        client_read(&world->clients, client, world->now_ns);
        follow_client(world, client);
        if (!had_begun && world->clients.has_begun)
            clients_began(world);
    }
    network_drop(&world->network, packet_idx);
}

void service_rehome(struct world *world, struct host *host)
{
    if (world->clients.count == 0)
        return;
    uint32_t streams = mailbox_rehome(machine_mailbox(host->guest));
    world_happen(world, world->now_ns + NETWORK_LATENCY_NS / 2, HAPPEN_ANNOUNCE,
                 host_idx(world, host), streams);
    service_send(world, host);
}
