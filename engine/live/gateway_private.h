/* gateway_private: what the gateway's files share. gateway.h is the contract.
 *
 *   gateway.c           life, the loop's turns, status
 *   gateway_trunks.c    trunks: who comes in, what is said on them
 *   gateway_hosts.c     hosts: who has a place, what they have and are asked, who has gone
 *   gateway_guests.c    where each guest is, and when it is lost
 *   gateway_clients.c   real clients and their streams
 *   gateway_listeners.c where they come in
 */
#ifndef LIVE_GATEWAY_PRIVATE_H
#define LIVE_GATEWAY_PRIVATE_H

#include "live/address.h"
#include "live/gateway.h"
#include "live/trunk.h"
#include "machine/mailbox.h"

/* ---- Clients: gateway_clients.c ---- */

enum client_state {
    CLIENT_FREE,    /* nobody; whoever had the slot last may still need an acknowledgement */
    CLIENT_CALLING, /* the guest has not taken its call yet */
    CLIENT_TALKING,
};

/* A real connection. Apart from its slot, because the loop lets go of it later than we do. */
struct client_socket {
    uv_poll_t poll;
    int fd;
    struct gateway *gateway;
    struct gateway_client *client;
    int events;          /* that the loop waits for */
    bool has_ended;      /* the client sends no more */
    uint64_t shut_at_ns; /* when it was told that the guest does not either; UINT64_MAX: not yet */
    uint64_t stalled_ns; /* since when it takes nothing of what there is; UINT64_MAX: it does */
};

struct gateway_client {
    enum client_state state;
    uint8_t slot_idx;
    bool was_used;  /* by any connection: its stream means something */
    bool is_direct; /* its call was taken where the guest is: an older host does not know it */
    struct gateway_guest *guest;
    struct client_socket *socket; /* NULL: it has gone, and what still comes is dropped */
    struct stream stream;
    uint16_t port;  /* at which it calls */
    uint64_t first; /* number of its first byte: behind all that the slot's clients before had */
    uint64_t call_since_ns, call_again_ns, call_pause_ns;
    uint64_t asked_ns; /* the first byte that is not answered; UINT64_MAX: all is */
    uint64_t freed_ns; /* when its slot became free */
};

struct client_listener {
    struct gateway *gateway;
    uv_poll_t poll;
    int fd;
    bool is_watched;
    struct gateway_guest *guest; /* whose clients come in here */
    uint16_t port;               /* 0: the first at which it listens */
    char address[128];
};

/* ---- Guests: gateway_guests.c ---- */

enum guest_state {
    GUEST_EXPECTED, /* no host has claimed it yet */
    GUEST_PRESENT,  /* a host claims it */
    GUEST_AWAY, /* the one that did is not heard, or claims it no more; see `missing_since_ns` */
    GUEST_LOST,
    GUEST_OVER, /* it has ended */
};

struct gateway_guest {
    struct gateway *gateway;
    char name[TRUNK_NAME_MAX]; /* "": whichever comes first */
    bool is_named;             /* by a listener: the place is its for good */
    enum guest_state state;
    char why_lost[100];        /* where it is LOST */
    struct gateway_host *home; /* where it runs; NULL where it is not PRESENT */
    struct gateway_host *last_home;
    struct gateway_host *route; /* where packets go: the old host, as long as there is a tunnel */
    uint64_t route_until_ns;
    uint64_t move_count;       /* of the claim that is believed */
    uint64_t missing_since_ns; /* no host has it; UINT64_MAX: it is not so */
    uint64_t rivals_since_ns;  /* two hosts claim it; UINT64_MAX: no */
    bool are_rivals_told;
    uint16_t port; /* the first at which it listens; 0: not told */

    /* The process that had another half of it has ended: at this instant it is looked at what is left
     * where; UINT64_MAX: that has not happened. */
    uint64_t orphan_look_ns;
    bool is_orphan_asked;
    char orphan_of[TRUNK_NAME_MAX];

    /* It waits for pages, and nobody has told who has them; UINT64_MAX: it is not so. */
    uint64_t left_since_ns, left_pages;

    bool is_moving;
    struct gateway_host *source, *target;
    uint64_t tunnel_for_ns; /* once it has come to the target; 0: it has, or there is to be none */

