/* link: one direction of the migration link in virtual time. It carries one chunk after the other
 * at its bandwidth, and each arrives one latency after its last byte has left.
 *
 * A chunk is charged for the bytes that it stands for, which may be more than it holds (model
 * pages). A transmission that does not end on a whole nanosecond leaves its remainder to the next,
 * so that a million chunks take exactly as long as one of the same bytes.
 *
 * A link may become slower while a chunk is leaving, longer, and lossy (fault.h): what was put on
 * it arrives in order all the same, or not at all. Whoever waits for an instant that a link has
 * named asks when it comes whether it still holds (link_is_free, link_is_due).
 */
#ifndef SIM_LINK_H
#define SIM_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/prng.h"

struct link_chunk {
    struct bytes bytes;
    uint64_t arrives_ns;
    uint64_t chunk_idx; /* of all that were ever sent */
};

struct link {
    uint64_t bandwidth_bits_per_s;
    uint64_t latency_ns;
    uint64_t free_at_ns;       /* when the last byte accepted so far will have left */
    uint64_t remainder;        /* of the transmission times, in nanoseconds over the bandwidth */
    struct link_chunk *chunks; /* owned: a ring; buffers are used again */
    uint32_t first, count, capacity;
    uint64_t sent_count;       /* chunks, ever */
    uint64_t last_arrives_ns;  /* of the chunk sent last: no other overtakes it */
    uint64_t corrupt_bytes;    /* one byte in so many is changed; 0: none */
    uint64_t corrupted_chunks; /* that were changed, ever */
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

/* Whether chunk chunk_idx has just left, or arrives: false where a fault has moved that instant, or
 * the chunk is lost. */
bool link_is_free(const struct link *link, uint64_t now_ns, uint64_t chunk_idx);
bool link_is_due(const struct link *link, uint64_t now_ns, uint64_t chunk_idx);

/* ---- Faults ---- */

/* From now on, for the part of a chunk that has not left yet as well: true, and the chunk sent last
 * leaves and arrives at other instants than it was said. */
bool link_set_bandwidth(struct link *link, uint64_t now_ns, uint64_t bits_per_s);
/* All that is under way is lost, and the link is free. */
void link_cut(struct link *link, uint64_t now_ns);
/* Changes at most one byte of the chunk that is being filled and will be charged that much. */
void link_corrupt(struct link *link, struct bytes *bytes, uint64_t charged_bytes,
                  struct prng *prng);

#endif
