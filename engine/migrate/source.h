/* source: the end of a migration that has the guest at first. A state machine without clock, socket
 * or thread: bytes in, bytes out, and what it wants of its host as plain questions.
 *
 *   source_init, source_start
 *   then, as things happen:  source_receive (bytes from the target)
 *                            source_send    (the link has room: what shall it carry?)
 *                            source_flushed (a hart has flushed its cache)
 *                            source_disconnected, source_connected (see below)
 *   and after each call:     source_wants_pause, source_barred_harts, has_hung_up, events, phase
 *   source_fini
 *
 * The guest must not be run while source_wants_pause says so; in HAND_OVER, POST_COPY and COMPLETED
 * it must never be run here again.
 *
 * The connection may break at any time: source_disconnected. Before COMMIT that ends the move, and
 * the guest goes on here as if nothing had been tried. After it the source waits (LINK_LOST) for
 * source_connected, asks the target on the new connection what it has (RECOVER), and sends the
 * rest. A source that cannot read what it is told after COMMIT does not believe the connection any
 * more: has_hung_up says so, and is the host's order to break it and to make a new one.
 *
 * Everything that happens is appended to the event list given at the start.
 */
#ifndef MIGRATE_SOURCE_H
#define MIGRATE_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/event.h"
#include "base/lending.h"
#include "machine/guest.h"
#include "migrate/growth.h"
#include "migrate/pacer.h"
#include "migrate/strategy.h"
#include "migrate/throttle.h"
#include "wire/message.h"
#include "wire/page_codec.h"

#define SOURCE_REQUESTS_MAX 64 /* page requests not answered yet: a guest has at most 8 harts */
/* A strategy that has been asked this often without sending a byte will never end. */
#define SOURCE_IDLE_ACTIONS_MAX 64
/* Bytes of clients' packets that may wait for the link: a few windows. A packet that finds no room
 * is lost, as in any router, and sent again. */
#define SOURCE_FORWARDS_MAX (256u << 10)

struct source_config {
    const struct strategy *strategy;
    struct limits limits;
    bool has_barriers;     /* a hart that flushes its cache waits until what it flushed is there */
    bool skips_write_back; /* leaves the cache unwritten at the cut, to show what that tears */
    /* How many bytes to hand out at once: few enough that contents are fresh and that a demand
     * reply never waits long behind a push, many enough that a big guest is not an event a page. */
    uint64_t copy_chunk_bytes;
    uint64_t push_chunk_bytes;
    uint64_t bandwidth_limit_bits_per_s; /* while the guest runs here; 0: none */
    struct throttle_config throttle;
    bool is_hot_last, is_skipping_rewritten;
    struct page_encoder_config encoding; /* all zeros: pages travel as they are */
    bool has_free_hints;                 /* pages that the guest gave away are not sent */
    bool is_tunnel;   /* source_forward will be called: the target must know FORWARD */
    bool is_lending;  /* source_send_lending will be called: the target must know ROW */
    uint32_t halt_at; /* bit p: entering phase p halts it, see source_go_on */
};

/* A hart that has flushed its cache, and waits. */
struct source_barrier {
    bool is_waiting, is_sent;
    uint64_t barrier_idx, pages, since_ns;
    uint64_t burst_idx; /* with which it was sent */
};

struct source {
    struct source_config config;
    struct guest *guest;
    struct event_list *events;
    enum phase phase;
    char reason[MESSAGE_REASON_MAX]; /* why it ended, or why it paused: one sentence */

    _Alignas(16) uint8_t memo[MEMO_BYTES]; /* strategies lay a struct of their own over it */
    struct bitmap to_send;
    struct bitmap sent; /* sent at least once */
    uint64_t rounds_done;
    struct round last;
    struct round current;  /* the round going on: counts so far */
    struct round marks[2]; /* as they were when its time had doubled the last two times */
    uint64_t round_started_ns;
    /* What was told last of the time to come; at_ns 0: nothing yet. */
    struct {
        uint64_t at_ns, pause_ns, left_ns;
    } forecast;
    struct growth growth;   /* what is dirtied in how long, */
    uint64_t growth_due_ns; /* and when in this round it is looked at next */
    bool is_round_open;
    bool is_scanning;          /* the log is fetched in pieces: no rounds, but what would be ones */
    uint64_t dirty_at_opening; /* in the log then, of such a one */
    uint64_t pages_sent;       /* since the start */
    bool is_link_fed;          /* bytes were handed out at fed_at_ns and have not all left */
    uint64_t fed_at_ns;
    struct page_order order;
    struct throttle throttle;
    struct pacer pacer;
    bool is_switching;      /* the user asked for post-copy */
    bool is_commit_pending; /* HAND_OVER was decided: its burst is in `out` */
    uint64_t started_ns;
    uint64_t hello_sent_ns, half_rtt_ns;
    uint64_t state_bytes;
    uint64_t state_digest;  /* of the STATE that was committed */
    bool has_committed_all; /* no page was missing then: RUNNING is the end */
    bool has_hung_up;       /* until it is connected again */
    bool was_running;       /* the target has said that it runs the guest: it never comes back */
    bool is_deaf;           /* nothing of this connection is believed any more */
    bool is_halted;         /* it has nothing to send until source_go_on */

