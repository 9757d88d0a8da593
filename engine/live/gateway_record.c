#include "live/gateway_record.h"

#include <stdlib.h>
#include <string.h>

#include "machine/hypercall.h"
#include "record/reading.h"

void gateway_record_init(struct gateway_record *record, uint64_t now_ns)
{
    *record = (struct gateway_record){
        .end_ns = UINT64_MAX, .born_ns = now_ns, .record_max = GATEWAY_RECORD_MAX};
    record->kept = calloc(GATEWAY_KEPT_MAX, sizeof *record->kept);
    MUST(record->kept != NULL);
}

static void forget(struct gateway_recording *recording)
{
    if (recording->id != 0)
        recorder_fini(&recording->recorder);
    *recording = (struct gateway_recording){0};
}

void gateway_record_fini(struct gateway_record *record)
{
    for (unsigned i = 0; i < GATEWAY_RECORDINGS; i++)
        forget(&record->recordings[i]);
    heap_fini(&record->order);
    event_list_fini(&record->held);
    free(record->unused);
    free(record->kept);
    *record = (struct gateway_record){0};
}

/* ---- What is held back ---- */

static uint32_t find_place(struct gateway_record *record, const struct event *event)
{
    if (record->unused_count == 0) {
        event_append(&record->held, *event);
        return (uint32_t)(record->held.count - 1);
    }
    uint32_t place = record->unused[--record->unused_count];
    record->held.items[place] = *event;
    return place;
}

static void free_place(struct gateway_record *record, uint32_t place)
{
    if (record->unused_count == record->unused_capacity) {
        record->unused_capacity = 2 * record->unused_capacity + 64;
        record->unused = realloc(record->unused, record->unused_capacity * sizeof *record->unused);
        MUST(record->unused != NULL);
    }
    record->unused[record->unused_count++] = place;
}

/* Of one source the order stands, whatever its instants say; and none of them is to come. How a run
 * ends is said here alone. */
void gateway_record_add(struct gateway_record *record, unsigned source, const struct event *event,
                        uint64_t now_ns)
{
    struct event taken = *event;

    MUST(source < GATEWAY_SOURCES);
    if (!recorder_takes(event) || event->kind == EVENT_RUN_ENDED) {
        record->refused_count++;
        return;
    }
    if (taken.at_ns > now_ns)
        taken.at_ns = now_ns;
    if (taken.at_ns < record->last_ns[source])
        taken.at_ns = record->last_ns[source];
    record->last_ns[source] = taken.at_ns;
    struct heap_entry entry = {.at_ns = taken.at_ns, .what = find_place(record, &taken)};
    heap_push(&record->order, entry);
}

/* ---- Recordings ---- */

static void keep(struct gateway_record *record, const struct event *event)
{
    record->kept[record->kept_count++ % GATEWAY_KEPT_MAX] = *event;
}

static const struct event *kept_at(const struct gateway_record *record, uint64_t idx)
{
    return &record->kept[idx % GATEWAY_KEPT_MAX];
}

/* Nothing follows; without the two numbers that only a machine's own host knows. */
static void finish(struct gateway_record *record)
{
    struct gateway_recording *current = record->current;
    struct recorder *recorder = &current->recorder;
    uint64_t end_ns = record->end_ns == UINT64_MAX || record->end_ns < current->base_ns
                          ? recorder->last_ns
                          : record->end_ns - current->base_ns;
    struct event end = {
        .kind = EVENT_RUN_ENDED,
        .at_ns = end_ns > recorder->last_ns && !current->is_full ? end_ns : recorder->last_ns};

    recorder_add(recorder, &end);
    recorder_finish(recorder);
    current->is_end = true;
    record->current = NULL;
    record->end_ns = UINT64_MAX;
}

static void write_event(struct gateway_record *record, const struct event *event)
{
    struct gateway_recording *current = record->current;
    struct recorder *recorder = &current->recorder;
    struct event written = *event;

    if (current->is_full || (record->belongs != NULL && !record->belongs(record->owner, event)))
        return;
    if (reading_objection(&current->facts, event) != NULL) {
        record->refused_count++;
        return;
    }
    written.at_ns = event->at_ns > current->base_ns ? event->at_ns - current->base_ns : 0;
    if (written.at_ns < recorder->last_ns)
        written.at_ns = recorder->last_ns;
    recorder_add(recorder, &written);
    current->is_full = recorder->bytes.count >= record->record_max;
    if (current->is_full)
        finish(record);
}

/* What was kept of the time before. Answers to what was asked earlier than that stand there alone,
 * which a timeline leaves out of its silences. */
static void write_kept(struct gateway_record *record)
{
    uint64_t first =
        record->kept_count > GATEWAY_KEPT_MAX ? record->kept_count - GATEWAY_KEPT_MAX : 0;

    for (uint64_t i = first; i < record->kept_count && record->current != NULL; i++)
        if (kept_at(record, i)->at_ns >= record->current->base_ns)
            write_event(record, kept_at(record, i));
    record->kept_count = 0;
}

