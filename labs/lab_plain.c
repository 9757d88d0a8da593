#include "labs/lab_plain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/utf8.h"
#include "labs/language.h"

#define PIECE_NS (100 * NS_PER_MS) /* of the world, between two looks at what happened */

static void print_text(const char *text)
{
    struct page_row row = {0};

    while (page_next_row(&text, PAGE_TEXT_COLUMNS, &row)) {
        if (row.bytes > 0)
            printf("%*s%.*s", row.indent, "", row.bytes, row.text);
        printf("\n");
    }
}

static void print_page(const struct page *page)
{
    printf(_("\n--- %s: %s (%s)\n\n"), page->lab, page->title, page->place);
    if (*page->text != '\0')
        print_text(page->text);
    if (page->question != NULL && *page->question != '\0') {
        printf("\n");
        print_text(page->question);
    }
}

/* ---- A run, in a few lines ---- */

static void print_moment(uint64_t at_ns, const char *what)
{
    printf("  %llu.%06llu s  %s\n", (unsigned long long)(at_ns / NS_PER_S),
           (unsigned long long)(at_ns % NS_PER_S / NS_PER_US), what);
}

static void print_round(const struct timeline_round *round)
{
    char pages[32], time[32], dirtied[32], what[200];

    units_for_people(UNIT_COUNT, round->pages_sent, pages, sizeof pages);
    units_for_people(UNIT_COUNT, round->dirtied_pages, dirtied, sizeof dirtied);
    units_for_people(UNIT_TIME, round->duration_ns, time, sizeof time);
    if (round->is_paused)
        snprintf(what, sizeof what, _("the rest is sent: %s pages in %s"), pages, time);
    else
        snprintf(what, sizeof what, _("round %llu: %s pages in %s, meanwhile %s dirtied"),
                 (unsigned long long)round->round_idx, pages, time, dirtied);
    print_moment(round->started_ns + round->duration_ns, what);
}

static void print_run(const struct session *session)
{
    const struct timeline *timeline = &session->timeline;
    bool is_pause_told = false;

    if (timeline->has_started)
        print_moment(timeline->started_ns, _("the move begins"));
    for (uint32_t i = 0; i < timeline->round_count; i++) {
        if (timeline->rounds[i].is_paused) {
            print_moment(timeline->paused_at_ns, _("the guest is paused at the source host"));
            is_pause_told = true;
        }
        print_round(&timeline->rounds[i]);
    }
    if (!is_pause_told)
        print_moment(timeline->paused_at_ns, _("the guest is paused at the source host"));
    print_moment(timeline->resumed_at_ns, _("the guest runs at the target host"));
    if (timeline->ended_ns > timeline->resumed_at_ns)
        print_moment(timeline->ended_ns, _("its last page has come"));
}

static enum status play_run(struct lesson *lesson, struct problem *problem)
{
    struct session *session;
    enum status status = lesson_watch(lesson, &session, problem);

    if (status != STATUS_OK)
        return status;
    while (!session->has_ended)
        session->ops->advance(session, session->timeline.now_ns + PIECE_NS);
    printf("\n");
    print_run(session);
    return STATUS_OK;
}

/* ---- Questions ---- */

#define QUESTION_SHOWN 70
#define NOTICE_SHOWN   100 /* what was wrong with the last answer, and an example */

static enum status refuse_missing(const struct lesson *lesson, const struct answers *answers,
                                  struct problem *problem)
{
    static const char *const wanted[LAB_KIND_COUNT] = {
        [LAB_predict] = N_("a number with its unit"),
        [LAB_choose] = N_("the letter of a choice"),
        [LAB_knob] = N_("a value with its unit"),
    };
    const struct lab_step *step = &lesson->lab->steps[lesson->step_idx];
    const char *question = (const char *)lesson->question.data, *notice = lesson->notice;

    /* A problem has room for one line: what is longer is cut between two characters. */
    return problem_set(problem, STATUS_USAGE,
                       _("%.60s: no answer is left for %s (%.*s): write %s = %s%s%.*s"),
                       answers->path, step->key, (int)utf8_cut(question, QUESTION_SHOWN), question,
                       step->key, _(wanted[step->kind]), *notice != '\0' ? "; " : "",
                       (int)utf8_cut(notice, NOTICE_SHOWN), notice);
}

/* A line that a person typed, without its end; false: there will be none any more, or "q". */
static bool read_line(char *text, size_t text_bytes)
{
    char *line = NULL;
    size_t capacity = 0;
    bool is_there;

    fflush(stdout);
    is_there = getline(&line, &capacity, stdin) >= 0;
    snprintf(text, text_bytes, "%s", is_there ? line : "");
    text[strcspn(text, "\r\n")] = '\0';
    free(line);
    return is_there && strcmp(text, "q") != 0;
}

/* What goes on, and whether. A file's answers are shown as if they had been typed. */
static bool ask(struct lesson *lesson, struct answers *answers, const struct page *page, char *text,
                size_t text_bytes)
{
    const char *answer = "";

    printf("%s", page->prompt);
    if (answers == NULL)
        return read_line(text, text_bytes);
    answer = answers_next(answers, lesson->lab->steps[lesson->step_idx].key);
    /* A wrong choice need not be followed by another. */
    if (answer == NULL && lesson->answer_count[lesson->step_idx] > 0)
        answer = "";
    snprintf(text, text_bytes, "%s", answer != NULL ? answer : "");
    printf("%s\n", text);
    return answer != NULL;
}

/* Asks until an answer is taken. STATUS_OK with *is_stopped: nobody answers any more. */
static enum status play_question(struct lesson *lesson, struct answers *answers,
                                 const struct page *page, bool *is_stopped, struct problem *problem)
{
    char text[256];

    for (;;) {
        printf("\n");
        if (!ask(lesson, answers, page, text, sizeof text)) {
            if (answers != NULL)
                return refuse_missing(lesson, answers, problem);
            *is_stopped = true;
            return STATUS_OK;
        }
        if (lesson_take(lesson, text))
            return STATUS_OK;
        print_text(lesson->notice);
    }
}

/* Who reads goes on with Enter; a file of answers does not wait. */
static bool wait_for_enter(const struct answers *answers)
{
    char text[256];

    if (answers != NULL)
        return true;
    printf("\n%s", _("Enter goes on, q leaves: "));
    return read_line(text, sizeof text);
}

enum status lab_plain_play(struct lesson *lesson, struct answers *answers,
                           struct progress *progress, struct problem *problem)
{
    enum status status = STATUS_OK;
    bool is_stopped = false;

    while (status == STATUS_OK && !is_stopped && lesson_wants(lesson) != LESSON_OVER) {
        const struct page *page;
        enum lesson_want want = lesson_wants(lesson);
        status = lesson_page(lesson, &page, problem);
        if (status != STATUS_OK)
            break;
        print_page(page);
        if (want == LESSON_RUN)
            status = play_run(lesson, problem);
        if (want == LESSON_ANSWER)
            status = play_question(lesson, answers, page, &is_stopped, problem);
        else if (status == STATUS_OK && wait_for_enter(answers))
            lesson_enter(lesson);
        else
            is_stopped = true;
        if (progress != NULL && status == STATUS_OK)
            progress_keep(progress, lesson);
    }
    return status;
}
