#include "labs/grade_report.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "labs/options.h"
#include "labs/people.h"

/* The command that opens a failed run at the moment it went wrong, with the program that decided.
 */
static void write_look(const struct grade_report *report, const struct grade_failure *failure,
                       struct bytes *line)
{
    struct scenario scenario;
    char at[40];
    const char *own[] = {
        "--strategy", report->path, "--at", at, report->is_unconfined ? "--unconfined" : NULL,
        NULL};

    units_format(UNIT_TIME, failure->finding.at_ns, at, sizeof at);
    grade_scenario(failure->in_case, failure->seed, &scenario);
    options_write_command("tui", &scenario, own, line);
    scenario_fini(&scenario);
}

/* What went wrong with one criterion: the same lines in either form. */
static void tell_failure(const struct grade_report *report, enum criterion criterion,
                         const char *indent, FILE *file)
{
    const struct grade_result *result = &report->grade->results[criterion];
    const struct grade_failure *failure = &result->failure;
    struct bytes look = {0};
    char head[64];

    if (failure->in_case == NULL)
        return;
    if (failure->finding.is_open) {
        fprintf(file, "%snot to be said: the guest did not arrive\n", indent);
        return;
    }
    fprintf(file, "%sheld in %u of %u runs; not in case %s with seed %llu:\n", indent, result->held,
            result->runs, failure->in_case->name, (unsigned long long)failure->seed);
    snprintf(head, sizeof head, "%sexpected  ", indent);
    people_wrap(file, head, criterion_expected(criterion));
    snprintf(head, sizeof head, "%shappened  ", indent);
    people_wrap(file, head, failure->finding.happened);
    if (failure->line > 0)
        fprintf(file, "%sdecided   %s:%u: %s\n", indent, report->program->name, failure->line,
                failure->source);
    write_look(report, failure, &look);
    fprintf(file, "%slook      %s\n", indent, (const char *)look.data);
    bytes_fini(&look);
}

/* Which runs were made, and what they cost: numbers that are the same on any computer. */
static void tell_runs(const struct grade_report *report, FILE *file)
{
    const struct grade *grade = report->grade;
    const struct exercise *exercise = report->exercise;
    struct people people = {0};

    fprintf(file, "%u runs: case%s ", grade->runs,
            report->only == EXERCISE_CASES_MAX && exercise->case_count > 1 ? "s" : "");
    if (report->only != EXERCISE_CASES_MAX)
        fprintf(file, "%s", exercise->cases[report->only].name);
    for (uint32_t i = 0; report->only == EXERCISE_CASES_MAX && i < exercise->case_count; i++)
        fprintf(file, "%s%s", i == 0 ? "" : ", ", exercise->cases[i].name);
    fprintf(file, "; seeds %llu to %llu\n", (unsigned long long)report->seeds.first,
            (unsigned long long)report->seeds.last);
    fprintf(file, "%s decisions; the longest took %s instructions\n",
            people_count(&people, grade->decisions),
            people_count(&people, grade->instructions_max));
}

void grade_report_print(const struct grade_report *report, FILE *file)
{
    const struct grade *grade = report->grade;
    const struct exercise *exercise = report->exercise;

    fprintf(file, "Exercise %02u, %s: %s\n", exercise->number, exercise->title, report->path);
    if (report->program->messages.count > 1)
        fprintf(file, "\n%s", (const char *)report->program->messages.data);
    if (!report->program->is_built)
        fprintf(file, "\nIt does not compile, and so it was not run.\n");
    else
        tell_runs(report, file);
    fprintf(file, "\n");
    for (unsigned i = 0; i < CRITERION_COUNT; i++) {
        const struct grade_result *result = &grade->results[i];
        if (result->points_max == 0)
            continue;
        fprintf(file, "  %3u of %3u  %-9s %s\n", result->points, result->points_max,
                criterion_key((enum criterion)i), criterion_sentence((enum criterion)i));
        tell_failure(report, (enum criterion)i, "              ", file);
    }
    fprintf(file, "\n  %3u of %3u  points\n", grade->points, grade->points_max);
}

/* ---- Gradescope ---- */

static json_t *text_of(const struct grade_report *report, enum criterion criterion)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *memory = open_memstream(&text, &bytes);

    MUST(memory != NULL);
    if (criterion == CRITERION_COUNT) {
        fprintf(memory, "%s", (const char *)report->program->messages.data);
        if (!report->program->is_built)
            fprintf(memory, "It does not compile, and so it was not run.\n");
        else
            tell_runs(report, memory);
    } else if (!report->program->is_built) {
        fprintf(memory, "It does not compile.\n");
    } else {
        tell_failure(report, criterion, "", memory);
    }
    fclose(memory);
    json_t *json = json_string(text);
    free(text);
    return json != NULL ? json : json_string("(this text is no UTF-8)");
}

void grade_report_gradescope(const struct grade_report *report, FILE *file)
{
    json_t *root = json_object(), *tests = json_array();

    json_object_set_new(root, "score", json_integer(report->grade->points));
    json_object_set_new(root, "output", text_of(report, CRITERION_COUNT));
    json_object_set_new(root, "output_format", json_string("text"));
    json_object_set_new(root, "visibility", json_string("visible"));
    for (unsigned i = 0; i < CRITERION_COUNT; i++) {
        const struct grade_result *result = &report->grade->results[i];
        char name[120];
        if (result->points_max == 0)
            continue;
        snprintf(name, sizeof name, "%s: %s", criterion_key((enum criterion)i),
                 criterion_sentence((enum criterion)i));
        json_t *test = json_object();
        json_object_set_new(test, "name", json_string(name));
        json_object_set_new(test, "score", json_integer(result->points));
        json_object_set_new(test, "max_score", json_integer(result->points_max));
        json_object_set_new(
            test, "status",
            json_string(result->points == result->points_max ? "passed" : "failed"));
        json_object_set_new(test, "output", text_of(report, (enum criterion)i));
        json_array_append_new(tests, test);
    }
    json_object_set_new(root, "tests", tests);
    json_dumpf(root, file, JSON_INDENT(2));
    fputc('\n', file);
    json_decref(root);
}
