/* trace_check: whether a trace is what Perfetto and chrome://tracing can show, judged from the file
 * alone: it knows the format and nothing of trace.c. For tests.
 *
 *   every slice is closed, and on its track it lies within the slices around it or beside them
 *   times never go back on a track, nor for a counter
 *   every flow begins once and ends once, never goes back in time, and each of its points lies in a
 *   slice of its track
 *   every process and every track that is used has a name
 */
#ifndef RECORD_TRACE_CHECK_H
#define RECORD_TRACE_CHECK_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/status.h"

struct check_slice {
    uint64_t start_ns, end_ns;
};

struct check_track {
    json_int_t pid, tid;
    char counter[64]; /* of a counter: its name, and tid 0 */
    bool is_used, is_named;
    uint64_t last_ns;
    struct check_slice *slices; /* owned; an open one ends at UINT64_MAX */
    size_t slice_count, slice_capacity;
    size_t open[8], open_count;
};

struct check_flow {
    json_int_t id;
    char phase;
    size_t track;
    uint64_t at_ns;
};

struct check {
    struct check_track *tracks;
    size_t track_count;
    struct check_flow *flows;
    size_t flow_count, flow_capacity;
    size_t counts[128]; /* of events, by their "ph" */
    char why[200];      /* what is wrong; "": nothing */
};

#define CHECK_WRONG(check, ...) (snprintf((check)->why, sizeof(check)->why, __VA_ARGS__), false)

static inline size_t check_track(struct check *check, json_int_t pid, json_int_t tid,
                                 const char *counter)
{
    for (size_t i = 0; i < check->track_count; i++)
        if (check->tracks[i].pid == pid && check->tracks[i].tid == tid &&
            strcmp(check->tracks[i].counter, counter) == 0)
            return i;
    check->tracks = realloc(check->tracks, (check->track_count + 1) * sizeof *check->tracks);
    MUST(check->tracks != NULL);
    check->tracks[check->track_count] = (struct check_track){.pid = pid, .tid = tid};
    snprintf(check->tracks[check->track_count].counter, sizeof check->tracks->counter, "%s",
             counter);
    return check->track_count++;
}

static inline size_t check_add_slice(struct check_track *track, uint64_t start_ns, uint64_t end_ns)
{
    if (track->slice_count == track->slice_capacity) {
        track->slice_capacity = track->slice_capacity * 2 + 64;
        track->slices = realloc(track->slices, track->slice_capacity * sizeof *track->slices);
        MUST(track->slices != NULL);
    }
    track->slices[track->slice_count] = (struct check_slice){start_ns, end_ns};
    return track->slice_count++;
}

static inline bool check_time(const json_t *event, const char *key, uint64_t *ns)
{
    const json_t *value = json_object_get(event, key);
    if (!json_is_number(value) || json_number_value(value) < 0)
        return false;
    *ns = (uint64_t)llround(json_number_value(value) * 1000);
    return true;
}

static inline bool check_name(struct check *check, const json_t *event, json_int_t pid)
{
    const char *what = json_string_value(json_object_get(event, "name"));
    const json_t *name = json_object_get(json_object_get(event, "args"), "name");
    json_int_t tid = json_integer_value(json_object_get(event, "tid"));
    if (what == NULL || json_string_length(name) == 0)
        return CHECK_WRONG(check, "a name without a name");
    if (strcmp(what, "process_name") == 0)
        tid = 0;
    else if (strcmp(what, "thread_name") != 0 || tid == 0)
        return CHECK_WRONG(check, "metadata \"%.40s\" is not known", what);
    size_t track = check_track(check, pid, tid, "");
    check->tracks[track].is_named = true;
    return true;
}

static inline void check_add_flow(struct check *check, const json_t *event, char phase,
                                  size_t track, uint64_t at_ns)
{
    if (check->flow_count == check->flow_capacity) {
        check->flow_capacity = check->flow_capacity * 2 + 64;
        check->flows = realloc(check->flows, check->flow_capacity * sizeof *check->flows);
        MUST(check->flows != NULL);
    }
    check->flows[check->flow_count++] =
        (struct check_flow){json_integer_value(json_object_get(event, "id")), phase, track, at_ns};
}

