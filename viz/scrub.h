/* scrub: the bar at the foot of the picture: the whole run as far as it is known, what was lived of
 * it, and where the picture stands. Who points at it goes there.
 */
#ifndef VIZ_SCRUB_H
#define VIZ_SCRUB_H

#include "record/session.h"
#include "tui/scene.h"
#include "viz/sheet.h"

#define SCRUB_INSTANTS_MAX 128

/* What was seen to happen, kept while the picture stands in the past: by who draws it again and
 * again. All zero at the beginning. */
struct scrub {
    struct scene_instant instants[SCRUB_INSTANTS_MAX];
    int count;
    uint64_t until_ns;
};
void scrub_follow(struct scrub *scrub, const struct session *session);

/* How much time the bar stands for: a recording's all, else what was lived, and what is expected.
 */
uint64_t scrub_span_ns(const struct session *session);
void scrub_draw(const struct sheet *sheet, struct area area, const struct session *session,
                const struct scrub *scrub);
/* The instant at a place. */
uint64_t scrub_at(struct area area, const struct session *session, int x);

#endif
