#include "labs/lesson_page.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "labs/language.h"

static void put_text(struct bytes *out, const char *text)
{
    bytes_put(out, text, strlen(text));
}

__attribute__((format(printf, 2, 3))) static void put_format(struct bytes *out, const char *format,
                                                             ...)
{
    char text[512];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    put_text(out, text);
}

static void end_text(struct bytes *out)
{
    bytes_put_u8(out, 0);
}

/* ---- Placeholders ---- */

static void put_quantity(struct bytes *out, enum quantity_form form, uint64_t value)
{
    char text[64];

    quantity_format(form, value, text, sizeof text);
    put_text(out, text);
}

static bool fill_quantity(struct lesson *lesson, int step_idx, const char *name, size_t count,
                          struct bytes *out)
{
    const char *point = memchr(name, '.', count);
    int run_idx = lab_run_of(lesson->lab, step_idx);
    char key[INI_SECTION_MAX + 1];

    if (point != NULL) {
        snprintf(key, sizeof key, "%.*s", (int)(point - name), name);
        run_idx = lab_find_step(lesson->lab, key);
        count -= (size_t)(point + 1 - name);
        name = point + 1;
    }
    enum quantity quantity = quantity_find(name, count);
    if (run_idx == LAB_NONE || lesson->lab->steps[run_idx].kind != LAB_run ||
        quantity == QUANTITY_COUNT || (quantity_is_measured(quantity) && run_idx >= step_idx))
        return false;
    put_quantity(out, quantity_form(quantity), lesson_measured(lesson, run_idx)->values[quantity]);
    return true;
}

/* "2.0", "13", "1,024" */
static void put_factor(struct bytes *out, double factor)
{
    if (factor < 10)
        put_format(out, "%.1f", factor);
    else
        put_quantity(out, FORM_COUNT, factor < 1e15 ? (uint64_t)(factor + 0.5) : (uint64_t)1e15);
}

/* What belongs to a step that answers a prediction. */
static bool fill_of_answer(struct lesson *lesson, const struct lab_step *step, const char *name,
                           struct bytes *out)
{
    const struct lab_step *predict = &lesson->lab->steps[step->to];
    enum quantity_form form = quantity_form(predict->quantity);
    uint64_t measured = lesson_measured(lesson, predict->of)->values[predict->quantity];
    struct judgement judgement;
    uint64_t answer = 0;

    lesson_number(lesson, step->to, &answer);
    lesson_judge(lesson, step->to, &judgement);
    if (strcmp(name, "your_answer") == 0)
        put_quantity(out, form, answer);
    else if (strcmp(name, "measured") == 0)
        put_quantity(out, form, measured);
    else if (strcmp(name, "factor") == 0)
        put_factor(out, judgement.factor);
    else if (strcmp(name, "off") == 0)
        put_format(out, "%.1f %%", judgement.factor > 1 ? (judgement.factor - 1) * 100 : 0);
    else if (strcmp(name, "tolerance") == 0)
        put_format(out, "%g %%", predict->tolerance / 10.0);
    else if (strcmp(name, "ratio") == 0 && step->beside != LAB_NONE && measured > 0)
        put_factor(out, (double)lesson_measured(lesson, step->beside)->values[predict->quantity] /
                            (double)measured);
    else
        return false;
    return true;
}

static bool fill_of_knob(struct lesson *lesson, int step_idx, const char *name, struct bytes *out)
{
    const struct lab_step *steps = lesson->lab->steps;
    char text[64];
    uint64_t value = 0;

    while (step_idx >= 0 && steps[step_idx].kind != LAB_knob)
        step_idx--;
    if (step_idx < 0)
        return false;
    if (strcmp(name, "your_value") == 0)
        lesson_number(lesson, step_idx, &value);
    else if (strcmp(name, "least") == 0)
        value = steps[step_idx].least;
    else if (strcmp(name, "most") == 0)
        value = steps[step_idx].most;
    else
        return false;
    units_format(scenario_option((uint32_t)steps[step_idx].option)->kind, value, text, sizeof text);
    put_text(out, text);
    return true;
}

/* How many predictions were asked for up to here, and how many were right; guesses are no matter of
 * right and wrong. */
