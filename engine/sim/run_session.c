#include "sim/run_session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "machine/hypercall.h"
#include "record/history.h"
#include "sim/run.h"

/* A key that was pressed, so that it is pressed again where the run is made again. */
struct input {
    uint64_t event_count; /* that had happened before it */
    uint64_t at_ns;
    enum session_command command;
    uint64_t value;
};

struct run_session {
    struct session session; /* first: views hold a pointer to it */
    struct scenario scenario;
    uint8_t *image;
    size_t image_bytes;
    struct world *world;
    struct history history;
    struct event_list events;
    struct debug *debug;  /* borrowed; NULL: nobody debugs */
    struct input *inputs; /* owned; in order */
    size_t input_count;
    bool has_world_ended;
    bool has_broken; /* a rule, a client's answer, the guest: this and the verdict are told at the
                        end */
    char verdict[320];
    uint64_t round_pages[FORECAST_ROUNDS_MAX];
    char guest[64], origin[256];
};

static uint64_t ns_of(double seconds)
{
    return seconds * 1e9 < (double)INT64_MAX ? (uint64_t)(seconds * 1e9 + 0.5) : UINT64_MAX;
}

static void forecast_facts(struct run_session *own)
{
    struct session_facts *facts = &own->session.facts;
    uint64_t state_bytes = world_state_bytes(own->world);
    struct forecast forecast;

    facts->forecast_total_ns = facts->forecast_downtime_ns = UINT64_MAX;
    facts->forecast_round_pages = NULL;
    facts->forecast_round_count = 0;
    if (run_forecast(&own->scenario, own->scenario.mode, state_bytes, &forecast)) {
        facts->forecast_total_ns = ns_of(forecast.total_s);
        facts->forecast_downtime_ns = ns_of(forecast.downtime_s);
        facts->forecast_round_pages = own->round_pages;
        facts->forecast_round_count = forecast.round_count;
        for (uint32_t i = 0; i < forecast.round_count; i++)
            own->round_pages[i] = (uint64_t)(forecast.round_pages[i] + 0.5);
    }
    run_forecast(&own->scenario, MODE_STOP_AND_COPY, state_bytes, &forecast);
    facts->stop_and_copy_downtime_ns = ns_of(forecast.downtime_s);
}

static void set_facts(struct run_session *own)
{
    const struct scenario *scenario = &own->scenario;
    own->session.facts = (struct session_facts){
        .guest = own->guest,
        .origin = own->origin,
        .mode = scenario->mode,
        .seed = scenario->seed,
        .total_pages = world_total_pages(own->world),
        .page_bytes = PAGE_BYTES,
        .bandwidth_bits_per_s = scenario->bandwidth_bits_per_s,
        .latency_ns = scenario->latency_ns,
        .downtime_limit_ns = scenario->downtime_limit_ns,
        .client_count = scenario->client_count,
        .request_rate = scenario->request_rate,
        .start_at_ns = scenario->start_at_ns,
    };
    forecast_facts(own);
}

/* The world's end, seen from where the timeline stands. */
static void settle(struct run_session *own)
{
    struct session *session = &own->session;
    session->has_ended = own->has_world_ended && !session_is_past(session);
    session->is_broken = session->has_ended && own->has_broken;
    session->verdict = session->has_ended ? own->verdict : NULL;
}

static enum status open_world(struct run_session *own, struct problem *problem)
{
    enum status status =
        world_open(&own->scenario, own->image, own->image_bytes, &own->world, problem);
    if (status != STATUS_OK)
        return status;
    timeline_init(&own->session.timeline, world_total_pages(own->world));
    history_init(&own->history, &own->session, NULL);
    own->has_world_ended = own->has_broken = false;
    own->session.link_bits_per_s = own->scenario.bandwidth_bits_per_s;
    own->session.is_link_cut = false;
    settle(own);
    set_facts(own);
    return STATUS_OK;
}

static void close_world(struct run_session *own)
{
    world_close(own->world);
    history_fini(&own->history);
    timeline_fini(&own->session.timeline);
}

/* What a move that was not completed came to. */
static const char *ended_as(const struct timeline *timeline)
{
    if (timeline->has_ended && timeline->outcome == OUTCOME_LOST)
        return "the guest is lost";
    if (timeline->has_ended && timeline->outcome == OUTCOME_PAUSED)
        return "the move is paused";
    return timeline->has_resumed ? "the move was not over" : "the guest stayed at the source";
}

