#include "record/reading.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"

#define PAGE_BYTES 4096

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

/* Only a real move says between which hosts it was: "hosts = B A". */
static void read_hosts(const char *text, struct session_facts *facts)
{
    char hosts[256];

    facts->is_real = find_value(text, "hosts", hosts, sizeof hosts);
    if (!facts->is_real || strlen(hosts) != 3 || hosts[1] != ' ' ||
        !isupper((unsigned char)hosts[0]) || !isupper((unsigned char)hosts[2]))
        return;
    facts->host_letters[HOST_SOURCE] = hosts[0];
    facts->host_letters[HOST_TARGET] = hosts[2];
}

static enum status read_facts(const char *text, struct session_facts *facts, char **owned_guest,
                              struct problem *problem)
{
    char guest[512];

    facts->forecast_total_ns = UINT64_MAX;
    facts->forecast_downtime_ns = UINT64_MAX;
    facts->stop_and_copy_downtime_ns = UINT64_MAX;
    if (!is_printable(text) || !find_value(text, "guest", guest, sizeof guest))
        return problem_set(problem, STATUS_BAD_INPUT,
                           "the recording's scenario is broken: it names no guest, or is no text");
    *owned_guest = strdup(guest);
    MUST(*owned_guest != NULL);
    facts->guest = *owned_guest;
    read_hosts(text, facts);
    enum status status = find_mode(text, &facts->mode, problem);
    return status == STATUS_OK ? read_numbers(text, facts, problem) : status;
}

/* ---- Events ---- */

static bool is_in_guest(const struct session_facts *facts, uint64_t first_idx, uint64_t count)
{
    return first_idx <= facts->total_pages && count <= facts->total_pages - first_idx;
}

const char *reading_objection(const struct session_facts *facts, const struct event *event)
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
    case EVENT_PACKET_FORWARDED:
        is_client = event->packet_forwarded.client_idx < TIMELINE_CLIENTS_MAX;
        break;
    case EVENT_PACKET_DROPPED:
        is_client = event->packet_dropped.client_idx < TIMELINE_CLIENTS_MAX;
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

static enum status judge(const struct session_facts *facts, const struct event *event,
                         uint64_t position, struct problem *problem)
{
    const char *objection = reading_objection(facts, event);
    if (objection == NULL)
        return STATUS_OK;
    return problem_set(problem, STATUS_BAD_INPUT,
                       "the recording is broken at byte %llu: %s names %s",
                       (unsigned long long)position, event_describe(event->kind)->name, objection);
}

enum status reading_open(struct reading *reading, const void *data, size_t count,
                         struct problem *problem)
{
    *reading = (struct reading){.guest = NULL};
    enum status status = recording_open(&reading->recording, data, count, problem);
    if (status == STATUS_OK)
        status =
            read_facts(reading->recording.scenario_text, &reading->facts, &reading->guest, problem);
    if (status != STATUS_OK)
        reading_close(reading);
    return status;
}

enum status reading_next(struct reading *reading, struct event *event, bool *is_end,
                         struct problem *problem)
{
    size_t position = reading->recording.reader.position;
    enum status status = recording_next(&reading->recording, event, is_end, problem);
    if (status != STATUS_OK || *is_end)
        return status;
    return judge(&reading->facts, event, position, problem);
}

void reading_close(struct reading *reading)
{
    recording_close(&reading->recording);
    free(reading->guest);
    *reading = (struct reading){.guest = NULL};
}

/* ---- While it is still being written ---- */

void reading_feed_init(struct reading_feed *reading)
{
    *reading = (struct reading_feed){.guest = NULL};
    recording_feed_init(&reading->feed);
}

void reading_feed_fini(struct reading_feed *reading)
{
    recording_feed_fini(&reading->feed);
    free(reading->guest);
    *reading = (struct reading_feed){.guest = NULL};
}

enum status reading_feed_next(struct reading_feed *reading, struct event *event, bool *is_there,
                              struct problem *problem)
{
    uint64_t position = reading->feed.position;
    enum status status = recording_feed_next(&reading->feed, event, is_there, problem);

    if (status == STATUS_OK && reading->feed.has_head && !reading->is_open) {
        status = read_facts(reading->feed.recording.scenario_text, &reading->facts, &reading->guest,
                            problem);
        reading->is_open = status == STATUS_OK;
    }
    if (status != STATUS_OK || !*is_there)
        return status;
    return judge(&reading->facts, event, position, problem);
}
