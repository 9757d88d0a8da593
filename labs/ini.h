/* ini: a scenario file. Lines of key = value, the keys those of the command line; at most one
 * section, [scenario]; comments begin with ; or #.
 *
 *     ; a shop that moves in the evening
 *     [scenario]
 *     guest     = kv
 *     args      = --preload 48MiB
 *     bandwidth = 200Mbit/s
 *
 * A wrong key, a key given twice, a line that is too long, is indented or is no line of this kind:
 * each is refused with "FILE:LINE: what, and what would be right".
 */
#ifndef LABS_INI_H
#define LABS_INI_H

#include <stdint.h>
#include <stdio.h>

#include "base/status.h"
#include "sim/scenario.h"

#define INI_LINE_MAX 190 /* bytes; inih takes 200 with the line's end and cuts what is longer */

/* Sets what the file says. line_of[i] becomes the line of option i. `path` is for the details. */
MUST_USE enum status ini_read(FILE *file, const char *path, struct scenario *scenario,
                              uint32_t line_of[64], struct problem *problem);

#endif
