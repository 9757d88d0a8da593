/* debugger_world: a debugger at a guest that lives in a world and is moved there. While it holds
 * the guest all of the world stands still; when the guest lives at the other host, the debugger
 * does too, and notices nothing but that some pages may not have come yet.
 *
 * For a view it is the session's guard; for `ferry run` it lets the run live.
 */
#ifndef LABS_DEBUGGER_WORLD_H
#define LABS_DEBUGGER_WORLD_H

#include "labs/debugger.h"
#include "labs/options.h"
#include "labs/image.h"
#include "record/session.h"
#include "sim/run.h"

struct debugger_world {
    struct session_guard guard; /* first: views hold a pointer to it */
    struct debugger debugger;
    struct session *session; /* one of the two; the other is NULL */
    struct run *run;
    bool is_killed;   /* the debugger wanted the guest to end */
    bool has_changed; /* it wrote registers or memory: no longer the scenario's run */
    char invitation[4300];
};

/* Listens where --gdb says, if it was given; models have no program and are refused. */
MUST_USE enum status debugger_world_open(struct debugger_world *world,
                                         const struct options *options, const struct image *image,
                                         struct problem *problem);
void debugger_world_close(struct debugger_world *world);
bool debugger_world_is_open(const struct debugger_world *world);

/* The session's guest from now on; does nothing where --gdb was not given. With `waits` it stands
 * still until a debugger has come, which stderr says. */
void debugger_world_guard(struct debugger_world *world, struct session *session, bool waits);

/* The run to its end, or until the debugger ends it (is_killed). It waits for one at its beginning.
 */
void debugger_world_live(struct debugger_world *world, struct run *run);

#endif