static bool fill_of_lab(struct lesson *lesson, int step_idx, const char *name, struct bytes *out)
{
    unsigned right = 0, predictions = 0;

    if (strcmp(name, "right") != 0 && strcmp(name, "predictions") != 0)
        return false;
    for (int i = 0; i < step_idx; i++) {
        struct judgement judgement;
        const struct lab_step *step = &lesson->lab->steps[i];
        if (step->kind != LAB_predict || step->is_guess || step->of >= step_idx)
            continue;
        lesson_judge(lesson, i, &judgement);
        predictions++;
        right += judgement.is_right;
    }
    put_quantity(out, FORM_COUNT, strcmp(name, "right") == 0 ? right : predictions);
    return true;
}

static bool fill_one(struct lesson *lesson, int step_idx, const char *name, size_t count,
                     struct bytes *out)
{
    const struct lab_step *step = &lesson->lab->steps[step_idx];
    char word[INI_SECTION_MAX + 1];

    snprintf(word, sizeof word, "%.*s", (int)count, name);
    return (step->kind == LAB_answer && fill_of_answer(lesson, step, word, out)) ||
           fill_of_knob(lesson, step_idx, word, out) || fill_of_lab(lesson, step_idx, word, out) ||
           fill_quantity(lesson, step_idx, name, count, out);
}

bool lesson_fill(struct lesson *lesson, int step_idx, const char *text, struct bytes *out,
                 const char **unknown)
{
    bool is_whole = true;

    while (*text != '\0') {
        size_t count = strcspn(text, "{");
        bytes_put(out, text, count);
        text += count;
        if (*text == '\0')
            break;
        const char *end = strchr(text, '}');
        if (end == NULL || !fill_one(lesson, step_idx, text + 1, (size_t)(end - text - 1), out)) {
            put_text(out, "?");
            if (is_whole && unknown != NULL)
                *unknown = text;
            is_whole = false;
        }
        text = end != NULL ? end + 1 : text + 1;
    }
    return is_whole;
}

/* ---- Parts of a page ---- */

static void fill_section(struct lesson *lesson, const char *part, struct bytes *out)
{
    const struct lab_step *step = &lesson->lab->steps[lesson->step_idx];
    const struct lab_section *section = lab_text_find(lesson->text, step->key, part);

    if (section != NULL && *section->body != '\0')
        lesson_fill(lesson, lesson->step_idx, section->body, out, NULL);
}

/* An empty line, where something stands above and something follows. */
static void put_gap(struct bytes *out)
{
    if (out->count > 0)
        put_text(out, "\n\n");
}

static void put_padded(struct bytes *out, const char *text, int columns)
{
    put_text(out, text);
    for (int width = canvas_width(text); width < columns; width++)
        put_text(out, " ");
}

/* The name of a run in the head of a table: RUN/name, else its title. */
static const char *run_name(const struct lesson *lesson, int run_idx)
{
    const char *key = lesson->lab->steps[run_idx].key;
    const struct lab_section *section = lab_text_find(lesson->text, key, "name");

    if (section != NULL)
        return section->title;
    section = lab_text_find(lesson->text, key, NULL);
    return section != NULL ? section->title : key;
}

static void put_right(struct bytes *out, const char *text, int columns)
{
    for (int width = canvas_width(text); width < columns; width++)
        put_text(out, " ");
    put_text(out, text);
}

static void compose_table(struct lesson *lesson, const struct lab_step *step, struct bytes *out)
{
    enum { INDENT = 2, COLUMN = 16 };
    int label_columns = 0;

    for (unsigned i = 0; i < step->row_count; i++) {
        int width = canvas_width(_(quantity_label(step->rows[i])));
        label_columns = width > label_columns ? width : label_columns;
    }
    put_padded(out, "", INDENT + label_columns);
    for (unsigned i = 0; i < step->run_count; i++)
        put_right(out, run_name(lesson, step->runs[i]), COLUMN);
    for (unsigned i = 0; i < step->row_count; i++) {
        put_text(out, "\n");
        put_padded(out, "", INDENT);
        put_padded(out, _(quantity_label(step->rows[i])), label_columns);
        for (unsigned j = 0; j < step->run_count; j++) {
            char value[64];
            quantity_format(quantity_form(step->rows[i]),
                            lesson_measured(lesson, step->runs[j])->values[step->rows[i]], value,
                            sizeof value);
            put_right(out, value, COLUMN);
        }
    }
}

