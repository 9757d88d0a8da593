/* flow: the link between the hosts, with the pages that travel on it as particles whose colour and
 * shape say why.
 *
 * A particle's place is when it was sent: what leaves host A now is at the left edge, and what left
 * flow_window_ns ago arrives at the right one. Slowed down, that is where the page truly is. At
 * real time a page would cross the picture within a frame; there the link shows what was sent
 * lately, and a particle stands for so many pages that each can be seen.
 */
#ifndef VIZ_FLOW_H
#define VIZ_FLOW_H

#include "record/session.h"
#include "viz/sheet.h"

/* How much of the past the link shows at this speed. */
uint64_t flow_window_ns(const struct session *session, double speed);
/* How many pages a particle stands for; of faults fewer, for there are fewer. */
uint64_t flow_stride(const struct session *session, double speed, enum why why);

void flow_draw(const struct sheet *sheet, struct area area, const struct session *session,
               double speed);

#endif
