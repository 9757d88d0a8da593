#include "base/digest.h"

#include <xxhash.h>
#if defined(__x86_64__) && __has_include(<xxh_x86dispatch.h>)
#include <xxh_x86dispatch.h> /* the same, by the widest registers that there are: twice as fast */
#endif

#include "base/status.h"

struct digest *digest_open(void)
{
    XXH3_state_t *state = XXH3_createState();
    MUST(state != NULL && XXH3_64bits_reset(state) == XXH_OK);
    return (struct digest *)state;
}

void digest_close(struct digest *digest)
{
    XXH3_freeState((XXH3_state_t *)digest);
}

void digest_add(struct digest *digest, const void *data, size_t count)
{
    MUST(XXH3_64bits_update((XXH3_state_t *)digest, data, count) == XXH_OK);
}

void digest_add_u64(struct digest *digest, uint64_t value)
{
    uint8_t bytes[8];
    for (unsigned i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(value >> (8 * i));
    digest_add(digest, bytes, sizeof bytes);
}

uint64_t digest_value(const struct digest *digest)
{
    return XXH3_64bits_digest((const XXH3_state_t *)digest);
}

uint64_t digest_of(const void *data, size_t count)
{
    return XXH3_64bits(data, count);
}
