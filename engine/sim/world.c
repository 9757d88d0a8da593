#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "migrate/phase.h"
#include "sim/guest_build.h"
#include "sim/world_private.h"

/* How much of the link's time one chunk takes: short enough that contents are fresh and that a
 * demand reply hardly waits, long enough that a large guest is not an event for each page. */
#define COPY_CHUNK_NS (1 * NS_PER_MS)
#define PUSH_CHUNK_NS (50 * NS_PER_US)
/* A guest that should end by itself and does not is watched this long after the move. */
#define WATCH_NS (60 * NS_PER_S)
/* A guest that writes for ever is told of so often: its events would fill all memory. */
#define CONSOLE_TOLD_NS (100 * NS_PER_US)

void world_happen(struct world *world, uint64_t at_ns, enum happening kind, uint32_t who,
                  uint64_t what)
{
    heap_push(&world->heap,
              (struct heap_entry){.at_ns = at_ns, .kind = kind, .who = who, .what = what});
}

/* ---- Who runs, and when ---- */

/* At this instant. */
static void emit(struct world *world, struct event event)
{
    event.at_ns = world->now_ns;
    event_append(&world->events, event);
}

struct host *world_home(struct world *world)
{
    if (target_is_running(&world->target))
        return &world->hosts[HOST_TARGET];
    return source_wants_pause(&world->source) ? NULL : &world->hosts[HOST_SOURCE];
}

/* The host at which the guest may execute; NULL while it stands still or waits for a page. */
static struct host *runner(struct world *world)
{
    return world->is_guest_stuck ? NULL : world_home(world);
}

/* ---- A world's life ---- */

static void open_ends(struct world *world)
{
    const struct scenario *scenario = &world->scenario;
    uint64_t bytes_per_s = scenario->bandwidth_bits_per_s / 8;
    bool has_own = scenario->strategy != NULL && scenario->strategy->mode == scenario->mode;
    struct source_config config = {
        .strategy = has_own ? scenario->strategy : strategy_of(scenario->mode),
        .limits = {.downtime_ns = scenario->downtime_limit_ns,
                   .max_rounds = scenario->max_rounds,
                   .switch_after = scenario->switch_after,
                   .on_limit = scenario->on_limit},
        .copy_chunk_bytes = units_mul_div(bytes_per_s, COPY_CHUNK_NS, NS_PER_S),
        .push_chunk_bytes = units_mul_div(bytes_per_s, PUSH_CHUNK_NS, NS_PER_S),
    };
    source_init(&world->source, &config, world->hosts[HOST_SOURCE].guest, &world->events);
    target_init(&world->target, world->hosts[HOST_TARGET].guest, &world->events);
}

/* A file of the user's speaks as kv does, or has no clients. */
static const struct dialect *dialect_of(const struct scenario *scenario)
{
    const struct dialect *dialect = dialect_find(scenario->guest);
    return dialect == NULL ? &dialect_kv : dialect;
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
    new->home = HOST_SOURCE;
    new->hosts[HOST_SOURCE] = (struct host){.guest = guest};
    new->hosts[HOST_TARGET] = (struct host){.guest = guest_build_empty(scenario)};
    console_init(&new->console);
    open_ends(new);
    for (uint32_t host = 0; host < HOST_COUNT; host++)
        link_init(&new->links[host], scenario->bandwidth_bits_per_s, scenario->latency_ns);
    clients_init(&new->clients, dialect_of(scenario), (uint32_t)scenario->client_count,
                 scenario->request_rate, scenario->seed, &new->events);
    observer_init(&new->observer, new->clients.count);
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
    heap_fini(&world->heap);
    event_list_fini(&world->events);
    console_fini(&world->console);
    scenario_fini(&world->scenario);
    free(world);
}

/* ---- The migration's two ends ---- */

static uint64_t fill_link(struct world *world, uint32_t sender)
{
    struct bytes *bytes = link_fill(&world->links[sender]);
    if (sender == HOST_SOURCE)
        return source_send(&world->source, world->now_ns, 0, bytes);
    return target_send(&world->target, bytes);
}

