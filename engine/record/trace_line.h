/* trace_line: the lines of a trace as Perfetto and chrome://tracing read it (the Trace Event
 * Format: one JSON object for each event). Only the form; what is said stands in trace.c.
 *
 *     {"ph":"B","pid":1,"tid":11,"ts":1500.25,"name":"round 3","args":{"pages":12}}
 *
 * begin, members, perhaps args and their members, end. Times are microseconds in the file, with a
 * fraction where nanoseconds matter.
 */
#ifndef RECORD_TRACE_LINE_H
#define RECORD_TRACE_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

/* What JSON readers keep exact; larger numbers are written as text, or as this in a counter. */
#define TRACE_NUMBER_MAX (1ull << 53)

void trace_text(struct bytes *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

void trace_line_begin(struct bytes *text, char phase, uint32_t pid);
void trace_line_time(struct bytes *text, const char *key, uint64_t ns);
void trace_line_number(struct bytes *text, const char *key, uint64_t value);
/* What cannot stand in JSON, and what is not ASCII, becomes a question mark. */
void trace_line_text(struct bytes *text, const char *key, const char *value);
void trace_line_args(struct bytes *text); /* all members from here on stand in "args" */
void trace_line_end(struct bytes *text, bool has_args);

#endif
