/* Lines, said in a room (guests/chat.c): a request is a line, its answer the same line with its
 * place among all, as everybody hears it. Each line that is heard must have the number behind the
 * last. */
#include "sim/dialect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/clients.h"

static void greet(struct clients *clients, struct client *client, uint64_t now_ns)
{
    client_begin(clients, client, now_ns);
}

static void request(struct clients *clients, struct client *client, uint64_t now_ns)
{
    unsigned long long number = ++client->sent_number;
    char text[64], reply[CLIENT_REPLY_MAX];

    snprintf(text, sizeof text, "this is line %llu\n", number);
    snprintf(reply, sizeof reply, " %u: this is line %llu", client->client_idx, number);
    client_send(clients, client, now_ns, text, reply);
}

/* "17 2: this is line 5", or "* you missed 12 lines". */
static void hear_line(struct clients *clients, struct client *client, uint64_t now_ns)
{
    const struct client_request *oldest = &client->outstanding[0];
    const char *line = client->reply;
    unsigned long long missed;
    char own[16], *rest;

    if (sscanf(line, "* you missed %llu lines", &missed) == 1) {
        client->counter += missed;
        client->outstanding_count = 0; /* it may be these */
        return;
    }
    uint64_t number = strtoull(line, &rest, 10);
    bool is_wrong = client->counter > 0 && number != client->counter + 1;
    client->counter = number;
    snprintf(own, sizeof own, " %u: ", client->client_idx);
    bool is_own = strncmp(rest, own, strlen(own)) == 0;
    is_wrong |= is_own && (client->outstanding_count == 0 || strcmp(rest, oldest->reply) != 0);
    if (is_own || is_wrong)
        client_answered(clients, client, now_ns, is_wrong);
}

static void hear(struct clients *clients, struct client *client, uint64_t now_ns, char byte)
{
    if (client_heard_line(client, byte))
        hear_line(clients, client, now_ns);
}

const struct dialect dialect_chat = {"chat", greet, request, hear};
