/* channel_in: what comes: read, unsealed, handed on. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "live/channel_private.h"

/* What is read at once: few bytes of whoever is silent, and many of a stream of pages. The most
 * holds several sealed records. */
#define IN_BYTES_MIN (16u << 10)
#define IN_BYTES_MAX (512u << 10)
/* Parts of where an owner wants what comes: 128 pages, and what stands between them. */
#define PLACES_MAX 256
/* A round trip within a building. */
#define LAN_RTT_US 2000

static bool hears(const struct channel *channel)
{
    return channel->state == CHANNEL_OPEN && !channel->is_read_off;
}

/* The buffer grows with what comes. */
static void make_room(struct channel *channel, bool is_more_wanted)
{
    if (channel->in != NULL && (channel->in_bytes == IN_BYTES_MAX ||
                                !(is_more_wanted || channel->in_count == channel->in_bytes)))
        return;
    channel->in_bytes = channel->in == NULL ? IN_BYTES_MIN : channel->in_bytes * 2;
    channel->in = realloc(channel->in, channel->in_bytes);
    MUST(channel->in != NULL);
}

/* ---- Handing on ---- */

static void tell(struct channel *channel, const uint8_t *data, size_t count)
{
    bool is_first = !channel->has_heard;

    channel->has_heard = true;
    if (is_first && channel->seal == NULL && seal_is_greeting(data, count)) {
        channel_fail(channel,
                     "%s seals what it says, and this end has no key: start it with --key FILE and "
                     "the same key",
                     channel->peer);
        return;
    }
    channel->calls->heard(channel->owner, channel, data, count);
}

/* The other end sends no more. What is queued for it still goes. */
static void on_end(struct channel *channel)
{
    channel->has_ended = true;
    if (channel->error != 0)
        channel_fail_by(channel, channel->error);
    else if (channel->state == CHANNEL_PROVING)
        channel_fail(channel,
                     "%s has closed without a proof that it has the key: it may have none, or "
                     "another, or be called by too many at once",
                     channel->peer);
    else if (channel->state == CHANNEL_LINGERING)
        channel_shut(channel);
    else if (channel->state == CHANNEL_OPEN && channel->seal != NULL &&
             !seal_has_ended(channel->seal))
        channel_fail(channel, "the connection to %s was cut: its sealed end did not come",
                     channel->peer);
    else if (channel->state == CHANNEL_OPEN)
        channel_close(channel, "", false);
}

static uint8_t *room_for_record(struct channel *channel)
{
    if (channel->unsealed == NULL)
        MUST((channel->unsealed = malloc(SEAL_PLAIN_MAX)) != NULL);
    return channel->unsealed;
}

/* The greeting, the proof, or a record: one of them. How many bytes it took; 0: it is not all
 * there, or nothing is believed any more. */
static size_t unseal_one(struct channel *channel, const uint8_t *data, size_t count)
{
    uint8_t *to = room_for_record(channel);
    size_t consumed, plain_bytes;
    struct problem problem = {0};

    if (seal_receive(channel->seal, data, count, &consumed, to, &plain_bytes, &channel->out,
                     &problem) != STATUS_OK) {
        channel_fail(channel, "%s: %s", channel->peer, problem.text);
        return 0;
    }
    if (channel->state == CHANNEL_PROVING && seal_is_open(channel->seal))
        channel_open(channel);
    else if (channel->state == CHANNEL_PROVING)
        channel_pump(channel);
    else if (seal_has_ended(channel->seal))
        on_end(channel);
    else if (plain_bytes > 0)
        tell(channel, to, plain_bytes);
    return consumed;
}

static void hear_sealed(struct channel *channel)
{
    size_t at = 0, count = 1;

    while (count > 0 && at < channel->in_count &&
           (hears(channel) || channel->state == CHANNEL_PROVING)) {
        count = unseal_one(channel, channel->in + at, channel->in_count - at);
        at += count;
    }
    channel->in_count -= at;
    memmove(channel->in, channel->in + at, channel->in_count);
}

