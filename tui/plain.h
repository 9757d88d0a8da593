/* plain: the same session as lines of text that a person, a pipe or a screen reader can follow: one
 * line for each thing that happened, with its instant, no borders, no glyphs, no rewriting.
 *
 * The compact form is a single line that is rewritten while the session runs (where the output is
 * no terminal: one line per round), and nothing at the end: for commands that print a summary of
 * their own.
 */
#ifndef TUI_PLAIN_H
#define TUI_PLAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "record/session.h"

struct plain_options {
    bool is_compact;
};

/* Lets the session live to its end, as fast as it goes. Returns 1 when session->is_broken or the
 * output cannot be written, else 0. */
int plain_play(struct session *session, FILE *out, const struct plain_options *options);

/* The one line of the compact form, without its end: where the move stands now. Its numbers only
 * grow. */
void plain_progress(const struct session *session, char *text, size_t text_bytes);

#endif
