/* What goes wrong: the plan's faults begin and end, connections break and are made anew, hosts
 * crash. The two ends of the move are told what a real host would see, and no more; what became of
 * the guest is for the world to say, which knows both. */
#include <stdio.h>

#include "base/units.h"
#include "scenario/ends.h"
#include "sim/world_private.h"

/* So often a connection is made on which nothing arrives that can be read, and so long the last of
 * these waits. A link that carries a page now and then is tried for ever. */
#define TRIES_MAX    16
#define TRY_AGAIN_NS (1 * NS_PER_MS)
#define TRY_LATER_NS (128 * NS_PER_MS)

/* A connection on which an answer is owed and nothing moves for so long is given up. */
#define SILENCE_NS (200 * NS_PER_MS)

/* The stream of random numbers for what is corrupted: no other user of the seed is shifted. */
#define PRNG_CORRUPTION 7

void world_plan_faults(struct world *world)
{
    struct failures *failures = &world->failures;
    enum status status = fault_parse(world->scenario.fault, &failures->plan, NULL);
    MUST(status == STATUS_OK); /* the scenario has been checked */

    failures->prng = prng_make(world->scenario.seed, PRNG_CORRUPTION);
    for (uint32_t i = 0; i < failures->plan.count; i++) {
        const struct planned_fault *fault = &failures->plan.faults[i];
        if (fault->when == FAULT_AT_INSTANT)
            world_happen(world, fault->at_ns, HAPPEN_FAULT, i, 0);
        if (fault->when == FAULT_AT_PHASE && fault->phase < PHASE_HAND_OVER)
            world->source.config.halt_at |= 1u << fault->phase;
    }
}

uint64_t world_fault_begun_ns(const struct world *world, uint32_t idx)
{
    MUST(idx < world->failures.plan.count);
    return world->failures.has_begun[idx] ? world->failures.begun_ns[idx] : WORLD_NEVER;
}

bool world_may_run(const struct world *world, uint32_t host)
{
    const struct failures *failures = &world->failures;
    if (failures->has_crashed[host] || failures->is_guest_lost)
        return false;
    return host == HOST_SOURCE ? !source_wants_pause(&world->source)
                               : target_is_running(&world->target);
}

/* ---- Connections ---- */

static bool is_active(const struct failures *failures, enum fault_kind kind, bool is_for_good)
{
    for (uint32_t i = 0; i < failures->plan.count; i++)
        if (failures->is_active[i] && failures->plan.faults[i].kind == kind &&
            (!is_for_good || failures->plan.faults[i].duration_ns == FAULT_FOR_GOOD))
            return true;
    return false;
}

static bool has_any_crashed(const struct failures *failures)
{
    return failures->has_crashed[HOST_SOURCE] || failures->has_crashed[HOST_TARGET];
}

static bool can_connect(const struct failures *failures)
{
    return !has_any_crashed(failures) && !is_active(failures, FAULT_KIND_CUT, false) &&
           !failures->is_cut_by_hand;
}

/* No connection will ever be made again. */
static bool is_hopeless(const struct failures *failures)
{
    return has_any_crashed(failures) || is_active(failures, FAULT_KIND_CUT, true) ||
           failures->tries > TRIES_MAX;
}

/* A move that waits for a connection which will never come is over. */
static void settle(struct world *world)
{
    if (world->source.phase == PHASE_LINK_LOST && is_hopeless(&world->failures))
        world_schedule_end(world);
}

/* Both ends are told at once, as by a reset; nothing of what is under way arrives. */
static void disconnect(struct world *world, const char *reason)
{
    struct failures *failures = &world->failures;
    enum phase before = world->source.phase;

    if (!failures->is_connected)
        return;
    failures->is_connected = false;
    failures->connection_idx++;
    for (uint32_t host = 0; host < HOST_COUNT; host++) {
        link_cut(&world->links[host], world->now_ns);
        world->is_link_busy[host] = false;
    }
    if (!failures->has_crashed[HOST_TARGET])
        target_disconnected(&world->target);
    if (failures->has_crashed[HOST_SOURCE])
        return;
    source_disconnected(&world->source, world->now_ns, reason);
    world_reap_source(world, before);
}

