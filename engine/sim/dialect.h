/* dialect: what clients and a guest that serves say to each other. One file
 * each, dialect_NAME.c, for the guest of that name.
 */
#ifndef SIM_DIALECT_H
#define SIM_DIALECT_H

#include <stdint.h>

struct client;
struct clients;

struct dialect {
    const char *guest;
    /* The client is connected; calls client_begin, now or when it knows what it must. */
    void (*greet)(struct clients *clients, struct client *client, uint64_t now_ns);
    /* A request is due, and there is room for it: at most 256 bytes. */
    void (*request)(struct clients *clients, struct client *client, uint64_t now_ns);
    /* A byte has come from the guest. */
    void (*hear)(struct clients *clients, struct client *client, uint64_t now_ns, char byte);
};

extern const struct dialect dialect_kv, dialect_web, dialect_chat, dialect_game;

/* Of the guest with that name; NULL for those that serve nobody. */
const struct dialect *dialect_find(const char *guest);

#endif
