/* layout: which panel stands where. From 80 x 24 on everything has its place; a larger window gives
 * its rows to the maps and the rounds, its columns to all.
 */
#ifndef TUI_LAYOUT_H
#define TUI_LAYOUT_H

#include <stdbool.h>

#include "tui/canvas.h"

#define LAYOUT_ROWS_MIN    24
#define LAYOUT_COLUMNS_MIN 80

struct layout {
    struct rect title;    /* what is moved, round, downtime, clock, speed */
    struct rect sentence; /* two rows */
    struct rect hosts;    /* both hosts, their maps, the link, the legend */
    struct rect closing;  /* at the end: what to do next; else 0 rows */
    struct rect rounds;   /* left */
    struct rect measures; /* right: downtime clock, rates */
    struct rect clients;  /* latency over time */
    struct rect keys;
};

/* Beside a page of a lab the line of keys is the page's, and so is what is said at the end; then
 * this many rows suffice. */
#define LAYOUT_ROWS_MIN_BESIDE 20
bool layout_make_beside(int rows, int columns, struct layout *layout);

/* False when the window is too small. */
bool layout_make(int rows, int columns, bool has_ended, struct layout *layout);

#endif
