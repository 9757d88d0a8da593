/* ferry sweep: the same scenario again and again, with one thing varied: measured beside the
 * forecast, as a table, for other programs, and as a picture. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "labs/crash.h"
#include "labs/headless.h"
#include "labs/people.h"
#include "labs/plot.h"
#include "labs/report.h"
#include "labs/setting.h"
#include "labs/sweep_point.h"
#include "labs/sweep_values.h"

struct sweep {
    const struct setting *setting;
    struct sweep_values values;
    struct sweep_point *points; /* owned */
    const struct sweep_quantity *quantity;
    struct output csv;
};

/* ---- The points, each in a process of its own: as many at a time as there are processors ---- */

/* A guest of that size takes half of a small computer's memory. */
#define LARGE_MEMORY_BYTES (16ull << 30)

static unsigned jobs_of(const struct sweep *sweep)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    for (uint32_t i = 0; i < sweep->values.count; i++)
        if (sweep->points[i].scenario.memory_bytes > LARGE_MEMORY_BYTES)
            return 1;
    return processors < 1 ? 1 : processors > 64 ? 64 : (unsigned)processors;
}

static void show_progress(const struct sweep *sweep, uint32_t done)
{
    const struct options *options = &sweep->setting->options;
    if (!headless_wants_progress(options->is_plain, options->is_quiet))
        return;
    if (done < sweep->values.count)
        fprintf(stderr, "\r\033[K%u of %u points", done, sweep->values.count);
    else
        fprintf(stderr, "\r\033[K");
    fflush(stderr);
}

static bool start_point(struct sweep *sweep, uint32_t idx)
{
    const struct image *image = &sweep->setting->image;
    struct sweep_point *point = &sweep->points[idx];

    point->file = tmpfile();
    if (point->file == NULL)
        return false;
    fflush(NULL);
    point->process = fork();
    if (point->process == 0) {
        crash_prepare("run", &point->scenario, NULL);
        _exit(sweep_point_run(point, image) ? EXIT_DONE : EXIT_FAILED);
    }
    return point->process > 0;
}

/* False: its process died; what it had to say it has said. */
static bool end_point(struct sweep *sweep, pid_t process, int how)
{
    uint32_t idx = 0;
    while (idx < sweep->values.count && sweep->points[idx].process != process)
        idx++;
    if (idx == sweep->values.count)
        return true; /* no child of ours */
    struct sweep_point *point = &sweep->points[idx];
    point->process = 0;
    return WIFEXITED(how) && WEXITSTATUS(how) == EXIT_DONE && sweep_point_read(point);
}

static bool run_points(struct sweep *sweep)
{
    uint32_t started = 0, done = 0, running = 0, count = sweep->values.count;
    unsigned jobs = jobs_of(sweep);
    bool is_whole = true;

    while (is_whole ? done < count : running > 0) {
        while (is_whole && running < jobs && started < count) {
            is_whole = start_point(sweep, started);
            running += is_whole;
            started += is_whole;
        }
        int how;
        pid_t process = running > 0 ? wait(&how) : -1;
        if (process < 0 && errno == EINTR)
            continue;
        if (process < 0)
            return false;
        running--;
        is_whole &= end_point(sweep, process, how);
        show_progress(sweep, ++done);
    }
    return is_whole;
}

/* ---- What theory says between the points ---- */

/* C4 and C5 side by side show two laws of one race: each where it is not the forecast itself. */
static void add_curve(struct sweep *sweep, struct plot *plot, enum mode mode, const char *name,
                      char mark)
{
    const struct scenario *scenario = &sweep->setting->options.scenario;
    struct plot_curve *curve = &plot->curves[plot->curve_count];
    bool has_any = false;

    *curve = (struct plot_curve){.name = name, .mark = mark};
    for (uint32_t i = 0; i < PLOT_COLUMNS; i++) {
        struct scenario there;
        struct forecast forecast;
        curve->y[i] = NAN;
        if (!sweep_values_at(&sweep->values, plot_column_x(plot, i), scenario, &there))
            continue;
        if (run_forecast(&there, mode, sweep->points[0].result.state_bytes, &forecast))
            curve->y[i] = sweep->quantity->of_forecast(&forecast);
        scenario_fini(&there);
        has_any |= isfinite(curve->y[i]);
    }
    plot->curve_count += has_any;
}

