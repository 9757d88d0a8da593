/* ferry export: a recording in forms that other programs read. */
#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "labs/command.h"
#include "labs/output.h"
#include "labs/recording_file.h"
#include "record/csv.h"
#include "record/reading.h"
#include "record/trace.h"

/* What is read, and what is written of it. */
struct export
{
    const struct options *options;
    struct bytes bytes;
    struct output perfetto, csv;
    uint64_t event_count, lived_ns;
    uint64_t perfetto_bytes;
};

/* Hands on what an exporter has written so far. Whether it arrives is known when the output is
 * finished. */
static uint64_t drain(struct bytes *text, FILE *file)
{
    uint64_t count = text->count;
    fwrite(text->data, 1, text->count, file);
    bytes_clear(text);
    return count;
}

/* All of it once, before anything is written: what is broken further on makes no half a file. */
static enum status look_through(struct export *export, struct problem *problem)
{
    struct problem detail = {STATUS_OK, ""};
    struct reading reading;
    struct event event;
    bool is_end = false;
    enum status status = reading_open(&reading, export->bytes.data, export->bytes.count, &detail);

    if (status == STATUS_OK) {
        while ((status = reading_next(&reading, &event, &is_end, &detail)) == STATUS_OK &&
               !is_end) {
            export->event_count++;
            export->lived_ns = event.at_ns;
        }
        reading_close(&reading);
    }
    if (status == STATUS_OK)
        return STATUS_OK;
    return problem_set(problem, status, "%.80s: %s", export->options->file_path, detail.text);
}

static void write_perfetto(struct export *export, struct reading *reading)
{
    FILE *file = export->perfetto.file;
    struct trace trace;
    struct event event;
    bool is_end = false;

    trace_init(&trace, &reading->facts);
    while (reading_next(reading, &event, &is_end, NULL) == STATUS_OK && !is_end) {
        trace_add(&trace, &event);
        export->perfetto_bytes += drain(&trace.text, file);
    }
    trace_finish(&trace);
    export->perfetto_bytes += drain(&trace.text, file);
    trace_fini(&trace);
}

static void write_csv(struct export *export, struct reading *reading)
{
    struct csv csv;
    struct event event;
    bool is_end = false;

    csv_init(&csv);
    while (reading_next(reading, &event, &is_end, NULL) == STATUS_OK && !is_end) {
        csv_add(&csv, &event);
        drain(&csv.text, export->csv.file);
    }
    drain(&csv.text, export->csv.file);
    csv_fini(&csv);
}

/* The recording was looked through: it opens, and is sound to its end. */
static void write_form(struct export *export, const struct output *output,
                       void (*write)(struct export *, struct reading *))
{
    struct reading reading;
    if (output->file == NULL)
        return;
    enum status status = reading_open(&reading, export->bytes.data, export->bytes.count, NULL);
    MUST(status == STATUS_OK);
    write(export, &reading);
    reading_close(&reading);
}

static void tell(const struct export *export)
{
    const struct options *options = export->options;
    char events[32], time[32], bytes[32];

    units_for_people(UNIT_COUNT, export->event_count, events, sizeof events);
    units_for_people(UNIT_TIME, export->lived_ns, time, sizeof time);
    units_for_people(UNIT_SIZE, export->perfetto_bytes, bytes, sizeof bytes);
    printf("%s: %s events in %s\n", options->file_path, events, time);
    if (options->export.perfetto != NULL)
        printf("  %s: a trace, %s: open it at https://ui.perfetto.dev\n", options->export.perfetto,
               bytes);
    if (options->export.csv != NULL)
        printf("  %s: a table, a row for each event\n", options->export.csv);
}

static enum status check_words(const struct options *options, struct problem *problem)
{
    const char *path = options->file_path;
    const char *forms[] = {options->export.perfetto, options->export.csv};

    if (path == NULL)
        return problem_set(problem, STATUS_USAGE,
                           "no recording named: write ferry export RECORDING --perfetto FILE, with "
                           "what ferry run --record wrote");
    if (forms[0] == NULL && forms[1] == NULL)
        return problem_set(problem, STATUS_USAGE,
                           "no form named: write --perfetto FILE or --csv FILE, or both");
    return STATUS_OK;
}

static enum status export_recording(struct export *export, struct problem *problem)
{
    const struct options *options = export->options;
    bool is_alone = export->options->is_quiet;
    enum status status = check_words(options, problem);

    if (status == STATUS_OK)
        status = recording_file_read(options->file_path, &export->bytes, problem);
    if (status == STATUS_OK)
        status = look_through(export, problem);
    if (status == STATUS_OK)
        status = output_open(&export->perfetto, options->export.perfetto, problem);
    if (status == STATUS_OK)
        status = output_open(&export->csv, options->export.csv, problem);
    if (status != STATUS_OK)
        return status;
    is_alone = is_alone || export->perfetto.file == stdout || export->csv.file == stdout;
    write_form(export, &export->perfetto, write_perfetto);
    write_form(export, &export->csv, write_csv);
    status = output_finish(&export->perfetto, problem);
    if (status == STATUS_OK)
        status = output_finish(&export->csv, problem);
    if (status == STATUS_OK && !is_alone)
        tell(export);
    return status;
}

int command_export(const struct command *command, int word_count, char **words)
{
    struct options options;
    struct export export = {.options = &options};
    struct problem problem = {STATUS_OK, ""};
    int status = EXIT_DONE;

    if (options_parse(&options, command->takes, NULL, word_count, words, &problem) != STATUS_OK)
        status = command_refuse(command, &problem);
    else if (options.is_help)
        status = command_print_help(command);
    else if (export_recording(&export, &problem) != STATUS_OK)
        status = command_refuse(command, &problem);
    output_discard(&export.perfetto);
    output_discard(&export.csv);
    bytes_fini(&export.bytes);
    options_fini(&options);
    return status;
}
