#include "live/moves_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"

/* Events take their place so often while there are any. */
#define TICK_MS 5
/* After a move's end is known: both hosts' last batches, and the time they are held back. */
#define SETTLE_NS (GATEWAY_HOLD_NS + 10 * NS_PER_MS)

uint64_t moves_now_ns(const struct moves *moves)
{
    (void)moves;
    return uv_hrtime();
}

bool moves_is_going(const struct moves *moves)
{
    return moves->is_asked || moves->move.state == MOVE_GOING || moves->move.state == MOVE_ENDING;
}

/* ---- As JSON ---- */

static json_t *number(uint64_t value)
{
    return json_integer(value > INT64_MAX ? INT64_MAX : (json_int_t)value);
}

static json_t *time_between(uint64_t from_ns, uint64_t to_ns)
{
    return from_ns != 0 && to_ns >= from_ns ? number(to_ns - from_ns) : json_null();
}

json_t *moves_link_json(const struct moves *moves)
{
    const struct move_link *link = &moves->link;
    char latency[40];

    units_format(UNIT_TIME, link->latency_ns, latency, sizeof latency);
    return json_pack("{s:s, s:s, s:s}", "bandwidth", link->bandwidth, "latency", latency, "state",
                     link->is_cut ? "cut" : "mended");
}

/* Its source may have told of more than there are events: what nobody fetched was dropped. */
static uint64_t whole_count(const struct move *move, const char *key, uint64_t by_events)
{
    uint64_t told = control_number(move->progress, key, 0);
    return told > by_events ? told : by_events;
}

/* How it ended, and what it came to. */
static void set_end(const struct move *move, json_t *object)
{
    uint64_t total_ns = move->ended_ns > move->started_ns ? move->ended_ns - move->started_ns : 1;
    uint64_t bytes = whole_count(move, "bytes_sent", move->bytes_sent);
    bool is_completed = move->outcome == OUTCOME_COMPLETED;

    json_object_set_new(object, "outcome", json_string(outcome_name(move->outcome)));
    json_object_set_new(object, "reason", control_text_json(move->reason));
    json_object_set_new(object, "total_time_ns", time_between(move->started_ns, move->ended_ns));
    json_object_set_new(object, "downtime_ns", time_between(move->paused_ns, move->resumed_ns));
    json_object_set_new(object, "round", number(whole_count(move, "round", move->rounds)));
    json_object_set_new(object, "bytes_sent", number(bytes));
    json_object_set_new(object, "bytes_per_s",
                        number(units_mul_div_told(bytes, NS_PER_S, total_ns)));
    if (is_completed || move->outcome == OUTCOME_ABORTED)
        json_object_set_new(
            object, "phase",
            json_string(phase_name(is_completed ? PHASE_COMPLETED : PHASE_ABORTED)));
    if (!is_completed)
        return;
    json_object_set_new(object, "pages_left", number(0));
    json_object_set_new(object, "left_ns", number(0));
    json_object_set_new(object, "progress_permille", number(1000));
}

json_t *moves_migration_json(const struct moves *moves)
{
    static const char *const told[] = {"round",      "bytes_sent",        "bytes_per_s",
                                       "pages_left", "dirty_pages_per_s", "downtime_forecast_ns",
                                       "left_ns",    "progress_permille"};
    static const char *const later[] = {"outcome", "reason", "total_time_ns", "downtime_ns"};
    const struct move *move = &moves->move;
    json_t *object;

    if (move->state == MOVE_NONE)
        return json_null();
    object = json_pack("{s:I, s:s, s:s, s:s, s:s, s:s}", "id", (json_int_t)move->id, "guest",
                       move->guest, "from", move->from, "to", move->to, "mode",
                       mode_name(move->scenario.mode), "phase", phase_name(move->phase));
    for (size_t i = 0; i < sizeof told / sizeof told[0]; i++) {
        json_t *value = json_object_get(move->progress, told[i]);
        json_object_set_new(object, told[i],
                            json_is_integer(value) ? json_incref(value) : json_null());
    }
    if (json_is_integer(json_object_get(object, "progress_permille")))
        json_object_set_new(object, "progress_permille", number(move->permille));
    for (size_t i = 0; i < sizeof later / sizeof later[0]; i++)
        json_object_set_new(object, later[i], json_null());
    if (move->state == MOVE_ENDED)
        set_end(move, object);
    return object;
}

/* ---- Events take their place ---- */

/* What a move came to, by its events: each in its order. Those of the gateway itself name no move, and may
 * be of the one before. */
