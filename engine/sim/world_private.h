/* world_private: what a world is made of, for the files that make it live: world.c (its life, time,
 * the knobs), world_guest.c (the guest runs), world_move.c (the migration's ends and links),
 * world_disk.c (its disk), world_fault.c (what goes wrong) and service.c (the clients, their
 * packets, the switch).
 */
#ifndef SIM_WORLD_PRIVATE_H
#define SIM_WORLD_PRIVATE_H

#include "base/heap.h"
#include "machine/machine.h"
#include "migrate/source.h"
#include "migrate/target.h"
#include "sim/clients.h"
#include "sim/console.h"
#include "scenario/fault.h"
#include "sim/link.h"
#include "sim/network.h"
#include "sim/observer.h"
#include "migrate/share.h"
#include "sim/storage.h"
#include "sim/world.h"

enum happening {
    HAPPEN_START,     /* the scenario starts the move */
    HAPPEN_LINK_FREE, /* link `who` can take the next chunk: `what` has left */
    HAPPEN_ARRIVAL,   /* chunk `what` of link `who` is there */
    HAPPEN_SILENCE,   /* nothing has moved since connection `what`'s links fell silent */
    HAPPEN_CONNECT,   /* connection `what` is made, if it can be */
    HAPPEN_FAULT,     /* fault `who` of the plan begins; what != 0: it is over */
    HAPPEN_PACKET,    /* packet `what` of the network is where it was sent */
    HAPPEN_CLIENT,    /* client `who` wanted to be asked now */
    HAPPEN_ANNOUNCE,  /* the switch learns that the guest is at host `who` */
    HAPPEN_TUNNEL,    /* the switch is to be told; what != 0: it was, and the tunnel ends */
    HAPPEN_CONSOLE,   /* what the guest wrote meanwhile is told */
    HAPPEN_RELEASE,   /* a guest that was held back may run again */
    HAPPEN_SOURCE,    /* the source wanted to be asked now */
    HAPPEN_DISK,      /* the disk's request takes step `who`, enum disk_step */
    HAPPEN_END,       /* the scenario's time after end `what` of the move is over */
};

/* A host's view of its guest. World time is guest time plus offset_ns while the guest lives. */
struct host {
    struct guest *guest;
    uint64_t offset_ns;
    uint32_t shares[HART_MAX]; /* of the time, in thousandths, as it has them here */
};

/* How the request under way reaches the blocks, see world_disk.c. */
enum disk_path { DISK_LOCAL, DISK_CARRIED, DISK_DOORBELL };
enum disk_step { DISK_SERVE, DISK_ASK_FOR_DATA, DISK_ANSWER };

struct world_disk {
    bool is_busy;
    enum disk_path path;
    uint32_t served_at;
    uint8_t asked[DISK_BLOCK_BYTES]; /* what the guest's memory held when its turn came */
    uint8_t block[DISK_BLOCK_BYTES]; /* on its way */
};

/* The old host sends on what still comes to it (--route tunnel). */
struct tunnel {
    bool has_ended;   /* the switch knows the new place, and nothing is under way to the old one */
    uint64_t packets; /* sent on so far */
};

/* What is broken just now, and what came of it. */
struct failures {
    struct fault_plan plan;
    bool is_active[FAULT_PLAN_MAX];
    bool has_begun[FAULT_PLAN_MAX];
    uint64_t begun_ns[FAULT_PLAN_MAX];
    bool is_cut_by_hand;
    uint64_t bits_per_s_by_hand; /* 0: as the scenario says */
    bool is_connected;           /* the two ends of the move hear each other */
    bool has_crashed[HOST_COUNT];
    bool is_guest_lost;          /* it was in a host that crashed, or needs one */
    uint64_t connection_idx;     /* of the connection that is, or is to be made */
    uint64_t tries;              /* connections made since a page was last installed */
    uint64_t pages_at_last_try;  /* that the target had */
    bool is_silence_watched;     /* HAPPEN_SILENCE is to come */
    uint64_t silent_since_chunk; /* how many had been sent when it was promised */
    size_t watched_count;        /* events that were looked at: a phase may begin a fault */
    struct prng prng;            /* of corruption */
};

struct world {
    struct scenario scenario;
    uint64_t now_ns;
    struct heap heap;
    struct event_list events;
    struct host hosts[HOST_COUNT];
    struct source source;
    struct target target;
    struct link links[HOST_COUNT]; /* by the host that sends */
    bool is_link_busy[HOST_COUNT];
    struct failures failures;
    struct network network;
    struct clients clients;
    uint64_t client_armed_ns[SCENARIO_CLIENTS_MAX];
    struct storage storage;
    struct world_disk disk;
    uint32_t barred_harts;   /* of the source's guest, as it was told; bits */
    uint64_t mailbox_due_ns; /* when the guest's mailboxes want to be asked for packets */
    uint32_t home;           /* where the switch sends packets for the guest */
    struct tunnel tunnel;
    bool has_started, has_ended, has_guest_ended;
    bool is_over;            /* the move has ended */
    uint64_t end_idx;        /* of HAPPEN_END: one that is older is none any more */
    bool is_guest_stuck;     /* no hart can go on before a page is there */
    bool is_guest_held_back; /* by the fault throttle, until HAPPEN_RELEASE */
    struct share share;      /* of the hart that has most of the time */
    uint32_t told_shares[HART_MAX];
    uint32_t log_entries;   /* in the hardware's buffer of dirtied pages */
    uint64_t source_due_ns; /* HAPPEN_SOURCE that is to come; UINT64_MAX: none */
    struct observer observer;
    size_t observed_count; /* of events: the oracle has read so many */
    struct console console;
    uint64_t untold_bytes; /* written to the console since it was last told, */
    uint32_t untold_host;  /* at that host */
    uint64_t told_ns;
    bool is_telling; /* HAPPEN_CONSOLE is to come */
    char reason[200];
    struct debug *debug; /* borrowed; NULL: nobody debugs */
};

