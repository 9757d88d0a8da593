/* clients: programs that talk to a guest that serves, each in the dialect that the guest speaks
 * (dialect.h), and check every answer: a wrong, lost or doubled one shows at once, and ends that
 * client's trust in its connection.
 *
 * A client sends at its rate, evenly spaced, with at most CLIENT_OUTSTANDING_MAX requests
 * unanswered: what would go beyond that is not sent.
 */
#ifndef SIM_CLIENTS_H
#define SIM_CLIENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/event.h"
#include "base/prng.h"
#include "machine/stream.h"
#include "sim/dialect.h"

#define CLIENT_OUTSTANDING_MAX 8
#define CLIENT_REPLY_MAX       64
#define CLIENT_CONNECT_NS      1000000ull /* between two attempts to connect */
/* How long a client goes on waiting for an address of which the network says that nobody is there:
 * of a host that is switched off, or from which the guest was taken without a word. */
#define CLIENT_UNREACHABLE_NS 500000000ull
#define CLIENT_KEYS_DEFAULT   4096 /* where the server starts empty */
#define CLIENT_KEYS_MAX       (1u << 22)

enum client_state {
    CLIENT_CONNECTING, /* nobody listens yet */
    CLIENT_ASKING,     /* asks how many keys there are */
    CLIENT_READY,      /* knows the number of keys; waits for the others */
    CLIENT_TALKING,
    CLIENT_FAILED, /* got a wrong answer, or the server hung up: says no more */
};

struct client_request {
    uint64_t sent_ns;
    uint64_t number; /* of its own, in dialects that number what they send */
    uint32_t reply_bytes;
    char reply[CLIENT_REPLY_MAX]; /* what the answer must be */
};

struct client {
    uint32_t client_idx;
    enum client_state state;
    struct stream stream;
    struct prng prng;
    uint64_t due_ns;  /* the next request, or attempt to connect */
    uint64_t base_ns; /* request n is due at base + n / rate */
    uint64_t due_count;
    uint64_t server_keys;    /* as DBSIZE said */
    uint32_t *versions;      /* owned: of each of its keys, how often it was SET; 0: never */
    uint64_t unreachable_ns; /* since when nobody is there; UINT64_MAX: somebody is */
    uint64_t counter;        /* what the guest has counted last, for this client */
    uint64_t sent_number;    /* of the last request, where they are numbered */
    uint64_t numbers[2];     /* in the answer that is being read */
    struct client_request outstanding[CLIENT_OUTSTANDING_MAX]; /* oldest first */
    uint32_t outstanding_count;
    char reply[CLIENT_REPLY_MAX]; /* the part of the answer that is there */
    uint32_t reply_bytes;         /* or how far the answer has come */
};

struct clients {
    const struct dialect *dialect;
    struct client *items; /* owned */
    uint32_t count;
    uint64_t rate; /* requests per second, each */
    uint64_t key_count;
    bool is_preloaded; /* the keys were there: they have values that nobody here knows */
    bool has_begun;
    struct event_list *events;
};

void clients_init(struct clients *clients, const struct dialect *dialect, uint32_t count,
                  uint64_t rate, uint64_t seed, struct event_list *events);
void clients_fini(struct clients *clients);

/* The world has connected the client's stream. */
void client_connected(struct clients *clients, struct client *client, uint64_t now_ns);
/* Reads and checks what its stream has received. */
void client_read(struct clients *clients, struct client *client, uint64_t now_ns);
/* Sends what is due. */
void client_tick(struct clients *clients, struct client *client, uint64_t now_ns);
/* The network says whether anybody is at the address that the client sends to. */
void client_told(struct client *client, uint64_t now_ns, bool is_reachable);
uint64_t client_deadline_ns(const struct client *client); /* when to tick or to ask for packets */

/* For the dialects. */

/* Sends a request; `reply` is what must come back, where that is known to the byte. */
struct client_request *client_send(struct clients *clients, struct client *client, uint64_t now_ns,
                                   const char *text, const char *reply);
/* The oldest request has its answer, and it is right or wrong. */
void client_answered(struct clients *clients, struct client *client, uint64_t now_ns,
                     bool is_wrong);
/* For dialects of lines: true when this byte has ended one, which then stands in client->reply, a
 * string without its '\n'; of a line that is too long the beginning. */
bool client_heard_line(struct client *client, char byte);
/* Requests are due from now on. */
void client_begin(struct clients *clients, struct client *client, uint64_t now_ns);

#endif
