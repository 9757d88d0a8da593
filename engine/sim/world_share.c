/* How much the guest runs: the shares that both ends ask for, and a guest that is held back. The
 * end that has the guest decides (throttle.h at the source, fault_throttle.h at the target); here
 * it is done: what all harts have in common by letting the guest's time stand still, what one has
 * less than the others by turns that it lets pass. */
#include "sim/world_private.h"

static uint32_t hart_count(const struct world *world)
{
    return scenario_is_model(&world->scenario) ? 1 : (uint32_t)world->scenario.hart_count;
}

/* What the end that has the guest wants that hart to have. */
static uint32_t wanted(const struct world *world, uint32_t host, uint32_t hart_idx)
{
    return host == HOST_TARGET ? target_share(&world->target, hart_idx)
                               : source_share(&world->source, hart_idx);
}

/* One of them has another share than was told last, wherever the guest was then. */
static void tell_share(struct world *world, uint32_t host, uint32_t hart_idx, uint32_t share)
{
    if (share == world->told_shares[hart_idx])
        return;
    world->told_shares[hart_idx] = share;
    world_emit(
        world,
        (struct event){.kind = EVENT_SHARE_SET,
                       .share_set = {.host = host, .hart_idx = hart_idx, .share_permille = share}});
}

/* What the guest would still stand still for is not to be paid any more: it goes on at once. */
static void end_standstill(struct world *world, struct host *home)
{
    uint64_t lived_ns = home->guest->ops->now_ns(home->guest);
    if (lived_ns + home->offset_ns > world->now_ns && lived_ns <= world->now_ns)
        home->offset_ns = world->now_ns - lived_ns;
}

void world_set_shares(struct world *world)
{
    struct host *home = world_home(world);
    uint32_t shares[HART_MAX], most = 0;
    bool is_changed = false;

    if (home == NULL)
        return;
    for (uint32_t i = 0; i < hart_count(world); i++) {
        shares[i] = wanted(world, host_idx(world, home), i);
        most = shares[i] > most ? shares[i] : most;
        is_changed |= shares[i] != home->shares[i];
        home->shares[i] = shares[i];
        tell_share(world, host_idx(world, home), i, shares[i]);
    }
    if (most == GUEST_SHARE_WHOLE && world->share.permille < GUEST_SHARE_WHOLE)
        end_standstill(world, home);
    share_set(&world->share, host_guest_ns(world, home), most);
    for (uint32_t i = 0; is_changed && i < hart_count(world); i++)
        home->guest->ops->set_share(home->guest, i,
                                    (shares[i] * GUEST_SHARE_WHOLE + most / 2) / most);
}

void world_end_slice(struct world *world, struct host *host, uint64_t at_ns)
{
    host->offset_ns += share_pass(&world->share);
    if (at_ns > world->now_ns)
        world->now_ns = at_ns;
    if (target_is_running(&world->target))
        target_tick(&world->target, world->now_ns);
    world_set_shares(world);
}

void world_guest_goes_on(struct world *world)
{
    struct host *home = world_home(world);
    if (home == NULL || world->is_guest_stuck || world->is_guest_held_back)
        return;
    home->offset_ns = world->now_ns - home->guest->ops->now_ns(home->guest);
    service_send(world, home);
}

bool world_hold_back(struct world *world)
{
    uint64_t until_ns = target_held_until_ns(&world->target);
    if (until_ns <= world->now_ns)
        return false;
    world->is_guest_held_back = true;
    world_happen(world, until_ns, HAPPEN_RELEASE, 0, 0);
    return true;
}

/* Harts that were stuck may have made the line longer, or pages that came may have ended it. */
void world_release(struct world *world)
{
    world->is_guest_held_back = false;
    if (!world_hold_back(world))
        world_guest_goes_on(world);
}

void world_tell_progress(struct world *world, enum stretch stretch)
{
    const struct guest *guest = world_guest(world);
    world_emit(world,
               (struct event){.kind = EVENT_PROGRESS_MADE,
                              .progress_made = {.stretch = stretch,
                                                .instructions = guest->ops->instructions(guest),
                                                .lived_ns = guest->ops->now_ns(guest)}});
}
