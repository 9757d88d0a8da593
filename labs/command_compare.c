/* ferry compare: the same guest and the same seed in every mode, side by side. */
#include <stdio.h>
#include <string.h>

#include "labs/crash.h"
#include "labs/headless.h"
#include "labs/people.h"
#include "labs/report.h"
#include "labs/setting.h"

/* What of a run stands in the table: the run itself is closed before the next one begins. */
struct column {
    enum mode mode;
    enum outcome outcome;
    bool is_limit_exceeded, is_good, is_late, has_latency, has_waits, has_requests;
    uint64_t total_ns, downtime_ns, pages_sent, pages_resent, bytes, faults, wait_p99_ns;
    uint64_t first_bytes, resent_bytes, switched_bytes, encoded_bytes, overhead_bytes;
    uint64_t latency_p50_ns, latency_p99_ns, silence_ns, answers, errors;
    uint64_t first_request_ns;
    struct oracle oracle;
    char reason[512];
};

static void fill_column(struct column *column, const struct report *report)
{
    const struct timeline *timeline = report->timeline;
    enum limit limit;

    *column = (struct column){
        .mode = report->scenario->mode,
        .outcome = report->outcome,
        .is_limit_exceeded = report_exceeds_limit(report, &limit),
        .is_good = report_is_good(report),
        .is_late = report->is_late,
        .has_requests = timeline->requests > 0,
        .first_request_ns = timeline->first_request_ns,
        .has_latency = report->latency.count > 0,
        .has_waits = report->fault_wait.count > 0,
        .total_ns = report_total_ns(report),
        .downtime_ns = timeline->downtime_ns,
        .pages_sent = timeline->pages_sent,
        .pages_resent = timeline->pages_resent,
        .bytes = timeline->bytes_on_wire,
        .first_bytes = timeline->bytes_by_why[WHY_FIRST],
        .resent_bytes = timeline->bytes_by_why[WHY_RESENT],
        .switched_bytes = timeline->bytes_by_why[WHY_FAULT] + timeline->bytes_by_why[WHY_PUSHED],
        .encoded_bytes = timeline->bytes_by_use[USE_ZERO] + timeline->bytes_by_use[USE_DELTA] +
                         timeline->bytes_by_use[USE_COMPRESSED],
        .overhead_bytes = timeline->framing_bytes + timeline->state_bytes,
        .faults = timeline->faults,
        .wait_p99_ns = report->fault_wait.p99,
        .latency_p50_ns = report->latency.p50,
        .latency_p99_ns = report->latency.p99,
        .silence_ns = timeline->longest_silence_ns,
        .answers = timeline->answers,
        .errors = timeline->errors,
        .oracle = report->oracle,
    };
    snprintf(column->reason, sizeof column->reason, "%s", report->reason);
}

/* ---- The table: a row for each quantity, a column for each mode, 80 columns of text. ---- */

enum cell_kind { CELL_TIME, CELL_COUNT, CELL_BYTES };

/* "stop-and-copy" is the longest of all that stands in a cell. */
static int column_width(unsigned idx)
{
    return idx == 0 ? 14 : 12;
}

static void print_row(const char *name, const struct column *columns, enum cell_kind kind,
                      size_t offset, size_t has_offset)
{
    struct people people = {0};

    printf("%-18s", name);
    for (unsigned i = 0; i < MODES_COMPARED; i++) {
        const char *column = (const char *)&columns[i];
        uint64_t value = *(const uint64_t *)(column + offset);
        bool has_value = has_offset == 0 || *(const bool *)(column + has_offset);
        const char *text = !has_value           ? "-"
                           : kind == CELL_TIME  ? people_time(&people, value)
                           : kind == CELL_BYTES ? people_bytes(&people, value)
                                                : people_count(&people, value);
        printf("%*s", column_width(i), text);
    }
    printf("\n");
}

