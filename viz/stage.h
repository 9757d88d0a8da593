/* stage: all that a scene may look at, and the table of scenes. A scene is one file: a function
 * from the stage to pixels. It keeps nothing and changes nothing: the same instant gives the same
 * picture.
 */
#ifndef VIZ_STAGE_H
#define VIZ_STAGE_H

#include "record/session.h"
#include "viz/sheet.h"

struct stage {
    const struct session *session;
    const char *sentence; /* the narrator's, or the answer to a key that can do nothing */
    bool is_answer;
    double speed;    /* world time per wall time */
    bool is_stopped; /* by the user */
    /* Counted now and then, for they look at every answer and every fault. */
    struct timeline_spread latency, fault_wait;
};

struct scene {
    const char *name;    /* as behind --scene */
    const char *summary; /* what it shows, for the help */
    void (*draw)(const struct sheet *sheet, struct area area, const struct stage *stage);
};

int scene_count(void);
const struct scene *scene_at(int idx);
const struct scene *scene_find(const char *name); /* NULL: no such scene */

void scene_crossing(const struct sheet *sheet, struct area area, const struct stage *stage);

#endif
