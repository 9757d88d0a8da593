/* viz: the graphical view of a session: in a window, or as one picture without any display.
 *
 * It draws session->timeline, lets the world live as fast as the director says, and gives the
 * user's wishes to session->ops, as the terminal view does. The session stays the caller's.
 */
#ifndef VIZ_VIZ_H
#define VIZ_VIZ_H

#include <stdio.h>

#include "record/session.h"
#include "viz/stage.h"

#define VIZ_WIDTH_DEFAULT  1920
#define VIZ_HEIGHT_DEFAULT 1080

struct viz_options {
    const struct scene *scene;
    const struct theme *theme;
    int width, height; /* 0: the usual size */
    bool is_at;        /* it begins at at_ns, and stands still */
    uint64_t at_ns;
};

/* The picture at at_ns, without it that of the run's end; paint_close is the caller's. */
MUST_USE enum status viz_paint(struct session *session, const struct viz_options *options,
                               struct paint **paint, struct problem *problem);
/* The same as a PNG. */
MUST_USE enum status viz_picture(struct session *session, const struct viz_options *options,
                                 FILE *file, struct problem *problem);

/* A window, from its first picture until the user quits. STATUS_USAGE, with what to do instead,
 * where there is no display. */
MUST_USE enum status viz_play(struct session *session, const struct viz_options *options,
                              struct problem *problem);

#endif
