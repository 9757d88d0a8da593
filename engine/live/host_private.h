/* host_private: what a host is made of, for its files: host.c (its life and its turns), host_trunk.c
 * (the gateway: talk, packets, events), host_command.c (what it is told to do), host_guest.c (guests
 * run), host_mail.c (their clients' packets, console and disk), host_move.c (both ends of moves) and
 * host_line.c (the connections of moves). host.h is the contract; nobody else includes this.
 */
#ifndef LIVE_HOST_PRIVATE_H
#define LIVE_HOST_PRIVATE_H

#include <jansson.h>

#include "live/alarm.h"
#include "live/control.h"
#include "live/host.h"
#include "live/move_text.h"
#include "live/trunk.h"
#include "machine/machine.h"
#include "migrate/share.h"
#include "migrate/source.h"
#include "migrate/target.h"
#include "record/estimate.h"

#define HOST_MOVES   8u   /* halves of moves that go on, or have not told all of it yet */
#define HOST_ENDS    4u   /* of moves, told last, that are told again to a gateway that is back */
#define HOST_BYGONES 256u /* of those that are over, how many are known to whoever asks */
/* Between two hosts' words, and before a trunk or a lost connection is tried again. */
#define HOST_RETRY_NS     (20 * 1000000ull)
#define HOST_RETRY_MAX_NS (1000 * 1000000ull)
/* No answer to something that is answered at once: the other end is not there any more. */
#define HOST_ANSWER_NS (10 * 1000000000ull)

struct host;
struct move;

/* A guest that is here, or of which a half is here while it moves. */
struct resident {
    struct host *host;
    struct guest *guest; /* owned; NULL: this place is free */
    char name[TRUNK_NAME_MAX];
    struct scenario scenario; /* what describes the guest, and how it was last moved */
    uint64_t moves;           /* how often it has moved */
    struct move *out, *in;    /* the half of a move that is here, if any */

    /* Monotonic time is guest time plus this while the guest lives, modulo 2^64: a guest may have
     * lived for longer than this computer is up. */
    uint64_t offset_ns;
    bool is_paced;           /* its instructions have a rate that the host keeps */
    uint64_t ratio_permille; /* guest time that running takes, for 1,000 of real time */
    struct share share;
    uint32_t shares[HART_MAX], told_shares[HART_MAX];
    uint32_t barred_harts;
    bool is_busy;   /* it has run for all of its last slice */
    bool is_asleep; /* until due_ns it has nothing to do, and its clock is that of its last slice */
    bool is_stuck;  /* no hart can go on before a page is there, or a barrier acknowledged */
    bool is_stuck_told;
    uint64_t stuck_ns;                        /* since when */
    bool is_held;                             /* by the fault throttle */
    bool is_ended, is_end_fault, is_end_told; /* told: to a gateway */
    uint64_t end_status;
    uint64_t due_ns;      /* when it is to be run next; 0: now; UINT64_MAX: when something comes */
    uint64_t mail_due_ns; /* when its mailboxes want to be asked */
    bool has_output;
    int disk;             /* its file of blocks; -1: it has asked for none yet */
    uint64_t disk_due_ns; /* when what could not be done is tried again; 0: nothing waits */

    uint64_t ghosts;              /* streams whose clients a gateway took with it, as bits */
    char instance[MOVE_ID_BYTES]; /* of the gateway that its streams are of */
    uint16_t told_ports[MAILBOX_PORTS];
    bool is_unheard;     /* what it writes is told to nobody, which was said */
    char last_line[120]; /* that it has written, without what is no letter of ASCII */
    uint32_t last_line_count;
    bool is_line_whole;
    uint64_t console_bytes; /* written, and not told as an event yet */
};

/* How a connection ended: in order by the other host, by something that broke it, or before it was
 * made, as nobody listens there. */
enum line_end { LINE_IN_ORDER, LINE_BROKEN, LINE_REFUSED };

/* One connection of a move. It may outlive the half of the move that it was of. */
struct line {
    struct host *host;
    struct channel *channel;
    struct move *move;    /* NULL: it has not said yet of which, or that half is gone */
    bool is_out;          /* this host made it */
    bool is_gone;         /* closed from here: nothing more of it is heard */
    bool is_ready;        /* what it is about was said and answered; the rest is the engine's */
    struct bytes in;      /* before that */
    struct latency *late; /* heard later than it came; NULL: nothing ever was */
    uint64_t since_ns;
    struct line *next;
};

