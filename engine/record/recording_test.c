#include "record/recording.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/prng.h"

static const char scenario[] = "guest = kv\nmode = pre-copy\nmemory = 64MiB\n";

/* The largest value that a field may have, as the table of the contract says it. */
static uint64_t extreme(const char *unit)
{
    static const struct {
        const char *unit;
        uint64_t max;
    } rows[] = {
        {"number", UINT64_MAX},
        {"bytes", UINT64_MAX},
        {"ns", UINT64_MAX},
        {"digest", UINT64_MAX},
        {"pages", 1ull << 28},
        {"page", (1ull << 28) - 1},
        {"flag", 1},
        {"host", 1},
        {"enum_mode", MODE_COUNT - 1},
        {"enum_phase", PHASE_COUNT - 1},
        {"enum_why", WHY_COUNT - 1},
        {"enum_outcome", OUTCOME_COUNT - 1},
        {"enum_page_form", PAGE_FORM_COUNT - 1},
        {"enum_link_state", LINK_STATE_COUNT - 1},
        {"enum_decision", DECISION_COUNT - 1},
        {"enum_limit", LIMIT_COUNT - 1},
        {"address", UINT64_MAX},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (strcmp(unit, rows[i].unit) == 0)
            return rows[i].max;
    fail_msg("the unit %s has no row here", unit);
    return 0;
}

/* Every kind, with all fields at 0, at their largest, and at 1 or so, one after the other. */
static size_t make_events(struct event *events)
{
    size_t count = 0;
    for (unsigned kind = 0; kind < EVENT_COUNT; kind++) {
        const struct event_description *description = event_describe((enum event_kind)kind);
        for (unsigned variant = 0; variant < 3; variant++) {
            struct event *event = &events[count];
            *event = (struct event){.kind = (enum event_kind)kind, .at_ns = count * 1000003};
            for (unsigned i = 0; i < description->field_count; i++) {
                uint64_t max = extreme(description->field_units[i]);
                event->fields[i] = variant == 0 ? 0 : variant == 1 ? max : max < 77 ? 1 : 77;
            }
            count++;
        }
    }
    events[count - 1].at_ns = UINT64_MAX;
    return count;
}

/* The end that fits, behind whatever a test wrote there itself. */
static void seal(struct bytes *bytes)
{
    uint64_t digest = digest_of(bytes->data, bytes->count);
    bytes_put_u8(bytes, 127);
    bytes_put_u64(bytes, digest);
}

static void record(struct recorder *recorder, const struct event *events, size_t count)
{
    recorder_init(recorder, scenario, true);
    for (size_t i = 0; i < count; i++)
        recorder_add(recorder, &events[i]);
}

static void every_kind_comes_back(void **state)
{
    struct event events[EVENT_COUNT * 3], event;
    size_t count = make_events(events);
    struct recorder recorder;
    struct recording recording;
    bool is_end;
    (void)state;

    record(&recorder, events, count);
    recorder_finish(&recorder);
    assert_int_equal(recorder.event_count, count);
    assert_int_equal(recording_open(&recording, recorder.bytes.data, recorder.bytes.count, NULL),
                     STATUS_OK);
    assert_string_equal(recording.scenario_text, scenario);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(recording_next(&recording, &event, &is_end, NULL), STATUS_OK);
        assert_false(is_end);
        assert_int_equal(event.kind, events[i].kind);
        assert_int_equal(event.at_ns, events[i].at_ns);
        assert_memory_equal(event.fields, events[i].fields, sizeof event.fields);
    }
    for (unsigned again = 0; again < 2; again++) {
        assert_int_equal(recording_next(&recording, &event, &is_end, NULL), STATUS_OK);
        assert_true(is_end);
    }
    recording_close(&recording);
    recorder_fini(&recorder);
}

