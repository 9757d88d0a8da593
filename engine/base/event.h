/* event: everything that can happen in a run, in one list.
 *
 * Views, exports, tests, reports and grading read this list and nothing else: what is not an event
 * did not happen. An event is plain data: an instant in nanoseconds of world time, a kind, and at
 * most five unsigned fields. Who sees something happen appends it to an event list that its caller
 * owns and drains.
 *
 * Host numbers: 0 is the source (host A), 1 the target (host B).
 */
#ifndef BASE_EVENT_H
#define BASE_EVENT_H

#include <stddef.h>
#include <stdint.h>

#define HOST_SOURCE 0u
#define HOST_TARGET 1u
#define HOST_COUNT  2u

/* The ways to move, as on the command line. */
#define MODE_LIST(X)                       \
    X(MODE_STOP_AND_COPY, "stop-and-copy") \
    X(MODE_PRE_COPY, "pre-copy")           \
    X(MODE_CONTINUOUS, "continuous")       \
    X(MODE_POST_COPY, "post-copy")         \
    X(MODE_HYBRID, "hybrid")               \
    X(MODE_AUTO, "auto") /* the last: it chooses among the others */

/* Where a migration stands; engine/migrate/phase.h has the table of legal transitions. */
#define PHASE_LIST(X)                                                                           \
    X(PHASE_IDLE, "idle")           /* nothing has been asked for */                            \
    X(PHASE_SETUP, "setup")         /* HELLO is out, READY is awaited */                        \
    X(PHASE_COPY, "copy")           /* pages travel while the guest runs at the source */       \
    X(PHASE_PAUSE, "pause")         /* the guest stands still; the rest and the state travel */ \
    X(PHASE_HAND_OVER, "hand-over") /* COMMIT is out; the source never runs the guest again */  \
    X(PHASE_POST_COPY, "post-copy") /* the guest runs at the target, pages are still missing */ \
    X(PHASE_LINK_LOST, "link-lost") /* after COMMIT: the guest waits for a new connection */    \
    X(PHASE_RECOVER, "recover")     /* the two ends tell each other what they have */           \
    X(PHASE_COMPLETED, "completed")                                                             \
    X(PHASE_ABORTED, "aborted") /* the guest stayed at the source */

/* Why a page travels. */
#define WHY_LIST(X)            \
    X(WHY_FIRST, "first copy") \
    X(WHY_RESENT, "re-sent")   \
    X(WHY_FAULT, "fault")      \
    X(WHY_PUSHED, "pushed")

#define OUTCOME_LIST(X)               \
    X(OUTCOME_COMPLETED, "completed") \
    X(OUTCOME_ABORTED, "aborted")     \
    X(OUTCOME_PAUSED, "paused")       \
    X(OUTCOME_LOST, "lost")

/* How a page's contents travel; wire/page_codec.h says what each is in bytes. */
#define PAGE_FORM_LIST(X)                                                             \
    X(PAGE_FORM_PLAIN, "plain")                                                       \
    X(PAGE_FORM_ZERO, "zero")                                                         \
    X(PAGE_FORM_DELTA, "delta")                                                       \
    X(PAGE_FORM_LZ4, "lz4")                                                           \
    X(PAGE_FORM_ZSTD, "zstd")                                                         \
    X(PAGE_FORM_FREE,                                                                 \
      "free") /* not at all: the guest has given the page away, and it reads as zeros \
               */

/* What befell the link; `value` of link_changed in its unit. */
#define LINK_STATE_LIST(X)                               \
    X(LINK_WHOLE, "whole")                               \
    X(LINK_CUT, "cut")                                   \
    X(LINK_SLOW, "slow")       /* bits per second */     \
    X(LINK_DELAYED, "delayed") /* nanoseconds one way */ \
    X(LINK_CORRUPTING, "corrupting")

