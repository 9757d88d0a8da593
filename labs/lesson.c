#include "labs/lesson.h"

#include <stdio.h>
#include <string.h>

#include "labs/image.h"
#include "labs/language.h"
#include "labs/lesson_page.h"
#include "sim/run_session.h"

/* Of the world: its events are folded piece by piece, so that they need little memory. */
#define PIECE_NS (100 * NS_PER_MS)

void lesson_open(struct lesson *lesson, const struct lab *lab, const struct lab_text *text)
{
    *lesson = (struct lesson){.lab = lab, .text = text, .session_step = LAB_NONE};
}

static void close_session(struct lesson *lesson)
{
    if (lesson->session != NULL)
        lesson->session->ops->close(lesson->session);
    lesson->session = NULL;
    lesson->session_step = LAB_NONE;
}

void lesson_close(struct lesson *lesson)
{
    close_session(lesson);
    bytes_fini(&lesson->title);
    bytes_fini(&lesson->body);
    bytes_fini(&lesson->question);
}

/* ---- Answers ---- */

static const char *last_answer(const struct lesson *lesson, int step_idx)
{
    unsigned count = lesson->answer_count[step_idx];
    return count > 0 ? lesson->answers[step_idx][count - 1] : NULL;
}

static enum unit_kind kind_of(const struct lab_step *step)
{
    return step->kind == LAB_knob ? scenario_option((uint32_t)step->option)->kind
                                  : answer_kind(quantity_form(step->quantity));
}

bool lesson_number(const struct lesson *lesson, int step_idx, uint64_t *value)
{
    const char *answer = last_answer(lesson, step_idx);
    return answer != NULL &&
           answer_parse(kind_of(&lesson->lab->steps[step_idx]), answer, value) == ANSWER_TAKEN;
}

bool lesson_is_right_choice(const struct lesson *lesson, int step_idx)
{
    const char *answer = last_answer(lesson, step_idx);
    return answer != NULL && answer[0] == lesson->lab->steps[step_idx].right;
}

static void keep(struct lesson *lesson, int step_idx, const char *answer)
{
    unsigned *count = &lesson->answer_count[step_idx];
    /* Who tries more often than that has seen every reply; the last one stays. */
    unsigned at = *count < LESSON_ANSWERS_MAX ? (*count)++ : LESSON_ANSWERS_MAX - 1;
    snprintf(lesson->answers[step_idx][at], LESSON_ANSWER_BYTES, "%s", answer);
}

/* An example of an answer of that kind. */
static const char *example(enum unit_kind kind)
{
    switch (kind) {
    case UNIT_TIME:
        return _("write a time such as 30ms, 100us or 1.5s");
    case UNIT_SIZE:
        return _("write a size such as 64MiB");
    case UNIT_BANDWIDTH:
        return _("write a bandwidth such as 200Mbit/s or 25MB/s");
    case UNIT_PAGE_RATE:
        return _("write a page rate such as 5000pages/s");
    case UNIT_REQUEST_RATE:
        return _("write a rate such as 500/s");
    case UNIT_CPU_RATE:
        return _("write an instruction rate such as 100MIPS");
    case UNIT_COUNT:
        break;
    }
    return _("write a whole number such as 4");
}

static bool refuse(struct lesson *lesson, const char *format, const char *answer, const char *what)
{
    char shown[40];
    if (*answer == '\0') { /* Enter alone: what is wanted is said again */
        snprintf(lesson->notice, sizeof lesson->notice, "%s", what);
        return false;
    }
    snprintf(shown, sizeof shown, "%.32s", answer);
    size_t end = strlen(shown);
    while (end > 0 && strlen(answer) > 32 && ((unsigned char)shown[end - 1] & 0x80) != 0)
        shown[--end] = '\0'; /* no half of a character */
    snprintf(lesson->notice, sizeof lesson->notice, format, shown, what);
    return false;
}

static bool take_number(struct lesson *lesson, const struct lab_step *step, const char *answer,
                        uint64_t *value)
{
    enum unit_kind kind = kind_of(step);

    switch (answer_parse(kind, answer, value)) {
    case ANSWER_TAKEN:
        return true;
    case ANSWER_NO_UNIT:
        return refuse(lesson, _("\"%s\" has no unit: %s"), answer, example(kind));
    case ANSWER_UNKNOWN_UNIT:
        return refuse(lesson, _("\"%s\" has an unknown unit: %s"), answer, example(kind));
    case ANSWER_ZERO:
        return refuse(lesson, _("\"%s\" is nothing at all: %s"), answer, example(kind));
    case ANSWER_TOO_LARGE:
        return refuse(lesson, _("\"%s\" is too large: %s"), answer, example(kind));
    case ANSWER_NO_NUMBER:
        break;
    }
    return refuse(lesson, _("\"%s\" is no number: %s"), answer, example(kind));
}

