/* channel: see channel.h. The socket is watched by uv_poll and read and written here: libuv's
 * streams would take a write of their own for each chunk, and ask for none when there is room. */
#include "live/channel.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/units.h"
#include "live/channel_private.h"

/* What is read at once: few bytes of whoever is silent, and many of a stream of pages. */
#define IN_BYTES_MIN (16u << 10)
#define IN_BYTES_MAX (512u << 10)
/* What is read and written in one turn of the loop, so that the others get theirs. */
#define TURN_BYTES (2u << 20)
/* A piece of what channel_send has queued, where there is a rate to keep evenly. */
#define PACED_PIECE_BYTES (8u << 10)
/* The instant at which a rate lets the next chunk go is missed by what else the loop has to do: so
 * much is made up for. More was no rate but a stall, and is lost. */
#define LATE_NS (20 * NS_PER_MS)
/* The kernel holds no more than this that has not left yet. */
#define UNSENT_BYTES (128 << 10)
/* For how long a closed channel waits for its last bytes to leave, and the other end to close. */
#define LINGER_NS (2 * NS_PER_S)

static void pump(struct channel *channel);

/* ---- Closing ---- */

static bool is_ending(const struct channel *channel)
{
    return channel->state >= CHANNEL_FINISHING;
}

static void enter(struct channel *channel, enum channel_state state)
{
    MUST(state > channel->state);
    channel->state = state;
    channel->state_ns = channel->heard_ns = channel->moved_ns = uv_hrtime();
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct channel *channel = handle->data;

    if (--channel->open_handles > 0)
        return;
    channel->calls->closed(channel->owner, channel, channel->reason);
    bytes_fini(&channel->queued);
    bytes_fini(&channel->out);
    free(channel->in);
    free(channel);
}

static void shut(struct channel *channel)
{
    if (channel->state == CHANNEL_CLOSED)
        return;
    enter(channel, CHANNEL_CLOSED);
    channel_forget(channel);
    uv_close((uv_handle_t *)&channel->poll, on_handle_closed);
    uv_close((uv_handle_t *)&channel->timer, on_handle_closed);
    alarm_close(channel->alarm);
    close(channel->fd);
}

/* Something went wrong, unless it is closing anyway. */
static void __attribute__((format(printf, 2, 3)))
fail(struct channel *channel, const char *format, ...)
{
    if (!is_ending(channel)) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(channel->reason, sizeof channel->reason, format, arguments);
        va_end(arguments);
    }
    shut(channel);
}

static void fail_by(struct channel *channel, int error)
{
    if (channel->state == CHANNEL_CONNECTING)
        fail(channel, "%s cannot be reached: %s", channel->peer, strerror(error));
    else
        fail(channel, "the connection to %s broke: %s", channel->peer, strerror(error));
}

void channel_close(struct channel *channel, const char *reason, bool is_at_once)
{
    if (!is_ending(channel))
        snprintf(channel->reason, sizeof channel->reason, "%s", reason);
    if (is_at_once || channel->state < CHANNEL_OPEN) {
        shut(channel);
    } else if (!is_ending(channel)) {
        enter(channel, CHANNEL_FINISHING);
        pump(channel);
    }
}

/* ---- What is watched for ---- */

static void on_poll(uv_poll_t *poll, int status, int events);

static void watch(struct channel *channel)
{
    int events = 0;

    if (channel->state == CHANNEL_CLOSED)
        return;
    if (channel->state == CHANNEL_CONNECTING || channel->is_full)
        events |= UV_WRITABLE;
    if (channel->state != CHANNEL_CONNECTING && !channel->has_ended &&
        (!channel->is_read_off || is_ending(channel)))
        events |= UV_READABLE;
    if (events == channel->events)
        return;
    channel->events = events;
    if (events == 0)
        uv_poll_stop(&channel->poll);
    else
        MUST(uv_poll_start(&channel->poll, events, on_poll) == 0);
}

/* ---- Limits ---- */

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t limit_at(uint64_t since_ns, uint64_t limit_ns)
{
    return limit_ns == 0 || limit_ns > UINT64_MAX - since_ns ? UINT64_MAX : since_ns + limit_ns;
}

static uint64_t silence_at(const struct channel *channel)
{
    return channel->is_read_off ? UINT64_MAX
                                : limit_at(channel->heard_ns, channel->limits.silence_ns);
}

/* While the rate makes it wait it does not stall. */
static uint64_t stall_at(const struct channel *channel)
{
    return channel->is_full ? limit_at(channel->moved_ns, channel->limits.stall_ns) : UINT64_MAX;
}

