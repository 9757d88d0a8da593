/* say: lines of a process that waits for no reader: a host or a gateway stands still in none of them,
 * and its guests and clients with it, because a terminal is held or nobody empties the pipe. */
#ifndef LABS_SAY_H
#define LABS_SAY_H

/* A line to standard output; dropped where that takes no more just now. Nothing in it commands a
 * terminal (base/utf8.h). */
void say_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
