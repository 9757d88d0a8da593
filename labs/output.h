/* output: a file that is whole or not there. It is opened before the run, beside its place and under
 * another name, and gets its name when all is written: what stood there before stays until then.
 *
 * What is no file (a pipe, /dev/null) is written directly.
 */
#ifndef LABS_OUTPUT_H
#define LABS_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/status.h"

#define OUTPUT_PATH_MAX 4096

struct output {
    FILE *file;                      /* NULL: no output was asked for */
    char path[OUTPUT_PATH_MAX];      /* where it shall stand; links are followed */
    char temporary[OUTPUT_PATH_MAX]; /* where it is written; "": directly */
};

/* `path` NULL: nothing to do, now and in the calls below; "-": standard output. */
MUST_USE enum status output_open(struct output *output, const char *path, struct problem *problem);
MUST_USE enum status output_finish(struct output *output, struct problem *problem);
void output_discard(struct output *output); /* after output_finish: nothing */

#endif
