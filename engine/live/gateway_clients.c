/* Real clients: sockets on one side, streams on the other, and never more between them than the two
 * windows of a stream.
 *
 *      free --somebody comes in--> calling --the guest's mailbox has taken it--> talking --over--> free
 *
 * A client that closes, or breaks, ends its stream: what the guest still says is read and forgotten,
 * until the guest has ended it too. Only then is the slot free: its number stands for one connection
 * at a time. Until the next call is taken the old stream stays where it is, and answers a guest
 * that has not heard its last acknowledgement.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/smaller.h"
#include "base/units.h"
#include "live/gateway_private.h"

#define CALL_AGAIN_NS     (20 * NS_PER_MS) /* between two calls, doubling up to the longest */
#define CALL_AGAIN_MAX_NS (160 * NS_PER_MS)
/* A guest that closes does not listen any more: its client has so long to see it, and to close too. */
#define LINGER_NS (5 * NS_PER_S)
/* Who takes nothing for so long of what is there for him gives his number to others. */
#define STALL_NS        (30 * NS_PER_S)
#define NOBODY_TAKES_NS (20 * NS_PER_MS) /* the trunk is full: until it is tried again */
#define NEVER           UINT64_MAX

static void touch(struct gateway_client *client)
{
    client->guest->touched |= 1ull << client->slot_idx;
}

void gateway_clients_init(struct gateway_guest *guest)
{
    for (uint32_t i = 0; i < MAILBOX_STREAMS; i++) {
        guest->clients[i] =
            (struct gateway_client){.guest = guest, .slot_idx = (uint8_t)i, .asked_ns = NEVER};
        /* Of another gateway the numbers are others, almost certainly. */
        guest->clients[i].first = guest->gateway->instance >> 16;
        guest->due_ns[i] = NEVER;
    }
}

/* ---- Sockets ---- */

static void socket_closed(uv_handle_t *handle)
{
    struct client_socket *socket = handle->data;
    gateway_let_go(socket->gateway);
    free(socket);
}

