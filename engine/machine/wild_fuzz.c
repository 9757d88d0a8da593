/* Any bytes as a program that lives twice, calm and disturbed: wild.h. */
#include <stddef.h>
#include <stdint.h>

#include "machine/wild.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count)
{
    struct wild_dice dice = {data, count, 0, prng_make(digest_of(data, count), 0)};
    MUST(wild_run(dice).is_same);
    return 0;
}