static void reap_source(struct world *world, enum phase before);

/* Lets a link carry what its end has to send. One chunk at a time: an end is asked when the last
 * byte of the chunk before has left. */
static void feed_link(struct world *world, uint32_t sender)
{
    enum phase before = world->source.phase;
    uint64_t charge;

    if (world->is_link_busy[sender] || !world->has_started)
        return;
    charge = fill_link(world, sender);
    reap_source(world, before);
    if (charge == 0)
        return;
    uint64_t free_ns = link_send(&world->links[sender], world->now_ns, charge);
    world->is_link_busy[sender] = true;
    world_happen(world, free_ns, HAPPEN_LINK_FREE, sender, 0);
    world_happen(world, free_ns + world->links[sender].latency_ns, HAPPEN_ARRIVAL, sender, 0);
}

static void guest_runs_again(struct world *world, uint32_t host)
{
    struct host *here = &world->hosts[host];
    here->offset_ns = world->now_ns - here->guest->ops->now_ns(here->guest);
    service_rehome(world, here);
}

static void schedule_end(struct world *world)
{
    uint64_t run_for_ns = world->scenario.run_for_ns;
    world->is_over = true;
    world_happen(world, world->now_ns + (run_for_ns == SCENARIO_NONE ? WATCH_NS : run_for_ns),
                 HAPPEN_END, 0, 0);
}

/* What a change of the source's phase means for the world. */
static void reap_source(struct world *world, enum phase before)
{
    enum phase after = world->source.phase;
    bool was_paused = before == PHASE_PAUSE || before == PHASE_HAND_OVER;

    if (after == before)
        return;
    if (after == PHASE_ABORTED) {
        snprintf(world->reason, sizeof world->reason, "%s", world->source.reason);
        if (was_paused)
            guest_runs_again(world, HOST_SOURCE);
        schedule_end(world);
    }
}

static void target_took_over(struct world *world)
{
    struct host *target = &world->hosts[HOST_TARGET];
    observe_cut(&world->observer, world->now_ns, world->hosts[HOST_SOURCE].guest, target->guest);
    if (world->clients.count > 0)
        observe_streams_at_cut(&world->observer, world->now_ns, machine_mailbox(target->guest));
    guest_runs_again(world, HOST_TARGET);
}

static void chunk_arrived(struct world *world, uint32_t sender)
{
    const struct link_chunk *chunk = link_next(&world->links[sender]);
    enum phase before = world->source.phase;

    if (sender == HOST_TARGET) {
        source_receive(&world->source, world->now_ns, chunk->bytes.data, chunk->bytes.count);
        link_drop(&world->links[sender]);
        reap_source(world, before);
    } else {
        bool was_running = target_is_running(&world->target);
        uint32_t were_waiting = target_waiting_harts(&world->target);
        bool was_complete = world->target.is_complete;
        size_t first_event = world->events.count;
        target_receive(&world->target, world->now_ns, chunk->bytes.data, chunk->bytes.count);
        link_drop(&world->links[sender]);
        if (!was_running && target_is_running(&world->target))
            target_took_over(world);
        else if (was_running)
            observe_installs(&world->observer, world->now_ns, &world->events, first_event,
                             world->hosts[HOST_SOURCE].guest, world->hosts[HOST_TARGET].guest);
        if (world->is_guest_stuck && target_waiting_harts(&world->target) < were_waiting) {
            world->is_guest_stuck = false;
            struct host *target = &world->hosts[HOST_TARGET];
            target->offset_ns = world->now_ns - target->guest->ops->now_ns(target->guest);
            service_send(world, target);
        }
        if (!was_complete && world->target.is_complete) {
            snprintf(world->reason, sizeof world->reason, "%s", world->source.reason);
            schedule_end(world);
        }
    }
    feed_link(world, HOST_SOURCE);
    feed_link(world, HOST_TARGET);
}

/* ---- The guest ---- */

static bool is_held(const struct world *world)
{
    return world->debug != NULL && world->debug->is_held;
}

