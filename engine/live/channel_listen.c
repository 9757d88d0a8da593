/* channel_listen: who may come in, and who has come and not proved yet that it may. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/units.h"
#include "live/channel_private.h"

/* Those who knock in one turn of the loop; the others wait for the next. */
#define ACCEPTS_IN_A_TURN 16
/* When no descriptor is left: for how long nobody is let in. */
#define FULL_PAUSE_MS 100
#define TELL_EVERY_NS NS_PER_S

struct channel_listener {
    uv_poll_t poll;
    uv_timer_t timer;
    unsigned open_handles;
    int fd;
    int spare_fd; /* given up for a moment to turn away whom there is no descriptor for */
    struct channel_key key;
    bool has_key, is_closed;
    channel_accept accept;
    void *owner;
    struct address address;
    char text[ADDRESS_TEXT_BYTES];
    struct stat place;        /* what was bound, if it is a Unix socket */
    struct channel *unproved; /* oldest first */
    unsigned unproved_count;
    void (*turned_away)(void *owner, const char *line);
    uint64_t told_ns; /* when it was called last, */
    uint64_t untold;  /* and how many were turned away since */
};

/* ---- Those who have not proved themselves ---- */

static void forget(struct channel_listener *listener, struct channel *channel)
{
    struct channel **link = &listener->unproved;

    while (*link != channel)
        link = &(*link)->younger;
    *link = channel->younger;
    channel->younger = NULL;
    channel->listener = NULL;
    listener->unproved_count--;
}

/* Has not even greeted. */
static bool is_silent(const struct channel *channel)
{
    return channel->seal->state == SEAL_GREETING;
}

/* When there are as many as are borne: the newer half has not had its time. Of the others one who is
 * silent goes, if there is any; and which of them chance says, so that nobody is always the next. */
static struct channel *whom_to_drop(struct channel_listener *listener)
{
    unsigned silent = 0, half = CHANNEL_UNPROVED_MAX / 2;
    struct channel *channel = listener->unproved;

    for (unsigned i = 0; i < half; i++, channel = channel->younger)
        silent += is_silent(channel);
    uint32_t left = randombytes_uniform(silent > 0 ? silent : half);
    for (channel = listener->unproved;; channel = channel->younger)
        if ((silent == 0 || is_silent(channel)) && left-- == 0)
            return channel;
}

static void remember(struct channel_listener *listener, struct channel *channel)
{
    struct channel **link = &listener->unproved;

    if (listener->unproved_count == CHANNEL_UNPROVED_MAX) {
        struct channel *dropped = whom_to_drop(listener);
        channel_fail(dropped, "%s: too many come at once, and do not prove that they have the key",
                     dropped->peer);
    }
    while (*link != NULL)
        link = &(*link)->younger;
    *link = channel;
    channel->listener = listener;
    listener->unproved_count++;
}

/* Whoever does not come in may come again and again: that is no reason to say so as often. */
void channel_turn_away(struct channel *channel)
{
    struct channel_listener *listener = channel->listener;
    uint64_t now_ns = uv_hrtime();
    char line[sizeof channel->reason + 64];
    size_t count;

    if (listener == NULL)
        return;
    forget(listener, channel);
    if (listener->turned_away == NULL || listener->is_closed)
        return;
    if (listener->told_ns != 0 && now_ns < listener->told_ns + TELL_EVERY_NS) {
        listener->untold++;
        return;
    }
    count = (size_t)snprintf(line, sizeof line, "%s", channel->reason);
    if (listener->untold > 0)
        snprintf(line + count, sizeof line - count, " (and %llu others meanwhile)",
                 (unsigned long long)listener->untold);
    listener->untold = 0;
    listener->told_ns = now_ns;
    listener->turned_away(listener->owner, line);
}

void channel_listener_tell(struct channel_listener *listener,
                           void (*turned_away)(void *listener_owner, const char *line))
{
    listener->turned_away = turned_away;
}

/* ---- Letting in ---- */

static void nothing(void *owner, struct channel *channel, const char *reason)
{
    (void)owner, (void)channel, (void)reason;
}

static void welcome(struct channel_listener *listener, int fd, struct address *peer)
{
    static const struct channel_owner nobody = {.closed = nothing};

    if (address_is_unix(&listener->address))
        *peer = listener->address;
    struct channel *channel = channel_new(listener->poll.loop, fd, peer, &nobody, NULL);
    if (listener->has_key)
        channel_seal(channel, SEAL_CALLED, &listener->key);
    remember(listener, channel);
    channel_begin(channel);
}

bool channel_admit(struct channel *channel)
{
    struct channel_listener *listener = channel->listener;
    const struct channel_owner *calls = NULL;
    void *owner = NULL;

    if (listener == NULL)
        return true; /* it has called itself */
    forget(listener, channel);
    if (!listener->accept(listener->owner, channel, &calls, &owner)) {
        channel_close(channel, "", true);
        return false;
    }
    channel->calls = calls;
    channel->owner = owner;
    return channel->state != CHANNEL_CLOSED; /* by its new owner */
}

static void on_poll(uv_poll_t *poll, int status, int events);

static void on_timer(uv_timer_t *timer)
{
    struct channel_listener *listener = timer->data;
    MUST(uv_poll_start(&listener->poll, UV_READABLE, on_poll) == 0);
}

