/* Where each guest is. Hosts claim guests (trunk.h); here it is decided whom to believe, where
 * packets go, and when a guest is lost.
 *
 *      expected --claim--> present --its host is silent, or does not list it--> away --claim--> present
 *                                                                               |
 *                                         no host can have it, for a grace      +--> lost
 *
 * A guest may be in two halves, one of which dies. What is left at the other host may still run, until
 * it needs a page that nobody has any more: the move is over then, and lost, and the host is asked how
 * the guest stands; once it waits in vain, or never was whole, the host is told to forget it.
 *
 * DOC: live-routes
 *
 *   announce   packets go to the host that claims the guest, from its claim on. What was under way
 *              to the old one is dropped there; the target's streams announce themselves (stream.h),
 *              and are answered at once
 *   tunnel     packets still go to the old host, which puts them into the migration's stream, for as
 *              long as was asked or until it is gone. Answers come from the new host directly, and
 *              who comes later talks to it directly
 */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "live/gateway_private.h"

#define NEVER UINT64_MAX
/* Two trunks are not in step: for so long an old claim may stand beside a new one. */
#define RIVALS_GRACE_NS (1000 * 1000000ull)
/* As long as a move's source may be away (moves_watch.c). */
#define LEFT_WAITING_NS (60 * NS_PER_S)

/* ---- Places ---- */

static void empty_place(struct gateway *gateway, struct gateway_guest *guest)
{
    memset(guest, 0, offsetof(struct gateway_guest, clients));
    guest->gateway = gateway;
    guest->route_until_ns = guest->missing_since_ns = guest->rivals_since_ns = NEVER;
    guest->orphan_look_ns = guest->left_since_ns = NEVER;
}

void gateway_guests_init(struct gateway *gateway)
{
    for (unsigned i = 0; i < GATEWAY_GUESTS; i++) {
        empty_place(gateway, &gateway->guests[i]);
        gateway_clients_init(&gateway->guests[i]);
    }
    gateway->guest_count = 1; /* the first has no name yet: it is whichever comes first */
}

struct gateway_guest *gateway_guest_named(struct gateway *gateway, const char *name)
{
    for (unsigned i = 0; i < gateway->guest_count; i++)
        if (strcmp(gateway->guests[i].name, name) == 0)
            return &gateway->guests[i];
    return NULL;
}

static const struct host_claim *claim_of(const struct gateway_host *host,
                                         const struct gateway_guest *guest)
{
    for (unsigned i = 0; i < host->claim_count; i++)
        if (strcmp(host->claims[i].name, guest->name) == 0)
            return &host->claims[i];
    return NULL;
}

static bool is_word(const struct host_claim *claim, const char *state)
{
    return claim != NULL && strcmp(claim->state, state) == 0;
}

/* As much as a half of it: more than the word that it is no more. */
static bool is_something(const struct host_claim *claim)
{
    return claim != NULL && !is_word(claim, "ended") && !is_word(claim, "lost");
}

/* It is no more, or never came, and neither a host nor a listener has a use for its name. */
static bool is_place_free(const struct gateway_guest *guest)
{
    if (guest->name[0] == '\0')
        return true;
    if (guest->is_named || guest->state == GUEST_PRESENT || guest->state == GUEST_AWAY)
        return false;
    for (unsigned i = 0; i < GATEWAY_HOSTS; i++)
        if (is_something(claim_of(&guest->gateway->hosts[i], guest)))
            return false;
    return true;
}

/* From that place on; NULL: there is none. */
static struct gateway_guest *new_guest(struct gateway *gateway, unsigned from, const char *name)
{
    unsigned place = from;

    while (place < gateway->guest_count && !is_place_free(&gateway->guests[place]))
        place++;
    if (place == GATEWAY_GUESTS)
        return NULL;
    if (place == gateway->guest_count)
        gateway->guest_count++;
    struct gateway_guest *guest = &gateway->guests[place];
    empty_place(gateway, guest);
    snprintf(guest->name, sizeof guest->name, "%s", name);
    return guest;
}