/* The ends shake hands: a round trip, and where the last connections were in vain a while more. */
static void connect_soon(struct world *world)
{
    struct failures *failures = &world->failures;
    uint64_t wait_ns = world->links[HOST_SOURCE].latency_ns + world->links[HOST_TARGET].latency_ns;
    uint64_t pages = world->hosts[HOST_TARGET].guest->present.set_count;

    if (pages > failures->pages_at_last_try)
        failures->tries = 0;
    failures->pages_at_last_try = pages;
    if (failures->tries > 0) {
        uint64_t later_ns = TRY_AGAIN_NS << (failures->tries - 1);
        wait_ns += later_ns < TRY_LATER_NS ? later_ns : TRY_LATER_NS;
    }
    failures->tries++;
    if (!can_connect(failures) || is_hopeless(failures))
        return;
    world_happen(world, world->now_ns + wait_ns, HAPPEN_CONNECT, 0, ++failures->connection_idx);
}

void world_connect(struct world *world, const struct heap_entry *entry)
{
    struct failures *failures = &world->failures;

    if (entry->what != failures->connection_idx || failures->is_connected || !can_connect(failures))
        return;
    failures->is_connected = true;
    source_connected(&world->source, world->now_ns);
    target_connected(&world->target);
    world_feed_link(world, HOST_SOURCE);
    world_feed_link(world, HOST_TARGET);
}

void world_open_connection(struct world *world)
{
    struct failures *failures = &world->failures;
    enum phase before = world->source.phase;

    failures->is_connected = can_connect(failures);
    if (failures->is_connected)
        return;
    source_disconnected(&world->source, world->now_ns,
                        failures->has_crashed[HOST_TARGET]
                            ? "the target cannot be reached: it has crashed"
                            : "the target cannot be reached: the link is cut");
    world_reap_source(world, before);
}

void world_see_hang_up(struct world *world)
{
    if (!world->source.has_hung_up && !world->target.has_hung_up)
        return;
    disconnect(world, "what came over the link could not be read");
    connect_soon(world);
    settle(world);
}

/* ---- Silence ---- */

static uint64_t sent_chunks(const struct world *world)
{
    return world->links[HOST_SOURCE].sent_count + world->links[HOST_TARGET].sent_count;
}

/* Nothing is under way, and somebody waits for something that has been said: it was swallowed. */
static bool is_stalled(const struct world *world)
{
    enum phase phase = world->source.phase;
    bool is_owed = phase == PHASE_SETUP || phase == PHASE_HAND_OVER || phase == PHASE_RECOVER ||
                   (phase == PHASE_POST_COPY && (world->source.to_send.set_count == 0 ||
                                                 target_waiting_harts(&world->target) > 0));
    bool is_silent = true;

    for (uint32_t host = 0; host < HOST_COUNT; host++)
        is_silent &= !world->is_link_busy[host] && link_next(&world->links[host]) == NULL;
    return world->failures.is_connected && is_owed && is_silent;
}

/* A frame whose length was changed may be waited for, and its bytes will never come: what keeps a
 * real connection from that is a time-out. Only a link that corrupts can make it happen. */
void world_heed_silence(struct world *world)
{
    struct failures *failures = &world->failures;
    bool has_corrupted = world->links[HOST_SOURCE].corrupted_chunks > 0 ||
                         world->links[HOST_TARGET].corrupted_chunks > 0;

    if (failures->is_silence_watched || !is_stalled(world))
        return;
    if (!has_corrupted) { /* then somebody has forgotten to say something */
        oracle_break(&world->observer.oracle, RULE_SAFE, world->now_ns,
                     "the move stands still on a link that is whole (phase %s)",
                     phase_name(world->source.phase));
        world_schedule_end(world);
        return;
    }
    failures->is_silence_watched = true;
    failures->silent_since_chunk = sent_chunks(world);
    world_happen(world, world->now_ns + SILENCE_NS, HAPPEN_SILENCE, 0, failures->connection_idx);
}

