/* The move: both ends of the migration, the links between them, and what becomes of the guest when
 * one of the ends changes its phase. */
#include <stdio.h>

#include "base/units.h"
#include "sim/world_private.h"

/* A guest that should end by itself and does not is watched this long after the move. */
#define WATCH_NS (60 * NS_PER_S)

static uint64_t fill_link(struct world *world, uint32_t sender)
{
    struct link *link = &world->links[sender];
    struct bytes *bytes = link_fill(link);
    uint64_t charge = sender == HOST_SOURCE ? source_send(&world->source, world->now_ns, 0, bytes)
                                            : target_send(&world->target, bytes);
    link_corrupt(link, bytes, charge, &world->failures.prng);
    return charge;
}

/* The chunk put on the link last will leave it, and arrive. */
void world_await_chunk(struct world *world, uint32_t sender)
{
    const struct link *link = &world->links[sender];
    world_happen(world, link->free_at_ns, HAPPEN_LINK_FREE, sender, link->sent_count - 1);
    world_happen(world, link->last_arrives_ns, HAPPEN_ARRIVAL, sender, link->sent_count - 1);
}

/* A source that has nothing to say now may want to be asked without anything arriving. */
static void remember_source(struct world *world)
{
    uint64_t due_ns = source_deadline_ns(&world->source);
    if (due_ns >= world->source_due_ns)
        return;
    world->source_due_ns = due_ns;
    world_happen(world, due_ns, HAPPEN_SOURCE, 0, 0);
}

/* A fetch of the dirty log takes what is in the hardware's buffer with it. The guest has the cost
 * of that exit before it, if it still runs. */
static void drain_fetched_log(struct world *world, size_t first_event)
{
    bool is_fetched = false;
    for (size_t i = first_event; world->log_entries > 0 && i < world->events.count; i++)
        is_fetched |= world->events.items[i].kind == EVENT_LOG_FETCHED;
    if (is_fetched)
        world_drain_log(world, &world->hosts[HOST_SOURCE]);
}

/* Lets a link carry what its end has to send. One chunk at a time: an end is asked when the last
 * byte of the chunk before has left. */
void world_feed_link(struct world *world, uint32_t sender)
{
    enum phase before = world->source.phase;
    uint64_t charge;

    if (world->is_link_busy[sender] || !world->failures.is_connected)
        return;
    size_t first_event = world->events.count;
    charge = fill_link(world, sender);
    drain_fetched_log(world, first_event);
    world_reap_source(world, before);
    if (charge == 0) {
        remember_source(world);
        return;
    }
    link_send(&world->links[sender], world->now_ns, charge);
    world->is_link_busy[sender] = true;
    world_await_chunk(world, sender);
}

void world_link_free(struct world *world, const struct heap_entry *entry)
{
    if (!world->is_link_busy[entry->who] ||
        !link_is_free(&world->links[entry->who], world->now_ns, entry->what))
        return; /* a fault has moved this instant, or the chunk is lost */
    world->is_link_busy[entry->who] = false;
    world_feed_link(world, entry->who);
}

static void guest_runs_again(struct world *world, uint32_t host)
{
    struct host *here = &world->hosts[host];
    here->offset_ns = world->now_ns - here->guest->ops->now_ns(here->guest);
    service_rehome(world, here);
}

void world_schedule_end(struct world *world)
{
    uint64_t run_for_ns = world->scenario.run_for_ns;
    if (world->is_over)
        return;
    world->is_over = true;
    world_happen(world, world->now_ns + (run_for_ns == SCENARIO_NONE ? WATCH_NS : run_for_ns),
                 HAPPEN_END, 0, ++world->end_idx);
}

void world_unbar_harts(struct world *world)
{
    struct host *source = &world->hosts[HOST_SOURCE];
    uint32_t freed = world->barred_harts & ~source_barred_harts(&world->source);

    for (uint32_t i = 0; i < HART_MAX; i++)
        if ((freed >> i & 1) != 0)
            source->guest->ops->bar(source->guest, i, false);
    world->barred_harts &= ~freed;
    if (freed == 0 || !world->is_guest_stuck)
        return;
    world->is_guest_stuck = false;
    source->offset_ns = world->now_ns - source->guest->ops->now_ns(source->guest);
}

