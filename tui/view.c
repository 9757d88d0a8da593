#include "tui/view_private.h"

#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "tui/keys.h"
#include "tui/lines.h"
#include "tui/plain.h"
#include "tui/screen.h"
#include "tui/translate.h"

#define FRAME_MS        33
#define STOPPED_MS      200 /* nothing moves: look for keys, and for a resize */
#define ANSWER_SHOWN_NS (4 * NS_PER_S)
#define SPREADS_EACH_NS \
    (250 * NS_PER_MS) /* percentiles look at every answer: not in each frame \
                       */

/* ---- Keys. ---- */

static void answer(struct view *view, const char *text)
{
    view->answer = text;
    view->answer_until_ns = player_wall_ns() + ANSWER_SHOWN_NS;
}

static void act(struct view *view, enum session_command command, uint64_t value)
{
    if (!player_act(&view->player, command, value))
        answer(view, _("That was not possible just now."));
}

/* Another instant: what was counted now and then is counted anew. */
static void replay(struct view *view, uint64_t mode)
{
    if (view->session->is_live) { /* what was is past: it is moved again */
        act(view, SESSION_START, mode);
        return;
    }
    if (!player_replay(&view->player, mode))
        answer(view, _("This cannot be played again."));
    view->spreads_at_ns = 0;
}

static void go_back(struct view *view)
{
    player_back(&view->player);
    view->spreads_at_ns = 0;
}

static void handle(struct view *view, const struct key *key)
{
    struct session *session = view->session;
    const char *obstacle = key_obstacle(key, session);
    if (obstacle != NULL) {
        answer(view, obstacle);
        return;
    }
    struct player *player = &view->player;
    bool is_still = player->is_stopped || view->has_help;
    view->answer = NULL;
    if (key->action != KEY_HELP) {
        player->step_text[0] = '\0';
        view->has_help = false; /* what the key does is to be seen */
    }
    switch (key->action) {
    case KEY_PLAY:
        player_stop(player, !is_still);
        break;
    case KEY_STEP_EVENT:
        player_step(player);
        break;
    case KEY_STEP_ROUND:
        player_run(player, PLAYER_ROUND_END);
        break;
    case KEY_BACK:
        go_back(view);
        break;
    case KEY_CODE:
        view->has_code = !view->has_code;
        break;
    case KEY_FASTER:
        director_faster(&player->director);
        break;
    case KEY_SLOWER:
        director_slower(&player->director);
        break;
    case KEY_AUTOMATIC:
        director_automatic(&player->director);
        break;
    case KEY_START:
        act(view, SESSION_START, session->facts.mode);
        break;
    case KEY_POST_COPY:
        act(view, SESSION_POST_COPY, 0);
        break;
    case KEY_ABORT:
        act(view, SESSION_ABORT, 0);
        break;
    case KEY_REPLAY:
        replay(view, key->value);
        break;
    case KEY_NOW:
        player_now(player);
        view->spreads_at_ns = 0;
        break;
    case KEY_LINK:
        act(view, key_link_command(session), 0);
        break;
    case KEY_LINK_SLOWER:
    case KEY_LINK_FASTER:
        act(view, SESSION_BANDWIDTH, key_bandwidth(key, session));
        break;
    case KEY_HELP:
        view->has_help = !view->has_help;
        break;
    case KEY_QUIT:
        view->is_quit = true;
        break;
    }
}

void view_key(struct view *view, int code)
{
    enum { CONTROL_L = 12 };
    const struct key *key = key_find(code);
    if (code == SCREEN_KEY_CLOSED)
        view->is_closed = true;
    else if (code == SCREEN_KEY_ESCAPE)
        view->has_help = false;
    else if (code == CONTROL_L)
        screen_redraw();
    else if (key != NULL)
        handle(view, key);
}

/* ---- Pictures. ---- */

void view_picture(struct view *view, uint64_t now_ns, struct picture *picture)
{
    struct session *session = view->session;
    if (view->answer != NULL && now_ns > view->answer_until_ns)
        view->answer = NULL;
    if (now_ns - view->spreads_at_ns > SPREADS_EACH_NS || session->has_ended) {
        view->latency = timeline_latency(&session->timeline);
        view->fault_wait = timeline_fault_wait(&session->timeline);
        view->spreads_at_ns = now_ns;
    }
    narrator_tell(session, view->sentence, sizeof view->sentence);
    *picture = (struct picture){
        .session = session,
        .sentence = view->answer != NULL                ? view->answer
                    : view->player.step_text[0] != '\0' ? view->player.step_text
                                                        : view->sentence,
        .is_answer = view->answer != NULL,
        .speed = director_speed(&view->player.director, session),
        .is_stopped = view->player.is_stopped || view->has_help,
        .has_code = view->has_code && key_has_code(session),
        .next_commands = view->options->next_commands,
        .latency = view->latency,
        .fault_wait = view->fault_wait,
    };
}

static void draw(struct view *view, uint64_t now_ns)
{
    struct picture picture;
    int rows, columns;
    view_picture(view, now_ns, &picture);
    screen_size(&rows, &columns);
    canvas_resize(&view->canvas, rows, columns);
    panel_all(&view->canvas, &picture, view->has_help);
    screen_show(&view->canvas);
}

/* ---- The loop. ---- */

void view_begin(struct view *view, struct session *session, const struct view_options *options)
{
    /* The code is shown where there is any. */
    *view = (struct view){.session = session, .options = options, .has_code = true};
    player_init(&view->player, session, options->is_demo, options->speed);
    if (session->guard != NULL)
        answer(view, session->guard->invitation);
}

void view_live(struct view *view, uint64_t wall_ns, uint64_t now_ns)
{
    struct session *session = view->session;
    session_attend(session, FRAME_MS / 2);
    if (player_listen(&view->player))
        view->spreads_at_ns = 0;
    if (view->notice_count != session->notice_count)
        answer(view, session->notice);
    view->notice_count = session->notice_count;
    if (view->has_help)
        return; /* who reads misses nothing */
    player_live(&view->player, wall_ns, now_ns);
}

int view_wait_ms(const struct view *view)
{
    bool is_still = view->has_help || player_is_still(&view->player);
    return is_still && !session_is_held(view->session) ? STOPPED_MS : FRAME_MS;
}

int view_play(struct session *session, const struct view_options *options)
{
    struct view view;
    if (!screen_open())
        return plain_play(session, stdout);
    view_begin(&view, session, options);
    canvas_init(&view.canvas, screen_is_ascii());
    if (options->is_at) {
        session->ops->advance(session, options->at_ns);
        player_stop(&view.player, true);
    }

    uint64_t last_ns = player_wall_ns();
    while (!view.is_quit && !view.is_closed) {
        uint64_t now_ns = player_wall_ns(), wall_ns = now_ns - last_ns;
        last_ns = now_ns;
        view_live(&view, wall_ns, now_ns);
        draw(&view, now_ns);

        int code = screen_key(view_wait_ms(&view));
        for (; code != SCREEN_KEY_NONE && !view.is_closed; code = screen_key(0))
            view_key(&view, code);
    }
    canvas_fini(&view.canvas);
    screen_close();
    if (view.is_closed)
        return VIEW_TROUBLE;
    if (session->verdict != NULL)
        lines_put(stdout, session->verdict);
    fflush(stdout);
    return session->is_broken ? VIEW_BROKEN : VIEW_FINE;
}
