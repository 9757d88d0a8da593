/* saved_file: a saved machine as a file. What stands in it is migrate/saved.h's affair, but for the
 * text at its beginning:
 *
 *     ferry saved machine
 *     guest = sort
 *     memory = 64MiB
 *     harts = 1
 *     cpu-rate = 100MIPS
 *     image = 5f1d...
 *
 * of which memory, harts and cpu-rate are needed to make the machine that the rest fills.
 */
#ifndef LABS_SAVED_FILE_H
#define LABS_SAVED_FILE_H

#include <stdio.h>

#include "machine/guest.h"
#include "machine/sections.h"
#include "scenario/scenario.h"
#include "sim/storage.h"

struct saved_machine {
    struct scenario scenario; /* the text's options; all others as they always are */
    struct guest *guest;      /* owned; NULL: it could not be read */
    struct storage storage;   /* its disk */
    uint64_t file_bytes;
};

/* Whether it could be written shows when the file is closed. */
void saved_file_write(FILE *file, const struct scenario *scenario, struct guest *guest,
                      const struct storage *storage);

bool saved_file_is(const char *path); /* it begins as one */
/* What is wrong with a file is told with its path. saved_machine_fini in every case. */
MUST_USE enum status saved_file_read(const char *path, struct saved_machine *saved,
                                     struct problem *problem);
void saved_machine_fini(struct saved_machine *saved);

#endif
