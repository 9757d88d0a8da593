/* moves: who stands behind a gateway's door (door.h): knows the guest's move that is going on, begins
 * and ends it on command, tells how far it is, and has it recorded (gateway_record.h).
 *
 *      caller --door--> moves --gateway_ask--> the host that has the guest
 *             <--door-- moves <--told, happened-- all hosts, by the gateway
 *
 *   moves_open, gateway_open with moves_calls and these moves as its owner, moves_serve, the loop;
 *   moves_close before gateway_close
 *
 * One move at a time: a second is refused until the first is over. The host where the guest is
 * decides whether a move can begin, and how it ended; where no host can say so any more, that is
 * said here.
 *
 * What is asked of hosts and told by them (beside trunk.h's own), in the words of README.md,
 * "Control protocol":
 *
 *   migrate    {"guest", "to", "address", "move": 32 hexadecimal digits, and options of the move as
 *              text} -> {"scenario": the whole as text}: the head of the recording
 *   abort, post-copy, set      {"guest", ...}      link, quit
 *   progress   {"guest", "phase", "round", "bytes_sent", ...} every 100 ms, from the source
 *   link       {"bandwidth", "latency", "state"} as it was told last, from a host that joins
 *   migration_ended  {"guest", "move", "outcome", "reason"}, from the source, or from a target that
 *              knows better than nobody
 */
#ifndef LIVE_MOVES_H
#define LIVE_MOVES_H

#include <uv.h>

#include "live/door.h"
#include "live/gateway.h"

struct moves;

struct moves_owner {
    void (*said)(void *owner, const char *line); /* for whoever runs the gateway */
    /* The same of what is told at the door, too; NULL: whoever runs it listens there. */
    void (*complained)(void *owner, const char *line);
    void (*quit)(void *owner); /* somebody at the door wants it to end */
};

extern const struct gateway_owner moves_calls; /* whose owner is a struct moves */

struct moves *moves_open(uv_loop_t *loop, const struct moves_owner *calls, void *owner);
/* From now on there is a door at that path. The gateway outlives moves_close. */
MUST_USE enum status moves_serve(struct moves *moves, struct gateway *gateway, const char *path,
                                 struct problem *problem);
/* Freed once the loop has seen to it. */
void moves_close(struct moves *moves);

/* The line for people of an event that should not have come; false: it is none. */
bool moves_what_is_wrong(const char *event, const json_t *data, char *line, size_t line_bytes);

#endif
