/* trunk: what a host and the gateway say to each other, on the one connection that each host keeps
 * to its gateway. Frames of wire/frame.h, of three types, both ways:
 *
 *   FRAME_TALK     one line of the control protocol (control.h) without its line end: JSON. The
 *                  gateway commands, the host answers and tells events: the same words as at the
 *                  door, where the gateway merely hands on what it does not answer itself.
 *   FRAME_PACKET   a packet of a client's stream (machine/stream.h), in the layout of FORWARD
 *                  (wire/message.h). From the gateway, with note TRUNK_CONNECT: a new client calls
 *                  the guest whose name stands as data, at the port that stands in `sequence`; the
 *                  stream's bytes are numbered from `ack` on, which is behind all that the number's
 *                  last connection has used: what a tunnel still brings of that is old. From the
 *                  host, with note TRUNK_ACCEPTED, the same back: the guest's mailbox has taken that
 *                  call. It is repeated until then, and nothing of the client is sent before. A host
 *                  that had taken it already says so again. Where the guest still has the number's
 *                  last connection, the gateway has not: the host ends it.
 *   FRAME_EVENTS   things that happened at the host, for the recording: of which move, as 32
 *                  hexadecimal digits, then for each u8 kind, u64 instant on the host's own clock
 *                  (CLOCK_MONOTONIC, nanoseconds), and a u64 for each field that the kind has.
 *                  Events of a migration begin with `migration_started` at its source.
 *
 *   host -> gateway   TALK {"event": "hello", ...}   first of all
 *   host <- gateway   TALK {"return": {}, ...}        or an error, and the connection ends
 *
 * What a host tells of its guests ("guests", in hello and as an event of its own, whenever something
 * changed) is its claim to them. A guest that is "running", "paused" (the last of it leaves) or
 * "waiting" (for a page) is at this host, and its packets come here from then on; "moving" says that
 * its half of a move is here and the guest is not. What a host does not list it does not have.
 * "lost": the host ends, and the guest with it. "leaves" names the move whose source it is, while that
 * goes on. "moves" says how often the guest has moved: of two hosts that claim one guest the higher
 * count is right, if it is no more than one above the other; a host that comes with one that has not
 * moved, and is elsewhere, is refused. A claim comes before the first packet that the guest sends from
 * there.
 *
 * The gateway asks {"execute": "clock"} now and then: {"return": {"now_ns": ...}}, the host's
 * CLOCK_MONOTONIC, brings the events of two machines in order.
 *
 * The gateway numbers the streams; a stream keeps its number wherever its guest lives, and no other
 * guest of this gateway has one of the same number: so a packet needs no other address. A host that
 * has a guest sends for it; packets for a guest that is not at this host go through the tunnel if
 * the move keeps one, else they are dropped, and sent again by the stream that sent them.
 */
#ifndef LIVE_TRUNK_H
#define LIVE_TRUNK_H

#include "base/event.h"
#include "base/status.h"
#include "live/control.h"
#include "live/move_text.h"
#include "machine/mailbox.h"
#include "wire/frame.h"

#define TRUNK_CONNECT  1 /* notes of FRAME_PACKET */
#define TRUNK_ACCEPTED 2
/* Of a guest or a host, with its NUL. */
#define TRUNK_NAME_MAX 64
/* Of one frame of events: a client's packet never waits behind more than that. */
#define TRUNK_EVENTS_BYTES (64u << 10)
/* That `link` may give, one way: what is under way then a host keeps, and answers must still be
 * back in time. */
#define TRUNK_LATENCY_MAX_NS (2 * 1000000000ull)

struct trunk_call {
    uint32_t stream_idx;
    uint16_t port;
    uint64_t first; /* number of the first byte each way: stream_begin_at */
    char guest[TRUNK_NAME_MAX];
};

/* Letters, digits and ._-+: for names come into other people's texts: web pages, JSON, terminals. */
bool trunk_is_name(const char *name);

void trunk_put_talk(struct bytes *to, const char *json);   /* at most FRAME_PAYLOAD_MAX */
void trunk_put_message(struct bytes *to, json_t *message); /* as talk; gives it up */
void trunk_put_packet(struct bytes *to, uint32_t stream_idx, const struct stream_packet *packet);
void trunk_put_call(struct bytes *to, uint8_t note, const struct trunk_call *call);
/* As many of them, of one move (move_text.h), as one frame takes; returns how many. */
size_t trunk_put_events(struct bytes *to, const char *move, const struct event *events,
                        size_t count);

/* Whole frames of what has come are heard, in order, up to the first that is not STATUS_OK; the
 * beginning of another is kept in `in` for the next time. */
MUST_USE enum status trunk_hear(struct bytes *in, const uint8_t *data, size_t count,
                                enum status (*hear)(void *owner, const struct frame *frame),
                                void *owner);

/* Each reads a frame of its type whole, or says STATUS_BAD_STREAM: no length, number or enumeration
 * is believed. */
MUST_USE enum status trunk_get_packet(const struct frame *frame, uint32_t *stream_idx,
                                      struct stream_packet *packet);
/* With note TRUNK_CONNECT or TRUNK_ACCEPTED, whichever is expected. */
MUST_USE enum status trunk_get_call(const struct frame *frame, uint8_t note,
                                    struct trunk_call *call);
/* Appends them to `events`; none of them where one cannot be. */
MUST_USE enum status trunk_get_events(const struct frame *frame, char move[MOVE_ID_BYTES],
                                      struct event_list *events);

/* Within which set of processes a pid means something: equal where it means the same. 0: not known. */
uint64_t trunk_pid_space(void);

/* At the host: the call is taken by the mailbox of its guest, or had been. False: it cannot be now,
 * because nobody listens there, or the number's last connection is not over. */
bool trunk_take_call(struct mailbox *mailbox, const struct trunk_call *call);

#endif
