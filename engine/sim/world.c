#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "scenario/ends.h"
#include "scenario/guest_build.h"
#include "sim/world_private.h"

void world_happen(struct world *world, uint64_t at_ns, enum happening kind, uint32_t who,
                  uint64_t what)
{
    heap_push(&world->heap,
              (struct heap_entry){.at_ns = at_ns, .kind = kind, .who = who, .what = what});
}

/* ---- Who runs, and when ---- */

struct host *world_home(struct world *world)
{
    if (world->failures.is_guest_lost)
        return NULL;
    if (target_is_running(&world->target))
        return &world->hosts[HOST_TARGET];
    return source_wants_pause(&world->source) ? NULL : &world->hosts[HOST_SOURCE];
}

/* The host at which the guest may execute; NULL while it stands still or waits for a page. */
struct host *world_runner(struct world *world)
{
    return world->is_guest_stuck || world->is_guest_held_back ? NULL : world_home(world);
}

/* ---- A world's life ---- */

static void open_ends(struct world *world)
{
    const struct scenario *scenario = &world->scenario;
    struct source_config config = ends_source_config(scenario);

    ends_set_chunks(&config, scenario->bandwidth_bits_per_s);
    source_init(&world->source, &config, world->hosts[HOST_SOURCE].guest, &world->events);
    target_init(&world->target, world->hosts[HOST_TARGET].guest, &world->events);
    if (scenario->fault_throttle)
        target_throttle_faults(&world->target);
}

/* A file of the user's speaks as kv does, or has no clients. */
static const struct dialect *dialect_of(const struct scenario *scenario)
{
    const struct dialect *dialect = dialect_find(scenario->guest);
    return dialect == NULL ? &dialect_kv : dialect;
}

/* What a machine has of its host. */
static void attach(struct guest *guest, uint32_t host)
{
    storage_attach(guest);
    machine_name_host(guest, host == HOST_SOURCE ? "A" : "B");
}

enum status world_open(const struct scenario *scenario, const uint8_t *image, size_t image_bytes,
                       struct world **world, struct problem *problem)
{
    struct guest *guest;
    enum status status = guest_build(scenario, image, image_bytes, &guest, problem);
    if (status != STATUS_OK)
        return status;

    struct world *new = calloc(1, sizeof *new);
    MUST(new != NULL);
    scenario_copy(&new->scenario, scenario);
    new->mailbox_due_ns = UINT64_MAX;
    new->source_due_ns = UINT64_MAX;
    new->share = SHARE_WHOLE;
    new->home = HOST_SOURCE;
    new->hosts[HOST_SOURCE] = (struct host){.guest = guest};
    new->hosts[HOST_TARGET] = (struct host){.guest = guest_build_empty(scenario)};
    for (uint32_t i = 0; i < HART_MAX; i++)
        new->hosts[HOST_SOURCE].shares[i] = new->hosts[HOST_TARGET].shares[i] =
            new->told_shares[i] = GUEST_SHARE_WHOLE;
    console_init(&new->console);
    open_ends(new);
    for (uint32_t host = 0; host < HOST_COUNT; host++)
        link_init(&new->links[host], scenario->bandwidth_bits_per_s, scenario->latency_ns);
    clients_init(&new->clients, dialect_of(scenario), (uint32_t)scenario->client_count,
                 scenario->request_rate, scenario->seed, &new->events);
    observer_init(&new->observer, new->clients.count);
    storage_init(&new->storage, HOST_SOURCE);
    for (uint32_t host = 0; host < HOST_COUNT && !scenario_is_model(scenario); host++)
        attach(new->hosts[host].guest, host);
    new->observer.oracle.applies[RULE_ONE_INSTANT] = scenario->cache != 0;
    world_plan_faults(new);
    world_happen(new, scenario->start_at_ns, HAPPEN_START, 0, 0);
    for (uint32_t i = 0; i < new->clients.count; i++)
        world_happen(new, 0, HAPPEN_CLIENT, i, 0);
    *world = new;
    return STATUS_OK;
}

void world_close(struct world *world)
{
    for (uint32_t host = 0; host < HOST_COUNT; host++) {
        world->hosts[host].guest->ops->close(world->hosts[host].guest);
        link_fini(&world->links[host]);
    }
    source_fini(&world->source);
    target_fini(&world->target);
    network_fini(&world->network);
    clients_fini(&world->clients);
    observer_fini(&world->observer);
    storage_fini(&world->storage);
    heap_fini(&world->heap);
    event_list_fini(&world->events);
    console_fini(&world->console);
    scenario_fini(&world->scenario);
    free(world);
}

