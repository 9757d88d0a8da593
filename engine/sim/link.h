/* link: one direction of the migration link in virtual time. It carries one chunk after the other
 * at its bandwidth, and each arrives one latency after its last byte has left.
 *
 * A chunk is charged for the bytes that it stands for, which may be more than it holds (model
 * pages). A transmission that does not end on a whole nanosecond leaves its remainder to the next,
 * so that a million chunks take exactly as long as one of the same bytes.
 */
#ifndef SIM_LINK_H
#define SIM_LINK_H

#include <stdint.h>

#include "base/bytes.h"

struct link_chunk {
    struct bytes bytes;
    uint64_t arrives_ns;
};

struct link {
    uint64_t bandwidth_bits_per_s;
    uint64_t latency_ns;
    uint64_t free_at_ns;       /* when the last byte accepted so far will have left */
    uint64_t remainder;        /* of the transmission times, in nanoseconds over the bandwidth */
    struct link_chunk *chunks; /* owned: a ring; buffers are used again */
    uint32_t first, count, capacity;
};

void link_init(struct link *link, uint64_t bandwidth_bits_per_s, uint64_t latency_ns);
void link_fini(struct link *link);

/* Where to put the bytes of the next chunk; link_send then sends them. */
struct bytes *link_fill(struct link *link);
/* Returns when the chunk's last byte has left; it arrives one latency later. */
uint64_t link_send(struct link *link, uint64_t now_ns, uint64_t charged_bytes);
/* The chunk that arrives next; taken by link_drop. NULL when nothing is under way. */
const struct link_chunk *link_next(const struct link *link);
void link_drop(struct link *link);

#endif
