#include "sim/network.h"

#include <stdlib.h>

#include "base/status.h"

void network_fini(struct network *network)
{
    free(network->packets);
    *network = (struct network){0};
}

struct packet *network_fill(struct network *network)
{
    if (network->free == 0) {
        uint32_t count = network->count == 0 ? 16 : network->count * 2;
        network->packets = realloc(network->packets, count * sizeof *network->packets);
        MUST(network->packets != NULL);
        for (uint32_t i = network->count; i < count; i++)
            network->packets[i].next_free = i + 1 < count ? i + 2 : 0;
        network->free = network->count + 1;
        network->count = count;
    }
    return &network->packets[network->free - 1];
}

uint32_t network_send(struct network *network)
{
    uint32_t packet_idx = network->free - 1;
    network->free = network->packets[packet_idx].next_free;
    return packet_idx;
}

struct packet *network_packet(struct network *network, uint64_t packet_idx)
{
    MUST(packet_idx < network->count);
    return &network->packets[packet_idx];
}

void network_drop(struct network *network, uint64_t packet_idx)
{
    network->packets[packet_idx].next_free = network->free;
    network->free = (uint32_t)packet_idx + 1;
}