static void merged(void *owner, const struct event *event)
{
    struct moves *moves = owner;
    struct move *move = &moves->move;

    if ((move->state != MOVE_GOING && move->state != MOVE_ENDING) ||
        event->at_ns < move->commanded_ns)
        return;
    if (event->kind == EVENT_MIGRATION_STARTED)
        move->started_ns = event->at_ns;
    else if (event->kind == EVENT_GUEST_PAUSED && event->guest_paused.host == HOST_SOURCE)
        move->paused_ns = event->at_ns;
    else if (event->kind == EVENT_GUEST_RESUMED && move->resumed_ns == 0)
        move->resumed_ns = event->at_ns;
    else if (event->kind == EVENT_MIGRATION_ENDED)
        move->ended_ns = event->at_ns;
    else if (event->kind == EVENT_ROUND_ENDED)
        move->rounds++;
    else if (event->kind == EVENT_PAGES_SENT)
        move->bytes_sent += event->pages_sent.bytes;
    else if (event->kind == EVENT_FRAME_SENT)
        move->bytes_sent += event->frame_sent.bytes;
    if (event->kind == EVENT_MIGRATION_ENDED && move->state == MOVE_GOING)
        moves_end(moves, (enum outcome)event->migration_ended.outcome, "");
}

/* A gateway's other guests have clients, too. */
static bool belongs(void *owner, const struct event *event)
{
    const struct moves *moves = owner;
    const char *guest = moves->move.guest;

    if (event->kind == EVENT_REQUEST_SENT)
        return gateway_is_client_of(moves->gateway, event->request_sent.client_idx, guest);
    if (event->kind == EVENT_REQUEST_ANSWERED)
        return gateway_is_client_of(moves->gateway, event->request_answered.client_idx, guest);
    return true;
}

static void tell_end(struct moves *moves)
{
    struct move *move = &moves->move;

    move->state = MOVE_ENDED;
    if (move->ended_ns == 0) {
        moves_happened(moves, (struct event){.kind = EVENT_MIGRATION_ENDED,
                                             .migration_ended = {move->outcome}});
        move->ended_ns = moves_now_ns(moves);
    }
    gateway_record_end(&moves->record, moves_now_ns(moves));
    door_tell(moves->door, "migration_ended", moves_migration_json(moves));
}

static void tick(uv_timer_t *timer)
{
    struct moves *moves = timer->data;
    uint64_t now_ns = moves_now_ns(moves);

    gateway_record_advance(&moves->record, now_ns);
    moves_watch(moves);
    if (moves->move.state == MOVE_ENDING && moves->move.settle_ns <= now_ns)
        tell_end(moves);
    if (moves->door != NULL)
        door_poke(moves->door);
    if (moves->move.state != MOVE_GOING && moves->move.state != MOVE_ENDING &&
        gateway_record_deadline_ns(&moves->record) == UINT64_MAX) {
        uv_timer_stop(timer);
        moves->is_ticking = false;
    }
}

static void begin_ticking(struct moves *moves)
{
    if (moves->is_ticking)
        return;
    moves->is_ticking = true;
    uv_timer_start(&moves->tick, tick, TICK_MS, TICK_MS);
}

/* The gateway sees all moves; of the hosts two are each one's. */
static bool has_part(const struct move *move, unsigned host)
{
    return host == 0 || host == move->source || host == move->target;
}

/* What a host tells is of the move that it names: the last one's, until another is asked for or its
 * recording has ended. */
static bool is_wanted(const struct moves *moves, unsigned source, const char *name)
{
    const struct move *move = moves->is_asked ? &moves->asked : &moves->move;

    if (source == 0)
        return true;
    return has_part(move, source) && strcmp(name, move->name) == 0 &&
           (moves_is_going(moves) || moves->record.current != NULL);
}

/* Nothing of a move was before it was commanded, whatever a host's clock is taken to say. */
static void happened(void *owner, unsigned source, const char *move, const struct event *events,
                     size_t count)
{
    struct moves *moves = owner;
    uint64_t now_ns = moves_now_ns(moves);
    uint64_t begun_ns = moves->is_asked ? moves->asked.commanded_ns : moves->move.commanded_ns;

    if (!is_wanted(moves, source, move))
        return;
    for (size_t i = 0; i < count; i++) {
        struct event event = events[i];
        if (source != 0 && event.at_ns < begun_ns)
            event.at_ns = begun_ns;
        gateway_record_add(&moves->record, source, &event, now_ns);
    }
    begin_ticking(moves);
}

void moves_happened(struct moves *moves, struct event event)
{
    event.at_ns = moves_now_ns(moves);
    happened(moves, 0, NULL, &event, 1);
}

/* ---- A move begins and ends ---- */

