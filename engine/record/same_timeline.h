/* same_timeline: two timelines show the same, in all that can be asked of them. For tests. */
#ifndef RECORD_SAME_TIMELINE_H
#define RECORD_SAME_TIMELINE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "record/timeline.h"

static inline void assert_same_rounds(const struct timeline *a, const struct timeline *b)
{
    assert_int_equal(a->round_count, b->round_count);
    for (uint32_t i = 0; i < a->round_count; i++) {
        assert_int_equal(a->rounds[i].round_idx, b->rounds[i].round_idx);
        assert_int_equal(a->rounds[i].started_ns, b->rounds[i].started_ns);
        assert_int_equal(a->rounds[i].pages, b->rounds[i].pages);
        assert_int_equal(a->rounds[i].pages_sent, b->rounds[i].pages_sent);
        assert_int_equal(a->rounds[i].bytes_sent, b->rounds[i].bytes_sent);
        assert_int_equal(a->rounds[i].duration_ns, b->rounds[i].duration_ns);
        assert_int_equal(a->rounds[i].dirtied_pages, b->rounds[i].dirtied_pages);
        assert_int_equal(a->rounds[i].is_paused, b->rounds[i].is_paused);
        assert_int_equal(a->rounds[i].has_ended, b->rounds[i].has_ended);
    }
    assert_int_equal(timeline_mu(a), timeline_mu(b));
    assert_int_equal(timeline_delta(a), timeline_delta(b));
}

static inline void assert_same_slices(const struct timeline *a, const struct timeline *b)
{
    assert_int_equal(a->slice_count, b->slice_count);
    for (uint32_t i = 0; i < a->slice_count; i++) {
        assert_int_equal(a->slices[i].answers, b->slices[i].answers);
        assert_int_equal(a->slices[i].wrong, b->slices[i].wrong);
        assert_int_equal(a->slices[i].latency_max_ns, b->slices[i].latency_max_ns);
    }
}

static inline void assert_same_spread(struct timeline_spread a, struct timeline_spread b)
{
    assert_int_equal(a.count, b.count);
    assert_int_equal(a.p50, b.p50);
    assert_int_equal(a.p99, b.p99);
    assert_int_equal(a.max, b.max);
}

/* Every page by itself, and in cells of a map, which are counted in another way. */
static inline void assert_same_pages(const struct timeline *a, const struct timeline *b)
{
    uint64_t pages = a->total_pages, cell = pages / 37 + 1;
    for (uint32_t host = 0; host < HOST_COUNT; host++) {
        for (uint64_t i = 0; i < pages; i++)
            if (timeline_page(a, host, i) != timeline_page(b, host, i))
                fail_msg("page %llu at host %u", (unsigned long long)i, host);
        for (uint64_t i = 0; i < pages; i += cell) {
            uint64_t ours[PAGE_STATE_COUNT], theirs[PAGE_STATE_COUNT];
            uint64_t count = cell < pages - i ? cell : pages - i;
            timeline_map_cell(a, host, i, count, ours);
            timeline_map_cell(b, host, i, count, theirs);
            assert_memory_equal(ours, theirs, sizeof ours);
        }
    }
}

static inline void assert_same_timeline(const struct timeline *a, const struct timeline *b)
{
#define SAME(member) assert_int_equal(a->member, b->member)
    SAME(now_ns), SAME(event_count), SAME(total_pages);
    SAME(has_started), SAME(has_ended), SAME(mode), SAME(phase), SAME(outcome);
    SAME(started_ns), SAME(ended_ns), SAME(is_limit_exceeded);
    SAME(forecast_downtime_ns), SAME(forecast_pause_ns), SAME(forecast_sent);
    SAME(is_pause_in_a_round), SAME(has_left_pages);
    SAME(host), SAME(is_paused), SAME(has_guest_ended), SAME(guest_ended_ns), SAME(guest_status);
    SAME(is_guest_fault), SAME(paused_at_ns), SAME(resumed_at_ns), SAME(has_resumed);
    SAME(downtime_ns);
    SAME(pages_sent), SAME(pages_resent);
    for (unsigned why = 0; why < WHY_COUNT; why++)
        SAME(sent_by_why[why]);
    SAME(bytes_on_wire), SAME(framing_bytes), SAME(state_bytes), SAME(dirty_traps);
    SAME(cut.barriers_sent), SAME(cut.barriers_acknowledged), SAME(cut.flushed_pages);
    SAME(cut.barrier_wait_ns), SAME(cut.barrier_wait_max_ns), SAME(cut.lines_written_back);
    SAME(cut.pages_written_back), SAME(cut.disk_blocks_written);
    SAME(faults), SAME(pages_pushed), SAME(pages_missing), SAME(waiting_harts);
    SAME(requests), SAME(answers), SAME(errors), SAME(first_request_ns);
    SAME(longest_silence_ns), SAME(last_latency_ns);
    SAME(has_run_ended), SAME(instructions), SAME(digest);
#undef SAME
    assert_same_rounds(a, b);
    assert_same_slices(a, b);
    assert_same_spread(timeline_latency(a), timeline_latency(b));
    assert_same_spread(timeline_fault_wait(a), timeline_fault_wait(b));
    assert_same_pages(a, b);
}

#endif
