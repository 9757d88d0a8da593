/* The commands of the door: each is judged whole before anything of it is begun. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "live/moves_private.h"
#include "live/trunk.h"

/* As of a scenario's link, which the head of a recording names. */
#define LINK_BITS_MIN 1000u
#define LINK_BITS_MAX 10000000000000ull

/* ---- What hosts answer is answered at the door ---- */

static struct errand *new_errand(struct moves *moves, enum errand_kind kind,
                                 struct door_ticket *ticket)
{
    struct errand *errand = calloc(1, sizeof *errand);
    MUST(errand != NULL);

    *errand =
        (struct errand){.next = moves->errands, .moves = moves, .kind = kind, .ticket = *ticket};
    moves->errands = errand;
    *ticket = (struct door_ticket){0};
    return errand;
}

void moves_drop_errands(struct moves *moves)
{
    for (struct errand *errand = moves->errands; errand != NULL; errand = errand->next) {
        json_decref(errand->ticket.id);
        errand->moves = NULL;
    }
    moves->errands = NULL;
}

static enum control_error error_of(const char *class)
{
    for (unsigned i = 0; i < CONTROL_ERROR_COUNT; i++)
        if (strcmp(class, control_error_name((enum control_error)i)) == 0)
            return (enum control_error)i;
    return CONTROL_REFUSED;
}

static void fail_errand(struct errand *errand, const char *class, const char *desc)
{
    if (errand->has_failed)
        return;
    errand->has_failed = true;
    snprintf(errand->class, sizeof errand->class, "%s", class);
    snprintf(errand->desc, sizeof errand->desc, "%s", desc);
}

static void set_link(struct moves *moves, const struct move_link *link, struct errand *errand);

/* All have answered. `value`: of the last of them. */
static void finish_errand(struct errand *errand, const json_t *value)
{
    struct moves *moves = errand->moves;
    struct errand **at = &moves->errands;
    struct door_ticket nobody = {0};

    while (*at != errand)
        at = &(*at)->next;
    *at = errand->next;
    if (errand->kind == ERRAND_MIGRATE && errand->has_failed) {
        gateway_move_ends(moves->gateway, moves->asked.guest);
        scenario_fini(&moves->asked.scenario);
        moves->is_asked = false;
    }
    if (errand->kind == ERRAND_LINK && errand->has_failed)
        set_link(moves, &errand->before, new_errand(moves, ERRAND_PLAIN, &nobody));
    if (errand->kind == ERRAND_LOOK && !errand->has_failed && moves->move.state == MOVE_GOING &&
        moves->move.id == errand->move_id)
        moves_judge(moves, value);
    if (errand->has_failed) {
        door_refuse(moves->door, &errand->ticket, error_of(errand->class), "%s", errand->desc);
    } else if (errand->kind == ERRAND_MIGRATE) {
        door_return(moves->door, &errand->ticket,
                    json_pack("{s:I}", "id", (json_int_t)moves->asked.id));
        moves_begin(moves, value);
    } else {
        door_return(moves->door, &errand->ticket,
                    errand->kind == ERRAND_LINK ? moves_link_json(moves) : NULL);
    }
    if (errand->kind == ERRAND_LINK) /* or is as before: whoever hoped for more learns of it */
        door_tell(moves->door, "link_changed", moves_link_json(moves));
    free(errand);
}

static void answered(void *owner, const struct control_message *reply)
{
    struct errand *errand = owner;

    errand->awaited--;
    if (errand->moves == NULL) {
        if (errand->awaited == 0)
            free(errand);
        return;
    }
    if (reply == NULL && errand->kind != ERRAND_LINK) /* of the link it is told when it joins */
        fail_errand(errand, "Refused", "the host went away before it had answered");
    else if (reply != NULL && reply->kind == CONTROL_ERROR)
        fail_errand(errand, reply->name, reply->desc);
    if (errand->awaited == 0)
        finish_errand(errand, reply != NULL ? reply->data : NULL);
}

/* One command to one host. */
static void ask(struct errand *errand, unsigned host, const char *command, json_t *arguments)
{
    errand->awaited++;
    if (gateway_ask(errand->moves->gateway, host, command, arguments, answered, errand))
        return;
    errand->awaited--;
    fail_errand(errand, "Refused", "the host is not here just now: try again when it is back");
}

