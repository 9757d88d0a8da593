#include "live/live_session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "base/smaller.h"
#include "base/units.h"
#include "live/caller.h"
#include "live/live_follow.h"
#include "machine/guest.h"
#include "record/history.h"
#include "record/playback.h"

/* In one call: who attaches late to a long move is given all of it, but draws a picture now and
 * then. */
#define MESSAGES_AT_ONCE 128
/* `step` finds nothing: it waits so long for something to happen. */
#define STEP_WAIT_MS 5
/* How often it is tried whether another gateway has opened the door. */
#define KNOCK_EACH_NS (500 * NS_PER_MS)

struct live_session {
    struct session session; /* the first member: a view's session is this */
    struct caller caller;
    uint64_t (*clock_ns)(void);
    struct live_follow follow;
    struct history history;
    bool is_moving;           /* as the door has told */
    char phase[32];           /* of that move; "": not told yet */
    bool is_over;             /* the door has closed */
    bool is_lost;             /* the guest is: there is nothing to move until a host brings one */
    bool is_own_door;         /* it was opened here, by its path: so can another gateway's be */
    uint64_t knocked_ns;      /* at a door that had closed, last */
    const char *gateway_line; /* borrowed; NULL: nobody knows how to start another */
    bool is_cut_told;         /* the link, by the door; a key is ahead of it */
    uint64_t bits_per_s_told; /* likewise */
    char guest[64], origin[200], notice[400], verdict[400], why_over[400];
};

static struct live_session *own_of(struct session *session)
{
    return (struct live_session *)session;
}

static void tell(struct live_session *own, const char *text)
{
    snprintf(own->notice, sizeof own->notice, "%s", text);
    own->session.notice = own->notice;
    own->session.notice_count++;
}

/* ---- The timeline begins ---- */

static void timeline_begin(struct live_session *own)
{
    struct session *session = &own->session;

    timeline_init(&session->timeline, session->facts.total_pages);
    history_init(&own->history, session, NULL);
    session->lived_ns = session->lived_events = 0;
    session->facts.origin = own->origin;
    session->run_count++;
}

static void timeline_end(struct live_session *own)
{
    history_fini(&own->history);
    timeline_fini(&own->session.timeline);
}

/* The link as it is now, whichever move is looked at: that is what a key changes. */
static void set_link(struct live_session *own, const json_t *link)
{
    struct session *session = &own->session;
    const char *bandwidth = control_word(link, "bandwidth", "none");

    session->is_link_cut = strcmp(control_word(link, "state", ""), "cut") == 0;
    if (units_parse(UNIT_BANDWIDTH, bandwidth, &session->link_bits_per_s, NULL) != STATUS_OK)
        session->link_bits_per_s = 0;
    own->is_cut_told = session->is_link_cut;
    own->bits_per_s_told = session->link_bits_per_s;
}

static void hear_link(struct live_session *own, const json_t *link)
{
    struct session *session = &own->session;
    bool was_cut = own->is_cut_told;
    uint64_t before_bits_per_s = own->bits_per_s_told;
    char size[32], text[100];

    set_link(own, link);
    if (session->is_link_cut == was_cut && session->link_bits_per_s == before_bits_per_s)
        return;
    units_for_people(UNIT_SIZE, session->link_bits_per_s / 8, size, sizeof size);
    snprintf(text, sizeof text, "The link %scarries %s%s.", was_cut ? "is mended: it " : "",
             session->link_bits_per_s > 0 ? size : "what it can",
             session->link_bits_per_s > 0 ? "/s" : "");
    tell(own,
         session->is_link_cut ? "The link is cut: it carries nothing until it is mended." : text);
}

/* What a view is told before there was any move: the first guest that is named; else what was known
 * before: hosts may come to another gateway in a moment. */
