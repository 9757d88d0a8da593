/* lab_plain: a lab as lines of text: for pipes, screen readers and scripts, and with a file of
 * answers for tests and teachers. Nothing in it depends on the clock or the machine: the same
 * answers give the same bytes.
 */
#ifndef LABS_LAB_PLAIN_H
#define LABS_LAB_PLAIN_H

#include "labs/answers.h"
#include "labs/progress.h"

/* `answers` NULL: they are read from standard input, and progress is kept. Returns with the lesson
 * over, or where the person stopped; STATUS_USAGE where an answer is missing. */
MUST_USE enum status lab_plain_play(struct lesson *lesson, struct answers *answers,
                                    struct progress *progress, struct problem *problem);

#endif
