/* run_session: a simulated world as a session that a view can drive (record/session.h), with the
 * forecast beside it and a verdict at its end.
 */
#ifndef SIM_RUN_SESSION_H
#define SIM_RUN_SESSION_H

#include "record/session.h"
#include "sim/scenario.h"

/* `origin` names the scenario for people. The image is copied, for replays; session->ops->close
 * frees everything. */
MUST_USE enum status run_session_open(struct session **session, const struct scenario *scenario,
                                      const uint8_t *image, size_t image_bytes, const char *origin,
                                      struct problem *problem);

#endif
