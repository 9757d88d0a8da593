/* phase: where a migration stands, and which transitions are legal: one table, for the source, the
 * target and whoever reads the recording.
 *
 *   IDLE -> SETUP -> COPY -> PAUSE -> HAND_OVER -> COMPLETED
 *             |       |       |          |  \----> POST_COPY -> COMPLETED
 *             \-------+-------+----------+----> ABORTED
 *
 * A connection that breaks before COMMIT ends in ABORTED. After it there is no way back, and none
 * forward without a new connection, on which the target says what it has:
 *
 *   HAND_OVER, POST_COPY -> LINK_LOST <-> RECOVER -> POST_COPY, COMPLETED or ABORTED
 *
 * HAND_OVER and RECOVER to ABORTED are legal in one case only: the target answered REFUSED. After
 * COMMIT nothing else lets the source run the guest again.
 */
#ifndef MIGRATE_PHASE_H
#define MIGRATE_PHASE_H

#include <stdbool.h>

#include "base/event.h"

bool phase_is_legal(enum phase from, enum phase to);
bool phase_is_over(enum phase phase); /* completed or aborted */

#endif
