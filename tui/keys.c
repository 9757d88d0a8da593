#include "tui/keys.h"

#include <string.h>

#include "base/units.h"
#include "tui/translate.h"

static const struct key keys[] = {
    {" ", "space", "space pause", N_("stops and continues the time that you see"), KEY_PLAY, 0},
    {"s", "s", "s step", N_("stops, and lets one more event happen"), KEY_STEP_EVENT, 0},
    {"r", "r", "r round", N_("runs to the end of this round, and stops there"), KEY_STEP_ROUND, 0},
    {"b", "b", NULL, N_("goes back by one step, and stops there"), KEY_BACK, 0},
    {"c", "c", NULL, N_("shows the code that decides, or the figures again"), KEY_CODE, 0},
    {"+>", "+ -", "+- pace", N_("shows it twice, half as fast (so do > and <)"), KEY_FASTER, 0},
    {"-<", NULL, NULL, NULL, KEY_SLOWER, 0},
    {"0", "0", NULL, N_("goes back to the speed that suits what is going on"), KEY_AUTOMATIC, 0},
    {"l", "l", NULL, N_("goes to the last that is known: of a live move, to now"), KEY_NOW, 0},
    {"m", "m", "m move", N_("starts the move now"), KEY_START, 0},
    {"p", "p", "p post", N_("switches over to post-copy now"), KEY_POST_COPY, 0},
    {"a", "a", "a abort", N_("gives the move up; the guest stays at host A"), KEY_ABORT, 0},
    {"1", "1 2 3 4", "1-4 replay", N_("again by stop-and-copy, pre-copy, post-copy, hybrid"),
     KEY_REPLAY, MODE_STOP_AND_COPY},
    {"2", NULL, NULL, NULL, KEY_REPLAY, MODE_PRE_COPY},
    {"3", NULL, NULL, NULL, KEY_REPLAY, MODE_POST_COPY},
    {"4", NULL, NULL, NULL, KEY_REPLAY, MODE_HYBRID},
    {"x", "x", NULL, N_("cuts the migration link; once more: mends it"), KEY_LINK, 0},
    {"[", "[ ]", NULL, N_("gives the migration link half, twice the bandwidth"), KEY_LINK_SLOWER,
     0},
    {"]", NULL, NULL, NULL, KEY_LINK_FASTER, 0},
    {"?", "?", "? help", N_("opens and closes this help; Escape closes it too"), KEY_HELP, 0},
    {"q", "q", "q quit", N_("ends the program"), KEY_QUIT, 0},
};

int key_count(void)
{
    return sizeof keys / sizeof keys[0];
}

const struct key *key_at(int idx)
{
    return &keys[idx];
}

const struct key *key_find(int code)
{
    for (int i = 0; i < key_count(); i++)
        if (code > 0 && code < 0x80 && strchr(keys[i].codes, code) != NULL)
            return &keys[i];
    return NULL;
}

const char *key_says(const struct key *key, const struct session *session)
{
    if (session->is_live && key->action == KEY_REPLAY)
        return _("moves it by stop-and-copy, pre-copy, post-copy, hybrid");
    if (session->is_live && key->action == KEY_START)
        return _("moves it to the other host now, in the same mode as last");
    if (session->is_live && key->action == KEY_ABORT)
        return _("gives the move up; the guest stays where it is");
    return _(key->help);
}

/* ---- The link ---- */

/* The first cap of a link that has none, and from where on it has none again. */
#define BANDWIDTH_FIRST (8ull * 100 * 1024 * 1024)
#define BANDWIDTH_NONE  (64ull * 1000 * 1000 * 1000)
#define BANDWIDTH_LEAST (1000ull * 1000)

enum session_command key_link_command(const struct session *session)
{
    return session->is_link_cut ? SESSION_LINK_MEND : SESSION_LINK_CUT;
}

uint64_t key_bandwidth(const struct key *key, const struct session *session)
{
    uint64_t now = session->link_bits_per_s;

    if (key->action == KEY_LINK_FASTER)
        return now * 2 < BANDWIDTH_NONE ? now * 2 : 0;
    return now == 0 ? BANDWIDTH_FIRST : now / 2 > BANDWIDTH_LEAST ? now / 2 : BANDWIDTH_LEAST;
}

static const char *link_obstacle(const struct key *key, const struct session *session)
{
    enum session_command command =
        key->action == KEY_LINK ? key_link_command(session) : SESSION_BANDWIDTH;

    if (session->ops->can(session, command))
        return NULL;
    if (key_is_recording(session))
        return _("A recording cannot be steered, only watched.");
    if (session->has_ended)
        return session->is_live ? _("The gateway is gone: nothing can be steered any more.")
                                : _("The run has ended.");
    return _("This cannot be steered, only watched.");
}

/* ---- What hinders a key ---- */

static const char *start_obstacle(const struct session *session)
{
    if (session->ops->can(session, SESSION_START))
        return NULL;
    if (session->is_live)
        return session->has_ended ? _("The gateway is gone: nothing can be steered any more.")
                                  : _("A move is going on: it must end first, or be given up.");
    if (session->timeline.has_ended)
        return _("The move is over: it cannot be started again.");
    if (session->timeline.has_started)
        return _("The move has started already.");
    return session->has_ended ? _("The run has ended.")
                              : _("This cannot be steered, only watched.");
}

