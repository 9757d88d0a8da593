#include "record/timeline.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/units.h"

#define PAGE_WIRE_BYTES (4096 + 24)
#define SECONDS(s)      ((uint64_t)((s)*1000) * NS_PER_MS)

/* An event by its kind, its instant in milliseconds, and its fields in order. */
#define AT(ms, what, ...)                                                \
    {                                                                    \
        .at_ns = (ms)*NS_PER_MS, .kind = what, .fields = { __VA_ARGS__ } \
    }
#define SENT(ms, first, count, why) \
    AT(ms, EVENT_PAGES_SENT, first, count, why, (count)*PAGE_WIRE_BYTES)
#define INSTALLED(ms, first, count, why) AT(ms, EVENT_PAGES_INSTALLED, first, count, why)

static void add_all(struct timeline *timeline, const struct event *events, size_t count)
{
    for (size_t i = 0; i < count; i++)
        timeline_add(timeline, &events[i]);
}

#define ADD(timeline, events) add_all(timeline, events, sizeof(events) / sizeof(events)[0])

/* 1,000 pages: a first round in which 300 pages are dirtied, the paused one, and the hand-over. */
static const struct event pre_copy[] = {
    AT(100, EVENT_MIGRATION_STARTED, MODE_PRE_COPY, 1000),
    AT(100, EVENT_PHASE_CHANGED, PHASE_SETUP),
    AT(100, EVENT_FRAME_SENT, 40, 0),
    AT(101, EVENT_PHASE_CHANGED, PHASE_COPY),
    AT(101, EVENT_ROUND_STARTED, 0, 1000, 0),
    SENT(101, 0, 600, WHY_FIRST),
    AT(120, EVENT_PAGE_DIRTIED, 7, HOST_SOURCE),
    AT(121, EVENT_PAGE_DIRTIED, 8, HOST_SOURCE),
    INSTALLED(150, 0, 600, WHY_FIRST),
    SENT(160, 600, 400, WHY_FIRST),
    INSTALLED(190, 600, 400, WHY_FIRST),
    AT(201, EVENT_LOG_FETCHED, 300),
    AT(201, EVENT_ROUND_ENDED, 0, 1000, 1000 * PAGE_WIRE_BYTES, 300),
    AT(201, EVENT_DOWNTIME_FORECAST, 5000, 4000),
    AT(201, EVENT_LIMIT_EXCEEDED, 1, 5000),
    AT(201, EVENT_PHASE_CHANGED, PHASE_PAUSE),
    AT(201, EVENT_GUEST_PAUSED, HOST_SOURCE),
    AT(201, EVENT_ROUND_STARTED, 1, 300, 1),
    SENT(202, 7, 2, WHY_RESENT),
    INSTALLED(205, 7, 2, WHY_RESENT),
    AT(206, EVENT_ROUND_ENDED, 1, 2, 2 * PAGE_WIRE_BYTES, 0),
    AT(206, EVENT_PHASE_CHANGED, PHASE_HAND_OVER),
    AT(206, EVENT_FRAME_SENT, 3000, 1),
    AT(208, EVENT_GUEST_RESUMED, HOST_TARGET),
    AT(208, EVENT_MIGRATION_ENDED, OUTCOME_COMPLETED),
    AT(209, EVENT_PHASE_CHANGED, PHASE_COMPLETED),
    AT(300, EVENT_GUEST_ENDED, HOST_TARGET, 3, 0),
    AT(301, EVENT_RUN_ENDED, 123456, 0xfeed),
};

