/* page: what a lab shows at one moment, as data: a text, and where something is asked the question.
 * The front door fills it, the reader shows it. All texts are in the student's language, and
 * borrowed.
 */
#ifndef TUI_PAGE_H
#define TUI_PAGE_H

#include <stdbool.h>

#include "tui/canvas.h"

/* A page must fit a terminal of 80 x 24 with all that stands around it. */
#define PAGE_TEXT_COLUMNS     76
#define PAGE_TEXT_ROWS        19
#define PAGE_TEXT_ROWS_ASKING 16 /* beside a question and what is typed */

/* What is to be seen of a page: its text, the picture of the run, or both where there is room. */
enum page_side { PAGE_TEXT, PAGE_PICTURE, PAGE_BOTH, PAGE_SIDE_COUNT };

struct page {
    const char *lab;   /* "Lab 3: Stop-and-copy" */
    const char *place; /* "step 4 of 16" */
    const char *title; /* of the step; "": none */
    const char *text;  /* each line a paragraph, broken to the width, or an indented line */
    const char
        *question;      /* one line of at most PAGE_TEXT_COLUMNS columns; NULL: nothing is asked */
    const char *prompt; /* before what is typed: "Your answer: " */
    const char *typed;  /* what stands there already: what was not taken, to be put right */
    const char *notice; /* why what was typed was not taken; "": nothing */
    const char *keys[PAGE_SIDE_COUNT]; /* the last line: what can be pressed */
    const char *too_small;             /* said where the window is */
    bool is_run;                       /* the session is to be watched now */
};

/* How many rows the text takes. */
int page_rows(const char *text, int columns);
/* Whether every row of a table (an indented line with two blanks in it) is whole in that many
 * columns. */
bool page_is_whole(const char *text, int columns);
/* Draws as much of it as fits. */
void page_draw_text(struct canvas *canvas, struct rect rect, const char *text);

/* The rows of a text, one after the other: begin with an empty row, until false is returned. */
struct page_row {
    const char *text;
    int bytes, indent;
    bool goes_on; /* the next row belongs to the same line, and is indented alike */
};
bool page_next_row(const char **text, int columns, struct page_row *row);

#endif