/* Which limit was met with the downtime limit out of reach. */
#define LIMIT_LIST(X)                    \
    X(LIMIT_ROUNDS, "rounds")            \
    X(LIMIT_TIME, "total-time")          \
    X(LIMIT_PROGRESS, "progress") /* pages are written as fast as they are copied */

/* What a strategy or a controller decided by what it had measured, and why. */
#define DECISION_LIST(X)                                                                           \
    X(DECISION_ROUNDS, "the rounds shrink fast enough: they go on") /* pages left */               \
    X(DECISION_HOT_LAST, "the rounds shrink too slowly: pages written in every round wait for "    \
                         "the pause, and those written again meanwhile are skipped") /* pages */   \
    X(DECISION_SLOWER, "rounds leave more than half of what they began with: the guest is slowed " \
                       "down") /* thousandths of its time that it keeps */                         \
    X(DECISION_POST_COPY, "rounds will not bring the downtime within its limit: post-copy does") \
    /* pages left */                                                                               \
    X(DECISION_FAULT_SET_POINT, "no fault should wait for its page longer than this") /* ns */

/* The parts of a run, by what the guest could do in them. */
#define STRETCH_LIST(X)                                                            \
    X(STRETCH_BEFORE, "before")                                                    \
    X(STRETCH_COPYING, "copying")   /* pages travel, it runs at the source */      \
    X(STRETCH_PAUSED, "paused")     /* between the two hosts */                    \
    X(STRETCH_SWITCHED, "switched") /* it runs at the target, without all pages */ \
    X(STRETCH_AFTER, "after")

#define EVENT_ENUM_NAME(name, text) name,
enum stretch { STRETCH_LIST(EVENT_ENUM_NAME) STRETCH_COUNT };
enum mode { MODE_LIST(EVENT_ENUM_NAME) MODE_COUNT };
enum phase { PHASE_LIST(EVENT_ENUM_NAME) PHASE_COUNT };
enum why { WHY_LIST(EVENT_ENUM_NAME) WHY_COUNT };
enum outcome { OUTCOME_LIST(EVENT_ENUM_NAME) OUTCOME_COUNT };
enum page_form { PAGE_FORM_LIST(EVENT_ENUM_NAME) PAGE_FORM_COUNT };
enum link_state { LINK_STATE_LIST(EVENT_ENUM_NAME) LINK_STATE_COUNT };
enum limit { LIMIT_LIST(EVENT_ENUM_NAME) LIMIT_COUNT };
enum decision { DECISION_LIST(EVENT_ENUM_NAME) DECISION_COUNT };
#undef EVENT_ENUM_NAME

#define MODES_COMPARED MODE_AUTO /* how many there are beside auto, which stands for one of them */

const char *mode_name(enum mode mode);
const char *phase_name(enum phase phase);
const char *why_name(enum why why);
const char *outcome_name(enum outcome outcome);
const char *page_form_name(enum page_form form);
const char *link_state_name(enum link_state state);
const char *limit_name(enum limit limit);
const char *decision_sentence(enum decision decision);

/* The fields of each event: F(name, unit). */
#define FIELDS_MIGRATION_STARTED(F) F(mode, enum_mode) F(total_pages, pages)
#define FIELDS_PHASE_CHANGED(F)     F(phase, enum_phase)
#define FIELDS_ROUND_STARTED(F)     F(round_idx, number) F(pages, pages) F(is_paused, flag)
#define FIELDS_ROUND_ENDED(F) \
    F(round_idx, number) F(pages_sent, pages) F(bytes_sent, bytes) F(dirtied_pages, pages)
#define FIELDS_PAGES_SENT(F) \
    F(first_idx, page) F(count, pages) F(why, enum_why) F(bytes, bytes) F(form, enum_page_form)
#define FIELDS_PAGES_INSTALLED(F) F(first_idx, page) F(count, pages) F(why, enum_why)
#define FIELDS_FRAME_SENT(F)      F(bytes, bytes) F(is_state, flag)
#define FIELDS_PAGE_DIRTIED(F) \
    F(page_idx, page) F(host, host) F(hart_idx, number) F(pc, address) F(is_logged, flag)
