#include "labs/watch.h"

#include <stdio.h>
#include <unistd.h>

#include "labs/command.h"
#include "tui/plain.h"
#include "tui/view.h"

int watch_session(struct session *session, const struct watch *watch)
{
    bool is_drawn = !watch->is_plain && isatty(STDOUT_FILENO) && isatty(STDIN_FILENO);
    int status;

    if (watch->debugger != NULL)
        debugger_world_guard(watch->debugger, session, !is_drawn);
    if (is_drawn) {
        struct view_options view = {
            .is_demo = watch->is_demo, .is_at = watch->is_at, .at_ns = watch->at_ns};
        for (unsigned i = 0; i < 3; i++)
            view.next_commands[i] = watch->next_commands[i];
        status = view_play(session, &view);
    } else {
        if (watch->is_at)
            session->ops->advance(session, watch->at_ns);
        if (watch->is_at && session->code != NULL)
            plain_tell_code(session->code, stdout);
        status = plain_play(session, stdout);
    }
    session_attend(session, 0); /* who debugs it hears of its end */
    session->ops->close(session);
    return status == 0 ? EXIT_DONE : EXIT_FAILED;
}