/* ---- link ---- */

/* An amount with its unit, within its range; "none" is 0. *text stays NULL where there is none. */
static enum status read_amount(const json_t *arguments, const char *key, enum unit_kind kind,
                               uint64_t least, uint64_t most, uint64_t *value, const char **text,
                               struct problem *problem)
{
    struct problem detail = {STATUS_OK, ""};
    char bounds[2][40];
    enum status status = control_text(arguments, key, text, problem);

    if (status != STATUS_OK || *text == NULL)
        return status;
    bool is_none = strcmp(*text, "none") == 0;
    if (is_none)
        *value = 0;
    else if (units_parse(kind, *text, value, &detail) != STATUS_OK)
        return problem_set(problem, STATUS_USAGE, "%s: %s, or none", key, detail.text);
    if (is_none || (*value >= least && *value <= most))
        return STATUS_OK;
    units_format(kind, least, bounds[0], sizeof bounds[0]);
    units_format(kind, most, bounds[1], sizeof bounds[1]);
    return problem_set(problem, STATUS_USAGE, "%s: \"%.40s\": write %s to %s, or none", key, *text,
                       bounds[0], bounds[1]);
}

/* Reads what is to change. */
static enum status read_link(const json_t *arguments, struct move_link *link,
                             struct problem *problem)
{
    const char *bandwidth = NULL, *latency = NULL, *state = NULL;
    enum status status = control_know_all(arguments, "bandwidth latency state", problem);

    if (status == STATUS_OK)
        status = read_amount(arguments, "bandwidth", UNIT_BANDWIDTH, LINK_BITS_MIN, LINK_BITS_MAX,
                             &link->bits_per_s, &bandwidth, problem);
    if (status == STATUS_OK)
        status = read_amount(arguments, "latency", UNIT_TIME, 0, TRUNK_LATENCY_MAX_NS,
                             &link->latency_ns, &latency, problem);
    if (status == STATUS_OK)
        status = control_text(arguments, "state", &state, problem);
    if (status != STATUS_OK)
        return status;
    if (bandwidth == NULL && latency == NULL && state == NULL)
        return problem_set(problem, STATUS_USAGE,
                           "nothing to change: name bandwidth, latency or state");
    if (state != NULL && strcmp(state, "cut") != 0 && strcmp(state, "mended") != 0)
        return problem_set(problem, STATUS_USAGE, "state: \"%.40s\": write cut or mended", state);
    if (state != NULL)
        link->is_cut = strcmp(state, "cut") == 0;
    if (bandwidth != NULL && strlen(bandwidth) < sizeof link->bandwidth)
        strcpy(link->bandwidth, bandwidth);
    else if (bandwidth != NULL) /* many zeros before it */
        units_format(UNIT_BANDWIDTH, link->bits_per_s, link->bandwidth, sizeof link->bandwidth);
    return STATUS_OK;
}

/* What it is, whatever of it has changed: one that is cut stays so, however wide or long it is made. */
static struct event link_event(const struct move_link *link)
{
    struct event event = {.kind = EVENT_LINK_CHANGED};

    event.link_changed.state = link->is_cut           ? LINK_CUT
                               : link->bits_per_s > 0 ? LINK_SLOW
                               : link->latency_ns > 0 ? LINK_DELAYED
                                                      : LINK_WHOLE;
    if (event.link_changed.state == LINK_SLOW)
        event.link_changed.value = link->bits_per_s;
    if (event.link_changed.state == LINK_DELAYED)
        event.link_changed.value = link->latency_ns;
    return event;
}

static void record_link(struct moves *moves, const struct move_link *before)
{
    const struct move_link *link = &moves->link;
    struct event event = link_event(link), former = link_event(before);

    if (memcmp(event.fields, former.fields, sizeof event.fields) != 0)
        moves_happened(moves, event);
}

/* From now on it is so: for the recording, and for every host. */
static void set_link(struct moves *moves, const struct move_link *link, struct errand *errand)
{
    errand->before = moves->link;
    moves->link = *link;
    moves->is_link_known = true;
    record_link(moves, &errand->before);
    for (unsigned host = 1; host <= GATEWAY_HOSTS; host++)
        if (gateway_is_host_here(moves->gateway, host))
            ask(errand, host, "link", moves_link_json(moves));
    if (errand->awaited == 0)
        finish_errand(errand, NULL);
}

