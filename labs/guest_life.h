/* guest_life: a guest lives where it is, without a world: its console is our standard output, its
 * exit status ours. With a debugger it is one that also goes backwards.
 */
#ifndef LABS_GUEST_LIFE_H
#define LABS_GUEST_LIFE_H

#include "labs/debugger.h"
#include "labs/image.h"
#include "sim/storage.h"

/* Until it ends, with `storage` for its disk. `debugger` is open, or NULL; the guest waits for
 * somebody to come then. Returns the exit status of the program; what went wrong is told on stderr.
 */
int guest_life(const char *name, struct guest *guest, const struct image *image,
               struct storage *storage, struct debugger *debugger);

/* An instant of a guest's life: of its clock, or when all harts have retired so many instructions.
 */
struct guest_instant {
    bool is_instruction;
    uint64_t value; /* nanoseconds; instructions */
};

/* Lives until the instant and stands still there, between two instructions; `*has_come` says
 * whether it came: otherwise it ended before, and that is told, or standard output is broken.
 * Returns an exit status. */
int guest_life_until(const char *name, struct guest *guest, const struct image *image,
                     struct storage *storage, const struct guest_instant *instant, bool *has_come);

#endif
