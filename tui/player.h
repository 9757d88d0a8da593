/* player: a session that lives as fast as the director says, and obeys who watches. What is the
 * same for every view stands here, the terminal's and the graphical one; it knows neither keys nor
 * pictures.
 */
#ifndef TUI_PLAYER_H
#define TUI_PLAYER_H

#include "record/session.h"
#include "tui/director.h"
#include "tui/narrator.h"

/* The world is run as fast as it goes until something comes. */
enum player_goal {
    PLAYER_NO_GOAL,
    PLAYER_ROUND_END, /* the next round, a pause, the guest going on */
    PLAYER_EVENT,     /* any of these, a phase, the first fault, the move's beginning or end */
};

struct player {
    struct session *session;
    struct director director;
    bool is_stopped;    /* by who watches */
    uint32_t run_count; /* of the session, that is watched */
    enum player_goal goal;
    struct timeline before_goal;      /* as the timeline stood when that was asked for */
    char step_text[2 * NARRATOR_MAX]; /* what the event did that was stepped to; "" else */
};

uint64_t player_wall_ns(void); /* monotonic */

/* It plays from the beginning on. `speed`: world time per wall time; 0: the director chooses. */
void player_init(struct player *player, struct session *session, bool is_demo, double speed);

/* `wall_ns` have passed until `began_ns`: so the world lives on, unless it is stopped. Takes no
 * longer than a frame may: what is not reached is reached next time. */
void player_live(struct player *player, uint64_t wall_ns, uint64_t began_ns);
/* Nothing will change by itself: pictures need not be made. */
bool player_is_still(const struct player *player);

/* Each of these ends what was going on; the caller has seen that the session can. */
void player_stop(struct player *player, bool is_stopped);
void player_step(struct player *player); /* one more event, then stopped */
void player_run(struct player *player, enum player_goal goal);
void player_back(struct player *player); /* by one step */
void player_seek(struct player *player,
                 uint64_t at_ns); /* further than was lived: as far as it takes */
bool player_replay(struct player *player, uint64_t mode);
void player_now(struct player *player); /* to the last that was lived; of a live world, to now */
/* In a live world it happens now: there the picture goes on from now, too, unless it is stopped. */
bool player_act(struct player *player, enum session_command command, uint64_t value);

/* What the world has done by itself, if it is one that does. True: it shows something else now, from
 * its beginning on. */
bool player_listen(struct player *player);

#endif