static void change_link(struct moves *moves, const json_t *arguments, struct door_ticket *ticket)
{
    struct move_link link = moves->link;
    struct problem problem = {STATUS_OK, ""};

    if (read_link(arguments, &link, &problem) != STATUS_OK) {
        door_refuse(moves->door, ticket, CONTROL_BAD_ARGUMENT, "%s", problem.text);
        return;
    }
    set_link(moves, &link, new_errand(moves, ERRAND_LINK, ticket));
}

void moves_tell_link(struct moves *moves, unsigned host)
{
    struct door_ticket nobody = {0};

    if (host == 0 || !moves->is_link_known)
        return;
    struct errand *errand = new_errand(moves, ERRAND_PLAIN, &nobody);
    ask(errand, host, "link", moves_link_json(moves));
    if (errand->awaited == 0)
        finish_errand(errand, NULL);
}

void moves_learn_link(struct moves *moves, const json_t *data)
{
    struct move_link link = moves->link;
    struct problem problem = {STATUS_OK, ""};
    struct door_ticket nobody = {0};

    if (!moves->is_link_known && read_link(data, &link, &problem) == STATUS_OK)
        set_link(moves, &link, new_errand(moves, ERRAND_LINK, &nobody));
}

/* ---- migrate ---- */

/* Where the guest is and where it shall go: names and numbers into `move`. */
static bool find_way(struct moves *moves, const json_t *arguments, struct move *move,
                     struct door_ticket *ticket)
{
    struct gateway *gateway = moves->gateway;
    const char *guest = control_word(arguments, "guest", NULL);
    const char *to = control_word(arguments, "to", NULL);
    bool is_known = false;

    move->source = gateway_find_guest(gateway, &guest, &is_known);
    if (move->source == 0 && guest == NULL)
        door_refuse(moves->door, ticket, CONTROL_NO_SUCH_GUEST,
                    "guest: there is none, or there are several: name one, `status` lists them");
    else if (move->source == 0 && gateway_guest_end(gateway, guest) != NULL)
        door_refuse(moves->door, ticket, CONTROL_NO_SUCH_GUEST, "%.60s %s: start it anew", guest,
                    gateway_guest_end(gateway, guest));
    else if (move->source == 0 && is_known)
        door_refuse(moves->door, ticket, CONTROL_NOT_NOW,
                    "%.60s: no host can say just now that it has it: try again", guest);
    else if (move->source == 0)
        door_refuse(moves->door, ticket, CONTROL_NO_SUCH_GUEST,
                    "%.60s: no host has such a guest: `status` lists them", guest);
    if (move->source == 0)
        return false;
    move->target =
        to == NULL ? gateway_other_host(gateway, move->source) : gateway_find_host(gateway, to);
    if (move->target == 0 && to == NULL)
        door_refuse(moves->door, ticket, CONTROL_NO_SUCH_HOST,
                    "there is no other host here: start one by ferry host");
    else if (move->target == 0)
        door_refuse(moves->door, ticket, CONTROL_NO_SUCH_HOST,
                    "%.60s: there is no such host: `status` lists them", to);
    else if (move->target == move->source)
        door_refuse(moves->door, ticket, CONTROL_BAD_ARGUMENT,
                    "to: %.60s is at %.60s already: name another host, or none", guest, to);
    else if (!gateway_is_host_here(gateway, move->target) ||
             *gateway_host_address(gateway, move->target) == '\0')
        door_refuse(moves->door, ticket, CONTROL_NOT_NOW,
                    "%.60s is not here just now: try again when it is back",
                    gateway_host_name(gateway, move->target));
    else {
        snprintf(move->guest, sizeof move->guest, "%s", guest);
        snprintf(move->from, sizeof move->from, "%s", gateway_host_name(gateway, move->source));
        snprintf(move->to, sizeof move->to, "%s", gateway_host_name(gateway, move->target));
        return true;
    }
    return false;
}

/* The options, and whether they go together. What the guest is its host knows, and judges again. */
static enum status read_options(const json_t *arguments, const char *guest,
                                struct scenario *scenario, struct problem *problem)
{
    /* A guest may have a name of its own: then its options are judged by its host alone. */
    (void)!scenario_set(scenario, "guest", guest, NULL);
    enum status status = control_get_options(arguments, "guest to bandwidth", scenario, problem);
    return status == STATUS_OK ? scenario_check_move(scenario, false, problem) : status;
}

