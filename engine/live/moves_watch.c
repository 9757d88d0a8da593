/* Moves of which nobody says how they get on. A source tells that ten times a second: where it is here
 * and does not, it is asked, as the word of the end may have gone with a trunk, or with its process.
 * Where it is away for long, others need not wait for it. And a move that was ordered by a gateway that
 * has died since is learned of from its source: it can be seen, and given up. */
#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "live/move_text.h"
#include "live/moves_private.h"
#include "machine/hypercall.h"

#define SILENCE_NS (1 * NS_PER_S)
/* A trunk is seen to be dead within 15 s, and made anew within one. */
#define GIVEN_UP_NS (60 * NS_PER_S)

void moves_watch(struct moves *moves)
{
    struct move *move = &moves->move;
    uint64_t now_ns = moves_now_ns(moves);
    char reason[200];

    if (move->state != MOVE_GOING)
        return;
    if (gateway_is_host_here(moves->gateway, move->source)) {
        move->here_ns = now_ns;
        if (now_ns - move->heard_ns < SILENCE_NS)
            return;
        move->heard_ns = now_ns;
        moves_ask_source(moves);
        return;
    }
    move->heard_ns = now_ns; /* it has a second to say something when it is back */
    if (now_ns - move->here_ns < GIVEN_UP_NS)
        return;
    snprintf(reason, sizeof reason,
             "host %s is away for a minute: how it ended nobody can say before it is back",
             move->from);
    move->is_given_up = true;
    moves_end(moves, OUTCOME_LOST, reason);
}

static const json_t *find_entry(const json_t *list, const char *name)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        if (strcmp(control_word(json_array_get(list, i), "name", ""), name) == 0)
            return json_array_get(list, i);
    return NULL;
}

/* Its pages have all come, as far as its host has told. */
static bool is_whole_at(const struct moves *moves, const char *host, const char *guest)
{
    json_t *status = gateway_status(moves->gateway);
    const json_t *hosts = json_object_get(status, "hosts");
    const json_t *entry = find_entry(json_object_get(find_entry(hosts, host), "guests"), guest);
    bool is_whole = control_number(entry, "pages_missing", 1) == 0;

    json_decref(status);
    return is_whole;
}

void moves_judge(struct moves *moves, const json_t *guests)
{
    const struct move *move = &moves->move;
    const json_t *entry = find_entry(guests, move->guest);
    const char *name = move->guest;
    char reason[200];
    bool is_known;

    if (entry != NULL && strcmp(control_word(entry, "leaves", ""), move->name) == 0)
        return;
    if (entry != NULL && strcmp(control_word(entry, "state", ""), "running") == 0) {
        snprintf(reason, sizeof reason,
                 "host %s knows nothing of it any more: the guest is there, and runs", move->from);
        moves_end(moves, OUTCOME_ABORTED, reason);
        return;
    }
    /* Else it is lost or on its way: the gateway's own concern. */
    if (gateway_find_guest(moves->gateway, &name, &is_known) != move->target)
        return;
    snprintf(reason, sizeof reason, "host %s knows nothing of it any more: the guest is at %s",
             move->from, move->to);
    moves_end(moves, is_whole_at(moves, move->to, move->guest) ? OUTCOME_COMPLETED : OUTCOME_LOST,
              reason);
}

/* ---- Moves that somebody else has ordered ---- */

/* As far as its source's progress says what it is. */
static void describe(const json_t *data, struct scenario *scenario)
{
    uint64_t pages = control_number(data, "total_pages", 0);
    char memory[40];

    scenario_init(scenario);
    units_format(UNIT_SIZE, pages * PAGE_BYTES, memory, sizeof memory);
    (void)!scenario_set(scenario, "guest", control_word(data, "guest", ""), NULL);
    (void)!scenario_set(scenario, "memory", memory, NULL);
    (void)!scenario_set(scenario, "mode", control_word(data, "mode", ""), NULL);
}

bool moves_adopt(struct moves *moves, unsigned host, const json_t *data)
{
    const struct move *last = &moves->move;
    const char *guest = control_word(data, "guest", ""), *to = control_word(data, "to", "");
    const char *name = control_word(data, "move", "");
    unsigned target = gateway_find_host(moves->gateway, to);
    struct move move = {.state = MOVE_GOING, .source = host, .target = target};

    if (moves_is_going(moves) || !move_text_is_id(name) || *guest == '\0' ||
        strlen(guest) >= sizeof move.guest || target == 0 || target == host)
        return false;
    if (strcmp(name, last->name) == 0 && !last->is_given_up)
        return false; /* its end is known: the word of its progress was under way */
    uint64_t elapsed_ns = control_number(data, "elapsed_ns", 0);
    move.commanded_ns = moves_now_ns(moves);
    if (elapsed_ns < move.commanded_ns)
        move.commanded_ns -= elapsed_ns;
    move.id = moves->last_id + 1;
    snprintf(move.name, sizeof move.name, "%s", name);
    snprintf(move.guest, sizeof move.guest, "%s", guest);
    snprintf(move.from, sizeof move.from, "%s", gateway_host_name(moves->gateway, host));
    snprintf(move.to, sizeof move.to, "%s", to);
    describe(data, &move.scenario);
    gateway_move_begins(moves->gateway, guest, host, target, 0);
    moves_go(moves, &move);
    return true;
}
