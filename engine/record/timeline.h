/* timeline: the events folded into what a view draws and a report counts. One fold serves the
 * terminal, the report, the JSON and the tests: nothing is computed twice.
 *
 * timeline_add folds one event; the timeline then stands at that event's instant. Everything that
 * is asked of it is true of that instant. (Views that only let time pass, without events, call
 * timeline_advance.)
 */
#ifndef RECORD_TIMELINE_H
#define RECORD_TIMELINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/event.h"
#include "record/cut.h"
#include "record/pace.h"
#include "record/trouble.h"
#include "record/turns.h"

/* What a page is at a host, as a view shows it. When several are true, the later one in this list
 * is shown. */
enum page_state {
    PAGE_ABSENT,     /* this host has nothing to do with it: not arrived yet, or given away */
    PAGE_CLEAN,      /* here, and the same at the other host or nobody tracks it */
    PAGE_DIRTY,      /* source: written since it was last sent, or not sent yet */
    PAGE_IN_FLIGHT,  /* source: sent, not installed at the target yet */
    PAGE_MISSING,    /* target: the guest runs here and the page is still at the source */
    PAGE_WAITED_FOR, /* target: missing, and a hart waits for it */
    PAGE_STATE_COUNT
};

struct timeline_round {
    uint64_t round_idx;
    uint64_t started_ns;
    uint64_t pages;          /* in the set that was fetched */
    uint64_t pages_sent;     /* so far; all of them when it has ended */
    uint64_t bytes_sent;     /* charged to the link, framing included */
    uint64_t duration_ns;    /* so far; final when it has ended */
    uint64_t dirtied_pages;  /* meanwhile; so far by the traps, final when it has ended */
    uint32_t share_permille; /* the least of its time that a hart was left meanwhile */
    bool is_paused;
    bool has_ended;
};

struct timeline_spread {
    uint64_t count, p50, p99, max; /* nearest rank; 0 with count 0 */
};

/* One slice of time: what clients felt in it, and what the move came to. */
#define TIMELINE_SLICE_NS    (50 * 1000000ull)
#define TIMELINE_SLICES_MAX  (1u << 20) /* half a day; what comes later is counted, but not sliced */
#define TIMELINE_CLIENTS_MAX 64
struct timeline_slice {
    uint32_t answers;
    uint32_t wrong;
    uint64_t latency_max_ns;
    uint32_t sent[WHY_COUNT]; /* pages put on the link */
    uint64_t pages_left;      /* at its end */
};

/* A run of pages that was put on the link. The last ones are kept, for who draws what travels. */
#define TIMELINE_FLIGHTS 256 /* at 10 Gbit/s in runs of 30 pages: 25 ms */
struct timeline_flight {
    uint64_t sent_ns;
    uint64_t first_idx, count;
    uint64_t bytes; /* charged to the link, framing included */
    enum why why;
};

/* Where the bytes of a move went: each byte on the wire is one of these. A page's contents count
 * as what it travelled for when they travelled as they are, else as their form. U(name, key, text) */
#define TIMELINE_USES(U)                              \
    U(USE_FIRST, "first_copies", "first copies")      \
    U(USE_RESENT, "re_sent", "re-sent")               \
    U(USE_FAULT, "faults", "faults")                  \
    U(USE_PUSHED, "pushed", "pushed")                 \
    U(USE_ZERO, "zero", "zero and free pages")        \
    U(USE_DELTA, "delta", "delta")                    \
    U(USE_COMPRESSED, "compressed", "compressed")     \
    U(USE_FRAMING, "framing", "headers of pages")     \
    U(USE_CONTROL, "control", "frames without pages") \
    U(USE_STATE, "state", "state")
enum timeline_use {
#define TIMELINE_USE_NAME(name, key, text) name,
    TIMELINE_USES(TIMELINE_USE_NAME)
#undef TIMELINE_USE_NAME
        TIMELINE_USE_COUNT
};

struct timeline {
    uint64_t now_ns;
    uint64_t event_count;
    uint64_t total_pages; /* of the guest; set by timeline_init */

    /* The migration. */
    bool has_started, has_ended;
    enum mode mode;
    enum phase phase;
    enum outcome outcome;
    uint64_t started_ns, ended_ns; /* ended: the last page installed, or the abort */
    bool is_limit_exceeded;
    enum limit exceeded_limit; /* which one was met, with the downtime limit out of reach */
    /* The engine's own, at the last round's end: the downtime if it had paused then, and the one that
     * the move is expected to come to. */
    uint64_t forecast_downtime_ns, forecast_pause_ns;
    uint64_t forecast_at_ns, forecast_left_ns; /* when that was; the time left to the move's end */
    uint64_t forecast_sent;                    /* pages sent then */
    bool is_pause_in_a_round; /* of the hand-over: after the last forecast more was sent */
    bool has_left_pages;      /* the guest was switched over before its pages */

