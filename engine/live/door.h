/* door: where a gateway is commanded and watched: a Unix socket on which the control protocol
 * (control.h) is spoken, with up to DOOR_CALLERS_MAX at a time. It greets, reads commands, hands
 * them to its owner, brings the answers back, tells everybody events, and gives recordings to those
 * who have attached. It knows nothing of migrations.
 *
 * `attach` and `detach` it answers itself. Who is attached gets {"event": "recording"} with pieces
 * of the recording that he asked for, or of the one going on, or else the last, from its beginning;
 * then of each that follows. Pieces are made as he reads them: he may be as slow as he likes, and is
 * told ("is_cut") where a recording was gone before he had read it. For events nobody is waited
 * for: who leaves DOOR_BACKLOG_MAX unread is shut out, and `told` says so.
 */
#ifndef LIVE_DOOR_H
#define LIVE_DOOR_H

#include <uv.h>

#include "live/control.h"
#include "live/gateway_record.h"

#define DOOR_CALLERS_MAX     16u
#define DOOR_BACKLOG_MAX     (1u << 20) /* bytes of answers and events that wait to be read */
#define DOOR_CHAT_MAX        (256u << 10)
#define DOOR_LINES_IN_A_TURN 100u                 /* of one caller: then it is the others' turn */
#define DOOR_STALL_NS        (30ull * 1000000000) /* for which a reader may read nothing at all */

struct door;

/* Whom an answer is for, and to what. Its owner's until the answer is given. */
struct door_ticket {
    uint64_t caller; /* a number that nobody else has; he may be gone by then */
    json_t *id;      /* owned; NULL: the command had none */
};

struct door_owner {
    /* A command: to be answered once, now or later. `arguments` (never NULL) are borrowed. */
    void (*command)(void *owner, const char *name, const json_t *arguments,
                    struct door_ticket *ticket);
    void (*told)(void *owner, const char *line); /* for whoever runs the gateway */
};

/* The path's folder is made where it is missing; a socket that a dead gateway has left is replaced.
 */
MUST_USE enum status door_open(uv_loop_t *loop, const char *path,
                               const struct gateway_record *record, const struct door_owner *calls,
                               void *owner, struct door **door, struct problem *problem);
/* The socket goes at once; what is queued for callers is sent first. No call follows. */
void door_close(struct door *door);

/* Either answers a command, and takes the ticket back. */
void door_return(struct door *door, struct door_ticket *ticket, json_t *value); /* NULL: {} */
void door_refuse(struct door *door, struct door_ticket *ticket, enum control_error error,
                 const char *format, ...) __attribute__((format(printf, 4, 5)));

/* To everybody; `data` is given away. */
void door_tell(struct door *door, const char *name, json_t *data);
/* The same, but not to a caller who leaves so much unread: what a guest says must shut nobody out. */
void door_chat(struct door *door, const char *name, json_t *data);
/* There is more of a recording, or a new one. */
void door_poke(struct door *door);

#endif
