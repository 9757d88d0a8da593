/* show: the whole picture around a scene: what is moved and the clock, the sentence, the scene, the
 * bar of time; and, over it, the help.
 */
#ifndef VIZ_SHOW_H
#define VIZ_SHOW_H

#include "viz/scrub.h"
#include "viz/stage.h"

/* Where the bar of time stands. */
struct area show_scrub_area(const struct sheet *sheet);

void show_draw(const struct sheet *sheet, const struct scene *scene, const struct stage *stage,
               const struct scrub *scrub);

#endif