    /* The consistent cut, see source_cut.c. */
    struct source_barrier barriers[HART_MAX];
    uint64_t barrier_count;      /* so far */
    struct bitmap flushed;       /* pages that go before the next barrier */
    struct bitmap flush_dirtied; /* pages that flushes took out of the log, in this round */
    bool is_flush_served;        /* a chunk of them went: the strategy has the next turn */
    uint64_t *sent_at;           /* of each page, owned: bursts of barriers sent before it, */
    uint64_t bursts_sent;        /* so far, */
    uint64_t bursts_arrived;   /* and how many of these were acknowledged: so was all before them */
    bool is_draining;          /* paused; a device still has requests under way */
    bool is_limit_exceeded;    /* why it was paused, */
    enum limit exceeded_limit; /* and by which */

    uint64_t requests[SOURCE_REQUESTS_MAX];
    uint32_t request_count;

    struct pre_paging pre_paging;
    uint64_t handed_over_ns;
    uint64_t push_from_ns; /* the same, or since a new connection; and what was to be sent then */
    uint64_t push_from_pages;
    uint64_t due_ns; /* when it wants to be asked although nothing arrives; UINT64_MAX: never */
    struct page_encoder *encoder;       /* owned; NULL: pages travel as they are */
    struct page_encoder_counts encoded; /* as they were told last */
    uint64_t fetched_idx;               /* where the last fetch of the log began */
    /* What a page that holds something costs: of the last round with such pages, and of this. */
    uint64_t page_bytes;
    uint64_t full_pages, full_bytes;

    struct bytes in;         /* received, not a whole frame yet */
    struct bytes out;        /* control frames that wait for the link */
    struct lending *lending; /* within source_send_lending */
    struct bytes forwards;   /* FORWARD frames that wait for the link */
};

void source_init(struct source *source, const struct source_config *config, struct guest *guest,
                 struct event_list *events);
void source_fini(struct source *source);
void source_start(struct source *source, uint64_t now_ns);

/* Bytes from the target. A stream that is broken aborts the move while that is possible. */
void source_receive(struct source *source, uint64_t now_ns, const uint8_t *data, size_t count);

/* Appends what the link should carry next to `to`; `backlog_bytes` of earlier bytes have not left
 * yet. Returns what the link is to be charged; 0 when there is nothing now. */
uint64_t source_send(struct source *source, uint64_t now_ns, uint64_t backlog_bytes,
                     struct bytes *to);

/* The same, with pages lent (where the configuration says so): they stand in the guest's memory, and
 * must have been sent, or copied, before the guest runs again or this source is told of anything. */
uint64_t source_send_lending(struct source *source, uint64_t now_ns, uint64_t backlog_bytes,
                             struct bytes *to, struct lending *lending);

/* When source_send must be called again even if nothing arrives and the link is idle; UINT64_MAX:
 * no need to. Asked after source_send. */
uint64_t source_deadline_ns(const struct source *source);
/* A hart of the guest has flushed its cache: lines of `count` pages from `first_idx`
 * (GUEST_FLUSHED). True: it waits from now on, for a barrier; see source_barred_harts. */
bool source_flushed(struct source *source, uint64_t now_ns, uint32_t hart_idx, uint64_t first_idx,
                    uint64_t count);
uint32_t source_barred_harts(const struct source *source); /* that wait, as bits */
/* The target is known to hold what memory holds of that page here. Known is only what a barrier
 * stood behind: false may mean that the page is on its way. */
bool source_has_arrived(const struct source *source, uint64_t page_idx);
/* The connection is no more: what had been sent and not arrived is lost. `reason` is why, should it
 * end the move. */
void source_disconnected(struct source *source, uint64_t now_ns, const char *reason);
void source_connected(struct source *source, uint64_t now_ns);
/* In HAND_OVER, before source_disconnected: the end of COMMIT has not left this computer, nor will it.
 * So the target never runs the guest, which goes on here. */
void source_take_back(struct source *source, uint64_t now_ns, const char *reason);

/* Phases may follow each other within one call of source_send. Who wants to do something between
 * two of them has the source halt there, and lets it go on. */
void source_go_on(struct source *source);

/* A client's packet has come to this host after COMMIT: it will be sent on through the tunnel.
 * False where it cannot be: the guest is here, or too many wait; it is dropped then, and sent again
 * by whoever sent it. Returns what it will be charged. */
bool source_forward(struct source *source, const struct message_forward *forward, uint64_t *charge);

/* How much of its time a hart may run here, in thousandths. It may change with every call. */
uint32_t source_share(const struct source *source, uint32_t hart_idx);
/* While the guest runs here: a hart has written to a page for the first time since the fetch. */
void source_dirtied(struct source *source, uint32_t hart_idx);

/* The time to the last page installed, as far as it is known: false while nothing is. */
bool source_left_ns(const struct source *source, uint64_t now_ns, uint64_t *left_ns);

/* The guest must stand still: paused, handed over, or gone. */
bool source_wants_pause(const struct source *source);

/* False where the phase does not allow it any more. */
bool source_switch_to_post_copy(struct source *source);
bool source_abort(struct source *source, uint64_t now_ns, const char *reason);

#endif
