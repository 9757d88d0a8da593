/* chronicle: the oracle reads the events themselves, as views and graders do, and holds them
 * against each other: a guest does things where it is and nowhere else, wakes up where it lay down
 * or where it was carried, and what is over is over.
 */
#ifndef SIM_CHRONICLE_H
#define SIM_CHRONICLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/event.h"
#include "sim/oracle.h"

struct chronicle {
    uint64_t at_ns;
    uint32_t home; /* the host at which the guest runs, or ran last */
    bool is_paused;
    bool has_moved; /* it has run at the target */
    bool is_over;   /* the move has ended, and the guest has it behind it */
    bool has_guest_ended;
};

void chronicle_read(struct chronicle *chronicle, const struct event *event, struct oracle *oracle);

#endif
