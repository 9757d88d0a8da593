/* mailbox: a guest's connections, as numbered handles. The guest never learns an address: it
 * listens on a port, accepts a stream, and speaks of "stream 3"; the post office outside (the
 * switch) knows at which host stream 3 ends today. This is all the indirection that a move needs.
 *
 * Stream numbers are given by the post office and are the same on both hosts.
 *
 * The near side (the guest) comes through hypercalls, hypercall.h. The far side (the world) calls
 * connect, receive, packet and rehome. Everything here is state that migrates.
 */
#ifndef MACHINE_MAILBOX_H
#define MACHINE_MAILBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "machine/stream.h"

#define MAILBOX_STREAMS 64 /* at a time: with their windows 512 KiB of state at most */
#define MAILBOX_PORTS   8  /* that a guest listens on */

enum mailbox_slot_state {
    MAILBOX_FREE,
    MAILBOX_CALLING,  /* connected from outside, not accepted by the guest yet */
    MAILBOX_ACCEPTED, /* the guest has its number */
    MAILBOX_CLOSED,   /* the guest has closed it; bytes may still be on their way out, and after
                         that the peer may need its last acknowledgement again */
};

struct mailbox_slot {
    enum mailbox_slot_state state;
    struct stream stream;
};

struct mailbox {
    uint16_t ports[MAILBOX_PORTS]; /* 0: unused */
    struct mailbox_slot slots[MAILBOX_STREAMS];
    uint32_t next_poll_idx; /* polls begin behind the last one reported: no stream starves */
};

void mailbox_init(struct mailbox *mailbox);

/* The guest's side; results as in hypercall.h. `now_ns` is guest time throughout. */
int64_t mailbox_listen(struct mailbox *mailbox, uint64_t port);
int64_t mailbox_accept(struct mailbox *mailbox);
int64_t mailbox_receive(struct mailbox *mailbox, uint64_t stream_idx, void *data,
                        uint32_t capacity);
int64_t mailbox_send(struct mailbox *mailbox, uint64_t stream_idx, const void *data,
                     uint32_t count);
int64_t mailbox_close(struct mailbox *mailbox, uint64_t stream_idx);
uint32_t mailbox_poll(struct mailbox *mailbox, uint32_t *streams, uint32_t capacity);
bool mailbox_is_listening(const struct mailbox *mailbox); /* on any port */
/* Poll would report something: this ends wfi. */
bool mailbox_wants_attention(const struct mailbox *mailbox);

/* The world's side. */
/* False while nobody listens on the port, or the slot is still in use (closed by both ends and all
 * acknowledged is free again): try again later. */
bool mailbox_connect(struct mailbox *mailbox, uint32_t stream_idx, uint16_t port);
/* Packets for a slot that is free are dropped, as a host does with frames for nobody. */
void mailbox_deliver(struct mailbox *mailbox, uint64_t now_ns, uint32_t stream_idx,
                     const struct stream_packet *packet);
/* The next packet of any stream; false when there is none now. */
bool mailbox_packet(struct mailbox *mailbox, uint64_t now_ns, uint32_t *stream_idx,
                    struct stream_packet *packet);
uint64_t mailbox_deadline_ns(const struct mailbox *mailbox); /* of the earliest retry */
/* After a move: mailbox_packet will announce every stream. Returns how many there are. */
uint32_t mailbox_rehome(struct mailbox *mailbox);

void mailbox_save(const struct mailbox *mailbox, struct bytes *to);
bool mailbox_load(struct mailbox *mailbox, struct bytes_reader *from);

#endif
