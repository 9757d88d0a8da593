/* turns: the rare events that turn a run, kept in order, for who tells it: what was decided, what
 * befell the link and the hosts, which limit was met. A part of the timeline (timeline.h).
 */
#ifndef RECORD_TURNS_H
#define RECORD_TURNS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/event.h"

/* The last ones; a run that has more has them one after the other, and who follows sees each. */
#define TURNS_KEPT 32u

struct turns {
    struct event kept[TURNS_KEPT]; /* turn i stands at i % TURNS_KEPT */
    uint64_t count;
    struct event last; /* the last event of all, whether it is kept or not */
};

static inline bool turns_has(const struct event *event)
{
    switch (event->kind) {
    case EVENT_DECIDED:
    case EVENT_LIMIT_EXCEEDED:
    case EVENT_LINK_CHANGED:
    case EVENT_HOST_CRASHED:
    case EVENT_TUNNEL_ENDED:
        return true;
    case EVENT_PHASE_CHANGED:
        return event->phase_changed.phase == PHASE_LINK_LOST ||
               event->phase_changed.phase == PHASE_RECOVER;
    default:
        return false;
    }
}

static inline void turns_fold(struct turns *turns, const struct event *event)
{
    turns->last = *event;
    if (turns_has(event))
        turns->kept[turns->count++ % TURNS_KEPT] = *event;
}

/* Turn i of count; NULL where it is not kept any more. */
static inline const struct event *turns_at(const struct turns *turns, uint64_t i)
{
    if (i >= turns->count || turns->count - i > TURNS_KEPT)
        return NULL;
    return &turns->kept[i % TURNS_KEPT];
}

#endif
