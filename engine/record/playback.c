#include "record/playback.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "record/history.h"
#include "record/recording.h"

#define PAGE_BYTES 4096

struct playback {
    struct session session; /* the first member: a view's session is this */
    struct recording recording;
    struct history history;
    char *guest, *origin; /* owned */
    bool is_broken;       /* this and the verdict: at its end */
    char verdict[400];
};

/* ---- The scenario: "key = value" lines ---- */

/* Copies the value of a key; false when it is not there or has no room. */
static bool find_value(const char *text, const char *key, char *value, size_t value_bytes)
{
    size_t key_bytes = strlen(key);
    for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, key, key_bytes) != 0 || strncmp(line + key_bytes, " = ", 3) != 0)
            continue;
        const char *begin = line + key_bytes + 3;
        size_t count = strcspn(begin, "\n");
        if (count >= value_bytes)
            return false;
        memcpy(value, begin, count);
        value[count] = '\0';
        return true;
    }
    return false;
}

/* A number that stays 0 where the scenario does not name it, or says that there is none. */
static enum status find_number(const char *text, const char *key, enum unit_kind kind,
                               uint64_t *number, struct problem *problem)
{
    char value[64];
    struct problem why = {0};
    *number = 0;
    if (!find_value(text, key, value, sizeof value) || strcmp(value, "none") == 0)
        return STATUS_OK;
    if (units_parse(kind, value, number, &why) == STATUS_OK)
        return STATUS_OK;
    return problem_set(problem, STATUS_BAD_INPUT, "the recording's scenario is broken: %s: %s", key,
                       why.text);
}

static enum status find_mode(const char *text, enum mode *mode, struct problem *problem)
{
    char value[64] = "";
    bool is_there = find_value(text, "mode", value, sizeof value);
    for (unsigned i = 0; is_there && i < MODE_COUNT; i++) {
        if (strcmp(value, mode_name((enum mode)i)) == 0) {
            *mode = (enum mode)i;
            return STATUS_OK;
        }
    }
    return problem_set(problem, STATUS_BAD_INPUT,
                       "the recording's scenario is broken: mode: \"%.40s\" is none", value);
}

/* Control characters would reach the terminal of whoever looks at the recording. In UTF-8 those of
 * U+0080 to U+009F (CSI among them) are C2 and the character's own number. */
static bool is_printable(const char *text)
{
    for (unsigned char before = 0; *text != '\0'; before = (unsigned char)*text++) {
        unsigned char byte = (unsigned char)*text;
        if (byte != '\n' && (iscntrl(byte) || (before == 0xc2 && byte >= 0x80 && byte < 0xa0)))
            return false;
    }
    return true;
}

static enum status read_numbers(const char *text, struct session_facts *facts,
                                struct problem *problem)
{
    uint64_t memory_bytes = 0;
    const struct {
        const char *key;
        enum unit_kind kind;
        uint64_t *number;
    } rows[] = {
        {"memory", UNIT_SIZE, &memory_bytes},
        {"seed", UNIT_COUNT, &facts->seed},
        {"bandwidth", UNIT_BANDWIDTH, &facts->bandwidth_bits_per_s},
        {"latency", UNIT_TIME, &facts->latency_ns},
        {"downtime-limit", UNIT_TIME, &facts->downtime_limit_ns},
        {"clients", UNIT_COUNT, &facts->client_count},
        {"request-rate", UNIT_REQUEST_RATE, &facts->request_rate},
        {"start-at", UNIT_TIME, &facts->start_at_ns},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        enum status status = find_number(text, rows[i].key, rows[i].kind, rows[i].number, problem);
        if (status != STATUS_OK)
            return status;
    }
    facts->page_bytes = PAGE_BYTES;
    facts->total_pages = memory_bytes / PAGE_BYTES;
    if (memory_bytes % PAGE_BYTES != 0 || facts->total_pages == 0 ||
        facts->total_pages > RECORDING_PAGES_MAX)
        return problem_set(problem, STATUS_BAD_INPUT,
                           "the recording's scenario is broken: memory: not 1 to %llu whole pages",
                           (unsigned long long)RECORDING_PAGES_MAX);
    if (facts->client_count > TIMELINE_CLIENTS_MAX)
        return problem_set(problem, STATUS_BAD_INPUT,
                           "the recording's scenario is broken: clients: more than %d",
                           TIMELINE_CLIENTS_MAX);
    return STATUS_OK;
}

static enum status read_facts(struct playback *playback, struct problem *problem)
{
    const char *text = playback->recording.scenario_text;
    struct session_facts *facts = &playback->session.facts;
    char guest[512];

    facts->forecast_total_ns = UINT64_MAX;
    facts->forecast_downtime_ns = UINT64_MAX;
    facts->stop_and_copy_downtime_ns = UINT64_MAX;
    if (!is_printable(text) || !find_value(text, "guest", guest, sizeof guest))
        return problem_set(problem, STATUS_BAD_INPUT,
                           "the recording's scenario is broken: it names no guest, or is no text");
    playback->guest = strdup(guest);
    MUST(playback->guest != NULL);
    facts->guest = playback->guest;
    facts->origin = playback->origin;
    enum status status = find_mode(text, &facts->mode, problem);
    return status == STATUS_OK ? read_numbers(text, facts, problem) : status;
}

