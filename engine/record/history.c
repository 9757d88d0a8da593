#include "record/history.h"

#include <stdlib.h>
#include <string.h>

/* So much is copied in about the time in which an event is folded: keyframes that lie nearer to
 * each other would cost more than they save. */
#define COPIED_BYTES_PER_EVENT 256

struct keyframe {
    struct timeline timeline; /* owned */
    struct recording reader;  /* stands behind its last event */
    uint64_t bytes;
};

static uint64_t keyframe_budget(uint64_t total_pages)
{
    uint64_t bytes = total_pages * 16;
    return bytes < HISTORY_KEYFRAMES_MIN   ? HISTORY_KEYFRAMES_MIN
           : bytes > HISTORY_KEYFRAMES_MAX ? HISTORY_KEYFRAMES_MAX
                                           : bytes;
}

/* ---- Keyframes ---- */

static void keyframe_add(struct history *history)
{
    const struct timeline *timeline = &history->session->timeline;
    if (history->keyframe_count == history->keyframe_capacity) {
        history->keyframe_capacity = history->keyframe_capacity * 2 + 8;
        history->keyframes =
            realloc(history->keyframes, history->keyframe_capacity * sizeof *history->keyframes);
        MUST(history->keyframes != NULL);
    }
    struct keyframe *keyframe = &history->keyframes[history->keyframe_count++];
    timeline_init(&keyframe->timeline, timeline->total_pages);
    timeline_copy(&keyframe->timeline, timeline);
    keyframe->reader = history->reader;
    keyframe->bytes = history->keyframe_count == 1 ? 0 : timeline_bytes(timeline);
    history->keyframe_bytes += keyframe->bytes;
}

/* Every second one goes; the first stays. */
static void keyframes_thin(struct history *history)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < history->keyframe_count; i++) {
        struct keyframe *keyframe = &history->keyframes[i];
        if (i % 2 == 0) {
            history->keyframes[kept++] = *keyframe;
            continue;
        }
        history->keyframe_bytes -= keyframe->bytes;
        timeline_fini(&keyframe->timeline);
    }
    history->keyframe_count = kept;
    history->spacing *= 2;
}

/* Where even the only one has no room, the distance has doubled: it is not tried again soon. */
static void keyframe_if_due(struct history *history)
{
    const struct keyframe *last = &history->keyframes[history->keyframe_count - 1];
    uint64_t events = history->session->lived_events - last->timeline.event_count;
    if (events < history->spacing)
        return;
    uint64_t room = history->keyframe_bytes_max;
    uint64_t bytes = timeline_bytes(&history->session->timeline);
    if (events < bytes / COPIED_BYTES_PER_EVENT) {
        history->spacing = bytes / COPIED_BYTES_PER_EVENT;
        return;
    }
    while (history->keyframe_bytes + bytes > room && history->keyframe_count > 1)
        keyframes_thin(history);
    if (history->keyframe_bytes + bytes > room)
        history->spacing *= 2;
    else
        keyframe_add(history);
}

/* ---- The events ---- */

/* The log may have moved since, and has grown. */
static void refresh_reader(struct history *history)
{
    if (!history->has_log)
        return;
    history->reader.reader.data = history->log.bytes.data;
    history->reader.reader.count = history->log.bytes.count;
}

static void reader_to_log_end(struct history *history)
{
    refresh_reader(history);
    history->reader.reader.position = history->log.bytes.count;
    history->reader.last_ns = history->log.last_ns;
    history->reader.neighbours = history->log.neighbours;
}

/* The older half of the log goes, and the history begins at a keyframe: at that which comes next,
 * or, where none does, here. */
static void forget_if_due(struct history *history)
{
    size_t half = history->log.bytes.count / 2;
    uint32_t first = 0;
    if (history->log.bytes.count <= history->log_bytes_max)
        return;
    while (first < history->keyframe_count &&
           history->keyframes[first].reader.reader.position < half)
        first++;
    if (first == history->keyframe_count)
        keyframe_add(history);
    size_t forgotten = history->keyframes[first].reader.reader.position;
    bytes_drop_front(&history->log.bytes, forgotten);
    history->reader.reader.position -= forgotten;
    for (uint32_t i = 0; i < history->keyframe_count; i++) {
        struct keyframe *keyframe = &history->keyframes[i];
        keyframe->reader.reader.position -= forgotten;
        if (i <= first)
            history->keyframe_bytes -= keyframe->bytes;
        if (i < first)
            timeline_fini(&keyframe->timeline);
    }
    history->keyframe_count -= first;
    memmove(history->keyframes, history->keyframes + first,
            history->keyframe_count * sizeof *history->keyframes);
    history->keyframes[0].bytes = 0;
}