/* ---- What a reason is told by ---- */

const struct lab_section *lesson_reason(const struct lab_text *text, const struct lab_step *predict,
                                        enum reason reason)
{
    const struct lab_section *own = lab_text_find(text, predict->key, reason_name(reason));
    return own != NULL ? own : lab_text_find(text, "any", reason_name(reason));
}

/* A reason that the lab has no text for is only too small or too large. */
static enum reason told_reason(const struct lesson *lesson, const struct lab_step *predict,
                               const struct judgement *judgement, uint64_t answer,
                               uint64_t measured)
{
    if (lesson_reason(lesson->text, predict, judgement->reason) != NULL)
        return judgement->reason;
    if (judgement->is_right)
        return REASON_fits;
    return answer < measured ? REASON_small : REASON_large;
}

static void compose_answer(struct lesson *lesson, const struct lab_step *step, struct bytes *out)
{
    enum { LABEL = 22 };
    const struct lab_step *predict = &lesson->lab->steps[step->to];
    uint64_t measured = lesson_measured(lesson, predict->of)->values[predict->quantity], answer = 0;
    struct judgement judgement;

    lesson_number(lesson, step->to, &answer);
    lesson_judge(lesson, step->to, &judgement);
    put_text(out, "    ");
    put_padded(out, predict->is_guess ? _("you guessed") : _("you predicted"), LABEL);
    put_quantity(out, quantity_form(predict->quantity), answer);
    put_text(out, "\n    ");
    put_padded(out, _("measured in this run"), LABEL);
    put_quantity(out, quantity_form(predict->quantity), measured);
    put_text(out, "\n\n");
    if (!predict->is_guess)
        put_format(out, judgement.is_right ? _("Right, within %g %%.") : _("Not within %g %%."),
                   predict->tolerance / 10.0);
    enum reason reason = told_reason(lesson, predict, &judgement, answer, measured);
    const struct lab_section *section = lesson_reason(lesson->text, predict, reason);
    if (section != NULL && *section->body != '\0') {
        /* Chinese sentences follow each other without a blank. */
        const char *body = section->body;
        if (!predict->is_guess && canvas_code_width(canvas_next_code(&body)) == 1)
            put_text(out, " ");
        lesson_fill(lesson, lesson->step_idx, section->body, out, NULL);
    }
    put_gap(out);
    fill_section(lesson, NULL, out);
    if (step->goal == 0)
        return;
    uint64_t beside = lesson_measured(lesson, step->beside)->values[predict->quantity];
    bool is_reached = (double)measured * 1000 <= (double)beside * step->goal;
    put_gap(out);
    fill_section(lesson, is_reached ? "reached" : "missed", out);
}

static void compose_choice(struct lesson *lesson, const struct lab_step *step, struct bytes *out)
{
    unsigned tried = lesson->answer_count[lesson->step_idx];
    const char *last = tried > 0 ? lesson->answers[lesson->step_idx][tried - 1] : "";
    bool is_right = lesson_is_right_choice(lesson, lesson->step_idx);

    if (tried == 0)
        fill_section(lesson, NULL, out);
    put_gap(out);
    for (char letter = 'a'; letter < 'a' + LAB_CHOICES_MAX; letter++) {
        char part[2] = {letter};
        const struct lab_section *choice = lab_text_find(lesson->text, step->key, part);
        /* When it is found, it alone stays. */
        if (choice == NULL || (is_right && letter != step->right))
            continue;
        put_format(out, "  %s%c) ", letter == *last ? "> " : "  ", letter);
        lesson_fill(lesson, lesson->step_idx, choice->title, out, NULL);
        put_text(out, "\n");
    }
    if (tried == 0)
        return;
    put_text(out, "\n");
    put_text(out, is_right ? _("Yes.") : _("Not quite."));
    const char *body = lab_text_find(lesson->text, step->key, last)->body, *first = body;
    if (*first != '\0' && canvas_code_width(canvas_next_code(&first)) == 1)
        put_text(out, " ");
    lesson_fill(lesson, lesson->step_idx, body, out, NULL);
}

