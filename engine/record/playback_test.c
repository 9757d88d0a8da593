#include "record/playback.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/prng.h"
#include "base/units.h"
#include "record/recording.h"

static const char scenario[] = "guest = kv\n"
                               "mode = pre-copy\n"
                               "memory = 4MiB\n"
                               "bandwidth = 200Mbit/s\n"
                               "latency = 100us\n"
                               "start-at = 1.5s\n"
                               "downtime-limit = 30ms\n"
                               "clients = 4\n"
                               "request-rate = 500/s\n"
                               "run-for = none\n"
                               "seed = 7\n";

static const struct event events[] = {
    {.at_ns = 10, .kind = EVENT_REQUEST_SENT, .request_sent = {.client_idx = 3, .bytes = 9}},
    {.at_ns = 20, .kind = EVENT_REQUEST_ANSWERED, .request_answered = {3, 10, 0}},
    {.at_ns = 20, .kind = EVENT_MIGRATION_STARTED, .migration_started = {MODE_PRE_COPY, 1024}},
    {.at_ns = 30, .kind = EVENT_PAGES_SENT, .pages_sent = {0, 1024, WHY_FIRST, 1024 * 4120}},
    {.at_ns = 40, .kind = EVENT_PAGES_INSTALLED, .pages_installed = {0, 1024, WHY_FIRST}},
    {.at_ns = 50, .kind = EVENT_GUEST_PAUSED, .guest_paused = {HOST_SOURCE}},
    {.at_ns = 60, .kind = EVENT_GUEST_RESUMED, .guest_resumed = {HOST_TARGET}},
    {.at_ns = 60, .kind = EVENT_MIGRATION_ENDED, .migration_ended = {OUTCOME_COMPLETED}},
    {.at_ns = 90, .kind = EVENT_RUN_ENDED, .run_ended = {5, 6}},
};
#define EVENTS (sizeof events / sizeof events[0])

static struct recorder record(const char *text, const struct event *list, size_t count)
{
    struct recorder recorder;
    recorder_init(&recorder, text, true);
    for (size_t i = 0; i < count; i++)
        recorder_add(&recorder, &list[i]);
    recorder_finish(&recorder);
    return recorder;
}

/* The end that fits, behind whatever a test wrote there itself. */
static void seal(struct bytes *bytes)
{
    uint64_t digest = digest_of(bytes->data, bytes->count);
    bytes_put_u8(bytes, RECORDING_END);
    bytes_put_u64(bytes, digest);
}

static struct session *open_playback(const struct recorder *recorder)
{
    struct session *session = NULL;
    assert_int_equal(playback_open(&session, recorder->bytes.data, recorder->bytes.count,
                                   "recording x.ferry", NULL),
                     STATUS_OK);
    return session;
}

static void facts_are_the_scenarios(void **state)
{
    struct recorder recorder = record(scenario, events, EVENTS);
    struct session *session = open_playback(&recorder);
    const struct session_facts *facts = &session->facts;
    (void)state;
    assert_string_equal(facts->guest, "kv");
    assert_string_equal(facts->origin, "recording x.ferry");
    assert_int_equal(facts->mode, MODE_PRE_COPY);
    assert_int_equal(facts->seed, 7);
    assert_int_equal(facts->total_pages, 1024);
    assert_int_equal(facts->page_bytes, 4096);
    assert_int_equal(facts->bandwidth_bits_per_s, 200000000);
    assert_int_equal(facts->latency_ns, 100 * NS_PER_US);
    assert_int_equal(facts->downtime_limit_ns, 30 * NS_PER_MS);
    assert_int_equal(facts->client_count, 4);
    assert_int_equal(facts->request_rate, 500);
    assert_int_equal(facts->start_at_ns, 1500 * NS_PER_MS);
    assert_int_equal(facts->forecast_downtime_ns, UINT64_MAX);
    assert_null(facts->forecast_round_pages);
    session->ops->close(session);
    recorder_fini(&recorder);
}