static void make_name(char name[33])
{
    uint8_t bytes[16];

    randombytes_buf(bytes, sizeof bytes);
    sodium_bin2hex(name, 33, bytes, sizeof bytes);
}

/* Everything that can be seen here before its host is asked; what is wrong is told. */
static bool judge_migrate(struct moves *moves, const json_t *arguments, struct move *move,
                          struct move_link *link, struct door_ticket *ticket)
{
    const struct move *going = moves->is_asked ? &moves->asked : &moves->move;
    json_t *bandwidth = json_object_get(arguments, "bandwidth");
    struct problem problem = {STATUS_OK, ""};
    const char *text;
    enum status status = control_text(arguments, "guest", &text, &problem);

    if (status == STATUS_OK)
        status = control_text(arguments, "to", &text, &problem);
    if (status == STATUS_OK && moves_is_going(moves)) {
        door_refuse(moves->door, ticket, CONTROL_NOT_NOW, "%s is being moved from %s to %s: %s",
                    going->guest, going->from, going->to,
                    going->state == MOVE_ENDING ? "it is just ending: wait for `migration_ended`"
                                                : "wait for its end, or abort it");
        return false;
    }
    if (status == STATUS_OK && !find_way(moves, arguments, move, ticket))
        return false;
    if (status == STATUS_OK && bandwidth != NULL) {
        json_t *wish = json_pack("{s:O}", "bandwidth", bandwidth);
        status = read_link(wish, link, &problem);
        json_decref(wish);
    }
    if (status == STATUS_OK)
        status = read_options(arguments, move->guest, &move->scenario, &problem);
    if (status != STATUS_OK)
        door_refuse(moves->door, ticket, CONTROL_BAD_ARGUMENT, "%s", problem.text);
    return status == STATUS_OK;
}

/* For how long the old host passes on what still comes to it. */
static uint64_t tunnel_for_ns(const struct scenario *scenario)
{
    if (scenario->route != ROUTE_TUNNEL)
        return 0;
    return scenario->tunnel_for_ns == SCENARIO_NONE ? UINT64_MAX : scenario->tunnel_for_ns;
}

static void ask_source(struct moves *moves, const json_t *arguments, struct door_ticket *ticket)
{
    const struct move *move = &moves->asked;
    json_t *asked = json_deep_copy(arguments);

    json_object_del(asked, "bandwidth");
    json_object_set_new(asked, "guest", json_string(move->guest));
    json_object_set_new(asked, "to", json_string(move->to));
    json_object_set_new(asked, "address",
                        json_string(gateway_host_address(moves->gateway, move->target)));
    json_object_set_new(asked, "move", json_string(move->name));
    gateway_move_begins(moves->gateway, move->guest, move->source, move->target,
                        tunnel_for_ns(&move->scenario));
    struct errand *errand = new_errand(moves, ERRAND_MIGRATE, ticket);
    ask(errand, move->source, "migrate", asked);
    if (errand->awaited == 0)
        finish_errand(errand, NULL);
}

/* The link's bandwidth may be said with the move, and stays. */
static void migrate(struct moves *moves, const json_t *arguments, struct door_ticket *ticket)
{
    struct move move = {
        .state = MOVE_GOING, .phase = PHASE_SETUP, .commanded_ns = moves_now_ns(moves)};
    struct move_link link = moves->link;
    struct door_ticket nobody = {0};

    scenario_init(&move.scenario);
    if (!judge_migrate(moves, arguments, &move, &link, ticket)) {
        scenario_fini(&move.scenario);
        return;
    }
    if (json_object_get(arguments, "bandwidth") != NULL)
        set_link(moves, &link, new_errand(moves, ERRAND_LINK, &nobody));
    move.id = moves->last_id + 1;
    make_name(move.name);
    moves->asked = move;
    moves->is_asked = true;
    ask_source(moves, arguments, ticket);
}

/* ---- During a move ---- */

void moves_ask_source(struct moves *moves)
{
    struct door_ticket nobody = {0};
    struct errand *errand = new_errand(moves, ERRAND_LOOK, &nobody);

    errand->move_id = moves->move.id;
    ask(errand, moves->move.source, "guests", NULL);
    if (errand->awaited == 0)
        finish_errand(errand, NULL);
}