void channel_hear(struct channel *channel)
{
    if (channel->in_count == 0 || channel->is_hearing)
        return;
    channel->is_hearing = true;
    channel->is_kept_back = false;
    if (channel_is_ending(channel)) {
        channel->in_count = 0;
    } else if (channel->seal != NULL) {
        hear_sealed(channel);
    } else if (hears(channel)) {
        size_t count = channel->in_count;
        channel->in_count = 0;
        tell(channel, channel->in, count);
    }
    channel->is_hearing = false;
}

/* ---- Reading ---- */

/* One read, as much as there is room for: where the owner wants it, if it is not sealed. What does
 * not fit there is asked for by the next read, for which the owner has other places: through the
 * buffer it would be copied. How much came, and whether that was all there was room for; 0: no more
 * now. */
static size_t read_once(struct channel *channel, bool *is_filled)
{
    struct iovec rooms[PLACES_MAX];
    size_t places = 0, room_bytes = 0;

    /* The first bytes say whether the other end seals: they are looked at. And what was read before
     * is heard before. */
    if (channel->calls->place != NULL && channel->seal == NULL && channel->has_heard &&
        channel->in_count == 0 && hears(channel))
        places = channel->calls->place(channel->owner, channel, rooms, PLACES_MAX);
    if (channel->state == CHANNEL_CLOSED)
        return 0;
    bool is_placed = places > 0;
    if (!is_placed)
        rooms[places++] =
            (struct iovec){channel->in + channel->in_count, channel->in_bytes - channel->in_count};
    for (size_t i = 0; i < places; i++)
        room_bytes += rooms[i].iov_len;
    ssize_t count = readv(channel->fd, rooms, (int)places);
    if (count <= 0) {
        if (count == 0)
            on_end(channel);
        else if (errno != EAGAIN && errno != EINTR)
            channel_fail_by(channel, errno);
        return 0;
    }
    *is_filled = (size_t)count == room_bytes;
    if (is_placed) {
        channel->calls->placed(channel->owner, channel, (size_t)count);
    } else {
        channel->in_count += (size_t)count;
        channel_hear(channel);
    }
    return (size_t)count;
}

/* What was read before it was turned off comes first. */
void channel_read_turn(struct channel *channel)
{
    size_t budget = CHANNEL_TURN_BYTES;
    bool is_more = false;

    channel->heard_ns = uv_hrtime();
    channel_hear(channel);
    do {
        if (!channel_is_reading(channel))
            return;
        make_room(channel, is_more);
        is_more = false;
        budget -= smaller(budget, read_once(channel, &is_more));
    } while (is_more && budget > 0); /* what came meanwhile the loop will say */
}

void channel_read_rest(struct channel *channel)
{
    bool is_filled;

    channel_hear(channel);
    do
        make_room(channel, false);
    while ((hears(channel) || channel->state == CHANNEL_PROVING) &&
           read_once(channel, &is_filled) > 0);
}

/* What a computer that is busy says of its own round trips is not believed. */
static bool is_near(const struct channel *channel)
{
    struct address peer = {.socket_bytes = sizeof peer.socket};
    struct tcp_info info;
    socklen_t size = sizeof info;

    if (getpeername(channel->fd, (struct sockaddr *)&peer.socket, &peer.socket_bytes) == 0 &&
        address_is_local(&peer))
        return true;
    return getsockopt(channel->fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 &&
           info.tcpi_rtt <= LAN_RTT_US;
}

void channel_set_unread(struct channel *channel, size_t bytes)
{
    int room = (int)bytes;

    if (is_near(channel))
        (void)setsockopt(channel->fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
}

/* What was read before it was turned off is heard when the loop comes round: the timer's turn. A
 * part of a record alone waits for its rest. */
void channel_read(struct channel *channel, bool is_on)
{
    channel->is_kept_back |= channel->is_read_off && channel->in_count > 0;
    channel->is_read_off = !is_on;
    channel->heard_ns = uv_hrtime();
    channel_watch(channel);
    channel_set_timer(channel);
}
