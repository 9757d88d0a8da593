#include "record/recording.h"

#include <stdlib.h>
#include <string.h>

static const char magic[8] = "ferryrec"; /* without the NUL */

/* ---- What the fields of each kind are, from the one event list ---- */

enum unit {
    UNIT_OF_number,
    UNIT_OF_pages,
    UNIT_OF_page,
    UNIT_OF_address,
    UNIT_OF_bytes,
    UNIT_OF_ns,
    UNIT_OF_digest,
    UNIT_OF_flag,
    UNIT_OF_host,
    UNIT_OF_enum_mode,
    UNIT_OF_enum_phase,
    UNIT_OF_enum_why,
    UNIT_OF_enum_outcome,
    UNIT_OF_enum_page_form,
    UNIT_OF_enum_link_state,
    UNIT_OF_enum_decision,
    UNIT_OF_enum_limit,
};

struct layout {
    uint8_t field_count;
    uint8_t units[EVENT_FIELDS_MAX];
};

static const struct layout layouts[EVENT_COUNT] = {
#define ONE(name, unit)              +1
#define UNIT(name, unit)             UNIT_OF_##unit,
#define LAYOUT(kind, member, fields) [kind] = {0 fields(ONE), {fields(UNIT)}},
    EVENT_LIST(LAYOUT)
#undef LAYOUT
#undef UNIT
#undef ONE
};

/* The largest value that a field of a unit may have. */
static uint64_t unit_max(enum unit unit)
{
    switch (unit) {
    case UNIT_OF_number:
    case UNIT_OF_address:
    case UNIT_OF_bytes:
    case UNIT_OF_ns:
    case UNIT_OF_digest:
        return UINT64_MAX;
    case UNIT_OF_pages:
        return RECORDING_PAGES_MAX;
    case UNIT_OF_page:
        return RECORDING_PAGES_MAX - 1;
    case UNIT_OF_flag:
        return 1;
    case UNIT_OF_host:
        return HOST_COUNT - 1;
    case UNIT_OF_enum_mode:
        return MODE_COUNT - 1;
    case UNIT_OF_enum_phase:
        return PHASE_COUNT - 1;
    case UNIT_OF_enum_why:
        return WHY_COUNT - 1;
    case UNIT_OF_enum_outcome:
        return OUTCOME_COUNT - 1;
    case UNIT_OF_enum_page_form:
        return PAGE_FORM_COUNT - 1;
    case UNIT_OF_enum_link_state:
        return LINK_STATE_COUNT - 1;
    case UNIT_OF_enum_decision:
        return DECISION_COUNT - 1;
    case UNIT_OF_enum_limit:
        return LIMIT_COUNT - 1;
    }
    MUST(false); /* The compiler checks that every unit of the list has its case. */
    return 0;
}

/* Zigzag: 0, -1, 1, -2, 2 ... become 0, 1, 2, 3, 4: small differences of either sign are short. */
static uint64_t zigzag(uint64_t difference)
{
    return difference << 1 ^ (0 - (difference >> 63));
}

static uint64_t unzigzag(uint64_t code)
{
    return code >> 1 ^ (0 - (code & 1));
}

/* What a field of that unit is written as the difference from; NULL: it stands for itself. */
static uint64_t *last_of(struct recording_neighbours *neighbours, enum unit unit)
{
    return unit == UNIT_OF_page      ? &neighbours->page
           : unit == UNIT_OF_address ? &neighbours->address
                                     : NULL;
}

bool recorder_takes(const struct event *event)
{
    if ((unsigned)event->kind >= EVENT_COUNT)
        return false;
    const struct layout *layout = &layouts[event->kind];
    for (unsigned i = 0; i < layout->field_count; i++)
        if (event->fields[i] > unit_max(layout->units[i]))
            return false;
    return true;
}

/* ---- Writing ---- */

