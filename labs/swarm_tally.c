#include "labs/swarm_tally.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/digest.h"
#include "labs/output.h"
#include "labs/people.h"

#define HEAD "ferry swarm 1"

void swarm_tally_init(struct swarm_tally *tally, uint64_t first, uint64_t last)
{
    MUST(swarm_guest_count() <= SWARM_GUESTS_MAX);
    *tally = (struct swarm_tally){.first = first, .last = last, .next = first};
}

void swarm_tally_add(struct swarm_tally *tally, const struct swarm_result *result)
{
    MUST(result->seed == tally->next);
    tally->next++;
    tally->events += result->event_count;
    tally->outcomes[result->outcome]++;
    tally->guests[result->guest_idx]++;
    for (unsigned rule = 0; rule < RULE_COUNT; rule++)
        tally->applied[rule] += result->applied[rule];
    for (uint32_t row = 0; row < swarm_row_count(); row++)
        if (result->drawn[row] < SWARM_VALUES_MAX)
            tally->drawn[row][result->drawn[row]]++;
}

/* ---- In a file: lines of a word and numbers ---- */

/* Of the tables: what was counted by others means something else. */
static uint64_t tables_digest(void)
{
    struct bytes text = {0};

    for (uint32_t i = 0; i < swarm_guest_count(); i++)
        bytes_put(&text, swarm_guest_name(i), strlen(swarm_guest_name(i)) + 1);
    for (uint32_t i = 0; i < swarm_row_count(); i++) {
        bytes_put(&text, swarm_row(i)->key, strlen(swarm_row(i)->key) + 1);
        bytes_put(&text, swarm_row(i)->values, strlen(swarm_row(i)->values) + 1);
        bytes_put_u64(&text, swarm_row(i)->percent);
    }
    uint64_t digest = digest_of(text.data, text.count);
    bytes_fini(&text);
    return digest;
}

/* The counts, all of them, as one list of numbers in a fixed order. */
static uint64_t *counts_of(struct swarm_tally *tally, size_t *count)
{
    *count = (sizeof *tally - offsetof(struct swarm_tally, events)) / sizeof(uint64_t);
    return &tally->events;
}

static enum status refuse_state(const char *path, const char *what, struct problem *problem)
{
    return problem_set(problem, STATUS_BAD_INPUT, "--resume: %.200s: %s", path, what);
}

static enum status read_state(struct swarm_tally *tally, FILE *file, const char *path,
                              struct problem *problem)
{
    uint64_t digest = 0;
    size_t count;
    uint64_t *counts = counts_of(tally, &count);

    int got = fscanf(file,
                     HEAD " tables %16" SCNx64 " seeds %20" SCNu64 " %20" SCNu64 " next %20" SCNu64
                          " counts",
                     &digest, &tally->first, &tally->last, &tally->next);
    if (got >= 1 && digest != tables_digest())
        return refuse_state(path, "it counts what another ferry draws: name another file", problem);
    for (size_t i = 0; got == 4 && i < count; i++)
        if (fscanf(file, " %20" SCNu64, &counts[i]) != 1)
            got = 0;
    if (got != 4 || tally->first > tally->last || tally->next < tally->first ||
        tally->next > tally->last + 1)
        return refuse_state(path, "it is no state of a swarm: name another file", problem);
    return STATUS_OK;
}

enum status swarm_tally_load(struct swarm_tally *tally, const char *path, bool *is_there,
                             struct problem *problem)
{
    FILE *file = fopen(path, "r");

    *is_there = file != NULL;
    if (file == NULL)
        return errno == ENOENT ? STATUS_OK : refuse_state(path, strerror(errno), problem);
    swarm_tally_init(tally, 0, 0);
    enum status status = read_state(tally, file, path, problem);
    fclose(file);
    return status;
}

enum status swarm_tally_save(const struct swarm_tally *tally, const char *path,
                             struct problem *problem)
{
    struct swarm_tally copy = *tally;
    struct output output = {0};
    size_t count;
    const uint64_t *counts = counts_of(&copy, &count);
    enum status status = output_open(&output, path, problem);

    if (status != STATUS_OK)
        return status;
    fprintf(output.file,
            HEAD "\ntables %016" PRIx64 "\nseeds %" PRIu64 " %" PRIu64 "\nnext %" PRIu64 "\ncounts",
            tables_digest(), tally->first, tally->last, tally->next);
    for (size_t i = 0; i < count; i++)
        fprintf(output.file, "%c%" PRIu64, i % 16 == 0 ? '\n' : ' ', counts[i]);
    fputc('\n', output.file);
    return output_finish(&output, problem);
}

/* ---- For people ---- */

