/* channel_private: what the files of channel share.
 *
 *   channel.c          its life: connecting, limits, the loop's calls, closing
 *   channel_in.c       what comes: read, unsealed, handed on
 *   channel_out.c      what goes: asked for, sealed, paced, written
 *   channel_listen.c   who may come in
 */
#ifndef LIVE_CHANNEL_PRIVATE_H
#define LIVE_CHANNEL_PRIVATE_H

#include "base/smaller.h"
#include "live/address.h"
#include "live/alarm.h"
#include "live/channel.h"
#include "migrate/pacer.h"
#include "wire/seal.h"

/* What is read and written in one turn of the loop, so that the others get theirs. */
#define CHANNEL_TURN_BYTES (2u << 20)
/* Connecting and proving the key take a round trip or two; whoever needs longer than that is no
 * host of ours, or too far away for one. */
#define CHANNEL_PROOF_NS (5 * NS_PER_S)
/* What was queued when it was closed has so long to leave, or longer where its own rate holds it. */
#define CHANNEL_FINISH_NS (30 * NS_PER_S)
/* Those who have come and not proved themselves yet. One more, and one of the older half goes: so
 * neither a crowd without the key nor a flood of them keeps out whoever has it. */
#define CHANNEL_UNPROVED_MAX 256

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
    struct seal *seal; /* owned; NULL: what is said stands as it is */
    char peer[ADDRESS_TEXT_BYTES];
    char reason[256]; /* why it closes */

    uv_poll_t poll;
    uv_timer_t timer;      /* for the limits, which need no precision */
    struct alarm *alarm;   /* for the rate; made when there is one */
    unsigned open_handles; /* of poll and timer */
    int events;            /* that poll watches for */

    bool is_read_off;  /* channel_read */
    bool is_kept_back; /* of `in` something was read while that was so: it may be heard now */
    bool is_refused;   /* nobody listened at the address */
    bool is_broken;    /* it was open, and the system says that it is no more */
    bool has_heard;    /* anything, ever */
    bool has_ended;    /* the other end sends no more */
    bool is_hearing;   /* within a call of `heard` */
    bool is_full;      /* the socket takes no more: wait until it is writable */
    bool is_pumping;   /* of two calls of channel_pump within each other the inner does nothing */
    int error;         /* the socket's: what has come before it is still read */
    uint64_t state_ns; /* since when it is in this state, */
    uint64_t heard_ns; /* when it last heard, */
    uint64_t moved_ns; /* and when last something left that had to wait, or began to */

    struct pacer pacer;
    bool has_more;   /* since the last chunk there was always something to send */
    bool is_put_off; /* channel_put_off, in this call of `fill` */

    struct bytes queued; /* of channel_send */
    struct bytes plain;  /* of `fill`, on its way to be sealed */
    struct bytes out;    /* what the socket takes now, from */
    size_t out_at;       /* here on */
    struct lending lent; /* of `out`, and only while it is pumped */
    uint8_t *in; /* a buffer of in_bytes, reused; in_count of them have come, and were not */
    size_t in_bytes, in_count; /* heard: a part of a record, or it is not to be read now */
    uint8_t *unsealed;         /* one record */

    /* While it is unproved: who waits for it, and those who wait with it, oldest first. */
    struct channel_listener *listener;
    struct channel *younger;
};

/* The key's proof is read, and the other end's end waited for, whatever its owner wants to hear. */
static inline bool channel_is_reading(const struct channel *channel)
{
    return channel->state != CHANNEL_CLOSED &&
           (channel->state != CHANNEL_OPEN || !channel->is_read_off);
}

static inline bool channel_is_ending(const struct channel *channel)
{
    return channel->state >= CHANNEL_FINISHING;
}

/* ---- Its life ---- */

/* Of a socket that is connected, or about to be; it is the channel's from now on. */
struct channel *channel_new(uv_loop_t *loop, int fd, const struct address *peer,
                            const struct channel_owner *calls, void *owner);
/* What it says is sealed: before channel_begin. */
void channel_seal(struct channel *channel, enum seal_role role, const struct channel_key *key);
/* It is connected: opened, or first the key is proved. */
void channel_begin(struct channel *channel);
/* The key is proved, or there is none. */
void channel_open(struct channel *channel);
/* It has proved itself: the listener's owner takes it, if one has come at all. False: it is closed. */
bool channel_admit(struct channel *channel);
/* It is closed before that: the listener looks after it no more, and says why. */
void channel_turn_away(struct channel *channel);
void channel_enter(struct channel *channel, enum channel_state state);
void channel_watch(struct channel *channel); /* for what it is waiting for now */
void channel_set_timer(struct channel *channel);
/* `closed` follows, with the reason there is. */
void channel_shut(struct channel *channel);
/* Something went wrong: shut, with that reason unless it is closing anyway. */
void channel_fail(struct channel *channel, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void channel_fail_by(struct channel *channel, int error);

/* Is it worth asking it for this address? Not beyond this computer without a key. */
MUST_USE enum status channel_allow(const struct address *address, const char *text,
                                   const struct channel_key *key, struct problem *problem);

/* ---- In and out ---- */

void channel_pump(struct channel *channel);      /* what the socket takes, and the rate lets go */
void channel_read_turn(struct channel *channel); /* what has come */
/* What has been read and not heard, where it may be heard now. */
void channel_hear(struct channel *channel);
/* What has come before the socket's error. */
void channel_read_rest(struct channel *channel);

#endif
