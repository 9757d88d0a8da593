#include "wire/page_delta.h"

#include <string.h>

#include "base/bytes.h"

/* Numbers up to 4096 take at most two bytes of seven bits each. */
#define ENTRY_HEAD_MAX 4

static uint64_t word_at(const uint8_t *bytes, size_t at)
{
    uint64_t word;
    memcpy(&word, bytes + at, sizeof word);
    return word;
}

/* The first byte at `at` or behind it that differs; the page's end when none does. */
static size_t next_change(const uint8_t *base, const uint8_t *page, size_t at)
{
    while (at + 8 <= DELTA_PAGE_BYTES && word_at(base, at) == word_at(page, at))
        at += 8;
    while (at < DELTA_PAGE_BYTES && base[at] == page[at])
        at++;
    return at;
}

/* Where the change that begins at `at` ends: behind its last byte that differs, before a gap that
 * is worth an entry. */
static size_t end_of_change(const uint8_t *base, const uint8_t *page, size_t at)
{
    size_t end = at;
    for (; at < DELTA_PAGE_BYTES && at <= end + DELTA_GAP_MAX; at++)
        if (base[at] != page[at])
            end = at + 1;
    return end;
}

static uint8_t *put_varint(uint8_t *to, size_t value)
{
    if (value >= 0x80) {
        *to++ = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    *to++ = (uint8_t)value;
    return to;
}

size_t page_delta_encode(const uint8_t base[DELTA_PAGE_BYTES], const uint8_t page[DELTA_PAGE_BYTES],
                         uint8_t *delta, size_t most)
{
    uint8_t *to = delta;
    size_t told = 0; /* the page up to here */

    for (;;) {
        size_t begin = next_change(base, page, told);
        if (begin == DELTA_PAGE_BYTES)
            return (size_t)(to - delta);
        size_t end = end_of_change(base, page, begin);
        uint8_t head[ENTRY_HEAD_MAX];
        size_t head_bytes =
            (size_t)(put_varint(put_varint(head, begin - told), end - begin) - head);
        if (head_bytes + (end - begin) > most - (size_t)(to - delta))
            return SIZE_MAX;
        memcpy(to, head, head_bytes);
        memcpy(to + head_bytes, page + begin, end - begin);
        to += head_bytes + (end - begin);
        told = end;
    }
}

enum status page_delta_decode(const uint8_t base[DELTA_PAGE_BYTES], const uint8_t *delta,
                              size_t count, uint8_t page[DELTA_PAGE_BYTES])
{
    struct bytes_reader reader;
    uint64_t told = 0;

    memcpy(page, base, DELTA_PAGE_BYTES);
    bytes_reader_init(&reader, delta, count);
    while (bytes_left(&reader) > 0) {
        uint64_t skip = bytes_get_varint(&reader);
        uint64_t new_bytes = bytes_get_varint(&reader);
        if (reader.has_failed || skip > DELTA_PAGE_BYTES - told || new_bytes == 0 ||
            new_bytes > DELTA_PAGE_BYTES - told - skip)
            return STATUS_BAD_STREAM;
        const uint8_t *bytes = bytes_get(&reader, new_bytes);
        if (bytes == NULL)
            return STATUS_BAD_STREAM;
        memcpy(page + told + skip, bytes, new_bytes);
        told += skip + new_bytes;
    }
    return STATUS_OK;
}
