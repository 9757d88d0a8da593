/* at_door: a command that asks something of a gateway: its options, and the door of --control, or of
 * this user where none is named.
 */
#ifndef LABS_AT_DOOR_H
#define LABS_AT_DOOR_H

#include "labs/command.h"
#include "live/caller.h"

struct at_door {
    const struct command *command;
    struct options options;
    struct caller caller;
    char path[CONTROL_PATH_MAX];
};

#define AT_DOOR_READY (-1)

/* The line alone: AT_DOOR_READY, or the exit status of a command that ends here: its help was asked
 * for, or something was refused. at_door_close in every case. */
int at_door_begin(struct at_door *at_door, const struct command *command, int word_count,
                  char **words);
/* Knocks: in the same way. */
int at_door_knock(struct at_door *at_door);
/* What the door has refused, told as options are called here. Returns EXIT_USAGE. */
int at_door_refuse(const struct at_door *at_door, const struct problem *problem);
/* What the link carries, and how late, to the line's end. */
void at_door_print_link(const json_t *link, const char *unlimited);
void at_door_close(struct at_door *at_door);

/* Where the door is: as it was written, or this user's own. */
MUST_USE enum status at_door_path(const struct options *options, char path[CONTROL_PATH_MAX],
                                  struct problem *problem);

#endif
