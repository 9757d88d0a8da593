/* control: the words in which live mode is commanded, in the manner of QEMU's QMP: JSON, a line
 * each. They are spoken at the gateway's door (door.h) by commands, scripts and views, and without
 * their line ends, as FRAME_TALK, between a gateway and its hosts (trunk.h).
 *
 *   the door   {"ferry": {"version": "0.1", "protocol": 1, "capabilities": []}}    at once
 *   a command  {"execute": "NAME", "arguments": {...}, "id": ...}     the last two may be left out
 *   a reply    {"return": {...}, "id": ...}    or    {"error": {"class", "desc"}, "id": ...}
 *   an event   {"event": "NAME", "data": ..., "timestamp": {"seconds", "microseconds"}}
 *
 * README.md of this folder has every command, reply and event. A later protocol adds words and keys;
 * what a reader does not know it leaves alone, but for arguments, which are refused by name.
 *
 * Bytes come from anywhere: a line is at most CONTROL_LINE_MAX long and CONTROL_DEPTH_MAX deep, has
 * each key once, and is UTF-8. Nothing here knows a socket.
 */
#ifndef LIVE_CONTROL_H
#define LIVE_CONTROL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"
#include "scenario/scenario.h"

#define CONTROL_PROTOCOL  1
#define CONTROL_LINE_MAX  65536u /* the line end counted */
#define CONTROL_DEPTH_MAX 16u    /* status, the deepest, has 5 */
#define CONTROL_ID_MAX    256u   /* bytes of an id as written: it comes back in the reply */

#define CONTROL_ERRORS(X)                                                                        \
    X(CONTROL_BAD_ARGUMENT, "BadArgument")       /* an argument, or the line itself, is wrong */ \
    X(CONTROL_UNKNOWN_COMMAND, "UnknownCommand") /* there is none of that name */                \
    X(CONTROL_NOT_NOW, "NotNow")                 /* right, but not at this instant */            \
    X(CONTROL_NO_SUCH_HOST, "NoSuchHost")                                                        \
    X(CONTROL_NO_SUCH_GUEST, "NoSuchGuest")                                                      \
    X(CONTROL_REFUSED, "Refused") /* somebody else, whom it was handed to, said no */
enum control_error {
#define CONTROL_ERROR_ENUM(name, text) name,
    CONTROL_ERRORS(CONTROL_ERROR_ENUM)
#undef CONTROL_ERROR_ENUM
        CONTROL_ERROR_COUNT
};
const char *control_error_name(enum control_error error);

/* ---- Reading: bytes to lines to messages ---- */

struct control_lines {
    struct bytes text; /* of a line that is not whole yet, behind those that were taken */
    size_t taken;      /* bytes of `text` that were given out as lines */
    size_t looked;     /* where there is certainly no line end */
};
void control_lines_put(struct control_lines *lines, const void *data, size_t count);
/* The next whole line without its end (and without a CR before it), borrowed until the next call of
 * any of these. NULL: none is whole yet, or (*is_too_long) what there is can never become one. */
const char *control_lines_next(struct control_lines *lines, size_t *count, bool *is_too_long);
void control_lines_fini(struct control_lines *lines);

enum control_kind {
    CONTROL_COMMAND,
    CONTROL_RETURN,
    CONTROL_ERROR,
    CONTROL_EVENT,
    CONTROL_GREETING,
};

/* All but `root` is borrowed from it; what a kind has not is NULL. */
struct control_message {
    json_t *root; /* owned; NULL: nothing was read */
    enum control_kind kind;
    const char *name; /* of a command or event; of an error: its class */
    json_t *data;     /* arguments (an object, or NULL), what is returned, an event's data */
    const char *desc; /* of an error */
    json_t *id;
};
/* STATUS_BAD_INPUT, with the reason, where the line is none of them; then `root` stays, as far as
 * there is one, so that the answer can carry its id. control_message_fini in every case. */
MUST_USE enum status control_read(const char *line, size_t count, struct control_message *message,
                                  struct problem *problem);
void control_message_fini(struct control_message *message);

/* ---- Writing. What is handed in is given away, but for `id`, which may be NULL. ---- */

/* Text of anywhere (a path, the words of another process, what was cut to fit) need not be UTF-8, and
 * JSON must be: of such a text what is no ASCII becomes a question mark. */
json_t *control_text_json(const char *text);
json_t *control_greeting(void);
json_t *control_command(const char *name, json_t *arguments, json_t *id);
json_t *control_return(json_t *value, json_t *id); /* NULL: {} */
json_t *control_refusal(enum control_error error, const char *desc, json_t *id);
uint64_t control_wall_us(void); /* since 1970, for an event's timestamp */
json_t *control_event(const char *name, json_t *data, uint64_t wall_us);
/* Appends it as one line with its end, and gives it up. */
void control_put(struct bytes *to, json_t *message);

/* ---- Arguments and fields, read with judgement ---- */

/* NULL, and no problem, where there is none of that key. Another type than a string is refused. */
MUST_USE enum status control_text(const json_t *object, const char *key, const char **text,
                                  struct problem *problem);
/* A whole number from 0 to INT64_MAX; `otherwise` where there is none. For what hosts and doors
 * tell: what is of another type is not there. */
uint64_t control_number(const json_t *object, const char *key, uint64_t otherwise);
const char *control_word(const json_t *object, const char *key, const char *otherwise);
/* A key that is none of `keys` ("a b c") is refused by name, with the nearest. */
MUST_USE enum status control_know_all(const json_t *arguments, const char *keys,
                                      struct problem *problem);
/* All that are none of `own` are options of a move, as in scenario.h; what belongs to a guest or to a
 * world is refused with where it is said instead. Whether they go together scenario_check knows. */
MUST_USE enum status control_get_options(const json_t *arguments, const char *own,
                                         struct scenario *scenario, struct problem *problem);

/* ---- Where the door is ---- */

#define CONTROL_PATH_MAX 108 /* of a Unix socket, its NUL counted */
/* $XDG_RUNTIME_DIR/ferry/control, else /tmp/ferry-UID/control. */
MUST_USE enum status control_default_path(char path[CONTROL_PATH_MAX], struct problem *problem);

/* ---- Bytes within a line ---- */

/* RFC 4648, section 4, with its padding. */
json_t *control_base64(const uint8_t *data, size_t count);
/* Appends to `to`; false, and nothing is appended, where it is none. */
bool control_unbase64(const char *text, struct bytes *to);

#endif
