/* plain: the same session as lines of text that a person, a pipe or a screen reader can follow: one
 * line for each thing that happened, with its instant, no borders, no glyphs, no rewriting.
 */
#ifndef TUI_PLAIN_H
#define TUI_PLAIN_H

#include <stdio.h>

#include "record/session.h"

/* Lets the session live to its end, as fast as it goes. Returns 1 when session->is_broken or the
 * output cannot be written, else 0. */
/* What the code that decides decided last, and the lines that it went through. */
void plain_tell_code(const struct session_code *code, FILE *out);

int plain_play(struct session *session, FILE *out);

#endif