void history_init(struct history *history, struct session *session,
                  const struct recording *recording)
{
    *history = (struct history){.session = session,
                                .has_log = recording == NULL,
                                .spacing = HISTORY_SPACING,
                                .log_bytes_max = HISTORY_LOG_MAX};
    history->keyframe_bytes_max = keyframe_budget(session->timeline.total_pages);
    session->lived_ns = session->lived_events = 0;
    if (recording != NULL) {
        history->reader = *recording;
    } else {
        recorder_init(&history->log, "", true);
        reader_to_log_end(history);
    }
    keyframe_add(history);
}

void history_fini(struct history *history)
{
    for (uint32_t i = 0; i < history->keyframe_count; i++)
        timeline_fini(&history->keyframes[i].timeline);
    free(history->keyframes);
    if (history->has_log)
        recorder_fini(&history->log);
    *history = (struct history){0};
}

/* ---- Living ---- */

void history_live(struct history *history, const struct event *event)
{
    struct session *session = history->session;
    MUST(!session_is_past(session));
    timeline_add(&session->timeline, event);
    session->lived_ns = session->timeline.now_ns;
    session->lived_events = session->timeline.event_count;
    if (history->has_log) {
        recorder_add(&history->log, event);
        reader_to_log_end(history);
        forget_if_due(history);
    }
    keyframe_if_due(history);
}

void history_pass(struct history *history, uint64_t now_ns)
{
    struct session *session = history->session;
    MUST(!session_is_past(session));
    timeline_advance(&session->timeline, now_ns);
    session->lived_ns = session->timeline.now_ns;
}

/* ---- What was lived, once more ---- */

/* The next event, where it is not later than `at_ns`. What was lived was read before: it is sound.
 */
static bool fold_next(struct history *history, uint64_t at_ns)
{
    struct timeline *timeline = &history->session->timeline;
    struct recording before = history->reader;
    struct event event;
    bool is_end = false;

    if (timeline->event_count >= history->session->lived_events)
        return false;
    enum status status = recording_next(&history->reader, &event, &is_end, NULL);
    MUST(status == STATUS_OK && !is_end);
    if (event.at_ns > at_ns) {
        history->reader = before;
        return false;
    }
    timeline_add(timeline, &event);
    return true;
}

bool history_step(struct history *history)
{
    refresh_reader(history);
    return fold_next(history, UINT64_MAX);
}

static uint64_t until_lived(const struct history *history, uint64_t at_ns)
{
    return at_ns < history->session->lived_ns ? at_ns : history->session->lived_ns;
}

void history_advance(struct history *history, uint64_t until_ns)
{
    refresh_reader(history);
    while (fold_next(history, until_ns))
        continue;
    timeline_advance(&history->session->timeline, until_lived(history, until_ns));
}

static bool is_before(const struct timeline *timeline, uint64_t at_ns, uint64_t events)
{
    return timeline->now_ns <= at_ns && timeline->event_count <= events;
}

static void stand_at_keyframe(struct history *history, const struct keyframe *keyframe)
{
    timeline_copy(&history->session->timeline, &keyframe->timeline);
    history->reader = keyframe->reader;
}

/* The timeline as it was behind all events until `at_ns`, but behind no more than `events`: from
 * the last keyframe before that, or from where it stands, whichever is nearer. */
static bool stand_at(struct history *history, uint64_t at_ns, uint64_t events)
{
    struct timeline *timeline = &history->session->timeline;
    const struct keyframe *keyframe = NULL;

    for (uint32_t i = 0; i < history->keyframe_count; i++)
        if (is_before(&history->keyframes[i].timeline, at_ns, events))
            keyframe = &history->keyframes[i];
    if (keyframe == NULL)
        return false;
    if (!is_before(timeline, at_ns, events) ||
        timeline->event_count < keyframe->timeline.event_count)
        stand_at_keyframe(history, keyframe);
    refresh_reader(history);
    while (timeline->event_count < events && fold_next(history, at_ns))
        continue;
    return true;
}

bool history_seek(struct history *history, uint64_t at_ns)
{
    at_ns = until_lived(history, at_ns);
    if (!stand_at(history, at_ns, UINT64_MAX))
        return false;
    timeline_advance(&history->session->timeline, at_ns);
    return true;
}

void history_begin(struct history *history)
{
    stand_at_keyframe(history, &history->keyframes[0]);
}

bool history_has_before(const struct history *history)
{
    return history->session->timeline.event_count > history->keyframes[0].timeline.event_count;
}

bool history_back(struct history *history)
{
    return history_has_before(history) &&
           stand_at(history, UINT64_MAX, history->session->timeline.event_count - 1);
}
