/* serve: many clients on one port, each with buffers that are bounded, whatever it does. The way of
 * a request: poll names a stream; what has come is received into the client's `in`; the service
 * takes request after request out of it, and says its answers into `out`; one send puts them on
 * their way.
 *
 *      mailbox -> in (4 KiB) -> service->take -> out (8 KiB) -> mailbox
 *
 * Clients are strangers. One that sends without end is listened to as long as it reads: with less
 * than `answer_max` of room in `out` nothing more is taken, the stream fills up, and its sender
 * waits. One that reads nothing holds up nobody else: what has no room is not said to it. One that
 * does nothing at all is hung up after `silence_ns`, so that the half-dead do not use up the
 * streams.
 *
 * Included by the servers that are made of one program: web, chat, game, metronome. */
#ifndef GUESTS_SERVE_H
#define GUESTS_SERVE_H

#include "runtime.h"

#define SERVE_CLIENTS   64   /* stream numbers are below this: a mailbox has no more */
#define SERVE_IN_BYTES  4096 /* the longest request; no receive gives more */
#define SERVE_OUT_BYTES 8192

struct client {
    bool is_open;
    bool is_closing; /* is hung up as soon as all is said */
    bool is_ended;   /* the peer has sent all that it will */
    bool is_waiting; /* the stream has no room: poll will tell when it has */
    uint32_t in_count, out_count;
    uint64_t active_ns; /* when it last sent or took something */
};

struct service {
    uint16_t port;
    uint32_t answer_max; /* bytes that one request may add to `out` */
    uint64_t silence_ns;
    void (*opened)(struct client *client);
    /* Takes one request from the front; returns its length, 0 when it is not whole. One that does
     * not end within SERVE_IN_BYTES never will. */
    uint32_t (*take)(struct client *client, const uint8_t *bytes, uint32_t count);
    void (*left)(struct client *client); /* it is gone: by its own wish or ours */
};

static struct client clients[SERVE_CLIENTS];

/* Apart, so that who is there stands in one page, and a buffer costs pages only where it is used.
 */
static uint8_t serve_in[SERVE_CLIENTS][SERVE_IN_BYTES];
static uint8_t serve_out[SERVE_CLIENTS][SERVE_OUT_BYTES];

static uint32_t number_of_client(const struct client *client)
{
    return (uint32_t)(client - clients);
}

/* All of it or, where there is no room, nothing: false. */
static bool say(struct client *client, const void *bytes, uint32_t count)
{
    if (!client->is_open || count > SERVE_OUT_BYTES - client->out_count)
        return false;
    memcpy(serve_out[number_of_client(client)] + client->out_count, bytes, count);
    client->out_count += count;
    return true;
}

static void serve_hang_up(const struct service *service, struct client *client)
{
    mailbox_close(number_of_client(client));
    client->is_open = false;
    service->left(client);
}

static void serve_flush(struct client *client)
{
    uint8_t *out = serve_out[number_of_client(client)];
    int64_t sent;

    if (client->out_count == 0 || client->is_waiting)
        return;
    sent = mailbox_send(number_of_client(client), out, client->out_count);
    if (sent > 0) {
        client->active_ns = time_ns();
        client->out_count -= (uint32_t)sent;
        memmove(out, out + sent, client->out_count);
    }
    client->is_waiting = client->out_count > 0;
}

/* Takes what is whole among the received bytes, as long as the answers find room. */
static void serve_take(const struct service *service, struct client *client)
{
    uint8_t *in = serve_in[number_of_client(client)];
    uint32_t taken, last;

    do {
        for (taken = 0; taken < client->in_count && !client->is_closing; taken += last) {
            if (SERVE_OUT_BYTES - client->out_count < service->answer_max)
                break;
            last = service->take(client, in + taken, client->in_count - taken);
            if (last == 0)
                break;
        }
        client->in_count -= taken;
        memmove(in, in + taken, client->in_count);
        serve_flush(client);
    } while (taken > 0 && client->in_count > 0);
    if (client->is_closing)
        client->in_count = 0;
    if (!client->is_waiting && (client->is_ended || client->in_count == SERVE_IN_BYTES))
        client->is_closing = true; /* what is left never becomes a whole request */
}