/* What a change of the source's phase means for the world. */
void world_reap_source(struct world *world, enum phase before)
{
    enum phase after = world->source.phase;
    bool was_paused = before != PHASE_SETUP && before != PHASE_COPY;

    world_unbar_harts(world);
    if (after == before)
        return;
    if (source_wants_pause(&world->source) && !was_paused && after != PHASE_POST_COPY)
        world_tell_progress(world, STRETCH_COPYING);
    if (after == PHASE_HAND_OVER)
        world->storage.writer = STORAGE_NOBODY;
    if (after == PHASE_ABORTED) {
        world_tell_progress(world, was_paused ? STRETCH_PAUSED : STRETCH_COPYING);
        world->storage.writer = HOST_SOURCE;
        snprintf(world->reason, sizeof world->reason, "%s", world->source.reason);
        if (was_paused)
            guest_runs_again(world, HOST_SOURCE);
        observe_abort(&world->observer, world->now_ns, world->hosts[HOST_SOURCE].guest,
                      world_may_run(world, HOST_SOURCE), world_may_run(world, HOST_TARGET));
        if (world->clients.count > 0)
            observe_streams_at_cut(&world->observer, world->now_ns,
                                   machine_mailbox(world->hosts[HOST_SOURCE].guest));
        world_schedule_end(world);
    }
}

static void target_took_over(struct world *world)
{
    struct host *target = &world->hosts[HOST_TARGET];
    world->storage.writer = HOST_TARGET;
    if (world->observer.oracle.applies[RULE_ONE_INSTANT])
        observe_instant(&world->observer, world->now_ns, world->hosts[HOST_SOURCE].guest);
    observe_cut(&world->observer, world->now_ns, world->hosts[HOST_SOURCE].guest, target->guest);
    if (world->clients.count > 0)
        observe_streams_at_cut(&world->observer, world->now_ns, machine_mailbox(target->guest));
    guest_runs_again(world, HOST_TARGET);
    world_tell_progress(world, STRETCH_PAUSED);
}

static void source_hears(struct world *world, const struct bytes *bytes)
{
    enum phase before = world->source.phase;
    source_receive(&world->source, world->now_ns, bytes->data, bytes->count);
    world_reap_source(world, before);
}

static void target_hears(struct world *world, const struct bytes *bytes)
{
    bool was_running = target_is_running(&world->target);
    uint32_t were_waiting = target_waiting_harts(&world->target);
    bool was_complete = world->target.is_complete;
    size_t first_event = world->events.count;

    target_receive(&world->target, world->now_ns, bytes->data, bytes->count);
    if (!was_running && target_is_running(&world->target))
        target_took_over(world);
    else if (was_running)
        observe_installs(&world->observer, world->now_ns, &world->events, first_event,
                         world->hosts[HOST_SOURCE].guest, world->hosts[HOST_TARGET].guest);
    if (world->is_guest_stuck && target_waiting_harts(&world->target) < were_waiting) {
        world->is_guest_stuck = false;
        world_guest_goes_on(world);
    }
    if (!was_complete && world->target.is_complete) {
        world_tell_progress(world, STRETCH_SWITCHED);
        snprintf(world->reason, sizeof world->reason, "%s", world->source.reason);
        world_schedule_end(world);
    }
    service_forwarded(world);
}

void world_chunk_arrived(struct world *world, const struct heap_entry *entry)
{
    struct link *link = &world->links[entry->who];
    if (!link_is_due(link, world->now_ns, entry->what))
        return; /* a fault has moved this instant, or the chunk is lost */
    if (entry->who == HOST_TARGET)
        source_hears(world, &link_next(link)->bytes);
    else
        target_hears(world, &link_next(link)->bytes);
    link_drop(link);
    world_see_hang_up(world);
    world_feed_link(world, HOST_SOURCE);
    world_feed_link(world, HOST_TARGET);
    world_heed_silence(world);
}