/* As the last forecast before a pause said, if it was one of that pause. */
static void what_was_forecast_for_the_pause_is_of_its_kind(void **state)
{
    static const struct event begin[] = {
        AT(100, EVENT_MIGRATION_STARTED, MODE_HYBRID, 1000),
        SENT(101, 0, 600, WHY_FIRST),
        AT(201, EVENT_DOWNTIME_FORECAST, 5000, 4000),
    };
    static const struct event sent[] = {SENT(202, 600, 1, WHY_FIRST)};
    static const struct event pause[] = {
        AT(203, EVENT_GUEST_PAUSED, HOST_SOURCE),
        AT(204, EVENT_GUEST_RESUMED, HOST_TARGET),
    };
    static const struct event rest[] = {AT(204, EVENT_PHASE_CHANGED, PHASE_POST_COPY)};
    (void)state;
    for (unsigned row = 0; row < 4; row++) {
        bool is_in_a_round = row & 1, has_left_pages = row & 2;
        struct timeline timeline;
        timeline_init(&timeline, 1000);
        ADD(&timeline, begin);
        if (is_in_a_round)
            ADD(&timeline, sent);
        assert_int_equal(timeline_paused_forecast_ns(&timeline), 0);
        ADD(&timeline, pause);
        if (has_left_pages)
            ADD(&timeline, rest);
        assert_int_equal(timeline_paused_forecast_ns(&timeline), !has_left_pages ? 5000
                                                                 : is_in_a_round ? 0
                                                                                 : 4000);
        timeline_fini(&timeline);
    }
}

static void a_pre_copy_move_is_counted(void **state)
{
    struct timeline timeline;
    (void)state;
    timeline_init(&timeline, 1000);
    ADD(&timeline, pre_copy);

    assert_int_equal(timeline.event_count, sizeof pre_copy / sizeof pre_copy[0]);
    assert_int_equal(timeline.now_ns, 301 * NS_PER_MS);
    assert_int_equal(timeline.mode, MODE_PRE_COPY);
    assert_int_equal(timeline.phase, PHASE_COMPLETED);
    assert_int_equal(timeline.outcome, OUTCOME_COMPLETED);
    assert_true(timeline.has_started && timeline.has_ended && timeline.has_resumed);
    assert_true(timeline.is_limit_exceeded);
    assert_int_equal(timeline.started_ns, 100 * NS_PER_MS);
    assert_int_equal(timeline.ended_ns, 205 * NS_PER_MS); /* the last page installed */
    assert_int_equal(timeline.forecast_downtime_ns, 5000);
    assert_int_equal(timeline.forecast_pause_ns, 4000);

    assert_int_equal(timeline.host, HOST_TARGET);
    assert_false(timeline.is_paused);
    assert_int_equal(timeline.paused_at_ns, 201 * NS_PER_MS);
    assert_int_equal(timeline.resumed_at_ns, 208 * NS_PER_MS);
    assert_int_equal(timeline.downtime_ns, 7 * NS_PER_MS);
    assert_true(timeline.has_guest_ended);
    assert_int_equal(timeline.guest_ended_ns, 300 * NS_PER_MS);
    assert_int_equal(timeline.guest_status, 3);
    assert_false(timeline.is_guest_fault);

    assert_int_equal(timeline.pages_sent, 1002);
    assert_int_equal(timeline.pages_resent, 2);
    assert_int_equal(timeline.sent_by_why[WHY_FIRST], 1000);
    assert_int_equal(timeline.sent_by_why[WHY_RESENT], 2);
    assert_int_equal(timeline.bytes_on_wire, 1002 * PAGE_WIRE_BYTES + 3040);
    assert_int_equal(timeline.framing_bytes, 1002 * 24 + 40);
    assert_int_equal(timeline.state_bytes, 3000);
    assert_int_equal(timeline.dirty_traps, 2);
    assert_int_equal(timeline.faults, 0);
    assert_int_equal(timeline.pages_pushed, 0);
    assert_int_equal(timeline.pages_missing, 0);

    assert_true(timeline.has_run_ended);
    assert_int_equal(timeline.instructions, 123456);
    assert_int_equal(timeline.digest, 0xfeed);
    timeline_fini(&timeline);
}