/* ---- The world's own happenings ---- */

/* Why the guest is at neither host, where it is so. */
static const char *said(const struct world *world)
{
    bool is_at_rest = world->failures.is_guest_lost || world->source.phase == PHASE_LINK_LOST ||
                      world->source.phase == PHASE_RECOVER;
    return is_at_rest ? world->reason : "";
}

static void finish(struct world *world)
{
    struct host *host =
        &world->hosts[target_is_running(&world->target) ? HOST_TARGET : HOST_SOURCE];
    struct guest *guest = host->guest;
    bool is_whole = guest->present.set_count == guest->total_pages;

    if (world->has_ended)
        return;
    world->has_ended = true;
    world_drain_console(world, host);
    world_tell_console(world);
    world_conclude(world);
    observe_last_runner(&world->observer, world->now_ns, world_may_run(world, HOST_SOURCE),
                        world_may_run(world, HOST_TARGET), said(world));
    if (world->target.is_complete && !world->failures.is_guest_lost)
        observe_end(&world->observer, world->now_ns, world->hosts[HOST_SOURCE].guest, guest);
    world_emit(world,
               (struct event){.kind = EVENT_RUN_ENDED,
                              .run_ended = {.instructions = guest->ops->instructions(guest),
                                            .digest = is_whole ? guest->ops->digest(guest) : 0}});
}

static void take(struct world *world, const struct heap_entry *entry)
{
    switch ((enum happening)entry->kind) {
    case HAPPEN_START:
        world_start(world, NULL);
        return;
    case HAPPEN_LINK_FREE:
        world_link_free(world, entry);
        return;
    case HAPPEN_ARRIVAL:
        world_chunk_arrived(world, entry);
        return;
    case HAPPEN_SILENCE:
        world_end_silence(world, entry);
        return;
    case HAPPEN_CONNECT:
        world_connect(world, entry);
        return;
    case HAPPEN_FAULT:
        world_fault(world, entry);
        return;
    case HAPPEN_PACKET:
        service_packet(world, entry->what);
        return;
    case HAPPEN_CLIENT:
        service_client(world, entry);
        return;
    case HAPPEN_ANNOUNCE:
        service_announce(world, entry);
        return;
    case HAPPEN_TUNNEL:
        service_end_tunnel(world, entry);
        return;
    case HAPPEN_CONSOLE:
        world->is_telling = false;
        world_tell_console(world);
        return;
    case HAPPEN_RELEASE:
        world_release(world);
        return;
    case HAPPEN_SOURCE:
        world->source_due_ns = UINT64_MAX;
        world_feed_link(world, HOST_SOURCE);
        return;
    case HAPPEN_DISK:
        world_disk(world, (enum disk_step)entry->who);
        return;
    case HAPPEN_END:
        if (entry->what == world->end_idx)
            finish(world);
        return;
    }
}

/* The next instant at which something other than the guest wants attention. */
static uint64_t next_ns(struct world *world)
{
    const struct heap_entry *top = heap_top(&world->heap);
    uint64_t at_ns = top == NULL ? UINT64_MAX : top->at_ns;
    if (world_runner(world) != NULL && world->mailbox_due_ns < at_ns)
        at_ns = world->mailbox_due_ns;
    return at_ns;
}

/* Each event is seen by the oracle when it happens, however the world's time is cut. */
static void show_events(struct world *world)
{
    observe_events(&world->observer, &world->events, world->observed_count);
    world->observed_count = world->events.count;
}

/* The guest runs up to the next happening, or the happening happens. */
static void live_on(struct world *world, uint64_t until_ns)
{
    uint64_t at_ns = next_ns(world);
    size_t heap_count = world->heap.count;
    size_t event_count = world->events.count;

    show_events(world);
    observe_runners(&world->observer, world->now_ns, world_may_run(world, HOST_SOURCE),
                    world_may_run(world, HOST_TARGET));
    observe_lives(&world->observer, world->now_ns, world->hosts[HOST_SOURCE].guest,
                  world->hosts[HOST_TARGET].guest);
    world_run_guest(world, at_ns < until_ns ? at_ns : until_ns);
    if (world->is_over && world->has_guest_ended && world->scenario.run_for_ns == SCENARIO_NONE) {
        finish(world);
        return;
    }
    if (world_is_held(world) || world->heap.count != heap_count ||
        world->events.count != event_count)
        return;
    if (at_ns > until_ns) {
        world->now_ns = until_ns;
        return;
    }
    MUST(at_ns != UINT64_MAX); /* a world that is not over has an end scheduled */
    if (at_ns > world->now_ns)
        world->now_ns = at_ns;
    const struct heap_entry *top = heap_top(&world->heap);
    if (top != NULL && top->at_ns <= at_ns) {
        struct heap_entry entry = heap_pop(&world->heap);
        take(world, &entry);
    } else {
        service_send(world, world_runner(world));
    }
}

