/* sheet: what everything is drawn with: the surface, the theme, and the sizes of letters, which
 * follow the picture's own size. A hall is about eight picture heights deep: what stands there in
 * digits to be read from the last row is a fifteenth of the height, and nothing that is to be read
 * at all is smaller than a 45th.
 */
#ifndef VIZ_SHEET_H
#define VIZ_SHEET_H

#include "viz/paint.h"
#include "viz/theme.h"

enum letters {
    LETTERS_SMALL, /* axes, legends */
    LETTERS_PLAIN, /* headings */
    LETTERS_LARGE, /* the sentence */
    LETTERS_HUGE,  /* phase and downtime */
    LETTERS_COUNT
};

struct sheet {
    struct paint *paint;
    const struct theme *theme;
    double scale; /* of all letters: 1, or what the user likes better */
};

#define SHEET_SCALE_MIN 0.845 /* so that the smallest letters are a 45th */
#define SHEET_SCALE_MAX 1.45

/* The size of the font in pixels. */
int sheet_size(const struct sheet *sheet, enum letters letters);
/* A gap that looks right between things: half of a small letter. */
int sheet_gap(const struct sheet *sheet);

struct type sheet_type(const struct sheet *sheet, enum letters letters, struct colour colour);
struct type sheet_bold(const struct sheet *sheet, enum letters letters, struct colour colour);
/* The same, to the other side of its x. */
struct type type_right(struct type type);
struct type type_centre(struct type type);

/* Draws the text as large as `type` says, or smaller, so that it is at most `room` wide; below the
 * smallest letters it is cut. Returns its width. */
int sheet_fit(const struct sheet *sheet, int x, int y, int room, struct type type,
              const char *text);
/* Draws the text in lines of at most area.width, as many as fit; returns how high they are. */
int sheet_wrap(const struct sheet *sheet, struct area area, struct type type, const char *text);

/* `area` less so much at each side. */
struct area area_inset(struct area area, int by);

#endif