/* The first place is kept for whoever comes without having been spoken of, unless each has been. */
struct gateway_guest *gateway_guest_expected(struct gateway *gateway, const char *name)
{
    struct gateway_guest *guest = gateway_guest_named(gateway, name);
    bool is_first_kept = false;

    for (unsigned i = 0; i < gateway->listener_count; i++)
        is_first_kept |= gateway->listeners[i].guest == &gateway->guests[0];
    if (guest == NULL)
        guest = new_guest(gateway, 1, name);
    if (guest == NULL && !is_first_kept)
        guest = new_guest(gateway, 0, name);
    if (guest != NULL)
        guest->is_named = true;
    return guest;
}

/* What a host says of a guest does not count, for that reason: told once for each of its trunks. */
static void refuse_claim(struct gateway_host *host, const char *guest, const char *reason)
{
    if (!host->is_refusal_told)
        gateway_tell(
            host->gateway, 0, "claim_refused",
            json_pack("{s:s, s:s, s:s}", "guest", guest, "host", host->name, "reason", reason));
    host->is_refusal_told = true;
}

static void meet(struct gateway_host *host, const struct host_claim *claim)
{
    if (is_something(claim) && gateway_guest_named(host->gateway, claim->name) == NULL &&
        new_guest(host->gateway, 0, claim->name) == NULL)
        refuse_claim(host, claim->name, "this gateway has no place for one more guest");
}

/* ---- Whom to believe ---- */

/* What the hosts say of a guest, all taken together. */
struct opinion {
    struct gateway_host *best;  /* that claims it; NULL: none does */
    struct gateway_host *rival; /* that claims it too */
    uint64_t move_count;        /* of the best */
    uint16_t port;
    struct gateway_host *incredible; /* it claims it, and that cannot be */
    bool
        is_somewhere; /* a host may have it, or half of it: one that is here or that is not heard */
    bool is_ended, is_lost; /* and so says who had it */
};

/* Of two claims the later is right; where nothing else tells which, a move that was ordered does. */
static bool is_better(const struct gateway_guest *guest, const struct gateway_host *host,
                      const struct host_claim *claim, const struct opinion *opinion)
{
    if (opinion->best == NULL || claim->move_count != opinion->move_count)
        return opinion->best == NULL || claim->move_count > opinion->move_count;
    if (guest->is_moving && (host == guest->target || opinion->best == guest->target))
        return host == guest->target;
    return host == guest->home;
}

/* Nobody gets ahead of where the guest is known to be by more than one move: the one that was ordered, or
 * that was going on when this gateway came. Of a guest that it knows nothing of, or that is no more, it
 * believes whoever has it. */
static bool is_incredible(const struct gateway_guest *guest, const struct host_claim *claim)
{
    bool is_known = guest->state == GUEST_PRESENT || guest->state == GUEST_AWAY;
    return is_known && claim->is_claim && claim->move_count > guest->move_count + 1;
}

static void weigh(const struct gateway_guest *guest, struct gateway_host *host,
                  struct opinion *opinion)
{
    const struct host_claim *claim = claim_of(host, guest);

    opinion->is_somewhere |= is_something(claim);
    if (host->trunk == NULL || !claim->is_claim)
        return;
    if (is_better(guest, host, claim, opinion)) {
        opinion->rival = opinion->best;
        opinion->best = host;
        opinion->move_count = claim->move_count;
        opinion->port = claim->port;
    } else {
        opinion->rival = host;
    }
}

static bool is_party(const struct gateway_guest *guest, const struct gateway_host *host)
{
    return guest->is_moving && (guest->source == host || guest->target == host);
}

/* Its last word is old, or it has not had time for one. */
static bool may_have_more(const struct gateway_guest *guest, const struct gateway_host *host)
{
    return host->trunk == NULL && !host->is_gone && is_party(guest, host);
}

