/* trace: a run as a trace that Perfetto (ui.perfetto.dev) and chrome://tracing show.
 *
 *   process              track              what is on it
 *   host A (source)      move               the move from its start to its end; keys, limits
 *                        phase              setup, copy, pause, ...
 *                        rounds             each round, the paused one too
 *                        guest at A         running, paused
 *                        link to host B     each run of pages and each message, for as long as its
 *                                           bytes occupy the link
 *   host B (target)      guest at B         running, waiting for a page, paused
 *                        arrivals           each run of pages when it is installed
 *                        faults of hart N   from the touch of a missing page until it is there
 *   clients              client N           from the last answer (or the request, where none was
 *                                           owed) to the next: "waits", "outage" from 10 ms on
 *   counters             pages to send, dirty rate, bytes on the wire (host A), missing pages (host
 *                        B), client latency (the longest of a millisecond)
 *
 * A flow arrow leads from each fault to the run on the link that brings its page, unless that was
 * on its way already, and to the run's arrival; a fault whose page never came points at itself.
 *
 * In the file times never go back on a track, slices nest, and what was open when the recording
 * broke off is closed there. Harts beyond the eighth and clients beyond the 64th are not drawn. The
 * same events make the same bytes.
 */
#ifndef RECORD_TRACE_H
#define RECORD_TRACE_H

#include "base/bytes.h"
#include "record/session.h"

#define TRACE_HARTS_MAX 8
#define TRACE_SAMPLE_NS (1 * 1000000ull)  /* counters are looked at as often as that */
#define TRACE_OUTAGE_NS (10 * 1000000ull) /* a hundred usual answers: a person begins to notice */

enum trace_track {
    TRACK_MOVE,
    TRACK_PHASE,
    TRACK_ROUNDS,
    TRACK_GUEST_AT_A,
    TRACK_LINK,
    TRACK_GUEST_AT_B,
    TRACK_ARRIVALS,
    TRACK_HARTS,
    TRACK_CLIENTS = TRACK_HARTS + TRACE_HARTS_MAX,
    TRACK_COUNT = TRACK_CLIENTS + TIMELINE_CLIENTS_MAX
};

enum trace_counter {
    COUNTER_TO_SEND,
    COUNTER_DIRTY_RATE,
    COUNTER_WIRE,
    COUNTER_MISSING,
    COUNTER_LATENCY,
    COUNTER_COUNT
};

struct trace_fault {
    bool is_open;    /* the hart waits */
    bool is_flowing; /* the arrow has no end yet */
    bool is_on_link; /* and has been to the link */
    uint64_t page_idx, flow_id;
};

struct trace {
    struct bytes text; /* what was written; the caller takes it and clears it when it likes */
    struct timeline timeline;
    bool has_lines;
    bool is_named[TRACK_COUNT];
    uint8_t depths[TRACK_COUNT]; /* how many slices are open */

    uint64_t bandwidth_bits_per_s, link_free_ns;
    struct trace_fault faults[TRACE_HARTS_MAX];
    uint64_t flow_count;
    bool is_waiting; /* the guest at B, in a slice */
    struct {
        uint64_t outstanding, since_ns;
    } clients[TIMELINE_CLIENTS_MAX];

    uint64_t sampled_ns, counters[COUNTER_COUNT];
    uint64_t dirtied, latency_max_ns; /* since then */
};

/* The facts are looked at in this call alone. */
void trace_init(struct trace *trace, const struct session_facts *facts);
void trace_add(struct trace *trace, const struct event *event);
void trace_finish(struct trace *trace); /* the end of the file */
void trace_fini(struct trace *trace);

#endif
