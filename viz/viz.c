#include "viz/viz.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/units.h"
#include "tui/keys.h"
#include "tui/player.h"
#include "tui/translate.h"
#include "tui/words.h"
#include "viz/help.h"
#include "viz/keys.h"
#include "viz/png_file.h"
#include "viz/show.h"
#include "viz/window.h"

#define FRAME_NS        (NS_PER_S / 60)
#define HELD_MS         16  /* while a debugger talks to the guest */
#define STOPPED_MS      100 /* nothing moves: look whether an answer has been shown long enough */
#define ANSWER_SHOWN_NS (4 * NS_PER_S)
#define SPREADS_EACH_NS \
    (250 * NS_PER_MS) /* percentiles look at every answer: not in each frame \
                       */
#define NAMES_EACH_NS   (250 * NS_PER_MS)
#define SEEK_PART       50 /* a key goes so small a part of the run */
#define SCALE_STEP      1.18
#define HEAR_NS         (NS_PER_S / 2) /* for the picture of a live world */
#define AT_END_PIECE_NS (100 * NS_PER_MS)

struct viz {
    struct session *session;
    const struct viz_options *options;
    struct player player;
    struct scrub scrub;
    struct sheet sheet;
    struct window *window;
    bool has_help, is_blank, is_quit;
    bool is_scrubbing;  /* the button went down on the bar and is held */
    bool is_changed;    /* the picture is to be made again */
    const char *answer; /* to a key that can do nothing; until when it is shown */
    uint64_t answer_until_ns;
    uint32_t notice_count; /* of the session's, that were shown */
    char sentence[2 * NARRATOR_MAX];
    struct timeline_spread latency, fault_wait;
    uint64_t spreads_at_ns;
    char title[200]; /* of the window, and when it was given */
    uint64_t named_at_ns;
};

/* ---- Pictures. ---- */

static void draw(struct viz *viz, uint64_t now_ns)
{
    struct session *session = viz->session;
    bool is_moved = viz->spreads_at_ns == 0;
    if (viz->answer != NULL && now_ns > viz->answer_until_ns)
        viz->answer = NULL;
    if (is_moved || now_ns - viz->spreads_at_ns > SPREADS_EACH_NS || session->has_ended) {
        viz->latency = timeline_latency(&session->timeline);
        viz->fault_wait = timeline_fault_wait(&session->timeline);
        viz->spreads_at_ns = now_ns;
    }
    narrator_tell(session, viz->sentence, sizeof viz->sentence);
    scrub_follow(&viz->scrub, session);
    struct stage stage = {
        .session = session,
        .sentence = viz->answer != NULL                ? viz->answer
                    : viz->player.step_text[0] != '\0' ? viz->player.step_text
                                                       : viz->sentence,
        .is_answer = viz->answer != NULL,
        .speed = director_speed(&viz->player.director, session),
        .is_stopped = viz->player.is_stopped || viz->has_help,
        .latency = viz->latency,
        .fault_wait = viz->fault_wait,
    };
    if (viz->is_blank) {
        paint_clear(viz->sheet.paint, (struct colour){0, 0, 0, 255});
        return;
    }
    show_draw(&viz->sheet, viz->options->scene, &stage, &viz->scrub);
    if (viz->has_help)
        help_draw(&viz->sheet);
}

static enum status begin(struct viz *viz, struct session *session,
                         const struct viz_options *options, struct problem *problem)
{
    int width = options->width > 0 ? options->width : VIZ_WIDTH_DEFAULT;
    int height = options->height > 0 ? options->height : VIZ_HEIGHT_DEFAULT;
    *viz = (struct viz){.session = session, .options = options, .is_changed = true};
    viz->sheet = (struct sheet){.theme = options->theme, .scale = 1};
    player_init(&viz->player, session, false, 0);
    return paint_open(&viz->sheet.paint, width, height, problem);
}

/* What a live world has done so far: it is told at once, in pieces. */
static void hear_of_now(struct session *session)
{
    uint64_t until_ns = player_wall_ns() + HEAR_NS;
    while (player_wall_ns() < until_ns) {
        nanosleep(&(struct timespec){.tv_nsec = NS_PER_MS}, NULL);
        session_listen(session);
        session->ops->advance(session, session->world_ns);
    }
}

