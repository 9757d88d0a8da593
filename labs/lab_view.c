#include "labs/lab_view.h"

#include <stdio.h>

#include "labs/lab_plain.h"
#include "tui/reader.h"

static enum status show_run(struct lesson *lesson, struct reader *reader, struct problem *problem)
{
    struct session *session;
    bool is_new = lesson->session_step != lesson->step_idx;
    enum status status = lesson_watch(lesson, &session, problem);

    if (status == STATUS_OK && is_new)
        reader_watch(reader, session);
    return status;
}

enum status lab_view_play(struct lesson *lesson, struct progress *progress, struct problem *problem)
{
    struct reader *reader = reader_open();
    enum reader_end end = READER_ANSWERED;
    enum status status = STATUS_OK;

    if (reader == NULL)
        return lab_plain_play(lesson, NULL, progress, problem);
    while (status == STATUS_OK && end == READER_ANSWERED && lesson_wants(lesson) != LESSON_OVER) {
        enum lesson_want want = lesson_wants(lesson);
        const struct page *page;
        if (want == LESSON_RUN)
            status = show_run(lesson, reader, problem);
        if (status == STATUS_OK)
            status = lesson_page(lesson, &page, problem);
        if (status != STATUS_OK)
            break;
        end = reader_show(reader, page);
        if (end == READER_ANSWERED && want == LESSON_ANSWER)
            (void)lesson_take(
                lesson, reader_input(reader)); /* refused: the page says why, and asks again */
        else if (end == READER_ANSWERED)
            lesson_enter(lesson);
        progress_keep(progress, lesson);
    }
    reader_close(reader);
    return status;
}
