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
#include <unistd.h>

#include "base/units.h"
#include "live/channel_private.h"
#include "live/key_file.h"

/* The kernel holds no more than this that has not left yet: what is urgent never waits behind
 * megabytes. Within this computer more has left before the next timer could ring. */
#define UNSENT_BYTES        (128 << 10)
#define UNSENT_WITHIN_BYTES (512 << 10)
/* A computer that is gone without a word is asked so often, after so long, before it is given up:
 * after 25 seconds. */
#define ALIVE_AFTER_S 10
#define ALIVE_EVERY_S 5
#define ALIVE_ASKED   3
/* For how long a closed channel waits for its last bytes to leave, and the other end to close. */
#define LINGER_NS (2 * NS_PER_S)

/* ---- Closing ---- */

void channel_enter(struct channel *channel, enum channel_state state)
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
    bytes_fini(&channel->plain);
    bytes_fini(&channel->out);
    lending_fini(&channel->lent);
    if (channel->seal != NULL)
        seal_fini(channel->seal);
    free(channel->seal);
    free(channel->unsealed);
    free(channel->in);
    free(channel);
}

void channel_shut(struct channel *channel)
{
    if (channel->state == CHANNEL_CLOSED)
        return;
    channel_enter(channel, CHANNEL_CLOSED);
    channel_turn_away(channel);
    uv_close((uv_handle_t *)&channel->poll, on_handle_closed);
    uv_close((uv_handle_t *)&channel->timer, on_handle_closed);
    alarm_close(channel->alarm);
    close(channel->fd);
}

void channel_fail(struct channel *channel, const char *format, ...)
{
    if (!channel_is_ending(channel)) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(channel->reason, sizeof channel->reason, format, arguments);
        va_end(arguments);
    }
    channel_shut(channel);
}

void channel_fail_by(struct channel *channel, int error)
{
    bool is_connecting = channel->state == CHANNEL_CONNECTING;

    channel->is_refused = is_connecting && error == ECONNREFUSED;
    channel->is_broken = !is_connecting;
    if (is_connecting)
        channel_fail(channel, "%s cannot be reached: %s", channel->peer, strerror(error));
    else if (channel->state == CHANNEL_PROVING)
        channel_fail(channel,
                     "%s has broken off without a proof that it has the key: it may have none, or "
                     "another, or be called by too many at once",
                     channel->peer);
    else
        channel_fail(channel, "the connection to %s broke: %s", channel->peer, strerror(error));
}

void channel_close(struct channel *channel, const char *reason, bool is_at_once)
{
    if (!channel_is_ending(channel))
        snprintf(channel->reason, sizeof channel->reason, "%s", reason);
    if (is_at_once || channel->state < CHANNEL_OPEN) {
        channel_shut(channel);
    } else if (!channel_is_ending(channel)) {
        channel_enter(channel, CHANNEL_FINISHING);
        channel_set_timer(channel);
        channel_pump(channel);
    }
}

bool channel_was_refused(const struct channel *channel)
{
    return channel->is_refused;
}

bool channel_is_broken(const struct channel *channel)
{
    return channel->is_broken;
}

bool channel_is_open(const struct channel *channel)
{
    return channel->state == CHANNEL_OPEN;
}

/* ---- What is watched for ---- */

static void on_poll(uv_poll_t *poll, int status, int events);

