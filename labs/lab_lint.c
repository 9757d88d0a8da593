#include "labs/lab_lint.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "labs/command.h"
#include "labs/language.h"
#include "labs/lesson_page.h"

struct lint {
    const struct lab *lab;
    struct lab_text texts[LANGUAGE_COUNT];
    struct ini glossary; /* English = Chinese */
    struct lesson lesson;
    unsigned found;
};

__attribute__((format(printf, 4, 5))) static void complain(struct lint *lint, const char *path,
                                                           uint32_t line, const char *format, ...)
{
    va_list arguments;

    printf("%s:%u: ", path, line);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf("\n");
    lint->found++;
}

/* ---- Which sections there must be, and may. ---- */

static void need(struct lint *lint, const struct lab_text *text, const struct lab_step *step,
                 const char *part)
{
    const struct lab_section *section = lab_text_find(text, step->key, part);

    if (section == NULL)
        complain(lint, text->path, 1,
                 "there is no section \"%s%s%s\", which the step \"%s\" (%s) needs", step->key,
                 part != NULL ? "/" : "", part != NULL ? part : "", step->key,
                 lab_kind_name(step->kind));
    else if (part == NULL ? *section->title == '\0' : *section->body == '\0')
        complain(lint, text->path, section->line, "the section \"%s\" has no %s", section->key,
                 part == NULL ? "title" : "text");
}

static void need_choices(struct lint *lint, const struct lab_text *text,
                         const struct lab_step *step)
{
    char last = 'a';
    char part[2] = "a";

    while (part[0] < 'a' + LAB_CHOICES_MAX && lab_text_find(text, step->key, part) != NULL) {
        need(lint, text, step, part);
        if (*lab_text_find(text, step->key, part)->title == '\0')
            complain(lint, text->path, lab_text_find(text, step->key, part)->line,
                     "the choice \"%s/%s\" has no words: write == %s/%s: WORDS", step->key, part,
                     step->key, part);
        last = part[0]++;
    }
    if (last == 'a')
        complain(lint, text->path, 1, "the step \"%s\" needs two choices: %s/a and %s/b", step->key,
                 step->key, step->key);
    if (step->right > last)
        need(lint, text, step, (char[]){step->right, '\0'});
}

static void need_reasons(struct lint *lint, const struct lab_text *text,
                         const struct lab_step *step)
{
    static const enum reason always[] = {REASON_small, REASON_large};

    for (size_t i = 0; i < sizeof always / sizeof always[0]; i++)
        if (lesson_reason(text, step, always[i]) == NULL)
            complain(lint, text->path, 1, "there is neither a section \"%s/%s\" nor \"any/%s\"",
                     step->key, reason_name(always[i]), reason_name(always[i]));
}

static void check_needed(struct lint *lint, const struct lab_text *text)
{
    for (int i = 0; i < lint->lab->step_count; i++) {
        const struct lab_step *step = &lint->lab->steps[i];
        need(lint, text, step, NULL);
        if (lab_step_is_question(step))
            need(lint, text, step, "question");
        if (step->kind == LAB_choose)
            need_choices(lint, text, step);
        if (step->kind == LAB_predict)
            need_reasons(lint, text, step);
        if (step->goal != 0) {
            need(lint, text, step, "reached");
            need(lint, text, step, "missed");
        }
    }
}

static bool is_reason(const char *part)
{
    for (int i = 0; i < REASON_COUNT; i++)
        if (strcmp(reason_name((enum reason)i), part) == 0)
            return true;
    return false;
}

static bool may_be(const struct lab_step *step, const char *part)
{
    bool is_letter = part[0] >= 'a' && part[0] < 'a' + LAB_CHOICES_MAX && part[1] == '\0';

    return (lab_step_is_question(step) && strcmp(part, "question") == 0) ||
           (step->kind == LAB_run && strcmp(part, "name") == 0) ||
           (step->kind == LAB_choose && is_letter) ||
           (step->kind == LAB_predict && is_reason(part)) ||
           (step->goal != 0 && (strcmp(part, "reached") == 0 || strcmp(part, "missed") == 0));
}

/* "STEP/part": the step that a section belongs to, and where its part begins; NULL: it has none. */
static int step_of(const struct lint *lint, const struct lab_section *section, const char **slash)
{
    char key[INI_SECTION_MAX + 1];

    *slash = strchr(section->key, '/');
    snprintf(key, sizeof key, "%.*s",
             *slash != NULL ? (int)(*slash - section->key) : INI_SECTION_MAX, section->key);
    return lab_find_step(lint->lab, key);
}

