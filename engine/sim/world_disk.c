/* The disk: how a request comes from the guest to whoever serves the blocks, and back.
 *
 * DOC: disk-at
 *
 *   served where the guest runs    the host reads the guest's memory and writes the block: done.
 *                                  (--disk-at shared: always. Each host reaches the box by itself.)
 *   served at the other host       the request travels with its data, one latency; the block is
 *                                  written there, and one latency later the guest is told.
 *   served at the target while     the *doorbell* travels alone: the target is known to hold what
 *   a move goes on, with --cache   the source's memory holds of the page, and reads its own copy.
 *                                  That is known after a BARRIER (migrate/source_cut.c); a page of
 *                                  which it is not known travels along: one that another device
 *                                  wrote to, or that was given away. Where the target has no copy
 *                                  after all, or the move ends meanwhile, it asks for the data.
 *
 * A block that is read travels with the answer, and is written into the memory of the guest's host.
 * Requests and answers take a latency of the migration link and none of its bandwidth: they have a
 * network of their own, which the link's faults do not befall. One request is served after the
 * other, DISK_NS each. None moves with the guest: the pause waits until the last one is done.
 *
 * A host that crashed serves nothing, and what was on its way to it is lost. The guest's host,
 * which reaches the box by itself, asks again and serves from then on: a disk does not go down with
 * the host it was served at. (Who wants to see what it is to depend on the old host has post-copy.)
 */
#include "base/units.h"
#include "sim/world_private.h"

#define DISK_NS (50 * NS_PER_US) /* to find a block and write it, as a solid-state disk does */

static struct host *owner(struct world *world)
{
    return &world->hosts[target_is_running(&world->target) ? HOST_TARGET : HOST_SOURCE];
}

static bool has_crashed(const struct world *world, uint32_t host)
{
    return world->failures.has_crashed[host];
}

static uint32_t server(const struct world *world, uint32_t owner_idx)
{
    if (world->scenario.disk_at == DISK_SOURCE && !has_crashed(world, HOST_SOURCE))
        return HOST_SOURCE;
    if (world->scenario.disk_at == DISK_TARGET && !has_crashed(world, HOST_TARGET))
        return HOST_TARGET;
    return owner_idx;
}

/* The target gets copies of the guest's pages, and in the order of its flushes. */
static bool is_copied(const struct world *world)
{
    enum phase phase = world->source.phase;
    return world->scenario.cache != 0 && (phase == PHASE_COPY || phase == PHASE_PAUSE);
}

static void step_in(struct world *world, uint64_t wait_ns, enum disk_step step)
{
    world_happen(world, world->now_ns + wait_ns, HAPPEN_DISK, step, 0);
}

/* Reads what the guest has in memory where it lives, and sends it along. */
static void carry(struct world *world, const struct disk_request *request)
{
    struct world_disk *disk = &world->disk;
    disk->path = DISK_CARRIED;
    if (request->is_write)
        machine_dma_read(owner(world)->guest, request->address, sizeof disk->block, disk->block);
    step_in(world, world->scenario.latency_ns + DISK_NS, DISK_SERVE);
}

/* The target's copy is what memory holds here. A page of which that is not known travels with the
 * request: flushes are awaited, and memory changes without them as well, where a device has written
 * to it or the guest has given it away. Who leaves the barrier out rings regardless. */
static bool may_ring(const struct world *world, const struct disk_request *request)
{
    return !request->is_write || world->scenario.leave_out == LEAVE_OUT_BARRIER ||
           source_has_arrived(&world->source, (request->address - RAM_BASE) / PAGE_BYTES);
}