/* Lets go of the connection. The client learns at once, where it is to: a reset instead of an end. */
static void drop_socket(struct gateway_client *client, bool is_reset)
{
    struct client_socket *socket = client->socket;
    const struct linger at_once = {.l_onoff = 1};

    if (socket == NULL)
        return;
    client->socket = NULL;
    uv_close((uv_handle_t *)&socket->poll, socket_closed);
    if (is_reset)
        setsockopt(socket->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(socket->fd);
}

/* The client is not there any more: the guest hears that it has closed. */
static void lose_socket(struct gateway_client *client, bool is_reset)
{
    drop_socket(client, is_reset);
    if (client->state == CLIENT_TALKING)
        stream_close(&client->stream);
    touch(client);
}

static void note_request(struct gateway_client *client, uint64_t bytes)
{
    if (client->asked_ns != NEVER)
        return; /* more of what is not answered yet */
    client->asked_ns = gateway_now_ns();
    gateway_happen(
        client->guest->gateway,
        (struct event){.kind = EVENT_REQUEST_SENT,
                       .at_ns = client->asked_ns,
                       .request_sent = {.client_idx = client->slot_idx, .bytes = bytes}});
}

static void note_answer(struct gateway_client *client)
{
    if (client->asked_ns == NEVER)
        return;
    uint64_t now_ns = gateway_now_ns();
    gateway_happen(client->guest->gateway,
                   (struct event){.kind = EVENT_REQUEST_ANSWERED,
                                  .at_ns = now_ns,
                                  .request_answered = {.client_idx = client->slot_idx,
                                                       .latency_ns = now_ns - client->asked_ns}});
    client->asked_ns = NEVER;
}

static bool is_to_be_tried_again(void)
{
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

/* As much from the client as its stream has room for. */
static void hear_client(struct gateway_client *client)
{
    uint8_t data[STREAM_WINDOW_BYTES];
    uint32_t room = stream_room(&client->stream);
    ssize_t count = recv(client->socket->fd, data, room, 0);

    if (count > 0) {
        stream_write(&client->stream, data, (uint32_t)count);
        note_request(client, (uint64_t)count);
    } else if (count == 0) {
        client->socket->has_ended = true;
        stream_close(&client->stream);
    } else if (!is_to_be_tried_again()) {
        lose_socket(client, true);
        return;
    }
    touch(client);
}

/* What came from the guest, as far as the client takes it. */
static void tell_client(struct gateway_client *client)
{
    uint8_t told[STREAM_WINDOW_BYTES];
    struct stream *stream = &client->stream;

    while (client->socket != NULL && stream->to_read_count > 0) {
        ssize_t count =
            send(client->socket->fd, stream->to_read, stream->to_read_count, MSG_NOSIGNAL);
        if (count > 0) {
            note_answer(client);
            stream_read(stream, told, (uint32_t)count);
            client->socket->stalled_ns = NEVER;
        } else if (is_to_be_tried_again()) {
            client->socket->stalled_ns = smaller(client->socket->stalled_ns, gateway_now_ns());
            break;
        } else {
            lose_socket(client, true);
        }
    }
    if (client->socket == NULL)
        stream_read(stream, told, sizeof told); /* to nobody: the stream must come to its end */
    else if (stream_is_at_end(stream) && client->socket->shut_at_ns == NEVER) {
        shutdown(client->socket->fd, SHUT_WR);
        client->socket->shut_at_ns = gateway_now_ns();
    }
    touch(client);
}

static void socket_ready(uv_poll_t *poll, int status, int events)
{
    struct client_socket *socket = poll->data;
    struct gateway_client *client = socket->client;

    if (status < 0) {
        lose_socket(client, true);
        return;
    }
    if ((events & UV_WRITABLE) != 0)
        tell_client(client);
    if ((events & UV_READABLE) != 0 && client->socket != NULL && stream_room(&client->stream) > 0)
        hear_client(client);
}

/* The loop waits for what can be used, and for nothing else. */
static void watch_socket(struct gateway_client *client)
{
    struct client_socket *socket = client->socket;
    int events = 0;

    if (socket == NULL)
        return;
    if (client->state == CLIENT_TALKING) {
        if (!socket->has_ended && stream_room(&client->stream) > 0)
            events |= UV_READABLE;
        if (client->stream.to_read_count > 0)
            events |= UV_WRITABLE;
    }
    if (events == socket->events)
        return;
    socket->events = events;
    if (events == 0)
        uv_poll_stop(&socket->poll);
    else
        MUST(uv_poll_start(&socket->poll, events, socket_ready) == 0);
}

/* ---- Calls ---- */

static void free_slot(struct gateway_client *client)
{
    drop_socket(client, false);
    client->state = CLIENT_FREE;
    client->asked_ns = NEVER;
    client->freed_ns = gateway_now_ns();
    gateway_listeners_watch(client->guest->gateway);
}

static void call(struct gateway_client *client, uint64_t now_ns)
{
    struct gateway_guest *guest = client->guest;
    uint16_t port = client->port != 0 ? client->port : guest->port;

    bool is_nobody = guest->state == GUEST_LOST || guest->state == GUEST_OVER;
    if (is_nobody || now_ns - client->call_since_ns >= GATEWAY_CALL_NS) {
        guest->gateway->clients_refused++;
        drop_socket(client, true);
        free_slot(client);
        return;
    }
    if (port == 0 || guest->home == NULL || !gateway_host_takes(guest->home)) {
        client->call_again_ns = now_ns + CALL_AGAIN_NS;
        return;
    }
    struct trunk_call words = {
        .stream_idx = client->slot_idx, .port = port, .first = client->first};
    snprintf(words.guest, sizeof words.guest, "%s", guest->name);
    trunk_put_call(&guest->home->out, TRUNK_CONNECT, &words);
    client->call_again_ns = now_ns + client->call_pause_ns;
    client->call_pause_ns *= 2;
    if (client->call_pause_ns > CALL_AGAIN_MAX_NS)
        client->call_pause_ns = CALL_AGAIN_MAX_NS;
}

static void call_at_once(struct gateway_client *client)
{
    client->call_again_ns = 0;
    client->call_pause_ns = CALL_AGAIN_NS;
    touch(client);
}

/* Where the slot's next connection begins to count: one behind the end, where the guest may still
 * stand in the last one, so that what stands there is no answer to this call. */
static uint64_t next_first(const struct gateway_client *client)
{
    return client->was_used ? stream_numbers_end(&client->stream) + 1 : client->first;
}

void gateway_clients_accepted(struct gateway_guest *guest, const struct trunk_call *call)
{
    struct gateway_client *client = &guest->clients[call->stream_idx];
    bool is_old = call->first != client->first || next_first(client) != client->first;

    if (client->state == CLIENT_TALKING || is_old)
        return; /* it was called again before the answer was here */
    client->state = CLIENT_TALKING;
    client->was_used = client->is_direct = true;
    stream_init(&client->stream);
    stream_begin_at(&client->stream, client->first);
    if (client->socket == NULL)
        stream_close(&client->stream); /* who called is not there any more */
    touch(client);
}

/* ---- Packets ---- */

/* The one that uses the number; else the one that used it last, and wants the last word again; else
 * the only one there is: a call may be taken when its caller has long given up. */
struct gateway_guest *gateway_clients_guest(const struct gateway_host *host, uint32_t stream_idx)
{
    struct gateway_guest *last = NULL, *any = NULL;

    for (unsigned i = 0; i < host->gateway->guest_count; i++) {
        struct gateway_guest *guest = &host->gateway->guests[i];
        if (guest->home != host)
            continue;
        if (guest->clients[stream_idx].state != CLIENT_FREE)
            return guest;
        if (guest->clients[stream_idx].was_used)
            last = guest;
        any = guest;
    }
    return last != NULL ? last : any;
}

void gateway_clients_packet(struct gateway_guest *guest, uint32_t stream_idx,
                            const struct stream_packet *packet)
{
    struct gateway_client *client = &guest->clients[stream_idx];

    if (!client->was_used)
        return;
    /* What contradicts the stream is dropped, as if it had been damaged on its way. */
    (void)stream_receive(&client->stream, gateway_now_ns(), packet);
    if (client->state == CLIENT_TALKING)
        tell_client(client);
    touch(client);
}

/* Sends what the client has to say; when does it want to be asked again? */
static uint64_t send_packets(struct gateway_client *client, uint64_t now_ns)
{
    const struct gateway_guest *guest = client->guest;
    struct gateway_host *route = client->is_direct ? guest->home : guest->route;
    struct stream *stream = &client->stream;
    struct stream_packet packet;

    if (route == NULL)
        return NEVER; /* gateway_clients_route, when there is one again */
    for (;;) {
        bool is_again = stream->retry_at_ns <= now_ns;
        if (!gateway_host_takes(route))
            return now_ns + NOBODY_TAKES_NS;
        if (!stream_next_packet(stream, now_ns, &packet))
            return stream_deadline_ns(stream);
        guest->gateway->packets_again += is_again;
        trunk_put_packet(&route->out, client->slot_idx, &packet);
    }
}

static void drop_stalled(struct gateway_client *client)
{
    struct address peer = {.socket_bytes = sizeof peer.socket};
    char text[ADDRESS_TEXT_BYTES] = "";

    if (getpeername(client->socket->fd, (struct sockaddr *)&peer.socket, &peer.socket_bytes) == 0)
        address_format(&peer, text);
    client->guest->gateway->clients_dropped++;
    lose_socket(client, true);
    gateway_tell(client->guest->gateway, 0, "client_dropped",
                 json_pack("{s:s, s:s, s:s}", "guest", client->guest->name, "client", text,
                           "reason", "it has read nothing for 30 s"));
}

/* Lets go of a client that does not do its part. When is it to be looked at again? */
static uint64_t be_patient(struct gateway_client *client, uint64_t now_ns)
{
    const struct client_socket *socket = client->socket;

    if (socket != NULL && socket->shut_at_ns != NEVER) {
        if (now_ns - socket->shut_at_ns < LINGER_NS)
            return socket->shut_at_ns + LINGER_NS;
        lose_socket(client, false); /* what it has not read yet it still may */
    } else if (socket != NULL && socket->stalled_ns != NEVER) {
        uint64_t since_ns = socket->stalled_ns;
        if (now_ns - since_ns < STALL_NS)
            return since_ns + STALL_NS;
        tell_client(client); /* it may be this process that stood still */
        if (client->socket != NULL && client->socket->stalled_ns == since_ns)
            drop_stalled(client);
    }
    return NEVER;
}

static void follow(struct gateway_client *client, uint64_t now_ns)
{
    uint64_t due_ns = NEVER;

    if (client->state == CLIENT_CALLING && now_ns >= client->call_again_ns)
        call(client, now_ns);
    if (client->was_used)
        due_ns = send_packets(client, now_ns);
    if (client->state == CLIENT_TALKING && stream_is_over(&client->stream))
        free_slot(client);
    if (client->state == CLIENT_CALLING)
        due_ns = smaller(due_ns, client->call_again_ns);
    due_ns = smaller(due_ns, be_patient(client, now_ns));
    client->guest->due_ns[client->slot_idx] = due_ns;
    watch_socket(client);
}

void gateway_clients_turn(struct gateway_guest *guest)
{
    uint64_t now_ns = gateway_now_ns(), due_ns = NEVER;

    while (guest->touched != 0) {
        uint32_t idx = (uint32_t)__builtin_ctzll(guest->touched);
        guest->touched &= guest->touched - 1;
        follow(&guest->clients[idx], now_ns);
    }
    for (uint32_t i = 0; i < MAILBOX_STREAMS; i++)
        due_ns = smaller(due_ns, guest->due_ns[i]);
    if (due_ns != NEVER)
        gateway_set_alarm(guest->gateway, due_ns);
}

void gateway_clients_due(struct gateway_guest *guest, uint64_t now_ns)
{
    for (uint32_t i = 0; i < MAILBOX_STREAMS; i++)
        if (guest->due_ns[i] <= now_ns)
            touch(&guest->clients[i]);
}

unsigned gateway_clients_route(struct gateway_guest *guest, bool is_to_announce)
{
    unsigned count = 0;

    for (uint32_t i = 0; i < MAILBOX_STREAMS; i++) {
        struct gateway_client *client = &guest->clients[i];
        client->is_direct = false;
        if (client->state == CLIENT_CALLING)
            call_at_once(client);
        if (client->state == CLIENT_TALKING) {
            count++;
            if (is_to_announce)
                stream_rehome(&client->stream);
        }
        touch(client);
    }
    return count;
}

void gateway_clients_hang_up(struct gateway_guest *guest)
{
    for (uint32_t i = 0; i < MAILBOX_STREAMS; i++) {
        struct gateway_client *client = &guest->clients[i];
        drop_socket(client, true);
        free_slot(client);
        client->first = next_first(client);
        client->was_used = false;
        guest->due_ns[i] = NEVER;
    }
}

unsigned gateway_clients_count(const struct gateway_guest *guest, bool is_calling)
{
    unsigned count = 0;
    for (uint32_t i = 0; i < MAILBOX_STREAMS; i++) {
        const struct gateway_client *client = &guest->clients[i];
        count += client->socket != NULL && (client->state == CLIENT_CALLING) == is_calling;
    }
    return count;
}

unsigned gateway_guest_clients(const struct gateway *gateway, const char *name)
{
    const struct gateway_guest *guest = gateway_guest_named((struct gateway *)gateway, name);
    return guest == NULL ? 0 : gateway_clients_count(guest, false);
}

/* Whose number that is, or was last; NULL: nobody's, ever. */
static const struct gateway_client *find_client(const struct gateway *gateway, uint32_t stream_idx)
{
    const struct gateway_client *last = NULL;

    for (unsigned i = 0; i < gateway->guest_count; i++) {
        const struct gateway_client *client = &gateway->guests[i].clients[stream_idx];
        if (client->state != CLIENT_FREE)
            return client;
        if (client->was_used && (last == NULL || last->freed_ns < client->freed_ns))
            last = client;
    }
    return last;
}

bool gateway_is_client_of(const struct gateway *gateway, uint64_t client_idx, const char *name)
{
    if (client_idx >= MAILBOX_STREAMS) /* a host says so */
        return false;
    const struct gateway_client *client = find_client(gateway, (uint32_t)client_idx);
    return client == NULL || strcmp(client->guest->name, name) == 0;
}

/* ---- Coming in ---- */

/* A number is of one guest at a time, and of its last one until that has certainly no more to say. */
static bool is_number_free(const struct gateway_guest *guest, uint32_t stream_idx, uint64_t now_ns)
{
    const struct gateway *gateway = guest->gateway;

    for (unsigned i = 0; i < gateway->guest_count; i++) {
        const struct gateway_client *client = &gateway->guests[i].clients[stream_idx];
        bool is_quiet = !client->was_used || now_ns - client->freed_ns >= LINGER_NS;
        if (client->state != CLIENT_FREE || (client->guest != guest && !is_quiet))
            return false;
    }
    return true;
}

/* Each guest begins to look elsewhere: as long as there are few clients, they never meet. */
struct gateway_client *gateway_clients_free(struct gateway_guest *guest)
{
    uint32_t first =
        (uint32_t)(guest - guest->gateway->guests) * (MAILBOX_STREAMS / GATEWAY_GUESTS);
    uint64_t now_ns = gateway_now_ns();

    for (uint32_t i = 0; i < MAILBOX_STREAMS; i++) {
        uint32_t stream_idx = (first + i) % MAILBOX_STREAMS;
        if (is_number_free(guest, stream_idx, now_ns))
            return &guest->clients[stream_idx];
    }
    return NULL;
}

void gateway_clients_come_in(const struct client_listener *listener, struct gateway_client *client,
                             int fd)
{
    struct client_socket *socket = calloc(1, sizeof *socket);
    const int is_on = 1;

    MUST(socket != NULL);
    *socket = (struct client_socket){.fd = fd,
                                     .gateway = listener->gateway,
                                     .client = client,
                                     .shut_at_ns = NEVER,
                                     .stalled_ns = NEVER};
    MUST(uv_poll_init(listener->gateway->loop, &socket->poll, fd) == 0);
    listener->gateway->open_handles++;
    listener->gateway->clients_accepted++;
    socket->poll.data = socket;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &is_on, sizeof is_on);
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &is_on, sizeof is_on); /* the half-dead are found */
    client->socket = socket;
    client->state = CLIENT_CALLING;
    client->port = listener->port;
    client->first = next_first(client);
    client->call_since_ns = gateway_now_ns();
    call_at_once(client);
}