/* This host's half of a move. */
struct move {
    struct host *host;
    bool is_used, is_out;
    struct resident *resident; /* NULL: the guest has gone from here */
    char id[MOVE_ID_BYTES];    /* 32 hexadecimal digits */
    char to[HOST_LABEL_MAX];   /* at the source: the host, */
    char address[128];         /* and where it listens */
    struct scenario scenario;
    struct source source;
    struct target target;
    struct line *line;
    struct event_list events;
    uint64_t started_ns;
    uint64_t retry_at_ns, retry_after_ns; /* of the connection */
    uint64_t fed_turn;                    /* of the host, in which it sent pages last */
    bool is_put_off;                      /* it has more to send, in the next turn */
    bool is_commit_last;                  /* of what the line was given ends with COMMIT */
    bool is_in_parts;          /* at the target: the guest ran before all of it was there */
    bool is_recovering;        /* COMMIT is out: connections are to go on with what there is */
    uint64_t refused_since_ns; /* nobody has listened at the target's address; 0: somebody does */
    uint64_t moves;            /* of the guest, before this one */
    uint64_t paused_ns, committed_ns;
    uint64_t owed_ns;   /* since when the other end owes a word, should it owe one */
    uint64_t over_ns;   /* when it was over; 0: it goes on */
    uint64_t streams;   /* at the source: those that left with the guest, as bits */
    uint64_t forwarded; /* packets of those through the tunnel */

    /* For the progress that is told. */
    uint64_t bytes_sent, bytes_before, rate_at_ns, rate_bytes_per_s;
    struct estimate estimate;
    uint64_t progress_at_ns;
    uint64_t told_pages; /* at the target: how many were there then */
    size_t looked;       /* events that were looked at */
};

/* A move that brought its guest, or did not: its source may not know yet, and ask. */
struct bygone {
    char id[MOVE_ID_BYTES]; /* "": this place is free */
    bool has_run;           /* the guest is here, or was; else it is the source's */
    uint64_t total_pages;
    char reason[MESSAGE_REASON_MAX];
};

struct trunk {
    char gateway[ADDRESS_TEXT_BYTES]; /* its number; "": there is none */
    struct channel *channel;          /* NULL: none; it is made at retry_at_ns */
    bool is_open;                     /* the gateway has answered hello */
    struct bytes in, out;
    uint64_t retry_at_ns, retry_after_ns;
    char said[256]; /* why there is none, as it was told last */
    char instance[MOVE_ID_BYTES];
    uint64_t asked_ns; /* when the gateway asked what time it is; 0: never */
    uint64_t dropped_events;
};

struct host {
    uv_loop_t *loop;
    const struct host_config *config;
    const struct host_owner *calls;
    void *owner;
    uv_idle_t idle;
    uv_prepare_t prepare;
    uv_check_t check;
    unsigned open_handles;
    struct alarm *alarm;
    struct channel_listener *listener;
    struct trunk trunk;
    struct resident residents[HOST_GUESTS];
    struct move moves[HOST_MOVES];
    struct bygone bygones[HOST_BYGONES]; /* a ring */
    uint64_t bygone_count;
    json_t *ends[HOST_ENDS]; /* owned; a ring */
    uint64_t end_count;
    struct line *lines;
    uint64_t turn;       /* how often the loop has come round */
    uint32_t turn_idx;   /* whose guest runs first */
    uint64_t bits_per_s; /* that a move may use of the link; 0: all there are */
    uint64_t latency_ns; /* that the link is to have on top of its own */
    bool is_cut;         /* no connection is made, and none taken */
    json_t *link;        /* owned: all this, in the words that were told; empty: nothing yet */
    bool is_closing;
    bool is_changed; /* the gateway is to be told of the guests */
    uint64_t events_at_ns;
};

/* host.c */
void host_say(struct host *host, const char *format, ...) __attribute__((format(printf, 2, 3)));
struct resident *host_add_resident(struct host *host, const struct scenario *scenario,
                                   struct guest *guest);
void host_drop_resident(struct resident *resident); /* its guest is closed */
struct resident *host_find_resident(struct host *host, const char *name);
/* Nobody could be told of a guest with another. */
MUST_USE enum status host_check_name(const char *name, struct problem *problem);
/* Not all that a scenario may ask for is done by real hosts. */
MUST_USE enum status host_can(const struct scenario *scenario, struct problem *problem);
void host_changed(struct host *host); /* what the gateway knows of the guests is old */
void host_freed(struct host *host);   /* something of a host that is closing is gone */

