/* box: a panel's ground with its heading: a name at the left, a figure at the right. */
#ifndef VIZ_BOX_H
#define VIZ_BOX_H

#include "viz/sheet.h"

/* Returns what is left for the panel itself. `figure` may be "". */
struct area box_draw(const struct sheet *sheet, struct area area, const char *name,
                     const char *figure, struct colour figure_colour);

#endif
