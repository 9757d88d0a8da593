/* children: programs that run beside this one and end with it: this very ferry with another command
 * (`ferry gateway`, `ferry host`), unless another is named.
 *
 * Their standard output comes through a pipe: the first line says that they are ready, so that
 * nobody sleeps until they may be. What they have to complain of goes where this program's own
 * complaints go. They have no part in an interrupt from the keyboard: this program ends them.
 */
#ifndef LABS_CHILDREN_H
#define LABS_CHILDREN_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/bytes.h"
#include "base/status.h"

struct child {
    pid_t pid;           /* 0: it has not been started */
    char name[40];       /* "host A" */
    const char *program; /* a path */
    int out;             /* its standard output; -1: it has said its last */
    bool is_over;        /* it has ended, as `status` (of waitpid) says */
    int status;
    struct bytes line;  /* that is not whole yet */
    struct bytes words; /* its command line: each word with its NUL */
};

/* `program`: a path, borrowed; NULL: this very ferry. It is the first word. */
void child_init(struct child *child, const char *name, const char *program);
void child_add_word(struct child *child, const char *word); /* NULL: none is added */

/* `err`: where its complaints go. */
MUST_USE enum status child_start(struct child *child, int err, struct problem *problem);
/* The next whole line that it has said, borrowed until the next call; NULL: none is there now. With
 * is_waiting it is waited for, for as long as the child lives; NULL: it has said its last. */
const char *child_next_line(struct child *child, bool is_waiting);
/* Sees which have ended. True: this one has, just now. */
bool child_has_ended(struct child *child);
/* How: "it was killed by signal 9", "it ended with status 2". */
const char *child_end(const struct child *child, char *text, size_t text_bytes);
void child_ask_to_end(struct child *child); /* and does not wait */
/* Asks it to end, and waits until it has; after a while it is killed. */
void child_stop(struct child *child);
void child_fini(struct child *child);

#endif