/* The link, and who talks to the guest, stand in the recording's head as they are. */
static void set_what_is_known_here(const struct moves *moves, struct scenario *scenario)
{
    unsigned clients = gateway_guest_clients(moves->gateway, moves->move.guest);

    scenario->client_count = clients < SCENARIO_CLIENTS_MAX ? clients : SCENARIO_CLIENTS_MAX;
    scenario->bandwidth_bits_per_s =
        moves->link.bits_per_s > 0 ? moves->link.bits_per_s : SCENARIO_NONE;
    scenario->latency_ns = moves->link.latency_ns;
}

void moves_go(struct moves *moves, const struct move *going)
{
    struct move *move = &moves->move;
    char hosts[2 * TRUNK_NAME_MAX];

    json_decref(move->progress);
    scenario_fini(&move->scenario);
    *move = *going;
    moves->last_id = move->id;
    set_what_is_known_here(moves, &move->scenario);
    move->started_ns = move->commanded_ns;
    move->heard_ns = move->here_ns = moves_now_ns(moves);
    snprintf(hosts, sizeof hosts, "%s %s", move->from, move->to);
    gateway_record_begin(&moves->record, move->id, &move->scenario, hosts, move->commanded_ns);
    begin_ticking(moves);
    door_tell(moves->door, "migration_started",
              json_pack("{s:I, s:s, s:s, s:s, s:s}", "id", (json_int_t)move->id, "guest",
                        move->guest, "from", move->from, "to", move->to, "mode",
                        mode_name(move->scenario.mode)));
}

void moves_begin(struct moves *moves, const json_t *answer)
{
    struct move *move = &moves->asked;
    const char *text = control_word(answer, "scenario", NULL);

    /* Where the host does not say it whole, it is what was asked for. */
    if (text != NULL && scenario_read_text(&move->scenario, text, NULL) != STATUS_OK)
        moves->calls->said(moves->owner, "a host's scenario cannot be read: the recording's head "
                                         "is what was asked for");
    moves->is_asked = false;
    moves_go(moves, move);
    if (move->has_outcome)
        moves_end(moves, move->outcome, move->reason);
}

static void note_end(struct move *move, enum outcome outcome, const char *reason)
{
    move->has_outcome = true;
    move->outcome = outcome;
    snprintf(move->reason, sizeof move->reason, "%s", reason);
}

void moves_end(struct moves *moves, enum outcome outcome, const char *reason)
{
    struct move *move = &moves->move;

    if (move->state != MOVE_GOING && !(move->state == MOVE_ENDING && *move->reason == '\0'))
        return;
    if (move->state == MOVE_GOING) {
        gateway_move_ends(moves->gateway, move->guest);
        move->settle_ns = moves_now_ns(moves) + SETTLE_NS;
    }
    move->state = MOVE_ENDING;
    note_end(move, outcome, reason);
    begin_ticking(moves);
}

/* ---- What hosts and gateway tell ---- */

/* By its name among hosts, or, where somebody does not know that, by its guest. */
static bool is_of_this_move(const struct moves *moves, const json_t *data)
{
    const struct move *move = &moves->move;
    const char *name = control_word(data, "move", NULL);
    const char *guest = control_word(data, "guest", "");

    if (move->state != MOVE_GOING && move->state != MOVE_ENDING)
        return false;
    return name != NULL ? strcmp(name, move->name) == 0 : strcmp(guest, move->guest) == 0;
}

static void hear_progress(struct moves *moves, unsigned host, json_t *data)
{
    struct move *move = &moves->move;

    if (!is_of_this_move(moves, data) && !moves_adopt(moves, host, data))
        return;
    if (host != move->source)
        return;
    move->heard_ns = moves_now_ns(moves);
    json_decref(move->progress);
    move->progress = json_deep_copy(data);
    for (unsigned i = 0; i < PHASE_COUNT; i++)
        if (strcmp(control_word(data, "phase", ""), phase_name((enum phase)i)) == 0)
            move->phase = (enum phase)i;
    uint64_t permille = control_number(data, "progress_permille", 0);
    if (permille > move->permille && permille <= 1000)
        move->permille = permille;
    if (move->state == MOVE_GOING)
        door_tell(moves->door, "progress", moves_migration_json(moves));
}

static void hear_end(struct moves *moves, unsigned host, const json_t *data)
{
    const char *name = control_word(data, "outcome", "");
    const char *reason = control_word(data, "reason", "");
    bool is_asked =
        moves->is_asked && strcmp(control_word(data, "move", ""), moves->asked.name) == 0;

    if (!has_part(is_asked ? &moves->asked : &moves->move, host))
        return;
    for (unsigned i = 0; i < OUTCOME_COUNT; i++) {
        if (strcmp(name, outcome_name((enum outcome)i)) != 0)
            continue;
        if (is_asked)
            note_end(&moves->asked, (enum outcome)i, reason);
        else if (is_of_this_move(moves, data))
            moves_end(moves, (enum outcome)i, reason);
    }
}