static void add_count(struct bytes *line, const char *name, uint64_t count)
{
    struct people people = {0};
    const char *text = people_count(&people, count);

    if (line->count > 0)
        bytes_put(line, ", ", 2);
    bytes_put(line, name, strlen(name));
    bytes_put_u8(line, ' ');
    bytes_put(line, text, strlen(text));
}

static void print_line(FILE *file, const char *head, struct bytes *line)
{
    char indented[32];

    snprintf(indented, sizeof indented, "  %-18s", head);
    bytes_put_u8(line, 0);
    people_wrap(file, indented, (const char *)line->data);
    bytes_clear(line);
}

/* Several rows are about the same guest: they are counted together, at the first. */
static uint64_t guest_total(const struct swarm_tally *tally, uint32_t idx)
{
    uint64_t total = 0;

    for (uint32_t i = 0; i < swarm_guest_count(); i++) {
        bool is_same = strcmp(swarm_guest_name(i), swarm_guest_name(idx)) == 0;
        if (is_same && i < idx)
            return 0;
        total += is_same ? tally->guests[i] : 0;
    }
    return total;
}

/* How many drew that value; a value that stands there twice is counted at its first place. */
static uint64_t value_total(const struct swarm_tally *tally, uint32_t row, uint32_t value,
                            const char *text)
{
    uint64_t total = 0;
    char other[200];

    for (uint32_t i = 0; swarm_row_value(row, i, other, sizeof other); i++) {
        bool is_same = strcmp(other, text) == 0;
        if (is_same && i < value)
            return 0;
        total += is_same ? tally->drawn[row][i] : 0;
    }
    return total;
}

void swarm_tally_print(const struct swarm_tally *tally, FILE *file)
{
    struct bytes line = {0};
    char text[200];

    for (unsigned i = 0; i < OUTCOME_COUNT; i++)
        if (tally->outcomes[i] > 0)
            add_count(&line, outcome_name((enum outcome)i), tally->outcomes[i]);
    print_line(file, "outcome", &line);
    for (unsigned i = 0; i < RULE_COUNT; i++)
        add_count(&line, oracle_rule_key((enum oracle_rule)i), tally->applied[i]);
    print_line(file, "looked at", &line);
    add_count(&line, "in all", tally->events);
    print_line(file, "events", &line);
    for (uint32_t i = 0; i < swarm_guest_count(); i++)
        if (guest_total(tally, i) > 0)
            add_count(&line, swarm_guest_name(i), guest_total(tally, i));
    print_line(file, "guest", &line);
    for (uint32_t row = 0; row < swarm_row_count(); row++) {
        for (uint32_t value = 0; swarm_row_value(row, value, text, sizeof text); value++)
            if (value_total(tally, row, value, text) > 0)
                add_count(&line, text, value_total(tally, row, value, text));
        if (line.count > 0)
            print_line(file, swarm_row(row)->key, &line);
    }
    bytes_fini(&line);
}

/* ---- For programs ---- */

static void set_count(json_t *object, const char *key, uint64_t count)
{
    json_object_set_new(object, key, json_integer((json_int_t)count));
}

json_t *swarm_tally_json(const struct swarm_tally *tally)
{
    json_t *object = json_object(), *outcomes = json_object(), *rules = json_object();
    json_t *guests = json_object(), *options = json_object();
    char text[200];

    json_object_set_new(object, "schema", json_string("ferry.swarm/1"));
    set_count(object, "first_seed", tally->first);
    set_count(object, "last_seed", tally->last);
    set_count(object, "seeds", tally->next - tally->first);
    set_count(object, "events", tally->events);
    for (unsigned i = 0; i < OUTCOME_COUNT; i++)
        set_count(outcomes, outcome_name((enum outcome)i), tally->outcomes[i]);
    for (unsigned i = 0; i < RULE_COUNT; i++)
        set_count(rules, oracle_rule_key((enum oracle_rule)i), tally->applied[i]);
    for (uint32_t i = 0; i < swarm_guest_count(); i++)
        if (json_object_get(guests, swarm_guest_name(i)) == NULL)
            set_count(guests, swarm_guest_name(i), guest_total(tally, i));
    for (uint32_t row = 0; row < swarm_row_count(); row++) {
        json_t *values = json_object();
        for (uint32_t value = 0; swarm_row_value(row, value, text, sizeof text); value++)
            if (json_object_get(values, text) == NULL)
                set_count(values, text, value_total(tally, row, value, text));
        json_object_set_new(options, swarm_row(row)->key, values);
    }
    json_object_set_new(object, "outcomes", outcomes);
    json_object_set_new(object, "rules", rules);
    json_object_set_new(object, "guests", guests);
    json_object_set_new(object, "options", options);
    return object;
}
