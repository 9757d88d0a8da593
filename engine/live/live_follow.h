/* live_follow: the recordings that a door gives to whoever has attached (door.h), followed as they
 * come: the one that is looked at, however far behind, and the newest after it.
 *
 *     put (a piece came) ...  -->  [ read ahead: checked, and how far the world is ]
 *                             -->  [ not looked at yet: bytes ] --peek, take--> events, in order
 *
 * What is broken ends where it breaks, and says why. Who looks at one that is over goes on to the
 * next by live_follow_next; of those that came and went meanwhile only the newest is kept. Nothing
 * here knows a socket or a clock.
 */
#ifndef LIVE_LIVE_FOLLOW_H
#define LIVE_LIVE_FOLLOW_H

#include "record/reading.h"

/* Not looked at yet: what a gateway lets a recording grow to, twice. */
#define LIVE_BEHIND_MAX (512u << 20)

struct live_recording {
    uint64_t id;                /* of the migration; 0: there is none */
    struct reading_feed ahead;  /* has read all that came; its facts */
    struct reading_feed behind; /* what was not looked at yet */
    bool is_over;               /* nothing more will come: it is whole, was cut off, or is broken */
    struct problem broken;      /* STATUS_OK: it is not */
    uint64_t last_ns;           /* of its last event so far */
    int64_t wall_offset_ns;     /* its clock less the caller's, at least */
    bool has_wall_offset;
    bool has_next; /* of `behind`: */
    bool has_failed;
    struct event next;
};

struct live_follow {
    struct live_recording now, later;
};

void live_follow_init(struct live_follow *follow);
void live_follow_fini(struct live_follow *follow);

/* A piece came at `wall_ns` on a clock that never goes back. Pieces of older recordings are none.
 * STATUS_BAD_INPUT, once, where it breaks its recording. */
MUST_USE enum status live_follow_put(struct live_follow *follow, uint64_t id, const void *data,
                                     size_t count, bool is_end, uint64_t wall_ns,
                                     struct problem *problem);
/* Nothing more will come, of any. */
void live_follow_close(struct live_follow *follow);
/* The next event of the one that is looked at; NULL: there is none yet, or never. */
const struct event *live_follow_peek(struct live_follow *follow);
void live_follow_take(struct live_follow *follow);

/* All that will ever come of the one that is looked at was taken. */
bool live_follow_is_done(struct live_follow *follow);
/* Goes on to the next; false: there is none, or nothing is known of it yet. */
bool live_follow_next(struct live_follow *follow);
/* How far the world is, on the clock of the one that is looked at. */
uint64_t live_follow_world_ns(const struct live_follow *follow, uint64_t wall_ns);

#endif
