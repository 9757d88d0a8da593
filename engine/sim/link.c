#include "sim/link.h"

#include <stdlib.h>

#include "base/status.h"
#include "base/units.h"

void link_init(struct link *link, uint64_t bandwidth_bits_per_s, uint64_t latency_ns)
{
    *link = (struct link){.bandwidth_bits_per_s = bandwidth_bits_per_s, .latency_ns = latency_ns};
}

void link_fini(struct link *link)
{
    for (uint32_t i = 0; i < link->capacity; i++)
        bytes_fini(&link->chunks[i].bytes);
    free(link->chunks);
    *link = (struct link){0};
}

/* Twice the room, with the ring unrolled to its beginning. */
static void grow(struct link *link)
{
    uint32_t capacity = link->capacity == 0 ? 16 : link->capacity * 2;
    struct link_chunk *chunks = calloc(capacity, sizeof *chunks);
    MUST(chunks != NULL);
    for (uint32_t i = 0; i < link->capacity; i++)
        chunks[i] = link->chunks[(link->first + i) % link->capacity];
    free(link->chunks);
    link->chunks = chunks;
    link->first = 0;
    link->capacity = capacity;
}

struct bytes *link_fill(struct link *link)
{
    if (link->count == link->capacity)
        grow(link);
    struct bytes *bytes = &link->chunks[(link->first + link->count) % link->capacity].bytes;
    bytes_clear(bytes);
    return bytes;
}

/* One latency after its last byte has left, but behind the one before it. */
static uint64_t arrival_of_last(struct link *link)
{
    uint64_t arrives_ns = link->free_at_ns + link->latency_ns;
    if (arrives_ns > link->last_arrives_ns)
        link->last_arrives_ns = arrives_ns;
    return link->last_arrives_ns;
}

uint64_t link_send(struct link *link, uint64_t now_ns, uint64_t charged_bytes)
{
    unsigned __int128 work;
    if (link->free_at_ns < now_ns) {
        link->free_at_ns = now_ns;
        link->remainder = 0;
    }
    work = (unsigned __int128)charged_bytes * 8 * NS_PER_S + link->remainder;
    link->free_at_ns += (uint64_t)(work / link->bandwidth_bits_per_s);
    link->remainder = (uint64_t)(work % link->bandwidth_bits_per_s);
    struct link_chunk *chunk = &link->chunks[(link->first + link->count) % link->capacity];
    chunk->chunk_idx = link->sent_count++;
    chunk->arrives_ns = arrival_of_last(link);
    link->count++;
    return link->free_at_ns;
}

const struct link_chunk *link_next(const struct link *link)
{
    return link->count == 0 ? NULL : &link->chunks[link->first];
}

void link_drop(struct link *link)
{
    MUST(link->count > 0);
    link->first = (link->first + 1) % link->capacity;
    link->count--;
}

bool link_is_free(const struct link *link, uint64_t now_ns, uint64_t chunk_idx)
{
    return link->free_at_ns == now_ns && link->sent_count == chunk_idx + 1;
}

bool link_is_due(const struct link *link, uint64_t now_ns, uint64_t chunk_idx)
{
    const struct link_chunk *next = link_next(link);
    return next != NULL && next->chunk_idx == chunk_idx && next->arrives_ns == now_ns;
}

bool link_set_bandwidth(struct link *link, uint64_t now_ns, uint64_t bits_per_s)
{
    unsigned __int128 work;
    bool is_leaving = link->free_at_ns > now_ns && link->count > 0;

    if (link->free_at_ns > now_ns) {
        work = (unsigned __int128)(link->free_at_ns - now_ns) * link->bandwidth_bits_per_s +
               link->remainder;
        link->free_at_ns = now_ns + (uint64_t)(work / bits_per_s);
        link->remainder = (uint64_t)(work % bits_per_s);
    } else {
        link->remainder = 0;
    }
    link->bandwidth_bits_per_s = bits_per_s;
    if (!is_leaving)
        return false;
    struct link_chunk *last = &link->chunks[(link->first + link->count - 1) % link->capacity];
    /* The one before it is what it must not overtake. */
    link->last_arrives_ns =
        link->count > 1 ? link->chunks[(link->first + link->count - 2) % link->capacity].arrives_ns
                        : 0;
    last->arrives_ns = arrival_of_last(link);
    return true;
}

void link_cut(struct link *link, uint64_t now_ns)
{
    link->count = 0;
    link->remainder = 0;
    link->last_arrives_ns = 0;
    if (link->free_at_ns > now_ns)
        link->free_at_ns = now_ns;
}

void link_corrupt(struct link *link, struct bytes *bytes, uint64_t charged_bytes, struct prng *prng)
{
    if (link->corrupt_bytes == 0 || bytes->count == 0 ||
        prng_below(prng, link->corrupt_bytes) >= charged_bytes)
        return;
    bytes->data[prng_below(prng, bytes->count)] ^= (uint8_t)(1 + prng_below(prng, 255));
    link->corrupted_chunks++;
}
