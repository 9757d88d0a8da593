#include "machine/contents.h"

#include <string.h>

#include "base/bytes.h"
#include "base/prng.h"

#define WORDS (PAGE_BYTES / 8)

static void put_word(uint8_t *page, unsigned idx, uint64_t word)
{
    for (unsigned byte = 0; byte < 8; byte++)
        page[idx * 8 + byte] = (uint8_t)(word >> (8 * byte));
}

void contents_make(uint64_t page_idx, uint64_t version, uint8_t page[PAGE_BYTES])
{
    struct prng prng = prng_make(page_idx, version);

    put_word(page, 0, page_idx);
    put_word(page, 1, version);
    for (unsigned idx = 2; idx < WORDS; idx++)
        put_word(page, idx, prng_next(&prng));
}

bool contents_recognize(const uint8_t page[PAGE_BYTES], uint64_t *page_idx, uint64_t *version)
{
    uint8_t right[PAGE_BYTES];
    struct bytes_reader reader;

    bytes_reader_init(&reader, page, PAGE_BYTES);
    *page_idx = bytes_get_u64(&reader);
    *version = bytes_get_u64(&reader);
    contents_make(*page_idx, *version, right);
    return memcmp(page, right, sizeof right) == 0;
}
