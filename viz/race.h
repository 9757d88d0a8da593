/* race: how many pages host A still has to send, over time, with the forecast's curve beneath: the
 * sender against the guest that writes.
 */
#ifndef VIZ_RACE_H
#define VIZ_RACE_H

#include "record/session.h"
#include "viz/sheet.h"

void race_draw(const struct sheet *sheet, struct area area, const struct session *session);

#endif
