/* image: the file of a guest, read whole. A name such as "kv" is a file beside ferry itself
 * (../guests/NAME); everything with a slash or with .elf at its end is a path of the user's.
 */
#ifndef LABS_IMAGE_H
#define LABS_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "scenario/scenario.h"

#define IMAGE_BYTES_MAX (256u << 20) /* a guest has at most 4 GiB, its file hardly ever 1 MiB */

struct image {
    uint8_t *data; /* owned; NULL for a model guest, which has no file */
    size_t bytes;
    char path[4096];
};

/* The scenario's guest. A name that is not there is refused with those that are. */
MUST_USE enum status image_load(struct image *image, const struct scenario *scenario,
                                struct problem *problem);
void image_fini(struct image *image);

/* The guests beside ferry, by name. Returns how many; the names are the caller's to free. */
size_t image_names(char ***names);
void image_free_names(char **names, size_t count);

#endif
