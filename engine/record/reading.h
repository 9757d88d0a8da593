/* reading: a recording read with judgement: what its scenario says of the run, and its events one
 * by one, each of which this guest can have done.
 *
 * A recording is input from anywhere, and a digest protects against accidents, not against people:
 * recording.c refuses what no event can be, and this what names pages or clients that are not
 * there. Who folds the events of a reading into a timeline of facts.total_pages is safe.
 */
#ifndef RECORD_READING_H
#define RECORD_READING_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"
#include "record/recording.h"
#include "record/session.h"

struct reading {
    struct recording recording; /* stands behind the event that was read last */
    struct session_facts facts; /* `origin` is not set, forecasts are not known */
    char *guest;                /* owned: facts.guest */
};

/* `data` is borrowed until reading_close. STATUS_BAD_INPUT when this is no whole recording, or its
 * scenario lacks what a view needs; then nothing is open. */
MUST_USE enum status reading_open(struct reading *reading, const void *data, size_t count,
                                  struct problem *problem);

/* The next event; *is_end at the end. STATUS_BAD_INPUT, and at which byte, where it is broken. */
MUST_USE enum status reading_next(struct reading *reading, struct event *event, bool *is_end,
                                  struct problem *problem);
void reading_close(struct reading *reading);

/* The same of a recording that somebody still writes (recording_feed): bytes are put into `feed`.
 * The facts are there once is_open is. What was refused once is read no further. */
struct reading_feed {
    struct recording_feed feed;
    struct session_facts facts; /* as above */
    char *guest;
    bool is_open;
};
void reading_feed_init(struct reading_feed *reading);
void reading_feed_fini(struct reading_feed *reading);
MUST_USE enum status reading_feed_next(struct reading_feed *reading, struct event *event,
                                       bool *is_there, struct problem *problem);

/* What a decoder cannot know: whether this can have happened to a guest of facts.total_pages. NULL,
 * or what is wrong with it. For whoever takes events from elsewhere. */
const char *reading_objection(const struct session_facts *facts, const struct event *event);

#endif
