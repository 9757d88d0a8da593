/* caller: who knocks at a gateway's door (control.h): commands, scripts' helpers, views.
 *
 * caller_open, then caller_ask for a command and its answer; or caller_send and, whenever there is
 * time, caller_next: for who must not wait. Messages that come while an answer is awaited are kept
 * for caller_next, in order. No loop and no thread: caller_descriptor is what may be polled, but
 * ask caller_next until it has nothing first.
 *
 * The door is believed no more than any other stranger: its lines are bounded, what is no message
 * ends the call with a reason, and nothing in a text that is heard commands a terminal (base/utf8.h).
 */
#ifndef LIVE_CALLER_H
#define LIVE_CALLER_H

#include "live/control.h"

#define CALLER_PATIENCE_MS 10000  /* for a greeting, and for an answer: doors answer at once */
#define CALLER_KEPT_MAX    10000u /* messages kept while an answer is awaited */

struct caller {
    int descriptor; /* -1: it is not open, or over */
    struct control_lines lines;
    struct control_message *kept; /* owned; from kept_first on */
    size_t kept_first, kept_count, kept_capacity;
    uint64_t last_id;
    char error_class[32];        /* of the answer that was an error last; "": none was */
    char why_over[320];          /* one sentence, once it is over */
    char path[CONTROL_PATH_MAX]; /* for people */
};

/* Knocks, and reads the greeting. STATUS_NO_FILE: nobody is there; STATUS_REFUSED: nobody more is let
 * in; the detail says what would be right. caller_close in every case. */
MUST_USE enum status caller_open(struct caller *caller, const char *path, struct problem *problem);
/* The same on a connection that somebody else made, which becomes the caller's. */
MUST_USE enum status caller_open_on(struct caller *caller, int descriptor, struct problem *problem);
void caller_close(struct caller *caller);

/* `arguments` (NULL: none) are given away. The answer comes with this id, as a whole number. */
MUST_USE enum status caller_send(struct caller *caller, const char *name, json_t *arguments,
                                 uint64_t *id, struct problem *problem);

enum caller_heard {
    CALLER_NOTHING, /* within that time */
    CALLER_MESSAGE, /* *message is the caller's, to be given up by control_message_fini */
    CALLER_OVER,    /* the door has closed; why_over says why, and so will every call after it */
};
/* The next message: an event, or the answer to something sent. Waits for at most timeout_ms; 0: not
 * at all; -1: as long as it takes, or until a signal comes (CALLER_NOTHING). */
enum caller_heard caller_next(struct caller *caller, int timeout_ms,
                              struct control_message *message);

/* Sends, and waits for the answer: *result (may be NULL) is what is returned, the caller's.
 * STATUS_REFUSED: the answer is an error, its words are the detail, its class is in error_class;
 * STATUS_NO_FILE: no answer came. */
MUST_USE enum status caller_ask(struct caller *caller, const char *name, json_t *arguments,
                                json_t **result, struct problem *problem);

int caller_descriptor(const struct caller *caller);

#endif
