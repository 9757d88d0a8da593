/* ferry lab: the guided labs. Which there are, one of them played, all of them looked through. */
#include <stddef.h>
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
    const char *language_name;
    bool is_list, is_lint, is_plain, is_restart, is_help;
    const char *lint_folder; /* NULL: the one beside the program */
    enum language language;
};

/* ---- The line ---- */

/* Each sets one member of struct wishes: to its value as written, or to true where it has none. */
static const struct lab_option {
    const char *name;
    const char *example; /* with a value that is right; NULL: it has none */
    size_t member;
} lab_options[] = {
    {"--list", NULL, offsetof(struct wishes, is_list)},
    {"--lint", NULL, offsetof(struct wishes, is_lint)},
    {"--plain", NULL, offsetof(struct wishes, is_plain)},
    {"--restart", NULL, offsetof(struct wishes, is_restart)},
    {"--answers", "--answers FILE", offsetof(struct wishes, answers_path)},
    {"--lang", "--lang en or --lang zh_CN", offsetof(struct wishes, language_name)},
    {"--help", NULL, offsetof(struct wishes, is_help)},
    {"-h", NULL, offsetof(struct wishes, is_help)},
};

enum { LAB_OPTION_COUNT = sizeof lab_options / sizeof lab_options[0] };

/* `count`: of the word up to its value. */
static const struct lab_option *find_option(const char *word, size_t count)
{
    for (size_t i = 0; i < LAB_OPTION_COUNT; i++)
        if (strlen(lab_options[i].name) == count && strncmp(word, lab_options[i].name, count) == 0)
            return &lab_options[i];
    return NULL;
}

static enum status refuse_option(const char *word, size_t count, struct problem *problem)
{
    const char *best = "--help";
    char name[48];

    snprintf(name, sizeof name, "%.*s", (int)count, word);
    for (size_t i = 0; i < LAB_OPTION_COUNT; i++)
        if (nearest_distance(name, lab_options[i].name) < nearest_distance(name, best))
            best = lab_options[i].name;
    if (nearest_is_close(name, best))
        return problem_set(problem, STATUS_USAGE,
                           "unknown option %.40s: the nearest that exists is %s", name, best);
    return problem_set(problem, STATUS_USAGE, "unknown option %.40s: --help lists those that exist",
                       name);
}

static enum status refuse_doubled(const struct lab_option *option, struct problem *problem)
{
    return problem_set(problem, STATUS_USAGE, "%s was given already: keep one of them",
                       option->name);
}

/* `words[0]` is an option: "--key=value", or "--key" with its value in the next word. *used becomes
 * how many words it took. */
static enum status take_option(struct wishes *wishes, int word_count, char **words, int *used,
                               struct problem *problem)
{
    size_t count = strcspn(words[0], "=");
    const struct lab_option *option = find_option(words[0], count);
    const char *value = words[0][count] == '=' ? words[0] + count + 1 : NULL;

    *used = 1;
    if (option == NULL)
        return refuse_option(words[0], count, problem);
    char *member = (char *)wishes + option->member;
    if (option->example == NULL) {
        if (value != NULL)
            return problem_set(problem, STATUS_USAGE, "%s takes no value: leave it out",
                               option->name);
        if (*(bool *)member && member != (char *)&wishes->is_help)
            return refuse_doubled(option, problem);
        *(bool *)member = true;
        return STATUS_OK;
    }
    if (value == NULL && word_count > 1 && words[1][0] != '-') {
        value = words[1];
        *used = 2;
    }
    if (value == NULL || *value == '\0')
        return problem_set(problem, STATUS_USAGE, "%s needs a value: write %s", option->name,
                           option->example);
    if (*(const char **)member != NULL)
        return refuse_doubled(option, problem);
    *(const char **)member = value;
    return STATUS_OK;
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
    for (int i = 0, used = 1; status == STATUS_OK && i < word_count; i += used) {
        used = 1;
        status = words[i][0] == '-' ? take_option(wishes, word_count - i, words + i, &used, problem)
                                    : take_word(wishes, words[i], problem);
    }
    if (status != STATUS_OK)
        return status;
    if (wishes->language_name != NULL && !language_find(wishes->language_name, &wishes->language))
        return problem_set(problem, STATUS_USAGE,
                           "--lang: \"%.40s\" is no language of the labs: write en or zh_CN",
                           wishes->language_name);
    if (wishes->answers_path != NULL && !wishes->is_plain)
        return problem_set(problem, STATUS_USAGE,
                           "--answers tells the lab in lines: write --plain with it");
    return STATUS_OK;
}

/* ---- Finding the lab ---- */

static void choose_language(struct wishes *wishes)
{
    if (wishes->language_name == NULL)
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