static void set_timer(struct channel *channel);

static void on_timer(uv_timer_t *timer)
{
    struct channel *channel = timer->data;
    uint64_t now_ns = uv_hrtime();
    char text[32];

    if (channel->state < CHANNEL_OPEN && now_ns >= channel->state_ns + CHANNEL_PROOF_NS) {
        if (channel->state == CHANNEL_CONNECTING)
            fail(channel, "%s cannot be reached: it does not answer", channel->peer);
        else
            fail(channel, "%s has not proved in time that it has the key", channel->peer);
    } else if (is_ending(channel) && now_ns >= channel->moved_ns + LINGER_NS) {
        shut(channel);
    } else if (channel->state == CHANNEL_OPEN && now_ns >= stall_at(channel)) {
        units_for_people(UNIT_TIME, channel->limits.stall_ns, text, sizeof text);
        fail(channel, "%s stalls: it has taken nothing for %s", channel->peer, text);
    } else if (channel->state == CHANNEL_OPEN && now_ns >= silence_at(channel)) {
        units_for_people(UNIT_TIME, channel->limits.silence_ns, text, sizeof text);
        fail(channel, "%s is silent: nothing was heard for %s", channel->peer, text);
    } else {
        set_timer(channel);
    }
}

/* The timer is set for what may happen first, and looks again then: what is heard and sent
 * meanwhile only writes down when. */
static void set_timer(struct channel *channel)
{
    uint64_t now_ns = uv_hrtime(), at_ns;

    if (channel->state == CHANNEL_CLOSED)
        return;
    if (channel->state < CHANNEL_OPEN)
        at_ns = channel->state_ns + CHANNEL_PROOF_NS;
    else if (is_ending(channel))
        at_ns = channel->moved_ns + LINGER_NS;
    else
        at_ns =
            least(limit_at(channel->is_full ? channel->moved_ns : now_ns, channel->limits.stall_ns),
                  limit_at(channel->is_read_off ? now_ns : channel->heard_ns,
                           channel->limits.silence_ns));
    if (at_ns == UINT64_MAX)
        uv_timer_stop(&channel->timer);
    else
        uv_timer_start(&channel->timer, on_timer,
                       at_ns <= now_ns ? 1 : (at_ns - now_ns) / NS_PER_MS + 1, 0);
}

void channel_set_limits(struct channel *channel, const struct channel_limits *limits)
{
    channel->limits = *limits;
    set_timer(channel);
}

/* ---- Writing ---- */

size_t channel_backlog(const struct channel *channel)
{
    return channel->queued.count + channel->out.count - channel->out_at;
}

/* Writes what there is; false: the socket takes no more now, or is broken. */
static bool write_out(struct channel *channel)
{
    while (channel->out_at < channel->out.count) {
        ssize_t count = send(channel->fd, channel->out.data + channel->out_at,
                             channel->out.count - channel->out_at, MSG_NOSIGNAL);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0 && errno != EAGAIN) {
            /* Whoever has closed in order need not take what is still sent. */
            if (channel->has_ended)
                shut(channel);
            else
                fail_by(channel, errno);
            return false;
        }
        if (count < 0) {
            if (!channel->is_full)
                channel->moved_ns = uv_hrtime();
            channel->is_full = true;
            return false;
        }
        channel->out_at += (size_t)count;
        if (channel->is_full || is_ending(channel))
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
    channel->waited_for_ns = channel->pacer.next_ns;
    alarm_set(channel->alarm, channel->pacer.next_ns);
    return true;
}

/* What goes next: what was queued, then what `fill` gives. */
static void take_next(struct channel *channel)
{
    if (channel->queued.count > PACED_PIECE_BYTES && channel->pacer.bits_per_s > 0) {
        bytes_put(&channel->out, channel->queued.data, PACED_PIECE_BYTES);
        bytes_drop_front(&channel->queued, PACED_PIECE_BYTES);
    } else if (channel->queued.count > 0) {
        struct bytes emptied = channel->out;
        channel->out = channel->queued;
        channel->queued = emptied;
    } else if (channel->state == CHANNEL_OPEN && channel->calls->fill != NULL) {
        channel->calls->fill(channel->owner, channel, &channel->out);
    }
}

/* All has left. The other end is told, and may still have something under way: a socket that is
 * closed over bytes that nobody has read takes back what it has sent. */
static void finish(struct channel *channel)
{
    if (channel->has_ended || shutdown(channel->fd, SHUT_WR) != 0)
        shut(channel);
    else
        enter(channel, CHANNEL_LINGERING);
}

