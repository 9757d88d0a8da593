#include "sim/observer.h"

#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/status.h"
#include "sim/instant.h"

#define COMPARE_PAGES 16 /* at a time: two buffers of 64 KiB on the stack */
/* To digest a large memory twice would take longer than to move it. */
#define DIGEST_PAGES_MAX 16384

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
    bitmap_fini(&observer->arrived);
}

void observe_runners(struct observer *observer, uint64_t now_ns, bool may_run_at_source,
                     bool may_run_at_target)
{
    if (may_run_at_source && may_run_at_target)
        oracle_break(&observer->oracle, RULE_ONE_RUNNER, now_ns, "the guest may run at both hosts");
}

void observe_lives(struct observer *observer, uint64_t now_ns, const struct guest *source,
                   const struct guest *target)
{
    if (observer->has_cut && source->ops->now_ns(source) != observer->lived_at_cut_ns)
        oracle_break(&observer->oracle, RULE_ONE_RUNNER, now_ns,
                     "the guest ran on at the source after the cut");
    if (!observer->has_cut && target->ops->now_ns(target) != 0)
        oracle_break(&observer->oracle, RULE_ONE_RUNNER, now_ns,
                     "the guest lives at the target before the cut");
}

void observe_events(struct observer *observer, const struct event_list *events, size_t first)
{
    for (size_t i = first; i < events->count; i++)
        chronicle_read(&observer->chronicle, &events->items[i], &observer->oracle);
}

void observe_last_runner(struct observer *observer, uint64_t now_ns, bool may_run_at_source,
                         bool may_run_at_target, const char *said)
{
    observe_runners(observer, now_ns, may_run_at_source, may_run_at_target);
    if (!may_run_at_source && !may_run_at_target && *said == '\0')
        oracle_break(&observer->oracle, RULE_ONE_RUNNER, now_ns,
                     "the guest was lost, and nobody said why");
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

/* Of all of the source's pages that are there; 0 where they are too many. */
static uint64_t memory_digest(const struct guest *guest)
{
    uint8_t payloads[COMPARE_PAGES * PAGE_BYTES];

    if (guest->total_pages > DIGEST_PAGES_MAX)
        return 0;
    struct digest *digest = digest_open();
    for (uint64_t at = 0; at < guest->total_pages;) {
        uint64_t run = bitmap_run(&guest->present, at, COMPARE_PAGES);
        if (run == 0) {
            at = bitmap_next(&guest->present, at);
            continue;
        }
        guest->ops->read_pages(guest, at, run, payloads);
        digest_add(digest, payloads, run * guest->ops->payload_bytes);
        at += run;
    }
    uint64_t value = digest_value(digest);
    digest_close(digest);
    return value;
}

static void note_arrival(struct observer *observer, uint64_t now_ns, uint64_t page_idx)
{
    if (observer->was_whole_at_cut || !bitmap_set(&observer->arrived, page_idx))
        oracle_break(&observer->oracle, RULE_SAME_MEMORY, now_ns,
                     "page %llu arrived over what the guest has there since",
                     (unsigned long long)page_idx);
}

void observe_cut(struct observer *observer, uint64_t now_ns, const struct guest *source,
                 const struct guest *target)
{
    char what[160];

    observer->oracle.applies[RULE_SAME_MEMORY] = true;
    observer->oracle.applies[RULE_ONE_INSTANT] = true;
    observer->has_cut = true;
    observer->lived_at_cut_ns = source->ops->now_ns(source);
    observer->source_digest = memory_digest(source);
    observer->was_whole_at_cut = target->present.set_count == target->total_pages;
    if (!observer->was_whole_at_cut) {
        bitmap_fini(&observer->arrived);
        bitmap_init(&observer->arrived, target->total_pages);
        bitmap_copy(&observer->arrived, &target->present);
    }
    compare(observer, now_ns, source, target, 0, target->total_pages);
    if (!instant_is_one(source, target, what, sizeof what))
        oracle_break(&observer->oracle, RULE_ONE_INSTANT, now_ns, "%s", what);
}

void observe_installs(struct observer *observer, uint64_t now_ns, const struct event_list *events,
                      size_t first, const struct guest *source, const struct guest *target)
{
    for (size_t i = first; i < events->count; i++) {
        if (events->items[i].kind != EVENT_PAGES_INSTALLED)
            continue;
        uint64_t first_idx = events->items[i].pages_installed.first_idx;
        uint64_t count = events->items[i].pages_installed.count;
        compare(observer, now_ns, source, target, first_idx, count);
        for (uint64_t page = 0; page < count; page++)
            note_arrival(observer, now_ns, first_idx + page);
    }
}

void observe_end(struct observer *observer, uint64_t now_ns, const struct guest *source,
                 const struct guest *target)
{
    compare(observer, now_ns, source, target, 0, target->total_pages);
    observe_lives(observer, now_ns, source, target);
    if (memory_digest(source) != observer->source_digest)
        oracle_break(&observer->oracle, RULE_SAME_MEMORY, now_ns,
                     "the source's memory is not what it was at the cut");
    if (target->present.set_count != target->total_pages)
        oracle_break(&observer->oracle, RULE_SAME_MEMORY, now_ns, "%llu pages never arrived",
                     (unsigned long long)(target->total_pages - target->present.set_count));
}

/* ---- Failures ---- */

static void break_safe(struct observer *observer, uint64_t now_ns, bool is_broken, const char *what)
{
    observer->oracle.applies[RULE_SAFE] = true;
    if (is_broken)
        oracle_break(&observer->oracle, RULE_SAFE, now_ns, "%s", what);
}

void observe_abort(struct observer *observer, uint64_t now_ns, const struct guest *source,
                   bool may_run_at_source, bool may_run_at_target)
{
    observer->has_aborted = true;
    observer->aborted_ns = now_ns;
    observer->lived_at_abort_ns = source->ops->now_ns(source);
    break_safe(observer, now_ns, !may_run_at_source || may_run_at_target,
               "the move was given up, and the guest is not at the source");
    break_safe(observer, now_ns, source->present.set_count != source->total_pages,
               "the move was given up, and the source lacks pages");
    break_safe(observer, now_ns, source->is_tracking,
               "the move was given up, and writes still trap");
}

/* Nothing holds it back any more: it has lived all of the time since. */
void observe_end_after_abort(struct observer *observer, uint64_t now_ns, const struct guest *source,
                             bool has_guest_ended, uint64_t slack_ns)
{
    uint64_t lived_ns = source->ops->now_ns(source) - observer->lived_at_abort_ns;

    if (!observer->has_aborted || has_guest_ended)
        return;
    break_safe(observer, now_ns, lived_ns + slack_ns < now_ns - observer->aborted_ns,
               "the move was given up, and the guest did not go on as before");
}

/* Neither done nor undone: all that the guest is made of is still at one of the two hosts. */
void observe_standstill(struct observer *observer, uint64_t now_ns, const struct guest *source,
                        const struct guest *target)
{
    break_safe(observer, now_ns, source->present.set_count != source->total_pages,
               "the move stands still, and the source has given pages away");
    if (!observer->has_cut)
        return;
    compare(observer, now_ns, source, target, 0, target->total_pages);
    if (source->ops->now_ns(source) != observer->lived_at_cut_ns)
        oracle_break(&observer->oracle, RULE_ONE_RUNNER, now_ns,
                     "the guest ran on at the source after the cut");
}