static void write_verdict(struct run_session *own)
{
    const struct timeline *timeline = &own->session.timeline;
    const struct oracle *oracle = world_oracle(own->world);
    char silence[32], downtime[32], stop[32], answers[32], clients[160] = "";

    units_for_people(UNIT_TIME, timeline->longest_silence_ns, silence, sizeof silence);
    units_for_people(UNIT_TIME, timeline->downtime_ns, downtime, sizeof downtime);
    units_for_people(UNIT_TIME, own->session.facts.stop_and_copy_downtime_ns, stop, sizeof stop);
    units_for_people(UNIT_COUNT, timeline->answers, answers, sizeof answers);
    if (own->scenario.client_count > 0)
        snprintf(clients, sizeof clients,
                 "%llu clients, %s answers, %llu wrong; longest silence %s; ",
                 (unsigned long long)own->scenario.client_count, answers,
                 (unsigned long long)timeline->errors, silence);
    own->has_broken = !oracle_holds(oracle) || timeline->errors > 0 || timeline->is_guest_fault;
    if (!oracle_holds(oracle))
        snprintf(own->verdict, sizeof own->verdict, "%s", oracle->what);
    else if (timeline->outcome != OUTCOME_COMPLETED)
        snprintf(own->verdict, sizeof own->verdict, "%s%s: %s", clients, ended_as(timeline),
                 world_reason(own->world));
    else if (own->scenario.mode == MODE_STOP_AND_COPY)
        snprintf(own->verdict, sizeof own->verdict, "%sdowntime %s", clients, downtime);
    else
        snprintf(own->verdict, sizeof own->verdict,
                 "%sdowntime %s; stop-and-copy would have been %s", clients, downtime, stop);
}

static void after(struct run_session *own, bool is_alive)
{
    for (size_t i = 0; i < own->events.count; i++)
        history_live(&own->history, &own->events.items[i]);
    own->events.count = 0;
    if (is_alive || own->has_world_ended)
        return;
    own->has_world_ended = true;
    write_verdict(own);
    settle(own);
}

/* Through what was lived already. */
static void advance_in_past(struct run_session *own, uint64_t until_ns)
{
    if (!session_is_past(&own->session))
        return;
    history_advance(&own->history, until_ns);
    settle(own);
}

static void session_advance(struct session *session, uint64_t until_ns)
{
    struct run_session *own = (struct run_session *)session;
    advance_in_past(own, until_ns);
    if (session_is_past(session) || session_is_held(session))
        return;
    bool is_alive = world_advance(own->world, until_ns, &own->events);
    after(own, is_alive);
    if (is_alive)
        history_pass(&own->history, world_now_ns(own->world));
}

static bool session_step(struct session *session)
{
    struct run_session *own = (struct run_session *)session;
    if (session_is_past(session) && history_step(&own->history)) {
        settle(own);
        return true;
    }
    if (session_is_held(session))
        return !session->has_ended;
    advance_in_past(own, UINT64_MAX); /* time that passed without an event */
    bool is_alive = world_step(own->world, &own->events);
    after(own, is_alive);
    return is_alive;
}

static bool session_seek(struct session *session, uint64_t at_ns)
{
    struct run_session *own = (struct run_session *)session;
    bool is_there = history_seek(&own->history, at_ns);
    settle(own);
    return is_there;
}

static bool session_can(const struct session *session, enum session_command command)
{
    const struct timeline *timeline = &session->timeline;
    bool is_copying = timeline->phase == PHASE_SETUP || timeline->phase == PHASE_COPY;
    bool is_past = session_is_past(session);

    switch (command) {
    case SESSION_START:
        return !is_past && !timeline->has_started && !session->has_ended;
    case SESSION_POST_COPY:
        return !is_past && is_copying;
    case SESSION_ABORT:
        return !is_past && (is_copying || timeline->phase == PHASE_PAUSE);
    case SESSION_REPLAY:
        return !session_is_held(session);
    case SESSION_BACK:
        if (session_is_held(session))
            return false;
        return is_past ? history_has_before(&((const struct run_session *)session)->history)
                       : timeline->event_count > 0;
    case SESSION_LINK_CUT:
        return !is_past && !session->has_ended && !session->is_link_cut;
    case SESSION_LINK_MEND:
        return !is_past && !session->has_ended && session->is_link_cut;
    case SESSION_BANDWIDTH:
        return !is_past && !session->has_ended;
    case SESSION_COMMAND_COUNT:
        break;
    }
    return false;
}

static void open_again(struct run_session *own)
{
    close_world(own);
    enum status status = open_world(own, NULL);
    MUST(status == STATUS_OK); /* the same scenario was opened before */
}

static bool replay(struct run_session *own, uint64_t mode)
{
    if (mode >= MODE_COUNT)
        return false;
    own->scenario.mode = (enum mode)mode;
    own->input_count = 0;
    open_again(own);
    world_debug(own->world, own->debug);
    return true;
}

/* ---- What a person does to the world ---- */

/* A link of a simulated world always has a bandwidth. */
#define BANDWIDTH_MOST (64ull * 1000 * 1000 * 1000)

static bool change_link(struct run_session *own, enum session_command command, uint64_t value)
{
    struct session *session = &own->session;
    uint64_t bits_per_s = value > 0 ? value : BANDWIDTH_MOST;

    if (command == SESSION_BANDWIDTH) {
        if (world_set_bandwidth(own->world, bits_per_s, &own->events))
            session->link_bits_per_s = bits_per_s;
        return session->link_bits_per_s == bits_per_s;
    }
    if (!world_cut_link(own->world, command == SESSION_LINK_CUT, &own->events))
        return false;
    session->is_link_cut = command == SESSION_LINK_CUT;
    return true;
}

