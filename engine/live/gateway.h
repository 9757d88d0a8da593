/* gateway: the post office. Real clients connect here and stay connected while their guest moves;
 * hosts keep a trunk to here (trunk.h); at every instant it knows at which host a guest is.
 *
 *      client --TCP--> slot: the far end of a mailbox stream --packets on a trunk--> host, guest
 *
 *   gateway_open, gateway_listen for each address where clients come in
 *   then the loop runs; the owner, which is the door (door.h), is told what happens, and may ask
 *   gateway_close
 *
 * Who waits for whom: bytes are taken from a client as far as its stream has room, and a stream is
 * acknowledged as far as its client took what came. So a client costs a window each way, however
 * fast or slow it is, and nobody else notices. A guest has MAILBOX_STREAMS clients at a time: more
 * are not accepted, and wait with the system until a slot is free.
 *
 * Where a guest is, its hosts say (trunk.h, "claims"). A host that is not heard any more may still
 * have it: the gateway waits, until the host is back, or its process is seen to be gone and no
 * other host has as much as a half of it. Then the guest is lost: its clients are told by the end of
 * their connections, and the owner by an event.
 *
 * Everything lives on one loop; nothing here blocks.
 */
#ifndef LIVE_GATEWAY_H
#define LIVE_GATEWAY_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/event.h"
#include "base/status.h"
#include "live/channel.h"
#include "live/control.h"
#include "live/trunk.h"

#define GATEWAY_HOSTS     8u /* numbered from 1: 0 is the gateway, where sources are numbered */
#define GATEWAY_GUESTS    4u
#define GATEWAY_LISTENERS 8u

/* How long a client's call is repeated before it is told that there is nobody; where a guest is lost or
 * has ended it is told at once. */
#define GATEWAY_CALL_NS (10 * 1000000000ull)
/* Between "no host has it" and "it is lost": a claim may be under way on another trunk. */
#define GATEWAY_GRACE_NS (500 * 1000000ull)

struct gateway;

/* All of them may be NULL. They are called from the loop, never from within a call of the owner's. */
struct gateway_owner {
    /* A host has told an event: `data` is borrowed, and may be NULL. It is console or guest_ended, of
     * a guest that it has, or progress or migration_ended, of any, or link. The gateway's own, of host 0:
     *   host_joined {"name", "address"}       host_left {"name", "reason"}
     *   turned_away {"reason"}: somebody at the hosts' door has not proved that he has the key
     *   client_dropped {"guest", "client", "reason"}: one that did not read
     *   claim_refused {"guest", "host", "reason"}: what that host says of it does not count
     *   guest_lost {"guest", "reason"}        two_runners {"guest", "hosts"}: rule one_runner broken */
    void (*told)(void *owner, unsigned host, const char *event, json_t *data);
    /* Things for a recording (gateway_record.h), at instants on this process's CLOCK_MONOTONIC.
     * `move`: of which they are, as 32 hexadecimal digits; NULL: the gateway's own. */
    void (*happened)(void *owner, unsigned source, const char *move, const struct event *events,
                     size_t count);
};

/* Listens for hosts at that address. `key` may be NULL, and is borrowed, as `calls` is. */
MUST_USE enum status gateway_open(uv_loop_t *loop, const char *hosts_address,
                                  const struct channel_key *key, const struct gateway_owner *calls,
                                  void *owner, struct gateway **gateway, struct problem *problem);
/* `words`: ADDRESS:PORT[=GUEST[/GUESTPORT]]. Without a name: the first guest that is there; without
 * its port: the first at which that guest listens. */
MUST_USE enum status gateway_listen(struct gateway *gateway, const char *words,
                                    struct problem *problem);
/* With the ports as they are: "127.0.0.1:40312". Of clients: NULL behind the last. */
const char *gateway_hosts_address(const struct gateway *gateway);
const char *gateway_clients_address(const struct gateway *gateway, unsigned listener_idx);
/* Ends every connection; the gateway is freed once the loop has seen to it. */
void gateway_close(struct gateway *gateway);

/* ---- For the door ---- */

/* {"gateway": {...}, "hosts": [...]} of the reply to `status`; owned by the caller. */
json_t *gateway_status(const struct gateway *gateway);

unsigned gateway_find_host(const struct gateway *gateway, const char *name); /* 0: there is none */
const char *gateway_host_name(const struct gateway *gateway, unsigned host); /* never NULL */
bool gateway_is_host_here(const struct gateway *gateway, unsigned host);
/* Where it listens for moves; "" where it has not said so. */
const char *gateway_host_address(const struct gateway *gateway, unsigned host);
/* The first host that is here and is not `but`; 0: none. */
unsigned gateway_other_host(const struct gateway *gateway, unsigned but);

/* The host where that guest is; *name NULL: of the only guest, whose name is put there. 0: no such
 * guest, or more than one (!*is_known), or nobody knows where it is just now. */
unsigned gateway_find_guest(const struct gateway *gateway, const char **name, bool *is_known);

/* How many clients talk to the guest of that name. */
unsigned gateway_guest_clients(const struct gateway *gateway, const char *name);
/* That client, as events number them, is that guest's, or was last; true where it is nobody's. */
bool gateway_is_client_of(const struct gateway *gateway, uint64_t client_idx, const char *name);

/* What became of the guest of that name: "has ended", "is lost"; NULL: neither. */
const char *gateway_guest_end(const struct gateway *gateway, const char *name);

/* The reply to a command; NULL: the host has gone without one. */
typedef void (*gateway_answer)(void *owner, const struct control_message *reply);
/* Hands a command to a host, and its arguments away (NULL: none). False: the host is not here. */
bool gateway_ask(struct gateway *gateway, unsigned host, const char *command, json_t *arguments,
                 gateway_answer answer, void *owner);

/* A move of that guest has been ordered: packets may take another way, and a host that dies may take
 * the guest with it. `tunnel_for_ns`: how long its old host passes its packets on, once the target has
 * it, be that before the move's end is told or after; UINT64_MAX: for ever; 0: not at all. */
void gateway_move_begins(struct gateway *gateway, const char *guest, unsigned source,
                         unsigned target, uint64_t tunnel_for_ns);
void gateway_move_ends(struct gateway *gateway, const char *guest);

#endif
