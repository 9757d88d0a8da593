/* theme: the colours, for a dark hall and for a bright one. They are Okabe and Ito's, which the
 * colour-blind can tell apart, darker where the paper is white; and nothing is said by colour
 * alone.
 */
#ifndef VIZ_THEME_H
#define VIZ_THEME_H

#include "base/event.h"
#include "viz/paint.h"

struct theme {
    const char *name;
    struct colour paper, panel; /* behind everything, and behind a panel */
    struct colour ink, faint;   /* text; what may be overlooked */
    struct colour line;         /* rules and axes */
    struct colour clean, dirty, in_flight, missing, waited_for; /* pages */
    struct colour forecast;
    struct colour alarm;  /* downtime and outages, */
    struct colour raised; /* and the ground of black digits while it grows */
    struct colour why[WHY_COUNT];
};

extern const struct theme theme_dark, theme_light;
const struct theme *theme_find(const char *name); /* NULL: no such theme */

/* The shape that goes with a page's reason to travel. */
enum mark theme_mark(enum why why);

#endif
