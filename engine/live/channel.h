/* channel: one connection of live mode, whoever is at its ends: between two hosts, a host and its
 * gateway (trunk.h), or a door and who knocks there (control.h). Bytes in, bytes out; sealed where
 * there is a key; never faster than it may; dropped, with a reason, when the other end stalls,
 * floods, or cannot prove that it has the key.
 *
 * An address is "HOST:PORT" (IPv6 as "[::1]:PORT"), or the path of a Unix socket, which contains a
 * '/'. Without a key a channel neither listens nor connects beyond loopback. A Unix socket is never
 * sealed: the file system says who may come in.
 *
 * All of it lives on one libuv loop and calls its owner from there. An owner may call channel_close
 * from within every call.
 */
#ifndef LIVE_CHANNEL_H
#define LIVE_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>
#include <uv.h>

#include "base/bytes.h"
#include "base/lending.h"
#include "base/status.h"
#include "live/address.h"

struct channel;

struct channel_owner {
    /* Connected, and both ends have proved that they have the key. */
    void (*opened)(void *owner, struct channel *channel);
    /* Bytes have come, in order. Not kept: whoever needs them later copies them. */
    void (*heard)(void *owner, struct channel *channel, const uint8_t *data, size_t count);
    /* May be NULL; not asked of what is sealed. Where the bytes that come next should go: to these
     * places in this order, which have not more than `most` parts; returns how many. 0: anywhere,
     * and `heard` follows. Else `placed` follows with how many came there. */
    size_t (*place)(void *owner, struct channel *channel, struct iovec *places, size_t most);
    void (*placed)(void *owner, struct channel *channel, size_t count);
    /* There is room: append to `to` what is to be sent next, a chunk (see channel_set_rate). It is
     * asked again when the socket has taken the chunk, so what is urgent goes first by being
     * appended first. With nothing appended it is asked again after channel_poke. NULL: it sends
     * by channel_send alone. */
    void (*fill)(void *owner, struct channel *channel, struct bytes *to);
    /* May be NULL. Asked in place of `fill` where nothing is sealed and no rate is kept: parts of
     * the chunk may be lent. They have left or were copied when the loop goes on. */
    void (*lend)(void *owner, struct channel *channel, struct bytes *to, struct lending *lending);
    /* The last call, from the loop and never from within another call: the connection is no more,
     * or was never made. The channel is freed behind it. `reason` is one sentence, the one given
     * to channel_close; "" where the other end closed it in order. */
    void (*closed)(void *owner, struct channel *channel, const char *reason);
};

/* What both ends of a key's connections share; from a file (key_file.h). */
struct channel_key {
    uint8_t bytes[32];
};

/* How much is borne. Zeros: no limit of that kind. */
struct channel_limits {
    uint64_t stall_ns;    /* something is to be sent, and nothing leaves for so long */
    uint64_t silence_ns;  /* nothing is heard for so long */
    size_t backlog_bytes; /* of channel_send that have not left */
};

/* Looks a name up: `number` is the same address, for channel_connect to take at once. Not STATUS_OK: it
 * is none, nobody has that name, or it is to be reached with a key alone. */
MUST_USE enum status channel_find(const char *text, const struct channel_key *key,
                                  char number[ADDRESS_TEXT_BYTES], struct problem *problem);
/* Makes one, and calls `opened` or `closed` later. On STATUS_USAGE (the address makes no sense, or
 * needs a key) there is none. `key` may be NULL. */
MUST_USE enum status channel_connect(uv_loop_t *loop, const char *address,
                                     const struct channel_key *key,
                                     const struct channel_owner *calls, void *owner,
                                     struct channel **channel, struct problem *problem);

/* ---- Listening ---- */

struct channel_listener;
/* Somebody has come, and where there is a key has proved that he has it, too: set *calls and *owner
 * for the new channel, and return true: `opened` follows. False: it is dropped. The listener may be
 * closed from there. Whoever proves nothing is none of the owner's business, and costs him nothing:
 * only so many are borne at a time, for only so long. */
typedef bool (*channel_accept)(void *listener_owner, struct channel *channel,
                               const struct channel_owner **calls, void **owner);
/* Port 0: any that is free. A Unix socket that is left over from a process that is gone is
 * replaced; one where somebody listens is refused (who sees a visitor that says nothing). The
 * address as it is now, with its port, is what channel_listener_address gives. */
MUST_USE enum status channel_listen(uv_loop_t *loop, const char *address,
                                    const struct channel_key *key, channel_accept accept,
                                    void *listener_owner, struct channel_listener **listener,
                                    struct problem *problem);
const char *channel_listener_address(const struct channel_listener *listener);
/* Who was turned away, and why, is told from now on: one sentence, and no more than one a second. */
void channel_listener_tell(struct channel_listener *listener,
                           void (*turned_away)(void *listener_owner, const char *line));
void channel_listener_close(
    struct channel_listener *listener); /* the Unix socket's file goes too */

/* ---- Use ---- */

void channel_send(struct channel *channel, const void *data, size_t count); /* queued, in order */
/* Within `fill` or `lend`, which appends nothing now although there is something: it will poke. So a
 * rate goes on, and what is put off costs none of it. */
void channel_put_off(struct channel *channel);
/* Asks `fill` again: at once, from within this call, where the socket has room. */
void channel_poke(struct channel *channel);
/* Nothing is read any more until it is turned on again: the other end notices by its window. */
void channel_read(struct channel *channel, bool is_on);
/* At most so many bits leave in a second from now on, evenly: a chunk no sooner than the one before
 * has had its time. 0: as fast as it goes. */
void channel_set_rate(struct channel *channel, uint64_t bits_per_s);
void channel_set_limits(struct channel *channel, const struct channel_limits *limits);
/* At most about so many bytes that have come wait in the kernel to be read, where the way to the
 * other end is short; else as many as the kernel finds right. Without it there may be
 * tens of MiB of them where this end is the slower one, and all of them are older than what is said
 * next. */
void channel_set_unread(struct channel *channel, size_t bytes);
/* Bytes that were appended or queued here and have not left for the wire. */
size_t channel_backlog(const struct channel *channel);
/* It was opened and nobody has ended it: what is said now is sent. Asked by an owner who does more
 * for what he hears than one call. */
bool channel_is_open(const struct channel *channel);
/* It was never made, as nobody listens at its address: a word of the system's, nobody else's. */
bool channel_was_refused(const struct channel *channel);
/* It was closed as the system says that the other end, or the way there, is gone: not for what the
 * other end did. */
bool channel_is_broken(const struct channel *channel);
/* Ends it: what is queued is sent first unless `is_at_once`, if it has ever opened and the other end
 * takes it in half a minute, or as fast as the rate has it. Nothing is heard or asked any more, and
 * `closed` is called with that reason. Closing twice is no harm: the first reason stays. */
void channel_close(struct channel *channel, const char *reason, bool is_at_once);
const char *channel_peer(const struct channel *channel); /* for people: "127.0.0.1:40312" */

#endif