/* A real guest moves back, too; hosts with long names are source and target. */
static void a_real_move_says_between_which_hosts(void **state)
{
    static const struct {
        const char *line, *letters;
        bool is_real;
    } rows[] = {{"", "AB", false},
                {"hosts = B A\n", "BA", true},
                {"hosts = C D\n", "CD", true},
                {"hosts = left right\n", "AB", true},
                {"hosts = B \n", "AB", true}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[400];
        snprintf(text, sizeof text, "%s%s", scenario, rows[i].line);
        struct recorder recorder = record(text, events, EVENTS);
        struct session *session = open_playback(&recorder);
        for (uint32_t host = 0; host < HOST_COUNT; host++)
            assert_int_equal(session_host_letter(&session->facts, host), rows[i].letters[host]);
        assert_int_equal(session->facts.is_real, rows[i].is_real);
        session->ops->close(session);
        recorder_fini(&recorder);
    }
}

static void time_passes_as_it_did(void **state)
{
    struct recorder recorder = record(scenario, events, EVENTS);
    struct session *session = open_playback(&recorder);
    (void)state;
    for (unsigned again = 0; again < 2; again++) {
        assert_false(session->has_ended);
        assert_int_equal(session->timeline.event_count, 0);
        session->ops->advance(session, 19);
        assert_int_equal(session->timeline.event_count, 1);
        assert_int_equal(session->timeline.now_ns, 19);
        session->ops->advance(session, 20);
        assert_int_equal(session->timeline.event_count, 3);
        assert_true(session->ops->step(session));
        assert_int_equal(session->timeline.event_count, 4);
        assert_int_equal(session->timeline.now_ns, 30);
        assert_null(session->verdict);
        session->ops->advance(session, UINT64_MAX);
        assert_true(session->has_ended);
        assert_false(session->is_broken);
        assert_false(session->ops->step(session));
        assert_int_equal(session->timeline.now_ns, 90); /* no time passes behind the end */
        assert_int_equal(session->timeline.event_count, EVENTS);
        assert_int_equal(session->timeline.downtime_ns, 10);
        assert_string_equal(session->verdict,
                            "recorded: 1 answers, 0 wrong; longest silence 10 ns; "
                            "the move: completed; downtime 10 ns");
        /* And from the beginning. */
        assert_true(session->ops->act(session, SESSION_REPLAY, MODE_PRE_COPY));
    }
    session->ops->close(session);
    recorder_fini(&recorder);
}

static void many_answers_are_told_as_people_write_them(void **state)
{
    struct timeline timeline;
    char text[200];
    (void)state;
    timeline_init(&timeline, 1);
    timeline.requests = timeline.answers = 87500;
    playback_tell(&timeline, "live", text, sizeof text);
    assert_non_null(strstr(text, "live: 87,500 answers, 0 wrong;"));
    timeline_fini(&timeline);
}

static void the_past_cannot_be_changed(void **state)
{
    struct recorder recorder = record(scenario, events, EVENTS);
    struct session *session = open_playback(&recorder);
    (void)state;
    session->ops->advance(session, 20);
    for (enum session_command command = 0; command < SESSION_COMMAND_COUNT; command++) {
        if (command == SESSION_BACK)
            continue;
        assert_int_equal(session->ops->can(session, command), command == SESSION_REPLAY);
        assert_false(session->ops->act(session, command, MODE_HYBRID));
    }
    assert_int_equal(session->timeline.event_count, 3);
    session->ops->close(session);
    recorder_fini(&recorder);
}

/* But it can be looked at again, event by event. */
static void back_is_one_event_earlier(void **state)
{
    struct recorder recorder = record(scenario, events, EVENTS);
    struct session *session = open_playback(&recorder);
    uint64_t at_ns[EVENTS + 1] = {0}, count = 0;
    (void)state;
    assert_false(session->ops->can(session, SESSION_BACK));
    assert_false(session->ops->act(session, SESSION_BACK, 0));
    while (session->ops->step(session))
        at_ns[++count] = session->timeline.now_ns;
    assert_int_equal(count, EVENTS);
    while (count-- > 0) {
        assert_true(session->ops->act(session, SESSION_BACK, 0));
        assert_int_equal(session->timeline.event_count, count);
        assert_int_equal(session->timeline.now_ns, at_ns[count]);
        assert_false(session->has_ended);
    }
    session->ops->close(session);
    recorder_fini(&recorder);
}

