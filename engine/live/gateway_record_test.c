#include "live/gateway_record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "base/units.h"
#include "record/playback.h"
#include "record/reading.h"

#define START_NS (5 * NS_PER_S) /* on the gateway's clock */
#define PAGES    64u

static struct scenario scenario;

static int make_scenario(void **state)
{
    (void)state;
    scenario_init(&scenario);
    assert_int_equal(scenario_set(&scenario, "guest", "model:uniform", NULL), STATUS_OK);
    assert_int_equal(scenario_set(&scenario, "memory", "256KiB", NULL), STATUS_OK);
    return 0;
}

static int drop_scenario(void **state)
{
    (void)state;
    scenario_fini(&scenario);
    return 0;
}

static void add(struct gateway_record *record, unsigned source, uint64_t at_ns,
                enum event_kind kind, uint64_t a, uint64_t b)
{
    struct event event = {.at_ns = at_ns, .kind = kind, .fields = {a, b}};
    gateway_record_add(record, source, &event, UINT64_MAX - 1);
}

static void request(struct gateway_record *record, uint64_t at_ns)
{
    add(record, 0, at_ns, EVENT_REQUEST_SENT, 3, 10);
}

/* The events of a recording, in a table of (instant, kind). */
struct row {
    uint64_t at_ns;
    enum event_kind kind;
};
static void expect(const struct gateway_recording *recording, const struct row *rows, size_t count)
{
    const struct bytes *bytes = &recording->recorder.bytes;
    struct problem problem = {0};
    struct reading reading;
    struct event event;
    bool is_end = false;

    assert_true(recording->is_end);
    if (reading_open(&reading, bytes->data, bytes->count, &problem) != STATUS_OK)
        fail_msg("%s", problem.text);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(reading_next(&reading, &event, &is_end, &problem), STATUS_OK);
        assert_false(is_end);
        if (event.at_ns != rows[i].at_ns || event.kind != rows[i].kind)
            fail_msg("event %zu: %s at %llu, not %s at %llu", i, event_describe(event.kind)->name,
                     (unsigned long long)event.at_ns, event_describe(rows[i].kind)->name,
                     (unsigned long long)rows[i].at_ns);
    }
    assert_int_equal(reading_next(&reading, &event, &is_end, &problem), STATUS_OK);
    assert_true(is_end);
    reading_close(&reading);
}

static void play(const struct gateway_recording *recording, enum outcome outcome)
{
    const struct bytes *bytes = &recording->recorder.bytes;
    struct problem problem = {0};
    struct session *session;

    assert_int_equal(playback_open(&session, bytes->data, bytes->count, "it", &problem), STATUS_OK);
    session->ops->advance(session, UINT64_MAX);
    assert_true(session->has_ended && session->timeline.has_ended);
    assert_int_equal(session->timeline.outcome, outcome);
    session->ops->close(session);
}

static void note_instant(void *owner, const struct event *event)
{
    *(uint64_t *)owner = event->at_ns;
}

