/* moves_private: what moves.c, which is told things, and moves_command.c, which is asked for them,
 * share. moves.h is the contract. */
#ifndef LIVE_MOVES_PRIVATE_H
#define LIVE_MOVES_PRIVATE_H

#include "live/moves.h"

enum move_state {
    MOVE_NONE,  /* there was none yet */
    MOVE_ASKED, /* its host has not answered yet */
    MOVE_GOING,
    MOVE_ENDING, /* its end is known; what happened last may still be on its way here */
    MOVE_ENDED,
};

struct move {
    enum move_state state;
    uint64_t id;
    char name[33]; /* of the move among hosts: 32 hexadecimal digits */
    char guest[TRUNK_NAME_MAX], from[TRUNK_NAME_MAX], to[TRUNK_NAME_MAX];
    unsigned source, target;
    struct scenario scenario;
    uint64_t commanded_ns;
    json_t *progress; /* owned: what the source told last; NULL: nothing yet */
    enum phase phase; /* and so it did of this */

    /* Folded from its events, as they take their place. */
    uint64_t started_ns, ended_ns, paused_ns, resumed_ns; /* 0: not yet */
    uint64_t rounds, bytes_sent;
    uint64_t permille; /* the most that was told: it never runs backwards */
    bool has_outcome;  /* told, perhaps before its host has answered that it begins */
    enum outcome outcome;
    char reason[320];
    uint64_t settle_ns; /* ending: when all that happened is here */
    uint64_t heard_ns;  /* when its source has said last that it goes on */
    uint64_t here_ns;   /* and when it was here last */
    bool is_given_up;   /* its source was away for too long */
};

/* The link between hosts, as it was asked for: hosts that join are told. */
struct move_link {
    uint64_t bits_per_s; /* 0: as fast as it goes */
    char bandwidth[40];  /* the same as it was written: "100MiB/s", "none" */
    uint64_t latency_ns; /* one way, added */
    bool is_cut;
};

/* A command of the door that hosts have to answer. */
struct errand {
    struct errand *next; /* of moves.errands */
    struct moves *moves; /* NULL: they are closed, and nobody waits any more */
    enum errand_kind { ERRAND_PLAIN, ERRAND_LINK, ERRAND_MIGRATE, ERRAND_LOOK } kind;
    struct door_ticket ticket;
    struct move_link before; /* ERRAND_LINK: what it is again if a host refuses */
    uint64_t move_id;        /* ERRAND_LOOK: the move that is looked after */
    unsigned awaited;        /* answers */
    bool has_failed;         /* and the first failure is what is told: */
    char class[32], desc[400];
};

struct moves {
    uv_loop_t *loop;
    const struct moves_owner *calls;
    void *owner;
    struct gateway *gateway; /* NULL before moves_serve */
    struct door *door;
    struct gateway_record record;
    uv_timer_t tick; /* runs while something is to take its place */
    bool is_ticking;
    struct move move;  /* the one going on, or the last */
    struct move asked; /* that its host has not agreed to yet, while is_asked */
    bool is_asked;
    uint64_t last_id;
    struct move_link link;
    bool is_link_known;     /* somebody has told it: else hosts have what they have */
    struct errand *errands; /* that are under way */
};

/* moves_command.c: the commands of the door, but for attach and detach. */
void moves_obey(struct moves *moves, const char *name, const json_t *arguments,
                struct door_ticket *ticket);
void moves_tell_link(struct moves *moves, unsigned host); /* to a host that has just joined */
/* What the link is by a host that another gateway had told it: where nobody here has, it is so. */
void moves_learn_link(struct moves *moves, const json_t *data);
void moves_drop_errands(struct moves *moves); /* whoever is still asked answers to nobody */
/* The source of the move going on is asked for its guests; then moves_judge. */
void moves_ask_source(struct moves *moves);

/* moves_watch.c */
void moves_watch(struct moves *moves); /* now and then, while a move goes on */
/* What the source of the move going on has of guests, which may be that it knows nothing of it. */
void moves_judge(struct moves *moves, const json_t *guests);
/* A host tells of a move that is not known: it is the one going on, if that can be. */
bool moves_adopt(struct moves *moves, unsigned host, const json_t *data);

/* moves.c */
uint64_t moves_now_ns(const struct moves *moves);
bool moves_is_going(const struct moves *moves); /* or is not all told yet */
json_t *
moves_migration_json(const struct moves *moves); /* "migration"; null where there was none */
json_t *moves_link_json(const struct moves *moves);
/* Something happened here, now. */
void moves_happened(struct moves *moves, struct event event);
/* The host has agreed: the move that was asked for begins, with what the host has answered. */
void moves_begin(struct moves *moves, const json_t *answer);
/* That move is the one going on: given up to it. */
void moves_go(struct moves *moves, const struct move *move);
/* Its end is known, from whoever knew it first. */
void moves_end(struct moves *moves, enum outcome outcome, const char *reason);

#endif
