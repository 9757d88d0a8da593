/* gateway_record: what happens at both hosts and at the gateway, merged by its instant into one
 * recording for each migration, in the form of every other (record/recording.h).
 *
 * Events come from several sources, each in the order of its own clock, but not in the order of
 * all: they are held back for GATEWAY_HOLD_NS, so that what happened earlier elsewhere finds its
 * place. What comes later than that is set behind what was written: a recording never goes back.
 *
 *      hosts, gateway --add--> held back --advance--> +--> the recording of the migration going on
 *                                                     +--> without one: the last of them are kept,
 *                                                          and are the beginning of the next
 *
 * So a recording begins GATEWAY_BEFORE_NS before its migration, with what the clients felt then, and
 * ends GATEWAY_AFTER_NS after it. Instants in it count from its beginning. Everything is bounded: a
 * recording that has grown to GATEWAY_RECORD_MAX ends there and says so, and of those that are over
 * the last GATEWAY_RECORDINGS are kept, or fewer where they have more bytes than that together.
 *
 * Instants are on the gateway's own clock: whoever adds what a host on another machine tells has
 * taken the difference of the clocks away. No clock is asked here: time comes in as now_ns.
 */
#ifndef LIVE_GATEWAY_RECORD_H
#define LIVE_GATEWAY_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/event.h"
#include "base/heap.h"
#include "record/recording.h"
#include "record/session.h"
#include "scenario/scenario.h"

#define GATEWAY_HOLD_NS    (20 * 1000000ull) /* a trunk's batches are some ms late, TCP some more */
#define GATEWAY_BEFORE_NS  (1000 * 1000000ull) /* enough to see what clients were used to */
#define GATEWAY_AFTER_NS   (250 * 1000000ull)  /* the last answers that the move delayed */
#define GATEWAY_RECORD_MAX (256u << 20) /* bytes: a minute of 300,000 requests a second has less */
#define GATEWAY_RECORDINGS 8u
#define GATEWAY_KEPT_MAX   65536u /* events before a migration: 3.5 MiB */
#define GATEWAY_SOURCES    16u    /* source 0 is the gateway, the others are hosts */

struct gateway_recording {
    uint64_t id;              /* of the migration; 0: this place is free */
    struct recorder recorder; /* its bytes so far; whole once is_end */
    struct session_facts facts;
    uint64_t base_ns;     /* where its instant 0 is on the gateway's clock */
    bool is_end, is_full; /* full: what came later is not in it */
};

struct gateway_record {
    struct gateway_recording recordings[GATEWAY_RECORDINGS]; /* id N stands at N % their number */
    struct gateway_recording *current;                       /* being written; NULL: none */
    uint64_t end_ns; /* of the current one: nothing later belongs to it; UINT64_MAX: it goes on */

    struct heap order; /* of what is held back: `what` is its place in `held` */
    struct event_list held;
    uint32_t *unused; /* owned: places of `held` to be taken again */
    size_t unused_count, unused_capacity;
    uint64_t last_ns[GATEWAY_SOURCES]; /* of what that source has told */
    uint64_t merged_ns;                /* of what left last */

    struct event *kept; /* owned: a ring of GATEWAY_KEPT_MAX */
    uint64_t kept_count;
    uint64_t born_ns;

    uint64_t late_count, refused_count; /* came after its time; cannot have happened */
    size_t record_max;                  /* GATEWAY_RECORD_MAX, but for tests */
    /* Told of each event as it takes its place, but with its own instant on the gateway's clock, even
     * where it came too late for that; may be NULL. */
    void (*merged)(void *owner, const struct event *event);
    /* Whether it belongs into the current recording; may be NULL. */
    bool (*belongs)(void *owner, const struct event *event);
    void *owner;
};

void gateway_record_init(struct gateway_record *record, uint64_t now_ns);
void gateway_record_fini(struct gateway_record *record);

/* A migration begins, and ends whatever is recorded. The scenario becomes the recording's head, with
 * `start-at` where the migration begins in it, and the names of source and target, "A B", behind it.
 * `id`: greater than all before. */
void gateway_record_begin(struct gateway_record *record, uint64_t id,
                          const struct scenario *scenario, const char *hosts, uint64_t now_ns);
/* It is over: the recording ends GATEWAY_AFTER_NS later. */
void gateway_record_end(struct gateway_record *record, uint64_t now_ns);

/* Something happened. `source` is below GATEWAY_SOURCES. What cannot have happened is refused. */
void gateway_record_add(struct gateway_record *record, unsigned source, const struct event *event,
                        uint64_t now_ns);
/* Time passes: what was held back for long enough takes its place. */
void gateway_record_advance(struct gateway_record *record, uint64_t now_ns);
/* When it wants to be advanced; UINT64_MAX: when the next event has come. */
uint64_t gateway_record_deadline_ns(const struct gateway_record *record);

/* NULL: there was none of that id, or it is kept no more. 0: the last there is. */
const struct gateway_recording *gateway_record_find(const struct gateway_record *record,
                                                    uint64_t id);

#endif