static void set_facts(struct live_session *own, const json_t *status)
{
    struct session_facts *facts = &own->session.facts;
    uint64_t memory_bytes = 0, total_pages = facts->total_pages;
    size_t idx;
    json_t *host;

    if (facts->guest != own->guest)
        snprintf(own->guest, sizeof own->guest, "%.60s",
                 facts->guest != NULL ? facts->guest : "no guest yet");
    json_array_foreach(json_object_get(status, "hosts"), idx, host)
    {
        const json_t *guest = json_array_get(json_object_get(host, "guests"), 0);
        if (guest == NULL || memory_bytes != 0)
            continue;
        memory_bytes = control_number(guest, "memory_bytes", 0);
        snprintf(own->guest, sizeof own->guest, "%.60s", control_word(guest, "name", "?"));
    }
    *facts = (struct session_facts){.guest = own->guest,
                                    .is_real = true,
                                    .mode = MODE_PRE_COPY,
                                    .total_pages =
                                        memory_bytes > 0 ? memory_bytes / PAGE_BYTES : total_pages,
                                    .page_bytes = PAGE_BYTES,
                                    .start_at_ns = UINT64_MAX,
                                    .forecast_total_ns = UINT64_MAX,
                                    .forecast_downtime_ns = UINT64_MAX,
                                    .stop_and_copy_downtime_ns = UINT64_MAX};
    if (facts->total_pages == 0 || facts->total_pages > RECORDING_PAGES_MAX)
        facts->total_pages = 1;
    set_link(own, json_object_get(status, "link"));
    own->is_moving =
        json_is_object(json_object_get(status, "migration")) &&
        !json_is_string(json_object_get(json_object_get(status, "migration"), "outcome"));
}

/* What is looked at is over, and there is another. */
static void follow_on(struct live_session *own)
{
    struct session *session = &own->session;

    if (session_is_past(session) || !live_follow_is_done(&own->follow) ||
        !live_follow_next(&own->follow))
        return;
    timeline_end(own);
    session->facts = own->follow.now.ahead.facts;
    timeline_begin(own);
}

/* ---- What the door tells ---- */

static void begin_with(struct live_session *own, const json_t *how_it_is)
{
    set_facts(own, how_it_is);
    timeline_begin(own);
}

static void hear_recording(struct live_session *own, const json_t *data)
{
    struct problem problem = {STATUS_OK, ""};
    struct bytes bytes = {0};
    char text[400];

    if (!control_unbase64(control_word(data, "data", ""), &bytes)) {
        tell(own, "the gateway told something of a recording that cannot be read");
    } else if (live_follow_put(&own->follow, control_number(data, "id", 0), bytes.data, bytes.count,
                               json_is_true(json_object_get(data, "is_end")), own->clock_ns(),
                               &problem) != STATUS_OK) {
        snprintf(text, sizeof text, "this move cannot be shown to its end: %.300s", problem.text);
        tell(own, text);
    }
    bytes_fini(&bytes);
}

static void hear_guest_lost(struct live_session *own, const json_t *data)
{
    const char *guest = control_word(data, "guest", "?");
    char text[400];

    own->is_lost |= strcmp(guest, own->session.facts.guest) == 0;
    snprintf(text, sizeof text, "%.60s is lost: %.200s%s", guest, control_word(data, "reason", "?"),
             own->gateway_line != NULL ? "; how to begin it anew is said when this is left" : "");
    tell(own, text);
}

static void hear_event(struct live_session *own, const struct control_message *message)
{
    const char *name = message->name;

    if (strcmp(name, "recording") == 0) {
        hear_recording(own, message->data);
        return;
    }
    if (strcmp(name, "migration_started") == 0 || strcmp(name, "progress") == 0) {
        own->is_moving = true;
        snprintf(own->phase, sizeof own->phase, "%.31s", control_word(message->data, "phase", ""));
    } else if (strcmp(name, "migration_ended") == 0) {
        own->is_moving = false;
    } else if (strcmp(name, "guest_lost") == 0) {
        hear_guest_lost(own, message->data);
    } else if (strcmp(name, "host_joined") == 0) {
        own->is_lost = false; /* the door knows whether it has brought one */
    } else if (strcmp(name, "link_changed") == 0) {
        hear_link(own, message->data);
    } else if (strcmp(name, "host_left") == 0) {
        char text[160];
        snprintf(
            text, sizeof text, "host %.60s is gone%s", control_word(message->data, "name", "?"),
            own->gateway_line != NULL ? ": how to start another is said when this is left" : "");
        tell(own, text);
    }
}