static void rounds_grow_and_become_final(void **state)
{
    struct timeline timeline;
    const struct timeline_round *round;
    (void)state;
    timeline_init(&timeline, 1000);
    assert_null(timeline_round(&timeline));
    assert_int_equal(timeline_mu(&timeline), 0);
    assert_int_equal(timeline_delta(&timeline), 0);

    add_all(&timeline, pre_copy, 9); /* until 150 ms, in the middle of the first round */
    round = timeline_round(&timeline);
    assert_int_equal(round->round_idx, 0);
    assert_int_equal(round->pages, 1000);
    assert_int_equal(round->pages_sent, 600);
    assert_int_equal(round->bytes_sent, 600 * PAGE_WIRE_BYTES);
    assert_int_equal(round->dirtied_pages, 2);
    assert_int_equal(round->duration_ns, 49 * NS_PER_MS);
    assert_false(round->has_ended);
    timeline_advance(&timeline, 151 * NS_PER_MS);
    assert_int_equal(round->duration_ns, 50 * NS_PER_MS);
    assert_int_equal(timeline_mu(&timeline), 12000); /* of the running round: 600 in 50 ms */
    assert_int_equal(timeline_delta(&timeline), 40);

    add_all(&timeline, pre_copy + 9, sizeof pre_copy / sizeof pre_copy[0] - 9);
    assert_int_equal(timeline.round_count, 2);
    round = &timeline.rounds[0];
    assert_int_equal(round->pages_sent, 1000);
    assert_int_equal(round->dirtied_pages, 300); /* the log's count, not the traps' */
    assert_int_equal(round->duration_ns, 100 * NS_PER_MS);
    assert_true(round->has_ended && !round->is_paused);
    round = timeline_round(&timeline);
    assert_int_equal(round->round_idx, 1);
    assert_int_equal(round->started_ns, 201 * NS_PER_MS);
    assert_int_equal(round->duration_ns, 5 * NS_PER_MS);
    assert_int_equal(round->pages_sent, 2);
    assert_int_equal(round->bytes_sent, 2 * PAGE_WIRE_BYTES);
    assert_true(round->has_ended && round->is_paused);
    /* Rates are those of the last round in which the guest ran. */
    assert_int_equal(timeline_mu(&timeline), 10000);
    assert_int_equal(timeline_delta(&timeline), 3000);
    timeline_fini(&timeline);
}

/* What was put on the link is kept run by run, and per slice of time with what was left to send. */
static void the_link_and_the_race_are_remembered(void **state)
{
    struct timeline timeline;
    (void)state;
    timeline_init(&timeline, 1000);
    add_all(&timeline, pre_copy, 9); /* until 150 ms: 600 pages sent, 2 of them written again */
    assert_int_equal(timeline.flight_count, 1);
    assert_int_equal(timeline.flights[0].sent_ns, 101 * NS_PER_MS);
    assert_int_equal(timeline.flights[0].first_idx, 0);
    assert_int_equal(timeline.flights[0].count, 600);
    assert_int_equal(timeline.flights[0].bytes, 600 * PAGE_WIRE_BYTES);
    assert_int_equal(timeline.flights[0].why, WHY_FIRST);
    assert_int_equal(timeline.pages_left, 402);

    timeline_advance(&timeline, 155 * NS_PER_MS);
    assert_int_equal(timeline.slices[1].pages_left, 0); /* the move began in the next */
    assert_int_equal(timeline.slices[2].sent[WHY_FIRST], 600);
    assert_int_equal(timeline.slices[3].sent[WHY_FIRST], 0);
    assert_int_equal(timeline.slices[2].pages_left,
                     400); /* at 150 ms the two are in flight still */
    assert_int_equal(timeline.slices[3].pages_left, 402); /* nothing happened, all is as it was */
    add_all(&timeline, pre_copy + 9, sizeof pre_copy / sizeof pre_copy[0] - 9);
    assert_int_equal(timeline.slices[3].sent[WHY_FIRST], 400);
    assert_int_equal(timeline.slices[4].sent[WHY_RESENT], 2);
    assert_int_equal(timeline.flight_count, 3);
    assert_int_equal(timeline.flights[2].first_idx, 7);
    assert_int_equal(timeline.pages_left, 0);

    /* Only the last ones are kept. */
    for (int i = 0; i < TIMELINE_FLIGHTS; i++) {
        const struct event sent = SENT(400 + i, i, 1, WHY_RESENT);
        timeline_add(&timeline, &sent);
    }
    assert_int_equal(timeline.flight_count, TIMELINE_FLIGHTS + 3);
    assert_int_equal(timeline.flights[2].first_idx, TIMELINE_FLIGHTS - 1);
    assert_int_equal(timeline.flights[3].first_idx, 0);
    timeline_fini(&timeline);
}

