/* lesson: a lab being played: where the student is, what was answered, what was measured, and the
 * page that says it. Pull, not push: whoever shows it asks for the page and for what is wanted,
 * and hands in what was typed.
 *
 *     lesson_open
 *     until lesson_wants(...) == LESSON_OVER:
 *         lesson_page, and show it
 *         LESSON_ENTER: lesson_enter
 *         LESSON_ANSWER: lesson_take, until it was taken (a page says why not)
 *         LESSON_RUN: lesson_watch, let the session live to its end, lesson_enter
 *     lesson_close
 *
 * What a text says of a run is read from that run. Where it was not watched (the lab was left and
 * taken up again) it is run once more when it is first asked for: the same scenario, the same seed,
 * so the same numbers. Where that is not possible any more there is no page: no number is made up.
 */
#ifndef LABS_LESSON_H
#define LABS_LESSON_H

#include "base/bytes.h"
#include "labs/judge.h"
#include "labs/lab.h"
#include "labs/lab_text.h"
#include "record/session.h"
#include "tui/page.h"

#define LESSON_ANSWER_BYTES 64
#define LESSON_ANSWERS_MAX  8 /* of one question: wrong choices, and the right one */

enum lesson_want { LESSON_ENTER, LESSON_ANSWER, LESSON_RUN, LESSON_OVER };

/* What a session can do, and how much of it is left to who watches. */
struct only_watched {
    struct session_ops ops; /* first: the session's ops lead here */
    const struct session_ops *whole;
};

struct lesson {
    const struct lab *lab;
    const struct lab_text *text;
    int step_idx; /* lab->step_count: it is over */
    char answers[LAB_STEPS_MAX][LESSON_ANSWERS_MAX]
                [LESSON_ANSWER_BYTES]; /* those that were taken */
    unsigned answer_count[LAB_STEPS_MAX];
    struct quantities quantities[LAB_STEPS_MAX]; /* of runs */
    struct session *session;                     /* of the run that was watched last; NULL: none */
    int session_step;
    struct only_watched watched; /* what may be done to it */
    struct problem trouble;      /* why a run could not be made once more; STATUS_OK: it could */
    struct page page;            /* of the last lesson_page, with its texts: */
    struct bytes title, body, question;
    char lab_title[160], place[80], notice[320], refused[LESSON_ANSWER_BYTES];
};

void lesson_open(struct lesson *lesson, const struct lab *lab, const struct lab_text *text);
void lesson_close(struct lesson *lesson);

enum lesson_want lesson_wants(const struct lesson *lesson);
/* Valid until the next call. A failure: a run that the page speaks of cannot be made again. */
MUST_USE enum status lesson_page(struct lesson *lesson, const struct page **page,
                                 struct problem *problem);

/* Enter: on to the next step. */
void lesson_enter(struct lesson *lesson);
/* False: it was refused, and the page says why. Of a choice that was tried already an empty answer
 * goes on. */
bool lesson_take(struct lesson *lesson, const char *answer);
/* The session of the run, which belongs to the lesson; it can only be watched, forward and back. */
MUST_USE enum status lesson_watch(struct lesson *lesson, struct session **session,
                                  struct problem *problem);

/* Takes up where somebody stopped: an answer that was taken then, and the step to go on with.
 * False: the lab has no such step, or no longer takes that answer. */
bool lesson_restore_answer(struct lesson *lesson, const char *key, const char *answer);
bool lesson_restore_step(struct lesson *lesson, const char *key);

/* For texts: what the step's answers come to. A run that could not be made again has zeros, and the
 * lesson its trouble. */
bool lesson_number(const struct lesson *lesson, int step_idx, uint64_t *value);
const struct quantities *lesson_measured(struct lesson *lesson, int run_idx);
void lesson_judge(struct lesson *lesson, int predict_idx, struct judgement *judgement);
bool lesson_is_right_choice(const struct lesson *lesson, int step_idx);

#endif
