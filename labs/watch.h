/* watch: a session shown to whoever sits there: drawn at a terminal, told in lines elsewhere. */
#ifndef LABS_WATCH_H
#define LABS_WATCH_H

#include <stdbool.h>

#include "labs/debugger_world.h"

struct watch {
    bool is_plain; /* lines, even at a terminal */
    bool is_demo;
    bool is_at; /* it begins at at_ns, and stands still there */
    uint64_t at_ns;
    const char *next_commands[3];
    struct debugger_world *debugger; /* open or not; NULL: none */
};

/* Shows the session until its end or until the user has seen enough, and closes it. Returns the
 * exit status: EXIT_FAILED where a rule was broken or the terminal went away. */
int watch_session(struct session *session, const struct watch *watch);

#endif