static inline bool check_on_track(struct check *check, const json_t *event, char phase,
                                  size_t track_idx, uint64_t at_ns)
{
    struct check_track *track = &check->tracks[track_idx];
    uint64_t length_ns = 0;
    if (strchr("BXi", phase) != NULL && !json_is_string(json_object_get(event, "name")))
        return CHECK_WRONG(check, "a slice without a name");
    if (phase == 'X') {
        if (!check_time(event, "dur", &length_ns))
            return CHECK_WRONG(check, "a slice without its length");
        check_add_slice(track, at_ns, at_ns + length_ns);
    } else if (phase == 'B') {
        if (track->open_count == 8)
            return CHECK_WRONG(check, "more than 8 slices are open on track %d", (int)track->tid);
        track->open[track->open_count++] = check_add_slice(track, at_ns, UINT64_MAX);
    } else if (phase == 'E') {
        if (track->open_count == 0)
            return CHECK_WRONG(check, "an end without a beginning on track %d", (int)track->tid);
        track->slices[track->open[--track->open_count]].end_ns = at_ns;
    } else if (phase != 'i') {
        check_add_flow(check, event, phase, track_idx, at_ns);
    }
    return true;
}

static inline bool check_counter_values(const json_t *event)
{
    const char *key;
    json_t *value, *args = json_object_get(event, "args");
    json_object_foreach(args, key, value) if (!json_is_number(value)) return false;
    return json_object_size(args) > 0;
}

static inline bool check_event(struct check *check, const json_t *event)
{
    const char *phase = json_string_value(json_object_get(event, "ph"));
    json_int_t pid = json_integer_value(json_object_get(event, "pid"));
    json_int_t tid = json_integer_value(json_object_get(event, "tid"));
    const char *counter = "";
    uint64_t at_ns;
    if (phase == NULL || strlen(phase) != 1 || strchr("BEXiCMstf", *phase) == NULL || pid == 0)
        return CHECK_WRONG(check, "no event: \"%.20s\"", phase == NULL ? "" : phase);
    check->counts[(unsigned char)*phase]++;
    if (*phase == 'M')
        return check_name(check, event, pid);
    if (!check_time(event, "ts", &at_ns))
        return CHECK_WRONG(check, "an event without its time");
    if (*phase == 'C') {
        tid = 0;
        counter = json_string_value(json_object_get(event, "name"));
        if (counter == NULL || !check_counter_values(event))
            return CHECK_WRONG(check, "a counter without a name or a number");
    } else if (tid == 0) {
        return CHECK_WRONG(check, "an event without its track");
    }
    size_t process = check_track(check, pid, 0, ""), idx = check_track(check, pid, tid, counter);
    check->tracks[process].is_used = true;
    struct check_track *track = &check->tracks[idx];
    track->is_used = true;
    if (at_ns < track->last_ns)
        return CHECK_WRONG(check, "time goes back on track %d %s at %llu ns", (int)tid, counter,
                           (unsigned long long)at_ns);
    track->last_ns = at_ns;
    return *phase == 'C' || check_on_track(check, event, *phase, idx, at_ns);
}

/* ---- When all has been read. ---- */

static inline int check_by_start(const void *a, const void *b)
{
    const struct check_slice *one = a, *other = b;
    if (one->start_ns != other->start_ns)
        return one->start_ns < other->start_ns ? -1 : 1;
    return one->end_ns > other->end_ns ? -1 : one->end_ns < other->end_ns;
}

