/* instant: the oracle's eye on rule one_instant. At the moment at which the target may run the
 * guest, both hosts hold it: the source as it stood at the cut, the target as it was loaded. Here
 * they are compared field by field, by a list of its own: what the saved state forgets is not
 * forgotten here. Whoever gives the machine something new that moves adds it to instant.c.
 */
#ifndef SIM_INSTANT_H
#define SIM_INSTANT_H

#include <stdbool.h>
#include <stddef.h>

#include "machine/guest.h"

/* Everything but the pages and the streams' bytes, which have eyes of their own. False: `what`
 * names the first thing that is not the same. */
bool instant_is_one(const struct guest *source, const struct guest *target, char *what,
                    size_t what_bytes);

#endif