void world_poke_disk(struct world *world)
{
    struct world_disk *disk = &world->disk;
    struct host *host = owner(world);

    if (scenario_is_model(&world->scenario) || disk->is_busy)
        return;
    const struct disk_request *request = disk_first(machine_disk(host->guest));
    if (request == NULL)
        return;
    disk->is_busy = true;
    disk->served_at = server(world, host_idx(world, host));
    if (request->is_write)
        machine_dma_read(host->guest, request->address, sizeof disk->asked, disk->asked);
    if (disk->served_at == host_idx(world, host)) {
        disk->path = DISK_LOCAL;
        step_in(world, DISK_NS, DISK_SERVE);
    } else if (disk->served_at == HOST_TARGET && is_copied(world) && may_ring(world, request)) {
        disk->path = DISK_DOORBELL;
        step_in(world, world->scenario.latency_ns + DISK_NS, DISK_SERVE);
    } else {
        carry(world, request);
    }
}

static void finish(struct world *world, const struct disk_request *request)
{
    struct host *host = owner(world);
    if (!request->is_write)
        machine_dma_write(host->guest, request->address, DISK_BLOCK_BYTES, world->disk.block);
    disk_complete(machine_disk(host->guest));
    world->disk.is_busy = false;
    world_poke_disk(world);
    world_feed_link(world, HOST_SOURCE); /* the pause may have waited for this one */
}

static void write_block(struct world *world, const struct disk_request *request)
{
    struct world_disk *disk = &world->disk;
    struct host *host = owner(world);
    uint32_t from_host = host_idx(world, host);
    uint8_t now[DISK_BLOCK_BYTES];

    machine_dma_read(host->guest, request->address, sizeof now, now);
    observe_dma(&world->observer, world->now_ns, request->block_idx, disk->asked, now, disk->block);
    if (!storage_write(&world->storage, from_host, request->block_idx, disk->block))
        observe_second_writer(&world->observer, world->now_ns, from_host);
    world_emit(world, (struct event){.kind = EVENT_DISK_WRITTEN,
                                     .disk_written = {.block_idx = request->block_idx,
                                                      .bytes = DISK_BLOCK_BYTES,
                                                      .served_at = disk->served_at,
                                                      .from_host = from_host}});
}

/* The request is where the blocks are. False: without what it needs. */
static bool serve(struct world *world, const struct disk_request *request)
{
    struct world_disk *disk = &world->disk;
    const struct guest *target = world->hosts[HOST_TARGET].guest;

    if (!request->is_write) {
        storage_read(&world->storage, request->block_idx, disk->block);
        return true;
    }
    if (disk->path == DISK_DOORBELL) {
        uint64_t page_idx = (request->address - RAM_BASE) / PAGE_BYTES;
        if (!is_copied(world) || !bitmap_has(&target->present, page_idx))
            return false;
        machine_dma_read(target, request->address, sizeof disk->block, disk->block);
    } else if (disk->path == DISK_LOCAL) {
        machine_dma_read(owner(world)->guest, request->address, sizeof disk->block, disk->block);
    }
    write_block(world, request);
    return true;
}

/* The host that was to serve it is gone: the guest's own asks again. */
static void ask_again(struct world *world)
{
    world->disk.is_busy = false;
    world_poke_disk(world);
}

void world_disk(struct world *world, enum disk_step step)
{
    const struct disk_request *request = disk_first(machine_disk(owner(world)->guest));
    uint64_t latency_ns = world->scenario.latency_ns;

    MUST(request != NULL && world->disk.is_busy);
    if (has_crashed(world, host_idx(world, owner(world))))
        return; /* with its guest: nobody asks any more */
    if (step == DISK_SERVE && has_crashed(world, world->disk.served_at)) {
        ask_again(world);
        return;
    }
    switch (step) {
    case DISK_SERVE:
        if (!serve(world, request))
            step_in(world, latency_ns, DISK_ASK_FOR_DATA);
        else if (world->disk.path == DISK_LOCAL)
            finish(world, request);
        else
            step_in(world, latency_ns, DISK_ANSWER);
        return;
    case DISK_ASK_FOR_DATA:
        carry(world, request);
        return;
    case DISK_ANSWER:
        finish(world, request);
        return;
    }
}
