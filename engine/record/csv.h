/* csv: events as a table for spreadsheets and scripts (RFC 4180: commas, a head, lines end with CR
 * LF; nothing in it needs quotes).
 *
 *   at_ns     the event's instant
 *   event     its name in the event list (base/event.h)
 *   ...       a column for each name that a field of any event has, empty where the event has no
 *             such field: mode, total_pages, phase, round_idx, pages, ...
 *
 * Numbers are integers in the unit that the event list gives: bytes, pages, nanoseconds where the
 * name ends with _ns. Modes, phases, reasons (why), outcomes and a person's commands are words, a
 * host is "source" or "target", a flag 0 or 1, a digest 16 hexadecimal digits. Read columns by
 * their names: those that are there stay, others may come.
 */
#ifndef RECORD_CSV_H
#define RECORD_CSV_H

#include "base/bytes.h"
#include "base/event.h"

#define CSV_COLUMNS_MAX 64

struct csv {
    const char *columns[CSV_COLUMNS_MAX]; /* behind at_ns and event */
    unsigned column_count;
    uint8_t column_of[EVENT_COUNT][EVENT_FIELDS_MAX];
    struct bytes text; /* what was written; the caller takes it and clears it when it likes */
};

void csv_init(struct csv *csv); /* writes the head */
void csv_add(struct csv *csv, const struct event *event);
void csv_fini(struct csv *csv);

#endif
