/* view: the terminal view of a session, from its first picture until the user quits.
 *
 * It draws session->timeline, lets the world live as fast as the director says, and gives the
 * user's wishes to session->ops. The session stays the caller's.
 */
#ifndef TUI_VIEW_H
#define TUI_VIEW_H

#include <stdbool.h>

#include "record/session.h"

struct view_options {
    bool is_demo; /* the pause is slowed at least a thousandfold */
    double speed; /* world time per wall time; 0: the director chooses */
    bool is_at;   /* it begins at_ns after the run's beginning, and stands still */
    uint64_t at_ns;
    const char *next_commands[3]; /* named on the last screen; NULL: none */
};

#define VIEW_FINE    0
#define VIEW_BROKEN  1 /* session->is_broken */
#define VIEW_TROUBLE 2 /* the terminal went away */

/* Where the terminal cannot show pictures the same session is played as plain lines on stdout. */
int view_play(struct session *session, const struct view_options *options);

#endif
