#include "sim/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/heap.h"
#include "machine/machine.h"
#include "migrate/phase.h"
#include "migrate/source.h"
#include "migrate/target.h"
#include "sim/clients.h"
#include "sim/guest_build.h"
#include "sim/link.h"
#include "sim/network.h"
#include "sim/observer.h"

/* How much of the link's time one chunk takes: short enough that contents are fresh and that a
 * demand reply hardly waits, long enough that a large guest is not an event for each page. */
#define COPY_CHUNK_NS (1 * NS_PER_MS)
#define PUSH_CHUNK_NS (50 * NS_PER_US)
/* A guest that should end by itself and does not is watched this long after the move. */
#define WATCH_NS (60 * NS_PER_S)

enum happening {
    HAPPEN_START,       /* the scenario starts the move */
    HAPPEN_LINK_FREE,   /* link `who` can take the next chunk */
    HAPPEN_ARRIVAL,     /* the next chunk of link `who` is there */
    HAPPEN_PACKET,      /* packet `what` of the network is where it was sent */
    HAPPEN_CLIENT,      /* client `who` wanted to be asked now */
    HAPPEN_ANNOUNCE,    /* the switch learns that the guest is at host `who` */
    HAPPEN_END,         /* the scenario's time after the move is over */
};

/* A host's view of its guest. World time is guest time plus offset_ns while the guest lives. */
struct host {
    struct guest *guest;
    uint64_t offset_ns;
};

struct world {
    struct scenario scenario;
    uint64_t now_ns;
    struct heap heap;
    struct event_list events;
    struct host hosts[HOST_COUNT];
    struct source source;
    struct target target;
    struct link links[HOST_COUNT]; /* by the host that sends */
    bool is_link_busy[HOST_COUNT];
    struct network network;
    struct clients clients;
    uint64_t client_armed_ns[SCENARIO_CLIENTS_MAX];
    uint64_t mailbox_due_ns; /* when the guest's mailboxes want to be asked for packets */
    uint32_t home;           /* where the switch sends packets for the guest */
    bool has_started, has_ended, has_guest_ended;
    bool is_over;            /* the move has ended */
    struct observer observer;
    struct bytes console;
    char reason[200];
};

static void happen(struct world *world, uint64_t at_ns, enum happening kind, uint32_t who,
                   uint64_t what)
{
    heap_push(&world->heap,
              (struct heap_entry){.at_ns = at_ns, .kind = kind, .who = who, .what = what});
}

/* ---- A world's life ---- */

