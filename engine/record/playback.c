#include "record/playback.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "record/history.h"
#include "record/reading.h"

struct playback {
    struct session session; /* the first member: a view's session is this */
    struct reading reading;
    struct history history;
    char *origin;   /* owned */
    bool is_broken; /* this and the verdict: at its end */
    char verdict[400];
};

/* How it ends: known from the beginning on, told where the timeline stands there. */
static void end_broken(struct playback *playback, const char *text)
{
    playback->is_broken = true;
    snprintf(playback->verdict, sizeof playback->verdict, "%s", text);
}

void playback_tell(const struct timeline *timeline, const char *begin, char *text,
                   size_t text_bytes)
{
    char silence[32], downtime[32], answers[32], errors[32], clients[160] = "";
    units_for_people(UNIT_TIME, timeline->longest_silence_ns, silence, sizeof silence);
    units_for_people(UNIT_TIME, timeline->downtime_ns, downtime, sizeof downtime);
    units_for_people(UNIT_COUNT, timeline->answers, answers, sizeof answers);
    units_for_people(UNIT_COUNT, timeline->errors, errors, sizeof errors);
    if (timeline->requests > 0)
        snprintf(clients, sizeof clients, "%s answers, %s wrong; longest silence %s; ", answers,
                 errors, silence);
    const char *outcome = timeline->has_ended ? outcome_name(timeline->outcome) : "not ended";
    snprintf(text, text_bytes, "%s: %sthe move: %s; downtime %s", begin, clients,
             timeline->has_started ? outcome : "none", downtime);
}

/* The recording's own end: what it shows is counted again, not believed. */
static void end_whole(struct playback *playback)
{
    const struct timeline *timeline = &playback->session.timeline;
    if (!timeline->has_run_ended) {
        end_broken(playback, "the recording breaks off here: the run went on");
        return;
    }
    playback_tell(timeline, "recorded", playback->verdict, sizeof playback->verdict);
    playback->is_broken = timeline->errors > 0 || timeline->is_guest_fault;
}

/* Lives through one event more; false at the end, which then is known. */
static bool live_next(struct playback *playback)
{
    struct problem problem = {0};
    struct event event;
    bool is_end = false;

    if (reading_next(&playback->reading, &event, &is_end, &problem) != STATUS_OK) {
        end_broken(playback, problem.text);
        return false;
    }
    if (is_end) {
        end_whole(playback);
        return false;
    }
    playback->history.reader = playback->reading.recording;
    history_live(&playback->history, &event);
    return true;
}

/* ---- The session ---- */

static struct playback *playback_of(struct session *session)
{
    return (struct playback *)session;
}

/* What is told at the end alone. */
static void settle(struct session *session)
{
    struct playback *playback = playback_of(session);
    session->has_ended = session->timeline.event_count == session->lived_events;
    session->is_broken = session->has_ended && playback->is_broken;
    session->verdict = session->has_ended ? playback->verdict : NULL;
}

static void advance(struct session *session, uint64_t until_ns)
{
    history_advance(&playback_of(session)->history, until_ns);
    settle(session);
}

static bool step(struct session *session)
{
    bool has_stepped = history_step(&playback_of(session)->history);
    settle(session);
    return has_stepped;
}

static bool seek(struct session *session, uint64_t at_ns)
{
    bool is_there = history_seek(&playback_of(session)->history, at_ns);
    settle(session);
    return is_there;
}

static bool can(const struct session *session, enum session_command command)
{
    return command == SESSION_REPLAY ||
           (command == SESSION_BACK && session->timeline.event_count > 0);
}

static bool act(struct session *session, enum session_command command, uint64_t value)
{
    struct playback *playback = playback_of(session);

    if (!can(session, command) ||
        (command == SESSION_REPLAY && value != (uint64_t)session->facts.mode))
        return false;
    if (command == SESSION_BACK)
        history_back(&playback->history);
    else
        history_begin(&playback->history);
    settle(session);
    return true;
}

static void close_playback(struct session *session)
{
    struct playback *playback = playback_of(session);
    history_fini(&playback->history);
    timeline_fini(&session->timeline);
    reading_close(&playback->reading);
    free(playback->origin);
    free(playback);
}

static const struct session_ops playback_ops = {
    .advance = advance,
    .step = step,
    .can = can,
    .act = act,
    .seek = seek,
    .close = close_playback,
};

enum status playback_open(struct session **session, const void *data, size_t count,
                          const char *origin, struct problem *problem)
{
    struct playback *playback = calloc(1, sizeof *playback);
    MUST(playback != NULL);
    playback->session.ops = &playback_ops;
    playback->origin = strdup(origin);
    MUST(playback->origin != NULL);

    enum status status = reading_open(&playback->reading, data, count, problem);
    if (status != STATUS_OK) {
        close_playback(&playback->session);
        return status;
    }
    playback->session.facts = playback->reading.facts;
    playback->session.facts.origin = playback->origin;
    timeline_init(&playback->session.timeline, playback->session.facts.total_pages);
    history_init(&playback->history, &playback->session, &playback->reading.recording);
    while (live_next(playback))
        continue;
    history_begin(&playback->history);
    settle(&playback->session);
    *session = &playback->session;
    return STATUS_OK;
}