static bool take_knob(struct lesson *lesson, const struct lab_step *step, const char *answer)
{
    enum unit_kind kind = kind_of(step);
    char least[48], most[48], limits[128];
    uint64_t value;

    if (!take_number(lesson, step, answer, &value))
        return false;
    if (value >= step->least && value <= step->most)
        return true;
    units_format(kind, step->least, least, sizeof least);
    units_format(kind, step->most, most, sizeof most);
    snprintf(limits, sizeof limits, _("choose between %s and %s"), least, most);
    return refuse(lesson, _("\"%s\" is out of reach: %s"), answer, limits);
}

static bool take_choice(struct lesson *lesson, const struct lab_step *step, const char *answer)
{
    char part[2] = {answer[0] >= 'A' && answer[0] <= 'Z' ? (char)(answer[0] | 0x20) : answer[0]};
    bool is_letter = answer[0] != '\0' && (answer[1] == '\0' || strcmp(answer + 1, ")") == 0);

    if (is_letter && lab_text_find(lesson->text, step->key, part) != NULL && part[0] >= 'a' &&
        part[0] <= 'z') {
        keep(lesson, lesson->step_idx, part);
        return true;
    }
    return refuse(lesson, _("\"%s\" is none of the choices: %s"), answer,
                  _("write its letter, such as a"));
}

bool lesson_take(struct lesson *lesson, const char *answer)
{
    const struct lab_step *step = &lesson->lab->steps[lesson->step_idx];
    char text[LESSON_ANSWER_BYTES];
    uint64_t value;

    /* Blanks around it are nobody's fault. */
    answer += strspn(answer, " \t");
    snprintf(text, sizeof text, "%s", answer);
    for (size_t end = strlen(text); end > 0 && strchr(" \t\r\n", text[end - 1]) != NULL;)
        text[--end] = '\0';
    lesson->notice[0] = '\0';
    snprintf(lesson->refused, sizeof lesson->refused, "%s", text);
    if (step->kind == LAB_choose) {
        if (*text == '\0' && lesson->answer_count[lesson->step_idx] > 0) {
            lesson_enter(lesson);
            return true;
        }
        return take_choice(lesson, step, text);
    }
    if (step->kind == LAB_knob ? !take_knob(lesson, step, text)
                               : !take_number(lesson, step, text, &value))
        return false;
    keep(lesson, lesson->step_idx, text);
    lesson_enter(lesson);
    return true;
}

/* ---- Steps ---- */

enum lesson_want lesson_wants(const struct lesson *lesson)
{
    if (lesson->step_idx == lesson->lab->step_count)
        return LESSON_OVER;
    switch (lesson->lab->steps[lesson->step_idx].kind) {
    case LAB_predict:
    case LAB_knob:
        return LESSON_ANSWER;
    case LAB_choose:
        return lesson_is_right_choice(lesson, lesson->step_idx) ? LESSON_ENTER : LESSON_ANSWER;
    case LAB_run:
        return LESSON_RUN;
    case LAB_read:
    case LAB_answer:
    case LAB_compare:
    case LAB_KIND_COUNT:
        break;
    }
    return LESSON_ENTER;
}

void lesson_enter(struct lesson *lesson)
{
    MUST(lesson->step_idx < lesson->lab->step_count);
    lesson->notice[0] = '\0';
    lesson->step_idx++;
}

bool lesson_restore_answer(struct lesson *lesson, const char *key, const char *answer)
{
    int step_idx = lab_find_step(lesson->lab, key), before = lesson->step_idx;
    bool is_taken = false;

    if (step_idx == LAB_NONE)
        return false;
    lesson->step_idx = step_idx;
    if (lesson_wants(lesson) == LESSON_ANSWER && *answer != '\0')
        is_taken = lesson_take(lesson, answer);
    lesson->step_idx = before;
    lesson->notice[0] = '\0';
    return is_taken;
}

bool lesson_restore_step(struct lesson *lesson, const char *key)
{
    int step_idx = lab_find_step(lesson->lab, key);

    /* Whatever was asked before must have its answer. */
    for (int i = 0; i < step_idx; i++) {
        enum lab_kind kind = lesson->lab->steps[i].kind;
        if ((kind == LAB_predict || kind == LAB_knob) && lesson->answer_count[i] == 0)
            return false;
    }
    if (step_idx != LAB_NONE)
        lesson->step_idx = step_idx;
    return step_idx != LAB_NONE;
}

