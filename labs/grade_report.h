/* grade_report: a grade as people and graders' machines read it. */
#ifndef LABS_GRADE_REPORT_H
#define LABS_GRADE_REPORT_H

#include <stdio.h>

#include "exercises/grade.h"

struct grade_report {
    const struct exercise *exercise;
    const struct program *program;
    const struct grade *grade;
    const char *path;   /* of the program, as the user may name it */
    bool is_unconfined; /* as it was compiled: the commands that are named do the same */
    struct exercise_seeds seeds;
    uint32_t only; /* the one case that was run; EXERCISE_CASES_MAX: all */
};

/* For the terminal. */
void grade_report_print(const struct grade_report *report, FILE *file);

/* results.json of Gradescope's autograder (its documentation, "Autograder specifications"): a test
 * for each criterion, what happened as its output. */
void grade_report_gradescope(const struct grade_report *report, FILE *file);

#endif
