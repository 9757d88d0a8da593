/* bars: upright bars side by side on a logarithmic scale, each with what was forecast of it as an
 * outline behind it.
 */
#ifndef VIZ_BARS_H
#define VIZ_BARS_H

#include "viz/sheet.h"

struct bar {
    uint64_t value;    /* UINT64_MAX: not measured */
    uint64_t done;     /* of value: solid; the rest is hatched */
    uint64_t forecast; /* UINT64_MAX: there is none */
    struct colour colour;
    char label[16]; /* below it */
    bool is_marked; /* a mark of its own on top: it is not like the others */
};

/* `top`: the value that is as high as the area. */
void bars_draw(const struct sheet *sheet, struct area area, const struct bar *bars, int count,
               uint64_t top);
/* How many find room. */
int bars_room(const struct sheet *sheet, struct area area);

#endif
