/* Any bytes as a recording: decoded, folded, drawn, sought, exported, and played again. Whatever is
 * read can be written, and reads as the same. Build: clang -fsanitize=fuzzer,address,undefined. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "record/csv.h"
#include "record/playback.h"
#include "record/reading.h"
#include "record/recording.h"
#include "record/trace.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count);

static void draw(const struct session *session)
{
    uint64_t total_pages = session->timeline.total_pages;
    for (uint32_t host = 0; host < HOST_COUNT; host++) {
        uint64_t counts[PAGE_STATE_COUNT], sum = 0;
        timeline_map_cell(&session->timeline, host, 0, total_pages / 3, counts);
        for (unsigned i = 0; i < PAGE_STATE_COUNT; i++)
            sum += counts[i];
        MUST(sum == total_pages / 3);
        (void)timeline_page(&session->timeline, host, total_pages - 1);
    }
    (void)timeline_mu(&session->timeline);
    (void)timeline_delta(&session->timeline);
    (void)timeline_latency(&session->timeline);
    (void)timeline_fault_wait(&session->timeline);
}

static void play(const uint8_t *data, size_t count)
{
    struct session *session;
    if (playback_open(&session, data, count, "fuzz", NULL) != STATUS_OK)
        return;
    for (unsigned i = 0; i < 40 && session->ops->step(session); i++)
        draw(session);
    session->ops->advance(session, UINT64_MAX);
    MUST(session->has_ended && session->verdict != NULL);
    draw(session);
    uint64_t events = session->timeline.event_count;
    MUST(session->ops->seek(session, session->lived_ns / 2));
    draw(session);
    if (session->ops->act(session, SESSION_BACK, 0))
        draw(session);
    MUST(session->ops->seek(session, UINT64_MAX));
    MUST(session->has_ended && session->timeline.event_count == events);
    session->ops->act(session, SESSION_REPLAY, (uint64_t)session->facts.mode);
    session->ops->close(session);
}

static void export(const uint8_t *data, size_t count)
{
    struct reading reading;
    struct trace trace;
    struct csv csv;
    struct event event;
    bool is_end = false;

    if (reading_open(&reading, data, count, NULL) != STATUS_OK)
        return;
    trace_init(&trace, &reading.facts);
    csv_init(&csv);
    while (reading_next(&reading, &event, &is_end, NULL) == STATUS_OK && !is_end) {
        trace_add(&trace, &event);
        csv_add(&csv, &event);
    }
    trace_finish(&trace);
    trace_fini(&trace);
    csv_fini(&csv);
    reading_close(&reading);
}

static void write_again(const uint8_t *data, size_t count)
{
    struct recording recording, second;
    struct recorder recorder;
    struct event event, same;
    bool is_end = false;

    if (recording_open(&recording, data, count, NULL) != STATUS_OK)
        return;
    recorder_init(&recorder, recording.scenario_text, true);
    while (recording_next(&recording, &event, &is_end, NULL) == STATUS_OK && !is_end)
        recorder_add(&recorder, &event);
    recorder_finish(&recorder);
    recording_close(&recording);

    MUST(recording_open(&recording, data, count, NULL) == STATUS_OK);
    MUST(recording_open(&second, recorder.bytes.data, recorder.bytes.count, NULL) == STATUS_OK);
    while (recording_next(&recording, &event, &is_end, NULL) == STATUS_OK && !is_end) {
        MUST(recording_next(&second, &same, &is_end, NULL) == STATUS_OK && !is_end);
        MUST(memcmp(&event, &same, sizeof event) == 0);
    }
    MUST(recording_next(&second, &same, &is_end, NULL) == STATUS_OK && is_end);
    recording_close(&recording);
    recording_close(&second);
    recorder_fini(&recorder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count)
{
    struct bytes sealed = {0};

    play(data, count);
    write_again(data, count);
    /* And with an end that fits, which no mutation finds: else nothing behind it were reached. */
    bytes_put(&sealed, data, count);
    bytes_put_u8(&sealed, RECORDING_END);
    bytes_put_u64(&sealed, digest_of(data, count));
    play(sealed.data, sealed.count);
    export(sealed.data, sealed.count);
    write_again(sealed.data, sealed.count);
    bytes_fini(&sealed);
    return 0;
}
