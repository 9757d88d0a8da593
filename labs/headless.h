/* headless: a run from its beginning to its end without a view; at most one line on stderr that
 * says how far it is, where stderr is a terminal. */
#ifndef LABS_HEADLESS_H
#define LABS_HEADLESS_H

#include <stdbool.h>

#include "labs/image.h"
#include "sim/run.h"

/* Whether a line that rewrites itself is welcome: a terminal that can, and nobody who said no. */
bool headless_wants_progress(bool is_plain, bool is_quiet);

/* The run is open and at its end; run_close is the caller's. With is_kept its recording is kept,
 * whole. */
MUST_USE enum status headless_run(struct run *run, const struct scenario *scenario,
                                  const struct image *image, bool is_kept, bool has_progress,
                                  struct problem *problem);

#endif
