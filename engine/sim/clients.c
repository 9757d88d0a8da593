#include "sim/clients.h"

#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "base/units.h"

void clients_init(struct clients *clients, const struct dialect *dialect, uint32_t count,
                  uint64_t rate, uint64_t seed, struct event_list *events)
{
    *clients = (struct clients){.dialect = dialect, .count = count, .rate = rate, .events = events};
    clients->items = calloc(count + 1, sizeof *clients->items);
    MUST(clients->items != NULL);
    for (uint32_t i = 0; i < count; i++) {
        struct client *client = &clients->items[i];
        client->client_idx = i;
        client->unreachable_ns = UINT64_MAX;
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

/* ---- For the dialects ---- */

struct client_request *client_send(struct clients *clients, struct client *client, uint64_t now_ns,
                                   const char *text, const char *reply)
{
    uint32_t bytes = (uint32_t)strlen(text);
    struct client_request *request = &client->outstanding[client->outstanding_count++];
    MUST(stream_write(&client->stream, text, bytes) == bytes);
    *request = (struct client_request){.sent_ns = now_ns, .reply_bytes = (uint32_t)strlen(reply)};
    MUST(request->reply_bytes < CLIENT_REPLY_MAX);
    memcpy(request->reply, reply, request->reply_bytes);
    event_append(clients->events, (struct event){.at_ns = now_ns,
                                                 .kind = EVENT_REQUEST_SENT,
                                                 .request_sent = {.client_idx = client->client_idx,
                                                                  .bytes = bytes}});
    return request;
}

void client_answered(struct clients *clients, struct client *client, uint64_t now_ns, bool is_wrong)
{
    uint64_t latency_ns = 0;

    if (client->outstanding_count > 0) { /* none: it is an answer to nothing, and wrong */
        latency_ns = now_ns - client->outstanding[0].sent_ns;
        client->outstanding_count--;
        memmove(&client->outstanding[0], &client->outstanding[1],
                client->outstanding_count * sizeof client->outstanding[0]);
    }
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

bool client_heard_line(struct client *client, char byte)
{
    if (byte != '\n') {
        if (client->reply_bytes < CLIENT_REPLY_MAX - 1)
            client->reply[client->reply_bytes++] = byte;
        return false;
    }
    client->reply[client->reply_bytes] = '\0';
    client->reply_bytes = 0;
    return true;
}

/* Each at its own moment of the first interval, so that clients do not march in step. */
void client_begin(struct clients *clients, struct client *client, uint64_t now_ns)
{
    client->state = CLIENT_TALKING;
    client->base_ns = now_ns + prng_below(&client->prng, NS_PER_S / clients->rate + 1);
    client->due_ns = client->base_ns;
}

/* ---- Life ---- */

void client_connected(struct clients *clients, struct client *client, uint64_t now_ns)
{
    client->due_ns = UINT64_MAX;
    clients->dialect->greet(clients, client, now_ns);
}

void client_told(struct client *client, uint64_t now_ns, bool is_reachable)
{
    if (is_reachable)
        client->unreachable_ns = UINT64_MAX;
    else if (client->unreachable_ns == UINT64_MAX)
        client->unreachable_ns = now_ns;
}

static uint64_t gives_up_ns(const struct client *client)
{
    bool is_over = client->state == CLIENT_FAILED || client->unreachable_ns == UINT64_MAX;
    return is_over ? UINT64_MAX : client->unreachable_ns + CLIENT_UNREACHABLE_NS;
}

/* Nobody will answer any more: every answer that is still due is an error. */
static void give_up(struct clients *clients, struct client *client, uint64_t now_ns)
{
    while (client->outstanding_count > 0)
        client_answered(clients, client, now_ns, true);
    client->state = CLIENT_FAILED;
}

void client_tick(struct clients *clients, struct client *client, uint64_t now_ns)
{
    if (now_ns >= gives_up_ns(client))
        give_up(clients, client, now_ns);
    if (client->state != CLIENT_TALKING)
        return;
    while (client->due_ns <= now_ns) {
        client->due_count++;
        client->due_ns =
            client->base_ns + units_mul_div(client->due_count, NS_PER_S, clients->rate);
        if (client->outstanding_count < CLIENT_OUTSTANDING_MAX &&
            stream_room(&client->stream) > 256)
            clients->dialect->request(clients, client, now_ns);
    }
}

void client_read(struct clients *clients, struct client *client, uint64_t now_ns)
{
    char bytes[STREAM_WINDOW_BYTES];
    uint32_t count = stream_read(&client->stream, bytes, sizeof bytes);
    for (uint32_t i = 0; i < count && client->state != CLIENT_FAILED; i++)
        clients->dialect->hear(clients, client, now_ns, bytes[i]);
    if (client->state == CLIENT_FAILED || !stream_is_at_end(&client->stream))
        return;
    if (client->outstanding_count > 0) /* the server hung up: the answer is lost */
        client_answered(clients, client, now_ns, true);
    client->state = CLIENT_FAILED;
}

uint64_t client_deadline_ns(const struct client *client)
{
    uint64_t retry_ns = stream_deadline_ns(&client->stream);
    if (gives_up_ns(client) < retry_ns)
        retry_ns = gives_up_ns(client);
    bool is_due = client->state == CLIENT_CONNECTING || client->state == CLIENT_TALKING;
    return is_due && client->due_ns < retry_ns ? client->due_ns : retry_ns;
}
