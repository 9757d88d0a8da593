/* canvas: a picture made of character cells, before it reaches any terminal.
 *
 * Panels draw into a canvas and know nothing of curses; the screen shows a canvas and knows nothing
 * of pages. Every glyph that a panel uses stands in one table in canvas.c beside the ASCII
 * character that replaces it where the locale has no UTF-8, so no panel asks which of the two it
 * draws.
 *
 * Whatever falls outside the canvas is not drawn: panels need no bounds checks.
 *
 * Chinese characters are two columns wide: the first cell holds the character, the second
 * CANVAS_TAIL. The two are never torn: where one of them is drawn over, the other becomes blank,
 * and where there is room for one alone, a blank is drawn.
 */
#ifndef TUI_CANVAS_H
#define TUI_CANVAS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a colour means. The screen decides how it looks (Okabe-Ito with 256 colours). */
enum colour {
    COLOUR_PLAIN, /* the terminal's own */
    COLOUR_FAINT, /* rules, captions, what is not going on */
    COLOUR_CLEAN,
    COLOUR_DIRTY,
    COLOUR_IN_FLIGHT,
    COLOUR_MISSING,
    COLOUR_WAITED_FOR, /* also: silence, downtime, errors */
    COLOUR_FORECAST,
    COLOUR_COUNT
};

/* A style is a colour and any of these. */
#define STYLE_COLOUR_MASK 0xffu
#define STYLE_BOLD        0x100u
#define STYLE_REVERSE     0x200u

struct canvas_cell {
    uint32_t code; /* Unicode; CANVAS_TAIL: the cell to the left reaches over this one too */
    uint32_t style;
};

#define CANVAS_TAIL 0u

struct canvas {
    int rows, columns;
    bool is_ascii;
    struct canvas_cell *cells; /* owned; row by row */
};

struct rect {
    int row, column, rows, columns;
};

void canvas_init(struct canvas *canvas, bool is_ascii);
void canvas_fini(struct canvas *canvas);
void canvas_resize(struct canvas *canvas, int rows, int columns); /* blank after it */
void canvas_blank(struct canvas *canvas, struct rect rect);

void canvas_put(struct canvas *canvas, int row, int column, uint32_t style, uint32_t code);

/* UTF-8 text, cut off after `room` columns. Returns the column after it. */
int canvas_text(struct canvas *canvas, int row, int column, int room, uint32_t style,
                const char *text);
int canvas_format(struct canvas *canvas, int row, int column, int room, uint32_t style,
                  const char *format, ...) __attribute__((format(printf, 6, 7)));
/* The text ends before column `end`. */
void canvas_text_right(struct canvas *canvas, int row, int end, uint32_t style, const char *text);
/* Words are kept whole where they fit. Chinese is broken between any two characters, but not before
 * a closing punctuation mark nor behind an opening one. Returns the number of rows used. */
int canvas_wrap(struct canvas *canvas, struct rect rect, uint32_t style, const char *text);
/* A dim line with a title in it: the top of a panel. Returns the column after the title. */
int canvas_heading(struct canvas *canvas, struct rect rect, const char *title);

/* How many bytes of the text go into a line of `room` columns, broken as above; the blanks behind
 * them begin no line. At least one character. */
size_t canvas_line_bytes(const char *text, int room);

/* How many columns the text takes. */
int canvas_width(const char *text);
/* The same of one character: 1, or 2 for Chinese and the like. */
int canvas_code_width(uint32_t code);
/* The character at *text, which moves behind it; '~' for what is no UTF-8, and for control
 * characters. Not at the end of the text. */
uint32_t canvas_next_code(const char **text);

/* All of `from` into `to`, its first cell at (row, column). */
void canvas_copy(struct canvas *to, int row, int column, const struct canvas *from);

#endif
