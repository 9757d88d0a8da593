/* RESP, the language of key-value servers (guests/kv.c).
 *
 * Each client owns the keys whose number is its own modulo the number of clients, so it knows what
 * every answer must be, to the byte. Half of the requests SET one of its keys (one page written),
 * three in eight GET one, one in eight counts with INCR.
 *
 * A client asks first how many keys there are (DBSIZE); all wait until everybody knows, so that the
 * answers do not depend on who came first. */
#include "sim/dialect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "sim/clients.h"

/* ---- Requests ---- */

/* The value that the client's n-th SET of a key stores; it names key and version, so that an old or
 * another key's value cannot pass for it. */
static uint32_t value_of(char *value, size_t capacity, uint64_t key_idx, uint32_t version)
{
    return (uint32_t)snprintf(value, capacity, "%llu is at version %u", (unsigned long long)key_idx,
                              version);
}

static void request_set(struct clients *clients, struct client *client, uint64_t now_ns,
                        uint64_t own_idx, uint64_t key_idx)
{
    char text[160], value[48];
    uint32_t count = value_of(value, sizeof value, key_idx, ++client->versions[own_idx]);
    snprintf(text, sizeof text, "*3\r\n$3\r\nSET\r\n$12\r\nkey:%08llu\r\n$%u\r\n%s\r\n",
             (unsigned long long)key_idx, count, value);
    client_send(clients, client, now_ns, text, "+OK\r\n");
}

static void request_get(struct clients *clients, struct client *client, uint64_t now_ns,
                        uint64_t own_idx, uint64_t key_idx)
{
    char text[80], value[48], reply[CLIENT_REPLY_MAX] = "$-1\r\n";
    if (client->versions[own_idx] > 0) {
        uint32_t count = value_of(value, sizeof value, key_idx, client->versions[own_idx]);
        snprintf(reply, sizeof reply, "$%u\r\n%s\r\n", count, value);
    } else if (clients->is_preloaded) {
        client_send(clients, client, now_ns, "*1\r\n$4\r\nPING\r\n", "+PONG\r\n");
        return;
    }
    snprintf(text, sizeof text, "*2\r\n$3\r\nGET\r\n$12\r\nkey:%08llu\r\n",
             (unsigned long long)key_idx);
    client_send(clients, client, now_ns, text, reply);
}

static void request_incr(struct clients *clients, struct client *client, uint64_t now_ns)
{
    char text[80], reply[CLIENT_REPLY_MAX];
    snprintf(text, sizeof text, "*2\r\n$4\r\nINCR\r\n$11\r\nclient:%04u\r\n", client->client_idx);
    snprintf(reply, sizeof reply, ":%llu\r\n", (unsigned long long)++client->counter);
    client_send(clients, client, now_ns, text, reply);
}

static void request_any(struct clients *clients, struct client *client, uint64_t now_ns)
{
    uint64_t own_count =
        (clients->key_count - client->client_idx + clients->count - 1) / clients->count;
    uint64_t own_idx = prng_below(&client->prng, own_count);
    uint64_t key_idx = own_idx * clients->count + client->client_idx;
    uint64_t choice = prng_below(&client->prng, 8);

    if (choice < 4)
        request_set(clients, client, now_ns, own_idx, key_idx);
    else if (choice < 7)
        request_get(clients, client, now_ns, own_idx, key_idx);
    else
        request_incr(clients, client, now_ns);
}

/* ---- The beginning ---- */

static void greet(struct clients *clients, struct client *client, uint64_t now_ns)
{
    client->state = CLIENT_ASKING;
    client_send(clients, client, now_ns, "*1\r\n$6\r\nDBSIZE\r\n", "");
}

/* Everybody knows the number of keys: the talking begins. */
static void begin(struct clients *clients, uint64_t now_ns)
{
    clients->has_begun = true;
    clients->key_count = clients->items[0].server_keys;
    clients->is_preloaded = clients->key_count >= clients->count;
    if (!clients->is_preloaded)
        clients->key_count = CLIENT_KEYS_DEFAULT;
    if (clients->key_count > CLIENT_KEYS_MAX)
        clients->key_count = CLIENT_KEYS_MAX;
    for (uint32_t i = 0; i < clients->count; i++) {
        struct client *client = &clients->items[i];
        client->versions = calloc(clients->key_count / clients->count + 1, sizeof(uint32_t));
        MUST(client->versions != NULL);
        client_begin(clients, client, now_ns);
    }
}

/* ---- Answers ---- */

/* DBSIZE is the one answer that a client cannot know: an integer, whatever it is. */
static void take_size_byte(struct clients *clients, struct client *client, uint64_t now_ns)
{
    char last = client->reply[client->reply_bytes - 1];
    bool is_sound = client->reply_bytes == 1 ? last == ':'
                    : last == '\r'           ? client->reply_bytes > 2
                    : last == '\n'           ? client->reply[client->reply_bytes - 2] == '\r'
                                   : last >= '0' && last <= '9' && client->reply_bytes < 12;
    if (is_sound && last != '\n')
        return;
    for (uint32_t i = 1; is_sound && client->reply[i] != '\r'; i++)
        client->server_keys = client->server_keys * 10 + (uint64_t)(client->reply[i] - '0');
    client->state = CLIENT_READY;
    client_answered(clients, client, now_ns, !is_sound);

    bool is_everybody_ready = true;
    for (uint32_t i = 0; i < clients->count; i++)
        is_everybody_ready &= clients->items[i].state == CLIENT_READY;
    if (is_everybody_ready)
        begin(clients, now_ns);
}

static void take_byte(struct clients *clients, struct client *client, uint64_t now_ns, char byte)
{
    const struct client_request *request = &client->outstanding[0];

    if (client->outstanding_count == 0) { /* an answer to nothing: one was doubled */
        client_answered(clients, client, now_ns, true);
        return;
    }
    client->reply[client->reply_bytes++] = byte;
    if (client->state == CLIENT_ASKING)
        take_size_byte(clients, client, now_ns);
    else if (request->reply[client->reply_bytes - 1] != byte)
        client_answered(clients, client, now_ns, true);
    else if (client->reply_bytes == request->reply_bytes)
        client_answered(clients, client, now_ns, false);
}

const struct dialect dialect_kv = {"kv", greet, request_any, take_byte};
