/* stream: one end of a connection whose bytes are numbered, kept until they are acknowledged, and
 * sent again when they are not. Both ends are this same code: the guest's mailbox and its client.
 *
 * Sequence numbers count bytes in each direction, from 0 where nothing else is agreed. A packet
 * carries the sequence number of its first byte, the first byte that its sender has not read yet
 * (`ack`), and whether the sender's stream ends behind it. Bytes are acknowledged when they are
 * read, not when they arrive: so the window is the flow control as well, and what arrives in order
 * always finds room. Nothing else is needed to survive a move: the state is numbers and at most
 * STREAM_WINDOW_BYTES of bytes each way; what was in flight when the guest moved is sent again.
 *
 *          to_send: acknowledged | sent, not acknowledged | not sent yet
 *                                ^ una                    ^ next        (una + to_send.count: end)
 *
 * Pull: stream_write and stream_read move bytes at the near end; stream_receive takes a packet from
 * the network; stream_next_packet makes the next one to put on it, or says that there is none. Time
 * comes in as now_ns; stream_deadline_ns says when the stream wants to be asked again.
 */
#ifndef MACHINE_STREAM_H
#define MACHINE_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

/* Bytes that may be unacknowledged, and bytes that may wait to be read, each way: what a stream
 * adds to the state that travels while the guest is paused. */
#define STREAM_WINDOW_BYTES 4096

/* A packet that is not acknowledged is sent again after this long, doubling up to the longest. */
#define STREAM_RETRY_NS     (20 * 1000000ull)
#define STREAM_RETRY_MAX_NS (160 * 1000000ull)

struct stream {
    uint8_t to_send[STREAM_WINDOW_BYTES]; /* first byte has the number una */
    uint8_t to_read[STREAM_WINDOW_BYTES]; /* received in order, not read yet */
    uint32_t to_send_count, to_read_count;
    uint64_t una;            /* first byte not acknowledged */
    uint64_t next;           /* next byte to put on the network for the first time */
    uint64_t expected;       /* next byte to receive */
    uint64_t retry_at_ns;    /* when to send again from una; UINT64_MAX: nothing is in flight */
    uint64_t retry_after_ns; /* grows with each retry */
    bool is_closing;         /* the near end has no more to send */
    bool fin_sent, fin_acked, fin_received;
    bool owes_ack;    /* something was read, or came again, since the last packet */
    bool owes_again;  /* all that is unacknowledged goes out now, whatever the timer says */
    bool was_short;   /* a write took less than was offered: tell when there is room */
    bool owes_rehome; /* the next packet announces that this end has moved */
};

struct stream_packet {
    uint64_t sequence; /* number of the first byte of data */
    uint64_t ack;      /* first byte not read yet; one more when the end was read */
    uint32_t bytes;
    bool is_fin;    /* the sender's stream ends behind these bytes; counts as one number */
    bool is_rehome; /* the sender has moved: send again what it has not acknowledged, at once */
    uint8_t data[STREAM_WINDOW_BYTES];
};

void stream_init(struct stream *stream);
/* Before anything was said, and at both ends alike: both directions begin at this number. A number
 * behind all of the connection before makes whatever of that is still on its way old news. */
void stream_begin_at(struct stream *stream, uint64_t first);
/* Behind all the numbers that this stream has used, its end marks too. */
uint64_t stream_numbers_end(const struct stream *stream);

/* Bytes taken from `data`, bounded by the window. */
uint32_t stream_write(struct stream *stream, const void *data, uint32_t count);
/* Bytes given into `data`; 0 with stream_is_at_end: the peer has closed and all is read. */
uint32_t stream_read(struct stream *stream, void *data, uint32_t capacity);
uint32_t stream_room(const struct stream *stream); /* bytes that a write would take now */
bool stream_is_at_end(const struct stream *stream);
void stream_close(struct stream *stream);
bool stream_is_over(const struct stream *stream); /* closed by both, all acknowledged */

/* A packet from the network: duplicates and gaps are dropped, acknowledgements taken. False, and
 * nothing has happened, when the packet contradicts the stream (an acknowledgement of bytes never
 * sent, bytes behind the end or beyond the window). */
bool stream_receive(struct stream *stream, uint64_t now_ns, const struct stream_packet *packet);
/* The next packet for the network, or false when there is nothing to say now. */
bool stream_next_packet(struct stream *stream, uint64_t now_ns, struct stream_packet *packet);
uint64_t stream_deadline_ns(const struct stream *stream); /* UINT64_MAX: none */

/* After a move: everything unacknowledged is to be sent again, and the next packet has is_rehome
 * set, even where there is nothing to send. The peer answers it by sending again in its turn. */
void stream_rehome(struct stream *stream);

void stream_save(const struct stream *stream, struct bytes *to);
bool stream_load(struct stream *stream, struct bytes_reader *from); /* false: impossible numbers */

#endif