    /* Of the place, whoever has it: numbers go on. */
    struct gateway_client clients[MAILBOX_STREAMS];
    uint64_t due_ns[MAILBOX_STREAMS]; /* when each wants to be looked at; UINT64_MAX: never */
    uint64_t touched;                 /* bit i: client i may have packets to send */
};

/* ---- Hosts: gateway_hosts.c ---- */

/* What a host says of a guest. */
struct host_claim {
    char name[TRUNK_NAME_MAX], state[16];
    bool is_claim; /* it is there, not merely half of a move */
    uint64_t move_count, memory_bytes, harts, pages_missing;
    uint16_t port;
};

struct gateway_question {
    uint64_t id; /* 0: this place is free */
    gateway_answer answer;
    void *owner;
};

#define GATEWAY_QUESTIONS 64u /* to one host: one that answers none of them harms itself */

struct gateway_host {
    struct gateway *gateway;
    unsigned number;
    char name[TRUNK_NAME_MAX];        /* "": this place is free */
    char address[ADDRESS_TEXT_BYTES]; /* of its listener for moves */
    struct channel *trunk;            /* NULL: it is not here, */
    uint64_t left_ns;                 /* since when */
    struct bytes out;                 /* frames of this turn of the loop */
    uint64_t pid, pid_space;          /* which process it is; see trunk_pid_space */
    int pidfd;       /* tells when its process has ended; -1: it lives elsewhere, or */
    bool has_no_pid; /* it had ended before that could be asked */
    bool is_gone;    /* it has ended, and so has its trunk */
    struct host_claim claims[GATEWAY_GUESTS];
    unsigned claim_count;
    bool is_refusal_told; /* that a claim of it does not count */
    struct gateway_question questions[GATEWAY_QUESTIONS];
    bool is_clock_asked; /* and not answered yet: it is asked once at a time */
    uint64_t clock_asked_ns;
    uint64_t clock_rtt_ns;  /* of the best answer */
    int64_t clock_ahead_ns; /* its clock minus ours */
};

/* Whoever is at the other end of a trunk: a host, once it has said who it is. */
struct visitor {
    struct gateway *gateway;
    struct channel *trunk; /* NULL: this place is free */
    struct gateway_host *host;
    bool is_leaving; /* it was sent away: what it still says does not count */
    struct bytes in; /* a part of a frame */
};

#define GATEWAY_VISITORS (GATEWAY_HOSTS + 8u)

/* ---- The whole ---- */

struct gateway {
    uv_loop_t *loop;
    const struct channel_key *key;
    const struct gateway_owner *calls;
    void *owner;
    uint64_t instance; /* tells a host that comes back whether it knows us */
    bool is_closing;
    unsigned open_handles; /* of ours, on the loop, trunks counted: the last frees the gateway */

    uv_prepare_t turn; /* before the loop waits: what this turn has made goes out */
    uv_timer_t alarm;  /* of the earliest client that wants to be looked at */
    uint64_t alarm_ns;
    uv_check_t after; /* the loop has heard what there was to hear: */
    uv_idle_t hurry;  /* which it does at once, when the alarm has rung */
    uv_timer_t watch; /* now and then: who is lost, what time it is elsewhere */

    struct channel_listener *hosts_listener;
    struct visitor visitors[GATEWAY_VISITORS];
    struct gateway_host hosts[GATEWAY_HOSTS];
    uint64_t last_question;

    struct gateway_guest *guests; /* owned: GATEWAY_GUESTS of them */
    unsigned guest_count;
    struct client_listener listeners[GATEWAY_LISTENERS];
    unsigned listener_count;
    bool are_files_used_up; /* nobody can be accepted for a moment */

    uint64_t clients_accepted, clients_refused, clients_dropped, packets_again;
    struct event_list happened;
};

static inline uint64_t gateway_now_ns(void)
{
    return uv_hrtime();
}

/* An event of the gateway's own, at this instant. */
void gateway_happen(struct gateway *gateway, struct event event);
/* Tells the owner, and gives `data` up. */
void gateway_tell(struct gateway *gateway, unsigned host, const char *event, json_t *data);
void gateway_let_go(struct gateway *gateway); /* one of its open handles is closed */
void gateway_set_alarm(struct gateway *gateway, uint64_t at_ns);

