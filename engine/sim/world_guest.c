/* The guest: it runs at one of the hosts until something happens, and what it stops for happens to
 * the world. */
#include "base/units.h"
#include "sim/world_private.h"

/* A guest that writes for ever is told of so often: its events would fill all memory. */
#define CONSOLE_TOLD_NS (100 * NS_PER_US)

bool world_is_held(const struct world *world)
{
    return world->debug != NULL && world->debug->is_held;
}

void world_tell_console(struct world *world)
{
    if (world->untold_bytes > 0)
        world_emit(world, (struct event){.kind = EVENT_CONSOLE_WRITTEN,
                                         .console_written = {.host = world->untold_host,
                                                             .bytes = world->untold_bytes}});
    world->untold_bytes = 0;
    world->told_ns = world->now_ns;
}

/* Told at once where nothing was told for a while, else when the while is over. */
void world_drain_console(struct world *world, struct host *host)
{
    if (scenario_is_model(&world->scenario))
        return;
    uint64_t count = console_take(&world->console, machine_console(host->guest));
    if (count == 0)
        return;
    if (world->untold_host != host_idx(world, host))
        world_tell_console(world);
    world->untold_host = host_idx(world, host);
    world->untold_bytes += count;
    if (world->told_ns == 0 || world->now_ns - world->told_ns >= CONSOLE_TOLD_NS)
        world_tell_console(world);
    else if (!world->is_telling)
        world_happen(world, world->told_ns + CONSOLE_TOLD_NS, HAPPEN_CONSOLE, 0, 0);
    world->is_telling = world->untold_bytes > 0;
}

static void guest_ended(struct world *world, struct host *host, const struct guest_run *run)
{
    if (world->has_guest_ended)
        return;
    world->has_guest_ended = true;
    world_drain_console(world, host);
    world_tell_console(world);
    world_emit(world, (struct event){.kind = EVENT_GUEST_ENDED,
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
        world_emit(world, (struct event){.kind = EVENT_PAGE_DIRTIED,
                                         .page_dirtied = {.page_idx = run->page_idx,
                                                          .host = host_idx(world, host),
                                                          .hart_idx = run->hart_idx,
                                                          .pc = run->pc}});
        host->offset_ns += world->scenario.trap_cost_ns;
        return true;
    case GUEST_MISSING:
        if (!target_is_waiting(&world->target, run->hart_idx))
            target_fault(&world->target, world->now_ns, run->hart_idx, run->page_idx);
        world->is_guest_stuck = run->is_stuck;
        world_feed_link(world, HOST_TARGET);
        return !run->is_stuck;
    case GUEST_OUTPUT:
        world_drain_console(world, host);
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
void world_run_guest(struct world *world, uint64_t until_ns)
{
    struct host *host = world_runner(world);
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
