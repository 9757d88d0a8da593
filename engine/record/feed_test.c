/* A recording read while it is still being written: the same events as from the whole, wherever its
 * bytes are cut; and no event that was not written.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "record/pretend.h"
#include "record/reading.h"

#define TOTAL_PAGES 1024

static const char scenario[] = "guest = kv\nmode = pre-copy\nmemory = 4MiB\n";

static void record_pretence(struct recorder *recorder, uint64_t events)
{
    struct event_list run = pretend_run(TOTAL_PAGES, events, 3);
    recorder_init(recorder, scenario, true);
    for (size_t i = 0; i < run.count; i++)
        recorder_add(recorder, &run.items[i]);
    event_list_fini(&run);
    recorder_finish(recorder);
}

/* The digest of all events that come of those bytes in pieces of that size. */
static enum status feed_in_pieces(const struct bytes *bytes, size_t piece, size_t first,
                                  uint64_t *events, bool *is_whole, struct problem *problem)
{
    struct reading_feed reading;
    enum status status = STATUS_OK;
    reading_feed_init(&reading);
    *events = 0;
    for (size_t at = 0; at < bytes->count && status == STATUS_OK; at += at == 0 ? first : piece) {
        size_t size = at == 0 ? first : piece, left = bytes->count - at;
        bool is_there = true;
        recording_feed_put(&reading.feed, bytes->data + at, size < left ? size : left);
        while (status == STATUS_OK && is_there) {
            struct event event;
            status = reading_feed_next(&reading, &event, &is_there, problem);
            *events += status == STATUS_OK && is_there;
        }
    }
    *is_whole = reading.feed.is_whole;
    reading_feed_fini(&reading);
    return status;
}

static void the_same_events_wherever_it_is_cut(void **state)
{
    struct recorder recorder;
    struct problem problem;
    uint64_t events;
    bool is_whole;
    record_pretence(&recorder, 400);
    (void)state;
    for (size_t first = 1; first <= recorder.bytes.count; first++) {
        assert_int_equal(feed_in_pieces(&recorder.bytes, recorder.bytes.count, first, &events,
                                        &is_whole, &problem),
                         STATUS_OK);
        assert_true(is_whole);
        assert_int_equal(events, recorder.event_count);
    }
    for (size_t piece = 1; piece < 50; piece++) {
        assert_int_equal(
            feed_in_pieces(&recorder.bytes, piece, piece, &events, &is_whole, &problem), STATUS_OK);
        assert_true(is_whole);
        assert_int_equal(events, recorder.event_count);
    }
    recorder_fini(&recorder);
}

/* Fed what was written so far, it knows all events that were written whole, each as it was. */
static void every_event_is_there_once_it_is_written(void **state)
{
    struct event_list run = pretend_run(TOTAL_PAGES, 2000, 7);
    struct recorder recorder;
    struct reading_feed reading;
    size_t given = 0;
    (void)state;
    recorder_init(&recorder, scenario, true);
    reading_feed_init(&reading);
    for (size_t i = 0; i < run.count; i++) {
        struct event event;
        bool is_there = false;
        recorder_add(&recorder, &run.items[i]);
        recording_feed_put(&reading.feed, recorder.bytes.data + given,
                           recorder.bytes.count - given);
        given = recorder.bytes.count;
        assert_int_equal(reading_feed_next(&reading, &event, &is_there, NULL), STATUS_OK);
        assert_true(is_there && reading.is_open);
        assert_int_equal(reading.facts.total_pages, TOTAL_PAGES);
        const struct event *wanted = &run.items[i];
        assert_int_equal(event.kind, wanted->kind);
        assert_int_equal(event.at_ns, wanted->at_ns);
        for (unsigned k = 0; k < event_describe(event.kind)->field_count; k++)
            assert_int_equal(event.fields[k], wanted->fields[k]);
        assert_int_equal(reading_feed_next(&reading, &event, &is_there, NULL), STATUS_OK);
        assert_false(is_there);
    }
    assert_false(reading.feed.is_whole);
    assert_true(reading.feed.bytes.count < 4096); /* nothing is kept of what was read */
    reading_feed_fini(&reading);
    recorder_fini(&recorder);
    event_list_fini(&run);
}

/* Any byte of it changed: refused, or never whole; never more events than bytes, and no crash. */
static void damage_is_noticed_at_the_end_at_the_latest(void **state)
{
    struct recorder recorder;
    struct problem problem;
    uint64_t events;
    bool is_whole;
    record_pretence(&recorder, 300);
    (void)state;
    for (size_t at = 0; at < recorder.bytes.count; at++) {
        recorder.bytes.data[at] ^= 0x11;
        enum status status = feed_in_pieces(&recorder.bytes, 97, 97, &events, &is_whole, &problem);
        assert_false(status == STATUS_OK && is_whole);
        recorder.bytes.data[at] ^= 0x11;
    }
    recorder_fini(&recorder);
}

static void a_page_that_the_guest_lacks_is_refused_with_its_place(void **state)
{
    static const struct event bad = {.kind = EVENT_PAGE_FAULTED,
                                     .page_faulted = {.page_idx = TOTAL_PAGES}};
    struct recorder recorder;
    struct problem problem;
    uint64_t events;
    bool is_whole;
    (void)state;
    recorder_init(&recorder, scenario, true);
    recorder_add(&recorder, &bad);
    assert_int_equal(feed_in_pieces(&recorder.bytes, 5, 5, &events, &is_whole, &problem),
                     STATUS_BAD_INPUT);
    assert_non_null(strstr(problem.text, "page_faulted names pages that the guest does not have"));
    assert_int_equal(events, 0);
    recorder_fini(&recorder);
}

static void bytes_behind_the_end_are_damage(void **state)
{
    struct recorder recorder;
    struct problem problem;
    uint64_t events;
    bool is_whole;
    (void)state;
    record_pretence(&recorder, 10);
    bytes_put_u8(&recorder.bytes, 0);
    assert_int_equal(feed_in_pieces(&recorder.bytes, recorder.bytes.count, recorder.bytes.count,
                                    &events, &is_whole, &problem),
                     STATUS_BAD_INPUT);
    recorder_fini(&recorder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_events_wherever_it_is_cut),
        cmocka_unit_test(every_event_is_there_once_it_is_written),
        cmocka_unit_test(damage_is_noticed_at_the_end_at_the_latest),
        cmocka_unit_test(a_page_that_the_guest_lacks_is_refused_with_its_place),
        cmocka_unit_test(bytes_behind_the_end_are_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
