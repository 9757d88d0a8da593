/* panel: one function and one file for each part of the screen. A panel draws what it is shown into
 * its rectangle of the canvas; it keeps nothing and changes nothing.
 */
#ifndef TUI_PANEL_H
#define TUI_PANEL_H

#include <stdbool.h>

#include "record/session.h"
#include "tui/canvas.h"

/* All that a panel may look at. */
struct picture {
    const struct session *session;
    const char *sentence; /* the narrator's, or the answer to a key that can do nothing */
    bool is_answer;
    double speed;                     /* world time per wall time */
    bool is_stopped;                  /* by the user */
    bool has_code;                    /* the code that decides, in place of the figures */
    const char *const *next_commands; /* three, for the end; each may be NULL */
    /* Counted now and then, for they look at every answer and every fault. */
    struct timeline_spread latency, fault_wait;
};

typedef void panel_draw(struct canvas *canvas, struct rect rect, const struct picture *picture);

panel_draw panel_title;
panel_draw panel_sentence;
panel_draw panel_hosts;
panel_draw panel_closing;
panel_draw panel_rounds;
panel_draw panel_measures;
panel_draw panel_clients;
panel_draw panel_code;
panel_draw panel_keys;
panel_draw panel_help; /* over everything else; `rect` is what it may cover */

/* The whole screen: the panels by their layout, or one sentence where the window is too small. */
void panel_all(struct canvas *canvas, const struct picture *picture, bool has_help);

/* The same beside a page of a lab: without the line of keys, and with no word at the end. */
void panel_beside(struct canvas *canvas, const struct picture *picture);

#endif