/* As much as the socket takes, and the rate lets go, in one turn. */
static void pump_turn(struct channel *channel)
{
    size_t budget = TURN_BYTES;

    while (write_out(channel)) {
        uint64_t now_ns = channel->pacer.bits_per_s == 0 ? 0 : uv_hrtime();
        if (is_held(channel, now_ns))
            return;
        if (budget == 0) {
            channel->is_full = true; /* it goes on when the loop comes round */
            channel->moved_ns = uv_hrtime();
            return;
        }
        take_next(channel);
        if (channel->state == CHANNEL_CLOSED)
            return;
        if (channel->out.count == 0) {
            channel->waited_for_ns = 0;
            if (channel->state == CHANNEL_FINISHING)
                finish(channel);
            return;
        }
        bool is_late = channel->waited_for_ns != 0 && now_ns < channel->waited_for_ns + LATE_NS;
        pacer_sent(&channel->pacer, is_late ? channel->waited_for_ns : now_ns, channel->out.count);
        channel->waited_for_ns = 0;
        budget -= least(budget, channel->out.count);
    }
}

static void pump(struct channel *channel)
{
    if (channel->is_pumping || channel->state < CHANNEL_OPEN || channel->state > CHANNEL_FINISHING)
        return;
    channel->is_pumping = true;
    pump_turn(channel);
    channel->is_pumping = false;
    watch(channel);
}

void channel_poke(struct channel *channel)
{
    if (!channel->is_full)
        pump(channel);
}

void channel_send(struct channel *channel, const void *data, size_t count)
{
    char text[32];

    if (is_ending(channel))
        return;
    bytes_put(&channel->queued, data, count);
    channel_poke(channel);
    if (channel->limits.backlog_bytes > 0 &&
        channel_backlog(channel) > channel->limits.backlog_bytes) {
        units_for_people(UNIT_SIZE, channel->limits.backlog_bytes, text, sizeof text);
        fail(channel, "%s does not take what it is sent: more than %s wait for it", channel->peer,
             text);
    }
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
        fail(channel, "no timer is left to keep the rate of %s", channel->peer);
        return;
    }
    /* What was sent at the old rate has had its time: the new one holds from here on. */
    channel->pacer = (struct pacer){.bits_per_s = bits_per_s};
    channel->waited_for_ns = 0;
    channel_poke(channel);
}

/* ---- Reading ---- */

void channel_read(struct channel *channel, bool is_on)
{
    channel->is_read_off = !is_on;
    channel->heard_ns = uv_hrtime();
    watch(channel);
    set_timer(channel);
}

/* The buffer grows with what comes. */
static void make_room(struct channel *channel, bool is_more_wanted)
{
    if (channel->in != NULL && (!is_more_wanted || channel->in_bytes == IN_BYTES_MAX))
        return;
    channel->in_bytes = channel->in == NULL ? IN_BYTES_MIN : channel->in_bytes * 2;
    free(channel->in); /* nothing in it is needed any more */
    channel->in = malloc(channel->in_bytes);
    MUST(channel->in != NULL);
}

static bool hears(const struct channel *channel)
{
    return channel->state == CHANNEL_OPEN && !channel->is_read_off;
}

/* The other end sends no more. What is queued for it still goes. */
static void on_end(struct channel *channel)
{
    channel->has_ended = true;
    if (channel->error != 0) {
        fail_by(channel, channel->error);
    } else if (channel->state == CHANNEL_LINGERING) {
        shut(channel);
    } else if (channel->state == CHANNEL_OPEN) {
        channel_close(channel, "", false);
    }
}

/* One read, as much as there is room for: first where the owner wants it. How much came; 0: no
 * more now. */
static size_t read_once(struct channel *channel)
{
    struct iovec rooms[2] = {0};
    struct iovec *room = &rooms[1], *place = &rooms[0];

    if (channel->calls->place != NULL && hears(channel)) {
        uint8_t *to = NULL;
        place->iov_len = channel->calls->place(channel->owner, channel, &to);
        place->iov_base = to;
        if (channel->state == CHANNEL_CLOSED)
            return 0;
    }
    *room = (struct iovec){channel->in, channel->in_bytes};
    ssize_t count =
        readv(channel->fd, place->iov_len > 0 ? rooms : room, place->iov_len > 0 ? 2 : 1);
    if (count <= 0) {
        if (count == 0)
            on_end(channel);
        else if (errno != EAGAIN && errno != EINTR)
            fail_by(channel, errno);
        return 0;
    }
    size_t placed = least((size_t)count, place->iov_len);
    if (placed > 0)
        channel->calls->heard(channel->owner, channel, place->iov_base, placed);
    if ((size_t)count > placed && channel->state == CHANNEL_OPEN)
        channel->calls->heard(channel->owner, channel, channel->in, (size_t)count - placed);
    return (size_t)count;
}

