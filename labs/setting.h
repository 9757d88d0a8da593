/* setting: all that a command needs before it can begin, opened and checked in one go: the line's
 * options, the guest's image, the files to be written. What is wrong is told here, before anything
 * runs.
 */
#ifndef LABS_SETTING_H
#define LABS_SETTING_H

#include "labs/command.h"
#include "labs/image.h"
#include "labs/options.h"
#include "labs/output.h"

struct setting {
    const struct command *command;
    struct options options;
    struct image image;
    struct output json, record;
};

#define SETTING_READY (-1)

/* SETTING_READY, or the exit status of a command that ends here: its help was asked for, or
 * something was refused. setting_close in every case. */
int setting_open(struct setting *setting, const struct command *command, int word_count,
                 char **words);
void setting_close(struct setting *setting); /* what was not finished is not written */

#endif