static uint64_t base_of(const struct gateway_record *record, uint64_t now_ns)
{
    uint64_t base_ns = now_ns > GATEWAY_BEFORE_NS ? now_ns - GATEWAY_BEFORE_NS : 0;
    bool is_ring_full = record->kept_count > GATEWAY_KEPT_MAX;
    uint64_t oldest_ns =
        is_ring_full ? kept_at(record, record->kept_count)->at_ns : record->born_ns;

    if (base_ns < oldest_ns)
        base_ns = oldest_ns;
    return base_ns < now_ns ? base_ns : now_ns;
}

/* Together they take no more than the longest may. */
static void make_room(struct gateway_record *record)
{
    for (;;) {
        struct gateway_recording *oldest = NULL;
        size_t all_bytes = 0;
        for (unsigned i = 0; i < GATEWAY_RECORDINGS; i++) {
            struct gateway_recording *recording = &record->recordings[i];
            all_bytes += recording->id != 0 ? recording->recorder.bytes.count : 0;
            if (recording->id != 0 && (oldest == NULL || recording->id < oldest->id))
                oldest = recording;
        }
        if (all_bytes <= record->record_max)
            return;
        forget(oldest);
    }
}

/* Its own instant is measured from, whatever the recording has room for. */
static void merge(struct gateway_record *record, const struct event *event)
{
    struct event placed = *event;

    if (event->at_ns < record->merged_ns) {
        record->late_count++;
        placed.at_ns = record->merged_ns;
    }
    record->merged_ns = placed.at_ns;
    if (record->current != NULL && placed.at_ns > record->end_ns)
        finish(record);
    if (record->current != NULL)
        write_event(record, &placed);
    else
        keep(record, &placed);
    if (record->merged != NULL)
        record->merged(record->owner, event);
}

static void merge_until(struct gateway_record *record, uint64_t at_ns)
{
    const struct heap_entry *top;

    while ((top = heap_top(&record->order)) != NULL && top->at_ns <= at_ns) {
        uint32_t place = (uint32_t)heap_pop(&record->order).what;
        struct event event = record->held.items[place];
        free_place(record, place);
        merge(record, &event);
    }
}

void gateway_record_begin(struct gateway_record *record, uint64_t id,
                          const struct scenario *scenario, const char *hosts, uint64_t now_ns)
{
    struct gateway_recording *place = &record->recordings[id % GATEWAY_RECORDINGS];
    struct scenario head;
    struct bytes text = {0};

    MUST(id > 0);
    if (record->current != NULL) /* what is still held back of its time is its own */
        merge_until(record, now_ns);
    if (record->current != NULL)
        finish(record);
    forget(place);
    make_room(record);
    *place = (struct gateway_recording){.id = id, .base_ns = base_of(record, now_ns)};
    place->facts.total_pages = scenario->memory_bytes / PAGE_BYTES;
    scenario_copy(&head, scenario);
    head.start_at_ns = now_ns - place->base_ns;
    scenario_text(&head, &text);
    text.count--; /* its NUL */
    bytes_put(&text, "hosts = ", 8);
    bytes_put(&text, hosts, strlen(hosts));
    bytes_put(&text, "\n", 2);
    recorder_init(&place->recorder, (const char *)text.data, true);
    bytes_fini(&text);
    scenario_fini(&head);
    record->current = place;
    record->end_ns = UINT64_MAX;
    write_kept(record);
}

void gateway_record_end(struct gateway_record *record, uint64_t now_ns)
{
    if (record->current != NULL && record->end_ns == UINT64_MAX)
        record->end_ns = now_ns + GATEWAY_AFTER_NS;
}

/* ---- Time ---- */

void gateway_record_advance(struct gateway_record *record, uint64_t now_ns)
{
    if (now_ns >= GATEWAY_HOLD_NS)
        merge_until(record, now_ns - GATEWAY_HOLD_NS);
    if (record->current != NULL && record->end_ns != UINT64_MAX &&
        record->end_ns + GATEWAY_HOLD_NS <= now_ns)
        finish(record);
}

uint64_t gateway_record_deadline_ns(const struct gateway_record *record)
{
    const struct heap_entry *top = heap_top(&record->order);
    uint64_t due_ns = record->end_ns;

    if (top != NULL && top->at_ns < due_ns)
        due_ns = top->at_ns;
    return due_ns == UINT64_MAX ? UINT64_MAX : due_ns + GATEWAY_HOLD_NS;
}

const struct gateway_recording *gateway_record_find(const struct gateway_record *record,
                                                    uint64_t id)
{
    const struct gateway_recording *last = NULL;

    if (id != 0)
        last = &record->recordings[id % GATEWAY_RECORDINGS];
    for (unsigned i = 0; id == 0 && i < GATEWAY_RECORDINGS; i++)
        if (last == NULL || record->recordings[i].id > last->id)
            last = &record->recordings[i];
    return last->id == 0 || (id != 0 && last->id != id) ? NULL : last;
}