static void open_ends(struct world *world)
{
    const struct scenario *scenario = &world->scenario;
    uint64_t bytes_per_s = scenario->bandwidth_bits_per_s / 8;
    struct source_config config = {
        .strategy = strategy_of(scenario->mode),
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
    open_ends(new);
    for (uint32_t host = 0; host < HOST_COUNT; host++)
        link_init(&new->links[host], scenario->bandwidth_bits_per_s, scenario->latency_ns);
    clients_init(&new->clients, (uint32_t)scenario->client_count, scenario->request_rate,
                 scenario->seed, &new->events);
    observer_init(&new->observer, new->clients.count);
    happen(new, scenario->start_at_ns, HAPPEN_START, 0, 0);
    for (uint32_t i = 0; i < new->clients.count; i++)
        happen(new, 0, HAPPEN_CLIENT, i, 0);
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
    bytes_fini(&world->console);
    scenario_fini(&world->scenario);
    free(world);
}

/* ---- Who runs, and when ---- */

static void emit(struct world *world, struct event event)
{
    event.at_ns = world->now_ns;
    event_append(&world->events, event);
}

/* The host at which the guest lives, and hears what arrives for it; NULL between two hosts. */
static struct host *home_of(struct world *world)
{
    if (target_is_running(&world->target))
        return &world->hosts[HOST_TARGET];
    return source_wants_pause(&world->source) ? NULL : &world->hosts[HOST_SOURCE];
}

/* The host at which the guest may execute; NULL while it stands still or waits for a page. */
static struct host *runner(struct world *world)
{
    return target_is_waiting(&world->target, 0) ? NULL : home_of(world);
}

static uint32_t host_idx(const struct world *world, const struct host *host)
{
    return host == &world->hosts[HOST_TARGET] ? HOST_TARGET : HOST_SOURCE;
}

static uint64_t guest_time(const struct world *world, const struct host *host)
{
    return world->now_ns - host->offset_ns;
}

/* ---- The network between clients and guest ---- */

static void send_to_clients(struct world *world, struct host *host)
{
    struct mailbox *mailbox;
    struct packet *packet;
    uint32_t stream_idx;

    if (world->clients.count == 0)
        return;
    mailbox = machine_mailbox(host->guest);
    for (;;) {
        packet = network_fill(&world->network);
        if (!mailbox_packet(mailbox, guest_time(world, host), &stream_idx, &packet->packet))
            break;
        packet->stream_idx = stream_idx;
        packet->is_to_guest = false;
        observe_writer(&world->observer, world->now_ns, TO_CLIENT, stream_idx,
                       &mailbox->slots[stream_idx].stream);
        happen(world, world->now_ns + NETWORK_LATENCY_NS, HAPPEN_PACKET, 0,
               network_send(&world->network));
    }
    uint64_t deadline_ns = mailbox_deadline_ns(mailbox);
    world->mailbox_due_ns =
        deadline_ns == UINT64_MAX ? UINT64_MAX : deadline_ns + host->offset_ns;
}

/* Sends what a client has to say, and sees that it is asked again in time. */
static void follow_client(struct world *world, struct client *client)
{
    observe_writer(&world->observer, world->now_ns, TO_GUEST, client->client_idx, &client->stream);
    for (;;) {
        struct packet *packet = network_fill(&world->network);
        if (!stream_next_packet(&client->stream, world->now_ns, &packet->packet))
            break;
        packet->stream_idx = client->client_idx;
        packet->is_to_guest = true;
        packet->host = world->home;
        happen(world, world->now_ns + NETWORK_LATENCY_NS, HAPPEN_PACKET, 0,
               network_send(&world->network));
    }
    uint64_t due_ns = client_deadline_ns(client);
    uint64_t *armed_ns = &world->client_armed_ns[client->client_idx];
    if (due_ns < *armed_ns) {
        *armed_ns = due_ns > world->now_ns ? due_ns : world->now_ns + 1;
        happen(world, *armed_ns, HAPPEN_CLIENT, client->client_idx, 0);
    }
}

static void client_due(struct world *world, uint32_t client_idx)
{
    struct client *client = &world->clients.items[client_idx];
    struct host *host = home_of(world);

    if (client->state == CLIENT_CONNECTING) {
        if (host != NULL &&
            mailbox_connect(machine_mailbox(host->guest), client_idx, CLIENT_PORT))
            client_connected(&world->clients, client, world->now_ns);
        else
            client->due_ns = world->now_ns + CLIENT_CONNECT_NS;
    }
    client_tick(&world->clients, client, world->now_ns);
    follow_client(world, client);
}

/* The last answer to DBSIZE lets all clients begin. */
static void clients_began(struct world *world)
{
    for (uint32_t i = 0; i < world->clients.count; i++)
        follow_client(world, &world->clients.items[i]);
}

static void packet_arrived(struct world *world, uint64_t packet_idx)
{
    struct packet *packet = network_packet(&world->network, packet_idx);
    uint32_t stream_idx = packet->stream_idx;

    if (packet->is_to_guest) {
        struct host *host = home_of(world);
        /* A host at which the guest does not live drops what arrives for it: it is sent again. */
        if (host != NULL && host_idx(world, host) == packet->host) {
            struct mailbox *mailbox = machine_mailbox(host->guest);
            mailbox_deliver(mailbox, guest_time(world, host), stream_idx, &packet->packet);
            observe_packet(&world->observer, world->now_ns, TO_GUEST, stream_idx, true,
                           &mailbox->slots[stream_idx].stream);
            send_to_clients(world, host);
        }
    } else {
        struct client *client = &world->clients.items[stream_idx];
        bool had_begun = world->clients.has_begun;
        bool is_sound = stream_receive(&client->stream, world->now_ns, &packet->packet);
        observe_packet(&world->observer, world->now_ns, TO_CLIENT, stream_idx, is_sound,
                       &client->stream);
        client_read(&world->clients, client, world->now_ns);
        follow_client(world, client);
        if (!had_begun && world->clients.has_begun)
            clients_began(world);
    }
    network_drop(&world->network, packet_idx);
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
    happen(world, free_ns, HAPPEN_LINK_FREE, sender, 0);
    happen(world, free_ns + world->links[sender].latency_ns, HAPPEN_ARRIVAL, sender, 0);
}

static void guest_runs_again(struct world *world, uint32_t host)
{
    struct host *here = &world->hosts[host];
    here->offset_ns = world->now_ns - here->guest->ops->now_ns(here->guest);
    if (world->clients.count == 0)
        return;
    uint32_t streams = mailbox_rehome(machine_mailbox(here->guest));
    happen(world, world->now_ns + NETWORK_LATENCY_NS / 2, HAPPEN_ANNOUNCE, host, streams);
    send_to_clients(world, here);
}

static void schedule_end(struct world *world)
{
    uint64_t run_for_ns = world->scenario.run_for_ns;
    world->is_over = true;
    happen(world, world->now_ns + (run_for_ns == SCENARIO_NONE ? WATCH_NS : run_for_ns), HAPPEN_END,
           0, 0);
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
        bool was_waiting = target_is_waiting(&world->target, 0);
        bool was_complete = world->target.is_complete;
        size_t first_event = world->events.count;
        target_receive(&world->target, world->now_ns, chunk->bytes.data, chunk->bytes.count);
        link_drop(&world->links[sender]);
        if (!was_running && target_is_running(&world->target))
            target_took_over(world);
        else if (was_running)
            observe_installs(&world->observer, world->now_ns, &world->events, first_event,
                             world->hosts[HOST_SOURCE].guest, world->hosts[HOST_TARGET].guest);
        if (was_waiting && !target_is_waiting(&world->target, 0)) {
            struct host *target = &world->hosts[HOST_TARGET];
            target->offset_ns = world->now_ns - target->guest->ops->now_ns(target->guest);
            send_to_clients(world, target);
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

static void drain_console(struct world *world, struct host *host)
{
    struct bytes *console;
    if (scenario_is_model(&world->scenario))
        return;
    console = machine_console(host->guest);
    if (console->count == 0)
        return;
    emit(world, (struct event){.kind = EVENT_CONSOLE_WRITTEN,
                               .console_written = {.host = host_idx(world, host),
                                                   .bytes = console->count}});
    bytes_put(&world->console, console->data, console->count);
    bytes_clear(console);
}

static void guest_ended(struct world *world, struct host *host, const struct guest_run *run)
{
    if (world->has_guest_ended)
        return;
    world->has_guest_ended = true;
    drain_console(world, host);
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
        target_fault(&world->target, world->now_ns, run->hart_idx, run->page_idx);
        feed_link(world, HOST_TARGET);
        return false;
    case GUEST_OUTPUT:
        drain_console(world, host);
        send_to_clients(world, host);
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
    struct host *host = &world->hosts[target_is_running(&world->target) ? HOST_TARGET : HOST_SOURCE];
    struct guest *guest = host->guest;
    bool is_whole = guest->present.set_count == guest->total_pages;

    if (world->has_ended)
        return;
    world->has_ended = true;
    drain_console(world, host);
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
        packet_arrived(world, entry->what);
        return;
    case HAPPEN_CLIENT:
        if (world->client_armed_ns[entry->who] != entry->at_ns)
            return; /* it wanted to be asked earlier, and was */
        world->client_armed_ns[entry->who] = UINT64_MAX;
        client_due(world, entry->who);
        return;
    case HAPPEN_ANNOUNCE:
        world->home = entry->who;
        emit(world, (struct event){.kind = EVENT_STREAMS_REHOMED,
                                   .streams_rehomed = {.streams = entry->what, .host = entry->who}});
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
    if (world->is_over && world->has_guest_ended &&
        world->scenario.run_for_ns == SCENARIO_NONE) {
        finish(world);
        return;
    }
    if (world->heap.count != heap_count || world->events.count != event_count)
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
        send_to_clients(world, runner(world));
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
    while (!world->has_ended && (world->now_ns < until_ns || next_ns(world) <= until_ns))
        turn(world, until_ns);
    hand_out(world, events);
    return !world->has_ended;
}

bool world_step(struct world *world, struct event_list *events)
{
    while (!world->has_ended && world->events.count == 0)
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

uint64_t world_now_ns(const struct world *world)
{
    return world->now_ns;
}

uint64_t world_total_pages(const struct world *world)
{
    return world->hosts[HOST_SOURCE].guest->total_pages;
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

const struct bytes *world_console(const struct world *world)
{
    return &world->console;
}
