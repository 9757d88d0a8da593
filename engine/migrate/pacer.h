/* pacer: what a move may use of the link (--bandwidth-limit). The next bytes may leave when those
 * before them would have, at the limit's rate: so over any time t from the first byte on, no more
 * than rate * t + the last chunk have left. Time in which nothing was to be sent is not saved up.
 */
#ifndef MIGRATE_PACER_H
#define MIGRATE_PACER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/units.h"

struct pacer {
    uint64_t bits_per_s; /* 0: no limit */
    uint64_t next_ns;    /* nothing may leave before */
    uint64_t remainder;  /* of the times, in nanoseconds over the rate */
};

static inline bool pacer_is_holding(const struct pacer *pacer, uint64_t now_ns)
{
    return now_ns < pacer->next_ns;
}

static inline void pacer_sent(struct pacer *pacer, uint64_t now_ns, uint64_t bytes)
{
    if (pacer->bits_per_s == 0)
        return;
    unsigned __int128 time = (unsigned __int128)bytes * 8 * NS_PER_S;
    if (now_ns > pacer->next_ns) {
        pacer->next_ns = now_ns;
        pacer->remainder = 0;
    }
    time += pacer->remainder;
    pacer->next_ns += (uint64_t)(time / pacer->bits_per_s);
    pacer->remainder = (uint64_t)(time % pacer->bits_per_s);
}

#endif
