/* beside: what came with ferry lies beside the folder of the program itself: guests, labs, locale.
 */
#ifndef LABS_BESIDE_H
#define LABS_BESIDE_H

#include <stdbool.h>
#include <stddef.h>

#define BESIDE_PATH_MAX 3200

/* "../NAME" as seen from the program, whether or not it is there. False where the system does not
 * say where the program is. */
bool beside_path(const char *name, char *path, size_t path_bytes);

#endif
