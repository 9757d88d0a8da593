#include "exercises/exercise.h"

#include <stdio.h>
#include <string.h>

static enum status refuse(struct problem *problem, const char *key, const char *what)
{
    return problem_set(problem, STATUS_BAD_INPUT, "%.40s: %s", key, what);
}

enum status exercise_parse_seeds(const char *text, struct exercise_seeds *seeds,
                                 struct problem *problem)
{
    const char *dots = strstr(text, "..");
    char first[24];

    snprintf(first, sizeof first, "%.*s", dots == NULL ? 23 : (int)(dots - text), text);
    if (units_parse(UNIT_COUNT, first, &seeds->first, NULL) != STATUS_OK ||
        units_parse(UNIT_COUNT, dots == NULL ? first : dots + 2, &seeds->last, NULL) != STATUS_OK)
        return problem_set(problem, STATUS_USAGE,
                           "\"%.40s\" is no range of seeds: write 1..20, or 7", text);
    if (seeds->last < seeds->first || seeds->last - seeds->first >= EXERCISE_SEEDS_MAX)
        return problem_set(problem, STATUS_USAGE,
                           "\"%.40s\": the second seed is to be the greater, and %d seeds the most",
                           text, EXERCISE_SEEDS_MAX);
    return STATUS_OK;
}

static enum status set_text(char text[EXERCISE_TEXT_MAX], const char *key, const char *value,
                            struct problem *problem)
{
    if (strlen(value) >= EXERCISE_TEXT_MAX)
        return refuse(problem, key, "too long");
    snprintf(text, EXERCISE_TEXT_MAX, "%s", value);
    return STATUS_OK;
}

static enum status set_head(struct exercise *exercise, const char *key, const char *value,
                            struct problem *problem)
{
    struct scenario scenario;
    enum status status;

    if (strcmp(key, "title") == 0)
        return set_text(exercise->title, key, value, problem);
    if (strcmp(key, "file") == 0)
        return set_text(exercise->file, key, value, problem);
    if (strcmp(key, "lab") == 0) {
        uint64_t lab;
        if (units_parse(UNIT_COUNT, value, &lab, NULL) != STATUS_OK || lab > 99)
            return refuse(problem, key, "a lab is a number from 0 to 99");
        exercise->lab = (uint32_t)lab;
        return STATUS_OK;
    }
    if (strcmp(key, "seeds") == 0)
        return exercise_parse_seeds(value, &exercise->seeds, problem);
    if (strcmp(key, "mode") != 0)
        return refuse(problem, key, "no key of [exercise]: title, file, mode, lab and seeds are");
    scenario_init(&scenario);
    status = scenario_set(&scenario, key, value, problem);
    exercise->mode = scenario.mode;
    scenario_fini(&scenario);
    return status;
}

static enum status set_points(struct exercise *exercise, const char *key, const char *value,
                              struct problem *problem)
{
    enum criterion criterion;
    uint64_t points;

    if (!criterion_find(key, &criterion))
        return refuse(problem, key, "no criterion: audit.h lists them");
    if (units_parse(UNIT_COUNT, value, &points, NULL) != STATUS_OK || points > 1000)
        return refuse(problem, key, "points are a whole number up to 1000");
    if (exercise->points[criterion] > 0)
        return refuse(problem, key, "its points were given already: keep one of them");
    exercise->points[criterion] = (uint32_t)points;
    exercise->points_max += (uint32_t)points;
    return STATUS_OK;
}

/* The case of that name: the keys of a case stand together, so it is the last one or a new one. */
static enum status find_case(struct exercise *exercise, const char *name,
                             struct exercise_case **found, struct problem *problem)
{
    struct exercise_case *cases = exercise->cases;

    if (exercise->case_count > 0 && strcmp(cases[exercise->case_count - 1].name, name) == 0) {
        *found = &cases[exercise->case_count - 1];
        return STATUS_OK;
    }
    if (exercise->case_count == EXERCISE_CASES_MAX)
        return refuse(problem, name, "one case too many");
    *found = &cases[exercise->case_count++];
    scenario_init(&(*found)->scenario);
    enum status status = set_text((*found)->name, "case", name, problem);
    if (status != STATUS_OK)
        return status;
    return scenario_set(&(*found)->scenario, "mode", mode_name(exercise->mode), problem);
}

static enum status set_case(struct exercise *exercise, const char *name, const char *key,
                            const char *value, struct problem *problem)
{
    struct exercise_case *its = NULL;
    enum status status = find_case(exercise, name, &its, problem);

    return status == STATUS_OK ? scenario_set(&its->scenario, key, value, problem) : status;
}

void exercise_init(struct exercise *exercise, uint32_t number)
{
    *exercise = (struct exercise){.number = number};
}

enum status exercise_set(struct exercise *exercise, const char *section, const char *key,
                         const char *value, struct problem *problem)
{
    if (strcmp(section, "exercise") == 0)
        return set_head(exercise, key, value, problem);
    if (strcmp(section, "points") == 0)
        return set_points(exercise, key, value, problem);
    if (strncmp(section, "case ", 5) == 0)
        return set_case(exercise, section + 5, key, value, problem);
    return refuse(problem, section, "no section: [exercise], [points] and [case NAME] are");
}

enum status exercise_check(struct exercise *exercise, struct problem *problem)
{
    if (exercise->file[0] == '\0' || exercise->points_max == 0 || exercise->case_count == 0 ||
        exercise->seeds.last == 0)
        return problem_set(problem, STATUS_BAD_INPUT, "it needs a file, seeds, points and a case");
    for (uint32_t i = 0; i < exercise->case_count; i++) {
        struct problem detail = {STATUS_OK, ""};
        if (exercise->cases[i].scenario.mode != exercise->mode)
            return problem_set(problem, STATUS_BAD_INPUT,
                               "case %.40s: its mode is the exercise's: leave it out",
                               exercise->cases[i].name);
        if (scenario_check(&exercise->cases[i].scenario, false, &detail) != STATUS_OK)
            return problem_set(problem, detail.status, "case %.40s: %s", exercise->cases[i].name,
                               detail.text);
    }
    return STATUS_OK;
}

void exercise_fini(struct exercise *exercise)
{
    for (uint32_t i = 0; i < exercise->case_count; i++)
        scenario_fini(&exercise->cases[i].scenario);
    exercise->case_count = 0;
}