/* Two hosts and the gateway tell of one move, each late in its own way. */
static void what_comes_out_of_order_is_recorded_in_order(void **state)
{
    struct gateway_record record;
    uint64_t told_ns = 0;
    const uint64_t t = START_NS;
    (void)state;
    gateway_record_init(&record, t - 2 * NS_PER_S);
    request(&record, t - 3 * NS_PER_S / 2); /* too long before */
    request(&record, t - NS_PER_S / 2);
    gateway_record_advance(&record, t);
    gateway_record_begin(&record, 1, &scenario, "B A", t);
    add(&record, 2, t + 9 * NS_PER_MS, EVENT_GUEST_RESUMED, HOST_TARGET, 0);
    add(&record, 1, t + 1 * NS_PER_MS, EVENT_MIGRATION_STARTED, MODE_STOP_AND_COPY, PAGES);
    add(&record, 1, t + 5 * NS_PER_MS, EVENT_GUEST_PAUSED, HOST_SOURCE, 0);
    request(&record, t + 7 * NS_PER_MS);
    add(&record, 1, t + 4 * NS_PER_MS, EVENT_FRAME_SENT, 10, 0); /* its own order stands */
    add(&record, 2, t + 9 * NS_PER_MS, EVENT_STREAMS_REHOMED, 1, HOST_TARGET);
    assert_int_equal(gateway_record_deadline_ns(&record), t + 21 * NS_PER_MS);
    gateway_record_advance(&record, t + 20 * NS_PER_MS);
    assert_int_equal(record.current->recorder.event_count, 1); /* all that is held back waits */
    gateway_record_advance(&record, t + 29 * NS_PER_MS);
    record.merged = note_instant;
    record.owner = &told_ns;
    request(&record, t + 8 * NS_PER_MS); /* too late for its place */
    gateway_record_advance(&record, t + 29 * NS_PER_MS);
    assert_int_equal(told_ns, t + 8 * NS_PER_MS); /* and yet it was then */
    add(&record, 1, t + 30 * NS_PER_MS, EVENT_MIGRATION_ENDED, OUTCOME_COMPLETED, 0);
    gateway_record_advance(&record, t + 60 * NS_PER_MS);
    assert_int_equal(record.late_count, 1);
    gateway_record_end(&record, t + 60 * NS_PER_MS);
    request(&record, t + 310 * NS_PER_MS);
    request(&record, t + 311 * NS_PER_MS); /* of the time after it */
    gateway_record_advance(&record, t + 329 * NS_PER_MS);
    assert_non_null(record.current);
    assert_int_equal(gateway_record_deadline_ns(&record), t + 330 * NS_PER_MS);
    gateway_record_advance(&record, t + 330 * NS_PER_MS);
    assert_null(record.current);
    static const struct row rows[] = {
        {500 * NS_PER_MS, EVENT_REQUEST_SENT},     {1001 * NS_PER_MS, EVENT_MIGRATION_STARTED},
        {1005 * NS_PER_MS, EVENT_GUEST_PAUSED},    {1005 * NS_PER_MS, EVENT_FRAME_SENT},
        {1007 * NS_PER_MS, EVENT_REQUEST_SENT},    {1009 * NS_PER_MS, EVENT_GUEST_RESUMED},
        {1009 * NS_PER_MS, EVENT_STREAMS_REHOMED}, {1009 * NS_PER_MS, EVENT_REQUEST_SENT},
        {1030 * NS_PER_MS, EVENT_MIGRATION_ENDED}, {1310 * NS_PER_MS, EVENT_REQUEST_SENT},
        {1310 * NS_PER_MS, EVENT_RUN_ENDED},
    };
    const struct gateway_recording *recording = gateway_record_find(&record, 1);
    expect(recording, rows, sizeof rows / sizeof rows[0]);
    play(recording, OUTCOME_COMPLETED);
    struct reading reading;
    assert_int_equal(reading_open(&reading, recording->recorder.bytes.data,
                                  recording->recorder.bytes.count, NULL),
                     STATUS_OK);
    assert_int_equal(reading.facts.start_at_ns, NS_PER_S); /* where the move begins in it */
    assert_int_equal(session_host_letter(&reading.facts, HOST_TARGET), 'A');
    reading_close(&reading);
    gateway_record_fini(&record);
}

/* A gateway that was just born keeps less of the time before. */
static void a_young_gateway_begins_where_it_began(void **state)
{
    struct gateway_record record;
    (void)state;
    gateway_record_init(&record, START_NS);
    gateway_record_begin(&record, 1, &scenario, "B A", START_NS + 100 * NS_PER_MS);
    assert_int_equal(record.current->base_ns, START_NS);
    gateway_record_fini(&record);
}

static void what_cannot_be_is_refused(void **state)
{
    struct gateway_record record;
    struct event event = {.at_ns = UINT64_MAX, .kind = EVENT_REQUEST_SENT};
    (void)state;
    gateway_record_init(&record, 0);
    gateway_record_begin(&record, 1, &scenario, "B A", START_NS);
    add(&record, 1, START_NS, EVENT_PAGES_SENT, PAGES, 1);          /* pages that are not there */
    add(&record, 1, START_NS, EVENT_PHASE_CHANGED, PHASE_COUNT, 0); /* no phase */
    add(&record, 1, START_NS, EVENT_MIGRATION_STARTED, MODE_PRE_COPY, PAGES + 1);
    add(&record, 1, START_NS, EVENT_RUN_ENDED, 0, 0); /* not a host's to say */
    event.kind = EVENT_COUNT;
    gateway_record_add(&record, 1, &event, START_NS);
    gateway_record_advance(&record, START_NS + NS_PER_S);
    assert_int_equal(record.refused_count, 5);
    assert_int_equal(record.current->recorder.event_count, 0);
    event.kind = EVENT_REQUEST_SENT; /* a clock that is wrong: it happened by now */
    gateway_record_add(&record, 1, &event, START_NS + NS_PER_S);
    gateway_record_advance(&record, START_NS + 2 * NS_PER_S);
    assert_int_equal(record.merged_ns, START_NS + NS_PER_S);
    assert_int_equal(record.current->recorder.event_count, 1);
    gateway_record_fini(&record);
}

