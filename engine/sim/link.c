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
    link->chunks[(link->first + link->count) % link->capacity].arrives_ns =
        link->free_at_ns + link->latency_ns;
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
