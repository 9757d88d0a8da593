#include "labs/live_view.h"

#include "labs/command.h"
#include "labs/watch.h"
#include "live/live_session.h"

int live_view_show(const char *control_path, bool is_plain, const char *gateway_line)
{
    static const struct command live = {.name = "live"};
    struct watch watch = {.is_plain = is_plain};
    struct problem problem = {STATUS_OK, ""};
    struct session *session;

    if (live_session_open(&session, control_path, &problem) != STATUS_OK)
        return command_refuse(&live, &problem);
    live_session_advise(session, gateway_line);
    return watch_session(session, &watch);
}
