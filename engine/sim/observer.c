#include "sim/observer.h"

#include <stdlib.h>
#include <string.h>

#include "base/status.h"

#define COMPARE_PAGES 16 /* at a time: two buffers of 64 KiB on the stack */

void observer_init(struct observer *observer, uint32_t client_count)
{
    *observer = (struct observer){.client_count = client_count};
    observer->oracle.applies[RULE_ONE_RUNNER] = true;
    observer->oracle.applies[RULE_STREAMS] = client_count > 0;
    for (unsigned direction = 0; direction < DIRECTION_COUNT; direction++) {
        observer->witnesses[direction] = calloc(client_count + 1, sizeof(struct witness));
        MUST(observer->witnesses[direction] != NULL);
    }
}

void observer_fini(struct observer *observer)
{
    for (unsigned direction = 0; direction < DIRECTION_COUNT; direction++)
        free(observer->witnesses[direction]);
}

void observe_runners(struct observer *observer, uint64_t now_ns, bool may_run_at_source,
                     bool may_run_at_target)
{
    if (may_run_at_source && may_run_at_target)
        oracle_break(&observer->oracle, RULE_ONE_RUNNER, now_ns, "the guest may run at both hosts");
}

void observe_last_runner(struct observer *observer, uint64_t now_ns, bool may_run_at_source,
                         bool may_run_at_target)
{
    observe_runners(observer, now_ns, may_run_at_source, may_run_at_target);
    if (!may_run_at_source && !may_run_at_target)
        oracle_break(&observer->oracle, RULE_ONE_RUNNER, now_ns, "the guest was lost");
}

/* ---- Streams ---- */

static const char *direction_name(enum direction direction)
{
    return direction == TO_GUEST ? "to the guest" : "to the client";
}

void observe_writer(struct observer *observer, uint64_t now_ns, enum direction direction,
                    uint32_t client_idx, const struct stream *stream)
{
    if (!witness_follow_writer(&observer->witnesses[direction][client_idx], stream))
        oracle_break(&observer->oracle, RULE_STREAMS, now_ns,
                     "client %u, %s: the writing end has lost or changed bytes", client_idx,
                     direction_name(direction));
}

void observe_packet(struct observer *observer, uint64_t now_ns, enum direction direction,
                    uint32_t client_idx, bool is_sound, const struct stream *stream)
{
    if (!is_sound || !witness_follow_reader(&observer->witnesses[direction][client_idx], stream))
        oracle_break(&observer->oracle, RULE_STREAMS, now_ns,
                     "client %u, %s: what arrived is not what was written", client_idx,
                     direction_name(direction));
}

void observe_streams_at_cut(struct observer *observer, uint64_t now_ns,
                            const struct mailbox *mailbox)
{
    for (uint32_t i = 0; i < observer->client_count; i++) {
        const struct mailbox_slot *slot = &mailbox->slots[i];
        if (slot->state == MAILBOX_FREE) {
            if (observer->witnesses[TO_GUEST][i].read > 0)
                oracle_break(&observer->oracle, RULE_STREAMS, now_ns,
                             "client %u: the connection did not come along", i);
            continue;
        }
        observe_writer(observer, now_ns, TO_CLIENT, i, &slot->stream);
        observe_packet(observer, now_ns, TO_GUEST, i, true, &slot->stream);
        if (!witness_is_where_it_was(&observer->witnesses[TO_GUEST][i], &slot->stream))
            oracle_break(&observer->oracle, RULE_STREAMS, now_ns,
                         "client %u: the guest's end is not where it was at the cut", i);
    }
}

/* ---- The cut ---- */

#define LINE_BYTES 64 /* what a flush writes back at once */

void observe_instant(struct observer *observer, uint64_t now_ns, const struct guest *source)
{
    uint8_t held[PAGE_BYTES], seen[PAGE_BYTES];
    if (!source->ops->is_quiet(source))
        oracle_break(&observer->oracle, RULE_ONE_INSTANT, now_ns,
                     "a device was still at work at the cut");
    for (uint64_t i = 0; i < source->total_pages; i++) {
        source->ops->read_pages(source, i, 1, held);
        source->ops->read_contents(source, i, seen);
        if (memcmp(held, seen, PAGE_BYTES) != 0)
            oracle_break(
                &observer->oracle, RULE_ONE_INSTANT, now_ns,
                "page %llu: what the harts had stored was in the cache at the cut, and not "
                "in memory",
                (unsigned long long)i);
    }
}