/* Time. */
void world_happen(struct world *world, uint64_t at_ns, enum happening kind, uint32_t who,
                  uint64_t what);

/* The host at which the guest lives, and hears what arrives for it; NULL between two hosts. */
struct host *world_home(struct world *world);
static inline uint32_t host_idx(const struct world *world, const struct host *host)
{
    return host == &world->hosts[HOST_TARGET] ? HOST_TARGET : HOST_SOURCE;
}
/* What the guest's clock says now. It is ahead of the world's while the cost of a trap passes: that
 * is world time, and the guest has not lived it. */
static inline uint64_t host_guest_ns(const struct world *world, const struct host *host)
{
    uint64_t lived_ns = host->guest->ops->now_ns(host->guest);
    bool is_ahead = lived_ns + host->offset_ns > world->now_ns;
    return is_ahead ? lived_ns : world->now_ns - host->offset_ns;
}

/* At this instant. */
static inline void world_emit(struct world *world, struct event event)
{
    event.at_ns = world->now_ns;
    event_append(&world->events, event);
}
/* The host at which the guest may execute; NULL while it stands still or waits for a page. */
struct host *world_runner(struct world *world);

/* world_guest.c */
bool world_is_held(const struct world *world); /* by a debugger */
/* Runs the guest until `until_ns` at the latest; earlier where it causes something to happen before
 * that. */
void world_run_guest(struct world *world, uint64_t until_ns);
/* The hardware's buffer of dirtied pages is emptied, if there is something in it: one exit. */
void world_drain_log(struct world *world, struct host *host);
/* Told at once where nothing was told for a while, else when the while is over. */
void world_drain_console(struct world *world, struct host *host);
void world_tell_console(struct world *world);

/* world_share.c */

/* Gives each hart the share that the end with the guest wants for it. */
void world_set_shares(struct world *world);
/* The guest has run for its part of the period, which ended at that instant. */
void world_end_slice(struct world *world, struct host *host, uint64_t at_ns);
/* After a fault: true where the throttle holds the guest, which is released by HAPPEN_RELEASE. */
bool world_hold_back(struct world *world);
void world_release(struct world *world);
/* That part of the run is over: how far the guest has got is told. */
void world_tell_progress(struct world *world, enum stretch stretch);
/* A reason to stand still is gone; where none is left, guest time goes on from now. */
void world_guest_goes_on(struct world *world);

/* world_move.c */

/* Lets a link carry what its end has to send. One chunk at a time: an end is asked when the last
 * byte of the chunk before has left. */
void world_feed_link(struct world *world, uint32_t sender);
/* What a change of the source's phase means for the world. */
void world_reap_source(struct world *world, enum phase before);
void world_await_chunk(struct world *world, uint32_t sender);
void world_link_free(struct world *world, const struct heap_entry *entry);
void world_chunk_arrived(struct world *world, const struct heap_entry *entry);
/* Nothing more will come of the move: the scenario's time after it begins. */
void world_schedule_end(struct world *world);

/* world_fault.c */
void world_plan_faults(struct world *world);
void world_fault(struct world *world, const struct heap_entry *entry);   /* HAPPEN_FAULT */
void world_connect(struct world *world, const struct heap_entry *entry); /* HAPPEN_CONNECT */
/* What a person does to the migration link; told as a fault is. */
void world_cut_by_hand(struct world *world, bool is_cut);
void world_limit_by_hand(struct world *world, uint64_t bits_per_s);
/* After anything has happened: faults that wait for it begin. */
void world_watch(struct world *world);
/* The move begins: on a connection that is there, or not. */
void world_open_connection(struct world *world);
/* An end that cannot believe what it hears has hung up: the connection is broken, and made anew. */
void world_see_hang_up(struct world *world);
/* Both links may have fallen silent. */
void world_heed_silence(struct world *world);
void world_end_silence(struct world *world, const struct heap_entry *entry); /* HAPPEN_SILENCE */
/* The run ends: a move that can neither go on nor back is told so. */
void world_conclude(struct world *world);
/* Whether the end at that host would let the guest run now, and is there to do it. */
bool world_may_run(const struct world *world, uint32_t host);

/* Harts that wait for a barrier no more go on. */
void world_unbar_harts(struct world *world);

/* world_disk.c */
void world_poke_disk(struct world *world); /* the guest may have asked for something */
void world_disk(struct world *world, enum disk_step step); /* HAPPEN_DISK */

/* service.c */

/* Puts what the guest's mailboxes have to say on the network. */
void service_send(struct world *world, struct host *host);
/* The guest's connections live at that host now: all peers are told, and the switch. */
void service_rehome(struct world *world, struct host *host);
void service_announce(struct world *world, const struct heap_entry *);   /* HAPPEN_ANNOUNCE */
void service_end_tunnel(struct world *world, const struct heap_entry *); /* HAPPEN_TUNNEL */
/* A host crashed, or the guest's way changed: clients hear of it from the network. */
void service_tell_clients(struct world *world);
/* Gives the guest what has come through the tunnel. */
void service_forwarded(struct world *world);
void service_packet(struct world *world, uint64_t packet_idx);       /* HAPPEN_PACKET */
void service_client(struct world *world, const struct heap_entry *); /* HAPPEN_CLIENT */

#endif