/* Whoever knocks would go on knocking, and the loop would turn for nothing else. */
static void turn_away(struct channel_listener *listener)
{
    if (listener->spare_fd >= 0) {
        close(listener->spare_fd);
        int fd = accept(listener->fd, NULL, NULL);
        if (fd >= 0)
            close(fd);
        listener->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    }
    uv_poll_stop(&listener->poll);
    uv_timer_start(&listener->timer, on_timer, FULL_PAUSE_MS, 0);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct channel_listener *listener = poll->data;
    (void)status, (void)events;

    for (unsigned i = 0; i < ACCEPTS_IN_A_TURN && !listener->is_closed; i++) {
        struct address peer = {.socket_bytes = sizeof peer.socket};
        int fd = accept4(listener->fd, (struct sockaddr *)&peer.socket, &peer.socket_bytes,
                         SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            welcome(listener, fd, &peer);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            turn_away(listener);
            return;
        } else if (errno == EAGAIN) {
            return;
        } /* else: whoever knocked is gone */
    }
}

/* ---- Listening ---- */

static enum status bind_to(int fd, const char *text, struct address *address,
                           struct problem *problem)
{
    int on = 1;

    if (address_is_unix(address))
        (void)fchmod(fd, 0600); /* what bind gives the file: nobody else may come in */
    else
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&address->socket, address->socket_bytes) != 0 ||
        listen(fd, SOMAXCONN) != 0)
        return problem_set(problem, errno == EADDRINUSE ? STATUS_USAGE : STATUS_NO_FILE,
                           "%.100s: nobody can listen there: %s%s", text, strerror(errno),
                           errno == EADDRINUSE ? ": end who does, or name another" : "");
    if (!address_is_unix(address)) {
        address->socket_bytes = sizeof address->socket;
        (void)getsockname(fd, (struct sockaddr *)&address->socket, &address->socket_bytes);
    }
    return STATUS_OK;
}

static enum status prepare(const char *text, const struct channel_key *key, struct address *address,
                           struct problem *problem)
{
    enum status status = address_parse(text, address, problem);

    if (status == STATUS_OK)
        status = channel_allow(address, text, key, problem);
    if (status == STATUS_OK && address_is_unix(address))
        status = address_make_folder(text, problem);
    return status;
}

static void let_go(int folder_fd)
{
    if (folder_fd >= 0)
        close(folder_fd);
}

/* Looking whether somebody listens there, and listening there, is one step for all who do so. */
static enum status take_place(int fd, const char *text, struct address *address,
                              struct problem *problem)
{
    int folder_fd = address_hold_folder(text);
    enum status status = address_reclaim(text, problem);

    if (status == STATUS_OK)
        status = bind_to(fd, text, address, problem);
    let_go(folder_fd);
    return status;
}

/* Somebody may have put another socket there: that is not removed. */
static void leave_place(const struct channel_listener *listener)
{
    int folder_fd = address_hold_folder(listener->text);
    struct stat found;

    if (lstat(listener->text, &found) == 0 && found.st_dev == listener->place.st_dev &&
        found.st_ino == listener->place.st_ino)
        unlink(listener->text);
    let_go(folder_fd);
}

static struct channel_listener *listener_new(uv_loop_t *loop, int fd)
{
    struct channel_listener *listener = calloc(1, sizeof *listener);

    MUST(listener != NULL);
    listener->fd = fd;
    listener->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    listener->poll.data = listener->timer.data = listener;
    MUST(uv_poll_init(loop, &listener->poll, fd) == 0);
    MUST(uv_timer_init(loop, &listener->timer) == 0);
    MUST(uv_poll_start(&listener->poll, UV_READABLE, on_poll) == 0);
    listener->open_handles = 2;
    return listener;
}

enum status channel_listen(uv_loop_t *loop, const char *text, const struct channel_key *key,
                           channel_accept accept, void *owner, struct channel_listener **made,
                           struct problem *problem)
{
    struct address address;
    enum status status = prepare(text, key, &address, problem);

    if (status != STATUS_OK)
        return status;
    int fd = socket(address.socket.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return problem_set(problem, STATUS_NO_FILE, "%.100s: no socket is left: %s", text,
                           strerror(errno));
    status = address_is_unix(&address) ? take_place(fd, text, &address, problem)
                                       : bind_to(fd, text, &address, problem);
    if (status != STATUS_OK) {
        close(fd);
        return status;
    }
    struct channel_listener *listener = listener_new(loop, fd);
    listener->accept = accept;
    listener->owner = owner;
    listener->address = address;
    listener->has_key = key != NULL && !address_is_unix(&address);
    if (listener->has_key)
        listener->key = *key;
    address_format(&address, listener->text);
    if (address_is_unix(&address))
        (void)lstat(listener->text, &listener->place);
    *made = listener;
    return STATUS_OK;
}

const char *channel_listener_address(const struct channel_listener *listener)
{
    return listener->text;
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct channel_listener *listener = handle->data;

    if (--listener->open_handles == 0)
        free(listener);
}

void channel_listener_close(struct channel_listener *listener)
{
    listener->is_closed = true;
    while (listener->unproved != NULL)
        channel_close(listener->unproved, "nobody listens here any more", true);
    uv_close((uv_handle_t *)&listener->poll, on_handle_closed);
    uv_close((uv_handle_t *)&listener->timer, on_handle_closed);
    sodium_memzero(&listener->key, sizeof listener->key);
    if (address_is_unix(&listener->address))
        leave_place(listener); /* while it is bound nobody else's file has its number */
    close(listener->fd);
    if (listener->spare_fd >= 0)
        close(listener->spare_fd);
}
