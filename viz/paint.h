/* paint: a surface of pixels, and the few things that are drawn on it: rectangles, lines, marks and
 * text. paint.c and window.c are the files that include SDL; nothing of it is seen from outside.
 *
 * Everything is drawn by SDL's software renderer into memory, with a display or without one: the
 * same calls make the same pixels, as long as SDL, SDL_ttf, freetype and the font are the same.
 * Positions are pixels from the upper left corner. Drawing never fails: what lies outside is cut.
 */
#ifndef VIZ_PAINT_H
#define VIZ_PAINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#define PAINT_SIDE_MIN 160
#define PAINT_SIDE_MAX 8192 /* 256 MiB of pixels at most */

struct colour {
    uint8_t red, green, blue, alpha; /* alpha 255: covers what is below */
};

struct area {
    int x, y, width, height;
};

struct point {
    double x, y;
};

/* Shapes that can be told apart without their colour. */
enum mark {
    MARK_SQUARE,
    MARK_TRIANGLE, /* points to the right */
    MARK_DIAMOND,
    MARK_CIRCLE,
    MARK_RING,
    MARK_CROSS,
    MARK_LEFT, /* an arrow's head */
    MARK_COUNT
};

enum align { ALIGN_LEFT, ALIGN_CENTRE, ALIGN_RIGHT };

struct type {
    int size; /* of the font, in pixels: capitals and digits are three quarters as high */
    bool is_bold;
    enum align align; /* of the text to its x */
    struct colour colour;
};

struct paint;

/* STATUS_NO_FILE with one line on what is to be installed where there is no font; STATUS_USAGE
 * for a side that is too small or too large. */
MUST_USE enum status paint_open(struct paint **paint, int width, int height,
                                struct problem *problem);
void paint_close(struct paint *paint);
MUST_USE enum status paint_resize(struct paint *paint, int width, int height,
                                  struct problem *problem);
int paint_width(const struct paint *paint);
int paint_height(const struct paint *paint);
/* What the pixels depend on: "SDL 2.26.5, SDL_ttf 2.20.1, freetype 2.12.1, FONT". */
void paint_versions(const struct paint *paint, char *text, size_t text_bytes);

void paint_clear(struct paint *paint, struct colour colour);
void paint_rect(struct paint *paint, struct area area, struct colour colour);
void paint_rects(struct paint *paint, const struct area *areas, int count, struct colour colour);
void paint_outline(struct paint *paint, struct area area, int thickness, struct colour colour);
void paint_line(struct paint *paint, struct point from, struct point to, double thickness,
                struct colour colour);
/* `dash` pixels are drawn, then as many left out; 0: solid. */
void paint_polyline(struct paint *paint, const struct point *points, int count, double thickness,
                    double dash, struct colour colour);
/* `x` and `y` are the middle of the mark. */
void paint_mark(struct paint *paint, enum mark mark, double x, double y, int size,
                struct colour colour);

/* One line of UTF-8; `y` is the line's upper edge, paint_line_height its height. Returns the width.
 */
int paint_text(struct paint *paint, int x, int y, struct type type, const char *text);
int paint_text_width(struct paint *paint, struct type type, const char *text);
int paint_line_height(struct paint *paint, struct type type);

/* Nothing is drawn outside of `area` until the next call; NULL: everything again. */
void paint_clip(struct paint *paint, const struct area *area);

/* The picture as it stands: rows from the top, each pixel 0x00RRGGBB in the machine's byte order.
 * Valid until something is drawn. `row_bytes`: from a row to the next. */
const uint32_t *paint_pixels(struct paint *paint, size_t *row_bytes);

#endif
