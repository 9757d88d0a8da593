#include "labs/lab_view.h"
#include "labs/lab_plain.h"
enum status lab_view_play(struct lesson *lesson, struct progress *progress, struct problem *problem)
{
    return lab_plain_play(lesson, NULL, progress, problem);
}