/* Handed to the source of the move that is going on. */
static void hand_to_source(struct moves *moves, const char *command, const json_t *arguments,
                           struct door_ticket *ticket)
{
    if (moves->move.state != MOVE_GOING) {
        door_refuse(moves->door, ticket, CONTROL_NOT_NOW,
                    "no guest is being moved: begin by migrate");
        return;
    }
    json_t *asked = json_deep_copy(arguments);
    json_object_set_new(asked, "guest", json_string(moves->move.guest));
    struct errand *errand = new_errand(moves, ERRAND_PLAIN, ticket);
    ask(errand, moves->move.source, command, asked);
    if (errand->awaited == 0)
        finish_errand(errand, NULL);
}

/* Limits while it goes on: text that is an option of the move, judged as far as it can be alone. */
static void set(struct moves *moves, const json_t *arguments, struct door_ticket *ticket)
{
    struct problem problem = {STATUS_OK, ""};
    enum status status =
        control_know_all(arguments,
                         "downtime-limit max-rounds total-time-limit bandwidth-limit dirty-limit "
                         "auto-converge",
                         &problem);
    struct scenario scenario;

    if (status == STATUS_OK && json_object_size(arguments) == 0)
        status = problem_set(&problem, STATUS_USAGE,
                             "nothing to set: name a limit, such as \"downtime-limit\": \"10ms\"");
    scenario_init(&scenario);
    if (status == STATUS_OK)
        status = control_get_options(arguments, "", &scenario, &problem);
    scenario_fini(&scenario);
    if (status == STATUS_OK)
        hand_to_source(moves, "set", arguments, ticket);
    else
        door_refuse(moves->door, ticket, CONTROL_BAD_ARGUMENT, "%s", problem.text);
}

/* ---- All of them ---- */

static void tell_status(struct moves *moves, struct door_ticket *ticket)
{
    json_t *status = gateway_status(moves->gateway);

    json_object_set_new(status, "migration", moves_migration_json(moves));
    json_object_set_new(status, "link", moves_link_json(moves));
    door_return(moves->door, ticket, status);
}

static void quit(struct moves *moves, struct door_ticket *ticket)
{
    struct door_ticket nobody = {0};
    struct errand *errand = new_errand(moves, ERRAND_PLAIN, &nobody);

    for (unsigned host = 1; host <= GATEWAY_HOSTS; host++)
        if (gateway_is_host_here(moves->gateway, host))
            ask(errand, host, "quit", NULL);
    if (errand->awaited == 0)
        finish_errand(errand, NULL);
    door_return(moves->door, ticket, NULL);
    moves->calls->quit(moves->owner);
}

/* A command that takes no arguments, refused where it has some. */
static bool is_plain_command(struct moves *moves, const json_t *arguments,
                             struct door_ticket *ticket)
{
    struct problem problem = {STATUS_OK, ""};

    if (control_know_all(arguments, "", &problem) == STATUS_OK)
        return true;
    door_refuse(moves->door, ticket, CONTROL_BAD_ARGUMENT, "%s", problem.text);
    return false;
}

void moves_obey(struct moves *moves, const char *name, const json_t *arguments,
                struct door_ticket *ticket)
{
    if (strcmp(name, "migrate") == 0) {
        migrate(moves, arguments, ticket);
    } else if (strcmp(name, "set") == 0) {
        set(moves, arguments, ticket);
    } else if (strcmp(name, "link") == 0) {
        change_link(moves, arguments, ticket);
    } else if (strcmp(name, "status") == 0) {
        if (is_plain_command(moves, arguments, ticket))
            tell_status(moves, ticket);
    } else if (strcmp(name, "abort") == 0 || strcmp(name, "post-copy") == 0) {
        if (is_plain_command(moves, arguments, ticket))
            hand_to_source(moves, name, arguments, ticket);
    } else if (strcmp(name, "quit") == 0) {
        if (is_plain_command(moves, arguments, ticket))
            quit(moves, ticket);
    } else {
        door_refuse(moves->door, ticket, CONTROL_UNKNOWN_COMMAND,
                    "\"%.40s\": there are abort, attach, detach, link, migrate, post-copy, quit, "
                    "set and status",
                    name);
    }
}
