/* channel_out: what goes: asked for, sealed, paced, written. */
#include <errno.h>
#include <sys/socket.h>

#include "base/units.h"
#include "live/channel_private.h"

/* A piece of what channel_send has queued, where there is a rate to keep evenly. */
#define PACED_PIECE_BYTES (8u << 10)
/* The instants at which a rate lets chunks go are missed by what else the loop has to do: so much
 * is made up for. More was no rate but a stall, and is lost. */
#define LATE_NS (20 * NS_PER_MS)
/* Parts of a chunk that are written at once. */
#define LENT_PARTS 128

static void swap(struct bytes *a, struct bytes *b)
{
    struct bytes other = *a;
    *a = *b;
    *b = other;
}

size_t channel_backlog(const struct channel *channel)
{
    return channel->queued.count + channel->out.count - channel->out_at;
}

/* The socket takes no more; how long it has been like that counts as stalling. */
static void wait_until_writable(struct channel *channel)
{
    if (!channel->is_full)
        channel->moved_ns = uv_hrtime();
    channel->is_full = true;
}

/* What is lent goes from where it is; what does not go now is copied. (Why it does not, write_out
 * hears.) */
static void write_lent(struct channel *channel)
{
    struct span spans[LENT_PARTS];
    struct iovec parts[LENT_PARTS];
    struct bytes rest = {0};
    size_t at = 0, count;

    while ((count = lending_spans(&channel->lent, &channel->out, at, spans, LENT_PARTS)) > 0) {
        struct msghdr message = {.msg_iov = parts, .msg_iovlen = count};
        for (size_t i = 0; i < count; i++)
            parts[i] = (struct iovec){spans[i].data, spans[i].count};
        ssize_t sent = sendmsg(channel->fd, &message, MSG_NOSIGNAL);
        if (sent < 0 && errno != EINTR)
            break;
        at += sent > 0 ? (size_t)sent : 0;
    }
    while ((count = lending_spans(&channel->lent, &channel->out, at, spans, LENT_PARTS)) > 0)
        for (size_t i = 0; i < count; at += spans[i++].count)
            bytes_put(&rest, spans[i].data, spans[i].count);
    lending_clear(&channel->lent);
    bytes_clear(&channel->out);
    if (rest.count > 0)
        swap(&rest, &channel->out);
    bytes_fini(&rest);
}

/* Writes what there is; false: the socket takes no more now, or is broken. */
static bool write_out(struct channel *channel)
{
    if (channel->lent.count > 0)
        write_lent(channel);
    while (channel->out_at < channel->out.count) {
        ssize_t count = send(channel->fd, channel->out.data + channel->out_at,
                             channel->out.count - channel->out_at, MSG_NOSIGNAL);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0 && errno == EAGAIN) {
            wait_until_writable(channel);
            return false;
        }
        if (count < 0) {
            /* Whoever has closed in order need not take what is still sent. */
            if (channel->has_ended)
                channel_shut(channel);
            else
                channel_fail_by(channel, errno);
            return false;
        }
        channel->out_at += (size_t)count;
        if (channel->is_full || channel_is_ending(channel))
            channel->moved_ns = uv_hrtime();
    }
    channel->is_full = false;
    channel->out_at = 0;
    bytes_clear(&channel->out);
    return true;
}

/* True: the rate makes the next chunk wait, and the alarm is set. */
static bool is_held(struct channel *channel, uint64_t now_ns)
{
    if (channel->pacer.bits_per_s == 0 || !pacer_is_holding(&channel->pacer, now_ns))
        return false;
    alarm_set(channel->alarm, channel->pacer.next_ns);
    return true;
}

/* Where there was always something to send, its time began when the chunk before it had had its own,
 * unless that was too long ago. */
static void count_as_sent(struct channel *channel, uint64_t now_ns)
{
    uint64_t next_ns = channel->pacer.next_ns, began_ns = now_ns;

    if (channel->has_more && next_ns < now_ns)
        began_ns = now_ns - next_ns < LATE_NS ? next_ns : now_ns - LATE_NS;
    pacer_sent(&channel->pacer, began_ns, channel->out.count);
    channel->has_more = true;
}

/* ---- What goes next ---- */

/* The first `count` bytes of what was queued; without a copy where that is all of it. */
static void take_queued(struct channel *channel, size_t count)
{
    if (channel->seal == NULL && count == channel->queued.count) {
        swap(&channel->queued, &channel->out);
        return;
    }
    if (channel->seal != NULL)
        seal_put(channel->seal, channel->queued.data, count, &channel->out);
    else
        bytes_put(&channel->out, channel->queued.data, count);
    bytes_drop_front(&channel->queued, count);
}

