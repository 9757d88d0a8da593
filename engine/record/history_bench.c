/* What a seek costs in a recording of a million events (or as many as the first argument says):
 * the median and the worst of 200 random instants, and their ratio to folding all of it, in the
 * same run. Of a guest of 64 MiB, and of one of 64 GiB. */
#include <stdio.h>
#include <stdlib.h>

#include "base/bench.h"
#include "base/units.h"
#include "record/playback.h"
#include "record/pretend.h"
#include "record/recording.h"

#define SEEKS 200
#define FOLDS 5

static double fold_all(const struct event_list *events, uint64_t total_pages)
{
    struct timeline timeline;
    double begun = bench_seconds();
    timeline_init(&timeline, total_pages);
    for (size_t i = 0; i < events->count; i++)
        timeline_add(&timeline, &events->items[i]);
    timeline_fini(&timeline);
    return bench_seconds() - begun;
}

static struct bytes record(const struct event_list *events, uint64_t total_pages)
{
    struct recorder recorder;
    struct bytes bytes = {0};
    char text[128], memory[32];
    units_format(UNIT_SIZE, total_pages * 4096, memory, sizeof memory);
    snprintf(text, sizeof text, "guest = kv\nmode = hybrid\nmemory = %s\n", memory);
    recorder_init(&recorder, text, true);
    for (size_t i = 0; i < events->count; i++)
        recorder_add(&recorder, &events->items[i]);
    recorder_finish(&recorder);
    bytes_put(&bytes, recorder.bytes.data, recorder.bytes.count);
    recorder_fini(&recorder);
    return bytes;
}

static int measure(uint64_t total_pages, size_t event_count)
{
    static double folds[FOLDS], seeks[SEEKS];
    struct prng prng = prng_make(1, 1);
    struct event_list events = pretend_run(total_pages, event_count, 1);
    struct bytes bytes = record(&events, total_pages);
    struct session *session;

    for (int i = 0; i < FOLDS; i++)
        folds[i] = fold_all(&events, total_pages);
    double begun = bench_seconds();
    if (playback_open(&session, bytes.data, bytes.count, "recording", NULL) != STATUS_OK)
        return 1;
    double open_s = bench_seconds() - begun;
    for (int i = 0; i < SEEKS; i++) {
        uint64_t at_ns = prng_below(&prng, session->lived_ns + 1);
        begun = bench_seconds();
        session->ops->seek(session, at_ns);
        seeks[i] = bench_seconds() - begun;
    }
    session->ops->close(session);
    bytes_fini(&bytes);
    event_list_fini(&events);
    qsort(folds, FOLDS, sizeof folds[0], bench_by_size);
    qsort(seeks, SEEKS, sizeof seeks[0], bench_by_size);
    double fold_s = folds[FOLDS / 2];
    printf("seek, %llu pages, %zu events   median %.2f ms of %d, worst %.2f ms: %.3f and %.3f of "
           "folding all (%.0f ms); opening %.2f\n",
           (unsigned long long)total_pages, event_count, seeks[SEEKS / 2] * 1e3, SEEKS,
           seeks[SEEKS - 1] * 1e3, seeks[SEEKS / 2] / fold_s, seeks[SEEKS - 1] / fold_s,
           fold_s * 1e3, open_s / fold_s);
    return 0;
}

int main(int argc, char **argv)
{
    int event_count = argc > 1 ? atoi(argv[1]) : 1000000;
    if (event_count < 1000) {
        fprintf(stderr, "history_bench: a count of events, 1000 at least\n");
        return 2;
    }
    return measure(16384, (size_t)event_count) | measure(16777216, (size_t)event_count);
}