static void print_words(const char *name, const struct column *columns,
                        const char *(*word)(const struct column *column))
{
    printf("%-18s", name);
    for (unsigned i = 0; i < MODES_COMPARED; i++)
        printf("%*s", column_width(i), word(&columns[i]));
    printf("\n");
}

static const char *mode_word(const struct column *column)
{
    return mode_name(column->mode);
}

static const char *outcome_word(const struct column *column)
{
    return column->is_limit_exceeded && column->outcome == OUTCOME_COMPLETED
               ? "over limit"
               : outcome_name(column->outcome);
}

/* In how many modes the rule could be looked at: where a move was given up, some cannot. */
static unsigned applies_in(const struct column *columns, enum oracle_rule rule)
{
    unsigned count = 0;

    for (unsigned i = 0; i < MODES_COMPARED; i++)
        count += columns[i].oracle.applies[rule];
    return count;
}

static void print_oracle(const struct column *columns)
{
    unsigned good_count = 0;

    for (unsigned i = 0; i < MODES_COMPARED; i++) {
        good_count += oracle_holds(&columns[i].oracle);
        if (!oracle_holds(&columns[i].oracle))
            printf("oracle: %s: %s\n", mode_name(columns[i].mode), columns[i].oracle.what);
    }
    if (good_count < MODES_COMPARED)
        return;
    printf("oracle: ");
    for (unsigned i = 0, count = 0; i < RULE_COUNT; i++)
        if (applies_in(columns, (enum oracle_rule)i) == MODES_COMPARED)
            printf("%s%s", count++ > 0 ? ", " : "", oracle_rule_key((enum oracle_rule)i));
    printf(" held in all modes");
    for (unsigned i = 0; i < RULE_COUNT; i++) {
        unsigned modes = applies_in(columns, (enum oracle_rule)i);
        if (modes > 0 && modes < MODES_COMPARED)
            printf(", %s in %u of them", oracle_rule_key((enum oracle_rule)i), modes);
    }
    printf("\n");
}

static void print_failures(const struct column *columns)
{
    for (unsigned i = 0; i < MODES_COMPARED; i++) {
        char head[40];
        snprintf(head, sizeof head, "%s: ", mode_name(columns[i].mode));
        if (!columns[i].is_good && columns[i].reason[0] != '\0')
            people_wrap(stdout, head, columns[i].reason);
    }
}

/* A silence that is shorter than the downtime would be a riddle. */
static void print_late(const struct column *columns)
{
    char modes[80] = "", text[240], start[40];
    uint64_t first_request_ns = 0;

    for (unsigned i = 0; i < MODES_COMPARED; i++) {
        size_t used = strlen(modes);
        if (!columns[i].is_late)
            continue;
        snprintf(modes + used, sizeof modes - used, "%s%s", used > 0 ? ", " : "",
                 mode_name(columns[i].mode));
        if (columns[i].first_request_ns > first_request_ns)
            first_request_ns = columns[i].first_request_ns;
    }
    if (modes[0] == '\0')
        return;
    snprintf(text, sizeof text,
             "in %s they began only after the guest had moved: try --start-at %s", modes,
             report_later_start(first_request_ns, start, sizeof start));
    people_wrap(stdout, "clients: ", text);
}