void observe_dma(struct observer *observer, uint64_t now_ns, uint64_t block_idx,
                 const uint8_t asked[DISK_BLOCK_BYTES], const uint8_t now[DISK_BLOCK_BYTES],
                 const uint8_t block[DISK_BLOCK_BYTES])
{
    observer->oracle.applies[RULE_ONE_INSTANT] = true;
    for (unsigned at = 0; at < DISK_BLOCK_BYTES; at += LINE_BYTES)
        if (memcmp(block + at, asked + at, LINE_BYTES) != 0 &&
            memcmp(block + at, now + at, LINE_BYTES) != 0)
            oracle_break(&observer->oracle, RULE_ONE_INSTANT, now_ns,
                         "block %llu: the disk read something else than what the guest had flushed",
                         (unsigned long long)block_idx);
}

void observe_second_writer(struct observer *observer, uint64_t now_ns, uint32_t host_idx)
{
    oracle_break(&observer->oracle, RULE_ONE_INSTANT, now_ns,
                 "the guest of host %u wrote to the disk, and is not the one that may", host_idx);
}

/* ---- Memory ---- */

static bool may_differ(const struct guest *target, uint64_t page_idx)
{
    return !bitmap_has(&target->present, page_idx) || bitmap_has(&target->dirty, page_idx);
}

/* Compares present pages one by one where a run of them is not equal at once. */
static void compare(struct observer *observer, uint64_t now_ns, const struct guest *source,
                    const struct guest *target, uint64_t first_idx, uint64_t count)
{
    uint8_t ours[COMPARE_PAGES * PAGE_BYTES], theirs[COMPARE_PAGES * PAGE_BYTES];
    uint32_t payload_bytes = source->ops->payload_bytes;

    for (uint64_t at = first_idx; at < first_idx + count;) {
        uint64_t most = first_idx + count - at;
        uint64_t run =
            bitmap_run(&target->present, at, most < COMPARE_PAGES ? most : COMPARE_PAGES);
        if (run == 0) {
            at = bitmap_next(&target->present, at);
            continue;
        }
        source->ops->read_pages(source, at, run, ours);
        target->ops->read_pages(target, at, run, theirs);
        for (uint64_t i = 0; i < run; i++)
            if (memcmp(ours + i * payload_bytes, theirs + i * payload_bytes, payload_bytes) != 0 &&
                !may_differ(target, at + i))
                oracle_break(&observer->oracle, RULE_SAME_MEMORY, now_ns,
                             "page %llu is not what the source had at the cut",
                             (unsigned long long)(at + i));
        at += run;
    }
}

void observe_cut(struct observer *observer, uint64_t now_ns, const struct guest *source,
                 const struct guest *target)
{
    observer->oracle.applies[RULE_SAME_MEMORY] = true;
    observer->has_cut = true;
    observer->lived_at_cut_ns = source->ops->now_ns(source);
    compare(observer, now_ns, source, target, 0, target->total_pages);
}

void observe_installs(struct observer *observer, uint64_t now_ns, const struct event_list *events,
                      size_t first, const struct guest *source, const struct guest *target)
{
    for (size_t i = first; i < events->count; i++)
        if (events->items[i].kind == EVENT_PAGES_INSTALLED)
            compare(observer, now_ns, source, target, events->items[i].pages_installed.first_idx,
                    events->items[i].pages_installed.count);
}

void observe_end(struct observer *observer, uint64_t now_ns, const struct guest *source,
                 const struct guest *target)
{
    compare(observer, now_ns, source, target, 0, target->total_pages);
    if (source->ops->now_ns(source) != observer->lived_at_cut_ns)
        oracle_break(&observer->oracle, RULE_ONE_RUNNER, now_ns,
                     "the guest ran on at the source after the cut");
    if (target->present.set_count != target->total_pages)
        oracle_break(&observer->oracle, RULE_SAME_MEMORY, now_ns, "%llu pages never arrived",
                     (unsigned long long)(target->total_pages - target->present.set_count));
}
