/* guest_life: a guest lives where it is, without a world: its console is our standard output, its
 * exit status ours. With a debugger it is one that also goes backwards.
 */
#ifndef LABS_GUEST_LIFE_H
#define LABS_GUEST_LIFE_H

#include "labs/debugger.h"
#include "labs/image.h"

/* Until it ends. `debugger` is open, or NULL; the guest waits for somebody to come then. Returns
 * the exit status of the program; what went wrong is told on stderr. */
int guest_life(const char *name, struct guest *guest, const struct image *image,
               struct debugger *debugger);

#endif