static const char *post_copy_obstacle(const struct session *session)
{
    const struct timeline *timeline = &session->timeline;
    if (session->ops->can(session, SESSION_POST_COPY))
        return NULL;
    if (key_is_recording(session))
        return _("A recording cannot be steered, only watched.");
    if (!timeline->has_started)
        return _("There is nothing to switch yet: the move has not started.");
    if (timeline->has_ended)
        return _("The move is over: there is nothing left to switch.");
    if (timeline->phase == PHASE_POST_COPY)
        return _("This is post-copy already.");
    if (timeline->is_paused)
        return _("Too late: the guest stands still, and the hand-over has begun.");
    return _("This move cannot switch to post-copy now.");
}

static const char *abort_obstacle(const struct session *session)
{
    const struct timeline *timeline = &session->timeline;
    if (session->ops->can(session, SESSION_ABORT))
        return NULL;
    if (key_is_recording(session))
        return _("A recording cannot be steered, only watched.");
    if (!timeline->has_started)
        return _("There is nothing to give up: the move has not started.");
    if (timeline->has_ended)
        return _("The move is over: there is nothing left to give up.");
    if (timeline->has_resumed)
        return _("Too late: the guest runs at host B, and host A no longer has all of it.");
    return _("This move cannot be given up now.");
}

/* A recording tells one run: it can be watched again, but not in another way. The session's
 * contract has no question for this; its caption has the answer. */
bool key_is_recording(const struct session *session)
{
    static const char begin[] = "recording";
    return session->facts.origin != NULL &&
           strncmp(session->facts.origin, begin, sizeof begin - 1) == 0;
}

bool key_has_code(const struct session *session)
{
    return session->code != NULL && session->code->mode == session->facts.mode;
}

static const char *replay_obstacle(const struct key *key, const struct session *session)
{
    if (session->is_live)
        return start_obstacle(session);
    if (!session->ops->can(session, SESSION_REPLAY))
        return _("This cannot be played again.");
    if (key_is_recording(session) && key->value != session->facts.mode)
        return _("A recording shows one run: it can be watched again, but not in another mode.");
    return NULL;
}

static const char *ended_text(const struct session *session)
{
    if (session->is_live)
        return _("That was all so far: the next move is shown when it begins.");
    return key_is_recording(session) ? _("The recording is over. Its key of replay shows it again.")
                                     : _("The run has ended. Keys 1 to 4 play it again.");
}

/* Of a world that was sought back. A recording has its own words. */
static const char *past_obstacle(const struct key *key, const struct session *session)
{
    bool is_change = key->action == KEY_START || key->action == KEY_POST_COPY ||
                     key->action == KEY_ABORT || key->action == KEY_LINK ||
                     key->action == KEY_LINK_SLOWER || key->action == KEY_LINK_FASTER;
    if (!is_change || !session_is_past(session) || session->is_live || key_is_recording(session))
        return NULL;
    return _("This is the past: it can be watched, not changed. Let it play on to now.");
}

/* The world is not ours to let live, or to leave, while somebody looks at the guest in it. */
static const char *held_obstacle(const struct key *key, const struct session *session)
{
    switch (key->action) {
    case KEY_PLAY:
    case KEY_STEP_EVENT:
    case KEY_STEP_ROUND:
    case KEY_BACK:
    case KEY_REPLAY:
        return session_is_held(session)
                   ? _("A debugger holds the guest: the world goes on when it continues there.")
                   : NULL;
    default:
        return NULL;
    }
}

const char *key_obstacle(const struct key *key, const struct session *session)
{
    const char *obstacle = past_obstacle(key, session);
    if (obstacle == NULL)
        obstacle = held_obstacle(key, session);
    if (obstacle != NULL)
        return obstacle;
    switch (key->action) {
    case KEY_PLAY:
    case KEY_STEP_EVENT:
    case KEY_STEP_ROUND:
        return session->has_ended ? ended_text(session) : NULL;
    case KEY_BACK:
        if (session->ops->can(session, SESSION_BACK))
            return NULL;
        return session->timeline.event_count == 0
                   ? _("This is the beginning: there is nothing before it.")
                   : _("What was before this is not known any more.");
    case KEY_CODE:
        return key_has_code(session) ? NULL
                                     : _("Here ferry itself decides: there is no code to show.");
    case KEY_START:
        return start_obstacle(session);
    case KEY_POST_COPY:
        return post_copy_obstacle(session);
    case KEY_ABORT:
        return abort_obstacle(session);
    case KEY_REPLAY:
        return replay_obstacle(key, session);
    case KEY_NOW:
        return session_is_past(session) || session_behind_ns(session) > 0
                   ? NULL
                   : _("This is the last that is known.");
    case KEY_LINK:
    case KEY_LINK_SLOWER:
    case KEY_LINK_FASTER:
        return link_obstacle(key, session);
    case KEY_FASTER:
    case KEY_SLOWER:
        return session->has_ended ? _("The run has ended: there is nothing to hurry or to slow.")
                                  : NULL;
    case KEY_AUTOMATIC:
    case KEY_HELP:
    case KEY_QUIT:
        break;
    }
    return NULL;
}