#define FIELDS_LOG_FETCHED(F)     F(dirtied_pages, pages) F(first_idx, page) F(count, pages)
#define FIELDS_DOWNTIME_FORECAST(F) \
    F(now_ns, ns) F(pause_ns, ns) F(left_ns, ns) F(pages_left, pages)
#define FIELDS_LIMIT_EXCEEDED(F)       F(round_idx, number) F(downtime_ns, ns) F(limit, enum_limit)
#define FIELDS_GUEST_PAUSED(F)         F(host, host)
#define FIELDS_GUEST_RESUMED(F)        F(host, host)
#define FIELDS_PAGE_FAULTED(F)         F(page_idx, page) F(hart_idx, number)
#define FIELDS_FAULT_RESOLVED(F)       F(page_idx, page) F(hart_idx, number) F(wait_ns, ns)
#define FIELDS_STREAMS_REHOMED(F)      F(streams, number) F(host, host)
#define FIELDS_MIGRATION_ENDED(F)      F(outcome, enum_outcome)
#define FIELDS_REQUEST_SENT(F)         F(client_idx, number) F(bytes, bytes)
#define FIELDS_REQUEST_ANSWERED(F)     F(client_idx, number) F(latency_ns, ns) F(is_wrong, flag)
#define FIELDS_CONSOLE_WRITTEN(F)      F(host, host) F(bytes, bytes)
#define FIELDS_GUEST_ENDED(F)          F(host, host) F(status, number) F(is_fault, flag)
#define FIELDS_INPUT_GIVEN(F)          F(command, number) F(value, number)
#define FIELDS_RUN_ENDED(F)            F(instructions, number) F(digest, digest)
#define FIELDS_DECIDED(F)              F(decision, enum_decision) F(value, number)
#define FIELDS_SHARE_SET(F)            F(host, host) F(hart_idx, number) F(share_permille, number)
#define FIELDS_LOG_DRAINED(F)          F(entries, number)
#define FIELDS_LINK_CHANGED(F)         F(state, enum_link_state) F(value, number)
#define FIELDS_HOST_CRASHED(F)         F(host, host)
#define FIELDS_BARRIER_SENT(F)         F(barrier_idx, number) F(pages, pages)
#define FIELDS_BARRIER_ACKNOWLEDGED(F) F(barrier_idx, number) F(wait_ns, ns)
#define FIELDS_CACHE_WRITTEN_BACK(F)   F(host, host) F(lines, number) F(pages, pages)
#define FIELDS_DISK_WRITTEN(F) \
    F(block_idx, number) F(bytes, bytes) F(served_at, host) F(from_host, host)
#define FIELDS_PACKET_FORWARDED(F) F(client_idx, number) F(bytes, bytes)
#define FIELDS_PACKET_DROPPED(F)   F(client_idx, number) F(bytes, bytes) F(host, host)
#define FIELDS_TUNNEL_ENDED(F)     F(packets, number)
#define FIELDS_PROGRESS_MADE(F)    F(stretch, number) F(instructions, number) F(lived_ns, ns)
#define FIELDS_PAGES_ENCODED(F) \
    F(delta_hits, number) F(delta_misses, number) F(delta_overflows, number) F(cost_ns, ns)

