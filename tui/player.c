#include "tui/player.h"

#include <stdio.h>
#include <time.h>

#include "base/units.h"
#include "tui/scene.h"
#include "tui/step.h"
#include "tui/translate.h"
#include "tui/words.h"

#define WALL_MAX_NS (100 * NS_PER_MS) /* the program itself was stopped: that time is no show */
#define BUDGET_NS   (20 * NS_PER_MS)  /* for the world, in each frame: keys are answered soon */

uint64_t player_wall_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

void player_init(struct player *player, struct session *session, bool is_demo, double speed)
{
    *player = (struct player){.session = session, .run_count = session->run_count};
    director_init(&player->director, is_demo, speed);
}

/* ---- Letting the world live. ---- */

/* A round ends when the next begins or the guest is paused; a pause when the guest goes on. */
static bool is_at_round_end(const struct timeline *timeline, const struct timeline *before)
{
    return timeline->has_ended != before->has_ended || timeline->is_paused != before->is_paused ||
           (!timeline->is_paused && timeline->round_count > before->round_count);
}

static bool is_at_event(const struct timeline *timeline, const struct timeline *before)
{
    return timeline->has_started != before->has_started || timeline->phase != before->phase ||
           timeline->round_count != before->round_count ||
           (timeline->faults > 0) != (before->faults > 0) ||
           timeline->has_guest_ended != before->has_guest_ended;
}

static bool is_at_goal(const struct player *player)
{
    const struct timeline *timeline = &player->session->timeline, *before = &player->before_goal;
    return player->session->has_ended || is_at_round_end(timeline, before) ||
           (player->goal == PLAYER_EVENT && is_at_event(timeline, before));
}

static void run(struct player *player, uint64_t began_ns)
{
    struct session *session = player->session;
    while (player_wall_ns() - began_ns < BUDGET_NS) {
        session->ops->step(session); /* a longer piece could run over the goal */
        if (is_at_goal(player)) {
            player->goal = PLAYER_NO_GOAL;
            return;
        }
    }
}

static void play(struct player *player, uint64_t wall_ns, uint64_t began_ns)
{
    struct session *session = player->session;
    while (wall_ns > 0 && !session->has_ended && player_wall_ns() - began_ns < BUDGET_NS)
        session->ops->advance(session, director_next(&player->director, session, &wall_ns));
}

void player_live(struct player *player, uint64_t wall_ns, uint64_t began_ns)
{
    if (session_is_held(player->session))
        return;
    if (player->goal != PLAYER_NO_GOAL)
        run(player, began_ns);
    else if (!player->is_stopped)
        play(player, wall_ns < WALL_MAX_NS ? wall_ns : WALL_MAX_NS, began_ns);
}

bool player_is_still(const struct player *player)
{
    return player->session->has_ended || session_is_held(player->session) ||
           (player->is_stopped && player->goal == PLAYER_NO_GOAL);
}

/* ---- What who watches wants. ---- */

/* What was told of a step is no longer of the present; what is shown next begins at its own pace.
 */
static void begin_anew(struct player *player, bool is_stopped)
{
    director_restart(&player->director);
    player_stop(player, is_stopped);
}

void player_stop(struct player *player, bool is_stopped)
{
    player->is_stopped = is_stopped;
    player->goal = PLAYER_NO_GOAL;
    player->step_text[0] = '\0';
}

void player_step(struct player *player)
{
    struct step step;
    step_begin(&step, &player->session->timeline);
    player_stop(player, true);
    player->session->ops->step(player->session);
    step_tell(&step, &player->session->timeline, player->session->facts.is_real, player->step_text,
              sizeof player->step_text);
    scene_name_hosts(player->session, player->step_text);
}

void player_run(struct player *player, enum player_goal goal)
{
    player_stop(player, true);
    player->goal = goal;
    player->before_goal = player->session->timeline;
}

void player_back(struct player *player)
{
    struct words number;

    player->session->ops->act(player->session, SESSION_BACK, 0);
    begin_anew(player, true);
    snprintf(player->step_text, sizeof player->step_text,
             _("Back by one step: event %s comes next."),
             words_count(&number, player->session->timeline.event_count + 1));
}

void player_seek(struct player *player, uint64_t at_ns)
{
    struct session *session = player->session;
    if (!session->ops->seek(session, at_ns))
        return;
    if (at_ns > session->timeline.now_ns && !session->has_ended)
        session->ops->advance(session, at_ns);
    begin_anew(player, player->is_stopped);
}

bool player_replay(struct player *player, uint64_t mode)
{
    if (!player->session->ops->act(player->session, SESSION_REPLAY, mode))
        return false;
    begin_anew(player, false);
    return true;
}

void player_now(struct player *player)
{
    struct session *session = player->session;
    if (session_is_past(session))
        session->ops->seek(session, session->lived_ns);
    if (session_behind_ns(session) > 0)
        session->ops->advance(session, session->world_ns);
    begin_anew(player, false);
}

bool player_act(struct player *player, enum session_command command, uint64_t value)
{
    /* Who steers a world that goes on by itself wants to see what comes of it, not the end of what
     * was slowed down before. */
    if (player->session->is_live && !player->is_stopped)
        player_now(player);
    director_watch(&player->director, player->session);
    return player->session->ops->act(player->session, command, value);
}

bool player_listen(struct player *player)
{
    session_listen(player->session);
    if (player->run_count == player->session->run_count)
        return false;
    player->run_count = player->session->run_count;
    begin_anew(player, false);
    return true;
}
