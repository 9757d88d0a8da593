#include "labs/answers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/nearest.h"

static enum status check_line(const struct answers *answers, const struct ini_line *line,
                              const struct lab *lab, struct problem *problem)
{
    const char *best = NULL;

    if (line->key == NULL)
        return problem_set(problem, STATUS_USAGE,
                           "%.200s:%u: answers stand in no sections: leave [%s] out", answers->path,
                           line->number, line->section);
    for (int i = 0; i < lab->step_count; i++) {
        const struct lab_step *step = &lab->steps[i];
        if (!lab_step_is_question(step))
            continue;
        if (strcmp(step->key, line->key) == 0)
            return STATUS_OK;
        if (best == NULL ||
            nearest_distance(line->key, step->key) < nearest_distance(line->key, best))
            best = step->key;
    }
    return problem_set(problem, STATUS_USAGE,
                       "%.200s:%u: lab %u has no question \"%.40s\": the nearest is \"%.40s\"",
                       answers->path, line->number, lab->number, line->key,
                       best != NULL ? best : "none");
}

enum status answers_load(struct answers *answers, const char *path, const struct lab *lab,
                         struct problem *problem)
{
    struct stat stat_of;

    *answers = (struct answers){0};
    snprintf(answers->path, sizeof answers->path, "%s", path);
    /* Opening a pipe would wait for its writer, for ever if there is none. */
    if (stat(path, &stat_of) != 0)
        return problem_set(problem, STATUS_NO_FILE, "--answers: %.200s: %s", path, strerror(errno));
    if (!S_ISREG(stat_of.st_mode))
        return problem_set(problem, STATUS_NO_FILE,
                           "--answers: %.200s is no file: name one with lines of key = answer",
                           path);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return problem_set(problem, STATUS_NO_FILE, "--answers: %.200s: %s", path, strerror(errno));
    enum status status = ini_load(file, path, &answers->ini, problem);
    fclose(file);
    for (size_t i = 0; status == STATUS_OK && i < answers->ini.count; i++)
        status = check_line(answers, &answers->ini.lines[i], lab, problem);
    answers->is_used = calloc(answers->ini.count + 1, sizeof *answers->is_used);
    MUST(answers->is_used != NULL);
    return status;
}

void answers_fini(struct answers *answers)
{
    ini_fini(&answers->ini);
    free(answers->is_used);
    answers->is_used = NULL;
}

const char *answers_next(struct answers *answers, const char *key)
{
    for (size_t i = 0; i < answers->ini.count; i++) {
        const struct ini_line *line = &answers->ini.lines[i];
        if (line->key == NULL || strcmp(line->key, key) != 0 || answers->is_used[i])
            continue;
        answers->is_used[i] = true;
        return line->value;
    }
    return NULL;
}
