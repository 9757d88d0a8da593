/* director: how fast the world's time passes for the person who watches. A move of eight seconds
 * holds a pause of ten milliseconds: at one speed either the rounds are endless or the pause is
 * never seen. So the speed follows what is going on:
 *
 *   before the move   real time; a long wait is shortened
 *   rounds            about real time; short ones are slowed until they can be seen, long ones are
 *                     hurried
 *   pause             slowed so that it lasts about ten seconds, at least a thousandfold in a
 *                     demonstration; a pause of seconds is slowed only a little, one of
 *                     microseconds is over sooner
 *   arrival           two seconds for the sentence that the guest runs at host B
 *   post-copy         the first faults one by one, then faster and faster
 *   after the move    real time
 *
 * The director decides nothing in the world: it says until when the world may live. It never goes
 * back. Speeds are world time per wall time, in steps of 1, 1.5, 2, 3, 5, 7, 10, ..., so that the
 * number beside the clock stays still.
 */
#ifndef TUI_DIRECTOR_H
#define TUI_DIRECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "record/session.h"

struct director {
    bool is_demo;
    double fixed_speed;  /* given by the user when it began; 0: by phase */
    int doublings;       /* by the user's keys, on top of either */
    uint64_t reached_ns; /* the instant that the world was last allowed to live to */
    double fraction_ns;  /* less than a nanosecond, carried */
    int scene;           /* what is going on, and for how long it was watched */
    uint64_t scene_wall_ns;
    bool is_watchful; /* until this phase ends */
    enum phase watched_phase;
};

void director_init(struct director *director, bool is_demo, double fixed_speed);
void director_restart(struct director *director); /* another run; the user's speed is kept */

/* The speed now. */
double director_speed(const struct director *director, const struct session *session);
/* "real time", "1000x slower", "5x faster" */
void director_describe(double speed, char *text, size_t text_bytes);
/* The same of a session at that speed; of a live world at its own speed how far behind it is shown:
 * "live", "12 s behind". */
void director_describe_session(double speed, const struct session *session, char *text,
                               size_t text_bytes);

/* `*wall_ns` of wall time have passed. Takes a piece off it and returns until when the world may
 * live for that piece; call it, let the world live, and again while wall time is left. The pieces
 * are so short that the world never runs past the beginning of a pause unseen. */
uint64_t director_next(struct director *director, const struct session *session, uint64_t *wall_ns);

/* The user has asked for a change of phase: it is not passed at the present speed. */
void director_watch(struct director *director, const struct session *session);

/* The user's keys. */
void director_faster(struct director *director);
void director_slower(struct director *director);
void director_automatic(struct director *director); /* forget what the keys did */

#endif
