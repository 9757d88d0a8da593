/* Where clients come in: listening sockets, as long as there is a place. Whoever comes when there is
 * none waits with the system, and is not refused.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "live/gateway_private.h"

#define ACCEPT_AT_ONCE 16 /* in one turn: others want theirs */

static void listener_ready(uv_poll_t *poll, int status, int events)
{
    struct client_listener *listener = poll->data;
    (void)status, (void)events;

    for (unsigned i = 0; i < ACCEPT_AT_ONCE; i++) {
        struct gateway_client *client = gateway_clients_free(listener->guest);
        if (client == NULL)
            break;
        int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            /* Without files nobody can come in, and the loop must not spin until some are free. */
            listener->gateway->are_files_used_up =
                errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
            break;
        }
        gateway_clients_come_in(listener, client, fd);
    }
    gateway_listeners_watch(listener->gateway);
}

void gateway_listeners_watch(struct gateway *gateway)
{
    for (unsigned i = 0; i < gateway->listener_count && !gateway->is_closing; i++) {
        struct client_listener *listener = &gateway->listeners[i];
        bool is_open = !gateway->are_files_used_up && gateway_clients_free(listener->guest) != NULL;
        if (is_open == listener->is_watched)
            continue;
        listener->is_watched = is_open;
        if (is_open)
            MUST(uv_poll_start(&listener->poll, UV_READABLE, listener_ready) == 0);
        else
            uv_poll_stop(&listener->poll);
    }
}

static void listener_closed(uv_handle_t *handle)
{
    struct client_listener *listener = handle->data;
    gateway_let_go(listener->gateway);
}

void gateway_listeners_close(struct gateway *gateway)
{
    for (unsigned i = 0; i < gateway->listener_count; i++) {
        uv_close((uv_handle_t *)&gateway->listeners[i].poll, listener_closed);
        close(gateway->listeners[i].fd);
    }
    gateway->listener_count = 0;
}

/* ADDRESS[=GUEST[/PORT]]: the part behind the address. */
static enum status read_guest(struct client_listener *listener, char *words,
                              struct problem *problem)
{
    char *slash = strchr(words, '/');

    if (slash != NULL) {
        char *end;
        unsigned long port = strtoul(slash + 1, &end, 10);
        if (end == slash + 1 || *end != '\0' || port == 0 || port > UINT16_MAX)
            return problem_set(problem, STATUS_USAGE,
                               "--listen: \"%.40s\" is no port: write ADDRESS:PORT=GUEST/6379",
                               slash + 1);
        listener->port = (uint16_t)port;
        *slash = '\0';
    }
    if (words[0] == '\0' || strlen(words) >= TRUNK_NAME_MAX)
        return problem_set(problem, STATUS_USAGE,
                           "--listen: a guest's name has 1 to %u characters, \"%.70s\" has not",
                           TRUNK_NAME_MAX - 1, words);
    listener->guest = gateway_guest_expected(listener->gateway, words);
    return STATUS_OK;
}

static enum status bind_listener(struct client_listener *listener, const char *text,
                                 struct problem *problem)
{
    struct address address;
    const int is_on = 1;

    enum status status = address_parse(text, &address, problem);
    if (status != STATUS_OK)
        return status;
    if (address_is_unix(&address))
        return problem_set(problem, STATUS_USAGE,
                           "--listen %.100s: clients come by TCP: write an address with a port "
                           "such as 127.0.0.1:6379",
                           text);
    if (!address_is_local(&address) && listener->gateway->key == NULL)
        return problem_set(problem, STATUS_USAGE,
                           "--listen %.100s: without a key (--key FILE) a gateway listens on this "
                           "computer alone: 127.0.0.1:6379",
                           text);
    int fd = socket(address.socket.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return problem_set(problem, STATUS_NO_FILE, "--listen %.100s: %s", text, strerror(errno));
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &is_on, sizeof is_on);
    if (bind(fd, (struct sockaddr *)&address.socket, address.socket_bytes) != 0 ||
        listen(fd, SOMAXCONN) != 0 ||
        getsockname(fd, (struct sockaddr *)&address.socket, &address.socket_bytes) != 0) {
        int error = errno;
        close(fd);
        if (error == EADDRINUSE)
            return problem_set(problem, STATUS_NO_FILE,
                               "--listen %.100s: somebody listens there already: write another "
                               "port, 0 for any that is free; a second gateway has a --control "
                               "of its own as well",
                               text);
        return problem_set(problem, STATUS_NO_FILE, "--listen %.100s: %s", text, strerror(error));
    }
    listener->fd = fd;
    address_format(&address, listener->address);
    return STATUS_OK;
}

enum status gateway_listen(struct gateway *gateway, const char *words, struct problem *problem)
{
    struct client_listener *listener = &gateway->listeners[gateway->listener_count];
    char text[256], *equals;

    if (gateway->listener_count == GATEWAY_LISTENERS)
        return problem_set(problem, STATUS_USAGE, "--listen: a gateway has at most %u of them",
                           GATEWAY_LISTENERS);
    snprintf(text, sizeof text, "%s", words);
    *listener = (struct client_listener){.gateway = gateway, .guest = &gateway->guests[0]};
    equals = strchr(text, '=');
    if (equals != NULL) {
        *equals = '\0';
        enum status status = read_guest(listener, equals + 1, problem);
        if (status != STATUS_OK)
            return status;
    }
    if (listener->guest == NULL || (equals == NULL && listener->guest->is_named))
        return problem_set(problem, STATUS_USAGE, "--listen: a gateway knows at most %u guests",
                           GATEWAY_GUESTS);
    enum status status = bind_listener(listener, text, problem);
    if (status != STATUS_OK)
        return status;
    MUST(uv_poll_init(gateway->loop, &listener->poll, listener->fd) == 0);
    gateway->open_handles++;
    listener->poll.data = listener;
    gateway->listener_count++;
    gateway_listeners_watch(gateway);
    return STATUS_OK;
}
