/* run_session: a simulated world as a session that a view can drive (record/session.h), with the
 * forecast beside it and a verdict at its end.
 */
#ifndef SIM_RUN_SESSION_H
#define SIM_RUN_SESSION_H

#include "machine/debug.h"
#include "record/session.h"
#include "scenario/scenario.h"

/* `origin` names the scenario for people. The image is copied, for replays; session->ops->close
 * frees everything. */
MUST_USE enum status run_session_open(struct session **session, const struct scenario *scenario,
                                      const uint8_t *image, size_t image_bytes, const char *origin,
                                      struct problem *problem);

/* A debugger at the guest (sim/world.h), in whatever world the session goes on with; NULL: none.
 * And the guest as it is at this instant: after a switch-over, a replay or a step back, another. */
void run_session_debug(struct session *session, struct debug *debug);
struct guest *run_session_guest(struct session *session);

#endif