enum status viz_paint(struct session *session, const struct viz_options *options,
                      struct paint **paint, struct problem *problem)
{
    struct viz viz;
    enum status status = begin(&viz, session, options, problem);
    if (status != STATUS_OK)
        return status;
    if (options->is_at)
        session->ops->advance(session, options->at_ns);
    else if (session->is_live)
        hear_of_now(session);
    while (!options->is_at && !session->is_live && !session->has_ended)
        session->ops->advance(session, session->timeline.now_ns + AT_END_PIECE_NS);
    draw(&viz, 1);
    *paint = viz.sheet.paint;
    return STATUS_OK;
}

enum status viz_picture(struct session *session, const struct viz_options *options, FILE *file,
                        struct problem *problem)
{
    struct paint *paint;
    enum status status = viz_paint(session, options, &paint, problem);
    if (status != STATUS_OK)
        return status;
    if (!png_write_picture(file, paint))
        status = problem_set(problem, STATUS_NO_FILE, "the picture cannot be written");
    paint_close(paint);
    return status;
}

/* ---- Keys. ---- */

static void say(struct viz *viz, const char *text)
{
    viz->answer = text;
    viz->answer_until_ns = player_wall_ns() + ANSWER_SHOWN_NS;
}

static void seek(struct viz *viz, uint64_t at_ns)
{
    player_seek(&viz->player, at_ns);
    viz->spreads_at_ns = 0;
}

static void seek_by_part(struct viz *viz, bool is_on)
{
    uint64_t now_ns = viz->session->timeline.now_ns;
    uint64_t part_ns = scrub_span_ns(viz->session) / SEEK_PART;
    seek(viz, is_on ? now_ns + part_ns : now_ns > part_ns ? now_ns - part_ns : 0);
}

static void seek_previous(struct viz *viz)
{
    struct scene_instant instants[SCRUB_INSTANTS_MAX];
    const struct timeline *timeline = &viz->session->timeline;
    int count = scene_instants(timeline, instants, SCRUB_INSTANTS_MAX);
    while (count > 1 && instants[count - 1].at_ns >= timeline->now_ns)
        count--;
    player_stop(&viz->player, true);
    seek(viz, instants[count - 1].at_ns);
}

static void act(struct viz *viz, enum session_command command, uint64_t value)
{
    if (!player_act(&viz->player, command, value))
        say(viz, _("That was not possible just now."));
}

/* Another run, from its beginning. */
static void forget(struct viz *viz)
{
    viz->scrub = (struct scrub){.count = 0};
    viz->spreads_at_ns = 0;
}

static void replay(struct viz *viz, uint64_t mode)
{
    if (viz->session->is_live) { /* what was is past: it is moved again */
        act(viz, SESSION_START, mode);
        return;
    }
    if (!player_replay(&viz->player, mode))
        say(viz, _("This cannot be played again."));
    forget(viz);
}

static void change_bandwidth(struct viz *viz, enum key_action action)
{
    const struct key key = {.action = action};
    act(viz, SESSION_BANDWIDTH, key_bandwidth(&key, viz->session));
}

static void resize_letters(struct viz *viz, double factor)
{
    double scale = viz->sheet.scale * factor;
    if (scale > SHEET_SCALE_MIN && scale < SHEET_SCALE_MAX)
        viz->sheet.scale = scale;
}

static void leave(struct viz *viz)
{
    if (viz->has_help || viz->is_blank)
        viz->has_help = viz->is_blank = false;
    else
        window_turn_full(viz->window, false);
}

/* What changes the picture and not the session; false: it is none of these. */
static bool change_picture(struct viz *viz, enum viz_action action)
{
    switch (action) {
    case VIZ_LARGER:
        resize_letters(viz, SCALE_STEP);
        return true;
    case VIZ_SMALLER:
        resize_letters(viz, 1 / SCALE_STEP);
        return true;
    case VIZ_FULL:
        window_turn_full(viz->window, !window_is_full(viz->window));
        return true;
    case VIZ_THEME:
        viz->sheet.theme = viz->sheet.theme == &theme_dark ? &theme_light : &theme_dark;
        return true;
    case VIZ_BLANK:
        viz->is_blank = !viz->is_blank;
        return true;
    case VIZ_HELP:
        viz->has_help = !viz->has_help;
        return true;
    case VIZ_LEAVE:
        leave(viz);
        return true;
    case VIZ_QUIT:
        viz->is_quit = true;
        return true;
    default:
        return false;
    }
}

