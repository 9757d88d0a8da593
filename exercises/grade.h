/* grade: a program that was handed in, run through all cases of an exercise with many seeds, and
 * what it got for it. Everything here is a function of program, exercise and seeds: the same on any
 * computer, at any time.
 *
 * The points of a criterion are given for the share of runs in which it held, rounded down. Of the
 * runs in which it did not, the first is kept, with the line of the program that decided.
 */
#ifndef EXERCISES_GRADE_H
#define EXERCISES_GRADE_H

#include "base/status.h"
#include "exercises/audit.h"
#include "exercises/exercise.h"
#include "exercises/program.h"

/* A run may take this many times as long as the move needs, and this much longer; then it is said
 * not to end. */
#define GRADE_PATIENCE 5
#define GRADE_GRACE_NS (100 * NS_PER_MS)

struct grade_image {
    const uint8_t *data; /* borrowed; NULL: a model guest */
    size_t bytes;
};

/* The first run in which a criterion did not hold. */
struct grade_failure {
    const struct exercise_case *in_case;
    uint64_t seed;
    struct finding finding;
    uint32_t line;    /* that decided; 0: none is known */
    char source[160]; /* its text, without what it is indented by */
};

struct grade_result {
    uint32_t points, points_max;
    uint32_t held, runs;
    struct grade_failure failure; /* where held < runs */
};

struct grade {
    struct grade_result results[CRITERION_COUNT];
    uint32_t points, points_max;
    uint32_t runs;
    uint64_t decisions, instructions, instructions_max;
    char broken_rule[256]; /* ferry's own: which rule of the oracle a run broke; "": none */
};

/* images[i] is the guest of case i. Of a program that was not built all points are 0. `only`: the
 * number of a single case, or EXERCISE_CASES_MAX. */
MUST_USE enum status grade_make(struct grade *grade, const struct exercise *exercise, uint32_t only,
                                const struct program *program, const struct grade_image *images,
                                const struct exercise_seeds *seeds, struct problem *problem);

/* The scenario of one run: a case with its seed. scenario_fini is the caller's. */
void grade_scenario(const struct exercise_case *in_case, uint64_t seed, struct scenario *scenario);

#endif
