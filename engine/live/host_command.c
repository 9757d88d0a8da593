/* What the gateway tells a host to do: each command is judged whole before anything of it is begun,
 * and answered at once. README.md of this folder, "Control protocol", has them all. */
#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "live/host_private.h"

/* ---- The guests here, as the gateway is told of them ---- */

static json_t *ports_of(const struct resident *resident)
{
    json_t *ports = json_array();

    if (scenario_is_model(&resident->scenario))
        return ports;
    const struct mailbox *mailbox = machine_mailbox(resident->guest);
    for (unsigned i = 0; i < MAILBOX_PORTS; i++)
        if (mailbox->ports[i] != 0)
            json_array_append_new(ports, json_integer(mailbox->ports[i]));
    return ports;
}

json_t *host_claims(const struct host *host)
{
    json_t *guests = json_array();

    for (uint32_t i = 0; i < HOST_GUESTS; i++) {
        const struct resident *resident = &host->residents[i];
        const struct guest *guest = resident->guest;
        if (guest == NULL)
            continue;
        const char *leaves =
            resident->out != NULL && resident->out->over_ns == 0 ? resident->out->id : NULL;
        json_array_append_new(
            guests, json_pack("{s:s, s:s*, s:s, s:I, s:I, s:I, s:I, s:o}", "name", resident->name,
                              "leaves", leaves, "state", resident_state(resident), "memory_bytes",
                              (json_int_t)(guest->total_pages * PAGE_BYTES), "harts",
                              (json_int_t)resident->scenario.hart_count, "pages_missing",
                              (json_int_t)(guest->total_pages - guest->present.set_count), "moves",
                              (json_int_t)resident->moves, "ports", ports_of(resident)));
    }
    return guests;
}

/* ---- Arguments ---- */

/* Those that are none of `own` ("guest to") are the move's. */
static enum status set_options(struct scenario *scenario, const json_t *arguments, const char *own,
                               struct problem *problem)
{
    enum status status = control_get_options(arguments, own, scenario, problem);

    if (status == STATUS_OK)
        status = scenario_check_move(scenario, true, problem);
    return status == STATUS_OK ? host_can(scenario, problem) : status;
}

static struct resident *find_guest(struct host *host, const json_t *arguments,
                                   struct problem *problem)
{
    const char *name = control_word(arguments, "guest", NULL);
    struct resident *resident = host_find_resident(host, name);

    if (resident == NULL)
        (void)!problem_set(problem, STATUS_NO_FILE, "%.60s: there is no such guest at this host",
                           name == NULL ? "guest" : name);
    return resident;
}

/* The move that takes the guest away; NULL, with the reason. */
static struct move *find_departure(struct host *host, const json_t *arguments,
                                   struct problem *problem)
{
    struct resident *resident = find_guest(host, arguments, problem);

    if (resident != NULL && (resident->out == NULL || resident->out->over_ns != 0))
        (void)!problem_set(problem, STATUS_REFUSED, "%s is not being moved from here",
                           resident->name);
    return resident == NULL || resident->out == NULL || resident->out->over_ns != 0 ? NULL
                                                                                    : resident->out;
}

/* ---- The commands: each returns what is answered, or NULL with a problem ---- */

/* Only what describes the guest: how it was moved last is no matter of the next move. */
static void copy_guest(struct scenario *to, const struct scenario *from)
{
    char value[sizeof from->guest];

    scenario_init(to);
    for (uint32_t i = 0; i < scenario_option_count(); i++) {
        const char *key = scenario_option(i)->key;
        bool is_guest = scenario_part(i) == PART_GUEST || strcmp(key, "seed") == 0;
        if (!is_guest || (from->given >> i & 1) == 0)
            continue;
        if (strcmp(key, "args") == 0) { /* they may be longer than a value, and hold anything */
            bytes_put(&to->arguments, from->arguments.data, from->arguments.count);
            to->given |= 1ull << i;
            continue;
        }
        scenario_get(from, i, value, sizeof value);
        enum status status = scenario_set(to, key, value, NULL);
        MUST(status == STATUS_OK);
    }
}

static json_t *migrate(struct host *host, const json_t *arguments, struct problem *problem)
{
    struct resident *resident = find_guest(host, arguments, problem);
    const char *id = control_word(arguments, "move", "");
    const char *to = control_word(arguments, "to", "");
    const char *address = control_word(arguments, "address", "");
    struct scenario scenario;
    struct bytes text = {0};
    json_t *answer = NULL;

    if (resident == NULL)
        return NULL;
    if (!move_text_is_id(id) || *address == '\0' ||
        strlen(address) >= sizeof host->moves->address || strlen(to) >= sizeof host->moves->to) {
        (void)!problem_set(problem, STATUS_USAGE,
                           "migrate needs `move` (32 hexadecimal digits), `to` and `address`");
        return NULL;
    }
    copy_guest(&scenario, &resident->scenario);
    if (set_options(&scenario, arguments, "guest to address move", problem) == STATUS_OK &&
        departure_begin(resident, &scenario, id, to, address, problem) == STATUS_OK) {
        scenario_text(&scenario, &text);
        answer = json_pack("{s:s}", "scenario", (const char *)text.data);
        bytes_fini(&text);
    }
    scenario_fini(&scenario);
    return answer;
}

static json_t *abort_move(struct host *host, const json_t *arguments, struct problem *problem)
{
    struct move *move = find_departure(host, arguments, problem);

    if (move == NULL)
        return NULL;
    if (departure_abort(move, "given up on request"))
        return json_object();
    (void)!problem_set(problem, STATUS_REFUSED,
                       "the guest is handed over already (phase %s): the move can only go on",
                       phase_name(move->source.phase));
    return NULL;
}