/* ---- Runs ---- */

/* A run is the one that the texts speak of: time may be steered, forward and back, the world may
 * not. */
static bool can_watch(const struct session *session, enum session_command command)
{
    const struct only_watched *watched = (const struct only_watched *)session->ops;
    return command == SESSION_BACK && watched->whole->can(session, command);
}

static bool watch(struct session *session, enum session_command command, uint64_t value)
{
    const struct only_watched *watched = (const struct only_watched *)session->ops;
    return command == SESSION_BACK && watched->whole->act(session, command, value);
}

static void let_only_watch(struct only_watched *watched, struct session *session)
{
    *watched = (struct only_watched){*session->ops, session->ops};
    watched->ops.can = can_watch;
    watched->ops.act = watch;
    session->ops = &watched->ops;
}

static void make_scenario(const struct lesson *lesson, int run_idx, struct scenario *scenario)
{
    const struct lab_step *run = &lesson->lab->steps[run_idx];
    struct problem ignored = {STATUS_OK, ""};
    uint64_t value;

    scenario_copy(scenario, &run->scenario);
    if (run->knob == LAB_NONE || !lesson_number(lesson, run->knob, &value))
        return;
    const struct scenario_option *option =
        scenario_option((uint32_t)lesson->lab->steps[run->knob].option);
    char text[64];
    units_format(option->kind, value, text, sizeof text);
    enum status status = scenario_set(scenario, option->key, text, &ignored);
    MUST(status == STATUS_OK); /* the limits were tried when the lab was read */
}

static enum status open_session(const struct lesson *lesson, int run_idx, struct session **session,
                                struct problem *problem)
{
    struct scenario scenario;
    struct image image;
    char origin[128];

    make_scenario(lesson, run_idx, &scenario);
    enum status status = image_load(&image, &scenario, problem);
    snprintf(origin, sizeof origin, "lab %u", lesson->lab->number);
    if (status == STATUS_OK)
        status = run_session_open(session, &scenario, image.data, image.bytes, origin, problem);
    image_fini(&image);
    scenario_fini(&scenario);
    return status;
}

static void measure(struct lesson *lesson, int run_idx, const struct session *session)
{
    struct scenario scenario;

    make_scenario(lesson, run_idx, &scenario);
    if (session != NULL)
        quantities_measure(&lesson->quantities[run_idx], &scenario, session);
    else
        quantities_expect(&lesson->quantities[run_idx], &scenario);
    scenario_fini(&scenario);
}

const struct quantities *lesson_measured(struct lesson *lesson, int run_idx)
{
    struct quantities *quantities = &lesson->quantities[run_idx];
    struct session *session = NULL;

    if (quantities->is_measured)
        return quantities;
    if (run_idx >= lesson->step_idx) { /* not run yet */
        measure(lesson, run_idx, NULL);
        return quantities;
    }
    if (lesson->session_step == run_idx)
        session = lesson->session;
    else if (open_session(lesson, run_idx, &session, &lesson->trouble) != STATUS_OK)
        return quantities;
    while (!session->has_ended)
        session->ops->advance(session, session->timeline.now_ns + PIECE_NS);
    measure(lesson, run_idx, session);
    if (session != lesson->session)
        session->ops->close(session);
    return quantities;
}

enum status lesson_watch(struct lesson *lesson, struct session **session, struct problem *problem)
{
    enum status status;

    *session = lesson->session;
    if (lesson->session_step == lesson->step_idx)
        return STATUS_OK;
    close_session(lesson);
    lesson->quantities[lesson->step_idx].is_measured = false;
    status = open_session(lesson, lesson->step_idx, &lesson->session, problem);
    if (status != STATUS_OK)
        return status;
    let_only_watch(&lesson->watched, lesson->session);
    lesson->session_step = lesson->step_idx;
    *session = lesson->session;
    return STATUS_OK;
}

void lesson_judge(struct lesson *lesson, int predict_idx, struct judgement *judgement)
{
    const struct lab_step *predict = &lesson->lab->steps[predict_idx];
    uint64_t answer = 0;

    *judgement = (struct judgement){.reason = REASON_small};
    if (lesson_number(lesson, predict_idx, &answer))
        judge(judgement, predict->quantity, answer, lesson_measured(lesson, predict->of),
              predict->tolerance);
}