static void tell_console(struct world *world)
{
    if (world->untold_bytes > 0)
        emit(world, (struct event){.kind = EVENT_CONSOLE_WRITTEN,
                                   .console_written = {.host = world->untold_host,
                                                       .bytes = world->untold_bytes}});
    world->untold_bytes = 0;
    world->told_ns = world->now_ns;
}

/* Told at once where nothing was told for a while, else when the while is over. */
static void drain_console(struct world *world, struct host *host)
{
    if (scenario_is_model(&world->scenario))
        return;
    uint64_t count = console_take(&world->console, machine_console(host->guest));
    if (count == 0)
        return;
    if (world->untold_host != host_idx(world, host))
        tell_console(world);
    world->untold_host = host_idx(world, host);
    world->untold_bytes += count;
    if (world->told_ns == 0 || world->now_ns - world->told_ns >= CONSOLE_TOLD_NS)
        tell_console(world);
    else if (!world->is_telling)
        world_happen(world, world->told_ns + CONSOLE_TOLD_NS, HAPPEN_CONSOLE, 0, 0);
    world->is_telling = world->untold_bytes > 0;
}

static void guest_ended(struct world *world, struct host *host, const struct guest_run *run)
{
    if (world->has_guest_ended)
        return;
    world->has_guest_ended = true;
    drain_console(world, host);
    tell_console(world);
    emit(world, (struct event){.kind = EVENT_GUEST_ENDED,
                               .guest_ended = {.host = host_idx(world, host),
                                               .status = run->status,
                                               .is_fault = run->is_fault}});
}

/* Why the guest stopped. Returns false when it will not run on before until_ns. */
static bool guest_stopped(struct world *world, struct host *host, const struct guest_run *run,
                          uint64_t until_ns)
{
    switch (run->stop) {
    case GUEST_TIME_REACHED:
    case GUEST_HELD:
        return false;
    case GUEST_IDLE: {
        uint64_t until_guest_ns = until_ns - host->offset_ns;
        bool is_woken = run->wake_ns <= until_guest_ns;
        host->guest->ops->idle_until(host->guest, is_woken ? run->wake_ns : until_guest_ns);
        return is_woken;
    }
    case GUEST_DIRTIED:
        emit(world, (struct event){.kind = EVENT_PAGE_DIRTIED,
                                   .page_dirtied = {.page_idx = run->page_idx,
                                                    .host = host_idx(world, host)}});
        host->offset_ns += world->scenario.trap_cost_ns;
        return true;
    case GUEST_MISSING:
        if (!target_is_waiting(&world->target, run->hart_idx))
            target_fault(&world->target, world->now_ns, run->hart_idx, run->page_idx);
        world->is_guest_stuck = run->is_stuck;
        feed_link(world, HOST_TARGET);
        return !run->is_stuck;
    case GUEST_OUTPUT:
        drain_console(world, host);
        service_send(world, host);
        return true;
    case GUEST_ENDED:
        guest_ended(world, host, run);
        return false;
    }
    return false;
}

/* Runs the guest until `until_ns` at the latest; earlier where it causes something to happen before
 * that. */
static void run_guest(struct world *world, uint64_t until_ns)
{
    struct host *host = runner(world);
    size_t heap_count = world->heap.count;
    size_t event_count = world->events.count;

    while (host != NULL) {
        const struct guest_ops *ops = host->guest->ops;
        struct guest_run run = {0};
        if (ops->now_ns(host->guest) + host->offset_ns > until_ns)
            return;
        if (world->debug != NULL)
            debug_run(world->debug, host->guest, until_ns - host->offset_ns, &run);
        else
            ops->run(host->guest, until_ns - host->offset_ns, &run);
        uint64_t stopped_ns = ops->now_ns(host->guest) + host->offset_ns;
        if (stopped_ns > world->now_ns)
            world->now_ns = stopped_ns;
        if (!guest_stopped(world, host, &run, until_ns))
            return;
        if (world->heap.count != heap_count || world->events.count != event_count)
            return; /* what it caused may come before until_ns */
    }
}

/* ---- The world's own happenings ---- */