static void compose_body(struct lesson *lesson, const struct lab_step *step, struct bytes *out)
{
    switch (step->kind) {
    case LAB_answer:
        compose_answer(lesson, step, out);
        break;
    case LAB_choose:
        compose_choice(lesson, step, out);
        break;
    case LAB_compare:
        compose_table(lesson, step, out);
        put_gap(out);
        fill_section(lesson, NULL, out);
        break;
    case LAB_read:
    case LAB_predict:
    case LAB_run:
    case LAB_knob:
    case LAB_KIND_COUNT:
        fill_section(lesson, NULL, out);
        break;
    }
}

/* ---- The page ---- */

/* The last line. Tab is only where there is something on the other side. */
static void set_keys(const struct lesson *lesson, enum lesson_want want, struct page *page)
{
    bool is_retry = lesson->lab->steps[lesson->step_idx].kind == LAB_choose &&
                    lesson->answer_count[lesson->step_idx] > 0;
    bool has_picture = lesson->session != NULL;
    const char **keys = page->keys;

    if (want == LESSON_RUN) {
        keys[PAGE_TEXT] = _("Enter watch it   q leave");
        keys[PAGE_PICTURE] =
            _("Enter on   Tab text   space pause   s b step   + - pace   ? help   q leave");
        keys[PAGE_BOTH] =
            _("Enter on   space pause   s b step   r round   + - pace   ? help   q leave");
    } else if (want == LESSON_ENTER) {
        keys[PAGE_BOTH] = _("Enter on   q leave");
        keys[PAGE_TEXT] = has_picture ? _("Enter on   Tab picture   q leave") : keys[PAGE_BOTH];
        keys[PAGE_PICTURE] = _("Enter on   Tab text   q leave");
    } else {
        keys[PAGE_BOTH] = is_retry ? _("Enter answers; alone it goes on   Esc leaves")
                                   : _("Enter answers   Esc clears, and leaves an empty line");
        keys[PAGE_TEXT] = !has_picture ? keys[PAGE_BOTH]
                          : is_retry
                              ? _("Enter answers; alone it goes on   Tab picture   Esc leaves")
                              : _("Enter answers   Tab picture   Esc clears, and leaves an "
                                  "empty line");
        keys[PAGE_PICTURE] = _("Enter answers   Tab text   Esc clears, and leaves an empty line");
    }
}

enum status lesson_page(struct lesson *lesson, const struct page **page, struct problem *problem)
{
    enum lesson_want want = lesson_wants(lesson);
    const struct lab *lab = lesson->lab;

    MUST(want != LESSON_OVER);
    const struct lab_step *step = &lab->steps[lesson->step_idx];
    const struct lab_section *section = lab_text_find(lesson->text, step->key, NULL);
    const struct lab_section *question = lab_text_find(lesson->text, step->key, "question");
    *page = NULL;
    lesson->trouble = (struct problem){STATUS_OK, ""};
    bytes_clear(&lesson->title);
    bytes_clear(&lesson->body);
    bytes_clear(&lesson->question);
    if (section != NULL)
        lesson_fill(lesson, lesson->step_idx, section->title, &lesson->title, NULL);
    compose_body(lesson, step, &lesson->body);
    if (question != NULL)
        lesson_fill(lesson, lesson->step_idx, question->body, &lesson->question, NULL);
    if (lesson->trouble.status != STATUS_OK)
        return problem_set(problem, lesson->trouble.status, "%s", lesson->trouble.text);
    end_text(&lesson->title);
    end_text(&lesson->body);
    end_text(&lesson->question);
    snprintf(lesson->lab_title, sizeof lesson->lab_title, _("Lab %u: %s"), lab->number,
             lesson->text->title);
    snprintf(lesson->place, sizeof lesson->place, _("step %d of %d"), lesson->step_idx + 1,
             lab->step_count);
    lesson->page = (struct page){
        .lab = lesson->lab_title,
        .place = lesson->place,
        .title = (const char *)lesson->title.data,
        .text = (const char *)lesson->body.data,
        .question = want == LESSON_ANSWER ? (const char *)lesson->question.data : NULL,
        .prompt = _("Your answer: "),
        /* A letter is sooner written anew. */
        .typed = *lesson->notice != '\0' && step->kind != LAB_choose ? lesson->refused : "",
        .notice = lesson->notice,
        .too_small = _("Please make this window at least 80 columns by 24 rows."),
        .is_run = want == LESSON_RUN,
    };
    set_keys(lesson, want, &lesson->page);
    *page = &lesson->page;
    return STATUS_OK;
}