/* host_guest.c */
/* The guest is at this host: it has come, and has not been handed over. Packets for it are welcome. */
bool resident_is_here(const struct resident *resident);
bool resident_may_run(const struct resident *resident);
const char *resident_state(const struct resident *resident);   /* as the gateway is told */
uint64_t resident_now_ns(const struct resident *resident);     /* on the guest's clock */
void resident_run(struct resident *resident, uint64_t now_ns); /* a slice, if it is due */
/* It stood still up to now: its time goes on. */
void resident_goes_on(struct resident *resident, uint64_t now_ns);
void resident_wake(struct resident *resident); /* something has come for it */
/* Whether it waits is told when it has for long, and when it does not any more. */
uint64_t resident_stuck_due_ns(const struct resident *resident);
void resident_tell_stuck(struct resident *resident, uint64_t now_ns);
/* One that sleeps has lived up to now: before it may be paused. */
void resident_sleep_on(struct resident *resident, uint64_t now_ns);
/* That it has ended, once: where no gateway hears it yet, as soon as one does. A guest whose arguments
 * are wrong has ended before its host is known. */
void resident_tell_end(struct resident *resident);
void resident_unbar(struct resident *resident, uint64_t now_ns);
/* An event of the move that goes on, if one does. */
void resident_emit(struct resident *resident, uint64_t now_ns, struct event event);
uint32_t
resident_host_idx(const struct resident *resident); /* HOST_SOURCE, HOST_TARGET: in events */

/* host_mail.c */
void mail_flush(struct resident *resident, uint64_t now_ns); /* packets, console, disk */
void mail_deliver(struct resident *resident, uint64_t now_ns, uint32_t stream_idx,
                  const struct stream_packet *packet);
/* A packet or call has come over the trunk. */
void mail_packet(struct host *host, uint64_t now_ns, uint32_t stream_idx,
                 const struct stream_packet *packet);
void mail_call(struct host *host, const struct trunk_call *call);
void mail_rehome(struct resident *resident, uint64_t now_ns);
void mail_leaves(struct move *move); /* with COMMIT: which streams were its guest's */
/* The gateway is another one than that of its streams: they are ended. */
void mail_check_instance(struct resident *resident, uint64_t now_ns);

/* host_disk.c */
MUST_USE enum status host_disk_check(const struct host *host, struct problem *problem);
/* Whether one that has begun to use its disk finds it here, too. */
MUST_USE enum status host_disk_look(const struct host *host, const char *guest,
                                    struct problem *problem);
void host_disk_attach(struct resident *resident);
void host_disk_detach(struct resident *resident);
/* What it has asked for is done, unless it waits for another try. */
void host_disk_serve(struct resident *resident, uint64_t now_ns);

/* host_trunk.c */
/* Once, before there are guests who would stand still until a name has been looked up. A gateway that is
 * not there yet is waited for. */
MUST_USE enum status trunk_find(struct host *host, struct problem *problem);
void trunk_open(struct host *host, uint64_t now_ns); /* if it is time */
void trunk_close(struct host *host);
bool trunk_takes_packets(const struct host *host);
bool trunk_takes_console(const struct host *host); /* or it would be kept here without end */
/* The first try is under way: what a guest says before it is known how that ends can wait. */
bool trunk_keeps_console(const struct host *host, size_t count);
void trunk_packet(struct host *host, uint32_t stream_idx, const struct stream_packet *packet);
void trunk_accepted(struct host *host, const struct trunk_call *call);
void trunk_tell(struct host *host, const char *event, json_t *data);
void trunk_answer(struct host *host, json_t *message);
void trunk_turn(struct host *host, uint64_t now_ns); /* claims, events, packets: all that waits */
uint64_t trunk_due_ns(const struct host *host);

/* host_command.c */
void host_obey(struct host *host, const struct control_message *message);
json_t *host_claims(const struct host *host); /* the list of claims */

