/* playback: a recording as a session, so that a view shows it as it shows a living world.
 *
 * What was recorded cannot be changed: time passes, step by step or as fast as the view likes, and
 * SESSION_REPLAY with the recorded mode begins again. All else is refused.
 *
 * playback_open goes through the whole recording once, so that its end is known and a seek goes
 * anywhere at once (history.h).
 *
 * A recording is input from anywhere. playback_open checks the head and the end: what is cut off or
 * damaged is not shown at all. A digest protects against accidents, not against people: an event
 * that is broken, or names pages that the guest does not have, ends the session where it stands:
 * is_broken, and the verdict says at which byte and why.
 */
#ifndef RECORD_PLAYBACK_H
#define RECORD_PLAYBACK_H

#include <stddef.h>

#include "base/status.h"
#include "record/session.h"

/* `data` is borrowed until session->ops->close, which frees the session and nothing else. `origin`
 * is copied: "recording x.ferry". STATUS_BAD_INPUT when this is no whole recording, or its scenario
 * lacks what a view needs. */
MUST_USE enum status playback_open(struct session **session, const void *data, size_t count,
                                   const char *origin, struct problem *problem);

/* What a run came to, as one sentence for its end, counted from the timeline: "recorded: ...". */
void playback_tell(const struct timeline *timeline, const char *begin, char *text,
                   size_t text_bytes);

#endif
