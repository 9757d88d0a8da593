/* Any bytes as a saved state, or as changes of one that is right: pairs of a place and a byte, with
 * checksums that fit. The first byte chooses. */
#include <stddef.h>
#include <stdint.h>

#include "machine/wild_state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count)
{
    struct guest *guest = old_guest();
    struct bytes state = {0};
    uint64_t loaded_count = 0;

    old_live(guest);
    if (count > 0 && data[0] % 4 == 0)
        bytes_put(&state, data + 1, count - 1);
    else
        guest->ops->save(guest, &state);
    for (size_t at = 1; count > 0 && data[0] % 4 > 0 && at + 3 <= count; at += 3)
        state.data[(data[at] | (size_t)data[at + 1] << 8) % state.count] = data[at + 2];
    if (count > 0 && data[0] % 4 > 1)
        wild_seal(&state);
    wild_load(&state, &loaded_count);
    bytes_fini(&state);
    guest->ops->close(guest);
    return 0;
}
