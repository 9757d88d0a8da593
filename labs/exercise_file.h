/* exercise_file: the exercises that came with ferry, in folders NN-NAME beside it. */
#ifndef LABS_EXERCISE_FILE_H
#define LABS_EXERCISE_FILE_H

#include <stdbool.h>

#include "base/status.h"
#include "exercises/exercise.h"

#define EXERCISE_PATH_MAX 4096

/* The exercise with the lowest number of `least` or above. False: there is none. */
bool exercise_file_find(unsigned least, char folder[EXERCISE_PATH_MAX], unsigned *number);

/* Reads FOLDER/exercise.ini. exercise_fini in every case. */
MUST_USE enum status exercise_file_read(struct exercise *exercise, const char *folder,
                                        unsigned number, struct problem *problem);

#endif
