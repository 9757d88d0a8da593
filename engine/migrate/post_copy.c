/* Post-copy (C8): pause, send only the state, run at the target with none of the pages. A page
 * that is touched there is asked for, and the engine answers at once; all the others are pushed
 * behind it. Every page travels exactly once. */
#include "migrate/strategy.h"

void post_copy_next(const struct view *view, void *memo, struct action *action)
{
    (void)memo;
    if (view->phase == PHASE_COPY) {
        action->kind = ACTION_PAUSE;
        action->reason = "the guest was switched over before its pages";
    } else {
        view_finish(view, true, NULL, action);
    }
}