static inline bool check_nesting(struct check *check, struct check_track *track)
{
    struct check_slice *around[64];
    size_t depth = 0;
    if (track->open_count > 0)
        return CHECK_WRONG(check, "a slice on track %d has no end", (int)track->tid);
    if (track->slice_count > 0)
        qsort(track->slices, track->slice_count, sizeof *track->slices, check_by_start);
    for (size_t i = 0; i < track->slice_count; i++) {
        struct check_slice *slice = &track->slices[i];
        while (depth > 0 && around[depth - 1]->end_ns <= slice->start_ns)
            depth--;
        if (depth > 0 && around[depth - 1]->end_ns < slice->end_ns)
            return CHECK_WRONG(check, "slices overlap on track %d at %llu ns", (int)track->tid,
                               (unsigned long long)slice->start_ns);
        if (depth == 64)
            return CHECK_WRONG(check, "slices nest too deep on track %d", (int)track->tid);
        around[depth++] = slice;
    }
    return true;
}

/* The slices are sorted; the last that begins until then and those around it are looked at. */
static inline bool check_is_in_slice(const struct check_track *track, uint64_t at_ns)
{
    size_t low = 0, high = track->slice_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (track->slices[middle].start_ns <= at_ns)
            low = middle + 1;
        else
            high = middle;
    }
    for (size_t i = low; i-- > 0;)
        if (track->slices[i].end_ns >= at_ns)
            return true;
    return false;
}

/* Each flow together: its beginning, its joints by their times, its end. */
static inline int check_by_id(const void *a, const void *b)
{
    const struct check_flow *one = a, *other = b;
    if (one->id != other->id)
        return one->id < other->id ? -1 : 1;
    if (one->phase != other->phase)
        return strchr("stf", one->phase) < strchr("stf", other->phase) ? -1 : 1;
    return one->at_ns < other->at_ns ? -1 : one->at_ns > other->at_ns;
}

static inline bool check_flows(struct check *check)
{
    const struct check_flow *flows = check->flows;
    if (check->flow_count > 0)
        qsort(check->flows, check->flow_count, sizeof *check->flows, check_by_id);
    for (size_t i = 0; i < check->flow_count; i++) {
        bool is_first = i == 0 || flows[i - 1].id != flows[i].id;
        bool is_last = i + 1 == check->flow_count || flows[i + 1].id != flows[i].id;
        if (is_first != (flows[i].phase == 's') || is_last != (flows[i].phase == 'f'))
            return CHECK_WRONG(check, "flow %d has no beginning, no end, or more than one",
                               (int)flows[i].id);
        if (!check_is_in_slice(&check->tracks[flows[i].track], flows[i].at_ns))
            return CHECK_WRONG(check, "flow %d is in no slice at its '%c'", (int)flows[i].id,
                               flows[i].phase);
    }
    for (size_t i = 1; i < check->flow_count; i++)
        if (flows[i - 1].id == flows[i].id && flows[i - 1].at_ns > flows[i].at_ns)
            return CHECK_WRONG(check, "flow %d goes back in time", (int)flows[i].id);
    return true;
}

static inline bool check_whole(struct check *check)
{
    for (size_t i = 0; i < check->track_count; i++) {
        struct check_track *track = &check->tracks[i];
        if (track->is_used && !track->is_named && track->counter[0] == '\0')
            return CHECK_WRONG(check, "track %d of process %d has no name", (int)track->tid,
                               (int)track->pid);
        if (!check_nesting(check, track))
            return false;
    }
    return check_flows(check);
}

/* True when nothing is wrong; else check->why says what is. check_fini in every case. */
static inline bool check_trace(struct check *check, const void *text, size_t count)
{
    json_error_t error;
    json_t *event;
    size_t i;
    bool is_good = true;
    *check = (struct check){.track_count = 0};
    json_t *trace = json_loadb(text, count, JSON_REJECT_DUPLICATES, &error);
    const json_t *events = json_object_get(trace, "traceEvents");
    if (!json_is_array(events))
        is_good = CHECK_WRONG(check, "no trace: line %d: %.100s", error.line, error.text);
    json_array_foreach(events, i, event) if (is_good) is_good = check_event(check, event);
    if (is_good)
        is_good = check_whole(check);
    json_decref(trace);
    return is_good;
}

static inline void check_fini(struct check *check)
{
    for (size_t i = 0; i < check->track_count; i++)
        free(check->tracks[i].slices);
    free(check->tracks);
    free(check->flows);
    *check = (struct check){.track_count = 0};
}

#endif