static void the_head_is_as_documented(void **state)
{
    struct recorder recorder;
    struct event event = {
        .at_ns = 300,
        .kind = EVENT_PAGES_SENT,
        .pages_sent = {
            .first_idx = 5, .count = 1, .why = WHY_RESENT, .bytes = 128, .form = PAGE_FORM_ZERO}};
    static const uint8_t head[] = {'f', 'e', 'r', 'r', 'y', 'r', 'e', 'c', 2,
                                   0,   0,   0,   2,   0,   0,   0,   'a', '\n'};
    /* kind, 300 ns later, page +5 (zigzag 10), one page, why, 128 bytes, form; then the page
     * before, written by hart 3 at address 64 (from 0: zigzag 128), noticed by a trap. */
    static const uint8_t first[] = {EVENT_PAGES_SENT, 0xac, 2, 10, 1, WHY_RESENT, 0x80, 1,
                                    PAGE_FORM_ZERO};
    static const uint8_t second[] = {EVENT_PAGE_DIRTIED, 0, 1, 0, 3, 0x80, 1, 0};
    (void)state;

    recorder_init(&recorder, "a\n", true);
    recorder_add(&recorder, &event);
    event = (struct event){.at_ns = 300,
                           .kind = EVENT_PAGE_DIRTIED,
                           .page_dirtied = {.page_idx = 4, .hart_idx = 3, .pc = 64}};
    recorder_add(&recorder, &event);
    assert_int_equal(recorder.bytes.count, sizeof head + sizeof first + sizeof second);
    assert_memory_equal(recorder.bytes.data, head, sizeof head);
    assert_memory_equal(recorder.bytes.data + sizeof head, first, sizeof first);
    assert_memory_equal(recorder.bytes.data + sizeof head + sizeof first, second, sizeof second);
    recorder_finish(&recorder);
    size_t end = sizeof head + sizeof first + sizeof second;
    uint64_t digest = digest_of(recorder.bytes.data, end);
    assert_int_equal(recorder.bytes.count, end + 9);
    assert_int_equal(recorder.bytes.data[end], 127);
    for (unsigned i = 0; i < 8; i++)
        assert_int_equal(recorder.bytes.data[end + 1 + i], digest >> (8 * i) & 0xff);
    assert_int_equal(recorder_digest(&recorder), digest);
    recorder_fini(&recorder);
}

static void the_digest_is_of_all_bytes(void **state)
{
    struct event events[EVENT_COUNT * 3];
    size_t count = make_events(events);
    struct recorder kept, forgotten;
    (void)state;

    record(&kept, events, count);
    recorder_init(&forgotten, scenario, false);
    for (size_t i = 0; i < count; i++)
        recorder_add(&forgotten, &events[i]);
    assert_int_equal(forgotten.bytes.count, 0);
    assert_int_equal(recorder_digest(&kept), digest_of(kept.bytes.data, kept.bytes.count));
    assert_int_equal(recorder_digest(&kept), recorder_digest(&forgotten));
    recorder_finish(&forgotten);
    assert_int_equal(forgotten.bytes.count, 0);
    assert_int_equal(recorder_digest(&kept), recorder_digest(&forgotten));
    recorder_fini(&forgotten);

    /* Another scenario, or one nanosecond, makes another run. */
    recorder_init(&forgotten, "guest = sort\n", false);
    for (size_t i = 0; i < count; i++)
        recorder_add(&forgotten, &events[i]);
    assert_int_not_equal(recorder_digest(&kept), recorder_digest(&forgotten));
    recorder_fini(&forgotten);
    events[1].at_ns++;
    record(&forgotten, events, count);
    assert_int_not_equal(recorder_digest(&kept), recorder_digest(&forgotten));
    recorder_fini(&forgotten);
    recorder_fini(&kept);
}

/* Reads as far as it goes; returns how the reading ended, and counts the events. Copies the input
 * to a block of exactly its size, so that a sanitizer sees a read past its end. */
static enum status read_all(const uint8_t *data, size_t count, size_t *event_count,
                            struct problem *problem)
{
    uint8_t *copy = malloc(count + (count == 0));
    struct recording recording;
    struct event event;
    bool is_end = false;

    memcpy(copy, data, count);
    *event_count = 0;
    enum status status = recording_open(&recording, copy, count, problem);
    if (status == STATUS_OK) {
        while ((status = recording_next(&recording, &event, &is_end, problem)) == STATUS_OK &&
               !is_end)
            ++*event_count;
        recording_close(&recording);
    }
    free(copy);
    return status;
}

/* Every bit counts, and every byte up to the last. */
static void what_is_not_whole_is_refused(void **state)
{
    struct event events[EVENT_COUNT * 3];
    size_t count = make_events(events), read_count;
    struct recorder recorder;
    (void)state;

    record(&recorder, events, count);
    recorder_finish(&recorder);
    uint8_t *data = recorder.bytes.data;
    size_t bytes = recorder.bytes.count, head = 16 + sizeof scenario - 1;
    assert_int_equal(read_all(data, bytes, &read_count, NULL), STATUS_OK);
    assert_int_equal(read_count, count);
    for (size_t bit = 0; bit < bytes * 8; bit++) {
        struct problem problem = {0};
        data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(read_all(data, bytes, &read_count, &problem), STATUS_BAD_INPUT);
        assert_int_equal(read_count, 0);
        data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        if (bit / 8 >= head && bit / 8 != bytes - 9)
            assert_non_null(strstr(problem.text, "is damaged: its digest does not fit"));
    }
    for (size_t cut = 0; cut < bytes; cut++) {
        struct problem problem = {0};
        assert_int_equal(read_all(data, cut, &read_count, &problem), STATUS_BAD_INPUT);
        assert_int_equal(read_count, 0);
        if (cut >= head && (cut < head + 9 || data[cut - 9] != 127))
            assert_non_null(strstr(problem.text, "it has no end"));
    }
    bytes_put_u8(&recorder.bytes, 0);
    assert_int_equal(read_all(recorder.bytes.data, bytes + 1, &read_count, NULL), STATUS_BAD_INPUT);
    recorder_fini(&recorder);
}

