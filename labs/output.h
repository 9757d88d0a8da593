/* output: a file that is whole or not there. Before the run it is only seen that it can be written;
 * what is written waits in memory, and goes to its place in one go at the end: beside it under
 * another name, then renamed. What stood there before stays until then, and a run that is stopped
 * leaves nothing behind.
 *
 * What is no file (a pipe, /dev/null) is written directly. What standard output did not take is
 * told by main, once for all that goes there.
 */
#ifndef LABS_OUTPUT_H
#define LABS_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/status.h"

#define OUTPUT_PATH_MAX 4096

struct output {
    FILE *file;                 /* where to write; NULL: no output was asked for */
    char path[OUTPUT_PATH_MAX]; /* where it shall stand; links are followed */
    bool is_direct;
    char *text; /* owned: what waits, when the file is closed */
    size_t text_bytes;
    char *beside; /* owned: the file beside the place; NULL: it waits in memory */
};

/* `path` NULL: nothing to do, now and in the calls below; "-": standard output. */
MUST_USE enum status output_open(struct output *output, const char *path, struct problem *problem);
/* For what is too large to wait in memory, called when the writing begins: from now on it goes to a
 * file beside the place, which takes the place at the end as before. */
MUST_USE enum status output_write_through(struct output *output, struct problem *problem);
MUST_USE enum status output_finish(struct output *output, struct problem *problem);
void output_discard(struct output *output); /* after output_finish: nothing */

#endif
