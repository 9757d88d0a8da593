/* network: the packets between clients and guest that are under way. The service network is not the
 * migration link: it has latency only, and it loses what a host drops.
 */
#ifndef SIM_NETWORK_H
#define SIM_NETWORK_H

#include <stdbool.h>
#include <stdint.h>

#include "machine/stream.h"

/* From a client through the switch to a host, and back: a rack's network. */
#define NETWORK_LATENCY_NS 50000ull

struct packet {
    uint32_t stream_idx;
    bool is_to_guest;
    uint32_t host; /* to_guest: where the switch sent it; else where it comes from */
    uint32_t next_free;
    struct stream_packet packet;
};

struct network {
    struct packet *packets; /* owned; a packet's place is its number */
    uint32_t count;
    uint32_t free; /* head of the list of free places, plus one; 0: none */
};

void network_fini(struct network *network);
/* A place to write the next packet to; network_send then puts it under way and returns its number.
 * A filled place that is not sent is handed out again. */
struct packet *network_fill(struct network *network);
uint32_t network_send(struct network *network);
struct packet *network_packet(struct network *network, uint64_t packet_idx);
void network_drop(struct network *network, uint64_t packet_idx); /* it has arrived */

#endif