/* host_move.c: what both halves have in common, */
struct move *move_add(struct host *host, struct resident *resident, const char *id, bool is_out);
struct move *move_find(struct host *host, const char *id, bool is_out);
void move_over(struct move *move, uint64_t now_ns); /* nothing more will come of it */
void move_fini(struct move *move);                  /* its place is free */
void move_feed(struct move *move);                  /* it may have something to say */
void move_turn(struct move *move, uint64_t now_ns); /* what time has brought */
uint64_t move_due_ns(const struct move *move);
void move_emit(struct move *move, uint64_t now_ns, struct event event);
/* The gateway is told how it ended. */
void move_tell_end(struct move *move, enum outcome outcome, const char *reason);
void move_tell_progress(struct move *move, uint64_t now_ns, enum stretch stretch);
void move_cut(struct host *host, bool is_cut);
void move_set_rate(struct host *host, uint64_t bits_per_s); /* 0: none */
/* That half is given up for good, whatever is left of it here. */
void move_forget(struct move *move, uint64_t now_ns, const char *reason);
/* and what its line tells it. */
void move_line_ready(struct move *move, uint64_t now_ns);
/* `data` NULL: they are where arrival_place wanted them. */
void move_heard(struct move *move, uint64_t now_ns, const uint8_t *data, size_t count);
/* What it sends next; `lending` NULL: all of it is copied. */
void move_lend(struct move *move, uint64_t now_ns, size_t backlog_bytes, struct bytes *to,
               struct lending *lending);
void move_line_lost(struct move *move, uint64_t now_ns, enum line_end end, const char *reason,
                    size_t unsent_bytes);

/* host_departure.c: the half at the source */
MUST_USE enum status departure_begin(struct resident *resident, const struct scenario *scenario,
                                     const char *id, const char *to, const char *address,
                                     struct problem *problem);
void departure_put_text(struct move *move, struct bytes *to); /* what it says first */
/* The other host's answer is that it knows nothing of the move. */
void departure_unknown(struct move *move, uint64_t now_ns, const char *reason);
void departure_ready(struct move *move, uint64_t now_ns);
void departure_heard(struct move *move, uint64_t now_ns, const uint8_t *data, size_t count);
void departure_lend(struct move *move, uint64_t now_ns, size_t backlog_bytes, struct bytes *to,
                    struct lending *lending);
/* `unsent_bytes` of what the line was given have not left. */
void departure_line_lost(struct move *move, uint64_t now_ns, enum line_end end, const char *reason,
                         size_t unsent_bytes);
void departure_turn(struct move *move, uint64_t now_ns);
uint64_t departure_due_ns(const struct move *move);
bool departure_abort(struct move *move, const char *reason);
bool departure_switch(struct move *move);
void departure_set_chunks(struct move *move); /* as the link is now */
void departure_set_limits(struct move *move); /* as its scenario says now */

/* host_arrival.c: the half at the target */

/* Somebody brings a guest, or asks for the rest of one: the line is its move's from now on, or has
 * none and is answered already. STATUS_BAD_STATE: nothing is known of the move to be recovered. */
MUST_USE enum status arrival_begin(struct line *line, const struct move_text *text, uint64_t now_ns,
                                   struct problem *problem);
void arrival_heard(struct move *move, uint64_t now_ns, const uint8_t *data, size_t count);
/* Where what comes next should be read to, see target_place. */
size_t arrival_place(struct move *move, struct span *spans, size_t most);
void arrival_line_lost(struct move *move, uint64_t now_ns, enum line_end end);
void arrival_turn(struct move *move, uint64_t now_ns);
/* The guest moves on: what is left of the move that brought it answers who asks. */
void arrival_settle(struct move *move, uint64_t now_ns);

/* host_progress.c */
void progress_look(struct move *move); /* at the events that were not looked at yet */
void progress_turn(struct move *move, uint64_t now_ns);
uint64_t progress_due_ns(const struct move *move);
json_t *progress_json(struct move *move, uint64_t now_ns);

/* host_latency.c: between a line's channel and whoever hears it */
bool latency_keeps(const struct line *line); /* what comes is heard later */
void latency_put(struct line *line, uint64_t now_ns, const uint8_t *data, size_t count);
uint64_t latency_due_ns(const struct line *line);
size_t latency_take(struct line *line, uint64_t now_ns, struct bytes *to); /* what is due */
void latency_fini(struct line *line);

/* host_line.c */
MUST_USE enum status line_listen(struct host *host, struct problem *problem);
void line_open(struct move *move);                      /* towards the target */
void line_break(struct line *line, const char *reason); /* at once; its move hears of it */
void line_finish(struct line *line);                    /* in order: nothing more is to be said */
void line_put_ready(struct line *line);                 /* the guest that it brings is welcome */
void line_poke(struct line *line);
void line_turn(struct host *host, uint64_t now_ns); /* who says nothing is dropped */
uint64_t line_due_ns(const struct host *host);

#endif
