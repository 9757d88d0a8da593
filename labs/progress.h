/* progress: how far a student is in each lab, in ${XDG_STATE_HOME:-~/.local/state}/ferry/labs.json:
 *
 *     {"schema": "ferry.labs/1",
 *      "labs": {"3": {"done": false, "step": "shop-answer",
 *                     "answers": {"shop-guess": ["2.7s"]}}}}
 *
 * A step that is null: the lab was played to its end, and done it stays when it is begun again. The
 * file is written whole or not at all; one that cannot be read is put aside as labs.json.broken.
 * Nothing that is wrong with it stops a lab.
 *
 * Labs that are played at once keep each other's progress: the file is read anew before it is
 * written, and labs.json.lock beside it is held meanwhile.
 */
#ifndef LABS_PROGRESS_H
#define LABS_PROGRESS_H

#include <jansson.h>

#include "labs/lesson.h"

struct progress {
    char path[4096]; /* "": there is no home to keep it in */
    json_t *root;    /* owned; as the file was when it was read or written last */
    bool has_complained;
};

/* What went wrong is told on stderr, in one line. */
void progress_open(struct progress *progress);
void progress_close(struct progress *progress);

enum progress_state { PROGRESS_NONE, PROGRESS_BEGUN, PROGRESS_DONE };
/* `step_idx` where it is begun: the step to go on with. Done: it was played to its end once. */
enum progress_state progress_of(const struct progress *progress, const struct lab *lab,
                                int *step_idx);

/* Brings the lesson, just opened, to where it was left. False: there is nothing to go on with, and
 * it is as it was. */
bool progress_restore(const struct progress *progress, struct lesson *lesson);
/* Keeps where the lesson is, and writes the file; of other labs what stands there now. */
void progress_keep(struct progress *progress, const struct lesson *lesson);

#endif