/* EVENT_LIST: E(KIND, member, FIELDS). The member's name is the event's name in files.
 *
 *   migration_started   the source was asked to move the guest
 *   phase_changed       the source's phase (the target follows it)
 *   round_started       a round's set was fetched; the paused set is a round of its own
 *   round_ended         its last byte left the source; dirtied_pages: dirtied meanwhile
 *   pages_sent          a run of pages was put on the link; bytes as charged, framing included
 *   pages_installed     the run arrived and was installed
 *   frame_sent          a frame without pages was put on the link, source to target
 *   page_dirtied        a first write since the last fetch was noticed (while tracking is on), by
 *                       the hart that stood at pc (0: a model)
 *   log_fetched         the dirty log of those pages was fetched, and they are protected again
 *   downtime_forecast   if it paused now, and when it will pause, as things go; the time left to the
 *                       end of the move, and the pages left to be sent
 *   limit_exceeded      that limit was met before the move was done as it should be
 *   guest_paused        the guest stopped at that host (its last instruction was before)
 *   guest_resumed       the guest may execute at that host
 *   page_faulted        a hart touched a page that is not there; it was asked for
 *   fault_resolved      the page is there; the hart goes on
 *   streams_rehomed     the switch was told where the guest's connections live now
 *   migration_ended     how
 *   request_sent        a client sent a request
 *   request_answered    its answer was complete; is_wrong: it was not the right one
 *   guest_ended         the guest exited with a status, or faulted (status: the cause)
 *   input_given         a person or script turned a knob (enum session_command)
 *   run_ended           nothing more will happen; the digest of the machine
 *   decided             a strategy or controller chose by what it had measured; value: of the
 *                       decision
 *   share_set           how much of its time the hart may run from now on, in thousandths
 *   log_drained         the hardware's buffer of dirtied pages was emptied: one exit
 *   link_changed        the migration link was cut, mended or changed
 *   host_crashed        the host is gone, with all that it had
 *   barrier_sent        every page that the flush made dirty is before it in the stream
 *   barrier_acknowledged  all of them have arrived: the hart that flushed goes on
 *   cache_written_back  dirty lines went to memory at the cut; pages: that were clean before
 *   disk_written        a block was written by DMA, by the host that serves the disk
 *   packet_forwarded    the old host sent a client's packet on through the tunnel
 *   packet_dropped      a packet arrived where the guest does not live
 *   tunnel_ended        the old host is not needed any more; how many packets it had forwarded
 *   progress_made       that part of the run (enum stretch) is over: what the guest has retired and
 *                       lived since its beginning
 *   pages_encoded       since this was told last: pages sent again whose delta travelled, whose
 *                       copy was not cached, whose delta would not have paid; and what the trying
 *                       of all forms cost a processor (wire/page_codec.h)
 */