void world_end_silence(struct world *world, const struct heap_entry *entry)
{
    struct failures *failures = &world->failures;
    enum phase before = world->source.phase;

    failures->is_silence_watched = false;
    if (!is_stalled(world))
        return;
    if (entry->what != failures->connection_idx ||
        sent_chunks(world) != failures->silent_since_chunk) {
        world_heed_silence(world); /* it has spoken meanwhile, and is silent again */
        return;
    }
    if (before == PHASE_SETUP) {
        (void)source_abort(&world->source, world->now_ns, "the target does not answer");
        world_reap_source(world, before);
        return;
    }
    disconnect(world, "the target does not answer");
    connect_soon(world);
    settle(world);
}

/* ---- Hosts ---- */

/* A move ends once: where it had ended before, host_crashed alone tells that the guest is lost. */
static void lose_guest(struct world *world, const char *reason)
{
    bool has_ended = world->source.phase == PHASE_ABORTED || world->target.is_complete;

    if (world->failures.is_guest_lost)
        return;
    world->failures.is_guest_lost = true;
    snprintf(world->reason, sizeof world->reason, "%s", reason);
    if (!has_ended)
        world_emit(world, (struct event){.kind = EVENT_MIGRATION_ENDED,
                                         .migration_ended = {.outcome = OUTCOME_LOST}});
    world_schedule_end(world);
}

/* How many pages the target does not have, as people write it. */
static const char *missing_pages(const struct world *world, char *text, size_t text_bytes)
{
    const struct guest *guest = world->hosts[HOST_TARGET].guest;
    units_for_people(UNIT_COUNT, guest->total_pages - guest->present.set_count, text, text_bytes);
    return text;
}

static void crash_source(struct world *world)
{
    char reason[160], pages[32];

    if (!target_is_running(&world->target)) {
        snprintf(reason, sizeof reason, "the source crashed while it had the guest (phase %s)",
                 phase_name(world->source.phase));
        lose_guest(world, reason);
    } else if (!world->target.is_complete) {
        snprintf(reason, sizeof reason,
                 "the source crashed after the switch, and with it %s pages that the target did "
                 "not have: the guest cannot go on without them",
                 missing_pages(world, pages, sizeof pages));
        lose_guest(world, reason);
    }
}

static void crash(struct world *world, uint32_t host)
{
    if (world->failures.has_crashed[host])
        return;
    world->failures.has_crashed[host] = true;
    world_emit(world, (struct event){.kind = EVENT_HOST_CRASHED, .host_crashed = {.host = host}});
    disconnect(world, "the target crashed before COMMIT: the guest goes on at the source");
    if (host == HOST_SOURCE)
        crash_source(world);
    else if (target_is_running(&world->target))
        lose_guest(world, "the target crashed, and the guest with it");
    service_tell_clients(world);
    settle(world);
}

/* ---- The link ---- */

/* What the active faults make of the links. */
static void set_links(struct world *world)
{
    const struct failures *failures = &world->failures;

    for (uint32_t sender = 0; sender < HOST_COUNT; sender++) {
        struct link *link = &world->links[sender];
        uint64_t bits_per_s = failures->bits_per_s_by_hand > 0
                                  ? failures->bits_per_s_by_hand
                                  : world->scenario.bandwidth_bits_per_s;
        link->latency_ns = world->scenario.latency_ns;
        link->corrupt_bytes = 0;
        for (uint32_t i = 0; i < failures->plan.count; i++) {
            const struct planned_fault *fault = &failures->plan.faults[i];
            if (!failures->is_active[i] || !fault->strikes[sender])
                continue;
            if (fault->kind == FAULT_KIND_SLOW)
                bits_per_s = fault_slowed(fault, bits_per_s);
            if (fault->kind == FAULT_KIND_DELAY)
                link->latency_ns += fault->value;
            if (fault->kind == FAULT_KIND_CORRUPT &&
                (link->corrupt_bytes == 0 || fault->value < link->corrupt_bytes))
                link->corrupt_bytes = fault->value;
        }
        if (bits_per_s == link->bandwidth_bits_per_s)
            continue;
        if (link_set_bandwidth(link, world->now_ns, bits_per_s))
            world_await_chunk(world, sender);
        if (sender == HOST_SOURCE)
            ends_set_chunks(&world->source.config, bits_per_s);
    }
}

