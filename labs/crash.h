/* crash: what is told when something breaks down: a bug of ferry's own (a broken MUST) ends with the
 * line that makes it happen again; a guest that cannot go on with all that is known of it.
 */
#ifndef LABS_CRASH_H
#define LABS_CRASH_H

#include "labs/image.h"
#include "machine/guest.h"
#include "scenario/scenario.h"

/* From now on an abort prints `ferry COMMAND ...` with this scenario's options on stderr. `own`: as
 * of options_write_command. */
void crash_prepare(const char *command, const struct scenario *scenario, const char *const *own);

/* On stderr, and nothing where it has not crashed: "PROGRAM: kv cannot go on: load outside ..." */
void crash_tell_guest(const char *program, const char *name, const struct guest *guest,
                      const struct image *image);

#endif
