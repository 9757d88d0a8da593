#include "machine/contents.h"

#include <endian.h>
#include <string.h>

#include "base/bytes.h"
#include "base/prng.h"

#define NUMBERS 254 /* words 2 to 255 */

static void put_word(uint8_t *page, unsigned idx, uint64_t word)
{
    word = htole64(word);
    memcpy(page + idx * 8, &word, sizeof word);
}

void contents_make(uint64_t page_idx, uint64_t version, uint8_t page[PAGE_BYTES])
{
    memset(page, 0, PAGE_BYTES);
    if (version == 0)
        return;
    /* The first write filled the page with lap 0; those after it have renewed all the numbers
     * `laps` times, and the first `renewed` of them once more. */
    uint64_t laps = (version - 1) / NUMBERS, renewed = (version - 1) % NUMBERS;
    struct prng of_lap = prng_make(page_idx, laps), of_next = prng_make(page_idx, laps + 1);

    put_word(page, 0, page_idx);
    put_word(page, 1, version);
    for (unsigned idx = 0; idx < renewed; idx++)
        put_word(page, 2 + idx, prng_next(&of_next));
    prng_skip(&of_lap, renewed);
    for (unsigned idx = (unsigned)renewed; idx < NUMBERS; idx++)
        put_word(page, 2 + idx, prng_next(&of_lap));
}

bool contents_recognize(const uint8_t page[PAGE_BYTES], uint64_t *page_idx, uint64_t *version)
{
    uint8_t right[PAGE_BYTES];
    struct bytes_reader reader;

    bytes_reader_init(&reader, page, PAGE_BYTES);
    *page_idx = bytes_get_u64(&reader);
    *version = bytes_get_u64(&reader);
    if (*version == 0)
        *page_idx = CONTENTS_ANY_PAGE;
    contents_make(*page_idx, *version, right);
    return memcmp(page, right, sizeof right) == 0;
}
