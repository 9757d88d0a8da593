/* lesson_page: the page of a lesson, composed of the lab's sentences, of what was answered and of
 * what was measured. Numbers stand in the texts as placeholders:
 *
 *     {downtime}        a quantity (quantity.h) of the step's run (lab_run_of)
 *     {shop.downtime}   of the run `shop`
 *     {your_answer} {measured} {factor} {off} {tolerance} {ratio}    of a step that answers
 *     {your_value} {least} {most}                                    of the knob before it
 *     {right} {predictions}                                          of the whole lab
 */
#ifndef LABS_LESSON_PAGE_H
#define LABS_LESSON_PAGE_H

#include "labs/lesson.h"

/* Appends the text to `out` with its numbers, not ended by a NUL. False: a placeholder is none, or
 * its run has not been measured there; "?" stands for it then, and `unknown` (may be NULL) begins
 * at its brace. */
bool lesson_fill(struct lesson *lesson, int step_idx, const char *text, struct bytes *out,
                 const char **unknown);

/* The section that a reason is told by: STEP/REASON, else any/REASON; NULL: it is not told. */
const struct lab_section *lesson_reason(const struct lab_text *text, const struct lab_step *predict,
                                        enum reason reason);

#endif