static struct opinion ask_around(const struct gateway_guest *guest)
{
    struct opinion opinion = {0};

    for (unsigned i = 0; i < GATEWAY_HOSTS; i++) {
        struct gateway_host *host = &guest->gateway->hosts[i];
        const struct host_claim *claim = claim_of(host, guest);
        opinion.is_somewhere |= may_have_more(guest, host);
        if (host->name[0] == '\0' || host->is_gone || claim == NULL)
            continue;
        opinion.is_ended |= is_word(claim, "ended");
        opinion.is_lost |= is_word(claim, "lost");
        if (!is_incredible(guest, claim))
            weigh(guest, host, &opinion);
        else if (host->trunk != NULL)
            opinion.incredible = host;
    }
    if (opinion.incredible != NULL && !opinion.is_somewhere) { /* rather that than no guest */
        weigh(guest, opinion.incredible, &opinion);
        opinion.incredible = NULL;
    }
    return opinion;
}

/* ---- Coming and going ---- */

static uint64_t role_of(const struct gateway_guest *guest, const struct gateway_host *host)
{
    return host == guest->target ? HOST_TARGET : HOST_SOURCE;
}

static void route_to(struct gateway_guest *guest, struct gateway_host *host, bool is_to_announce)
{
    struct gateway_host *before = guest->route;

    guest->route = host;
    guest->route_until_ns = NEVER;
    unsigned streams = gateway_clients_route(guest, is_to_announce);
    if (host == NULL || before == host)
        return;
    gateway_happen(
        guest->gateway,
        (struct event){.kind = EVENT_STREAMS_REHOMED,
                       .at_ns = gateway_now_ns(),
                       .streams_rehomed = {.streams = streams, .host = role_of(guest, host)}});
}

/* What is left of the order for one is used up. The end of the move may have been told before. */
static bool take_tunnel(struct gateway_guest *guest, const struct gateway_host *host)
{
    uint64_t tunnel_for_ns = guest->tunnel_for_ns;

    if (host != guest->target || tunnel_for_ns == 0)
        return false;
    guest->tunnel_for_ns = 0;
    if (guest->source->trunk == NULL)
        return false;
    guest->route = guest->source;
    guest->route_until_ns = tunnel_for_ns == NEVER ? NEVER : gateway_now_ns() + tunnel_for_ns;
    gateway_clients_route(guest, false); /* callers: these go to where the guest is */
    return true;
}

/* The guest is at that host. */
static void settle(struct gateway_guest *guest, const struct opinion *opinion)
{
    struct gateway_host *host = opinion->best;
    bool was_silent = guest->state == GUEST_AWAY && guest->last_home == host;

    guest->move_count = opinion->move_count;
    guest->missing_since_ns = NEVER;
    if (opinion->port != 0)
        guest->port = opinion->port;
    if (guest->home == host)
        return;
    guest->state = GUEST_PRESENT;
    guest->home = guest->last_home = host;
    /* A trunk that broke has lost what was on it, and neither end of a stream knows. */
    if (!take_tunnel(guest, host))
        route_to(guest, host, was_silent);
}

/* Whoever comes by that name is another. */
static void be_no_more(struct gateway_guest *guest, enum guest_state state)
{
    guest->state = state;
    guest->tunnel_for_ns = 0;
    gateway_clients_hang_up(guest);
}

static void be_lost(struct gateway_guest *guest, const char *reason)
{
    snprintf(guest->why_lost, sizeof guest->why_lost, "%s", reason);
    guest->missing_since_ns = NEVER;
    if (guest->is_moving)
        gateway_happen(guest->gateway, (struct event){.kind = EVENT_MIGRATION_ENDED,
                                                      .at_ns = gateway_now_ns(),
                                                      .migration_ended = {OUTCOME_LOST}});
    guest->is_moving = false;
    be_no_more(guest, GUEST_LOST);
    gateway_tell(guest->gateway, 0, "guest_lost",
                 json_pack("{s:s, s:s}", "guest", guest->name, "reason", reason));
}