static void steer(struct viz *viz, const struct viz_key *key, bool is_still)
{
    struct player *player = &viz->player;
    switch (key->action) {
    case VIZ_PLAY:
        player_stop(player, !is_still);
        break;
    case VIZ_STEP_EVENT:
        player_step(player);
        break;
    case VIZ_STEP_ROUND:
        player_run(player, PLAYER_ROUND_END);
        break;
    case VIZ_BACK:
        player_back(player);
        viz->spreads_at_ns = 0;
        break;
    case VIZ_NEXT:
        player_run(player, PLAYER_EVENT);
        break;
    case VIZ_PREVIOUS:
        seek_previous(viz);
        break;
    case VIZ_SEEK_ON:
    case VIZ_SEEK_BACK:
        seek_by_part(viz, key->action == VIZ_SEEK_ON);
        break;
    case VIZ_BEGIN:
        seek(viz, 0);
        break;
    case VIZ_FASTER:
        director_faster(&player->director);
        break;
    case VIZ_SLOWER:
        director_slower(&player->director);
        break;
    case VIZ_AUTOMATIC:
        director_automatic(&player->director);
        break;
    case VIZ_START:
        act(viz, SESSION_START, viz->session->facts.mode);
        break;
    case VIZ_POST_COPY:
        act(viz, SESSION_POST_COPY, 0);
        break;
    case VIZ_ABORT:
        act(viz, SESSION_ABORT, 0);
        break;
    case VIZ_NOW:
        player_now(player);
        viz->spreads_at_ns = 0;
        break;
    case VIZ_LINK:
        act(viz, key_link_command(viz->session), 0);
        break;
    case VIZ_LINK_SLOWER:
        change_bandwidth(viz, KEY_LINK_SLOWER);
        break;
    case VIZ_LINK_FASTER:
        change_bandwidth(viz, KEY_LINK_FASTER);
        break;
    case VIZ_REPLAY:
        replay(viz, key->value);
        break;
    default:
        break;
    }
}

static void take_key(struct viz *viz, int code)
{
    const struct viz_key *key = viz_key_find(code);
    if (key == NULL)
        return;
    viz->is_changed = true;
    if (change_picture(viz, key->action))
        return;
    const char *obstacle = viz_key_obstacle(key, viz->session);
    if (obstacle != NULL) {
        say(viz, obstacle);
        return;
    }
    bool is_still = viz->player.is_stopped || viz->has_help || viz->is_blank;
    viz->answer = NULL;
    viz->has_help = viz->is_blank = false; /* what the key does is to be seen */
    steer(viz, key, is_still);
}

/* ---- The mouse, on the bar of time. ---- */

static void point(struct viz *viz, const struct window_event *event)
{
    struct area bar = show_scrub_area(&viz->sheet);
    if (!event->is_held)
        viz->is_scrubbing = event->y >= bar.y && event->x >= bar.x - bar.height;
    if (!viz->is_scrubbing)
        return;
    seek(viz, scrub_at(bar, viz->session, event->x));
    viz->is_changed = true;
}

static void take_event(struct viz *viz, const struct window_event *event)
{
    switch (event->kind) {
    case WINDOW_KEY:
        take_key(viz, event->code);
        break;
    case WINDOW_POINTED:
        point(viz, event);
        break;
    case WINDOW_RELEASED:
        viz->is_scrubbing = false;
        break;
    case WINDOW_CHANGED:
        viz->is_changed = true;
        break;
    case WINDOW_CLOSED:
        viz->is_quit = true;
        break;
    case WINDOW_NOTHING:
        break;
    }
}

/* ---- The loop. ---- */

static bool is_still(const struct viz *viz)
{
    return viz->has_help || viz->is_blank || viz->is_scrubbing || player_is_still(&viz->player);
}