/* ---- Events ---- */

static bool is_in_guest(const struct session_facts *facts, uint64_t first_idx, uint64_t count)
{
    return first_idx <= facts->total_pages && count <= facts->total_pages - first_idx;
}

/* What the decoder cannot know: whether this can have happened to this guest. NULL, or why not. */
static const char *objection_to(const struct session_facts *facts, const struct event *event)
{
    bool is_page_there = true, is_client = true;
    switch (event->kind) {
    case EVENT_MIGRATION_STARTED:
        is_page_there = event->migration_started.total_pages == facts->total_pages;
        break;
    case EVENT_PAGES_SENT:
        is_page_there = is_in_guest(facts, event->pages_sent.first_idx, event->pages_sent.count);
        break;
    case EVENT_PAGES_INSTALLED:
        is_page_there =
            is_in_guest(facts, event->pages_installed.first_idx, event->pages_installed.count);
        break;
    case EVENT_PAGE_DIRTIED:
        is_page_there = is_in_guest(facts, event->page_dirtied.page_idx, 1);
        break;
    case EVENT_PAGE_FAULTED:
        is_page_there = is_in_guest(facts, event->page_faulted.page_idx, 1);
        break;
    case EVENT_FAULT_RESOLVED:
        is_page_there = is_in_guest(facts, event->fault_resolved.page_idx, 1);
        break;
    case EVENT_REQUEST_SENT:
        is_client = event->request_sent.client_idx < TIMELINE_CLIENTS_MAX;
        break;
    case EVENT_REQUEST_ANSWERED:
        is_client = event->request_answered.client_idx < TIMELINE_CLIENTS_MAX;
        break;
    case EVENT_INPUT_GIVEN:
        return event->input_given.command < SESSION_COMMAND_COUNT ? NULL : "an unknown command";
    default:
        break;
    }
    return !is_page_there ? "pages that the guest does not have"
           : !is_client   ? "a client that is not there"
                          : NULL;
}

/* How it ends: known from the beginning on, told where the timeline stands there. */
static void end_broken(struct playback *playback, const char *text)
{
    playback->is_broken = true;
    snprintf(playback->verdict, sizeof playback->verdict, "%s", text);
}

/* The recording's own end: what it shows is counted again, not believed. */
static void end_whole(struct playback *playback)
{
    const struct timeline *timeline = &playback->session.timeline;
    char silence[32], downtime[32], clients[160] = "";
    if (!timeline->has_run_ended) {
        end_broken(playback, "the recording breaks off here: the run went on");
        return;
    }
    units_for_people(UNIT_TIME, timeline->longest_silence_ns, silence, sizeof silence);
    units_for_people(UNIT_TIME, timeline->downtime_ns, downtime, sizeof downtime);
    if (timeline->requests > 0)
        snprintf(clients, sizeof clients, "%llu answers, %llu wrong; longest silence %s; ",
                 (unsigned long long)timeline->answers, (unsigned long long)timeline->errors,
                 silence);
    const char *outcome = timeline->has_ended ? outcome_name(timeline->outcome) : "not ended";
    snprintf(playback->verdict, sizeof playback->verdict, "recorded: %sthe move: %s; downtime %s",
             clients, timeline->has_started ? outcome : "none", downtime);
    playback->is_broken = timeline->errors > 0 || timeline->is_guest_fault;
}

/* Lives through one event more; false at the end, which then is known. */
static bool live_next(struct playback *playback)
{
    struct recording *reader = &playback->history.reader;
    size_t position = reader->reader.position;
    struct problem problem = {0};
    struct event event;
    bool is_end = false;

    if (recording_next(reader, &event, &is_end, &problem) != STATUS_OK) {
        end_broken(playback, problem.text);
        return false;
    }
    if (is_end) {
        end_whole(playback);
        return false;
    }
    const char *objection = objection_to(&playback->session.facts, &event);
    if (objection != NULL) {
        char text[200];
        snprintf(text, sizeof text, "the recording is broken at byte %zu: %s names %s", position,
                 event_describe(event.kind)->name, objection);
        end_broken(playback, text);
        return false;
    }
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
    recording_close(&playback->recording);
    free(playback->guest);
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

    enum status status = recording_open(&playback->recording, data, count, problem);
    if (status == STATUS_OK)
        status = read_facts(playback, problem);
    if (status != STATUS_OK) {
        close_playback(&playback->session);
        return status;
    }
    timeline_init(&playback->session.timeline, playback->session.facts.total_pages);
    history_init(&playback->history, &playback->session, &playback->recording);
    while (live_next(playback))
        continue;
    history_begin(&playback->history);
    settle(&playback->session);
    *session = &playback->session;
    return STATUS_OK;
}
