#include "sim/clients.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "base/units.h"

void clients_init(struct clients *clients, uint32_t count, uint64_t rate, uint64_t seed,
                  struct event_list *events)
{
    *clients = (struct clients){.count = count, .rate = rate, .events = events};
    clients->items = calloc(count + 1, sizeof *clients->items);
    MUST(clients->items != NULL);
    for (uint32_t i = 0; i < count; i++) {
        struct client *client = &clients->items[i];
        client->client_idx = i;
        client->prng = prng_make(seed, 100 + i);
        stream_init(&client->stream);
    }
}

void clients_fini(struct clients *clients)
{
    for (uint32_t i = 0; i < clients->count; i++)
        free(clients->items[i].versions);
    free(clients->items);
    *clients = (struct clients){0};
}

/* ---- Requests ---- */

static void send_request(struct clients *clients, struct client *client, uint64_t now_ns,
                         const char *text, const char *reply)
{
    uint32_t bytes = (uint32_t)strlen(text);
    struct client_request *request = &client->outstanding[client->outstanding_count++];
    MUST(stream_write(&client->stream, text, bytes) == bytes);
    request->sent_ns = now_ns;
    request->reply_bytes = (uint32_t)strlen(reply);
    MUST(request->reply_bytes < CLIENT_REPLY_MAX);
    memcpy(request->reply, reply, request->reply_bytes);
    event_append(clients->events, (struct event){.at_ns = now_ns,
                                                 .kind = EVENT_REQUEST_SENT,
                                                 .request_sent = {.client_idx = client->client_idx,
                                                                  .bytes = bytes}});
}

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
    send_request(clients, client, now_ns, text, "+OK\r\n");
}

static void request_get(struct clients *clients, struct client *client, uint64_t now_ns,
                        uint64_t own_idx, uint64_t key_idx)
{
    char text[80], value[48], reply[CLIENT_REPLY_MAX] = "$-1\r\n";
    if (client->versions[own_idx] > 0) {
        uint32_t count = value_of(value, sizeof value, key_idx, client->versions[own_idx]);
        snprintf(reply, sizeof reply, "$%u\r\n%s\r\n", count, value);
    } else if (clients->is_preloaded) {
        send_request(clients, client, now_ns, "*1\r\n$4\r\nPING\r\n", "+PONG\r\n");
        return;
    }
    snprintf(text, sizeof text, "*2\r\n$3\r\nGET\r\n$12\r\nkey:%08llu\r\n",
             (unsigned long long)key_idx);
    send_request(clients, client, now_ns, text, reply);
}

static void request_incr(struct clients *clients, struct client *client, uint64_t now_ns)
{
    char text[80], reply[CLIENT_REPLY_MAX];
    snprintf(text, sizeof text, "*2\r\n$4\r\nINCR\r\n$11\r\nclient:%04u\r\n", client->client_idx);
    snprintf(reply, sizeof reply, ":%llu\r\n", (unsigned long long)++client->counter);
    send_request(clients, client, now_ns, text, reply);
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

/* ---- Life ---- */

void client_connected(struct clients *clients, struct client *client, uint64_t now_ns)
{
    client->state = CLIENT_ASKING;
    client->due_ns = UINT64_MAX;
    send_request(clients, client, now_ns, "*1\r\n$6\r\nDBSIZE\r\n", "");
}

/* Everybody knows the number of keys: the talking begins, each client at its own moment of the
 * first interval, so that they do not march in step. */
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
        client->state = CLIENT_TALKING;
        client->base_ns = now_ns + prng_below(&client->prng, NS_PER_S / clients->rate + 1);
        client->due_ns = client->base_ns;
    }
}

void client_tick(struct clients *clients, struct client *client, uint64_t now_ns)
{
    if (client->state != CLIENT_TALKING)
        return;
    while (client->due_ns <= now_ns) {
        client->due_count++;
        client->due_ns =
            client->base_ns + units_mul_div(client->due_count, NS_PER_S, clients->rate);
        if (client->outstanding_count < CLIENT_OUTSTANDING_MAX &&
            stream_room(&client->stream) > 256)
            request_any(clients, client, now_ns);
    }
}

/* ---- Answers ---- */

static void answered(struct clients *clients, struct client *client, uint64_t now_ns, bool is_wrong)
{
    uint64_t latency_ns = now_ns - client->outstanding[0].sent_ns;
    client->outstanding_count--;
    memmove(&client->outstanding[0], &client->outstanding[1],
            client->outstanding_count * sizeof client->outstanding[0]);
    client->reply_bytes = 0;
    if (is_wrong)
        client->state = CLIENT_FAILED;
    event_append(clients->events,
                 (struct event){.at_ns = now_ns,
                                .kind = EVENT_REQUEST_ANSWERED,
                                .request_answered = {.client_idx = client->client_idx,
                                                     .latency_ns = latency_ns,
                                                     .is_wrong = is_wrong}});
}

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
    answered(clients, client, now_ns, !is_sound);

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
        client->outstanding_count = 1;
        client->outstanding[0].sent_ns = now_ns;
        answered(clients, client, now_ns, true);
        return;
    }
    client->reply[client->reply_bytes++] = byte;
    if (client->state == CLIENT_ASKING)
        take_size_byte(clients, client, now_ns);
    else if (request->reply[client->reply_bytes - 1] != byte)
        answered(clients, client, now_ns, true);
    else if (client->reply_bytes == request->reply_bytes)
        answered(clients, client, now_ns, false);
}

void client_read(struct clients *clients, struct client *client, uint64_t now_ns)
{
    char bytes[STREAM_WINDOW_BYTES];
    uint32_t count = stream_read(&client->stream, bytes, sizeof bytes);
    for (uint32_t i = 0; i < count && client->state != CLIENT_FAILED; i++)
        take_byte(clients, client, now_ns, bytes[i]);
    if (client->state == CLIENT_FAILED || !stream_is_at_end(&client->stream))
        return;
    if (client->outstanding_count > 0) /* the server hung up: the answer is lost */
        answered(clients, client, now_ns, true);
    client->state = CLIENT_FAILED;
}

uint64_t client_deadline_ns(const struct client *client)
{
    uint64_t retry_ns = stream_deadline_ns(&client->stream);
    bool is_due = client->state == CLIENT_CONNECTING || client->state == CLIENT_TALKING;
    return is_due && client->due_ns < retry_ns ? client->due_ns : retry_ns;
}