static void the_downtime_clock_runs_while_paused(void **state)
{
    struct timeline timeline;
    (void)state;
    timeline_init(&timeline, 1000);
    add_all(&timeline, pre_copy, 17); /* until the pause at 201 ms */
    assert_true(timeline.is_paused);
    assert_int_equal(timeline.downtime_ns, 0);
    timeline_advance(&timeline, 204 * NS_PER_MS);
    assert_int_equal(timeline.downtime_ns, 3 * NS_PER_MS);
    add_all(&timeline, pre_copy + 19, 5);
    assert_int_equal(timeline.downtime_ns, 7 * NS_PER_MS);
    timeline_advance(&timeline, 900 * NS_PER_MS);
    assert_int_equal(timeline.downtime_ns, 7 * NS_PER_MS);
    timeline_fini(&timeline);
}

static void post_copy_counts_faults_and_missing_pages(void **state)
{
    static const struct event before[] = {
        AT(10, EVENT_MIGRATION_STARTED, MODE_POST_COPY, 100),
        AT(10, EVENT_GUEST_PAUSED, HOST_SOURCE),
        AT(12, EVENT_GUEST_RESUMED, HOST_TARGET),
        AT(13, EVENT_PAGE_FAULTED, 5, 0),
        SENT(14, 5, 1, WHY_FAULT),
        SENT(14, 0, 5, WHY_PUSHED),
    };
    static const struct event after[] = {
        INSTALLED(15, 5, 1, WHY_FAULT),   AT(15, EVENT_FAULT_RESOLVED, 5, 0, 2 * NS_PER_MS),
        INSTALLED(16, 0, 5, WHY_PUSHED),  SENT(17, 6, 94, WHY_PUSHED),
        INSTALLED(18, 6, 94, WHY_PUSHED), AT(18, EVENT_MIGRATION_ENDED, OUTCOME_COMPLETED),
    };
    struct timeline timeline;
    (void)state;
    timeline_init(&timeline, 100);
    assert_int_equal(timeline_fault_wait(&timeline).count, 0);

    ADD(&timeline, before);
    assert_int_equal(timeline.downtime_ns, 2 * NS_PER_MS);
    assert_int_equal(timeline.pages_missing, 100);
    assert_int_equal(timeline.waiting_harts, 1);
    assert_int_equal(timeline_page(&timeline, HOST_TARGET, 5), PAGE_WAITED_FOR);
    assert_int_equal(timeline_page(&timeline, HOST_TARGET, 6), PAGE_MISSING);
    assert_int_equal(timeline_page(&timeline, HOST_SOURCE, 4), PAGE_IN_FLIGHT);

    ADD(&timeline, after);
    assert_int_equal(timeline.pages_missing, 0);
    assert_int_equal(timeline.waiting_harts, 0);
    assert_int_equal(timeline.faults, 1);
    assert_int_equal(timeline.pages_pushed, 99);
    assert_int_equal(timeline.sent_by_why[WHY_FAULT], 1);
    assert_int_equal(timeline.pages_resent, 0);
    assert_int_equal(timeline.ended_ns, 18 * NS_PER_MS);
    struct timeline_spread wait = timeline_fault_wait(&timeline);
    assert_int_equal(wait.count, 1);
    assert_int_equal(wait.p50, 2 * NS_PER_MS);
    assert_int_equal(wait.p99, 2 * NS_PER_MS);
    assert_int_equal(wait.max, 2 * NS_PER_MS);

    uint64_t counts[PAGE_STATE_COUNT];
    timeline_map_cell(&timeline, HOST_SOURCE, 0, 100, counts);
    assert_int_equal(counts[PAGE_ABSENT], 100);
    timeline_map_cell(&timeline, HOST_TARGET, 10, 20, counts);
    assert_int_equal(counts[PAGE_CLEAN], 20);
    timeline_fini(&timeline);
}