static void take_filled(struct channel *channel)
{
    if (channel->seal == NULL && channel->calls->lend != NULL && channel->pacer.bits_per_s == 0) {
        channel->calls->lend(channel->owner, channel, &channel->out, &channel->lent);
        return;
    }
    if (channel->seal == NULL) {
        channel->calls->fill(channel->owner, channel, &channel->out);
        return;
    }
    bytes_clear(&channel->plain);
    channel->calls->fill(channel->owner, channel, &channel->plain);
    if (channel->state != CHANNEL_CLOSED)
        seal_put(channel->seal, channel->plain.data, channel->plain.count, &channel->out);
}

/* The other end is to be told that no more comes. */
static bool owes_last(const struct channel *channel)
{
    return channel->state == CHANNEL_FINISHING && channel->seal != NULL &&
           !channel->seal->has_said_last;
}

static void take_next(struct channel *channel)
{
    bool is_paced = channel->pacer.bits_per_s > 0;

    if (channel->queued.count > 0)
        take_queued(channel, is_paced ? smaller(channel->queued.count, PACED_PIECE_BYTES)
                                      : channel->queued.count);
    else if (channel->state == CHANNEL_OPEN && channel->calls->fill != NULL)
        take_filled(channel);
    else if (owes_last(channel))
        seal_end(channel->seal, &channel->out);
}

/* All has left. The other end is told, and may still have something under way: a socket that is
 * closed over bytes that nobody has read takes back what it has sent. */
static void finish(struct channel *channel)
{
    if (channel->has_ended || shutdown(channel->fd, SHUT_WR) != 0)
        channel_shut(channel);
    else
        channel_enter(channel, CHANNEL_LINGERING);
}

/* As much as the socket takes, and the rate lets go, in one turn. */
static void pump_turn(struct channel *channel)
{
    size_t budget = CHANNEL_TURN_BYTES;

    while (write_out(channel) && channel->state != CHANNEL_PROVING) {
        uint64_t now_ns = channel->pacer.bits_per_s == 0 ? 0 : uv_hrtime();
        if (is_held(channel, now_ns))
            return;
        if (budget == 0) {
            wait_until_writable(channel); /* it is, when the loop comes round */
            return;
        }
        channel->is_put_off = false;
        take_next(channel);
        if (channel->state == CHANNEL_CLOSED)
            return;
        if (channel->out.count == 0) {
            if (channel->queued.count > 0 || owes_last(channel))
                continue; /* said or closed while it was asked for more */
            channel->has_more &= channel->is_put_off;
            if (channel->state == CHANNEL_FINISHING)
                finish(channel);
            return;
        }
        count_as_sent(channel, now_ns);
        budget -= smaller(budget, channel->out.count + channel->lent.bytes);
    }
}

void channel_pump(struct channel *channel)
{
    if (channel->is_pumping || channel->state < CHANNEL_PROVING ||
        channel->state > CHANNEL_FINISHING)
        return;
    channel->is_pumping = true;
    pump_turn(channel);
    channel->is_pumping = false;
    channel_watch(channel);
}

/* ---- What the owner says ---- */

void channel_poke(struct channel *channel)
{
    if (!channel->is_full)
        channel_pump(channel);
}

void channel_send(struct channel *channel, const void *data, size_t count)
{
    size_t most = channel->limits.backlog_bytes;
    char text[32];

    if (channel_is_ending(channel))
        return;
    bytes_put(&channel->queued, data, count);
    channel_poke(channel);
    if (most > 0 && channel_backlog(channel) > most) {
        units_for_people(UNIT_SIZE, most, text, sizeof text);
        channel_fail(channel, "%s does not take what it is sent: more than %s wait for it",
                     channel->peer, text);
    }
}

void channel_put_off(struct channel *channel)
{
    channel->is_put_off = true;
}

static void rang(void *owner)
{
    channel_poke(owner);
}

void channel_set_rate(struct channel *channel, uint64_t bits_per_s)
{
    if (channel->state == CHANNEL_CLOSED)
        return;
    if (bits_per_s > 0 && channel->alarm == NULL &&
        (channel->alarm = alarm_open(channel->poll.loop, rang, channel)) == NULL) {
        channel_fail(channel, "no timer is left to keep the rate of %s", channel->peer);
        return;
    }
    /* What was sent at the old rate has had its time: the new one holds from here on. */
    channel->pacer = (struct pacer){.bits_per_s = bits_per_s};
    channel->has_more = false;
    channel_poke(channel);
}