/* The digest follows everything; the bytes stay only where somebody wants them. */
static void digest_from(struct recorder *recorder, size_t position)
{
    struct bytes *bytes = &recorder->bytes;
    digest_add(recorder->digest, bytes->data + position, bytes->count - position);
    if (!recorder->is_kept)
        bytes_clear(bytes);
}

void recorder_init(struct recorder *recorder, const char *scenario_text, bool is_kept)
{
    size_t text_bytes = strlen(scenario_text);
    MUST(text_bytes <= RECORDING_SCENARIO_MAX);
    *recorder = (struct recorder){.digest = digest_open(), .is_kept = is_kept};
    bytes_put(&recorder->bytes, magic, sizeof magic);
    bytes_put_u32(&recorder->bytes, RECORDING_VERSION);
    bytes_put_u32(&recorder->bytes, (uint32_t)text_bytes);
    bytes_put(&recorder->bytes, scenario_text, text_bytes);
    digest_from(recorder, 0);
}

void recorder_add(struct recorder *recorder, const struct event *event)
{
    /* What cannot be read back must not be written. */
    MUST(recorder_takes(event) && event->at_ns >= recorder->last_ns);
    MUST(!recorder->is_finished);
    const struct layout *layout = &layouts[event->kind];
    struct bytes *bytes = &recorder->bytes;
    size_t position = bytes->count;

    bytes_put_varint(bytes, event->kind);
    bytes_put_varint(bytes, event->at_ns - recorder->last_ns);
    recorder->last_ns = event->at_ns;
    for (unsigned i = 0; i < layout->field_count; i++) {
        uint64_t value = event->fields[i];
        uint64_t *last = last_of(&recorder->neighbours, layout->units[i]);
        bytes_put_varint(bytes, last == NULL ? value : zigzag(value - *last));
        if (last != NULL)
            *last = value;
    }
    recorder->event_count++;
    digest_from(recorder, position);
}

_Static_assert(EVENT_COUNT <= RECORDING_END, "the end cannot be mistaken for an event");

/* The end is not part of the digest that it holds. */
void recorder_finish(struct recorder *recorder)
{
    MUST(!recorder->is_finished);
    recorder->is_finished = true;
    if (!recorder->is_kept)
        return;
    bytes_put_u8(&recorder->bytes, RECORDING_END);
    bytes_put_u64(&recorder->bytes, recorder_digest(recorder));
}

uint64_t recorder_digest(const struct recorder *recorder)
{
    return digest_value(recorder->digest);
}

void recorder_fini(struct recorder *recorder)
{
    bytes_fini(&recorder->bytes);
    digest_close(recorder->digest);
    *recorder = (struct recorder){0};
}

/* ---- Reading ---- */

/* What stands behind the head: its last bytes must be the end, and fit all before them. Takes the
 * end away from the reader. */
static enum status check_end(struct bytes_reader *reader, struct problem *problem)
{
    struct bytes_reader end;
    size_t whole_bytes = reader->count - RECORDING_END_BYTES;

    if (bytes_left(reader) < RECORDING_END_BYTES || reader->data[whole_bytes] != RECORDING_END)
        return problem_set(problem, STATUS_BAD_INPUT,
                           "the recording is cut off at byte %zu: it has no end", reader->count);
    bytes_reader_init(&end, reader->data + whole_bytes + 1, RECORDING_END_BYTES - 1);
    if (bytes_get_u64(&end) != digest_of(reader->data, whole_bytes))
        return problem_set(problem, STATUS_BAD_INPUT,
                           "the recording is damaged: its digest does not fit its %zu bytes",
                           whole_bytes);
    reader->count = whole_bytes;
    return STATUS_OK;
}

/* Everything before the first event; *is_cut: it may be whole with more bytes. The text's claim of
 * its length is believed when the bytes are there, and only then is memory given for it. */
