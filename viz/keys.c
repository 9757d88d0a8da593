#include "viz/keys.h"

#include <stddef.h>

#include "tui/keys.h"
#include "tui/translate.h"
#include "viz/window.h"

static const struct viz_key keys[] = {
    {{' ', WINDOW_KEY_F5}, N_("space, F5"), N_("play, pause"), VIZ_PLAY, 0},
    {{WINDOW_KEY_PAGE_DOWN, 'n'}, N_("page down"), N_("on to what happens next"), VIZ_NEXT, 0},
    {{WINDOW_KEY_PAGE_UP}, N_("page up"), N_("back to what happened before"), VIZ_PREVIOUS, 0},
    {{'s'}, "s", N_("step: one more event"), VIZ_STEP_EVENT, 0},
    {{'b'}, "b", N_("back by one step"), VIZ_BACK, 0},
    {{'r'}, "r", N_("on to the end of this round"), VIZ_STEP_ROUND, 0},
    {{WINDOW_KEY_RIGHT}, "→", N_("on in time; so does the bar"), VIZ_SEEK_ON, 0},
    {{WINDOW_KEY_LEFT}, "←", N_("back in time"), VIZ_SEEK_BACK, 0},
    {{WINDOW_KEY_HOME}, N_("home"), N_("to the beginning"), VIZ_BEGIN, 0},
    {{WINDOW_KEY_UP, '>'}, "↑, >", N_("twice as fast"), VIZ_FASTER, 0},
    {{WINDOW_KEY_DOWN, '<', ','}, "↓, <", N_("half as fast"), VIZ_SLOWER, 0},
    {{'0'}, "0", N_("the speed that suits it"), VIZ_AUTOMATIC, 0},
    {{'l'}, "l", N_("to the last that is known"), VIZ_NOW, 0},
    {{'m'}, "m", N_("start the move now"), VIZ_START, 0},
    {{'p'}, "p", N_("switch to post-copy now"), VIZ_POST_COPY, 0},
    {{'a'}, "a", N_("give the move up"), VIZ_ABORT, 0},
    {{'1'}, "1", N_("again, by stop-and-copy"), VIZ_REPLAY, MODE_STOP_AND_COPY},
    {{'2'}, "2", N_("again, by pre-copy"), VIZ_REPLAY, MODE_PRE_COPY},
    {{'3'}, "3", N_("again, by post-copy"), VIZ_REPLAY, MODE_POST_COPY},
    {{'4'}, "4", N_("again, by hybrid"), VIZ_REPLAY, MODE_HYBRID},
    {{'x'}, "x", N_("cuts the link, mends it"), VIZ_LINK, 0},
    {{'['}, "[", N_("half the bandwidth"), VIZ_LINK_SLOWER, 0},
    {{']'}, "]", N_("twice the bandwidth"), VIZ_LINK_FASTER, 0},
    {{'+', '='}, "+", N_("everything larger"), VIZ_LARGER, 0},
    {{'-'}, "-", N_("everything smaller"), VIZ_SMALLER, 0},
    {{'f', WINDOW_KEY_F11}, "f, F11", N_("full screen"), VIZ_FULL, 0},
    {{'d'}, "d", N_("dark, light"), VIZ_THEME, 0},
    {{'.'}, ".", N_("a black screen, and back"), VIZ_BLANK, 0},
    {{'?', 'h'}, "?", N_("this help"), VIZ_HELP, 0},
    {{WINDOW_KEY_ESCAPE}, N_("Escape"), N_("leaves help, full screen"), VIZ_LEAVE, 0},
    {{'q'}, "q", N_("quit"), VIZ_QUIT, 0},
};

int viz_key_count(void)
{
    return sizeof keys / sizeof keys[0];
}

const struct viz_key *viz_key_at(int idx)
{
    return &keys[idx];
}

const struct viz_key *viz_key_find(int code)
{
    for (int i = 0; i < viz_key_count(); i++)
        for (int k = 0; k < VIZ_CODES_MAX && code != 0; k++)
            if (keys[i].codes[k] == code)
                return &keys[i];
    return NULL;
}

/* What the terminal view says of the same wish; -1: nothing hinders it there or here. */
static int same_action(enum viz_action action)
{
    switch (action) {
    case VIZ_PLAY:
        return KEY_PLAY;
    case VIZ_STEP_EVENT:
        return KEY_STEP_EVENT;
    case VIZ_STEP_ROUND:
    case VIZ_NEXT:
    case VIZ_SEEK_ON:
        return KEY_STEP_ROUND;
    case VIZ_BACK:
    case VIZ_PREVIOUS:
    case VIZ_SEEK_BACK:
        return KEY_BACK;
    case VIZ_FASTER:
        return KEY_FASTER;
    case VIZ_SLOWER:
        return KEY_SLOWER;
    case VIZ_NOW:
        return KEY_NOW;
    case VIZ_LINK:
        return KEY_LINK;
    case VIZ_LINK_SLOWER:
        return KEY_LINK_SLOWER;
    case VIZ_LINK_FASTER:
        return KEY_LINK_FASTER;
    case VIZ_START:
        return KEY_START;
    case VIZ_POST_COPY:
        return KEY_POST_COPY;
    case VIZ_ABORT:
        return KEY_ABORT;
    case VIZ_REPLAY:
        return KEY_REPLAY;
    default:
        return -1;
    }
}

const char *viz_key_obstacle(const struct viz_key *key, const struct session *session)
{
    int action = same_action(key->action);
    if (action < 0)
        return NULL;
    const struct key same = {.action = (enum key_action)action, .value = key->value};
    return key_obstacle(&same, session);
}
