/* channel_private: what channel.c and channel_listen.c share. */
#ifndef LIVE_CHANNEL_PRIVATE_H
#define LIVE_CHANNEL_PRIVATE_H

#include "live/address.h"
#include "live/alarm.h"
#include "live/channel.h"
#include "migrate/pacer.h"

/* Connecting and proving the key take a round trip or two; whoever needs longer than that is no
 * host of ours, or too far away for one. */
#define CHANNEL_PROOF_NS (5 * NS_PER_S)
/* Those who have come and not proved themselves yet. One more, and the oldest goes: so a crowd
 * without the key does not keep out whoever has it. */
#define CHANNEL_UNPROVED_MAX 16

enum channel_state {
    CHANNEL_CONNECTING,
    CHANNEL_PROVING,   /* connected; the key is not proved by both ends yet */
    CHANNEL_OPEN,      /* `opened` was called */
    CHANNEL_FINISHING, /* what is queued is sent, nothing more is heard */
    CHANNEL_LINGERING, /* all is sent: until the other end has closed too */
    CHANNEL_CLOSED,    /* until the loop has let go of it */
};

struct channel {
    enum channel_state state;
    int fd;
    const struct channel_owner *calls;
    void *owner;
    struct channel_limits limits;
    char peer[ADDRESS_TEXT_BYTES];
    char reason[256]; /* why it closes */

    uv_poll_t poll;
    uv_timer_t timer;      /* for the limits, which need no precision */
    struct alarm *alarm;   /* for the rate; made when there is one */
    unsigned open_handles; /* of poll and timer */
    int events;            /* that poll watches for */

    bool is_read_off;  /* channel_read */
    bool has_ended;    /* the other end sends no more */
    bool is_full;      /* the socket takes no more: wait until it is writable */
    bool is_pumping;   /* of two calls of pump within each other the inner does nothing */
    int error;         /* the socket's: what has come before it is still read */
    uint64_t state_ns; /* since when it is in this state, */
    uint64_t heard_ns; /* when it last heard, */
    uint64_t moved_ns; /* and when last something left that had to wait, or began to */

    struct pacer pacer;
    uint64_t waited_for_ns; /* the instant for which the pacer made it wait; 0: it did not */

    struct bytes queued; /* of channel_send */
    struct bytes out;    /* what the socket takes now, from */
    size_t out_at;       /* here on */
    uint8_t *in;         /* what has come: reused */
    size_t in_bytes;

    /* While it is unproved: who waits for it, and those who wait with it, oldest first. */
    struct channel_listener *listener;
    struct channel *younger;
};

/* Of a socket that is connected, or about to be; it is the channel's from now on. */
struct channel *channel_new(uv_loop_t *loop, int fd, const struct address *peer,
                            const struct channel_owner *calls, void *owner);
/* It is connected: opened, or first the key is proved. */
void channel_begin(struct channel *channel);
/* It has proved itself or is closed: the listener looks after it no more. */
void channel_forget(struct channel *channel);
/* Is it worth asking it for this address? Not beyond this computer without a key. */
MUST_USE enum status channel_allow(const struct address *address, const char *text,
                                   const struct channel_key *key, struct problem *problem);
/* What sockets of live mode have in common: what is urgent never waits behind megabytes. */
void channel_tune(int fd, const struct address *address);

#endif