    /* The guest. */
    uint32_t host; /* where it runs, or ran last */
    bool is_paused;
    bool has_guest_ended;
    uint64_t guest_ended_ns;
    uint64_t guest_status; /* of a fault: its cause */
    bool is_guest_fault;
    uint64_t paused_at_ns;  /* when the pause of the hand-over began */
    uint64_t resumed_at_ns; /* when it may execute at the target */
    bool has_resumed;
    uint64_t downtime_ns; /* so far while paused; final after */

    /* Rounds, oldest first. */
    struct timeline_round *rounds; /* owned */
    uint32_t round_count, round_capacity;

    /* Counts since the start of the run. */
    uint64_t pages_sent, pages_resent; /* resent: sent minus distinct pages */
    uint64_t sent_by_why[WHY_COUNT];
    uint64_t bytes_on_wire, framing_bytes, state_bytes;
    uint64_t bytes_by_use[TIMELINE_USE_COUNT]; /* their sum is bytes_on_wire */
    /* The pages' contents by what they travelled for, in whatever form: with framing and state
     * their sum is bytes_on_wire as well. */
    uint64_t bytes_by_why[WHY_COUNT];
    /* By enum page_form. Free pages are told of and not sent: they are in no other count. */
    uint64_t pages_by_form[PAGE_FORM_COUNT], bytes_by_form[PAGE_FORM_COUNT];
    uint64_t delta_hits, delta_misses, delta_overflows; /* of pages sent again; see event.h */
    uint64_t encoding_ns;                               /* what encoding cost a processor */
    uint64_t dirty_traps; /* since the start of the migration; a hardware log has none */
    struct cut_counts cut;
    uint64_t faults, pages_pushed;
    uint64_t pages_missing; /* at the target, while post-copy runs */
    uint64_t pages_left;    /* at the source, which still has to send them */
    uint64_t waiting_harts;
    struct pace pace; /* how fast the guest got on, and what slowed it */

    /* Clients. */
    uint64_t requests, answers, errors;
    uint64_t first_request_ns;   /* with requests > 0: when the first of all was sent */
    uint64_t longest_silence_ns; /* between two answers to one client that was waiting */
    uint64_t last_latency_ns;
    struct timeline_slice
        *slices; /* owned; slice i covers [i, i + 1) * TIMELINE_SLICE_NS; the last is now's */
    uint32_t slice_count, slice_capacity;

    /* The link: run i of flight_count stands at i % TIMELINE_FLIGHTS. */
    struct timeline_flight flights[TIMELINE_FLIGHTS];
    uint64_t flight_count;

    struct trouble trouble; /* links, hosts, clients' packets */
    struct turns turns;     /* what was decided, and what befell it, in order */

    /* The end. */
    bool has_run_ended;
    uint64_t instructions, digest;

    struct timeline_private *private; /* page states, latencies */
};

void timeline_init(struct timeline *timeline, uint64_t total_pages);
void timeline_fini(struct timeline *timeline);
void timeline_add(struct timeline *timeline, const struct event *event);
void timeline_advance(struct timeline *timeline,
                      uint64_t now_ns); /* time passed, nothing happened */

/* `to` is initialised, of as many pages, and becomes what `from` is; nothing is shared. */
void timeline_copy(struct timeline *to, const struct timeline *from);
uint64_t timeline_bytes(const struct timeline *timeline); /* that a copy takes, about */

/* What the downtime was to be as the pause began; 0: nobody has said. */
uint64_t timeline_paused_forecast_ns(const struct timeline *timeline);

/* The page's state at a host. */
enum page_state timeline_page(const struct timeline *timeline, uint32_t host, uint64_t page_idx);
/* How many pages of [first_idx, first_idx + count) are in each state at a host: one cell of a map. */
void timeline_map_cell(const struct timeline *timeline, uint32_t host, uint64_t first_idx,
                       uint64_t count, uint64_t counts[PAGE_STATE_COUNT]);

/* The round that is going on or ended last; NULL before the first. */
const struct timeline_round *timeline_round(const struct timeline *timeline);
/* Measured rates over the last complete round in which the guest ran (before that a paused one, then
 * the running one), pages per second; 0 while unknown. mu: page copy rate. delta: newly dirtied
 * pages. */
uint64_t timeline_mu(const struct timeline *timeline);
uint64_t timeline_delta(const struct timeline *timeline);

struct timeline_spread timeline_latency(const struct timeline *timeline);    /* of all answers */
struct timeline_spread timeline_fault_wait(const struct timeline *timeline); /* of all faults */

#endif