static void an_abort_leaves_the_source_as_it_was(void **state)
{
    static const struct event events[] = {
        AT(10, EVENT_MIGRATION_STARTED, MODE_PRE_COPY, 100),
        AT(10, EVENT_ROUND_STARTED, 0, 100, 0),
        SENT(11, 0, 50, WHY_FIRST),
        AT(12, EVENT_GUEST_PAUSED, HOST_SOURCE),
        AT(15, EVENT_GUEST_RESUMED, HOST_SOURCE),
        AT(15, EVENT_MIGRATION_ENDED, OUTCOME_ABORTED),
        INSTALLED(16, 0, 50, WHY_FIRST), /* was on its way */
    };
    struct timeline timeline;
    uint64_t counts[PAGE_STATE_COUNT];
    (void)state;
    timeline_init(&timeline, 100);
    ADD(&timeline, events);
    timeline_advance(&timeline, 99 * NS_PER_MS);
    assert_int_equal(timeline.outcome, OUTCOME_ABORTED);
    assert_int_equal(timeline.ended_ns, 15 * NS_PER_MS);
    assert_int_equal(timeline.downtime_ns, 3 * NS_PER_MS); /* it stood still for nothing */
    assert_int_equal(timeline.host, HOST_SOURCE);
    assert_false(timeline.has_resumed);
    assert_true(timeline_round(&timeline)->has_ended);
    assert_int_equal(timeline_round(&timeline)->duration_ns, 5 * NS_PER_MS);
    timeline_map_cell(&timeline, HOST_SOURCE, 0, 100, counts);
    assert_int_equal(counts[PAGE_CLEAN], 100);
    timeline_map_cell(&timeline, HOST_TARGET, 0, 100, counts);
    assert_int_equal(counts[PAGE_ABSENT], 100);
    timeline_fini(&timeline);
}

/* Rows: an event (+ client: it asks, - client: it is answered, 0: only time passes), and the
 * longest silence of all clients then. */
static void silence_is_waiting_without_an_answer(void **state)
{
    static const struct {
        uint64_t at_ms;
        int client; /* 1, 2; negative: the answer */
        uint64_t longest_ms;
    } rows[] = {
        {10, 0, 0},   {20, 1, 0},   {25, 0, 5},    {30, -1, 10},  {90, 0, 10}, /* nobody waits */
        {100, 1, 10}, {103, 1, 10}, {108, -1, 10},                             /* one is left */
        {117, 0, 10}, {120, 0, 12}, {121, -1, 13},                             /* since 108 */
        {130, 2, 13}, {135, 1, 13}, {140, -2, 13}, {147, 0, 13},  {149, 0, 14}, {150, -1, 15},
        {200, 2, 15}, {210, 1, 15}, {214, -2, 15}, {230, -1, 20}, {900, 0, 20},
    };
    struct timeline timeline;
    (void)state;
    timeline_init(&timeline, 1);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint64_t client_idx = (uint64_t)abs(rows[i].client);
        struct event asks = AT(rows[i].at_ms, EVENT_REQUEST_SENT, client_idx, 30);
        struct event is_answered = AT(rows[i].at_ms, EVENT_REQUEST_ANSWERED, client_idx, 1, 0);
        if (rows[i].client == 0)
            timeline_advance(&timeline, rows[i].at_ms * NS_PER_MS);
        else
            timeline_add(&timeline, rows[i].client > 0 ? &asks : &is_answered);
        if (timeline.longest_silence_ns != rows[i].longest_ms * NS_PER_MS)
            fail_msg("at %d ms: %f ms", (int)rows[i].at_ms,
                     (double)timeline.longest_silence_ns / 1e6);
    }
    assert_int_equal(timeline.requests, 7);
    assert_int_equal(timeline.answers, 7);
    assert_int_equal(timeline.first_request_ns, rows[1].at_ms * NS_PER_MS);
    timeline_fini(&timeline);
}

