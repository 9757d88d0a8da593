/* target_private: what the files of the target share: target.c (its life, the hand-over, what
 * arrives), target_pages.c (pages off the link) and target_recover.c (a connection that breaks, the
 * next one, and the tunnel). target.h is the contract; nobody else includes
 * this.
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
void target_receive_stale(struct target *target, const struct frame *frame);

/* target_recover.c */

/* What has come from the source cannot be read: nothing of it is taken. Before the guest runs here
 * the move is refused, after that the connection is broken and another one made. */
void target_distrust(struct target *target, const char *reason);
void target_receive_recover(struct target *target, const struct frame *frame);
void target_receive_forward(struct target *target, const struct frame *frame);

#endif