void channel_watch(struct channel *channel)
{
    int events = 0;

    if (channel->state == CHANNEL_CLOSED)
        return;
    if (channel->state == CHANNEL_CONNECTING || channel->is_full)
        events |= UV_WRITABLE;
    if (channel->state != CHANNEL_CONNECTING && !channel->has_ended && channel_is_reading(channel))
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

/* What is closed waits no longer: nothing has moved since the rate let it, or little did, for long.
 */
static uint64_t gone_at(const struct channel *channel)
{
    uint64_t quiet_at_ns = limit_at(
        channel->moved_ns > channel->pacer.next_ns ? channel->moved_ns : channel->pacer.next_ns,
        LINGER_NS);
    bool is_slow = channel->state == CHANNEL_FINISHING && channel->is_full;

    return is_slow ? smaller(quiet_at_ns, channel->state_ns + CHANNEL_FINISH_NS) : quiet_at_ns;
}

/* The other end is told that it was not all. */
static void give_up(struct channel *channel)
{
    struct linger at_once = {.l_onoff = 1};

    if (channel->state == CHANNEL_FINISHING)
        (void)setsockopt(channel->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    channel_shut(channel);
}

static void on_timer(uv_timer_t *timer)
{
    struct channel *channel = timer->data;
    uint64_t now_ns = uv_hrtime();
    char text[32];

    channel_hear(channel);
    if (channel->state < CHANNEL_OPEN && now_ns >= channel->state_ns + CHANNEL_PROOF_NS) {
        if (channel->state == CHANNEL_CONNECTING)
            channel_fail(channel, "%s cannot be reached: it does not answer", channel->peer);
        else
            channel_fail(channel, "%s has not proved in time that it has the key", channel->peer);
    } else if (channel_is_ending(channel) && now_ns >= gone_at(channel)) {
        give_up(channel);
    } else if (channel->state == CHANNEL_OPEN && now_ns >= stall_at(channel)) {
        units_for_people(UNIT_TIME, channel->limits.stall_ns, text, sizeof text);
        channel_fail(channel, "%s stalls: it has taken nothing for %s", channel->peer, text);
    } else if (channel->state == CHANNEL_OPEN && now_ns >= silence_at(channel)) {
        units_for_people(UNIT_TIME, channel->limits.silence_ns, text, sizeof text);
        channel_fail(channel, "%s is silent: nothing was heard for %s", channel->peer, text);
    } else {
        channel_set_timer(channel);
    }
}

/* The timer is set for what may happen first, and looks again then: what is heard and sent
 * meanwhile only writes down when. */
void channel_set_timer(struct channel *channel)
{
    uint64_t now_ns = uv_hrtime(), at_ns;

    if (channel->state == CHANNEL_CLOSED)
        return;
    if (channel->state < CHANNEL_OPEN)
        at_ns = channel->state_ns + CHANNEL_PROOF_NS;
    else if (channel_is_ending(channel))
        at_ns = gone_at(channel);
    else
        at_ns = smaller(
            limit_at(channel->is_full ? channel->moved_ns : now_ns, channel->limits.stall_ns),
            limit_at(channel->is_read_off ? now_ns : channel->heard_ns,
                     channel->limits.silence_ns));
    if (channel->is_kept_back && channel->state == CHANNEL_OPEN && !channel->is_read_off)
        at_ns = 0;
    if (at_ns == UINT64_MAX)
        uv_timer_stop(&channel->timer);
    else
        uv_timer_start(&channel->timer, on_timer,
                       at_ns <= now_ns ? 1 : (at_ns - now_ns) / NS_PER_MS + 1, 0);
}

void channel_set_limits(struct channel *channel, const struct channel_limits *limits)
{
    channel->limits = *limits;
    channel_set_timer(channel);
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
    channel_read_rest(channel);
    if (channel->state != CHANNEL_CLOSED)
        channel_fail_by(channel, channel->error);
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
            channel_fail_by(channel, error);
        else
            channel_begin(channel);
        return;
    }
    if (events & UV_READABLE)
        channel_read_turn(channel);
    if (events & UV_WRITABLE)
        channel_pump(channel);
    channel_watch(channel);
}

void channel_open(struct channel *channel)
{
    if (!channel_admit(channel))
        return;
    channel_enter(channel, CHANNEL_OPEN);
    channel_set_timer(channel);
    channel_watch(channel);
    channel->calls->opened(channel->owner, channel);
    channel_pump(channel);
}

void channel_begin(struct channel *channel)
{
    if (channel->seal == NULL) {
        channel_open(channel);
        return;
    }
    channel_enter(channel, CHANNEL_PROVING);
    seal_greet(channel->seal, &channel->out);
    channel_pump(channel);
}

/* ---- Making one ---- */

/* DOC: nothing-to-pace
 * Within this computer nothing is lost and nobody shares the way: there is nothing to pace for. Some
 * kernels pace every connection (BBR), and each wait for the timer costs more than the bytes. */
#define CONGESTION_WITHIN "reno"

static void tune(int fd, const struct address *address)
{
    bool is_within = address_is_local(address);
    const struct {
        int level, name, value;
    } options[] = {
        {IPPROTO_TCP, TCP_NODELAY, 1},
        {IPPROTO_TCP, TCP_NOTSENT_LOWAT, is_within ? UNSENT_WITHIN_BYTES : UNSENT_BYTES},
        {SOL_SOCKET, SO_KEEPALIVE, 1},
        {IPPROTO_TCP, TCP_KEEPIDLE, ALIVE_AFTER_S},
        {IPPROTO_TCP, TCP_KEEPINTVL, ALIVE_EVERY_S},
        {IPPROTO_TCP, TCP_KEEPCNT, ALIVE_ASKED},
    };

    if (address_is_unix(address))
        return;
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        (void)setsockopt(fd, options[i].level, options[i].name, &options[i].value,
                         sizeof options[i].value);
    if (is_within)
        (void)setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, CONGESTION_WITHIN,
                         sizeof CONGESTION_WITHIN - 1);
}

enum status channel_allow(const struct address *address, const char *text,
                          const struct channel_key *key, struct problem *problem)
{
    if (key != NULL || address_is_local(address))
        return STATUS_OK;
    return problem_set(problem, STATUS_USAGE,
                       "%.100s is beyond this computer: that needs a key, the same at both ends: "
                       "--key FILE, made by " KEY_FILE_MAKING,
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
    tune(fd, peer);
    channel->poll.data = channel->timer.data = channel;
    MUST(uv_poll_init(loop, &channel->poll, fd) == 0);
    MUST(uv_timer_init(loop, &channel->timer) == 0);
    channel->open_handles = 2;
    channel_set_timer(channel);
    return channel;
}

/* The nonce is what makes a connection's keys its own. */
void channel_seal(struct channel *channel, enum seal_role role, const struct channel_key *key)
{
    uint8_t nonce[SEAL_NONCE_BYTES];

    MUST(sodium_init() >= 0);
    randombytes_buf(nonce, sizeof nonce);
    channel->seal = malloc(sizeof *channel->seal);
    MUST(channel->seal != NULL);
    seal_init(channel->seal, role, key->bytes, nonce);
}

enum status channel_find(const char *text, const struct channel_key *key,
                         char number[ADDRESS_TEXT_BYTES], struct problem *problem)
{
    struct address address;
    enum status status = address_parse(text, &address, problem);

    if (status == STATUS_OK)
        status = channel_allow(&address, text, key, problem);
    if (status == STATUS_OK)
        address_format(&address, number);
    return status;
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
    if (key != NULL && !address_is_unix(&address))
        channel_seal(*channel, SEAL_CALLER, key);
    if (connect(fd, (struct sockaddr *)&address.socket, address.socket_bytes) != 0 &&
        errno != EINPROGRESS)
        channel_fail_by(*channel, errno);
    channel_watch(*channel);
    return STATUS_OK;
}

const char *channel_peer(const struct channel *channel)
{
    return channel->peer;
}