#define EVENT_LIST(E)                                                                \
    E(EVENT_MIGRATION_STARTED, migration_started, FIELDS_MIGRATION_STARTED)          \
    E(EVENT_PHASE_CHANGED, phase_changed, FIELDS_PHASE_CHANGED)                      \
    E(EVENT_ROUND_STARTED, round_started, FIELDS_ROUND_STARTED)                      \
    E(EVENT_ROUND_ENDED, round_ended, FIELDS_ROUND_ENDED)                            \
    E(EVENT_PAGES_SENT, pages_sent, FIELDS_PAGES_SENT)                               \
    E(EVENT_PAGES_INSTALLED, pages_installed, FIELDS_PAGES_INSTALLED)                \
    E(EVENT_FRAME_SENT, frame_sent, FIELDS_FRAME_SENT)                               \
    E(EVENT_PAGE_DIRTIED, page_dirtied, FIELDS_PAGE_DIRTIED)                         \
    E(EVENT_LOG_FETCHED, log_fetched, FIELDS_LOG_FETCHED)                            \
    E(EVENT_DOWNTIME_FORECAST, downtime_forecast, FIELDS_DOWNTIME_FORECAST)          \
    E(EVENT_LIMIT_EXCEEDED, limit_exceeded, FIELDS_LIMIT_EXCEEDED)                   \
    E(EVENT_GUEST_PAUSED, guest_paused, FIELDS_GUEST_PAUSED)                         \
    E(EVENT_GUEST_RESUMED, guest_resumed, FIELDS_GUEST_RESUMED)                      \
    E(EVENT_PAGE_FAULTED, page_faulted, FIELDS_PAGE_FAULTED)                         \
    E(EVENT_FAULT_RESOLVED, fault_resolved, FIELDS_FAULT_RESOLVED)                   \
    E(EVENT_STREAMS_REHOMED, streams_rehomed, FIELDS_STREAMS_REHOMED)                \
    E(EVENT_MIGRATION_ENDED, migration_ended, FIELDS_MIGRATION_ENDED)                \
    E(EVENT_REQUEST_SENT, request_sent, FIELDS_REQUEST_SENT)                         \
    E(EVENT_REQUEST_ANSWERED, request_answered, FIELDS_REQUEST_ANSWERED)             \
    E(EVENT_CONSOLE_WRITTEN, console_written, FIELDS_CONSOLE_WRITTEN)                \
    E(EVENT_GUEST_ENDED, guest_ended, FIELDS_GUEST_ENDED)                            \
    E(EVENT_INPUT_GIVEN, input_given, FIELDS_INPUT_GIVEN)                            \
    E(EVENT_RUN_ENDED, run_ended, FIELDS_RUN_ENDED)                                  \
    E(EVENT_DECIDED, decided, FIELDS_DECIDED)                                        \
    E(EVENT_SHARE_SET, share_set, FIELDS_SHARE_SET)                                  \
    E(EVENT_LOG_DRAINED, log_drained, FIELDS_LOG_DRAINED)                            \
    E(EVENT_LINK_CHANGED, link_changed, FIELDS_LINK_CHANGED)                         \
    E(EVENT_HOST_CRASHED, host_crashed, FIELDS_HOST_CRASHED)                         \
    E(EVENT_BARRIER_SENT, barrier_sent, FIELDS_BARRIER_SENT)                         \
    E(EVENT_BARRIER_ACKNOWLEDGED, barrier_acknowledged, FIELDS_BARRIER_ACKNOWLEDGED) \
    E(EVENT_CACHE_WRITTEN_BACK, cache_written_back, FIELDS_CACHE_WRITTEN_BACK)       \
    E(EVENT_DISK_WRITTEN, disk_written, FIELDS_DISK_WRITTEN)                         \
    E(EVENT_PACKET_FORWARDED, packet_forwarded, FIELDS_PACKET_FORWARDED)             \
    E(EVENT_PACKET_DROPPED, packet_dropped, FIELDS_PACKET_DROPPED)                   \
    E(EVENT_TUNNEL_ENDED, tunnel_ended, FIELDS_TUNNEL_ENDED)                         \
    E(EVENT_PAGES_ENCODED, pages_encoded, FIELDS_PAGES_ENCODED)                      \
    E(EVENT_PROGRESS_MADE, progress_made, FIELDS_PROGRESS_MADE)

#define EVENT_FIELDS_MAX 5

enum event_kind {
#define EVENT_ENUM(kind, member, fields) kind,
    EVENT_LIST(EVENT_ENUM)
#undef EVENT_ENUM
        EVENT_COUNT
};

struct event {
    uint64_t at_ns;
    enum event_kind kind;
    union {
        uint64_t fields[EVENT_FIELDS_MAX];
#define EVENT_FIELD(name, unit) uint64_t name;
#define EVENT_MEMBER(kind, member, fields) \
    struct {                               \
        fields(EVENT_FIELD)                \
    } member;
        EVENT_LIST(EVENT_MEMBER)
#undef EVENT_MEMBER
#undef EVENT_FIELD
    };
};

/* What a kind is called and which fields it has, for files and exports. */
struct event_description {
    const char *name;
    unsigned field_count;
    const char *field_names[EVENT_FIELDS_MAX];
    const char *field_units[EVENT_FIELDS_MAX];
};
const struct event_description *event_describe(enum event_kind kind);

/* A growing list that its owner drains: events of one call, in order. */
struct event_list {
    struct event *items; /* owned */
    size_t count;
    size_t capacity;
};
void event_append(struct event_list *list, struct event event);
void event_list_fini(struct event_list *list);

#endif