static void wrong_answers_and_cuts_are_told(void **state)
{
    struct event wrong[EVENTS];
    struct recorder recorder;
    struct session *session;
    (void)state;

    memcpy(wrong, events, sizeof wrong);
    wrong[1].request_answered.is_wrong = 1;
    recorder = record(scenario, wrong, EVENTS);
    session = open_playback(&recorder);
    session->ops->advance(session, UINT64_MAX);
    assert_true(session->is_broken);
    assert_non_null(strstr(session->verdict, "1 wrong"));
    session->ops->close(session);

    /* Cut between two events: well-formed, but not the whole run. */
    recorder_fini(&recorder);
    recorder = record(scenario, events, EVENTS - 1);
    session = open_playback(&recorder);
    session->ops->advance(session, UINT64_MAX);
    assert_true(session->has_ended && session->is_broken);
    assert_non_null(strstr(session->verdict, "breaks off"));
    session->ops->close(session);

    /* Cut within an event, under an end that fits: all before it is shown. */
    recorder.bytes.count -= RECORDING_END_BYTES + 1;
    seal(&recorder.bytes);
    session = open_playback(&recorder);
    session->ops->advance(session, UINT64_MAX);
    assert_true(session->has_ended && session->is_broken);
    assert_int_equal(session->timeline.event_count, EVENTS - 2);
    assert_non_null(strstr(session->verdict, "broken at byte"));
    session->ops->close(session);
    recorder_fini(&recorder);
}

/* One changed bit would tell another story: then none is told. */
static void what_is_damaged_is_not_shown(void **state)
{
    struct recorder recorder = record(scenario, events, EVENTS);
    struct session *session = NULL;
    struct problem problem = {0};
    (void)state;
    recorder.bytes.data[recorder.bytes.count / 2] ^= 1;
    assert_int_equal(
        playback_open(&session, recorder.bytes.data, recorder.bytes.count, "x", &problem),
        STATUS_BAD_INPUT);
    assert_non_null(strstr(problem.text, "is damaged: its digest does not fit"));
    recorder.bytes.data[recorder.bytes.count / 2] ^= 1;
    problem = (struct problem){0};
    assert_int_equal(
        playback_open(&session, recorder.bytes.data, recorder.bytes.count - 1, "x", &problem),
        STATUS_BAD_INPUT);
    assert_non_null(strstr(problem.text, "it has no end"));
    assert_null(session);
    recorder_fini(&recorder);
}

