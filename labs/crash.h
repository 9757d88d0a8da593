/* crash: a bug (a broken MUST) ends with the line that makes it happen again. */
#ifndef LABS_CRASH_H
#define LABS_CRASH_H

#include "sim/scenario.h"

/* From now on an abort prints `ferry COMMAND ...` with this scenario's options on stderr. `own`: as
 * of options_write_command. */
void crash_prepare(const char *command, const struct scenario *scenario, const char *const *own);

#endif
