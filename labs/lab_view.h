/* lab_view: a lab in the terminal view: its text beside the picture of what is moved. */
#ifndef LABS_LAB_VIEW_H
#define LABS_LAB_VIEW_H

#include "labs/progress.h"

/* Returns with the lesson over, or where the person left it. Where the terminal can show no
 * pictures the lab is played as lines. */
MUST_USE enum status lab_view_play(struct lesson *lesson, struct progress *progress,
                                   struct problem *problem);

#endif