/* What the link carries now, whatever each fault alone would leave of it. */
static void tell_link(struct world *world, const struct planned_fault *fault)
{
    uint32_t struck = fault != NULL && fault->strikes[HOST_SOURCE] ? HOST_SOURCE : HOST_TARGET;
    struct event event = {.kind = EVENT_LINK_CHANGED};

    if (fault == NULL && world->failures.is_cut_by_hand) {
        event.link_changed.state = LINK_CUT;
    } else if (fault == NULL && world->failures.bits_per_s_by_hand > 0) {
        event.link_changed.state = LINK_SLOW;
        event.link_changed.value = world->links[HOST_SOURCE].bandwidth_bits_per_s;
    } else if (fault == NULL) {
        event.link_changed.state = LINK_WHOLE;
    } else {
        event.link_changed.state = fault->kind == FAULT_KIND_CUT     ? LINK_CUT
                                   : fault->kind == FAULT_KIND_SLOW  ? LINK_SLOW
                                   : fault->kind == FAULT_KIND_DELAY ? LINK_DELAYED
                                                                     : LINK_CORRUPTING;
        event.link_changed.value = fault->kind == FAULT_KIND_SLOW
                                       ? world->links[struck].bandwidth_bits_per_s
                                       : fault->value;
    }
    world_emit(world, event);
}

/* The link is whole again, or what else still ails it. */
static const struct planned_fault *what_is_left(const struct failures *failures)
{
    for (uint32_t i = failures->plan.count; i-- > 0;)
        if (failures->is_active[i] && failures->plan.faults[i].kind <= FAULT_KIND_CORRUPT)
            return &failures->plan.faults[i];
    return NULL;
}

static void mend(struct world *world)
{
    enum phase phase = world->source.phase;

    set_links(world);
    tell_link(world, what_is_left(&world->failures));
    if (!world->failures.is_connected && can_connect(&world->failures) &&
        (phase == PHASE_LINK_LOST || phase == PHASE_COMPLETED)) {
        world->failures.tries = 0;
        connect_soon(world);
    }
}

/* ---- By hand ---- */

void world_cut_by_hand(struct world *world, bool is_cut)
{
    static const struct planned_fault cut = {.kind = FAULT_KIND_CUT};

    world->failures.is_cut_by_hand = is_cut;
    if (!is_cut) {
        mend(world);
        return;
    }
    tell_link(world, &cut);
    disconnect(world, "the link was cut before COMMIT: the guest goes on at the source");
}

void world_limit_by_hand(struct world *world, uint64_t bits_per_s)
{
    world->failures.bits_per_s_by_hand = bits_per_s;
    set_links(world);
    tell_link(world, NULL);
}

/* ---- The plan ---- */

static void refuse(struct world *world, enum fault_refusal why)
{
    struct target_offer *offer = &world->target.offer;

    if (why == FAULT_REFUSE_MEMORY)
        offer->memory_pages /= 2;
    if (why == FAULT_REFUSE_VERSION)
        offer->version++;
    if (why == FAULT_REFUSE_FEATURE)
        offer->features &= ~MESSAGE_FEATURE_RECOVER;
    if (why == FAULT_REFUSE_KIND)
        offer->kind = "process";
}

