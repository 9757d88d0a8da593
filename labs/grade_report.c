#include "labs/grade_report.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
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
    utf8_make_showable((char *)look.data, strlen((const char *)look.data), ' ');
    fprintf(file, "%slook      %s\n", indent, (const char *)look.data);
    bytes_fini(&look);
}

/* Which runs were made, and what they cost: numbers that are the same on any computer. */
static void tell_runs(const struct grade_report *report, FILE *file)
{
    const struct grade *grade = report->grade;
    const struct exercise *exercise = report->exercise;
    bool is_one = report->only != EXERCISE_CASES_MAX || exercise->case_count == 1;
    struct people people = {0};

    fprintf(file, "%u run%s: case%s ", grade->runs, grade->runs == 1 ? "" : "s", is_one ? "" : "s");
    for (uint32_t i = 0; i < exercise->case_count; i++)
        if (report->only == EXERCISE_CASES_MAX || report->only == i)
            fprintf(file, "%s%s", is_one || i == 0 ? "" : ", ", exercise->cases[i].name);
    fprintf(file,
            report->seeds.first == report->seeds.last ? "; seed %llu\n" : "; seeds %llu to %llu\n",
            (unsigned long long)report->seeds.first, (unsigned long long)report->seeds.last);
    fprintf(file, "%s decision%s; the longest took %s instructions\n",
            people_count(&people, grade->decisions), grade->decisions == 1 ? "" : "s",
            people_count(&people, grade->instructions_max));
}

/* What the compiler says, set off from what the grader says: it may repeat the student's words. */
static void tell_messages(const struct grade_report *report, FILE *file)
{
    const char *line = (const char *)report->program->messages.data;

    if (*line != '\0')
        fprintf(file, "\nThe compiler says:\n");
    for (; *line != '\0'; line += strcspn(line, "\n") + 1)
        fprintf(file, "    %.*s\n", (int)strcspn(line, "\n"), line);
    if (!report->program->is_built)
        fprintf(file, "\nIt does not compile, and so it was not run.\n");
}

void grade_report_print(const struct grade_report *report, FILE *file)
{
    const struct grade *grade = report->grade;
    const struct exercise *exercise = report->exercise;

    char path[400];

    snprintf(path, sizeof path, "%.*s", (int)utf8_cut(report->path, sizeof path - 1), report->path);
    utf8_make_showable(path, strlen(path), ' ');
    fprintf(file, "Exercise %02u, %s: %s\n", exercise->number, exercise->title, path);
    if (report->program->is_built)
        tell_runs(report, file);
    tell_messages(report, file);
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
        if (report->program->is_built)
            tell_runs(report, memory);
        tell_messages(report, memory);
    } else if (!report->program->is_built) {
        fprintf(memory, "It does not compile.\n");
    } else {
        tell_failure(report, criterion, "", memory);
    }
    fclose(memory);
    json_t *json = json_string(text);
    MUST(json != NULL); /* whatever came from outside was made showable */
    free(text);
    return json;
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
