/* live_session: guests on real hosts, watched and steered through their gateway's door as a session
 * (record/session.h), so that a view shows them as it shows a simulated world.
 *
 * It shows the move that goes on, from its beginning; the last one where none goes on; and each that
 * follows, once the one before has been looked at to its end (the timeline then begins anew, with
 * other facts: run_count). Where there was none yet the timeline stands still at 0.
 *
 * The world is as far as world_ns. The timeline follows it, through events as they happened and,
 * where nothing happens, LIVE_SESSION_LATE_NS behind, for events are late. What a view does goes to
 * the door at once; what the door answers is the session's `notice`, as is whatever else a person
 * should hear of. When the door closes, what came until then can be looked at further: the session
 * ends there, and its verdict says why. Once that was seen to its end, and another gateway has opened
 * that door, the timeline begins anew with what is now.
 *
 * SESSION_START moves the guest of the last move (else the first that runs) to the other host; its
 * value is the mode.
 */
#ifndef LIVE_LIVE_SESSION_H
#define LIVE_LIVE_SESSION_H

#include "base/status.h"
#include "record/session.h"

#define LIVE_SESSION_LATE_NS \
    (100 * 1000000ull) /* a gateway holds events back, a trunk and we too */

/* STATUS_NO_FILE, STATUS_BAD_INPUT, STATUS_REFUSED: nobody answers at that door, or nobody who can
 * be understood; the detail says what would be right. Blocks until the door has said how things
 * are. */
MUST_USE enum status live_session_open(struct session **session, const char *control_path,
                                       struct problem *problem);
/* The same on a connection that is there, which becomes the session's, and with a clock of the
 * caller's (never going back, nanoseconds). */
MUST_USE enum status live_session_open_on(struct session **session, int descriptor,
                                          uint64_t (*clock_ns)(void), struct problem *problem);
/* The command line that starts another gateway, should this one end; borrowed. Whoever knows it can
 * also tell, once the view is left, how another host is started. */
void live_session_advise(struct session *session, const char *gateway_line);

#endif