bool moves_what_is_wrong(const char *event, const json_t *data, char *line, size_t line_bytes)
{
    const char *guest = control_word(data, "guest", ""), *reason = control_word(data, "reason", "");
    const json_t *hosts = json_object_get(data, "hosts");
    const char *one = json_string_value(json_array_get(hosts, 0));
    const char *other = json_string_value(json_array_get(hosts, 1));

    *line = '\0';
    if (strcmp(event, "turned_away") == 0)
        snprintf(line, line_bytes, "somebody is not let in: %s", reason);
    else if (strcmp(event, "client_dropped") == 0)
        snprintf(line, line_bytes, "%s: its client %s is dropped: %s", guest,
                 control_word(data, "client", ""), reason);
    else if (strcmp(event, "claim_refused") == 0)
        snprintf(line, line_bytes, "%s: what host %s says of it does not count: %s", guest,
                 control_word(data, "host", ""), reason);
    else if (strcmp(event, "guest_lost") == 0)
        snprintf(line, line_bytes, "%s is lost: %s", guest, reason);
    else if (strcmp(event, "two_runners") == 0 && one != NULL && other != NULL)
        snprintf(line, line_bytes, "%s runs at hosts %s and %s: rule one_runner is BROKEN", guest,
                 one, other);
    return *line != '\0';
}

static void told(void *owner, unsigned host, const char *event, json_t *data)
{
    struct moves *moves = owner;

    if (moves->door == NULL)
        return;
    if (strcmp(event, "progress") == 0) {
        hear_progress(moves, host, data);
        return;
    }
    if (strcmp(event, "migration_ended") == 0) {
        hear_end(moves, host, data);
        return;
    }
    if (strcmp(event, "link") == 0) {
        moves_learn_link(moves, data);
        return;
    }
    char line[400];
    if (moves->calls->complained != NULL && moves_what_is_wrong(event, data, line, sizeof line))
        moves->calls->complained(moves->owner, line);
    if (strcmp(event, "host_joined") == 0)
        moves_tell_link(moves, gateway_find_host(moves->gateway, control_word(data, "name", "")));
    if (strcmp(event, "guest_lost") == 0 && is_of_this_move(moves, data))
        moves_end(moves, OUTCOME_LOST, control_word(data, "reason", ""));
    (strcmp(event, "console") == 0 ? door_chat : door_tell)(moves->door, event,
                                                            json_deep_copy(data));
}

const struct gateway_owner moves_calls = {.told = told, .happened = happened};

/* ---- Life ---- */

struct moves *moves_open(uv_loop_t *loop, const struct moves_owner *calls, void *owner)
{
    struct moves *moves = calloc(1, sizeof *moves);
    MUST(moves != NULL);

    moves->loop = loop;
    moves->calls = calls;
    moves->owner = owner;
    gateway_record_init(&moves->record, moves_now_ns(moves));
    moves->record.merged = merged;
    moves->record.belongs = belongs;
    moves->record.owner = moves;
    scenario_init(&moves->move.scenario);
    strcpy(moves->link.bandwidth, "none");
    uv_timer_init(loop, &moves->tick);
    moves->tick.data = moves;
    return moves;
}

static void door_command(void *owner, const char *name, const json_t *arguments,
                         struct door_ticket *ticket)
{
    moves_obey(owner, name, arguments, ticket);
}

static void door_told(void *owner, const char *line)
{
    struct moves *moves = owner;
    moves->calls->said(moves->owner, line);
}

static const struct door_owner door_calls = {.command = door_command, .told = door_told};

enum status moves_serve(struct moves *moves, struct gateway *gateway, const char *path,
                        struct problem *problem)
{
    moves->gateway = gateway;
    return door_open(moves->loop, path, &moves->record, &door_calls, moves, &moves->door, problem);
}

static void free_moves(uv_handle_t *handle)
{
    free(handle->data);
}

void moves_close(struct moves *moves)
{
    if (moves->door != NULL)
        door_close(moves->door);
    moves->door = NULL;
    moves_drop_errands(moves);
    json_decref(moves->move.progress);
    scenario_fini(&moves->move.scenario);
    if (moves->is_asked)
        scenario_fini(&moves->asked.scenario);
    gateway_record_fini(&moves->record);
    uv_close((uv_handle_t *)&moves->tick, free_moves);
}