static json_t *switch_move(struct host *host, const json_t *arguments, struct problem *problem)
{
    struct move *move = find_departure(host, arguments, problem);

    if (move == NULL)
        return NULL;
    if (departure_switch(move))
        return json_object();
    (void)!problem_set(problem, STATUS_REFUSED,
                       "in phase %s there is nothing to switch: post-copy begins while pages are "
                       "copied",
                       phase_name(move->source.phase));
    return NULL;
}

/* Limits that may change while the move goes on. */
static json_t *set_limits(struct host *host, const json_t *arguments, struct problem *problem)
{
    struct move *move = find_departure(host, arguments, problem);
    struct scenario scenario;

    if (move == NULL)
        return NULL;
    if (json_object_get(arguments, "fault-throttle") != NULL) {
        (void)!problem_set(problem, STATUS_USAGE,
                           "fault-throttle: the target is told when a move begins: give it to "
                           "migrate");
        return NULL;
    }
    scenario_copy(&scenario, &move->scenario);
    if (set_options(&scenario, arguments, "guest", problem) != STATUS_OK) {
        scenario_fini(&scenario);
        return NULL;
    }
    scenario_fini(&move->scenario);
    move->scenario = scenario;
    departure_set_limits(move);
    return json_object();
}

static json_t *set_link(struct host *host, const json_t *arguments, struct problem *problem)
{
    const char *bandwidth = control_word(arguments, "bandwidth", NULL);
    const char *state = control_word(arguments, "state", NULL);
    const char *latency = control_word(arguments, "latency", NULL);
    uint64_t bits_per_s = 0, latency_ns = 0;

    if (control_know_all(arguments, "bandwidth latency state", problem) != STATUS_OK)
        return NULL;
    if (bandwidth != NULL && strcmp(bandwidth, "none") != 0 &&
        units_parse(UNIT_BANDWIDTH, bandwidth, &bits_per_s, problem) != STATUS_OK)
        return NULL;
    if (latency != NULL && strcmp(latency, "none") != 0 &&
        units_parse(UNIT_TIME, latency, &latency_ns, problem) != STATUS_OK)
        return NULL;
    if (latency_ns > TRUNK_LATENCY_MAX_NS) {
        (void)!problem_set(problem, STATUS_USAGE, "latency: %s is more than 2s", latency);
        return NULL;
    }
    if (state != NULL && strcmp(state, "cut") != 0 && strcmp(state, "mended") != 0) {
        (void)!problem_set(problem, STATUS_USAGE, "state: %.40s: it is cut or mended", state);
        return NULL;
    }
    json_object_update(host->link, (json_t *)arguments);
    if (bandwidth != NULL)
        move_set_rate(host, bits_per_s);
    if (latency != NULL)
        host->latency_ns = latency_ns;
    if (state != NULL)
        move_cut(host, strcmp(state, "cut") == 0);
    return json_object();
}

/* A half of a move whose other half is known to be gone for good. */
static json_t *forget(struct host *host, const json_t *arguments, struct problem *problem)
{
    struct resident *resident = find_guest(host, arguments, problem);
    const char *reason = control_word(arguments, "reason", "its other half is gone");

    if (resident == NULL)
        return NULL;
    if (resident_is_here(resident) && !resident->is_stuck) {
        (void)!problem_set(problem, STATUS_REFUSED, "%s runs here: it is not forgotten",
                           resident->name);
        return NULL;
    }
    struct move *move = resident->out != NULL ? resident->out : resident->in;
    if (move != NULL)
        move_forget(move, uv_hrtime(), reason);
    return json_object();
}

static json_t *tell_clock(struct host *host, const json_t *arguments, struct problem *problem)
{
    (void)arguments;
    (void)problem;
    host->trunk.asked_ns = uv_hrtime();
    return json_pack("{s:I}", "now_ns", (json_int_t)host->trunk.asked_ns);
}

static json_t *tell_guests(struct host *host, const json_t *arguments, struct problem *problem)
{
    (void)arguments;
    (void)problem;
    return host_claims(host);
}

static json_t *quit(struct host *host, const json_t *arguments, struct problem *problem)
{
    (void)arguments;
    (void)problem;
    if (host->calls->quit != NULL)
        host->calls->quit(host->owner);
    return json_object();
}

static const struct {
    const char *name;
    json_t *(*obey)(struct host *host, const json_t *arguments, struct problem *problem);
} commands[] = {
    {"clock", tell_clock}, {"guests", tell_guests},    {"migrate", migrate},
    {"abort", abort_move}, {"post-copy", switch_move}, {"set", set_limits},
    {"link", set_link},    {"forget", forget},         {"quit", quit},
};

static enum control_error error_of(enum status status)
{
    return status == STATUS_REFUSED   ? CONTROL_NOT_NOW
           : status == STATUS_NO_FILE ? CONTROL_NO_SUCH_GUEST
                                      : CONTROL_BAD_ARGUMENT;
}

void host_obey(struct host *host, const struct control_message *message)
{
    struct problem problem = {STATUS_OK, ""};

    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(message->name, commands[i].name) != 0)
            continue;
        json_t *answer = commands[i].obey(host, message->data, &problem);
        if (answer != NULL)
            trunk_answer(host, control_return(answer, message->id));
        else
            trunk_answer(host,
                         control_refusal(error_of(problem.status), problem.text, message->id));
        return;
    }
    trunk_answer(host, control_refusal(CONTROL_UNKNOWN_COMMAND, "a host does not know that command",
                                       message->id));
}