static void check_left_over(struct lint *lint, const struct lab_text *text,
                            const struct lab_text *other)
{
    for (size_t i = 0; i < text->count; i++) {
        const struct lab_section *section = &text->sections[i];
        const char *slash;
        int step_idx = step_of(lint, section, &slash);
        bool is_hint =
            slash != NULL && strncmp(section->key, "any/", 4) == 0 && is_reason(slash + 1);
        if (step_idx == LAB_NONE && !is_hint)
            complain(lint, text->path, section->line,
                     "the section \"%s\" belongs to no step of lab.ini", section->key);
        else if (!is_hint && slash != NULL && !may_be(&lint->lab->steps[step_idx], slash + 1))
            complain(lint, text->path, section->line,
                     "the section \"%s\" is no part of a step of kind %s", section->key,
                     lab_kind_name(lint->lab->steps[step_idx].kind));
        if (lab_text_find(other, section->key, NULL) == NULL)
            complain(lint, text->path, section->line, "the section \"%s\" is missing in %s",
                     section->key, other->path);
    }
}

/* ---- Placeholders. ---- */

static void check_placeholders_of(struct lint *lint, const struct lab_text *text,
                                  const struct lab_section *section, int step_idx)
{
    const char *parts[] = {section->title, section->body};

    for (size_t i = 0; i < 2; i++) {
        const char *unknown = NULL;
        struct bytes scratch = {0};
        lint->lesson.step_idx = step_idx;
        if (!lesson_fill(&lint->lesson, step_idx, parts[i], &scratch, &unknown))
            complain(
                lint, text->path, section->line,
                "the section \"%s\": \"%.*s\" is no placeholder, or not known at the step \"%s\"",
                section->key, (int)strcspn(unknown, "}\n") + 1, unknown,
                lint->lab->steps[step_idx].key);
        bytes_fini(&scratch);
    }
}

/* A reason is told where its prediction is answered. */
static void check_placeholders(struct lint *lint, const struct lab_text *text)
{
    for (size_t i = 0; i < text->count; i++) {
        const struct lab_section *section = &text->sections[i];
        const char *slash;
        int step_idx = step_of(lint, section, &slash);
        bool is_told = slash != NULL && is_reason(slash + 1);
        if (!is_told && step_idx != LAB_NONE)
            check_placeholders_of(lint, text, section, step_idx);
        for (int j = 0; is_told && j < lint->lab->step_count; j++)
            if (lint->lab->steps[j].kind == LAB_answer &&
                (step_idx == LAB_NONE || lint->lab->steps[j].to == step_idx))
                check_placeholders_of(lint, text, section, j);
    }
}

/* ---- Pages: every one that a student can come to must fit. ---- */

static void check_page(struct lint *lint, const struct lab_text *text, int step_idx)
{
    lint->lesson.step_idx = step_idx;
    lint->lesson.text = text;
    const struct page *page;
    enum status status = lesson_page(&lint->lesson, &page, NULL);
    MUST(status == STATUS_OK); /* all runs were made */
    const char *key = lint->lab->steps[step_idx].key;
    const struct lab_section *section = lab_text_find(text, key, NULL);
    uint32_t line = section != NULL ? section->line : 1;
    int rows = page_rows(page->text, PAGE_TEXT_COLUMNS);
    int room = page->question != NULL ? PAGE_TEXT_ROWS_ASKING : PAGE_TEXT_ROWS;

    if (rows > room)
        complain(lint, text->path, line, "the page \"%s\" takes %d rows of %d columns: %d fit", key,
                 rows, PAGE_TEXT_COLUMNS, room);
    if (canvas_width(page->title) > PAGE_TEXT_COLUMNS)
        complain(lint, text->path, line, "the title of \"%s\" is wider than %d columns", key,
                 PAGE_TEXT_COLUMNS);
    if (page->question != NULL && page_rows(page->question, PAGE_TEXT_COLUMNS) > 1)
        complain(lint, text->path, line,
                 "the question of \"%s\" takes more than a line of %d columns", key,
                 PAGE_TEXT_COLUMNS);
    for (const char *at = page->text; *at != '\0'; at += strcspn(at, "\n"), at += *at == '\n') {
        char row[512];
        snprintf(row, sizeof row, "%.*s", (int)strcspn(at, "\n"), at);
        if (*at == ' ' && strncmp(at, "  > ", 4) != 0 && canvas_width(row) > PAGE_TEXT_COLUMNS)
            complain(lint, text->path, line,
                     "an indented line of \"%s\" is wider than %d columns: \"%.30s...\"", key,
                     PAGE_TEXT_COLUMNS, row + strspn(row, " "));
    }
}

