/* session: what a view can do to a world, whether it is simulated, recorded, or real. The front door
 * makes one and hands it to a view; the view knows nothing else.
 *
 * A session that cannot do a thing says so through ops->can, and ops->act then returns false: a
 * view shows such keys as unavailable.
 *
 * A real world lives by itself (is_live): nobody can hold it still or hurry it. Its session shows
 * what has happened so far, at whatever speed the view likes: a view that slows something down looks
 * at a past that grows longer meanwhile, and may catch up. What a view does to the world happens
 * now, whatever it is looking at.
 */
#ifndef RECORD_SESSION_H
#define RECORD_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/event.h"
#include "record/timeline.h"

/* Also the `command` of EVENT_INPUT_GIVEN. */
enum session_command {
    SESSION_START, /* start the move now; of a live world, value: enum mode, and then the next */
    SESSION_POST_COPY, /* switch over to post-copy now */
    SESSION_ABORT,     /* give the move up; the guest stays */
    SESSION_REPLAY,    /* the same scenario and seed again, value: enum mode, from the beginning */
    SESSION_BACK,      /* to the instant before the last step: what happened since is undone; in
                        * the past (session_is_past): to before the last event, nothing is undone */
    SESSION_LINK_CUT,  /* nothing comes through the migration link until it is mended */
    SESSION_LINK_MEND,
    SESSION_BANDWIDTH, /* of that link from now on, value: bits per second; 0: no limit */
    SESSION_COMMAND_COUNT
};

/* As files name it; NULL where there is no such command. */
static inline const char *session_command_name(uint64_t command)
{
    static const char *const names[SESSION_COMMAND_COUNT] = {
        "start", "post-copy", "abort", "replay", "back", "cut", "mend", "bandwidth"};
    return command < SESSION_COMMAND_COUNT ? names[command] : NULL;
}

/* What stays the same during a run, for the view's captions. */
struct session_facts {
    const char *guest;  /* "kv" */
    const char *origin; /* "scenario demo", "recording x.ferry" */
    enum mode mode;
    uint64_t seed;
    uint64_t total_pages, page_bytes;
    uint64_t bandwidth_bits_per_s, latency_ns;
    uint64_t downtime_limit_ns;
    uint64_t client_count, request_rate;
    uint64_t start_at_ns;
    bool is_real; /* hosts, links and clients were: nothing follows from the seed */
    char host_letters[HOST_COUNT]; /* how source and target are called; 0: A and B */
    /* The curriculum's forecast, made before the run from the scenario alone (integers, rounded);
     * UINT64_MAX where no formula applies. */
    uint64_t forecast_total_ns, forecast_downtime_ns;
    uint64_t stop_and_copy_downtime_ns;   /* what C3 says of this guest and link */
    const uint64_t *forecast_round_pages; /* V0, V1, ...: NULL where no formula applies */
    uint32_t forecast_round_count;
};

/* Hosts with longer names are A and B as well: source and target. */
static inline char session_host_letter(const struct session_facts *facts, uint32_t host)
{
    char letter = facts->host_letters[host];
    return letter != '\0' ? letter : host == HOST_SOURCE ? 'A' : 'B';
}

/* The source of the strategy that decides, where it is to be seen (a student's, for example), and
 * what it decided last. Who runs the strategy keeps it up to date; the session only hands it on. */
struct session_code {
    const char *name;         /* of the file */
    enum mode mode;           /* it decides in this mode, and in no other */
    const char *const *lines; /* its text; line 1 is lines[0] */
    uint32_t line_count;

    uint64_t decided_at_ns; /* UINT64_MAX: nothing was decided yet */
    /* All of that instant: "PAUSE, then SEND 31 pages from page 0 on", or why it could not decide.
     */
    const char *decision;
    bool has_failed;       /* it could not */
    uint64_t instructions; /* that it took */
    uint32_t line;         /* where the last was decided; 0: not known */
    const bool *is_passed; /* for each line: the decisions went through it */
    const char *said;      /* what the strategy said while it decided, lines; "": nothing */
};