static enum status read_head(struct bytes_reader *reader, const char **scenario_text, bool *is_cut,
                             struct problem *problem)
{
    const uint8_t *name = bytes_get(reader, sizeof magic);
    if (name == NULL || memcmp(name, magic, sizeof magic) != 0) {
        size_t common = reader->count < sizeof magic ? reader->count : sizeof magic;
        *is_cut = name == NULL && (common == 0 || memcmp(reader->data, magic, common) == 0);
        return problem_set(problem, STATUS_BAD_INPUT,
                           "this is no recording: one begins with \"ferryrec\"");
    }
    uint32_t version = bytes_get_u32(reader);
    uint32_t text_bytes = bytes_get_u32(reader);
    if (!reader->has_failed && version != RECORDING_VERSION)
        return problem_set(problem, STATUS_BAD_INPUT,
                           "a recording of version %u: this program reads version %u", version,
                           RECORDING_VERSION);
    const uint8_t *text = bytes_get(reader, text_bytes);
    *is_cut = text == NULL && text_bytes <= RECORDING_SCENARIO_MAX;
    if (text == NULL || text_bytes > RECORDING_SCENARIO_MAX || memchr(text, 0, text_bytes) != NULL)
        return problem_set(problem, STATUS_BAD_INPUT,
                           "the recording is broken at byte 16: its scenario is %s",
                           text == NULL ? "cut off" : "no text or too long");
    *scenario_text = strndup((const char *)text, text_bytes);
    MUST(*scenario_text != NULL);
    return STATUS_OK;
}

enum status recording_open(struct recording *recording, const void *data, size_t count,
                           struct problem *problem)
{
    struct bytes_reader reader;
    bool is_cut = false;

    bytes_reader_init(&reader, data, count);
    *recording = (struct recording){0};
    if (read_head(&reader, &recording->scenario_text, &is_cut, problem) != STATUS_OK)
        return STATUS_BAD_INPUT;
    if (check_end(&reader, problem) != STATUS_OK) {
        recording_close(recording);
        return STATUS_BAD_INPUT;
    }
    recording->reader = reader;
    return STATUS_OK;
}

/* The fields of one kind; NULL, or what is wrong with them. */
static const char *read_fields(struct recording *recording, struct event *event)
{
    const struct layout *layout = &layouts[event->kind];
    for (unsigned i = 0; i < layout->field_count; i++) {
        uint64_t value = bytes_get_varint(&recording->reader);
        if (recording->reader.has_failed)
            return "an event is cut off, or a number has more than 64 bits";
        uint64_t *last = last_of(&recording->neighbours, layout->units[i]);
        if (last != NULL)
            value = *last += unzigzag(value);
        if (value > unit_max(layout->units[i]))
            return "a field is out of its range";
        event->fields[i] = value;
    }
    return NULL;
}

static const char *read_event(struct recording *recording, struct event *event)
{
    uint64_t kind = bytes_get_varint(&recording->reader);
    uint64_t later_ns = bytes_get_varint(&recording->reader);
    if (recording->reader.has_failed)
        return "an event is cut off, or a number has more than 64 bits";
    if (kind >= EVENT_COUNT)
        return "an event is of an unknown kind";
    if (later_ns > UINT64_MAX - recording->last_ns)
        return "the time of an event overflows";
    *event = (struct event){.kind = (enum event_kind)kind, .at_ns = recording->last_ns += later_ns};
    return read_fields(recording, event);
}

enum status recording_next(struct recording *recording, struct event *event, bool *is_end,
                           struct problem *problem)
{
    struct recording before = *recording;
    *is_end = bytes_is_done(&recording->reader);
    if (*is_end)
        return STATUS_OK;
    const char *objection = read_event(recording, event);
    if (objection == NULL)
        return STATUS_OK;
    /* Standing before the broken event, so that asking again gives the same answer. */
    *recording = before;
    return problem_set(problem, STATUS_BAD_INPUT, "the recording is broken at byte %zu: %s",
                       before.reader.position, objection);
}