/* Poll has named it: there is room again, or something came, or the peer sends no more. */
static void serve_hear(const struct service *service, struct client *client)
{
    uint32_t idx = number_of_client(client);
    int64_t received;

    if (client->is_waiting) {
        client->is_waiting = false;
        serve_flush(client);
    } else if (!client->is_closing && client->in_count < SERVE_IN_BYTES) {
        received = mailbox_receive(idx, serve_in[idx] + client->in_count,
                                   SERVE_IN_BYTES - client->in_count);
        if (received > 0) {
            client->active_ns = time_ns();
            client->in_count += (uint32_t)received;
        } else if (received != HYPERCALL_WOULD_BLOCK) {
            client->is_ended = true;
        }
    }
    serve_take(service, client);
}

static void serve_accept(const struct service *service)
{
    int64_t idx;

    while ((idx = mailbox_accept()) >= 0) {
        if (idx >= SERVE_CLIENTS) {
            mailbox_close((uint32_t)idx);
            continue;
        }
        clients[idx] = (struct client){.is_open = true, .active_ns = time_ns()};
        service->opened(&clients[idx]);
    }
}

/* The earliest instant at which somebody will have been silent for too long. */
static uint64_t serve_deadline_ns(const struct service *service)
{
    uint64_t deadline_ns = UINT64_MAX;

    for (uint32_t i = 0; i < SERVE_CLIENTS; i++)
        if (clients[i].is_open && clients[i].active_ns + service->silence_ns < deadline_ns)
            deadline_ns = clients[i].active_ns + service->silence_ns;
    return deadline_ns;
}

/* Sends what was said, to whomever, and hangs up where nothing more is to come; that may make the
 * service say something to those who stay. */
static void serve_send(const struct service *service)
{
    bool was_any;

    do {
        was_any = false;
        for (uint32_t i = 0; i < SERVE_CLIENTS; i++) {
            struct client *client = &clients[i];
            if (!client->is_open)
                continue;
            serve_flush(client);
            if (client->is_closing && client->out_count == 0) {
                serve_hang_up(service, client);
                was_any = true;
            }
        }
    } while (was_any);
}

static void serve_drop_silent(const struct service *service)
{
    uint64_t now_ns = time_ns();

    for (uint32_t i = 0; i < SERVE_CLIENTS; i++)
        if (clients[i].is_open && now_ns >= clients[i].active_ns + service->silence_ns)
            serve_hang_up(service, &clients[i]);
}

/* One round: everybody who wants attention gets some of it, and no more, so that a server with
 * other duties comes back to them even in a flood. False when nobody wanted anything. */
static bool serve(const struct service *service)
{
    uint32_t streams[SERVE_CLIENTS];
    int64_t count = mailbox_poll(streams, SERVE_CLIENTS);

    for (int64_t i = 0; i < count && i < SERVE_CLIENTS; i++) {
        if (streams[i] == MAILBOX_CALLER)
            serve_accept(service);
        else if (streams[i] < SERVE_CLIENTS && clients[streams[i]].is_open)
            serve_hear(service, &clients[streams[i]]);
        serve_send(service);
    }
    serve_drop_silent(service);
    serve_send(service);
    return count > 0;
}

/* Sleeps until a client wants something, or falls silent, or `until_ns`. */
static void serve_wait(const struct service *service, uint64_t until_ns)
{
    uint64_t deadline_ns = serve_deadline_ns(service);

    set_timer(deadline_ns < until_ns ? deadline_ns : until_ns);
    wait_for_something();
}

static uint32_t client_count(void)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < SERVE_CLIENTS; i++)
        count += clients[i].is_open;
    return count;
}

#endif