static void answer(struct lint *lint, int step_idx, enum unit_kind kind, uint64_t value)
{
    char text[LESSON_ANSWER_BYTES];

    units_format(kind, value, text, sizeof text);
    lint->lesson.answer_count[step_idx] = 0;
    lint->lesson.step_idx = step_idx;
    (void)lesson_take(&lint->lesson, text);
}

/* Answers that are right, and wrong in every way that has a text. */
static void check_answer_pages(struct lint *lint, const struct lab_text *text, int step_idx)
{
    const struct lab_step *predict = &lint->lab->steps[lint->lab->steps[step_idx].to];
    lint->lesson.step_idx = step_idx;
    const struct quantities *measured = lesson_measured(&lint->lesson, predict->of);
    uint64_t value = measured->values[predict->quantity];
    const uint64_t answers[] = {value,
                                value / 8,
                                value * 8,
                                value * 1000,
                                value * 10,
                                value / 3,
                                value * 3,
                                value * 1000 / 1049,
                                measured->values[QUANTITY_state_time],
                                measured->values[QUANTITY_latency]};

    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        answer(lint, lint->lab->steps[step_idx].to, answer_kind(quantity_form(predict->quantity)),
               answers[i] > 0 ? answers[i] : 1);
        check_page(lint, text, step_idx);
    }
}

static void check_choice_pages(struct lint *lint, const struct lab_text *text, int step_idx)
{
    char part[2] = "a";

    for (; part[0] < 'a' + LAB_CHOICES_MAX; part[0]++) {
        if (lab_text_find(text, lint->lab->steps[step_idx].key, part) == NULL)
            continue;
        lint->lesson.answer_count[step_idx] = 0;
        lint->lesson.step_idx = step_idx;
        (void)lesson_take(&lint->lesson, part);
        check_page(lint, text, step_idx);
    }
    lint->lesson.answer_count[step_idx] = 0;
}

static void check_pages(struct lint *lint, const struct lab_text *text)
{
    lint->lesson.text = text;
    for (int i = 0; i < lint->lab->step_count; i++) {
        const struct lab_step *step = &lint->lab->steps[i];
        check_page(lint, text, i);
        if (step->kind == LAB_choose)
            check_choice_pages(lint, text, i);
        if (step->kind == LAB_answer)
            check_answer_pages(lint, text, i);
    }
}

/* Numbers to begin with: what the texts say of a student's answers must be filled with something.
 */
static void answer_all(struct lint *lint)
{
    for (int i = 0; i < lint->lab->step_count; i++) {
        const struct lab_step *step = &lint->lab->steps[i];
        if (step->kind == LAB_predict)
            answer(lint, i, answer_kind(quantity_form(step->quantity)), 1234567);
        if (step->kind == LAB_knob)
            answer(lint, i, scenario_option((uint32_t)step->option)->kind, step->most);
    }
}

/* Every run, once: the pages are full of their numbers. False: one cannot be made. */
static bool run_all(struct lint *lint)
{
    const struct problem *trouble = &lint->lesson.trouble;

    lint->lesson.step_idx = lint->lab->step_count;
    for (int i = 0; i < lint->lab->step_count; i++) {
        char path[4200];
        if (lint->lab->steps[i].kind != LAB_run)
            continue;
        (void)lesson_measured(&lint->lesson, i);
        if (trouble->status == STATUS_OK)
            continue;
        snprintf(path, sizeof path, "%s/lab.ini", lint->lab->folder);
        complain(lint, path, lint->lab->steps[i].line, "the run \"%s\": %s",
                 lint->lab->steps[i].key, trouble->text);
        return false;
    }
    return true;
}

/* ---- Languages. ---- */

static void check_ascii(struct lint *lint, const struct lab_text *text)
{
    for (size_t i = 0; i < text->count; i++) {
        const char *parts[] = {text->sections[i].title, text->sections[i].body};
        for (size_t j = 0; j < 2; j++)
            for (const char *at = parts[j]; *at != '\0'; at++)
                if ((unsigned char)*at >= 0x80) {
                    complain(lint, text->path, text->sections[i].line,
                             "the section \"%s\" is not all ASCII, which every terminal can show",
                             text->sections[i].key);
                    return;
                }
    }
}

static bool is_of_word(char character)
{
    return ((character | 0x20) >= 'a' && (character | 0x20) <= 'z') || character == '_';
}

