/* observer: the oracle's hands in a world. It is shown what happens, looks at both hosts at once,
 * as no part of a real system can, and writes down in struct oracle which rule is broken.
 */
#ifndef SIM_OBSERVER_H
#define SIM_OBSERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/event.h"
#include "machine/guest.h"
#include "machine/mailbox.h"
#include "sim/chronicle.h"
#include "sim/oracle.h"
#include "sim/witness.h"

enum direction { TO_GUEST, TO_CLIENT, DIRECTION_COUNT };

struct observer {
    struct oracle oracle;
    struct witness *witnesses[DIRECTION_COUNT]; /* owned: one for each client */
    uint32_t client_count;
    bool has_cut;
    uint64_t lived_at_cut_ns; /* guest time: it stands still at the source from then on */
    bool has_aborted;
    uint64_t aborted_ns, lived_at_abort_ns;
    uint64_t source_digest;   /* of its memory at the cut, where that is small; else 0 */
    bool was_whole_at_cut;    /* no page was missing: none may arrive any more */
    struct bitmap arrived;    /* else: pages that the target has, or has had, since the cut */
    struct chronicle chronicle;
};

void observer_init(struct observer *observer, uint32_t client_count);
void observer_fini(struct observer *observer);

/* Rule one_runner: whether either end would let the guest run now. */
void observe_runners(struct observer *observer, uint64_t now_ns, bool may_run_at_source,
                     bool may_run_at_target);

/* The guests themselves: what has stopped lives no longer, what has not begun does not live yet. */
void observe_lives(struct observer *observer, uint64_t now_ns, const struct guest *source,
                   const struct guest *target);

/* All that happened, in its order, as everybody else is told of it. */
void observe_events(struct observer *observer, const struct event_list *events, size_t first);

/* At the end it must be at one of them, or the run has said why it is not: a guest is never lost in
 * silence. */
void observe_last_runner(struct observer *observer, uint64_t now_ns, bool may_run_at_source,
                         bool may_run_at_target, const char *said);

/* Rule streams: an end may have been written to, or may have received. */
void observe_writer(struct observer *observer, uint64_t now_ns, enum direction direction,
                    uint32_t client_idx, const struct stream *stream);
/* is_sound: the stream took the packet for one of its own. */
void observe_packet(struct observer *observer, uint64_t now_ns, enum direction direction,
                    uint32_t client_idx, bool is_sound, const struct stream *stream);
void observe_streams_at_cut(struct observer *observer, uint64_t now_ns,
                            const struct mailbox *mailbox);

/* Rule one_instant: what memory holds at the cut is what harts saw, and no device is at work. */
void observe_instant(struct observer *observer, uint64_t now_ns, const struct guest *source);
/* And of every block that the disk writes: what it read is what the guest's memory held when it
 * was asked for, or holds by now, line by line. */
void observe_dma(struct observer *observer, uint64_t now_ns, uint64_t block_idx,
                 const uint8_t asked[DISK_BLOCK_BYTES], const uint8_t now[DISK_BLOCK_BYTES],
                 const uint8_t block[DISK_BLOCK_BYTES]);
/* A guest that is fenced off tried to write. */
void observe_second_writer(struct observer *observer, uint64_t now_ns, uint32_t host_idx);

/* Rule same_memory: at the cut, of every page that is there already; at each later arrival (the
 * events from `first` on tell which), none of which may take the place of a page that the guest has
 * had since; and of all pages at the end, when the source's are still those of the cut. At the cut
 * rule one_instant as well. */
void observe_cut(struct observer *observer, uint64_t now_ns, const struct guest *source,
                 const struct guest *target);
void observe_installs(struct observer *observer, uint64_t now_ns, const struct event_list *events,
                      size_t first, const struct guest *source, const struct guest *target);
void observe_end(struct observer *observer, uint64_t now_ns, const struct guest *source,
                 const struct guest *target);

/* Rule safe: when the move was given up, at the end after that (slack_ns: what the guest's clock may
 * be off the world's by traps and turns), and at the end of a move that stands still. */
void observe_abort(struct observer *observer, uint64_t now_ns, const struct guest *source,
                   bool may_run_at_source, bool may_run_at_target);
void observe_end_after_abort(struct observer *observer, uint64_t now_ns, const struct guest *source,
                             bool has_guest_ended, uint64_t slack_ns);
void observe_standstill(struct observer *observer, uint64_t now_ns, const struct guest *source,
                        const struct guest *target);

#endif