static bool give_input(struct run_session *own, enum session_command command, uint64_t value)
{
    bool has_obeyed = false;

    event_append(&own->events, (struct event){.at_ns = world_now_ns(own->world),
                                              .kind = EVENT_INPUT_GIVEN,
                                              .input_given = {.command = command, .value = value}});
    if (command == SESSION_START)
        has_obeyed = world_start(own->world, &own->events);
    else if (command == SESSION_POST_COPY)
        has_obeyed = world_switch_to_post_copy(own->world, &own->events);
    else if (command == SESSION_ABORT)
        has_obeyed = world_abort(own->world, &own->events);
    else
        has_obeyed = change_link(own, command, value);
    after(own, true);
    return has_obeyed;
}

static void keep_input(struct run_session *own, enum session_command command, uint64_t value)
{
    own->inputs = realloc(own->inputs, (own->input_count + 1) * sizeof *own->inputs);
    MUST(own->inputs != NULL);
    own->inputs[own->input_count++] =
        (struct input){.event_count = own->session.timeline.event_count,
                       .at_ns = world_now_ns(own->world),
                       .command = command,
                       .value = value};
}

/* ---- Backward: the same run again, up to an instant. ---- */

/* One step of a run that was made before: an event, or the key that was pressed there. */
static void step_again(struct run_session *own, size_t *next_input)
{
    const struct input *input = &own->inputs[*next_input];

    if (*next_input == own->input_count || input->event_count > own->session.timeline.event_count) {
        session_step(&own->session);
        return;
    }
    if (world_now_ns(own->world) < input->at_ns)
        session_advance(&own->session, input->at_ns);
    (*next_input)++;
    give_input(own, input->command, input->value);
}

/* The run again until `most` events have happened; returns how many had before the last step. */
static uint64_t run_again(struct run_session *own, uint64_t most)
{
    const struct timeline *timeline = &own->session.timeline;
    uint64_t before = 0;
    size_t next_input = 0;

    open_again(own);
    while (timeline->event_count < most && !own->session.has_ended) {
        before = timeline->event_count;
        step_again(own, &next_input);
    }
    return before;
}

/* Where the last step began is seen when it is made again: so the run is made twice. What was done
 * after that instant has not been done. */
static void go_back(struct run_session *own)
{
    uint64_t before = run_again(own, own->session.timeline.event_count);

    run_again(own, before);
    world_debug(own->world,
                own->debug); /* who debugs has seen this before: not while it is again */
    while (own->input_count > 0 && own->inputs[own->input_count - 1].event_count >= before)
        own->input_count--;
}

static bool session_act(struct session *session, enum session_command command, uint64_t value)
{
    struct run_session *own = (struct run_session *)session;

    if (!session_can(session, command))
        return false;
    if (command == SESSION_REPLAY)
        return replay(own, value);
    if (command == SESSION_BACK) {
        if (session_is_past(session))
            history_back(&own->history);
        else
            go_back(own);
        settle(own);
        return true;
    }
    keep_input(own, command, value);
    return give_input(own, command, value);
}

void run_session_debug(struct session *session, struct debug *debug)
{
    struct run_session *own = (struct run_session *)session;
    own->debug = debug;
    world_debug(own->world, debug);
}

struct guest *run_session_guest(struct session *session)
{
    return world_guest(((struct run_session *)session)->world);
}

static void session_close(struct session *session)
{
    struct run_session *own = (struct run_session *)session;
    close_world(own);
    scenario_fini(&own->scenario);
    event_list_fini(&own->events);
    free(own->inputs);
    free(own->image);
    free(own);
}

enum status run_session_open(struct session **session, const struct scenario *scenario,
                             const uint8_t *image, size_t image_bytes, const char *origin,
                             struct problem *problem)
{
    static const struct session_ops ops = {.advance = session_advance,
                                           .step = session_step,
                                           .can = session_can,
                                           .act = session_act,
                                           .seek = session_seek,
                                           .close = session_close};
    struct run_session *own = calloc(1, sizeof *own);
    MUST(own != NULL);
    own->session.ops = &ops;
    scenario_copy(&own->scenario, scenario);
    snprintf(own->guest, sizeof own->guest, "%.63s", scenario->guest);
    snprintf(own->origin, sizeof own->origin, "%s", origin);
    own->image_bytes = image_bytes;
    own->image = malloc(image_bytes + 1);
    MUST(own->image != NULL);
    if (image_bytes > 0)
        memcpy(own->image, image, image_bytes);
    enum status status = open_world(own, problem);
    if (status != STATUS_OK) {
        scenario_fini(&own->scenario);
        free(own->image);
        free(own);
        return status;
    }
    *session = &own->session;
    return STATUS_OK;
}
