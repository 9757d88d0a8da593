/* Any bytes as a guest's image; what is taken for one is run for a while. The first byte chooses
 * whether they are the image itself, or changes of one that is right: pairs of a place and a byte.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "machine/machine.h"
#include "machine/state_old.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count)
{
    struct problem problem = {STATUS_OK, ""};
    struct guest *guest;
    struct bytes image = program_image(old_program());
    bool is_whole = count > 0 && data[0] % 4 == 0;

    if (is_whole) {
        bytes_clear(&image);
        bytes_put(&image, data + 1, count - 1);
    }
    for (size_t at = 1; !is_whole && at + 2 <= count; at += 2)
        image.data[data[at] % image.count] = data[at + 1];
    /* A copy of exactly that size, so that a read past it is seen. */
    uint8_t *exact = malloc(image.count + !image.count);
    memcpy(exact, image.data, image.count);
    enum status status = machine_open(&old_config, "any.elf", exact, image.count, &guest, &problem);
    MUST((status == STATUS_OK) == (problem.text[0] == '\0'));
    free(exact);
    bytes_fini(&image);
    if (status != STATUS_OK)
        return 0;
    for (unsigned i = 0; i < 20; i++) {
        struct guest_run run;
        guest->ops->run(guest, i * 100 * NS_PER_US, &run);
        bytes_clear(machine_console(guest));
    }
    guest->ops->close(guest);
    return 0;
}
