/* ferry grade: an exercise's work, compiled, run in all cases, and graded. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "labs/exercise_file.h"
#include "labs/grade_report.h"
#include "labs/setting.h"

#define PATH_BYTES EXERCISE_PATH_MAX

/* What one grading needs, opened step by step. */
struct work {
    const struct options *options;
    char folder[PATH_BYTES]; /* of the exercise */
    struct exercise exercise;
    struct exercise_seeds seeds;
    uint32_t only;
    char path[PATH_BYTES]; /* of the program */
    struct program program;
    struct image images[EXERCISE_CASES_MAX];
    struct output out;
};

/* ---- Finding exercises ---- */

static int list_exercises(const struct command *command)
{
    char folder[PATH_BYTES];
    struct problem problem = {STATUS_OK, ""};
    bool is_any = false;

    for (unsigned number = 0; exercise_file_find(number, folder, &number); number++) {
        struct exercise exercise;
        if (exercise_file_read(&exercise, folder, number, &problem) == STATUS_OK)
            printf("%02u  %-24s worth %u points: hand in %s (after lab %u)\n", number,
                   exercise.title, exercise.points_max, exercise.file, exercise.lab);
        exercise_fini(&exercise);
        is_any = true;
    }
    if (!is_any)
        problem_set(&problem, STATUS_NO_FILE, "there are no exercises beside this program");
    return problem.status == STATUS_OK ? EXIT_DONE : command_refuse(command, &problem);
}

static enum status find_exercise(struct work *work, struct problem *problem)
{
    const char *word = work->options->file_path;
    unsigned number = 0;
    char *end;
    unsigned long wanted = strtoul(word, &end, 10);

    if (*end != '\0' || wanted > 99 ||
        !exercise_file_find((unsigned)wanted, work->folder, &number) || number != wanted)
        return problem_set(problem, STATUS_USAGE,
                           "there is no exercise \"%.20s\": ferry grade lists those that there are",
                           word);
    return exercise_file_read(&work->exercise, work->folder, number, problem);
}

/* ---- Hints: README.md keeps them folded one inside the other, here they open one by one ---- */

/* Prints the hint with that number; returns how many there are. */
static unsigned long copy_hint(FILE *readme, unsigned long wanted)
{
    static const char begin[] = "<details><summary>", end[] = "</summary>";
    char line[512];
    unsigned long count = 0;
    bool is_inside = false;

    while (fgets(line, sizeof line, readme) != NULL) {
        char *stop = strstr(line, end);
        if (strncmp(line, begin, sizeof begin - 1) == 0 && stop != NULL) {
            is_inside = ++count == wanted;
            if (is_inside)
                printf("%.*s\n", (int)(stop - line) - (int)sizeof begin + 1,
                       line + sizeof begin - 1);
        } else if (strncmp(line, "</details>", 10) == 0) {
            is_inside = false;
        } else if (is_inside) {
            fputs(line, stdout);
        }
    }
    return count;
}

static enum status print_hint(const struct work *work, struct problem *problem)
{
    const char *text = work->options->grade.hint;
    char path[PATH_BYTES + 16];
    uint64_t wanted = 0;
    bool is_number = units_parse(UNIT_COUNT, text, &wanted, NULL) == STATUS_OK;

    snprintf(path, sizeof path, "%s/README.md", work->folder);
    FILE *readme = fopen(path, "re");
    if (readme == NULL)
        return problem_set(problem, STATUS_NO_FILE, "%.200s: %s", path, strerror(errno));
    unsigned long count = copy_hint(readme, is_number ? wanted : 0);
    fclose(readme);
    if (wanted == 0 || wanted > count)
        return problem_set(problem, STATUS_USAGE,
                           "--hint: \"%.20s\" is no hint: there are 1 to %lu", text, count);
    if (wanted < count)
        printf("(there is another: --hint %llu)\n", (unsigned long long)wanted + 1);
    return STATUS_OK;
}

/* ---- Grading ---- */

static enum status choose_runs(struct work *work, struct problem *problem)
{
    const struct options *options = work->options;
    struct problem detail = {STATUS_OK, ""};
    const char *name = options->grade.only_case;

    work->seeds = work->exercise.seeds;
    work->only = EXERCISE_CASES_MAX;
    if (options->grade.seeds != NULL &&
        exercise_parse_seeds(options->grade.seeds, &work->seeds, &detail) != STATUS_OK)
        return problem_set(problem, detail.status, "--seeds: %s", detail.text);
    if (name == NULL)
        return STATUS_OK;
    for (uint32_t i = 0; i < work->exercise.case_count; i++)
        if (strcmp(work->exercise.cases[i].name, name) == 0)
            work->only = i;
    char list[160] = "";
    for (uint32_t i = 0; i < work->exercise.case_count; i++) {
        size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%s%s", i == 0 ? "" : ", ",
                 work->exercise.cases[i].name);
    }
    if (work->only == EXERCISE_CASES_MAX)
        return problem_set(problem, STATUS_USAGE,
                           "--case: there is no case \"%.40s\": write one of %s", name, list);
    return STATUS_OK;
}

