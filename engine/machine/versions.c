#include "machine/versions.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"

#define CHUNK_PAGES 4096u
#define WORD_BYTES  8u

static uint64_t chunk_count(const struct versions *versions)
{
    return (versions->page_count + CHUNK_PAGES - 1) / CHUNK_PAGES;
}

void versions_init(struct versions *versions, uint64_t page_count)
{
    *versions = (struct versions){.page_count = page_count};
    versions->chunks = calloc(chunk_count(versions) + 1, sizeof *versions->chunks);
    versions->widths = calloc(chunk_count(versions) + 1, 1);
    MUST(versions->chunks != NULL && versions->widths != NULL);
}

void versions_fini(struct versions *versions)
{
    for (uint64_t i = 0; i < chunk_count(versions); i++)
        free(versions->chunks[i]);
    free(versions->chunks);
    free(versions->widths);
    *versions = (struct versions){0};
}

/* A number of `width` bytes, little-endian: the same on every host. */
static uint64_t load(const uint8_t *at, unsigned width)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < width; i++)
        value |= (uint64_t)at[i] << (8 * i);
    return value;
}

static void store(uint8_t *at, unsigned width, uint64_t value)
{
    for (unsigned i = 0; i < width; i++)
        at[i] = (uint8_t)(value >> (8 * i));
}

static unsigned width_of(uint64_t value)
{
    return value <= UINT8_MAX ? 1 : value <= UINT16_MAX ? 2 : value <= UINT32_MAX ? 4 : 8;
}

static void widen(struct versions *versions, uint64_t chunk_idx, unsigned width)
{
    unsigned old_width = versions->widths[chunk_idx];
    uint8_t *old = versions->chunks[chunk_idx];
    uint8_t *new = calloc(CHUNK_PAGES, width);

    MUST(new != NULL);
    for (unsigned i = 0; old != NULL && i < CHUNK_PAGES; i++)
        store(new + i *width, width, load(old + i * old_width, old_width));
    free(old);
    versions->chunks[chunk_idx] = new;
    versions->widths[chunk_idx] = (uint8_t)width;
}

uint64_t versions_get(const struct versions *versions, uint64_t page_idx)
{
    const uint8_t *chunk = versions->chunks[page_idx / CHUNK_PAGES];
    unsigned width = versions->widths[page_idx / CHUNK_PAGES];

    if (chunk == NULL)
        return 0;
    chunk += page_idx % CHUNK_PAGES * width;
    return width == 1 ? *chunk : load(chunk, width);
}

void versions_set(struct versions *versions, uint64_t page_idx, uint64_t version)
{
    uint64_t chunk_idx = page_idx / CHUNK_PAGES;

    MUST(page_idx < versions->page_count);
    if (versions->chunks[chunk_idx] == NULL && version == 0)
        return;
    if (versions->widths[chunk_idx] < width_of(version))
        widen(versions, chunk_idx, width_of(version));
    unsigned width = versions->widths[chunk_idx];
    store(versions->chunks[chunk_idx] + page_idx % CHUNK_PAGES * width, width, version);
}

/* How many of `count` pages from page_idx lie in the same chunk as it. */
static uint64_t in_chunk(uint64_t page_idx, uint64_t count)
{
    uint64_t left = CHUNK_PAGES - page_idx % CHUNK_PAGES;
    return left < count ? left : count;
}

void versions_read(const struct versions *versions, uint64_t first_idx, uint64_t count,
                   uint8_t *words)
{
    MUST(first_idx <= versions->page_count && count <= versions->page_count - first_idx);
    while (count > 0) {
        uint64_t here = in_chunk(first_idx, count);
        const uint8_t *chunk = versions->chunks[first_idx / CHUNK_PAGES];
        unsigned width = versions->widths[first_idx / CHUNK_PAGES];
        memset(words, 0, here * WORD_BYTES);
        for (uint64_t i = 0; chunk != NULL && i < here; i++)
            memcpy(words + i * WORD_BYTES, chunk + (first_idx % CHUNK_PAGES + i) * width, width);
        first_idx += here;
        count -= here;
        words += here * WORD_BYTES;
    }
}

static bool is_zero(const uint8_t *bytes, uint64_t count)
{
    return bytes[0] == 0 && memcmp(bytes, bytes + 1, count - 1) == 0;
}

void versions_write(struct versions *versions, uint64_t first_idx, uint64_t count,
                    const uint8_t *words)
{
    MUST(first_idx <= versions->page_count && count <= versions->page_count - first_idx);
    while (count > 0) {
        uint64_t here = in_chunk(first_idx, count);
        bool is_nothing =
            versions->chunks[first_idx / CHUNK_PAGES] == NULL && is_zero(words, here * WORD_BYTES);
        for (uint64_t i = 0; !is_nothing && i < here; i++)
            versions_set(versions, first_idx + i, load(words + i * WORD_BYTES, WORD_BYTES));
        first_idx += here;
        count -= here;
        words += here * WORD_BYTES;
    }
}

uint64_t versions_bytes(const struct versions *versions)
{
    uint64_t bytes = 0;
    for (uint64_t i = 0; i < chunk_count(versions); i++)
        bytes += (uint64_t)versions->widths[i] * CHUNK_PAGES;
    return bytes;
}