/* As words: "rounds" has a round, "ground" has none; nor has a placeholder. */
static bool has_term(const char *text, const char *term)
{
    size_t count = strlen(term);

    for (const char *at = text; (at = strcasestr(at, term)) != NULL; at++) {
        const char *end = at + count + (at[count] == 's');
        bool is_word = (at == text || !is_of_word(at[-1])) && !is_of_word(*end);
        if (is_word && *end != '}' && (at == text || at[-1] != '{'))
            return true;
    }
    return false;
}

static void check_terms(struct lint *lint)
{
    const struct lab_text *english = &lint->texts[LANGUAGE_EN],
                          *other = &lint->texts[LANGUAGE_ZH_CN];

    for (size_t i = 0; i < english->count; i++) {
        const struct lab_section *section = &english->sections[i];
        const struct lab_section *same = lab_text_find(other, section->key, NULL);
        for (size_t j = 0; same != NULL && j < lint->glossary.count; j++) {
            const struct ini_line *term = &lint->glossary.lines[j];
            if (term->key == NULL ||
                !(has_term(section->title, term->key) || has_term(section->body, term->key)) ||
                strstr(same->title, term->value) != NULL || strstr(same->body, term->value) != NULL)
                continue;
            complain(lint, other->path, same->line,
                     "the section \"%s\": English says \"%s\" there, which is %s in the glossary",
                     same->key, term->key, term->value);
        }
    }
}

/* ---- The whole. ---- */

static bool load_glossary(struct lint *lint, const char *folder)
{
    struct problem problem = {STATUS_OK, ""};
    char path[4200];

    snprintf(path, sizeof path, "%.4000s/glossary.ini", folder);
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        complain(lint, path, 1, "the glossary is missing: lines of English term = Chinese term");
        return false;
    }
    enum status status = ini_load(file, path, &lint->glossary, &problem);
    fclose(file);
    if (status != STATUS_OK) {
        printf("%s\n", problem.text);
        lint->found++;
    }
    return status == STATUS_OK;
}

static void check_lab(struct lint *lint, const struct lab *lab)
{
    struct problem problem = {STATUS_OK, ""};
    bool is_whole = true;
    unsigned before = lint->found;

    lint->lab = lab;
    for (int i = 0; i < LANGUAGE_COUNT; i++) {
        char path[4200];
        snprintf(path, sizeof path, "%s/%s.txt", lab->folder, language_name((enum language)i));
        problem = (struct problem){STATUS_OK, ""};
        if (lab_text_load(&lint->texts[i], path, &problem) == STATUS_OK)
            continue;
        printf("%s\n", problem.text);
        lint->found++;
        is_whole = false;
    }
    for (int i = 0; is_whole && i < LANGUAGE_COUNT; i++) {
        check_needed(lint, &lint->texts[i]);
        check_left_over(lint, &lint->texts[i], &lint->texts[1 - i]);
    }
    if (is_whole)
        check_ascii(lint, &lint->texts[LANGUAGE_EN]);
    if (is_whole)
        check_terms(lint);
    /* Pages can be made only of sections that are there. */
    is_whole = is_whole && lint->found == before;
    lesson_open(&lint->lesson, lab, &lint->texts[LANGUAGE_EN]);
    if (is_whole)
        answer_all(lint);
    is_whole = is_whole && run_all(lint);
    for (int i = 0; is_whole && i < LANGUAGE_COUNT; i++) {
        check_placeholders(lint, &lint->texts[i]);
        check_pages(lint, &lint->texts[i]);
    }
    lesson_close(&lint->lesson);
    for (int i = 0; i < LANGUAGE_COUNT; i++)
        lab_text_fini(&lint->texts[i]);
}

int lab_lint(const char *folder)
{
    static struct lint lint; /* large, and there is one */
    struct lab_name names[LAB_COUNT_MAX];
    int count = lab_list(folder, names);

    lint = (struct lint){0};
    load_glossary(&lint, folder);
    for (int i = 0; i < count; i++) {
        struct problem problem = {STATUS_OK, ""};
        struct lab lab;
        if (lab_load(&lab, folder, names[i].name, &problem) == STATUS_OK) {
            check_lab(&lint, &lab);
        } else {
            printf("%s\n", problem.text);
            lint.found++;
        }
        lab_fini(&lab);
    }
    ini_fini(&lint.glossary);
    if (count == 0)
        complain(&lint, folder, 1, "there is no lab: a folder NN-NAME with lab.ini");
    if (lint.found > 0)
        printf("lint: %u thing%s wrong\n", lint.found, lint.found == 1 ? " is" : "s are");
    else
        printf("lint: %d lab%s, sound in both languages\n", count, count == 1 ? "" : "s");
    return lint.found > 0 ? EXIT_USAGE : EXIT_DONE;
}