static void hear(struct live_session *own, const struct control_message *message)
{
    if (message->kind == CONTROL_EVENT)
        hear_event(own, message);
    else if (message->kind == CONTROL_ERROR)
        tell(own, message->desc);
}

/* The last that there is to be looked at is where it ends. */
static void settle(struct live_session *own)
{
    struct session *session = &own->session;
    bool is_done = !session_is_past(session) && live_follow_is_done(&own->follow);

    session->has_ended = is_done && (own->follow.now.id != 0 || own->is_over);
    session->is_broken = session->has_ended && own->is_over;
    session->verdict = session->has_ended ? own->verdict : NULL;
    if (!session->has_ended)
        return;
    if (own->is_over)
        snprintf(own->verdict, sizeof own->verdict, "%s", own->why_over);
    else if (own->follow.now.broken.status != STATUS_OK)
        snprintf(own->verdict, sizeof own->verdict, "%s", own->follow.now.broken.text);
    else
        playback_tell(&session->timeline, "live", own->verdict, sizeof own->verdict);
}

static void hear_no_more(struct live_session *own)
{
    own->is_over = true;
    own->is_moving = own->is_lost = false;
    live_follow_close(&own->follow);
    if (own->gateway_line != NULL)
        snprintf(own->why_over, sizeof own->why_over,
                 "The gateway is gone: clients are cut off, guests go on. Another one:  %.300s",
                 own->gateway_line);
    else
        snprintf(own->why_over, sizeof own->why_over, "%s", own->caller.why_over);
    tell(own, own->why_over);
}

/* It is said how things are, and all recordings are given. */
static enum status attach(struct caller *caller, json_t **how_it_is, struct problem *problem)
{
    uint64_t id;
    enum status status = caller_ask(caller, "status", NULL, how_it_is, problem);

    return status == STATUS_OK ? caller_send(caller, "attach", NULL, &id, problem) : status;
}

/* Another gateway numbers moves anew: nothing of the old one's goes on. */
static void try_another_gateway(struct live_session *own)
{
    uint64_t now_ns = own->clock_ns();
    struct problem problem = {STATUS_OK, ""};
    json_t *how_it_is = NULL;
    struct caller caller;

    if (!own->is_over || !own->is_own_door || !own->session.has_ended ||
        now_ns < own->knocked_ns + KNOCK_EACH_NS)
        return;
    own->knocked_ns = now_ns;
    enum status status = caller_open(&caller, own->caller.path, &problem);
    if (status == STATUS_OK)
        status = attach(&caller, &how_it_is, &problem);
    if (status != STATUS_OK) {
        json_decref(how_it_is);
        caller_close(&caller);
        return;
    }
    caller_close(&own->caller);
    own->caller = caller;
    own->is_over = false;
    timeline_end(own);
    begin_with(own, how_it_is);
    live_follow_fini(&own->follow); /* it has the guest's name */
    live_follow_init(&own->follow);
    json_decref(how_it_is);
    tell(own, "There is a gateway again.");
}

static void listen_for(struct live_session *own, int timeout_ms)
{
    struct control_message message;
    enum caller_heard heard = CALLER_MESSAGE;

    for (int i = 0; i < MESSAGES_AT_ONCE && !own->is_over && heard == CALLER_MESSAGE; i++) {
        heard = caller_next(&own->caller, i == 0 ? timeout_ms : 0, &message);
        if (heard == CALLER_MESSAGE) {
            hear(own, &message);
            control_message_fini(&message);
        } else if (heard == CALLER_OVER) {
            hear_no_more(own);
        }
    }
    follow_on(own);
    own->session.world_ns = live_follow_world_ns(&own->follow, own->clock_ns());
    settle(own);
}

