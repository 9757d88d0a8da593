/* window: a painted picture on somebody's display, and what they do to it. The other file that
 * includes SDL; see paint.h.
 */
#ifndef VIZ_WINDOW_H
#define VIZ_WINDOW_H

#include "viz/paint.h"

/* Keys beyond characters. */
enum window_key {
    WINDOW_KEY_ESCAPE = 27,
    WINDOW_KEY_LEFT = 0x110000, /* beyond Unicode */
    WINDOW_KEY_RIGHT,
    WINDOW_KEY_UP,
    WINDOW_KEY_DOWN,
    WINDOW_KEY_PAGE_UP,
    WINDOW_KEY_PAGE_DOWN,
    WINDOW_KEY_HOME,
    WINDOW_KEY_F5,
    WINDOW_KEY_F11,
};

enum window_event_kind {
    WINDOW_NOTHING,
    WINDOW_KEY,     /* code */
    WINDOW_POINTED, /* the button went down at x, y, or is held and was moved there */
    WINDOW_RELEASED,
    WINDOW_CHANGED, /* its size, or it was uncovered: the picture is to be shown again */
    WINDOW_CLOSED,
};

struct window_event {
    enum window_event_kind kind;
    int code;     /* a character or an enum window_key */
    bool is_held; /* WINDOW_POINTED: it was down before */
    int x, y;
};

struct window;

/* STATUS_USAGE with one line that says what to do where there is no display. */
MUST_USE enum status window_open(struct window **window, const char *title, int width, int height,
                                 struct problem *problem);
void window_close(struct window *window);
void window_name(struct window *window, const char *title);
void window_size(struct window *window, int *width, int *height);
void window_turn_full(struct window *window, bool is_full);
bool window_is_full(const struct window *window);

/* The picture has the window's size, or what does not fit is cut. */
void window_show(struct window *window, struct paint *paint);
/* The next event, or WINDOW_NOTHING when none comes for so long. */
struct window_event window_wait(struct window *window, int timeout_ms);

#endif