static void print_plot(struct sweep *sweep)
{
    const struct sweep_values *values = &sweep->values;
    const struct sweep_value *first = &values->values[0],
                             *last = &values->values[values->count - 1];
    enum mode mode = sweep->points[0].scenario.mode;
    double *x = calloc(2 * values->count, sizeof *x), *y = x + values->count;
    char name[80], title[80];

    MUST(x != NULL);
    for (uint32_t i = 0; i < values->count; i++) {
        x[i] = values->values[i].x;
        y[i] = sweep->quantity->of_result(&sweep->points[i].result);
    }
    snprintf(name, sizeof name, "%s", values->option_idx < 0 ? "load (w/mu)" : values->key);
    if (strcmp(values->key, "mode") == 0)
        snprintf(title, sizeof title, "%s", sweep->quantity->title);
    else
        snprintf(title, sizeof title, "%s, %s", sweep->quantity->title, mode_name(mode));
    struct plot plot = {
        .title = title,
        .format = sweep->quantity->format,
        .is_x_log = values->is_factor,
        .x_first = first->x,
        .x_last = last->x,
        .x_first_text = first->text,
        .x_last_text = last->text,
        .x_name = name,
        .point_count = values->count,
        .x = x,
        .y = y,
        .point_name = "measured",
    };
    if (sweep->quantity->of_forecast != NULL && plot.x_first < plot.x_last) {
        add_curve(sweep, &plot, mode,
                  mode == MODE_CONTINUOUS ? "C5"
                  : mode == MODE_PRE_COPY ? "C4"
                                          : "forecast",
                  '.');
        if (mode == MODE_CONTINUOUS)
            add_curve(sweep, &plot, MODE_PRE_COPY, "C4 (rounds)", '+');
        if (mode == MODE_PRE_COPY)
            add_curve(sweep, &plot, MODE_CONTINUOUS, "C5 (continuous scan)", '+');
    }
    printf("\n");
    plot_print(&plot, stdout);
    free(x);
}

/* ---- The table ---- */

static void print_table(const struct sweep *sweep)
{
    printf("%14s%11s%11s%11s%11s%8s%14s\n", sweep->values.key, "total time", "forecast", "downtime",
           "forecast", "rounds", "pages sent");
    for (uint32_t i = 0; i < sweep->values.count; i++) {
        const struct sweep_result *result = &sweep->points[i].result;
        struct people people = {0};
        bool is_known = result->has_forecast;
        printf("%14.14s%11s%11s%11s%11s%8llu%14s%s\n", sweep->values.values[i].text,
               people_time(&people, result->total_ns),
               is_known ? people_seconds(&people, result->forecast.total_s) : "-",
               people_time(&people, result->downtime_ns),
               is_known ? people_seconds(&people, result->forecast.downtime_s) : "-",
               (unsigned long long)result->rounds, people_count(&people, result->pages_sent),
               result->is_limit_exceeded ? " !" : "");
        if (!result->is_good)
            printf("%14s  %s: %s\n", "", outcome_name(result->outcome), result->reason);
    }
    for (uint32_t i = 0; i < sweep->values.count; i++)
        if (sweep->points[i].result.is_limit_exceeded) {
            printf("\n! a limit was exceeded: ferry run says which\n");
            break;
        }
}

/* ---- For programs ---- */

static json_t *value_json(const struct sweep_values *values, uint32_t idx)
{
    const struct sweep_value *value = &values->values[idx];
    if (values->is_word)
        return json_string(value->text);
    return values->option_idx < 0 ? json_real(value->x) : json_integer((json_int_t)value->number);
}

static void write_json(struct sweep *sweep, FILE *file)
{
    json_t *object = json_object(), *points = json_array();

    for (uint32_t i = 0; i < sweep->values.count; i++) {
        json_t *run = sweep->points[i].run;
        json_array_append_new(
            points, json_pack("{s:o, s:O}", "value", value_json(&sweep->values, i), "run", run));
    }
    json_object_set_new(object, "schema", json_string("ferry.sweep/1"));
    json_object_set_new(object, "vary", json_string(sweep->values.key));
    json_object_set_new(object, "points", points);
    report_write(object, file);
}

