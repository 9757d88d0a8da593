/* host: runs guests in real time and moves them, on one libuv loop. It keeps a trunk to the gateway
 * (trunk.h), over which it is commanded and clients' packets come and go, and listens for other
 * hosts, which bring their guests.
 *
 *   host_open, host_add_guest for those that begin here
 *   then the loop runs, and the owner is told of what people want to know
 *   host_close: its guests are gone with it
 *
 * The engine is that of the simulated worlds: machine/, migrate/ and scenario/. What is here is what
 * a world does there: time, connections, and what a guest stops for.
 *
 * DOC: live-time
 * A guest's time is this host's monotonic clock less the pauses: while it is paused, handed over,
 * throttled, or has no hart that can go on without a page, it stands still. Whoever asks a guest
 * that runs hears the time of day go on as outside. A machine that is slower than its --cpu-rate, or
 * a host that is busy with something else, has the difference passed: no guest falls behind.
 */
#ifndef LIVE_HOST_H
#define LIVE_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/status.h"
#include "live/channel.h"
#include "machine/guest.h"
#include "scenario/scenario.h"

#define HOST_LABEL_MAX 32 /* of a host, its NUL counted */
#define HOST_GUESTS    4u /* here at a time; half of one that is being moved counts */

/* Where no --cpu-rate is given: more than any host can interpret. */
#define HOST_CPU_RATE "10GIPS"

struct host_config {
    const char *name;
    const char *gateway; /* address of its hosts' door; NULL: there is none */
    const char *listen;  /* where guests are brought */
    const struct channel_key *key;
    /* Each guest's blocks are in a file that all hosts reach, FILE.GUEST; NULL: guests have no disk. */
    const char *disk_path;
    uint64_t memory_max_bytes; /* of a guest that is brought; 0: as much as is free here */
};

struct host_owner {
    void (*said)(void *owner, const char *line); /* something has happened: one line for people */
    void (*console)(void *owner, const char *guest, const uint8_t *text, size_t count);
    void (*quit)(void *owner); /* the gateway asks the host to end */
    /* Its name or a guest of it is another's, as the first gateway says that it finds: there is nothing
     * to wait for. NULL, or not closed then: it asks again and again. */
    void (*refused)(void *owner, const char *reason);
};

struct host;

/* `config`, `calls` and what they point to are borrowed until host_close. */
MUST_USE enum status host_open(uv_loop_t *loop, const struct host_config *config,
                               const struct host_owner *calls, void *owner, struct host **host,
                               struct problem *problem);
/* A guest begins here. The scenario is copied; of it counts what describes the guest. */
MUST_USE enum status host_add_guest(struct host *host, const struct scenario *scenario,
                                    const uint8_t *image, size_t image_bytes,
                                    struct problem *problem);
const char *host_address(const struct host *host); /* where it listens, with its port */
void host_close(struct host *host);                /* it is freed when the loop comes round */

/* The guest of that name, if it is at this host; NULL. For whoever looks at it. */
struct guest *host_find_guest(const struct host *host, const char *name);

/* The name that a scenario's guest has among hosts: "kv", "model:uniform", of a file its name
 * without the folder. */
const char *host_guest_name(const struct scenario *scenario);

#endif
