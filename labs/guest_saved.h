/* guest_saved: a machine in a file (C1; engine/migrate/saved.h). `ferry guest save` writes one,
 * `resume` lets it go on in another process, `info` shows the two parts of its state.
 */
#ifndef LABS_GUEST_SAVED_H
#define LABS_GUEST_SAVED_H

#include "labs/command.h"

int guest_saved_save(const struct command *command, int word_count, char **words);
int guest_saved_resume(const struct command *command, int word_count, char **words);

/* Whether the file begins as a saved machine does. */
bool guest_saved_is(const char *path);
int guest_saved_info(const struct command *command, const char *path);

#endif