void recording_close(struct recording *recording)
{
    free((char *)recording->scenario_text);
    *recording = (struct recording){0};
}

/* ---- Reading what is still being written ---- */

/* No event takes more: what is as long and no event yet will never be one. */
#define EVENT_BYTES_MAX (10 * (2 + EVENT_FIELDS_MAX))

void recording_feed_init(struct recording_feed *feed)
{
    *feed = (struct recording_feed){.digest = digest_open()};
}

void recording_feed_fini(struct recording_feed *feed)
{
    bytes_fini(&feed->bytes);
    recording_close(&feed->recording);
    digest_close(feed->digest);
    *feed = (struct recording_feed){.digest = NULL};
}

/* What was read goes when it is more than what was not: a byte is moved a few times at most, however
 * far the reader is behind. */
void recording_feed_put(struct recording_feed *feed, const void *data, size_t count)
{
    struct bytes_reader *reader = &feed->recording.reader;

    size_t position = reader->position;

    if (position > feed->bytes.count / 2) {
        bytes_drop_front(&feed->bytes, position);
        position = 0;
    }
    bytes_put(&feed->bytes, data, count);
    bytes_reader_init(reader, feed->bytes.data, feed->bytes.count);
    reader->position = position;
}

static void feed_passed(struct recording_feed *feed, size_t from)
{
    struct bytes_reader *reader = &feed->recording.reader;
    digest_add(feed->digest, reader->data + from, reader->position - from);
    feed->position += reader->position - from;
}

static enum status feed_head(struct recording_feed *feed, struct problem *problem)
{
    struct bytes_reader *reader = &feed->recording.reader;
    bool is_cut = false;
    enum status status = read_head(reader, &feed->recording.scenario_text, &is_cut, problem);

    if (status == STATUS_OK) {
        feed->has_head = true;
        feed_passed(feed, 0);
        return STATUS_OK;
    }
    bytes_reader_init(reader, feed->bytes.data, feed->bytes.count);
    if (!is_cut)
        return status;
    if (problem != NULL)
        *problem = (struct problem){STATUS_OK, ""};
    return STATUS_OK;
}

static enum status feed_end(struct recording_feed *feed, struct problem *problem)
{
    struct bytes_reader end = feed->recording.reader;

    if (bytes_left(&end) < RECORDING_END_BYTES)
        return STATUS_OK;
    bytes_get_u8(&end);
    if (bytes_get_u64(&end) != digest_value(feed->digest) || bytes_left(&end) > 0)
        return problem_set(problem, STATUS_BAD_INPUT,
                           "the recording is damaged: its end does not fit its %llu bytes",
                           (unsigned long long)feed->position);
    feed->is_whole = true;
    return STATUS_OK;
}

enum status recording_feed_next(struct recording_feed *feed, struct event *event, bool *is_there,
                                struct problem *problem)
{
    struct recording *recording = &feed->recording;

    *is_there = false;
    if (!feed->has_head && feed_head(feed, problem) != STATUS_OK)
        return STATUS_BAD_INPUT;
    size_t from = recording->reader.position;
    if (!feed->has_head || feed->is_whole || bytes_left(&recording->reader) == 0)
        return STATUS_OK;
    if (recording->reader.data[from] == RECORDING_END)
        return feed_end(feed, problem);
    struct recording before = *recording;
    const char *objection = read_event(recording, event);
    *is_there = objection == NULL;
    if (*is_there) {
        feed_passed(feed, from);
        return STATUS_OK;
    }
    bool is_cut = recording->reader.has_failed && bytes_left(&before.reader) < EVENT_BYTES_MAX;
    *recording = before;
    if (is_cut)
        return STATUS_OK;
    return problem_set(problem, STATUS_BAD_INPUT, "the recording is broken at byte %llu: %s",
                       (unsigned long long)feed->position, objection);
}