/* One turn: something happens, and then what waited for it. */
static void turn(struct world *world, uint64_t until_ns)
{
    live_on(world, until_ns);
    world_watch(world);
}

static void hand_out(struct world *world, struct event_list *events)
{
    if (events != NULL)
        world_watch(world);
    show_events(world);
    if (events == NULL)
        return;
    for (size_t i = 0; i < world->events.count; i++)
        event_append(events, world->events.items[i]);
    world->events.count = world->observed_count = world->failures.watched_count = 0;
}

bool world_advance(struct world *world, uint64_t until_ns, struct event_list *events)
{
    while (!world->has_ended && !world_is_held(world) &&
           (world->now_ns < until_ns || next_ns(world) <= until_ns))
        turn(world, until_ns);
    hand_out(world, events);
    return !world->has_ended;
}

bool world_step(struct world *world, struct event_list *events)
{
    while (!world->has_ended && !world_is_held(world) && world->events.count == 0)
        turn(world, UINT64_MAX);
    hand_out(world, events);
    return !world->has_ended;
}

/* ---- Knobs ---- */

bool world_start(struct world *world, struct event_list *events)
{
    if (world->has_started || world->has_ended)
        return false;
    if (world->failures.has_crashed[HOST_SOURCE])
        return false;
    world->has_started = true;
    world_tell_progress(world, STRETCH_BEFORE);
    source_start(&world->source, world->now_ns);
    world_open_connection(world);
    world_feed_link(world, HOST_SOURCE);
    hand_out(world, events);
    return true;
}

bool world_switch_to_post_copy(struct world *world, struct event_list *events)
{
    if (!source_switch_to_post_copy(&world->source))
        return false;
    world_feed_link(world, HOST_SOURCE);
    hand_out(world, events);
    return true;
}

bool world_abort(struct world *world, struct event_list *events)
{
    enum phase before = world->source.phase;
    if (world->failures.has_crashed[HOST_SOURCE] ||
        !source_abort(&world->source, world->now_ns, "given up on request"))
        return false;
    world_reap_source(world, before);
    world_feed_link(world, HOST_SOURCE);
    hand_out(world, events);
    return true;
}

bool world_cut_link(struct world *world, bool is_cut, struct event_list *events)
{
    if (world->failures.is_cut_by_hand == is_cut)
        return false;
    world_cut_by_hand(world, is_cut);
    hand_out(world, events);
    return true;
}

bool world_set_bandwidth(struct world *world, uint64_t bits_per_s, struct event_list *events)
{
    if (bits_per_s == 0)
        return false;
    world_limit_by_hand(world, bits_per_s);
    hand_out(world, events);
    return true;
}

void world_debug(struct world *world, struct debug *debug)
{
    world->debug = debug;
}

struct guest *world_guest(const struct world *world)
{
    return world->hosts[target_is_running(&world->target) ? HOST_TARGET : HOST_SOURCE].guest;
}

uint64_t world_now_ns(const struct world *world)
{
    return world->now_ns;
}

uint64_t world_total_pages(const struct world *world)
{
    return world->hosts[HOST_SOURCE].guest->total_pages;
}

uint64_t world_lived_ns(const struct world *world)
{
    const struct guest *guest = world_guest(world);
    return guest->ops->now_ns(guest);
}

uint64_t world_state_bytes(const struct world *world)
{
    const struct guest *guest = world->hosts[HOST_SOURCE].guest;
    struct bytes state = {0};
    guest->ops->save(guest, &state);
    uint64_t bytes = message_hand_over_bytes(state.count);
    bytes_fini(&state);
    return bytes;
}

const char *world_reason(const struct world *world)
{
    return world->reason;
}

const struct oracle *world_oracle(const struct world *world)
{
    return &world->observer.oracle;
}

const struct console *world_console(const struct world *world)
{
    return &world->console;
}
