/* help: the table of keys, over the picture. */
#ifndef VIZ_HELP_H
#define VIZ_HELP_H

#include "viz/sheet.h"

void help_draw(const struct sheet *sheet);

#endif