/* Also where the end was made to fit. */
static void a_cut_anywhere_is_refused(void **state)
{
    struct event events[EVENT_COUNT * 3];
    size_t count = make_events(events), read_count, whole = 0;
    size_t ends[EVENT_COUNT * 3 + 1];
    struct recorder recorder;
    (void)state;

    recorder_init(&recorder, scenario, true);
    ends[0] = recorder.bytes.count;
    for (size_t i = 0; i < count; i++) {
        recorder_add(&recorder, &events[i]);
        ends[i + 1] = recorder.bytes.count;
    }
    for (size_t cut = 0; cut <= recorder.bytes.count; cut++) {
        struct problem problem = {0};
        struct bytes sealed = {0};
        bytes_put(&sealed, recorder.bytes.data, cut);
        seal(&sealed);
        enum status status = read_all(sealed.data, sealed.count, &read_count, &problem);
        bytes_fini(&sealed);
        while (whole < count && ends[whole + 1] <= cut)
            whole++;
        if (cut >= ends[0] && cut == ends[whole]) {
            assert_int_equal(status, STATUS_OK);
            assert_int_equal(read_count, whole);
            continue;
        }
        assert_int_equal(status, STATUS_BAD_INPUT);
        assert_int_equal(problem.status, STATUS_BAD_INPUT);
        if (cut > ends[0]) { /* all that is whole is read, and the place is named */
            char place[40];
            assert_int_equal(read_count, whole);
            snprintf(place, sizeof place, "at byte %zu:", ends[whole]);
            assert_non_null(strstr(problem.text, place));
        }
    }
    recorder_fini(&recorder);
}