static void print_table(const struct scenario *scenario, const struct column *columns)
{
#define ROW(name, kind, field) print_row(name, columns, kind, offsetof(struct column, field), 0)
#define ROW_IF(name, kind, field, has) \
    print_row(name, columns, kind, offsetof(struct column, field), offsetof(struct column, has))
    char memory[40], bandwidth[40];

    units_format(UNIT_SIZE, scenario->memory_bytes, memory, sizeof memory);
    units_format(UNIT_BANDWIDTH, scenario->bandwidth_bits_per_s, bandwidth, sizeof bandwidth);
    printf("%s, %s, %s, seed %llu\n\n", scenario->guest, memory, bandwidth,
           (unsigned long long)scenario->seed);
    print_words("", columns, mode_word);
    print_words("outcome", columns, outcome_word);
    ROW("total time", CELL_TIME, total_ns);
    ROW("downtime", CELL_TIME, downtime_ns);
    ROW("pages sent", CELL_COUNT, pages_sent);
    ROW("  of them re-sent", CELL_COUNT, pages_resent);
    ROW("bytes on the wire", CELL_BYTES, bytes);
    ROW("  first copies", CELL_BYTES, first_bytes);
    ROW("  re-sent", CELL_BYTES, resent_bytes);
    ROW("  after the switch", CELL_BYTES, switched_bytes);
    if (scenario->compress != COMPRESS_NONE)
        ROW("  of these encoded", CELL_BYTES, encoded_bytes);
    ROW("  overhead", CELL_BYTES, overhead_bytes);
    ROW("faults", CELL_COUNT, faults);
    ROW_IF("  fault wait p99", CELL_TIME, wait_p99_ns, has_waits);
    if (scenario->client_count > 0) {
        ROW_IF("latency p50", CELL_TIME, latency_p50_ns, has_latency);
        ROW_IF("latency p99", CELL_TIME, latency_p99_ns, has_latency);
        ROW_IF("longest silence", CELL_TIME, silence_ns, has_requests);
        ROW("answers", CELL_COUNT, answers);
        ROW("wrong answers", CELL_COUNT, errors);
    }
    printf("\n");
    print_failures(columns);
    print_late(columns);
    print_oracle(columns);
#undef ROW
#undef ROW_IF
}

/* One mode. Its report goes to the end of `runs`. */
static enum status run_mode(const struct options *options, const struct image *image,
                            enum mode mode, struct column *column, json_t *runs,
                            struct problem *problem)
{
    struct scenario scenario;
    struct run run;
    struct report report;
    bool has_progress = headless_wants_progress(options->is_plain, options->is_quiet);

    scenario_copy(&scenario, &options->scenario);
    enum status status = scenario_set(&scenario, "mode", mode_name(mode), problem);
    if (status == STATUS_OK) {
        crash_prepare("run", &scenario, NULL);
        status = headless_run(&run, &scenario, image, false, has_progress, problem);
    }
    scenario_fini(&scenario);
    if (status != STATUS_OK)
        return status;
    report_make(&report, &run, world_oracle(run.world));
    fill_column(column, &report);
    json_array_append_new(runs, report_json(&report));
    run_close(&run);
    return STATUS_OK;
}

static int compare(struct setting *setting)
{
    const struct options *options = &setting->options;
    struct output *json = &setting->json;
    struct problem problem = {STATUS_OK, ""};
    struct column columns[MODES_COMPARED];
    json_t *runs = json_array();
    int status = EXIT_DONE;

    for (unsigned i = 0; i < MODES_COMPARED; i++) {
        if (run_mode(options, &setting->image, (enum mode)i, &columns[i], runs, &problem) !=
            STATUS_OK) {
            json_decref(runs);
            return command_refuse(setting->command, &problem);
        }
        if (!columns[i].is_good)
            status = EXIT_FAILED;
    }
    if (!options->is_quiet && json->file != stdout)
        print_table(&options->scenario, columns);
    json_t *object = json_object();
    json_object_set_new(object, "schema", json_string("ferry.compare/1"));
    json_object_set_new(object, "runs", runs);
    if (json->file == NULL)
        json_decref(object);
    else
        report_write(object, json->file);
    if (output_finish(json, &problem) != STATUS_OK)
        status = command_refuse(setting->command, &problem);
    return status;
}

int command_compare(const struct command *command, int word_count, char **words)
{
    struct setting setting;
    int status = setting_open(&setting, command, word_count, words);

    if (status == SETTING_READY)
        status = compare(&setting);
    setting_close(&setting);
    return status;
}
