/* live_view: hosts that run somewhere, watched through their gateway's door as a world is watched:
 * what `ferry live` shows at a terminal, and `ferry tui --control PATH`.
 */
#ifndef LABS_LIVE_VIEW_H
#define LABS_LIVE_VIEW_H

#include <stdbool.h>

/* Shows what goes on behind the door at `control_path` until who watches has seen enough; with
 * `is_plain`, or where standard output is no terminal, in lines. Returns the exit status; what went
 * wrong was said on stderr. The hosts live on. `gateway_line` starts another gateway, should that one
 * end; NULL: nobody knows. */
int live_view_show(const char *control_path, bool is_plain, const char *gateway_line);

#endif
