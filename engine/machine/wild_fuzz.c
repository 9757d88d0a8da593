/* Any bytes as a program that lives twice, calm and disturbed: wild.h. */
#include <stddef.h>
#include <stdint.h>

#include "machine/wild.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count)
{
    MUST(wild_run(data, count).is_same);
    return 0;
}
