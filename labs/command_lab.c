/* ferry lab: the guided labs. Which there are, one of them played, all of them looked through. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/nearest.h"
#include "labs/answers.h"
#include "labs/beside.h"
#include "labs/command.h"
#include "labs/lab_lint.h"
#include "labs/lab_plain.h"
#include "labs/lab_view.h"
#include "labs/language.h"
#include "labs/progress.h"

struct wishes {
    const char *number;       /* as written; NULL: none, the list is wanted */
    const char *answers_path; /* NULL: a person answers */
    const char *lint_folder;
    bool is_list, is_lint, is_plain, is_restart, is_help, has_language;
    enum language language;
};

/* ---- The line ---- */

static enum status take_language(struct wishes *wishes, const char *name, struct problem *problem)
{
    wishes->has_language = true;
    if (language_find(name, &wishes->language))
        return STATUS_OK;
    return problem_set(problem, STATUS_USAGE,
                       "--lang: \"%.40s\" is no language of the labs: write en or zh_CN", name);
}

static enum status refuse_option(const char *word, struct problem *problem)
{
    static const char *const known[] = {"--list",    "--lint", "--plain", "--restart",
                                        "--answers", "--lang", "--help"};
    const char *best = known[0];

    for (size_t i = 1; i < sizeof known / sizeof known[0]; i++)
        if (nearest_distance(word, known[i]) < nearest_distance(word, best))
            best = known[i];
    if (nearest_is_close(word, best))
        return problem_set(problem, STATUS_USAGE,
                           "unknown option %.40s: the nearest that exists is %s", word, best);
    return problem_set(problem, STATUS_USAGE, "unknown option %.40s: --help lists those that exist",
                       word);
}

static enum status take_word(struct wishes *wishes, const char *word, struct problem *problem)
{
    if (wishes->is_lint && wishes->lint_folder == NULL) {
        wishes->lint_folder = word;
        return STATUS_OK;
    }
    if (wishes->number != NULL)
        return problem_set(problem, STATUS_USAGE, "\"%.40s\" is one word too many: name one lab",
                           word);
    wishes->number = word;
    return STATUS_OK;
}

static enum status read_line(struct wishes *wishes, int word_count, char **words,
                             struct problem *problem)
{
    enum status status = STATUS_OK;

    *wishes = (struct wishes){0};
    for (int i = 0; status == STATUS_OK && i < word_count; i++) {
        const char *word = words[i];
        bool *flag = strcmp(word, "--list") == 0                              ? &wishes->is_list
                     : strcmp(word, "--lint") == 0                            ? &wishes->is_lint
                     : strcmp(word, "--plain") == 0                           ? &wishes->is_plain
                     : strcmp(word, "--restart") == 0                         ? &wishes->is_restart
                     : strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 ? &wishes->is_help
                                                                              : NULL;
        bool is_answers = strcmp(word, "--answers") == 0, is_lang = strcmp(word, "--lang") == 0;
        if ((is_answers || is_lang) && (i + 1 == word_count || words[i + 1][0] == '-'))
            return problem_set(problem, STATUS_USAGE, "%s needs a value: write %s", word,
                               is_lang ? "--lang en or --lang zh_CN" : "--answers FILE");
        if (flag != NULL)
            *flag = true;
        else if (is_lang)
            status = take_language(wishes, words[++i], problem);
        else if (is_answers)
            wishes->answers_path = words[++i];
        else if (word[0] == '-')
            status = refuse_option(word, problem);
        else
            status = take_word(wishes, word, problem);
    }
    if (status == STATUS_OK && wishes->answers_path != NULL && !wishes->is_plain)
        return problem_set(problem, STATUS_USAGE,
                           "--answers tells the lab in lines: write --plain with it");
    return status;
}

/* ---- Finding the lab ---- */

static void choose_language(struct wishes *wishes)
{
    if (!wishes->has_language)
        wishes->language = language_of_environment();
    if (!language_is_showable(wishes->language)) {
        fprintf(stderr,
                "ferry lab: this locale has no Chinese characters, so English is spoken: try "
                "LC_ALL=C.UTF-8 ferry lab --lang zh_CN\n");
        wishes->language = LANGUAGE_EN;
    }
    language_use(wishes->language);
}

static enum status find_lab(const char *folder, const char *number, struct lab *lab,
                            struct problem *problem)
{
    struct lab_name names[LAB_COUNT_MAX];
    int count = lab_list(folder, names);
    char known[160] = "", *end;
    unsigned long wanted = strtoul(number, &end, 10);

    if (count == 0)
        return problem_set(problem, STATUS_NO_FILE,
                           "%.200s: there is no lab: build ferry with make", folder);
    for (int i = 0; i < count; i++) {
        size_t used = strlen(known);
        if (*end == '\0' && *number >= '0' && *number <= '9' && names[i].number == wanted)
            return lab_load(lab, folder, names[i].name, problem);
        snprintf(known + used, sizeof known - used, "%s%u",
                 i == 0           ? ""
                 : i + 1 == count ? " and "
                                  : ", ",
                 names[i].number);
    }
    return problem_set(problem, STATUS_USAGE,
                       "there is no lab \"%.40s\": there are %s (ferry lab --list)", number, known);
}

/* What lint sees in all languages is refused here in the one that is to be spoken: no step may be
 * empty before a student. */