static void is_readable(const struct gateway_recording *recording)
{
    const struct bytes *bytes = &recording->recorder.bytes;
    struct reading reading;
    struct event event;
    bool is_end = false;

    assert_int_equal(reading_open(&reading, bytes->data, bytes->count, NULL), STATUS_OK);
    while (!is_end)
        assert_int_equal(reading_next(&reading, &event, &is_end, NULL), STATUS_OK);
    assert_int_equal(event.kind, EVENT_RUN_ENDED);
    reading_close(&reading);
}

static void recordings_are_bounded(void **state)
{
    struct gateway_record record;
    (void)state;
    gateway_record_init(&record, 0);
    record.record_max = 16384;
    for (uint64_t id = 1; id <= 20; id++) {
        gateway_record_begin(&record, id, &scenario, "B A", id * NS_PER_S);
        for (uint64_t i = 0; id == 3 && i < 4000; i++)
            request(&record, id * NS_PER_S + i);
        gateway_record_advance(&record, id * NS_PER_S + NS_PER_S / 2);
        const struct gateway_recording *recording = gateway_record_find(&record, id);
        assert_int_equal(recording->is_full, id == 3);
        assert_int_equal(recording->is_end, id == 3);
        assert_true(recording->recorder.bytes.count < 16384 + 64);
        if (id == 3)
            is_readable(recording);
        gateway_record_end(&record, id * NS_PER_S + NS_PER_S / 2);
        if (id == 4)
            assert_null(gateway_record_find(&record, 3)); /* it left no room for others */
    }
    assert_null(gateway_record_find(&record, 21));
    assert_int_equal(gateway_record_find(&record, 0)->id, 20);
    gateway_record_fini(&record);
    assert_null(gateway_record_find(&record, 0));
}

/* The next begins before all that was held back has taken its place: that is the former one's. */
static void a_recording_is_whole_when_the_next_begins(void **state)
{
    static const struct row rows[] = {{0, EVENT_MIGRATION_STARTED},
                                      {5 * NS_PER_MS, EVENT_MIGRATION_ENDED},
                                      {255 * NS_PER_MS, EVENT_RUN_ENDED}};
    struct gateway_record record;
    (void)state;
    gateway_record_init(&record, START_NS);
    gateway_record_begin(&record, 1, &scenario, "B A", START_NS);
    add(&record, 1, START_NS, EVENT_MIGRATION_STARTED, MODE_STOP_AND_COPY, PAGES);
    add(&record, 0, START_NS + 5 * NS_PER_MS, EVENT_MIGRATION_ENDED, OUTCOME_LOST, 0);
    gateway_record_end(&record, START_NS + 5 * NS_PER_MS);
    gateway_record_begin(&record, 2, &scenario, "B A", START_NS + 6 * NS_PER_MS);
    expect(gateway_record_find(&record, 1), rows, 3);
    gateway_record_advance(&record, START_NS + NS_PER_S);
    assert_int_equal(gateway_record_find(&record, 2)->recorder.event_count, 0);
    gateway_record_fini(&record);
}

/* Before a migration as many events are kept as there is room for. */
static void what_is_kept_is_bounded(void **state)
{
    struct gateway_record record;
    (void)state;
    gateway_record_init(&record, 0);
    for (uint64_t i = 0; i < GATEWAY_KEPT_MAX + 1000; i++) {
        request(&record, START_NS + i);
        gateway_record_advance(&record, START_NS + i);
    }
    gateway_record_advance(&record, START_NS + NS_PER_S / 2);
    gateway_record_begin(&record, 1, &scenario, "B A", START_NS + NS_PER_S / 2);
    assert_int_equal(record.current->base_ns, START_NS + 1000);
    assert_int_equal(record.current->recorder.event_count, GATEWAY_KEPT_MAX);
    gateway_record_fini(&record);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_comes_out_of_order_is_recorded_in_order),
        cmocka_unit_test(a_young_gateway_begins_where_it_began),
        cmocka_unit_test(what_cannot_be_is_refused),
        cmocka_unit_test(a_recording_is_whole_when_the_next_begins),
        cmocka_unit_test(recordings_are_bounded),
        cmocka_unit_test(what_is_kept_is_bounded),
    };
    return cmocka_run_group_tests(tests, make_scenario, drop_scenario);
}
