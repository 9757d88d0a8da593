/* ini: files of key = value lines in sections: scenarios, and the data of the labs. Comments begin
 * with ; or #.
 *
 *     ; a shop that moves in the evening
 *     [scenario]
 *     guest     = kv
 *     args      = --preload 48MiB
 *     bandwidth = 200Mbit/s
 *
 * A line that is too long, is indented or is no line of this kind is refused with "FILE:LINE: what,
 * and what would be right"; so is the first line that is one too many.
 */
#ifndef LABS_INI_H
#define LABS_INI_H

#include <stdint.h>
#include <stdio.h>

#include "base/status.h"
#include "scenario/scenario.h"

#define INI_LINE_MAX    190  /* bytes; inih takes 200 with the line's end and cuts what is longer */
#define INI_LINES_MAX   4000 /* more than any lab has; together they stay below a megabyte */
#define INI_SECTION_MAX 40   /* bytes; inih cuts names of more than 49 */

/* One line: a section's head, or a key with its value. */
struct ini_line {
    uint32_t number; /* the file's first is 1 */
    char *section;   /* of a head: its name; of a key: the section it stands in, "" before any */
    char *key;       /* NULL: this is a section's head */
    char *value;
};

struct ini {
    struct ini_line *lines; /* owned, with their texts */
    size_t count;
};

/* Reads all of it. `path` is for the details. ini_fini also after a failure. */
MUST_USE enum status ini_load(FILE *file, const char *path, struct ini *ini,
                              struct problem *problem);
void ini_fini(struct ini *ini);

/* A scenario file: the keys are those of the command line, each at most once; at most one section,
 * [scenario]. Sets what the file says. line_of[i] becomes the line of option i. */
MUST_USE enum status ini_read(FILE *file, const char *path, struct scenario *scenario,
                              uint32_t line_of[64], struct problem *problem);

#endif