/* gateway_trunks.c */
MUST_USE enum status gateway_trunks_open(struct gateway *gateway, const char *address,
                                         struct problem *problem);
void gateway_trunks_close(struct gateway *gateway);
void gateway_trunks_turn(struct gateway *gateway); /* what is to be sent goes out */
/* Whether packets for it can be put into host->out now. */
bool gateway_host_takes(const struct gateway_host *host);

/* gateway_hosts.c */
void gateway_hosts_init(struct gateway *gateway);
void gateway_hosts_fini(struct gateway *gateway);
void gateway_hosts_watch(struct gateway *gateway); /* whose process has ended; whose clock to ask */
/* Its hello: it has a place from now on, or is refused with the reason: STATUS_REFUSED, it may come again;
 * STATUS_USAGE, that would be in vain. */
MUST_USE enum status gateway_host_comes(struct visitor *visitor, const json_t *hello,
                                        struct problem *problem);
/* Its trunk is no more: it may come back. */
void gateway_host_leaves(struct gateway_host *host, const char *reason);
void gateway_host_claims(struct gateway_host *host, const json_t *list); /* what it has now */
void gateway_host_answers(struct gateway_host *host, const struct control_message *reply);
void gateway_host_ask_guests(struct gateway_host *host); /* its claims, as they are now */
json_t *gateway_hosts_status(const struct gateway *gateway);

/* gateway_guests.c */
void gateway_guests_init(struct gateway *gateway);
/* The claims of a host have changed, or it has come or gone. */
void gateway_guests_look(struct gateway *gateway);
void gateway_guests_watch(struct gateway *gateway);
void gateway_guests_due(struct gateway *gateway, uint64_t now_ns); /* tunnels and clients */
/* The one of that name; NULL. */
struct gateway_guest *gateway_guest_named(struct gateway *gateway, const char *name);
/* The same for a listener, and a new one where there is none yet; NULL: there is no place for it. */
struct gateway_guest *gateway_guest_expected(struct gateway *gateway, const char *name);
/* That host's process has ended, and whatever it had of guests. Its claims still stand. */
void gateway_guests_bereave(const struct gateway_host *host);
/* Another process has taken that host's place: what only the one before had is lost, and a guest of
 * the same name is another guest. */
void gateway_guests_part(const struct gateway_host *host);
/* What is to be shown of it instead of its host's word; NULL: that stands. */
const char *gateway_guest_word(const struct gateway_guest *guest);
/* The guests that no host has any more: {"guest", "reason"} each. */
json_t *gateway_guests_lost(const struct gateway *gateway);

/* gateway_clients.c */
/* Whose packet that is, among the guests at that host; NULL: nobody's. */
struct gateway_guest *gateway_clients_guest(const struct gateway_host *host, uint32_t stream_idx);
void gateway_clients_init(struct gateway_guest *guest);
/* A packet of that guest's has come from where its packets may come from. */
void gateway_clients_packet(struct gateway_guest *guest, uint32_t stream_idx,
                            const struct stream_packet *packet);
void gateway_clients_accepted(struct gateway_guest *guest, const struct trunk_call *call);
/* Its packets go elsewhere from now on: who calls does so there. `is_to_announce`: the guest's end
 * does not know, and is told to send again what we have not got. Returns how many connections there
 * are. */
unsigned gateway_clients_route(struct gateway_guest *guest, bool is_to_announce);
void gateway_clients_hang_up(struct gateway_guest *guest); /* all of them: the guest is no more */
void gateway_clients_turn(struct gateway_guest *guest);
void gateway_clients_due(struct gateway_guest *guest, uint64_t now_ns);
unsigned gateway_clients_count(const struct gateway_guest *guest, bool is_calling);

/* A slot for one more client; NULL: there is none just now. */
struct gateway_client *gateway_clients_free(struct gateway_guest *guest);
/* Somebody has come in there, and calls the guest from that slot. */
void gateway_clients_come_in(const struct client_listener *listener, struct gateway_client *client,
                             int fd);

/* gateway_listeners.c */
void gateway_listeners_watch(struct gateway *gateway); /* whether anybody may come in */
void gateway_listeners_close(struct gateway *gateway);

#endif
