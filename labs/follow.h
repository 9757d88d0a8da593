/* follow: a move between real hosts, watched from its gateway's door until it is over and all of its
 * recording is here.
 *
 * Where stderr is a terminal a line that rewrites itself says how far it is; its share never runs
 * backwards. Elsewhere each phase and round is a line of its own, on standard output. A first
 * interrupt (Ctrl-C) asks the source to give the move up, a second leaves the move alone.
 */
#ifndef LABS_FOLLOW_H
#define LABS_FOLLOW_H

#include <stdbool.h>
#include <stdio.h>

#include "live/caller.h"

struct follow {
    struct caller *caller;
    uint64_t id;     /* of the migration */
    bool is_drawn;   /* a line on stderr that rewrites itself; */
    FILE *lines;     /* else lines go here; NULL: nowhere */
    const char *who; /* "ferry migrate": begins what is said on stderr */

    /* What came of it. */
    json_t *end;  /* owned: "migration" when it was over; NULL: it was not seen */
    json_t *last; /* owned: as it was told last */
    struct bytes recording;
    bool is_whole,
        is_cut;   /* of the recording: it has its end; the gateway could not keep all of it */
    bool is_left; /* by a second interrupt */

    bool has_asked_to_abort;
    uint64_t abort_id;
    uint64_t permille; /* the most that was shown */
    char phase[16];    /* as it was told last, */
    uint64_t round;
};

/* Attaches to the recording and follows it to its end. False: it was left, or the door has closed,
 * which caller->why_over tells. */
bool follow_move(struct follow *follow, struct problem *problem);
/* Says what is new in a `progress` event, for whoever hears the door by himself. */
void follow_hear_progress(struct follow *follow, const json_t *move);
void follow_fini(struct follow *follow);

#endif