static void what_this_guest_cannot_have_done_is_refused(void **state)
{
    static const struct {
        struct event event;
        bool is_good;
    } rows[] = {
        {{.kind = EVENT_PAGES_SENT, .pages_sent = {1023, 1, 0, 1}}, true},
        {{.kind = EVENT_PAGES_SENT, .pages_sent = {1023, 2, 0, 1}}, false},
        {{.kind = EVENT_PAGES_SENT, .pages_sent = {1024, 0, 0, 1}}, true},
        {{.kind = EVENT_PAGES_SENT, .pages_sent = {1025, 0, 0, 1}}, false},
        {{.kind = EVENT_PAGES_INSTALLED, .pages_installed = {0, 1025, 0}}, false},
        {{.kind = EVENT_PAGE_DIRTIED, .page_dirtied = {1023, 0}}, true},
        {{.kind = EVENT_PAGE_DIRTIED, .page_dirtied = {1024, 0}}, false},
        {{.kind = EVENT_PAGE_FAULTED, .page_faulted = {1024, 0}}, false},
        {{.kind = EVENT_FAULT_RESOLVED, .fault_resolved = {1024, 0, 0}}, false},
        {{.kind = EVENT_MIGRATION_STARTED, .migration_started = {0, 1023}}, false},
        {{.kind = EVENT_REQUEST_SENT, .request_sent = {63, 0}}, true},
        {{.kind = EVENT_REQUEST_SENT, .request_sent = {64, 0}}, false},
        {{.kind = EVENT_REQUEST_ANSWERED, .request_answered = {64, 0, 0}}, false},
        {{.kind = EVENT_INPUT_GIVEN, .input_given = {SESSION_COMMAND_COUNT, 0}}, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct event list[] = {rows[i].event, {.kind = EVENT_RUN_ENDED}};
        struct recorder recorder = record(scenario, list, 2);
        struct session *session = open_playback(&recorder);
        session->ops->advance(session, UINT64_MAX);
        assert_true(session->has_ended);
        if (session->is_broken == rows[i].is_good)
            fail_msg("row %zu: %s", i, session->verdict);
        assert_int_equal(session->timeline.event_count, rows[i].is_good ? 2 : 0);
        if (!rows[i].is_good)
            assert_non_null(strstr(session->verdict, "names"));
        session->ops->close(session);
        recorder_fini(&recorder);
    }
}

static void scenarios_that_do_not_do_are_refused(void **state)
{
    static const struct {
        const char *text;
        const char *what;
    } rows[] = {
        {"", "guest"},
        {"mode = pre-copy\nmemory = 4MiB\n", "guest"},
        {"guest = kv\nmemory = 4MiB\n", "mode"},
        {"guest = kv\nmode = teleport\nmemory = 4MiB\n", "teleport"},
        {"guest = kv\nmode = pre-copy\n", "memory"},
        {"guest = kv\nmode = pre-copy\nmemory = 4\n", "unit"},
        {"guest = kv\nmode = pre-copy\nmemory = 4097B\n", "whole pages"},
        {"guest = kv\nmode = pre-copy\nmemory = 0B\n", "whole pages"},
        {"guest = kv\nmode = pre-copy\nmemory = 1025GiB\n", "whole pages"},
        {"guest = kv\nmode = pre-copy\nmemory = 4MiB\nclients = 65\n", "clients"},
        {"guest = kv\nmode = pre-copy\nmemory = 4MiB\nlatency = fast\n", "latency"},
        {"guest = \033[2Jkv\nmode = pre-copy\nmemory = 4MiB\n", "no text"},
        {"guest = \302\2332Jkv\nmode = pre-copy\nmemory = 4MiB\n", "no text"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct recorder recorder = record(rows[i].text, events, EVENTS);
        struct session *session = NULL;
        struct problem problem = {0};
        assert_int_equal(
            playback_open(&session, recorder.bytes.data, recorder.bytes.count, "x", &problem),
            STATUS_BAD_INPUT);
        if (strstr(problem.text, rows[i].what) == NULL)
            fail_msg("row %zu: %s", i, problem.text);
        recorder_fini(&recorder);
    }
}

static void random_damage_is_survived(void **state)
{
    struct recorder recorder = record(scenario, events, EVENTS);
    struct prng prng = prng_make(2, 2);
    size_t count = recorder.bytes.count - RECORDING_END_BYTES;
    (void)state;
    for (unsigned round = 0; round < 5000; round++) {
        struct bytes copy = {0};
        struct session *session;
        bytes_put(&copy, recorder.bytes.data, count);
        for (uint64_t changes = 1 + prng_below(&prng, 3); changes > 0; changes--)
            copy.data[16 + prng_below(&prng, count - 16)] = (uint8_t)prng_next(&prng);
        seal(&copy);
        if (playback_open(&session, copy.data, copy.count, "x", NULL) == STATUS_OK) {
            session->ops->advance(session, 30);
            session->ops->advance(session, UINT64_MAX);
            assert_true(session->has_ended);
            assert_non_null(session->verdict);
            session->ops->close(session);
        }
        bytes_fini(&copy);
    }
    recorder_fini(&recorder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(facts_are_the_scenarios),
        cmocka_unit_test(a_real_move_says_between_which_hosts),
        cmocka_unit_test(time_passes_as_it_did),
        cmocka_unit_test(many_answers_are_told_as_people_write_them),
        cmocka_unit_test(the_past_cannot_be_changed),
        cmocka_unit_test(back_is_one_event_earlier),
        cmocka_unit_test(wrong_answers_and_cuts_are_told),
        cmocka_unit_test(what_is_damaged_is_not_shown),
        cmocka_unit_test(what_this_guest_cannot_have_done_is_refused),
        cmocka_unit_test(scenarios_that_do_not_do_are_refused),
        cmocka_unit_test(random_damage_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