static void session_listen_now(struct session *session)
{
    try_another_gateway(own_of(session));
    listen_for(own_of(session), 0);
}

/* ---- Living ---- */

/* It came later than time was let pass without it: that time is taken back, not the event moved. */
static void take_time_back(struct live_session *own)
{
    struct session *session = &own->session;
    uint64_t last_ns = own->history.log.last_ns;
    bool is_there = history_seek(&own->history, last_ns);
    MUST(is_there);
    session->lived_ns = session->timeline.now_ns;
}

/* The next event, where it is not later than that. */
static bool live_next(struct live_session *own, uint64_t until_ns)
{
    const struct event *event = live_follow_peek(&own->follow);

    if (event == NULL || event->at_ns > until_ns)
        return false;
    if (event->at_ns < own->session.timeline.now_ns)
        take_time_back(own);
    history_live(&own->history, event);
    live_follow_take(&own->follow);
    return true;
}

/* Without an event nothing is certain of the last moments. */
static void pass(struct live_session *own, uint64_t until_ns)
{
    struct session *session = &own->session;
    uint64_t sure_ns = session->world_ns;

    if (own->follow.now.id == 0 || own->follow.now.is_over)
        return;
    sure_ns -= smaller(sure_ns, LIVE_SESSION_LATE_NS);
    if (live_follow_peek(&own->follow) != NULL)
        sure_ns = session->world_ns;
    until_ns = smaller(until_ns, sure_ns);
    if (until_ns > session->timeline.now_ns)
        history_pass(&own->history, until_ns);
}

static void advance(struct session *session, uint64_t until_ns)
{
    struct live_session *own = own_of(session);

    if (session_is_past(session))
        history_advance(&own->history, until_ns);
    if (!session_is_past(session)) {
        while (live_next(own, until_ns))
            continue;
        pass(own, until_ns);
    }
    settle(own);
}

static bool step(struct session *session)
{
    struct live_session *own = own_of(session);

    if (session_is_past(session) && history_step(&own->history)) {
        settle(own);
        return true;
    }
    if (session_is_past(session)) /* time that passed without an event */
        history_advance(&own->history, UINT64_MAX);
    if (live_follow_peek(&own->follow) == NULL)
        listen_for(own, STEP_WAIT_MS);
    live_next(own, UINT64_MAX);
    settle(own);
    return !session->has_ended;
}

static bool seek(struct session *session, uint64_t at_ns)
{
    bool is_there = history_seek(&own_of(session)->history, at_ns);
    settle(own_of(session));
    return is_there;
}

/* ---- Steering ---- */

static bool is_phase(const struct live_session *own, enum phase phase)
{
    return strcmp(own->phase, phase_name(phase)) == 0;
}

/* What the door will say is not known here: it is asked, unless it is clear that it would refuse. */
static bool can(const struct session *session, enum session_command command)
{
    const struct live_session *own = (const struct live_session *)session;
    bool is_early = own->is_moving && (*own->phase == '\0' || is_phase(own, PHASE_SETUP) ||
                                       is_phase(own, PHASE_COPY));

    if (command == SESSION_BACK)
        return history_has_before(&own->history);
    if (own->is_over)
        return false;
    switch (command) {
    case SESSION_START:
        return !own->is_moving && !own->is_lost;
    case SESSION_POST_COPY:
        return is_early;
    case SESSION_ABORT:
        return is_early || (own->is_moving && is_phase(own, PHASE_PAUSE));
    case SESSION_LINK_CUT:
        return !session->is_link_cut;
    case SESSION_LINK_MEND:
        return session->is_link_cut;
    case SESSION_BANDWIDTH:
        return true;
    case SESSION_REPLAY:
    case SESSION_BACK:
    case SESSION_COMMAND_COUNT:
        break;
    }
    return false;
}

