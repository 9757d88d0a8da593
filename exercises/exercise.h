/* exercise: what is asked for and how it is graded, as data: exercises/NN-NAME/exercise.ini.
 *
 *     [exercise]
 *     title  = Stop-and-copy
 *     file   = stop_and_copy.c          what is handed in
 *     mode   = stop-and-copy            the mode in whose place it decides
 *     lab    = 3                        to be done before
 *     seeds  = 1..4                     of each case, unless others are asked for
 *
 *     [points]                          a row for each criterion of audit.h that counts
 *     whole  = 40
 *
 *     [case shop]                       a scenario: the keys of a scenario file
 *     guest  = kv
 */
#ifndef EXERCISES_EXERCISE_H
#define EXERCISES_EXERCISE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "exercises/audit.h"
#include "scenario/scenario.h"

#define EXERCISE_CASES_MAX 16
#define EXERCISE_TEXT_MAX  80
#define EXERCISE_SEEDS_MAX 1000

struct exercise_seeds {
    uint64_t first, last;
};

struct exercise_case {
    char name[EXERCISE_TEXT_MAX];
    struct scenario scenario;
};

struct exercise {
    uint32_t number;
    char title[EXERCISE_TEXT_MAX];
    char file[EXERCISE_TEXT_MAX];
    enum mode mode;
    uint32_t lab;
    struct exercise_seeds seeds;
    uint32_t points[CRITERION_COUNT]; /* 0: does not count */
    uint32_t points_max;              /* their sum */
    struct exercise_case cases[EXERCISE_CASES_MAX];
    uint32_t case_count;
};

/* One key of the file at a time, then the whole. exercise_fini in every case. */
void exercise_init(struct exercise *exercise, uint32_t number);
MUST_USE enum status exercise_set(struct exercise *exercise, const char *section, const char *key,
                                  const char *value, struct problem *problem);
MUST_USE enum status exercise_check(struct exercise *exercise, struct problem *problem);
void exercise_fini(struct exercise *exercise);

/* "1..4", or "7". */
MUST_USE enum status exercise_parse_seeds(const char *text, struct exercise_seeds *seeds,
                                          struct problem *problem);

#endif