static enum status check_format(const struct work *work, struct problem *problem)
{
    const char *format = work->options->grade.format;

    if (format == NULL || strcmp(format, "terminal") == 0 || strcmp(format, "gradescope") == 0)
        return STATUS_OK;
    return problem_set(problem, STATUS_USAGE,
                       "--format: \"%.40s\" is no form: write terminal or gradescope", format);
}

static enum status build_program(struct work *work, struct problem *problem)
{
    const char *source = work->options->grade.source;
    struct stat stat_of;

    if (source == NULL)
        return problem_set(problem, STATUS_USAGE,
                           "--source is missing: write --source DIR, the folder with %s",
                           work->exercise.file);
    if (stat(source, &stat_of) != 0 || !S_ISDIR(stat_of.st_mode))
        return problem_set(problem, STATUS_NO_FILE,
                           "--source: %.160s is no folder: name the one with %s", source,
                           work->exercise.file);
    bool has_slash = source[strlen(source) - 1] == '/';
    snprintf(work->path, sizeof work->path, "%s%s%s", source, has_slash ? "" : "/",
             work->exercise.file);
    if (lstat(work->path, &stat_of) != 0)
        return problem_set(problem, STATUS_NO_FILE,
                           "%.160s: there is no %s in it: that is the file to be handed in", source,
                           work->exercise.file);
    return setting_compile(&work->program, work->path, work->options->is_unconfined, problem);
}

static enum status load_images(struct work *work, struct problem *problem)
{
    enum status status = STATUS_OK;

    for (uint32_t i = 0; i < work->exercise.case_count && status == STATUS_OK; i++)
        status = image_load(&work->images[i], &work->exercise.cases[i].scenario, problem);
    return status;
}

static enum status grade_work(struct work *work, struct grade *grade, struct problem *problem)
{
    struct grade_image images[EXERCISE_CASES_MAX] = {{0}};
    struct grade_report report = {
        .exercise = &work->exercise,
        .program = &work->program,
        .grade = grade,
        .path = work->path,
        .is_unconfined = work->options->is_unconfined,
        .seeds = work->seeds,
        .only = work->only,
    };
    const char *format = work->options->grade.format;
    bool is_gradescope = format != NULL && strcmp(format, "gradescope") == 0;

    for (uint32_t i = 0; i < work->exercise.case_count; i++)
        images[i] = (struct grade_image){work->images[i].data, work->images[i].bytes};
    enum status status = grade_make(grade, &work->exercise, work->only, &work->program, images,
                                    &work->seeds, problem);
    if (status != STATUS_OK)
        return status;
    if (is_gradescope)
        grade_report_gradescope(&report, work->out.file);
    else
        grade_report_print(&report, work->out.file);
    return output_finish(&work->out, problem);
}

static enum status open_work(struct work *work, struct problem *problem)
{
    const char *out = work->options->grade.out;
    enum status status = choose_runs(work, problem);

    if (status == STATUS_OK)
        status = check_format(work, problem);
    if (status == STATUS_OK)
        status = load_images(work, problem);
    if (status == STATUS_OK)
        status = output_open(&work->out, out != NULL ? out : "-", problem);
    return status == STATUS_OK ? build_program(work, problem) : status;
}

static void close_work(struct work *work)
{
    for (uint32_t i = 0; i < EXERCISE_CASES_MAX; i++)
        image_fini(&work->images[i]);
    output_discard(&work->out);
    program_fini(&work->program);
    exercise_fini(&work->exercise);
}

static int grade(const struct command *command, const struct options *options)
{
    struct work work = {.options = options};
    struct problem problem = {STATUS_OK, ""};
    struct grade grade = {.points = 0};
    enum status status = find_exercise(&work, &problem);
    int result = EXIT_DONE;

    if (status == STATUS_OK && options->grade.hint != NULL) {
        status = print_hint(&work, &problem);
    } else if (status == STATUS_OK) {
        status = open_work(&work, &problem);
        if (status == STATUS_OK)
            status = grade_work(&work, &grade, &problem);
        result = grade.points == grade.points_max ? EXIT_DONE : EXIT_FAILED;
    }
    if (status != STATUS_OK)
        result = command_refuse(command, &problem);
    if (grade.broken_rule[0] != '\0') {
        fprintf(stderr, "ferry grade: ferry itself broke a rule: %s\n", grade.broken_rule);
        result = EXIT_FAILED;
    }
    close_work(&work);
    return result;
}

int command_grade(const struct command *command, int word_count, char **words)
{
    struct options options;
    struct problem problem = {STATUS_OK, ""};
    int status;

    if (options_parse(&options, command->takes, NULL, word_count, words, &problem) != STATUS_OK)
        status = command_refuse(command, &problem);
    else if (options.is_help)
        status = command_print_help(command);
    else if (options.file_path == NULL)
        status = list_exercises(command);
    else
        status = grade(command, &options);
    options_fini(&options);
    return status;
}