struct session;

/* Somebody else who may hold the world still: a debugger. The front door brings it; whoever shows a
 * session lets it do its work in every frame, for at most about wait_ms (session_attend). */
struct session_guard {
    void (*attend)(struct session_guard *guard, struct session *session, int wait_ms);
    bool is_holding;        /* until it lets go, advance and step let nothing happen */
    const char *invitation; /* what is to be typed, so that it comes in */
};

struct session_ops {
    /* Lets the world live until `until_ns`, or until it ends; the timeline follows. */
    void (*advance)(struct session *session, uint64_t until_ns);
    /* Lets exactly one more event happen. False at the end. */
    bool (*step)(struct session *session);
    bool (*can)(const struct session *session, enum session_command command);
    bool (*act)(struct session *session, enum session_command command, uint64_t value);
    /* Stands the timeline at an instant from 0 to lived_ns (a later one: at lived_ns), as if
     * exactly the events up to and including at_ns had happened. The world is not changed by it:
     * `advance` and `step` go on from there, first through what was lived already, and then the
     * world lives on. While the timeline stands in the past (session_is_past), the commands that
     * change the world cannot be given; SESSION_BACK goes back by one event there. False, and
     * nothing has changed, where the session does not know that instant (any more). */
    bool (*seek)(struct session *session, uint64_t at_ns);
    void (*close)(struct session *session);
    /* Hears what the world has done by itself; views call it in every frame. NULL: it lives by
     * `advance` and `step` alone. */
    void (*listen)(struct session *session);
};

struct session {
    const struct session_ops *ops;
    struct timeline timeline;
    uint64_t lived_ns; /* the farthest instant that was lived; of a recording: its end, always */
    uint64_t lived_events; /* how many events have happened until then */
    struct session_facts facts;
    bool has_ended;      /* nothing more will happen; where the timeline stands, not the world */
    const char *verdict; /* at the end: one sentence on what was proved or broken; else NULL */
    bool is_broken;      /* a rule was broken or a client got a wrong answer */
    /* Of a world that lives by itself. */
    bool is_live;
    uint64_t world_ns;  /* how far it is by now, on the timeline's clock, which follows it */
    uint32_t run_count; /* how often the timeline has begun: 1 before any move, and anew, with other
                         * facts, for each */
    const char *notice; /* what the world has answered last, a sentence; NULL: nothing yet */
    uint32_t notice_count;
    uint64_t link_bits_per_s; /* of the migration link now; 0: no limit, or not known */
    bool is_link_cut;
    const struct session_code *code; /* NULL: the strategy is one of the engine's */
    struct session_guard *guard;     /* borrowed; NULL: nobody */
};

static inline bool session_is_held(const struct session *session)
{
    return session->guard != NULL && session->guard->is_holding;
}

static inline void session_attend(struct session *session, int wait_ms)
{
    if (session->guard != NULL)
        session->guard->attend(session->guard, session, wait_ms);
}

static inline void session_listen(struct session *session)
{
    if (session->ops->listen != NULL)
        session->ops->listen(session);
}

/* Of a real world nobody knows beforehand how many there will be. */
static inline bool session_has_clients(const struct session *session)
{
    return session->facts.client_count > 0 || session->timeline.requests > 0;
}

/* How far a live world is ahead of what the timeline shows of it. */
static inline uint64_t session_behind_ns(const struct session *session)
{
    uint64_t shown_ns = session->timeline.now_ns;
    return session->is_live && session->world_ns > shown_ns ? session->world_ns - shown_ns : 0;
}

/* More was lived than the timeline shows: it was sought back. */
static inline bool session_is_past(const struct session *session)
{
    return session->timeline.event_count < session->lived_events ||
           session->timeline.now_ns < session->lived_ns;
}

#endif