static void what_cannot_be_is_refused(void **state)
{
    /* One event behind an empty scenario each. */
    static const struct {
        uint8_t bytes[28];
        uint8_t count;
        bool is_good;
    } rows[] = {
        {{EVENT_PHASE_CHANGED, 0, PHASE_COUNT - 1}, 3, true},
        {{EVENT_PHASE_CHANGED, 0, PHASE_COUNT}, 3, false},
        {{EVENT_MIGRATION_STARTED, 0, MODE_COUNT, 1}, 4, false},
        {{EVENT_MIGRATION_ENDED, 0, OUTCOME_COUNT}, 3, false},
        {{EVENT_PAGES_SENT, 0, 0, 1, WHY_COUNT, 1, 0}, 7, false},
        {{EVENT_PAGES_SENT, 0, 0, 1, 0, 1, PAGE_FORM_COUNT}, 7, false},
        {{EVENT_GUEST_PAUSED, 0, 1}, 3, true},
        {{EVENT_GUEST_PAUSED, 0, 2}, 3, false},
        {{EVENT_FRAME_SENT, 0, 9, 1}, 4, true},
        {{EVENT_FRAME_SENT, 0, 9, 2}, 4, false},
        {{EVENT_COUNT, 0}, 2, false},
        {{0xff, 0xff, 0xff, 0xff, 0x7f, 0, 0, 0}, 8, false},
        /* Page -1, page 2^28, and one page before that. */
        {{EVENT_PAGE_DIRTIED, 0, 1, 0, 0, 0, 0}, 7, false},
        {{EVENT_PAGE_DIRTIED, 0, 0x80, 0x80, 0x80, 0x80, 2, 0, 0, 0, 0}, 11, false},
        {{EVENT_PAGE_DIRTIED, 0, 0xfe, 0xff, 0xff, 0xff, 1, 0, 0, 0, 0}, 11, true},
        /* 2^28 dirtied pages are all of the largest guest; one more is not there. */
        {{EVENT_LOG_FETCHED, 0, 0x80, 0x80, 0x80, 0x80, 1, 0, 0}, 9, true},
        {{EVENT_LOG_FETCHED, 0, 0x81, 0x80, 0x80, 0x80, 1, 0, 0}, 9, false},
        /* A number of more than 64 bits. */
        {{EVENT_GUEST_ENDED, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0},
         14,
         true},
        {{EVENT_GUEST_ENDED, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0},
         14,
         false},
        /* Time: 2^64 - 1, and then a nanosecond more. */
        {{EVENT_LOG_FETCHED, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0,
          EVENT_LOG_FETCHED, 0, 0, 0, 0},
         19,
         true},
        {{EVENT_LOG_FETCHED, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0,
          EVENT_LOG_FETCHED, 1, 0, 0, 0},
         19,
         false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct recorder recorder;
        size_t event_count;
        struct problem problem = {0};
        recorder_init(&recorder, "", true);
        bytes_put(&recorder.bytes, rows[i].bytes, rows[i].count);
        seal(&recorder.bytes);
        enum status status =
            read_all(recorder.bytes.data, recorder.bytes.count, &event_count, &problem);
        if ((status == STATUS_OK) != rows[i].is_good)
            fail_msg("row %zu: %s", i, problem.text);
        assert_int_equal(status, rows[i].is_good ? STATUS_OK : STATUS_BAD_INPUT);
        recorder_fini(&recorder);
    }
}

static void a_broken_head_is_refused(void **state)
{
    static const struct {
        const char *bytes;
        size_t count;
        const char *what;
    } rows[] = {
        {"", 0, "no recording"},
        {"ferryre", 7, "no recording"},
        {"ferryrex\1\0\0\0\0\0\0\0", 16, "no recording"},
        {"ferryrec\3\0\0\0\0\0\0\0", 16, "version 3"},
        {"ferryrec\1\0\0\0\0\0\0\0", 16, "version 1"},
        {"ferryrec\2\0\0\0\1\0\0\0", 16, "cut off"},
        {"ferryrec\2\0\0\0\xff\xff\xff\xff", 16, "cut off"},
        {"ferryrec\2\0\0\0\3\0\0\0a\0b", 19, "no text"},
        {"ferryrec\2\0\0\0\0\0\0\0", 16, "cut off at byte 16: it has no end"},
        {"ferryrec\2\0\0\0\0\0\0\0\177\0\0\0\0\0\0\0\0", 25, "is damaged"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct problem problem = {0};
        size_t event_count;
        assert_int_equal(
            read_all((const uint8_t *)rows[i].bytes, rows[i].count, &event_count, &problem),
            STATUS_BAD_INPUT);
        if (strstr(problem.text, rows[i].what) == NULL)
            fail_msg("row %zu: %s", i, problem.text);
    }
}

static void a_broken_event_stays_broken(void **state)
{
    static const uint8_t broken[] = {EVENT_LOG_FETCHED, 0, 5, 0, 0, EVENT_LOG_FETCHED, 0};
    struct recorder recorder;
    struct recording recording;
    struct event event;
    bool is_end;
    (void)state;

    recorder_init(&recorder, "", true);
    bytes_put(&recorder.bytes, broken, sizeof broken);
    seal(&recorder.bytes);
    assert_int_equal(recording_open(&recording, recorder.bytes.data, recorder.bytes.count, NULL),
                     STATUS_OK);
    assert_int_equal(recording_next(&recording, &event, &is_end, NULL), STATUS_OK);
    for (unsigned again = 0; again < 3; again++) {
        struct problem problem = {0};
        assert_int_equal(recording_next(&recording, &event, &is_end, &problem), STATUS_BAD_INPUT);
        assert_non_null(strstr(problem.text, "at byte 21:"));
    }
    recording_close(&recording);
    recorder_fini(&recorder);
}

/* Whatever is changed, reading ends, and no field of what was read is out of its range. */
static void random_damage_is_survived(void **state)
{
    struct event events[EVENT_COUNT * 3];
    size_t count = make_events(events);
    struct recorder recorder;
    struct prng prng = prng_make(1, 1);
    (void)state;

    record(&recorder, events, count);
    for (unsigned round = 0; round < 20000; round++) {
        struct bytes copy = {0};
        struct recording recording;
        struct event event;
        bool is_end = false;
        bytes_put(&copy, recorder.bytes.data, recorder.bytes.count);
        for (uint64_t changes = 1 + prng_below(&prng, 4); changes > 0; changes--)
            copy.data[prng_below(&prng, copy.count)] = (uint8_t)prng_next(&prng);
        seal(&copy);
        if (recording_open(&recording, copy.data, copy.count, NULL) == STATUS_OK) {
            while (recording_next(&recording, &event, &is_end, NULL) == STATUS_OK && !is_end) {
                const struct event_description *description = event_describe(event.kind);
                for (unsigned i = 0; i < description->field_count; i++)
                    assert_true(event.fields[i] <= extreme(description->field_units[i]));
            }
            recording_close(&recording);
        }
        bytes_fini(&copy);
    }
    recorder_fini(&recorder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_comes_back),
        cmocka_unit_test(the_head_is_as_documented),
        cmocka_unit_test(what_is_not_whole_is_refused),
        cmocka_unit_test(the_digest_is_of_all_bytes),
        cmocka_unit_test(a_cut_anywhere_is_refused),
        cmocka_unit_test(what_cannot_be_is_refused),
        cmocka_unit_test(a_broken_head_is_refused),
        cmocka_unit_test(a_broken_event_stays_broken),
        cmocka_unit_test(random_damage_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
