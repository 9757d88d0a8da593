/* Moves, and the world after each tick (guests/game.c): a request is a move, its answer the first
 * tick that has obeyed it. Ticks never go back, and obey no move that was not sent. */
#include "sim/dialect.h"

#include <stdio.h>
#include <string.h>

#include "sim/clients.h"

static void greet(struct clients *clients, struct client *client, uint64_t now_ns)
{
    client_begin(clients, client, now_ns);
}

static void request(struct clients *clients, struct client *client, uint64_t now_ns)
{
    unsigned long long number = ++client->sent_number;
    int dx = (int)prng_below(&client->prng, 3) - 1;
    int dy = (int)prng_below(&client->prng, 3) - 1;
    char text[64];

    snprintf(text, sizeof text, "move %d %d %llu\n", dx, dy, number);
    client_send(clients, client, now_ns, text, "")->number = number;
}

/* "tick 17 ack 5 coins 3: ...", of which the beginning is enough. */
static void hear_line(struct clients *clients, struct client *client, uint64_t now_ns)
{
    unsigned long long tick, obeyed;

    if (strncmp(client->reply, "welcome ", 8) == 0)
        return;
    if (sscanf(client->reply, "tick %llu ack %llu ", &tick, &obeyed) != 2 ||
        tick <= client->counter || obeyed > client->sent_number) {
        client_answered(clients, client, now_ns, true);
        return;
    }
    client->counter = tick;
    while (client->outstanding_count > 0 && client->outstanding[0].number <= obeyed)
        client_answered(clients, client, now_ns, false);
}

static void hear(struct clients *clients, struct client *client, uint64_t now_ns, char byte)
{
    if (client_heard_line(client, byte))
        hear_line(clients, client, now_ns);
}

const struct dialect dialect_game = {"game", greet, request, hear};