static void be_missed(struct gateway_guest *guest)
{
    be_lost(guest, guest->last_home != NULL && guest->last_home->is_gone
                       ? "the host that had it has ended, and no other has it"
                       : "no host has it any more");
}

/* That it is lost a host says that ends, of all that it has. */
static void be_lost_in_order(struct gateway_guest *guest)
{
    char reason[100];

    snprintf(reason, sizeof reason, "host %s has ended", guest->last_home->name);
    be_lost(guest, reason);
}

static void leave_home(struct gateway_guest *guest)
{
    guest->home = guest->route = NULL;
    guest->route_until_ns = NEVER;
    if (guest->state == GUEST_PRESENT)
        guest->state = GUEST_AWAY;
}

static void look_for_rivals(struct gateway_guest *guest, const struct opinion *opinion)
{
    if (opinion->rival == NULL) {
        guest->rivals_since_ns = NEVER;
        guest->are_rivals_told = false;
        return;
    }
    if (guest->rivals_since_ns == NEVER)
        guest->rivals_since_ns = gateway_now_ns();
    if (guest->are_rivals_told || gateway_now_ns() - guest->rivals_since_ns < RIVALS_GRACE_NS)
        return;
    guest->are_rivals_told = true;
    gateway_tell(guest->gateway, 0, "two_runners",
                 json_pack("{s:s, s:[s, s]}", "guest", guest->name, "hosts", opinion->best->name,
                           opinion->rival->name));
}

static void look(struct gateway_guest *guest)
{
    struct opinion opinion = ask_around(guest);

    look_for_rivals(guest, &opinion);
    if (opinion.incredible != NULL)
        refuse_claim(opinion.incredible, guest->name,
                     "it says that the guest has moved more often than it was ordered to");
    if (guest->route != NULL && guest->route != guest->home && guest->route->trunk == NULL)
        route_to(guest, guest->home, true); /* the tunnel's entrance is gone */
    if (opinion.best != NULL) {
        settle(guest, &opinion);
        return;
    }
    if (guest->state == GUEST_EXPECTED || guest->state == GUEST_LOST || guest->state == GUEST_OVER)
        return;
    leave_home(guest);
    if (opinion.is_somewhere) {
        guest->missing_since_ns = NEVER;
    } else if (opinion.is_ended) {
        be_no_more(guest, GUEST_OVER);
    } else if (opinion.is_lost) {
        be_lost_in_order(guest);
    } else if (guest->missing_since_ns == NEVER) {
        guest->missing_since_ns = gateway_now_ns();
    }
}

void gateway_guests_look(struct gateway *gateway)
{
    for (unsigned i = 0; i < GATEWAY_HOSTS; i++)
        for (unsigned j = 0; j < gateway->hosts[i].claim_count; j++)
            meet(&gateway->hosts[i], &gateway->hosts[i].claims[j]);
    for (unsigned i = 0; i < gateway->guest_count; i++)
        look(&gateway->guests[i]);
}

/* ---- Halves ---- */

void gateway_guests_bereave(const struct gateway_host *host)
{
    for (unsigned i = 0; i < host->gateway->guest_count; i++) {
        struct gateway_guest *guest = &host->gateway->guests[i];
        if (guest->source == host)
            guest->tunnel_for_ns = 0; /* its entrance is gone */
        if (!is_party(guest, host) && claim_of(host, guest) == NULL)
            continue;
        guest->orphan_look_ns = gateway_now_ns() + GATEWAY_GRACE_NS;
        guest->is_orphan_asked = false;
        snprintf(guest->orphan_of, sizeof guest->orphan_of, "%s", host->name);
    }
}

/* Where a move goes on its other half may still come to something. */
void gateway_guests_part(const struct gateway_host *host)
{
    gateway_guests_look(host->gateway);
    for (unsigned i = 0; i < host->gateway->guest_count; i++) {
        struct gateway_guest *guest = &host->gateway->guests[i];
        if (guest->last_home == host && guest->missing_since_ns != NEVER && !guest->is_moving)
            be_missed(guest);
    }
}

