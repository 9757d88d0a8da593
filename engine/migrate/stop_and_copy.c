/* Stop-and-copy (C3): pause, copy everything, resume. Nothing can change while it is copied, so
 * nothing is sent twice; and nobody is served until all of it is there. */
#include "migrate/strategy.h"

struct stop_and_copy_memo {
    uint64_t cursor;
};

void stop_and_copy_next(const struct view *view, void *memo, struct action *action)
{
    struct stop_and_copy_memo *own = memo;

    if (view->phase == PHASE_COPY) {
        action->kind = ACTION_PAUSE;
        action->reason = "everything was sent while the guest stood still";
    } else {
        view_finish(view, false, &own->cursor, action);
    }
}
