/* The guest: it runs at one of the hosts until something happens, and what it stops for happens to
 * the world. */
#include "base/units.h"
#include "sim/world_private.h"

/* A guest that writes for ever is told of so often: its events would fill all memory. */
#define CONSOLE_TOLD_NS      (100 * NS_PER_US)
#define HARDWARE_LOG_ENTRIES 512 /* a page of 8-byte addresses: Intel's manual, volume 3, PML */

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

/* DOC: dirty-tracking
 *
 * By trap, each first write costs an exit. A processor that logs (Intel PML) writes the page's
 * number into a buffer by itself, and exits when that is full. */
static void page_dirtied(struct world *world, struct host *host, const struct guest_run *run)
{
    bool is_logged = world->scenario.dirty_tracking == TRACKING_HARDWARE_LOG;

    if (host_idx(world, host) == HOST_SOURCE)
        source_dirtied(&world->source, run->hart_idx);
    world_emit(world, (struct event){.kind = EVENT_PAGE_DIRTIED,
                                     .page_dirtied = {.page_idx = run->page_idx,
                                                      .host = host_idx(world, host),
                                                      .hart_idx = run->hart_idx,
                                                      .pc = run->pc,
                                                      .is_logged = is_logged}});
    if (!is_logged)
        host->offset_ns += world->scenario.trap_cost_ns;
    else if (++world->log_entries == HARDWARE_LOG_ENTRIES)
        world_drain_log(world, host);
}

void world_drain_log(struct world *world, struct host *host)
{
    if (world->log_entries == 0)
        return;
    world_emit(world, (struct event){.kind = EVENT_LOG_DRAINED,
                                     .log_drained = {.entries = world->log_entries}});
    world->log_entries = 0;
    host->offset_ns += world->scenario.trap_cost_ns;
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
        page_dirtied(world, host, run);
        return true;
    case GUEST_MISSING:
        if (!target_is_waiting(&world->target, run->hart_idx))
            target_fault(&world->target, world->now_ns, run->hart_idx, run->page_idx);
        world->is_guest_stuck = run->is_stuck;
        world_feed_link(world, HOST_TARGET);
        return !world_hold_back(world) && !run->is_stuck;
    case GUEST_FLUSHED:
        world_drain_log(world, host); /* which of its pages are dirty is asked now */
        if (source_flushed(&world->source, world->now_ns, run->hart_idx, run->page_idx,
                           run->page_count)) {
            world->barred_harts |= 1u << run->hart_idx;
            host->guest->ops->bar(host->guest, run->hart_idx, true);
            world_feed_link(world, HOST_SOURCE);
        }
        return true;
    case GUEST_BARRED:
        world->is_guest_stuck = true;
        return false;
    case GUEST_OUTPUT:
        world_poke_disk(world);
        world_drain_console(world, host);
        service_send(world, host);
        return true;
    case GUEST_ENDED:
        guest_ended(world, host, run);
        return false;
    }
    return false;
}

/* When the guest has had its share of this period, in world time; UINT64_MAX: it has it all. */
static uint64_t slice_end(const struct world *world, const struct host *host)
{
    uint64_t end_ns = world->share.slice_end_ns;
    return end_ns == UINT64_MAX ? UINT64_MAX : end_ns + host->offset_ns;
}

/* Runs the guest until `until_ns` at the latest; earlier where it causes something to happen before
 * that. */
void world_run_guest(struct world *world, uint64_t until_ns)
{
    world_set_shares(world);
    struct host *host = world_runner(world);
    size_t heap_count = world->heap.count;
    size_t event_count = world->events.count;

    while (host != NULL) {
        const struct guest_ops *ops = host->guest->ops;
        struct guest_run run = {0};
        uint64_t slice_end_ns = slice_end(world, host);
        uint64_t stop_ns = slice_end_ns < until_ns ? slice_end_ns : until_ns;
        if (ops->now_ns(host->guest) + host->offset_ns > until_ns)
            return;
        if (world->debug != NULL)
            debug_run(world->debug, host->guest, stop_ns - host->offset_ns, &run);
        else
            ops->run(host->guest, stop_ns - host->offset_ns, &run);
        uint64_t stopped_ns = ops->now_ns(host->guest) + host->offset_ns;
        if (stopped_ns > world->now_ns)
            world->now_ns = stopped_ns;
        bool goes_on = guest_stopped(world, host, &run, stop_ns);
        bool is_out_of_time = run.stop == GUEST_TIME_REACHED || run.stop == GUEST_IDLE;
        if (!goes_on && !(is_out_of_time && stop_ns == slice_end_ns))
            return;
        if (!goes_on)
            world_end_slice(world, host, stop_ns);
        if (world->heap.count != heap_count || world->events.count != event_count)
            return; /* what it caused may come before until_ns */
    }
}
