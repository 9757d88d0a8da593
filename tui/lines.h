/* lines: text for people, who may have it in a terminal: no line is wider than that, and none is broken
 * within a word. Where it is no terminal nothing is broken: a pipe's reader has lines of its own.
 */
#ifndef TUI_LINES_H
#define TUI_LINES_H

#include <stdio.h>

/* Lines, the last with or without its end, which it gets. A command that is to be copied stands
 * behind two blanks, at the end of a line: where that is broken, on one of its own, and whole. */
void lines_put(FILE *out, const char *text);

#endif
