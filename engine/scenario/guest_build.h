/* guest_build: the guest that a scenario asks for, at either host. */
#ifndef SCENARIO_GUEST_BUILD_H
#define SCENARIO_GUEST_BUILD_H

#include "machine/guest.h"
#include "migrate/dirty_law.h"
#include "scenario/scenario.h"

/* The guest as it begins, for the source; an image for all but models. */
MUST_USE enum status guest_build(const struct scenario *scenario, const uint8_t *image,
                                 size_t image_bytes, struct guest **guest, struct problem *problem);
/* An empty one of the same shape, for the target. */
struct guest *guest_build_empty(const struct scenario *scenario);

/* What its writes look like to the forecast: their rate, the pages that they hit evenly, and the
 * few that are written in every round; false where no formula applies. */
bool guest_build_writes(const struct scenario *scenario, struct dirty_law *writes);

#endif
