/* target_private: what the files of the target share: target.c (its life, the hand-over, what
 * arrives), target_pages.c (pages off the link), target_landing.c (pages that are read into place)
 * and target_recover.c (a connection that breaks, the next one, and the tunnel). target.h is the
 * contract; nobody else includes this.
 */
#ifndef MIGRATE_TARGET_PRIVATE_H
#define MIGRATE_TARGET_PRIVATE_H

#include "migrate/target.h"

static inline void target_emit(struct target *target, struct event event)
{
    event_append(target->events, event);
}

/* target.c */

/* The one way to say no: what has arrived is worth nothing, and the source is told why. */
void target_fail(struct target *target, const char *reason);
/* The move is done when the last page is here; the source is told. */
void target_check_complete(struct target *target, uint64_t now_ns);

/* target_pages.c */
void target_receive_pages(struct target *target, uint64_t now_ns, const struct frame *frame);
/* Pages that lie where they belong already. */
void target_install_placed(struct target *target, uint64_t now_ns, uint64_t first_idx,
                           uint64_t count, const uint8_t *place, enum why why);
void target_receive_stale(struct target *target, const struct frame *frame);

/* target_landing.c */

/* A row came as any other bytes. */
void target_saw_row(struct target *target, uint64_t first_idx, uint64_t count);
/* Takes what has come of the rows that were guessed. False: what came was something else, and
 * stands in `in`. */
bool target_land(struct target *target, uint64_t now_ns);
void target_unplace(struct target *target);     /* what came in part stands in `in` then */
void target_end_landing(struct target *target); /* and is forgotten */

/* target_recover.c */

/* What has come from the source cannot be read: nothing of it is taken. Before the guest runs here
 * the move is refused, after that the connection is broken and another one made. */
void target_distrust(struct target *target, const char *reason);
void target_receive_recover(struct target *target, const struct frame *frame);
void target_receive_forward(struct target *target, const struct frame *frame);

#endif