/* Nothing of what a host has of it is of any use any more. */
static bool is_useless(const struct host_claim *claim)
{
    return !claim->is_claim || (is_word(claim, "waiting") && claim->pages_missing > 0);
}

/* Gives `reason` up. */
static void tell_to_forget(struct gateway_guest *guest, const struct gateway_host *host,
                           json_t *reason)
{
    (void)gateway_ask(guest->gateway, host->number, "forget",
                      json_pack("{s:s, s:o}", "guest", guest->name, "reason", reason), NULL, NULL);
}

/* It will never be whole; whoever waits for the end of its move need not. */
static void end_move(struct gateway_guest *guest, const struct gateway_host *host)
{
    json_t *reason =
        json_sprintf("host %s has ended, and with it the rest of the guest's pages: at "
                     "%s it runs until it needs one of them",
                     guest->orphan_of, host->name);
    if (guest->is_moving)
        gateway_tell(guest->gateway, 0, "migration_ended",
                     json_pack("{s:s, s:s, s:O}", "guest", guest->name, "outcome",
                               outcome_name(OUTCOME_LOST), "reason", reason));
    json_decref(reason);
    guest->is_moving = false;
}

/* Asks first, and judges by the answers in the next turn. Who is away is looked at when it is back. */
static void look_after_orphan(struct gateway_guest *guest)
{
    bool is_anywhere = false;

    for (unsigned i = 0; i < GATEWAY_HOSTS; i++) {
        struct gateway_host *host = &guest->gateway->hosts[i];
        const struct host_claim *claim = claim_of(host, guest);
        bool is_half = is_something(claim) && (!claim->is_claim || claim->pages_missing > 0);
        is_anywhere |= is_half || may_have_more(guest, host);
        if (host->trunk == NULL || !is_half)
            continue;
        if (guest->is_orphan_asked && is_useless(claim))
            tell_to_forget(
                guest, host,
                json_sprintf("host %s has ended, and with it the rest of the guest's pages",
                             guest->orphan_of));
        else if (guest->is_orphan_asked)
            end_move(guest, host);
        gateway_host_ask_guests(host);
    }
    guest->is_orphan_asked = !guest->is_orphan_asked;
    guest->orphan_look_ns = is_anywhere ? gateway_now_ns() + GATEWAY_GRACE_NS : NEVER;
}

/* It waits for pages, and no host that is known may have them. */
static bool is_left_waiting(const struct gateway_guest *guest)
{
    const struct host_claim *claim = guest->home != NULL ? claim_of(guest->home, guest) : NULL;

    if (!is_word(claim, "waiting") || claim->pages_missing == 0)
        return false;
    for (unsigned i = 0; i < GATEWAY_HOSTS; i++) {
        const struct gateway_host *host = &guest->gateway->hosts[i];
        if (host != guest->home &&
            (is_something(claim_of(host, guest)) || may_have_more(guest, host)))
            return false;
    }
    return true;
}

/* Whose host has died before this gateway came, or was never heard here, is nobody's orphan: that it
 * waits for nothing is known by nothing but that nobody comes. */
static void look_after_left(struct gateway_guest *guest, uint64_t now_ns)
{
    if (!is_left_waiting(guest)) {
        guest->left_since_ns = NEVER;
        return;
    }
    uint64_t pages = claim_of(guest->home, guest)->pages_missing;
    bool is_as_before = guest->left_since_ns != NEVER && pages == guest->left_pages;
    if (is_as_before && now_ns - guest->left_since_ns < LEFT_WAITING_NS)
        return;
    if (is_as_before)
        tell_to_forget(guest, guest->home,
                       json_string("for a minute no host has come with the rest of its pages"));
    guest->left_since_ns = now_ns;
    guest->left_pages = pages;
}

