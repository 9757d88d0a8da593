/* setting: all that a command needs before it can begin, opened and checked in one go: the line's
 * options, the guest's image, a strategy of the user's own, the files to be written. What is wrong
 * is told here, before anything runs.
 */
#ifndef LABS_SETTING_H
#define LABS_SETTING_H

#include "exercises/seat.h"
#include "labs/command.h"
#include "labs/image.h"
#include "labs/options.h"
#include "labs/output.h"

struct setting {
    const struct command *command;
    struct options options;
    struct image image;
    struct output json, record;
    struct program program; /* of options.strategy_path, */
    struct seat *seat;      /* and where it decides: in options.scenario already. NULL: none */
};

#define SETTING_READY (-1)

/* SETTING_READY, or the exit status of a command that ends here: its help was asked for, or
 * something was refused. setting_close in every case. */
int setting_open(struct setting *setting, const struct command *command, int word_count,
                 char **words);

/* Compiles a file with what lies beside ferry: program_build. program_fini in every case. */
MUST_USE enum status setting_compile(struct program *program, const char *path, bool is_unconfined,
                                     struct problem *problem);
void setting_close(struct setting *setting); /* what was not finished is not written */

#endif