static void read_turn(struct channel *channel)
{
    size_t budget = TURN_BYTES;
    bool is_more = false;

    channel->heard_ns = uv_hrtime();
    do {
        if (channel->state == CHANNEL_CLOSED || !(hears(channel) || is_ending(channel)))
            return;
        make_room(channel, is_more);
        size_t count = read_once(channel);
        is_more = count >= channel->in_bytes;
        budget -= least(budget, count);
    } while (is_more && budget > 0); /* what came meanwhile the loop will say */
}

/* ---- The loop ---- */

static int socket_error(const struct channel *channel)
{
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(channel->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    return error;
}

/* On an error libuv stops watching, and says no more than that: the socket knows. What had come
 * before it is still read. */
static void on_error(struct channel *channel)
{
    int error = socket_error(channel);

    channel->events = 0;
    channel->error = error != 0 ? error : ECONNRESET;
    make_room(channel, false);
    while (hears(channel) && read_once(channel) > 0)
        ;
    if (channel->state != CHANNEL_CLOSED)
        fail_by(channel, channel->error);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct channel *channel = poll->data;

    if (status < 0) {
        on_error(channel);
        return;
    }
    if (channel->state == CHANNEL_CONNECTING) {
        int error = socket_error(channel);
        if (error != 0)
            fail_by(channel, error);
        else
            channel_begin(channel);
        return;
    }
    if (events & UV_READABLE)
        read_turn(channel);
    if (events & UV_WRITABLE)
        pump(channel);
    watch(channel);
}

void channel_begin(struct channel *channel)
{
    enter(channel, CHANNEL_OPEN);
    channel_forget(channel);
    set_timer(channel);
    watch(channel);
    channel->calls->opened(channel->owner, channel);
    pump(channel);
}

/* ---- Making one ---- */

void channel_tune(int fd, const struct address *address)
{
    int on = 1, unsent = UNSENT_BYTES;

    if (address_is_unix(address))
        return;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
}

enum status channel_allow(const struct address *address, const char *text,
                          const struct channel_key *key, struct problem *problem)
{
    if (key != NULL && !address_is_unix(address))
        return problem_set(problem, STATUS_USAGE, "%.100s: nothing is sealed yet", text);
    if (address_is_local(address))
        return STATUS_OK;
    return problem_set(problem, STATUS_USAGE,
                       "%.100s is beyond this computer: that needs a key, the same at both ends: "
                       "--key FILE, made by head -c 32 /dev/urandom > FILE; chmod 600 FILE",
                       text);
}

struct channel *channel_new(uv_loop_t *loop, int fd, const struct address *peer,
                            const struct channel_owner *calls, void *owner)
{
    struct channel *channel = calloc(1, sizeof *channel);

    MUST(channel != NULL);
    channel->fd = fd;
    channel->calls = calls;
    channel->owner = owner;
    channel->state_ns = uv_hrtime();
    address_format(peer, channel->peer);
    channel_tune(fd, peer);
    channel->poll.data = channel->timer.data = channel;
    MUST(uv_poll_init(loop, &channel->poll, fd) == 0);
    MUST(uv_timer_init(loop, &channel->timer) == 0);
    channel->open_handles = 2;
    set_timer(channel);
    return channel;
}

enum status channel_connect(uv_loop_t *loop, const char *text, const struct channel_key *key,
                            const struct channel_owner *calls, void *owner,
                            struct channel **channel, struct problem *problem)
{
    struct address address;
    enum status status = address_parse(text, &address, problem);

    if (status == STATUS_OK)
        status = channel_allow(&address, text, key, problem);
    if (status != STATUS_OK)
        return status;
    int fd = socket(address.socket.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return problem_set(problem, STATUS_NO_FILE, "%.100s: no socket is left: %s", text,
                           strerror(errno));
    *channel = channel_new(loop, fd, &address, calls, owner);
    if (connect(fd, (struct sockaddr *)&address.socket, address.socket_bytes) != 0 &&
        errno != EINPROGRESS)
        fail_by(*channel, errno);
    watch(*channel);
    return STATUS_OK;
}

const char *channel_peer(const struct channel *channel)
{
    return channel->peer;
}