static void latencies_and_slices(void **state)
{
    struct timeline timeline;
    struct timeline_spread latency;
    (void)state;
    timeline_init(&timeline, 1);
    for (uint64_t i = 0; i < 100; i++) { /* one each 10 ms, from 1 us up; the last is wrong */
        struct event answer = AT(10 * i, EVENT_REQUEST_ANSWERED, 0, (i + 1) * NS_PER_US, i == 99);
        timeline_add(&timeline, &answer);
    }
    latency = timeline_latency(&timeline);
    assert_int_equal(latency.count, 100);
    assert_int_equal(latency.p50, 50 * NS_PER_US);
    assert_int_equal(latency.p99, 99 * NS_PER_US);
    assert_int_equal(latency.max, 100 * NS_PER_US);
    assert_int_equal(timeline.errors, 1);
    assert_int_equal(timeline.last_latency_ns, 100 * NS_PER_US);

    timeline_advance(&timeline, SECONDS(1.26)); /* an outage is a slice without answers */
    assert_int_equal(timeline.slice_count, 26);
    for (uint32_t i = 0; i < timeline.slice_count; i++) {
        assert_int_equal(timeline.slices[i].answers, i < 20 ? 5 : 0);
        assert_int_equal(timeline.slices[i].wrong, i == 19);
        assert_int_equal(timeline.slices[i].latency_max_ns, i < 20 ? (i + 1) * 5 * NS_PER_US : 0);
    }
    timeline_fini(&timeline);
}

/* No field of an event can make the timeline claim memory or leave its bounds. */
static void extreme_values_are_survived(void **state)
{
    static const struct event events[] = {
        AT(0, EVENT_REQUEST_SENT, UINT64_MAX, UINT64_MAX),
        AT(0, EVENT_REQUEST_SENT, 63, 0),
        AT(0, EVENT_ROUND_STARTED, UINT64_MAX, 1 << 28, 0),
        AT(0, EVENT_ROUND_ENDED, 3, 1 << 28, UINT64_MAX, 1 << 28),
        AT(0, EVENT_ROUND_ENDED, 3, 0, 0, 0),
        AT(0, EVENT_FAULT_RESOLVED, 0, UINT64_MAX, UINT64_MAX),
        {.at_ns = 1, .kind = EVENT_ROUND_STARTED},
        {.at_ns = 2, .kind = EVENT_ROUND_ENDED, .fields = {0, 1 << 28, 0, 1 << 28}},
        {.at_ns = UINT64_MAX,
         .kind = EVENT_REQUEST_ANSWERED,
         .fields = {UINT64_MAX, UINT64_MAX, 1}},
        {.at_ns = UINT64_MAX, .kind = EVENT_REQUEST_ANSWERED, .fields = {63, 0, 0}},
    };
    struct timeline timeline;
    (void)state;
    timeline_init(&timeline, 1);
    ADD(&timeline, events);
    assert_int_equal(timeline.slice_count, TIMELINE_SLICES_MAX);
    assert_int_equal(timeline.longest_silence_ns, UINT64_MAX);
    assert_int_equal(timeline_latency(&timeline).max, UINT64_MAX);
    assert_int_equal(timeline_mu(&timeline), (1ull << 28) * NS_PER_S);
    timeline_fini(&timeline);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_forecast_for_the_pause_is_of_its_kind),
        cmocka_unit_test(a_pre_copy_move_is_counted),
        cmocka_unit_test(rounds_grow_and_become_final),
        cmocka_unit_test(the_link_and_the_race_are_remembered),
        cmocka_unit_test(the_downtime_clock_runs_while_paused),
        cmocka_unit_test(post_copy_counts_faults_and_missing_pages),
        cmocka_unit_test(an_abort_leaves_the_source_as_it_was),
        cmocka_unit_test(silence_is_waiting_without_an_answer),
        cmocka_unit_test(latencies_and_slices),
        cmocka_unit_test(extreme_values_are_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
