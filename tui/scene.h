/* scene: what a view has to know of a move beyond the timeline's own fields, told in one place, so
 * that the director, the narrator, the panels and the plain lines never disagree.
 */
#ifndef TUI_SCENE_H
#define TUI_SCENE_H

#include <stdbool.h>

#include "base/units.h"
#include "record/timeline.h"

/* The guest goes, or went, to host B before all of its pages: post-copy, hybrid, or a switch. */
bool scene_leaves_pages(const struct timeline *timeline);

/* All pages came before the guest, and it runs at host B since a moment: worth a sentence. */
#define SCENE_ARRIVAL_NS (200 * NS_PER_MS)
bool scene_is_arrival(const struct timeline *timeline);

/* The round was given up, or switched away from, before all of its set was sent. */
bool scene_is_cut_short(const struct timeline *timeline, const struct timeline_round *round);

/* What became of a move whose rounds did not shrink to the downtime limit, as a sentence; NULL
 * while it is not known, and where the limit was met. */
const char *scene_limit(const struct timeline *timeline);

#endif
