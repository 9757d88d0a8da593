/* target: the end of a migration that has the guest at last. Bytes in, bytes out, and what it wants
 * of its host as plain questions; see source.h.
 *
 *   target_init (with an empty guest of the same shape)
 *   target_receive   bytes from the source; or, to spare a copy of each page,
 *   target_place, target_placed   read them to where the target would have them
 *   target_fault     the guest here touched a page that is missing
 *   target_send      frames for the source
 *   target_disconnected, target_connected
 *   after each call: target_is_running, target_is_waiting, has_hung_up
 *   target_next_forward   clients' packets that came through the tunnel, until there are none
 *
 * A connection that breaks before COMMIT was verified ends the move here: whoever asks later is
 * told REFUSED. After that the guest goes on until it needs a page that is missing; on the next
 * connection the target says what it has and asks again for what is waited for. has_hung_up: what
 * came cannot be read; the host is to break the connection and to make a new one.
 *
 * The guest may run here once target_is_running says so, and not while its hart waits for a page.
 */
#ifndef MIGRATE_TARGET_H
#define MIGRATE_TARGET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/event.h"
#include "machine/guest.h"
#include "migrate/fault_throttle.h"
#include "wire/message.h"
#include "wire/page_codec.h"

enum target_phase {
    TARGET_WAITING,   /* for HELLO */
    TARGET_RECEIVING, /* READY was said; pages come */
    TARGET_RUNNING,   /* COMMIT was verified: the guest is here */
    TARGET_REFUSED,   /* said no, or was told to forget it: the guest is not here */
};

/* What this target has to offer. target_init fills in the engine's own; who knows of less memory,
 * another version or fewer features says so before anything arrives. */
struct target_offer {
    uint16_t version;
    uint32_t features; /* MESSAGE_FEATURE_..., those known here */
    uint64_t memory_pages;
    const char *kind;
};

/* A page that a hart waits for. */
struct target_wait {
    bool is_waiting;
    uint64_t page_idx;
    uint64_t since_ns;
};

#define LANDING_PAGES_MAX  256 /* 1 MiB */
#define LANDING_STREAK_MIN 8   /* pages that followed each other, and the next ones are guessed */

/* Rows of pages that are read straight to where they belong, see target_landing.c. */
struct landing {
    uint64_t next_idx;             /* the page behind the last row, */
    uint64_t row_pages;            /* how many that row had, */
    uint64_t streak;               /* and in how many pages one such row followed the other */
    uint64_t first_idx, row_count; /* rows that are guessed, as long as that one; 0: none */
    uint64_t landed;               /* of them: believed, and present */
    uint8_t *place;                /* of the first page; borrowed from the guest */
    size_t filled_bytes;           /* of heads and pages, as they alternate in the stream */
    uint8_t heads[LANDING_PAGES_MAX][MESSAGE_ROW_HEAD_BYTES];
};

struct target {
    struct guest *guest;
    struct event_list *events;
    enum target_phase phase;
    struct target_offer offer;
    bool is_complete; /* running, and no page is missing */
    bool has_hung_up; /* until it is connected again */
    bool is_deaf;     /* nothing of this connection is believed any more */
    char reason[MESSAGE_REASON_MAX];
    struct page_decoder *decoder; /* owned */
    struct bytes state;           /* STATE, kept until COMMIT */
    struct target_wait waits[HART_MAX];
    struct fault_throttle throttle;
    uint64_t set_point_told_ns;
    bool is_pushed; /* the last page that arrived was not asked for */
    struct landing landing;
    struct bytes in, out;
    struct bytes forwards; /* FORWARD frames that have arrived, one after the other */
    size_t forwards_taken; /* bytes of them */
};

void target_init(struct target *target, struct guest *guest, struct event_list *events);
void target_fini(struct target *target);

void target_receive(struct target *target, uint64_t now_ns, const uint8_t *data, size_t count);
/* Where the next bytes of the stream are best read to, in this order; returns how many places. 0:
 * to nowhere in particular, they are for target_receive. Those that were read there, and are
 * `count` bytes, are then told by target_placed. target_receive may be called in between all the
 * same, and undoes the offer. */
size_t target_place(struct target *target, struct span *spans, size_t most);
void target_placed(struct target *target, uint64_t now_ns, size_t count);
uint64_t target_send(struct target *target, struct bytes *to); /* all there is; its bytes */

void target_disconnected(struct target *target);
void target_connected(struct target *target);
/* The next packet that came through the tunnel; its bytes are good until the next call. */
bool target_next_forward(struct target *target, struct message_forward *forward);

/* A hart needs a page that is not there: it waits from now on, and the page is asked for. */
void target_fault(struct target *target, uint64_t now_ns, uint32_t hart_idx, uint64_t page_idx);

/* From now on the guest is slowed so that it faults no faster than the link serves. */
void target_throttle_faults(struct target *target);
/* How much of the time a hart may run here, in thousandths; and until when the whole guest stands
 * still, whatever its share. Both may change with every arrival, fault and tick. */
uint32_t target_share(const struct target *target, uint32_t hart_idx);
uint64_t target_held_until_ns(const struct target *target);
void target_tick(struct target *target, uint64_t now_ns);

bool target_is_running(const struct target *target);
bool target_is_waiting(const struct target *target, uint32_t hart_idx);
uint32_t target_waiting_harts(const struct target *target);

#endif
