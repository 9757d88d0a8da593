/* The consistent cut: registers, memory, caches and devices belong to one instant.
 *
 * DOC: barrier
 *
 * A guest with a write-back cache flushes a buffer, then rings a device to read it from memory. The
 * flush is a promise: what comes after it finds the bytes in memory. While a move goes on there are
 * two memories, and the device may be served at the target, where it reads the target's copy. So
 * the promise must hold there as well:
 *
 *     source    PAGES of what was flushed ... BARRIER n                        the hart goes on
 *     target                                           installed, BARRIER_ACK n
 *
 * The hart that flushed waits; the others run. Which pages go before the barrier: those of the
 * flush of which the target holds an old copy. A page that was never sent needs none: it is not
 * there to be read. One that is clean and was sent may still be on its way, so that the barrier
 * goes out behind it all the same. They are taken out of the dirty log, and count as dirtied in the
 * round.
 *
 * Flushed pages and the strategy take turns, a chunk each: a guest that flushes all the time would
 * otherwise have the link for itself, and no round would ever end.
 *
 * At the pause nobody has to wait any longer: everything goes before COMMIT.
 */
#include "migrate/source_private.h"

#include <stdlib.h>

void source_open_cut(struct source *source)
{
    bitmap_init(&source->flushed, source->guest->total_pages);
    bitmap_init(&source->flush_dirtied, source->guest->total_pages);
    if (!source->config.has_barriers)
        return;
    source->sent_at = calloc(source->guest->total_pages, sizeof *source->sent_at);
    MUST(source->sent_at != NULL);
}

void source_close_cut(struct source *source)
{
    bitmap_fini(&source->flushed);
    bitmap_fini(&source->flush_dirtied);
    free(source->sent_at);
    source->sent_at = NULL;
}

/* ---- What has arrived ---- */

void source_note_sent(struct source *source, uint64_t first_idx, uint64_t count)
{
    for (uint64_t i = first_idx; source->sent_at != NULL && i < first_idx + count; i++)
        source->sent_at[i] = source->bursts_sent;
}

bool source_has_arrived(const struct source *source, uint64_t page_idx)
{
    return source->sent_at != NULL && bitmap_has(&source->sent, page_idx) &&
           !bitmap_has(&source->to_send, page_idx) &&
           !bitmap_has(&source->guest->dirty, page_idx) &&
           source->sent_at[page_idx] < source->bursts_arrived;
}

/* ---- Who waits ---- */

void source_release_barriers(struct source *source)
{
    for (uint32_t i = 0; i < HART_MAX; i++)
        source->barriers[i].is_waiting = false;
    if (source->flushed.set_count > 0)
        bitmap_clear_all(&source->flushed);
    source->guest->ops->tell_flushes(source->guest, false);
}

uint32_t source_barred_harts(const struct source *source)
{
    uint32_t harts = 0;
    for (uint32_t i = 0; i < HART_MAX; i++)
        harts |= (uint32_t)source->barriers[i].is_waiting << i;
    return harts;
}

uint64_t source_flush_dirtied(const struct source *source)
{
    const struct bitmap *log = &source->guest->dirty;
    return bitmap_union_count(&source->flush_dirtied, log) - log->set_count;
}

/* The pages of the flush that go before its barrier, out of the log. `*has_copies`: the target has
 * any of them, or they are on their way. */
static uint64_t find_stale(struct source *source, uint64_t now_ns, uint64_t first_idx,
                           uint64_t count, bool *has_copies)
{
    struct guest *guest = source->guest;
    uint64_t pages = 0, dirtied = 0, end_idx = first_idx + count, run;
    uint64_t at = bitmap_next(&source->sent, first_idx);

    *has_copies = at < end_idx;
    for (; at < end_idx; at = bitmap_next(&source->sent, at + run)) {
        run = bitmap_run(&source->sent, at, end_idx - at);
        for (uint64_t i = bitmap_next(&guest->dirty, at); i < at + run;
             i = bitmap_next(&guest->dirty, i + 1))
            bitmap_set(&source->flush_dirtied, i);
        dirtied += guest->ops->fetch_dirty(guest, at, run, &source->to_send);
        for (uint64_t i = bitmap_next(&source->to_send, at); i < at + run;
             i = bitmap_next(&source->to_send, i + 1), pages++)
            bitmap_set(&source->flushed, i);
    }
    if (dirtied > 0)
        source_tell_fetched(source, now_ns, dirtied, first_idx, count);
    return pages;
}

