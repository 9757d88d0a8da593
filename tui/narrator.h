/* narrator: what happens now and why, in one plain sentence (two short ones at most).
 *
 * It reads the timeline and nothing else, so the same instant always gets the same sentence, on the
 * screen and in plain lines. No sentence is longer than NARRATOR_MAX columns: two lines of 78.
 */
#ifndef TUI_NARRATOR_H
#define TUI_NARRATOR_H

#include <stddef.h>

#include "record/session.h"

#define NARRATOR_MAX 150

void narrator_tell(const struct session *session, char *text, size_t text_bytes);

#endif