void gateway_guests_watch(struct gateway *gateway)
{
    gateway_guests_look(gateway);
    uint64_t now_ns = gateway_now_ns(); /* nobody is missed since later than that */
    for (unsigned i = 0; i < gateway->guest_count; i++) {
        struct gateway_guest *guest = &gateway->guests[i];
        if (guest->orphan_look_ns <= now_ns)
            look_after_orphan(guest);
        look_after_left(guest, now_ns);
        if (guest->missing_since_ns != NEVER &&
            now_ns - guest->missing_since_ns >= GATEWAY_GRACE_NS)
            be_missed(guest);
    }
}

void gateway_guests_due(struct gateway *gateway, uint64_t now_ns)
{
    for (unsigned i = 0; i < gateway->guest_count; i++) {
        struct gateway_guest *guest = &gateway->guests[i];
        if (guest->route_until_ns <= now_ns)
            route_to(guest, guest->home, true);
        gateway_clients_due(guest, now_ns);
    }
}

/* ---- For the door ---- */

void gateway_move_begins(struct gateway *gateway, const char *name, unsigned source,
                         unsigned target, uint64_t tunnel_for_ns)
{
    struct gateway_guest *guest = gateway_guest_named(gateway, name);

    if (guest == NULL || source == 0 || target == 0)
        return;
    if (guest->route != guest->home)
        route_to(guest, guest->home, true); /* an older move's tunnel */
    guest->is_moving = true;
    guest->orphan_look_ns = NEVER;
    guest->source = &gateway->hosts[source - 1];
    guest->target = &gateway->hosts[target - 1];
    guest->tunnel_for_ns = tunnel_for_ns;
}

void gateway_move_ends(struct gateway *gateway, const char *name)
{
    struct gateway_guest *guest = gateway_guest_named(gateway, name);
    if (guest != NULL)
        guest->is_moving = false;
}

/* The one of that name; without one the only one that is not over, else the only one there was. */
static const struct gateway_guest *find_guest(const struct gateway *gateway, const char *name)
{
    const struct gateway_guest *found[2] = {NULL, NULL}; /* over, and not */
    unsigned counts[2] = {0, 0};

    for (unsigned i = 0; i < gateway->guest_count; i++) {
        const struct gateway_guest *guest = &gateway->guests[i];
        bool is_over = guest->state == GUEST_LOST || guest->state == GUEST_OVER;
        if (guest->state == GUEST_EXPECTED || (name != NULL && strcmp(guest->name, name) != 0))
            continue;
        found[!is_over] = guest;
        counts[!is_over]++;
    }
    if (counts[true] > 0)
        return counts[true] == 1 ? found[true] : NULL;
    return counts[false] == 1 ? found[false] : NULL;
}

unsigned gateway_find_guest(const struct gateway *gateway, const char **name, bool *is_known)
{
    const struct gateway_guest *found = find_guest(gateway, *name);

    *is_known = found != NULL;
    if (found == NULL)
        return 0;
    *name = found->name;
    return found->home != NULL ? found->home->number : 0;
}

const char *gateway_guest_end(const struct gateway *gateway, const char *name)
{
    const struct gateway_guest *found = find_guest(gateway, name);

    if (found == NULL)
        return NULL;
    return found->state == GUEST_OVER ? "has ended" : found->state == GUEST_LOST ? "is lost" : NULL;
}

json_t *gateway_guests_lost(const struct gateway *gateway)
{
    json_t *lost = json_array();

    for (unsigned i = 0; i < gateway->guest_count; i++)
        if (gateway->guests[i].state == GUEST_LOST)
            json_array_append_new(lost, json_pack("{s:s, s:s}", "guest", gateway->guests[i].name,
                                                  "reason", gateway->guests[i].why_lost));
    return lost;
}

const char *gateway_guest_word(const struct gateway_guest *guest)
{
    switch (guest->state) {
    case GUEST_AWAY:
        return "unknown";
    case GUEST_LOST:
        return "lost";
    default:
        return NULL;
    }
}