static void finish(struct world *world)
{
    struct host *host =
        &world->hosts[target_is_running(&world->target) ? HOST_TARGET : HOST_SOURCE];
    struct guest *guest = host->guest;
    bool is_whole = guest->present.set_count == guest->total_pages;

    if (world->has_ended)
        return;
    world->has_ended = true;
    drain_console(world, host);
    tell_console(world);
    observe_last_runner(&world->observer, world->now_ns, !source_wants_pause(&world->source),
                        target_is_running(&world->target));
    if (world->target.is_complete)
        observe_end(&world->observer, world->now_ns, world->hosts[HOST_SOURCE].guest, guest);
    emit(world, (struct event){.kind = EVENT_RUN_ENDED,
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
        world->is_link_busy[entry->who] = false;
        feed_link(world, entry->who);
        return;
    case HAPPEN_ARRIVAL:
        chunk_arrived(world, entry->who);
        return;
    case HAPPEN_PACKET:
        service_packet(world, entry->what);
        return;
    case HAPPEN_CLIENT:
        service_client(world, entry);
        return;
    case HAPPEN_ANNOUNCE:
        world->home = entry->who;
        emit(world,
             (struct event){.kind = EVENT_STREAMS_REHOMED,
                            .streams_rehomed = {.streams = entry->what, .host = entry->who}});
        return;
    case HAPPEN_CONSOLE:
        world->is_telling = false;
        tell_console(world);
        return;
    case HAPPEN_END:
        finish(world);
        return;
    }
}

/* The next instant at which something other than the guest wants attention. */
static uint64_t next_ns(struct world *world)
{
    const struct heap_entry *top = heap_top(&world->heap);
    uint64_t at_ns = top == NULL ? UINT64_MAX : top->at_ns;
    if (runner(world) != NULL && world->mailbox_due_ns < at_ns)
        at_ns = world->mailbox_due_ns;
    return at_ns;
}

/* One turn: the guest runs up to the next happening, or the happening happens. */
static void turn(struct world *world, uint64_t until_ns)
{
    uint64_t at_ns = next_ns(world);
    size_t heap_count = world->heap.count;
    size_t event_count = world->events.count;

    observe_runners(&world->observer, world->now_ns, !source_wants_pause(&world->source),
                    target_is_running(&world->target));
    run_guest(world, at_ns < until_ns ? at_ns : until_ns);
    if (world->is_over && world->has_guest_ended && world->scenario.run_for_ns == SCENARIO_NONE) {
        finish(world);
        return;
    }
    if (is_held(world) || world->heap.count != heap_count || world->events.count != event_count)
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
        service_send(world, runner(world));
    }
}

static void hand_out(struct world *world, struct event_list *events)
{
    for (size_t i = 0; events != NULL && i < world->events.count; i++)
        event_append(events, world->events.items[i]);
    if (events != NULL)
        world->events.count = 0;
}

bool world_advance(struct world *world, uint64_t until_ns, struct event_list *events)
{
    while (!world->has_ended && !is_held(world) &&
           (world->now_ns < until_ns || next_ns(world) <= until_ns))
        turn(world, until_ns);
    hand_out(world, events);
    return !world->has_ended;
}

bool world_step(struct world *world, struct event_list *events)
{
    while (!world->has_ended && !is_held(world) && world->events.count == 0)
        turn(world, UINT64_MAX);
    hand_out(world, events);
    return !world->has_ended;
}

/* ---- Knobs ---- */

bool world_start(struct world *world, struct event_list *events)
{
    if (world->has_started || world->has_ended)
        return false;
    world->has_started = true;
    source_start(&world->source, world->now_ns);
    feed_link(world, HOST_SOURCE);
    hand_out(world, events);
    return true;
}

bool world_switch_to_post_copy(struct world *world, struct event_list *events)
{
    if (!source_switch_to_post_copy(&world->source))
        return false;
    feed_link(world, HOST_SOURCE);
    hand_out(world, events);
    return true;
}

bool world_abort(struct world *world, struct event_list *events)
{
    enum phase before = world->source.phase;
    if (!source_abort(&world->source, world->now_ns, "given up on request"))
        return false;
    reap_source(world, before);
    feed_link(world, HOST_SOURCE);
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
