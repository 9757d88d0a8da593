/* trouble: what went wrong in a run, and what became of its clients' packets: part of the timeline
 * (timeline.h), folded from the same events.
 */
#ifndef RECORD_TROUBLE_H
#define RECORD_TROUBLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/event.h"

struct trouble {
    /* The link, and the hosts (C15). */
    uint64_t link_losses; /* times that the connection broke after COMMIT */
    uint64_t recoveries;  /* times that a new one brought the move on */
    uint64_t lost_ns;     /* time without one, recovering included; so far */
    uint64_t lost_since_ns;
    bool is_lost; /* the source waits for a connection, or recovers on one */
    enum link_state link_state;
    bool is_cut_at_end;  /* it was cut when the move ended */
    uint64_t link_value; /* in the state's unit */
    bool has_crashed[HOST_COUNT];
    uint64_t crashed_ns[HOST_COUNT];

    /* Connections (C2). */
    uint64_t packets_dropped;   /* arrived where the guest does not live */
    uint64_t packets_forwarded; /* by the old host: the residual dependency */
    uint64_t bytes_forwarded;   /* on the migration link, framing included */
    uint64_t last_forwarded_ns; /* with packets_forwarded > 0 */
    bool has_rehomed;           /* the network was told where the guest is now */
    bool has_tunnel_ended;      /* the switch knows the new place: the old host may go */
    uint64_t tunnel_ended_ns;
};

void trouble_fold(struct trouble *trouble, const struct event *event);
void trouble_advance(struct trouble *trouble, uint64_t now_ns); /* time passed */

#endif
