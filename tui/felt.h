/* felt: what clients felt of a run, as a strip of latencies over time shows it. Both views draw it
 * from here, so that they agree on what is an outage.
 */
#ifndef TUI_FELT_H
#define TUI_FELT_H

#include <stdbool.h>

#include "base/units.h"
#include "record/session.h"

/* The strip's height is logarithmic: from its foot so many decades up, or what it takes. */
#define FELT_LOW_NS      (10 * NS_PER_US)
#define FELT_DECADES_MIN 4 /* to 100 ms */
#define FELT_DECADES_MAX 7

enum felt_look {
    FELT_NOTHING, /* nobody asked, or nothing can be said yet */
    FELT_USUAL,
    FELT_SLOW,   /* an outage: much slower than usual, or still waiting */
    FELT_SILENT, /* answers should have come, and none did */
};

/* One column of the strip: so many slices of the timeline. */
struct felt {
    enum felt_look look;
    bool is_wrong;           /* an answer was */
    uint64_t latency_max_ns; /* or for how long nobody was answered until now */
};

struct felt_strip {
    const struct session *session;
    struct timeline_spread latency; /* timeline_latency's, which is counted now and then */
    uint64_t slices_per_column;
    uint64_t column_count; /* that time has reached */
    int decades;
    bool has_answers; /* before the column that is asked for next */
};

/* A strip of at most `columns` columns. */
struct felt_strip felt_strip_make(const struct session *session, struct timeline_spread latency,
                                  uint64_t columns);
/* Its columns, asked for from the first to the last. */
struct felt felt_column(struct felt_strip *strip, uint64_t column);
/* How high a latency stands: 0 at the strip's foot, 1 at its top. */
double felt_height(const struct felt_strip *strip, uint64_t latency_ns);

#endif