static enum status check_text(const struct lab *lab, const struct lab_text *text,
                              struct problem *problem)
{
    for (int i = 0; i < lab->step_count; i++) {
        const struct lab_step *step = &lab->steps[i];
        bool is_asking = lab_step_is_question(step);
        bool has_text = lab_text_find(text, step->key, NULL) != NULL;
        if (has_text && (!is_asking || lab_text_find(text, step->key, "question") != NULL))
            continue;
        return problem_set(problem, STATUS_BAD_INPUT,
                           "%.200s:1: there is no section \"%s%s\" (ferry lab --lint tells all)",
                           text->path, step->key, has_text ? "/question" : "");
    }
    return STATUS_OK;
}

static enum status load_text(const struct lab *lab, enum language language, struct lab_text *text,
                             struct problem *problem)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/%s.txt", lab->folder, language_name(language));
    enum status status = lab_text_load(text, path, problem);
    return status == STATUS_OK ? check_text(lab, text, problem) : status;
}

/* ---- What can be done ---- */

static enum status print_one(const char *folder, const char *name, enum language language,
                             const struct progress *progress, struct problem *problem)
{
    struct lab lab;
    struct lab_text text = {0};
    char state[80] = "";
    int step_idx;
    enum status status = lab_load(&lab, folder, name, problem);

    if (status == STATUS_OK)
        status = load_text(&lab, language, &text, problem);
    if (status == STATUS_OK) {
        enum progress_state how_far = progress_of(progress, &lab, &step_idx);
        if (how_far == PROGRESS_DONE)
            snprintf(state, sizeof state, "%s", _("done"));
        else if (how_far == PROGRESS_BEGUN)
            snprintf(state, sizeof state, _("step %d of %d"), step_idx + 1, lab.step_count);
        printf("%3u  %s%*s %s\n", lab.number, text.title,
               canvas_width(text.title) < 30 ? 30 - canvas_width(text.title) : 1, "",
               *state != '\0' ? state : _("not begun"));
    }
    lab_text_fini(&text);
    lab_fini(&lab);
    return status;
}

static int list(const struct command *command, const struct wishes *wishes, const char *folder)
{
    struct lab_name names[LAB_COUNT_MAX];
    int count = lab_list(folder, names);
    struct problem problem = {STATUS_OK, ""};
    struct progress progress;
    enum status status = STATUS_OK;

    progress_open(&progress);
    for (int i = 0; i < count && status == STATUS_OK; i++)
        status = print_one(folder, names[i].name, wishes->language, &progress, &problem);
    progress_close(&progress);
    if (count == 0)
        status = problem_set(&problem, STATUS_NO_FILE,
                             "%.200s: there is no lab: build ferry with make", folder);
    return status == STATUS_OK ? EXIT_DONE : command_refuse(command, &problem);
}

static enum status play_by_file(struct lesson *lesson, const struct wishes *wishes,
                                struct problem *problem)
{
    struct answers answers;
    enum status status = answers_load(&answers, wishes->answers_path, lesson->lab, problem);

    if (status == STATUS_OK)
        status = lab_plain_play(lesson, &answers, NULL, problem);
    answers_fini(&answers);
    return status;
}

static enum status play_by_person(struct lesson *lesson, const struct wishes *wishes,
                                  struct problem *problem)
{
    bool is_drawn = !wishes->is_plain && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
    struct progress progress;
    enum status status;

    progress_open(&progress);
    if (!wishes->is_restart)
        progress_restore(&progress, lesson);
    if (is_drawn)
        status = lab_view_play(lesson, &progress, problem);
    else
        status = lab_plain_play(lesson, NULL, &progress, problem);
    if (status == STATUS_OK && lesson_wants(lesson) != LESSON_OVER && *progress.path != '\0')
        printf(_("\nferry lab %u goes on where you stopped.\n"), lesson->lab->number);
    progress_close(&progress);
    return status;
}

static int play(const struct command *command, const struct wishes *wishes, const char *folder)
{
    struct problem problem = {STATUS_OK, ""};
    struct lab lab = {0};
    struct lab_text text = {0};
    enum status status = find_lab(folder, wishes->number, &lab, &problem);

    if (status == STATUS_OK)
        status = load_text(&lab, wishes->language, &text, &problem);
    if (status == STATUS_OK) {
        static struct lesson lesson; /* large, and there is one */
        lesson_open(&lesson, &lab, &text);
        status = wishes->answers_path != NULL ? play_by_file(&lesson, wishes, &problem)
                                              : play_by_person(&lesson, wishes, &problem);
        lesson_close(&lesson);
    }
    lab_text_fini(&text);
    lab_fini(&lab);
    return status == STATUS_OK ? EXIT_DONE : command_refuse(command, &problem);
}

int command_lab(const struct command *command, int word_count, char **words)
{
    struct problem problem = {STATUS_OK, ""};
    struct wishes wishes;
    char folder[BESIDE_PATH_MAX];

    if (read_line(&wishes, word_count, words, &problem) != STATUS_OK)
        return command_refuse(command, &problem);
    if (wishes.is_help)
        return command_print_help(command);
    if (!beside_path("labs", folder, sizeof folder))
        snprintf(folder, sizeof folder, "labs");
    if (wishes.is_lint)
        return lab_lint(wishes.lint_folder != NULL ? wishes.lint_folder : folder);
    choose_language(&wishes);
    if (wishes.number == NULL || wishes.is_list)
        return list(command, &wishes, folder);
    return play(command, &wishes, folder);
}
