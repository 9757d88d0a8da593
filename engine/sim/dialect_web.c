/* HTTP/1.1, as a browser speaks it that keeps its connection (guests/web.c): each request asks for
 * the counter, and what it says must be more than what it said before. */
#include "sim/dialect.h"

#include <string.h>

#include "sim/clients.h"

/* '#': a number, of one digit or more. */
static const char answer[] = "HTTP/1.1 200 OK\r\nServer: ferry-web\r\nContent-Type: text/plain\r\n"
                             "Content-Length: #\r\nCache-Control: no-store\r\n\r\n#\n";

static void greet(struct clients *clients, struct client *client, uint64_t now_ns)
{
    client_begin(clients, client, now_ns);
}

static void request(struct clients *clients, struct client *client, uint64_t now_ns)
{
    client_send(clients, client, now_ns, "GET /counter HTTP/1.1\r\nHost: ferry\r\n\r\n", "");
}

static unsigned digits_of(uint64_t number)
{
    unsigned count = 1;
    for (; number >= 10; number /= 10)
        count++;
    return count;
}

static void hear(struct clients *clients, struct client *client, uint64_t now_ns, char byte)
{
    uint64_t *number = &client->numbers[strchr(answer, '#') - answer < client->reply_bytes];
    bool is_digit = byte >= '0' && byte <= '9';

    if (client->reply_bytes == 0)
        client->numbers[0] = client->numbers[1] = 0;
    if (answer[client->reply_bytes] == '#' && is_digit) {
        bool is_too_long = *number > UINT64_MAX / 100;
        *number = *number * 10 + (uint64_t)(byte - '0');
        if (is_too_long)
            client_answered(clients, client, now_ns, true);
        return;
    }
    if (answer[client->reply_bytes] == '#' && *number > 0)
        client->reply_bytes++; /* behind the number, which was none if it had no digits, or 0 */
    if (client->outstanding_count == 0 || answer[client->reply_bytes] != byte) {
        client_answered(clients, client, now_ns, true);
        return;
    }
    if (++client->reply_bytes < sizeof answer - 1)
        return;
    bool is_right = client->numbers[1] > client->counter &&
                    client->numbers[0] == digits_of(client->numbers[1]) + 1;
    client->counter = client->numbers[1];
    client_answered(clients, client, now_ns, !is_right);
}

const struct dialect dialect_web = {"web", greet, request, hear};
