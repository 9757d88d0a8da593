/* screen: the terminal. The one file that includes curses.
 *
 * It owns the terminal's modes, the signals that would leave it in disorder, and what stands on the
 * glass. Between open and close, however the program ends (a signal, a crash, an assertion), the
 * terminal is given back as it was found; what was written to stderr meanwhile is kept and appears
 * after it, where it can be read.
 *
 * There is one terminal, so there is one screen, and its state is the file's own.
 */
#ifndef TUI_SCREEN_H
#define TUI_SCREEN_H

#include <stdbool.h>
#include <stdint.h>

#include "tui/canvas.h"

/* Keys beyond characters. */
enum screen_key {
    SCREEN_KEY_NONE = 0,
    SCREEN_KEY_BACKSPACE = 8, /* whatever the terminal sends for it */
    SCREEN_KEY_TAB = 9,
    SCREEN_KEY_ENTER = 13,
    SCREEN_KEY_ESCAPE = 27,
    SCREEN_KEY_RESIZED = 0x110000, /* beyond Unicode */
    SCREEN_KEY_CLOSED,             /* the terminal is gone */
};

/* False where this terminal cannot show pictures (TERM unknown, dumb, no cursor addressing):
 * nothing was changed then. Needs stdin and stdout to be a terminal. */
bool screen_open(void);
void screen_close(void);

bool screen_is_ascii(void); /* the locale has no UTF-8 */
void screen_size(int *rows, int *columns);

/* Shows the canvas, which has the screen's size. Only what changed is sent. */
void screen_show(const struct canvas *canvas);
void screen_redraw(void); /* everything again, where something else has scribbled on it */

/* The next key, or SCREEN_KEY_NONE after `timeout_ms` without one. Stops the program and goes on
 * with it when the user asks for that (SIGTSTP, SIGCONT). */
int screen_key(int timeout_ms);

#endif