static void begin(struct world *world, uint32_t idx)
{
    struct failures *failures = &world->failures;
    const struct planned_fault *fault = &failures->plan.faults[idx];

    failures->has_begun[idx] = failures->is_active[idx] = true;
    failures->begun_ns[idx] = world->now_ns;
    if (fault->duration_ns != FAULT_FOR_GOOD)
        world_happen(world, world->now_ns + fault->duration_ns, HAPPEN_FAULT, idx, 1);
    switch (fault->kind) {
    case FAULT_KIND_CUT:
        tell_link(world, fault);
        disconnect(world, "the link was cut before COMMIT: the guest goes on at the source");
        settle(world);
        return;
    case FAULT_KIND_SLOW:
    case FAULT_KIND_DELAY:
    case FAULT_KIND_CORRUPT:
        set_links(world);
        tell_link(world, fault);
        return;
    case FAULT_KIND_CRASH_SOURCE:
        crash(world, HOST_SOURCE);
        return;
    case FAULT_KIND_CRASH_TARGET:
        crash(world, HOST_TARGET);
        return;
    case FAULT_KIND_REFUSE:
        refuse(world, (enum fault_refusal)fault->value);
        return;
    case FAULT_KIND_COUNT:
        break;
    }
    MUST(false);
}

void world_fault(struct world *world, const struct heap_entry *entry)
{
    if (entry->what == 0) {
        begin(world, entry->who);
        return;
    }
    world->failures.is_active[entry->who] = false;
    mend(world);
}

/* What has happened is what this fault waits for. */
static bool is_awaited(const struct planned_fault *fault, const struct event *event)
{
    if (fault->when == FAULT_AT_PHASE)
        return event->kind == EVENT_PHASE_CHANGED && event->phase_changed.phase == fault->phase;
    return fault->when == FAULT_AT_RUNNING && event->kind == EVENT_GUEST_RESUMED &&
           event->guest_resumed.host == HOST_TARGET;
}

void world_watch(struct world *world)
{
    struct failures *failures = &world->failures;

    for (; failures->watched_count < world->events.count; failures->watched_count++) {
        struct event event = world->events.items[failures->watched_count];
        if (event.kind != EVENT_PHASE_CHANGED && event.kind != EVENT_GUEST_RESUMED)
            continue;
        for (uint32_t i = 0; i < failures->plan.count && !world->has_ended; i++)
            if (!failures->has_begun[i] && is_awaited(&failures->plan.faults[i], &event))
                begin(world, i);
    }
    if (!world->source.is_halted)
        return;
    source_go_on(&world->source);
    world_feed_link(world, HOST_SOURCE);
    world_watch(world);
}

/* ---- The end ---- */

/* Why a move that is neither done nor undone stands where it stands. */
static void explain_pause(struct world *world)
{
    const struct failures *failures = &world->failures;
    char pages[32];
    const char *what = failures->has_crashed[HOST_TARGET] ? "the target crashed"
                       : failures->tries > TRIES_MAX ? "the link carries nothing that can be read"
                                                     : "the link was cut";

    if (target_is_running(&world->target))
        snprintf(world->reason, sizeof world->reason,
                 "%s after the switch, for good: %s pages are still at the source, and the guest "
                 "waits where it needs one",
                 what, missing_pages(world, pages, sizeof pages));
    else
        snprintf(world->reason, sizeof world->reason,
                 "%s after COMMIT, for good: the source cannot know whether the guest runs at the "
                 "target, and keeps it paused",
                 what);
}

/* What a guest's clock may lag behind the world's: a trap that is being handled, and the turns of
 * its harts. */
static uint64_t slack_ns(const struct world *world)
{
    uint64_t turns = 2 * world->scenario.hart_count * HART_TURN;
    uint64_t turns_ns = units_mul_div(turns, NS_PER_S, world->scenario.cpu_rate);
    return world->scenario.trap_cost_ns + turns_ns;
}

void world_conclude(struct world *world)
{
    enum phase phase = world->source.phase;
    const struct guest *source = world->hosts[HOST_SOURCE].guest;

    if (world->failures.is_guest_lost || world->target.is_complete)
        return;
    if (phase == PHASE_ABORTED)
        observe_end_after_abort(&world->observer, world->now_ns, source, world->has_guest_ended,
                                slack_ns(world));
    if (phase != PHASE_LINK_LOST && phase != PHASE_RECOVER)
        return;
    observe_standstill(&world->observer, world->now_ns, source, world->hosts[HOST_TARGET].guest);
    explain_pause(world);
    world_emit(world, (struct event){.kind = EVENT_MIGRATION_ENDED,
                                     .migration_ended = {.outcome = OUTCOME_PAUSED}});
}