static bool say(struct live_session *own, const char *name, json_t *arguments)
{
    uint64_t id;
    struct problem problem = {STATUS_OK, ""};

    if (caller_send(&own->caller, name, arguments, &id, &problem) == STATUS_OK)
        return true;
    tell(own, problem.text);
    return false;
}

static bool set_bandwidth(struct live_session *own, uint64_t bits_per_s)
{
    char text[40] = "none";

    if (bits_per_s > 0)
        units_format(UNIT_BANDWIDTH, bits_per_s, text, sizeof text);
    if (!say(own, "link", json_pack("{s:s}", "bandwidth", text)))
        return false;
    own->session.link_bits_per_s =
        bits_per_s; /* until it is told: the next key goes on from there */
    return true;
}

static bool act(struct session *session, enum session_command command, uint64_t value)
{
    struct live_session *own = own_of(session);

    if (!can(session, command))
        return false;
    switch (command) {
    case SESSION_BACK:
        history_back(&own->history);
        settle(own);
        return true;
    case SESSION_START:
        return value < MODE_COUNT &&
               say(own, "migrate", json_pack("{s:s}", "mode", mode_name((enum mode)value)));
    case SESSION_POST_COPY:
        return say(own, "post-copy", NULL);
    case SESSION_ABORT:
        return say(own, "abort", NULL);
    case SESSION_LINK_CUT:
    case SESSION_LINK_MEND:
        session->is_link_cut = command == SESSION_LINK_CUT; /* until it is told */
        return say(own, "link",
                   json_pack("{s:s}", "state", session->is_link_cut ? "cut" : "mended"));
    case SESSION_BANDWIDTH:
        return set_bandwidth(own, value);
    case SESSION_REPLAY:
    case SESSION_COMMAND_COUNT:
        break;
    }
    return false;
}

/* ---- Its own life ---- */

static void close_session(struct session *session)
{
    struct live_session *own = own_of(session);

    timeline_end(own);
    live_follow_fini(&own->follow);
    caller_close(&own->caller);
    free(own);
}

static const struct session_ops live_session_ops = {.advance = advance,
                                                    .step = step,
                                                    .can = can,
                                                    .act = act,
                                                    .seek = seek,
                                                    .close = close_session,
                                                    .listen = session_listen_now};

/* The caller is open, or has failed to be. */
static enum status begin(struct live_session *own, enum status status, struct session **session,
                         struct problem *problem)
{
    json_t *how_it_is = NULL;

    live_follow_init(&own->follow);
    own->session.ops = &live_session_ops;
    own->session.is_live = true;
    snprintf(own->origin, sizeof own->origin, "live at %.150s", own->caller.path);
    if (status == STATUS_OK)
        status = attach(&own->caller, &how_it_is, problem);
    if (status != STATUS_OK) {
        json_decref(how_it_is);
        caller_close(&own->caller);
        free(own);
        return status;
    }
    begin_with(own, how_it_is);
    json_decref(how_it_is);
    *session = &own->session;
    return STATUS_OK;
}

enum status live_session_open_on(struct session **session, int descriptor,
                                 uint64_t (*clock_ns)(void), struct problem *problem)
{
    struct live_session *own = calloc(1, sizeof *own);
    MUST(own != NULL);
    own->clock_ns = clock_ns;
    return begin(own, caller_open_on(&own->caller, descriptor, problem), session, problem);
}

enum status live_session_open(struct session **session, const char *control_path,
                              struct problem *problem)
{
    struct live_session *own = calloc(1, sizeof *own);
    MUST(own != NULL);
    own->clock_ns = uv_hrtime;
    own->is_own_door = true;
    return begin(own, caller_open(&own->caller, control_path, problem), session, problem);
}

void live_session_advise(struct session *session, const char *gateway_line)
{
    own_of(session)->gateway_line = gateway_line;
}
