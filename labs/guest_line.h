/* guest_line: the line of `ferry guest run` and `ferry guest save`, up to a guest that is built.
 *
 *     [OPTIONS] GUEST [OPTIONS] [FILE [OPTIONS]] [--] ARGUMENTS...
 *
 * FILE is save's, which also takes the instant. What no option of the command's is, behind the
 * guest, is the guest's own.
 */
#ifndef LABS_GUEST_LINE_H
#define LABS_GUEST_LINE_H

#include "labs/image.h"
#include "machine/guest.h"

struct guest_line {
    bool is_save;
    struct scenario scenario;
    struct image image;
    const char *gdb;                 /* run: a port, as written; NULL: no debugger */
    const char *path;                /* save: FILE, borrowed */
    const char *at, *at_instruction; /* save: as written; NULL: not given */
    unsigned given;                  /* bit i: option i */
};

/* guest_line_fini in every case. */
MUST_USE enum status guest_line_read(struct guest_line *line, bool is_save, int word_count,
                                     char **words, struct problem *problem);
/* Where nobody has said how much memory, an image that is larger than usual gets what it needs. */
MUST_USE enum status guest_line_build(struct guest_line *line, struct guest **guest,
                                      struct problem *problem);
void guest_line_fini(struct guest_line *line);

/* Loads the image that the word names; models have none and are refused. */
MUST_USE enum status guest_line_load(const char *word, struct scenario *scenario,
                                     struct image *image, struct problem *problem);

#endif
