#include "tui/view_private.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/units.h"
#include "tui/keys.h"
#include "tui/plain.h"
#include "tui/screen.h"
#include "tui/step.h"
#include "tui/translate.h"
#include "tui/words.h"

#define FRAME_MS        33
#define STOPPED_MS      200               /* nothing moves: look for keys, and for a resize */
#define WALL_MAX_NS     (100 * NS_PER_MS) /* the program itself was stopped: that time is no show */
#define BUDGET_NS       (20 * NS_PER_MS)  /* for the world, in each frame: keys are answered soon */
#define ANSWER_SHOWN_NS (4 * NS_PER_S)
#define SPREADS_EACH_NS                                                      \
    (250 * NS_PER_MS) /* percentiles look at every answer: not in each frame \
                       */

uint64_t view_wall_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

/* ---- Letting the world live. ---- */

/* A round ends when the next begins or the guest is paused; a pause when the guest goes on. */
static bool is_at_round_end(const struct view *view)
{
    const struct timeline *timeline = &view->session->timeline, *before = &view->before_round;
    if (view->session->has_ended || timeline->has_ended != before->has_ended)
        return true;
    if (timeline->is_paused != before->is_paused)
        return true;
    return !timeline->is_paused && timeline->round_count > before->round_count;
}

static void run_round(struct view *view, uint64_t began_ns)
{
    struct session *session = view->session;
    while (view_wall_ns() - began_ns < BUDGET_NS) {
        session->ops->step(session); /* a longer piece could run over the end */
        if (is_at_round_end(view)) {
            view->is_running_round = false;
            return;
        }
    }
}

static void play(struct view *view, uint64_t wall_ns, uint64_t began_ns)
{
    struct session *session = view->session;
    while (wall_ns > 0 && !session->has_ended && view_wall_ns() - began_ns < BUDGET_NS)
        session->ops->advance(session, director_next(&view->director, session, &wall_ns));
}

/* ---- Keys. ---- */

static void answer(struct view *view, const char *text)
{
    view->answer = text;
    view->answer_until_ns = view_wall_ns() + ANSWER_SHOWN_NS;
}

static void replay(struct view *view, uint64_t mode)
{
    struct session *session = view->session;
    if (!session->ops->act(session, SESSION_REPLAY, mode)) {
        answer(view, _("This cannot be played again."));
        return;
    }
    director_restart(&view->director);
    view->is_stopped = view->is_running_round = false;
    view->spreads_at_ns = 0;
}

static void go_back(struct view *view)
{
    struct words number;
    view->session->ops->act(view->session, SESSION_BACK, 0);
    snprintf(view->step_text, sizeof view->step_text, _("Back by one step: event %s comes next."),
             words_count(&number, view->session->timeline.event_count + 1));
    director_restart(&view->director);
    view->is_stopped = true;
    view->is_running_round = false;
    view->spreads_at_ns = 0;
}

static void act(struct view *view, enum session_command command)
{
    director_watch(&view->director, view->session);
    if (!view->session->ops->act(view->session, command, 0))
        answer(view, _("That was not possible just now."));
}

static void step_on(struct view *view)
{
    struct step step;
    step_begin(&step, &view->session->timeline);
    view->is_stopped = true;
    view->is_running_round = false;
    view->session->ops->step(view->session);
    step_tell(&step, &view->session->timeline, view->step_text, sizeof view->step_text);
}

static void handle(struct view *view, const struct key *key)
{
    struct session *session = view->session;
    const char *obstacle = key_obstacle(key, session);
    if (obstacle != NULL) {
        answer(view, obstacle);
        return;
    }
    bool is_still = view->is_stopped || view->has_help;
    view->answer = NULL;
    if (key->action != KEY_HELP) {
        view->step_text[0] = '\0';
        view->has_help = false; /* what the key does is to be seen */
    }
    switch (key->action) {
    case KEY_PLAY:
        view->is_stopped = !is_still;
        view->is_running_round = false;
        break;
    case KEY_STEP_EVENT:
        step_on(view);
        break;
    case KEY_STEP_ROUND:
        view->is_stopped = view->is_running_round = true;
        view->before_round = session->timeline;
        break;
    case KEY_BACK:
        go_back(view);
        break;
    case KEY_CODE:
        view->has_code = !view->has_code;
        break;
    case KEY_FASTER:
        director_faster(&view->director);
        break;
    case KEY_SLOWER:
        director_slower(&view->director);
        break;
    case KEY_AUTOMATIC:
        director_automatic(&view->director);
        break;
    case KEY_START:
        act(view, SESSION_START);
        break;
    case KEY_POST_COPY:
        act(view, SESSION_POST_COPY);
        break;
    case KEY_ABORT:
        act(view, SESSION_ABORT);
        break;
    case KEY_REPLAY:
        replay(view, key->value);
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
        .sentence = view->answer != NULL         ? view->answer
                    : view->step_text[0] != '\0' ? view->step_text
                                                 : view->sentence,
        .is_answer = view->answer != NULL,
        .speed = director_speed(&view->director, session),
        .is_stopped = view->is_stopped || view->has_help,
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
    director_init(&view->director, options->is_demo, options->speed);
}

void view_live(struct view *view, uint64_t wall_ns, uint64_t now_ns)
{
    if (view->has_help)
        return; /* who reads misses nothing */
    if (view->is_running_round)
        run_round(view, now_ns);
    else if (!view->is_stopped)
        play(view, wall_ns < WALL_MAX_NS ? wall_ns : WALL_MAX_NS, now_ns);
}

int view_wait_ms(const struct view *view)
{
    bool is_still =
        view->session->has_ended || view->has_help || (view->is_stopped && !view->is_running_round);
    return is_still ? STOPPED_MS : FRAME_MS;
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
        view.is_stopped = true;
    }

    uint64_t last_ns = view_wall_ns();
    while (!view.is_quit && !view.is_closed) {
        uint64_t now_ns = view_wall_ns(), wall_ns = now_ns - last_ns;
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
        printf("%s\n", session->verdict);
    fflush(stdout);
    return session->is_broken ? VIEW_BROKEN : VIEW_FINE;
}