static void live(struct viz *viz, uint64_t wall_ns, uint64_t now_ns)
{
    bool was_held = session_is_held(viz->session);
    session_attend(viz->session, HELD_MS);
    viz->is_changed |= session_is_held(viz->session) != was_held;
    if (player_listen(&viz->player)) {
        forget(viz);
        viz->is_changed = true;
    }
    if (viz->notice_count != viz->session->notice_count) {
        say(viz, viz->session->notice);
        viz->is_changed = true;
    }
    viz->notice_count = viz->session->notice_count;
    if (is_still(viz))
        return;
    player_live(&viz->player, wall_ns, now_ns);
    viz->is_changed = true;
}

/* What the window is called says where it stands, for lists of windows and for who cannot see it. A
 * name a frame would be too much for a window manager. */
static void name_window(struct viz *viz, uint64_t now_ns)
{
    const struct session *session = viz->session;
    struct words clock;
    char title[200];
    if (!is_still(viz) && now_ns - viz->named_at_ns < NAMES_EACH_NS)
        return;
    viz->named_at_ns = now_ns;
    snprintf(title, sizeof title, _("ferry: %s by %s, %s, %s"), session->facts.guest,
             _(mode_name(session->facts.mode)), words_clock(&clock, session->timeline.now_ns),
             session->has_ended       ? _("ended")
             : viz->player.is_stopped ? _("stopped")
                                      : _("playing"));
    if (strcmp(title, viz->title) == 0)
        return;
    window_name(viz->window, title);
    strcpy(viz->title, title);
}

static enum status show(struct viz *viz, uint64_t now_ns, struct problem *problem)
{
    int width, height;
    bool is_answer_over = viz->answer != NULL && now_ns > viz->answer_until_ns;
    if (!viz->is_changed && !is_answer_over)
        return STATUS_OK;
    window_size(viz->window, &width, &height);
    if (paint_resize(viz->sheet.paint, width, height, problem) != STATUS_OK)
        return problem->status;
    draw(viz, now_ns);
    window_show(viz->window, viz->sheet.paint);
    name_window(viz, now_ns);
    viz->is_changed = false;
    return STATUS_OK;
}

/* Until the next picture is due, or somebody does something. */
static void wait_for_events(struct viz *viz, uint64_t frame_began_ns)
{
    uint64_t spent_ns = player_wall_ns() - frame_began_ns;
    int wait_ms = spent_ns < FRAME_NS ? (int)((FRAME_NS - spent_ns) / NS_PER_MS) : 0;
    struct window_event event = window_wait(
        viz->window, is_still(viz) && !session_is_held(viz->session) ? STOPPED_MS : wait_ms);
    for (; event.kind != WINDOW_NOTHING && !viz->is_quit; event = window_wait(viz->window, 0))
        take_event(viz, &event);
}

static enum status run(struct viz *viz, struct problem *problem)
{
    enum status status = STATUS_OK;
    uint64_t last_ns = player_wall_ns();
    while (!viz->is_quit && status == STATUS_OK) {
        uint64_t now_ns = player_wall_ns();
        live(viz, now_ns - last_ns, now_ns);
        last_ns = now_ns;
        status = show(viz, now_ns, problem);
        if (status == STATUS_OK)
            wait_for_events(viz, now_ns);
    }
    return status;
}

enum status viz_play(struct session *session, const struct viz_options *options,
                     struct problem *problem)
{
    struct viz viz;
    enum status status = begin(&viz, session, options, problem);
    if (status != STATUS_OK)
        return status;
    int width = paint_width(viz.sheet.paint), height = paint_height(viz.sheet.paint);
    /* Without a size that was asked for: two thirds of a common screen. */
    if (options->width == 0)
        width = 1280, height = 720;
    status = window_open(&viz.window, "ferry", width, height, problem);
    if (status == STATUS_OK) {
        if (options->is_at) {
            session->ops->advance(session, options->at_ns);
            player_stop(&viz.player, true);
        }
        if (session->guard != NULL)
            say(&viz, session->guard->invitation);
        status = run(&viz, problem);
        window_close(viz.window);
    }
    paint_close(viz.sheet.paint);
    return status;
}