static void write_csv(const struct sweep *sweep, FILE *file)
{
    fprintf(file, "%s,", sweep->values.key);
    sweep_point_csv_head(file);
    for (uint32_t i = 0; i < sweep->values.count; i++) {
        const struct sweep_value *value = &sweep->values.values[i];
        bool is_text = sweep->values.is_word;
        if (is_text || sweep->values.option_idx < 0)
            fprintf(file, is_text ? "\"%s\"," : "%s,", value->text);
        else
            fprintf(file, "%llu,", (unsigned long long)value->number);
        sweep_point_csv(&sweep->points[i], file);
    }
}

static enum status write_files(struct sweep *sweep, struct output *json, struct problem *problem)
{
    if (sweep->csv.file != NULL)
        write_csv(sweep, sweep->csv.file);
    if (json->file != NULL)
        write_json(sweep, json->file);
    enum status status = output_finish(&sweep->csv, problem);
    return status == STATUS_OK ? output_finish(json, problem) : status;
}

/* ---- The whole ---- */

static enum status prepare(struct sweep *sweep, struct problem *problem)
{
    const struct options *options = &sweep->setting->options;
    const char *plot = options->sweep.plot != NULL ? options->sweep.plot : "total-time";

    if (options->sweep.vary == NULL)
        return problem_set(problem, STATUS_USAGE,
                           "what is to be varied? Write --vary load=0.05..0.95 or another option");
    if (sweep_values_parse(&sweep->values, options->sweep.vary, problem) != STATUS_OK)
        return STATUS_USAGE;
    int idx = sweep->values.option_idx < 0 ? options_find("dirty-rate") : sweep->values.option_idx;
    if ((options->set >> idx & 1) != 0)
        return problem_set(problem, STATUS_USAGE, "--%s is given, and --vary sets it: keep one",
                           scenario_option((uint32_t)idx)->key);
    if (strcmp(sweep->values.key, "guest") == 0 || strcmp(sweep->values.key, "image") == 0)
        return problem_set(problem, STATUS_USAGE,
                           "--vary %s: a sweep is of one guest: run it for each",
                           sweep->values.key);
    if (sweep->setting->json.file == stdout && options->sweep.csv != NULL &&
        strcmp(options->sweep.csv, "-") == 0)
        return problem_set(problem, STATUS_USAGE,
                           "--csv - and --json - would both go to standard output: name a file");
    sweep->quantity = sweep_quantity_find(plot);
    if (sweep->quantity == NULL)
        return problem_set(problem, STATUS_USAGE, "--plot: \"%.40s\" is not drawn: write one of %s",
                           plot, sweep_quantity_names());
    sweep->points = calloc(sweep->values.count, sizeof *sweep->points);
    MUST(sweep->points != NULL);
    for (uint32_t i = 0; i < sweep->values.count; i++) {
        enum status status = sweep_values_apply(&sweep->values, i, &options->scenario,
                                                &sweep->points[i].scenario, problem);
        if (status != STATUS_OK)
            return status;
    }
    return output_open(&sweep->csv, options->sweep.csv, problem);
}

static int sweep_and_tell(struct sweep *sweep, struct setting *setting)
{
    struct problem problem = {STATUS_OK, ""};
    bool is_told =
        !setting->options.is_quiet && setting->json.file != stdout && sweep->csv.file != stdout;
    int status = EXIT_DONE;

    if (!run_points(sweep)) {
        problem_set(&problem, STATUS_REFUSED, "a run broke down, and there is no table without it");
        command_refuse(setting->command, &problem);
        return EXIT_FAILED;
    }
    for (uint32_t i = 0; i < sweep->values.count; i++)
        if (!sweep->points[i].result.is_good)
            status = EXIT_FAILED;
    if (is_told) {
        print_table(sweep);
        print_plot(sweep);
    }
    if (write_files(sweep, &setting->json, &problem) != STATUS_OK)
        status = command_refuse(setting->command, &problem);
    return status;
}

int command_sweep(const struct command *command, int word_count, char **words)
{
    struct setting setting;
    struct problem problem = {STATUS_OK, ""};
    struct sweep sweep = {.setting = &setting};
    int status = setting_open(&setting, command, word_count, words);

    if (status == SETTING_READY)
        status = prepare(&sweep, &problem) == STATUS_OK ? sweep_and_tell(&sweep, &setting)
                                                        : command_refuse(command, &problem);
    for (uint32_t i = 0; sweep.points != NULL && i < sweep.values.count; i++)
        sweep_point_fini(&sweep.points[i]);
    free(sweep.points);
    sweep_values_fini(&sweep.values);
    output_discard(&sweep.csv);
    setting_close(&setting);
    return status;
}