bool source_flushed(struct source *source, uint64_t now_ns, uint32_t hart_idx, uint64_t first_idx,
                    uint64_t count)
{
    bool has_copies;

    if (source->phase != PHASE_COPY || !source->config.has_barriers)
        return false;
    uint64_t pages = find_stale(source, now_ns, first_idx, count, &has_copies);
    if (!has_copies)
        return false;
    MUST(hart_idx < HART_MAX && !source->barriers[hart_idx].is_waiting);
    source->barriers[hart_idx] = (struct source_barrier){.is_waiting = true,
                                                         .barrier_idx = source->barrier_count++,
                                                         .pages = pages,
                                                         .since_ns = now_ns};
    return true;
}

/* ---- What goes before a barrier, and the barrier ---- */

/* The first page that was flushed and has not gone since, in its turn or in the strategy's. */
static uint64_t next_flushed(struct source *source)
{
    uint64_t first_idx;

    while ((first_idx = bitmap_next(&source->flushed, 0)) != BITMAP_NONE &&
           !bitmap_has(&source->to_send, first_idx))
        bitmap_clear(&source->flushed, first_idx);
    return first_idx;
}

/* The next run of what was flushed, as much of it as one chunk carries. */
static uint64_t send_flushed(struct source *source, uint64_t now_ns, uint64_t first_idx,
                             struct bytes *to)
{
    uint64_t most = source->config.copy_chunk_bytes / MESSAGE_PAGE_WIRE_BYTES;
    uint64_t count = bitmap_run(&source->flushed, first_idx, most == 0 ? 1 : most);

    count = bitmap_run(&source->to_send, first_idx, count);
    if (!source->is_round_open && !source->is_scanning)
        source_open_round(source, now_ns);
    return source_send_pages(source, now_ns, first_idx, count, WHY_RESENT, to);
}

void source_pass_turn(struct source *source)
{
    source->is_flush_served = false;
}

uint64_t source_send_barriers(struct source *source, uint64_t now_ns, struct bytes *to)
{
    size_t begin = to->count;
    uint64_t flushed_idx = next_flushed(source);

    if (flushed_idx != BITMAP_NONE && source->is_flush_served)
        return 0;
    source->is_flush_served = flushed_idx != BITMAP_NONE;
    if (flushed_idx != BITMAP_NONE)
        return send_flushed(source, now_ns, flushed_idx, to);
    for (uint32_t i = 0; i < HART_MAX; i++) {
        struct source_barrier *barrier = &source->barriers[i];
        if (!barrier->is_waiting || barrier->is_sent)
            continue;
        message_put_number(to, FRAME_BARRIER, barrier->barrier_idx);
        barrier->is_sent = true;
        barrier->burst_idx = source->bursts_sent;
        source_emit(source, (struct event){.at_ns = now_ns,
                                           .kind = EVENT_BARRIER_SENT,
                                           .barrier_sent = {.barrier_idx = barrier->barrier_idx,
                                                            .pages = barrier->pages}});
    }
    if (to->count == begin)
        return 0;
    source->bursts_sent++;
    source_emit(source, (struct event){.at_ns = now_ns,
                                       .kind = EVENT_FRAME_SENT,
                                       .frame_sent = {.bytes = to->count - begin}});
    return to->count - begin;
}

void source_receive_barrier_ack(struct source *source, uint64_t now_ns, const struct frame *frame)
{
    uint64_t barrier_idx;
    if (message_get_number(frame, &barrier_idx) != STATUS_OK)
        return;
    for (uint32_t i = 0; i < HART_MAX; i++) {
        struct source_barrier *barrier = &source->barriers[i];
        if (!barrier->is_waiting || !barrier->is_sent || barrier->barrier_idx != barrier_idx)
            continue;
        barrier->is_waiting = false;
        if (source->bursts_arrived <= barrier->burst_idx)
            source->bursts_arrived = barrier->burst_idx + 1;
        source_emit(source, (struct event){
                                .at_ns = now_ns,
                                .kind = EVENT_BARRIER_ACKNOWLEDGED,
                                .barrier_acknowledged = {.barrier_idx = barrier_idx,
                                                         .wait_ns = now_ns - barrier->since_ns}});
    }
}

void source_write_back(struct source *source, uint64_t now_ns)
{
    if (source->config.skips_write_back)
        return;
    struct guest_written written = source->guest->ops->write_back(source->guest);
    if (written.lines > 0)
        source_emit(source, (struct event){.at_ns = now_ns,
                                           .kind = EVENT_CACHE_WRITTEN_BACK,
                                           .cache_written_back = {.host = HOST_SOURCE,
                                                                  .lines = written.lines,
                                                                  .pages = written.pages}});
}
