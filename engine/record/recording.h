/* recording: a run on paper. Scenario, seed and events; never guest memory.
 *
 *   recording := magic "ferryrec" | u32 version | u32 scenario bytes | scenario text | event* | end
 *   event     := varint(kind) | varint(nanoseconds since the event before) | field*
 *   field     := varint; a page number or an address as the signed difference (zigzag) from the one
 *                before it in the recording: neighbours cost one byte
 *   end       := u8 127, which no event begins with | u64 digest (XXH3) of all bytes before it
 *
 * A page event is about 8 bytes, a run of pages is one event. The recording's digest is the one at
 * its end: two runs are the same run when their digests are. A file without its end was cut off;
 * one that does not fit its digest is damaged, even where every event could have been.
 *
 * The scenario text is what `ferry run` reads: key = value lines, all options as used. Of a real move
 * a line more says from which host to which it went: "hosts = B A".
 */
#ifndef RECORD_RECORDING_H
#define RECORD_RECORDING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/digest.h"
#include "base/event.h"
#include "base/status.h"

#define RECORDING_VERSION      2
#define RECORDING_END          127 /* stands where an event's kind would */
#define RECORDING_END_BYTES    9
#define RECORDING_SCENARIO_MAX (1u << 20)
#define RECORDING_PAGES_MAX    (1ull << 28) /* 1 TiB: bounds what a recording can make us allocate */

/* The last of those fields that are written as differences. */
struct recording_neighbours {
    uint64_t page, address;
};

struct recorder {
    struct bytes bytes; /* the encoding not taken by the owner yet */
    struct digest *digest;
    uint64_t last_ns;
    struct recording_neighbours neighbours;
    uint64_t event_count;
    bool is_kept; /* false: bytes are digested and forgotten */
    bool is_finished;
};

/* Writes the head. With is_kept the owner takes (or saves) recorder->bytes when it likes. */
void recorder_init(struct recorder *recorder, const char *scenario_text, bool is_kept);
/* The event is one of the list, and each field within its range: what a reader would accept. Whoever
 * has an event from elsewhere asks before it is added. */
bool recorder_takes(const struct event *event);
void recorder_add(struct recorder *recorder, const struct event *event);
/* Writes the end, once; nothing can be added behind it. Without it the bytes are no recording. */
void recorder_finish(struct recorder *recorder);
uint64_t recorder_digest(const struct recorder *recorder); /* of all bytes but the end */
void recorder_fini(struct recorder *recorder);

/* Reads a whole recording from memory that outlives the reader. */
struct recording {
    struct bytes_reader reader; /* of all but the end */
    const char *scenario_text;  /* owned copy, NUL-terminated */
    uint64_t last_ns;
    struct recording_neighbours neighbours;
};
/* Checks the head and the end before anything else is believed: STATUS_BAD_INPUT when this is no
 * recording, is cut off or is damaged. */
MUST_USE enum status recording_open(struct recording *recording, const void *data, size_t count,
                                    struct problem *problem);
/* The next event; *is_end at the end. STATUS_BAD_INPUT with the byte offset when it is broken
 * (unknown kind, a cut, an enumeration out of range): a view never sees an impossible event, not
 * even of a recording whose digest somebody made to fit. */
MUST_USE enum status recording_next(struct recording *recording, struct event *event, bool *is_end,
                                    struct problem *problem);
void recording_close(struct recording *recording);

/* A recording that somebody still writes, read as its bytes come, cut anywhere:
 *
 *     recording_feed_put whenever bytes come, then recording_feed_next until there is no event
 *
 * Only what is not a whole event yet is kept. */
struct recording_feed {
    struct bytes bytes; /* not read yet */
    /* Its reader is set anew for each event; the scenario text is there once the head is. */
    struct recording recording;
    struct digest *digest;   /* of what was read */
    uint64_t position;       /* bytes that were read */
    bool has_head, is_whole; /* whole: its end has come, and fits all that was before it */
};
void recording_feed_init(struct recording_feed *feed);
void recording_feed_fini(struct recording_feed *feed);
void recording_feed_put(struct recording_feed *feed, const void *data, size_t count);
/* *is_there: *event is the next. Without it more bytes are awaited, or there is no more (is_whole).
 * STATUS_BAD_INPUT with the byte offset where it is broken; so will every call after it. */
MUST_USE enum status recording_feed_next(struct recording_feed *feed, struct event *event,
                                         bool *is_there, struct problem *problem);

#endif
