/* Reading lab.ini: what is wrong in it is refused with its line, before anything is played. */
#include "labs/lab.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/nearest.h"
#include "labs/options.h"

/* What is being loaded, and where a complaint points. */
struct loading {
    struct lab *lab;
    struct ini ini;
    char path[4200];
    struct problem *problem;
};

__attribute__((format(printf, 3, 4))) static enum status
complain(struct loading *loading, uint32_t line, const char *format, ...)
{
    char detail[240];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(detail, sizeof detail, format, arguments);
    va_end(arguments);
    return problem_set(loading->problem, STATUS_BAD_INPUT, "%.160s:%u: %s", loading->path, line,
                       detail);
}

/* ---- What the keys of a step set. Steps that they name must exist; order is looked at later. ----
 */

static enum status find_step(struct loading *loading, const struct ini_line *line, const char *name,
                             enum lab_kind kind, int *step_idx)
{
    const struct lab *lab = loading->lab;
    const char *best = NULL;

    *step_idx = lab_find_step(lab, name);
    if (*step_idx != LAB_NONE && lab->steps[*step_idx].kind == kind)
        return STATUS_OK;
    for (int i = 0; i < lab->step_count; i++)
        if (lab->steps[i].kind == kind &&
            (best == NULL ||
             nearest_distance(name, lab->steps[i].key) < nearest_distance(name, best)))
            best = lab->steps[i].key;
    return complain(loading, line->number, "%s: there is no step \"%.40s\" of kind %s%s%s%s",
                    line->key, name, lab_kind_name(kind), best != NULL ? ": the nearest is \"" : "",
                    best != NULL ? best : "", best != NULL ? "\"" : "");
}

static enum status take_quantity(struct loading *loading, const struct ini_line *line,
                                 const char *name, enum quantity *quantity)
{
    const char *best = quantity_name(QUANTITY_downtime);

    *quantity = quantity_find(name, strlen(name));
    if (*quantity != QUANTITY_COUNT)
        return STATUS_OK;
    for (int i = 0; i < QUANTITY_COUNT; i++)
        if (nearest_distance(name, quantity_name((enum quantity)i)) < nearest_distance(name, best))
            best = quantity_name((enum quantity)i);
    return complain(loading, line->number,
                    "%s: there is no quantity \"%.40s\": the nearest is \"%s\"", line->key, name,
                    best);
}

/* What is predicted: a number with a unit that a person can write, and not known before. */
static enum status take_question(struct loading *loading, const struct ini_line *line,
                                 enum quantity *quantity)
{
    enum status status = take_quantity(loading, line, line->value, quantity);

    if (status != STATUS_OK)
        return status;
    bool is_askable = quantity_form(*quantity) <= FORM_COUNT;
    if (is_askable && quantity_is_measured(*quantity))
        return STATUS_OK;
    return complain(
        loading, line->number,
        "quantity: \"%s\" is no time, size or count that is measured: write one such as "
        "downtime",
        line->value);
}

/* "2.5%" as thousandths. */
static enum status take_share(struct loading *loading, const struct ini_line *line,
                              unsigned *thousandths)
{
    char *end;
    double percent = strtod(line->value, &end);

    if (end == line->value || strcmp(end, "%") != 0 || !(percent >= 0.1 && percent <= 1000))
        return complain(loading, line->number, "%s: \"%.40s\" is no share: write one such as 10%%",
                        line->key, line->value);
    *thousandths = (unsigned)(percent * 10 + 0.5);
    return STATUS_OK;
}

static enum status take_word(struct loading *loading, const struct ini_line *line, const char *no,
                             const char *yes, bool *is_yes)
{
    *is_yes = strcmp(line->value, yes) == 0;
    if (*is_yes || strcmp(line->value, no) == 0)
        return STATUS_OK;
    return complain(loading, line->number, "%s: \"%.40s\": write %s or %s", line->key, line->value,
                    yes, no);
}

static enum status take_option(struct loading *loading, const struct ini_line *line,
                               struct lab_step *step)
{
    step->option = options_find(line->value);
    if (step->option >= 0 && scenario_option((uint32_t)step->option)->is_number)
        return STATUS_OK;
    return complain(loading, line->number,
                    "option: \"%.40s\" is no option with a number: write one such as bandwidth",
                    line->value);
}

/* The limit of a knob, in the unit of its option, which stands above. */
static enum status take_limit(struct loading *loading, const struct ini_line *line,
                              const struct lab_step *step, uint64_t *value)
{
    struct problem detail = {STATUS_OK, ""};

    if (step->option < 0)
        return complain(loading, line->number, "%s: write the option of the knob above it",
                        line->key);
    if (units_parse(scenario_option((uint32_t)step->option)->kind, line->value, value, &detail) !=
        STATUS_OK)
        return complain(loading, line->number, "%s: %s", line->key, detail.text);
    return STATUS_OK;
}

/* The next of the words in a list; NULL at its end. */
static char *next_word(char **words)
{
    char *word = *words + strspn(*words, " ");
    size_t count = strcspn(word, " ");

    if (count == 0)
        return NULL;
    *words = word + count + (word[count] != '\0');
    word[count] = '\0';
    return word;
}

static enum status take_runs(struct loading *loading, const struct ini_line *line,
                             struct lab_step *step)
{
    char copy[INI_LINE_MAX + 1], *words = copy;
    enum status status = STATUS_OK;

    snprintf(copy, sizeof copy, "%s", line->value);
    for (char *word; status == STATUS_OK && (word = next_word(&words)) != NULL;) {
        if (step->run_count == LAB_RUNS_MAX)
            return complain(loading, line->number, "runs: at most %d fit beside each other",
                            LAB_RUNS_MAX);
        status = find_step(loading, line, word, LAB_run, &step->runs[step->run_count++]);
    }
    return status;
}

static enum status take_rows(struct loading *loading, const struct ini_line *line,
                             struct lab_step *step)
{
    char copy[INI_LINE_MAX + 1], *words = copy;
    enum status status = STATUS_OK;

    snprintf(copy, sizeof copy, "%s", line->value);
    for (char *word; status == STATUS_OK && (word = next_word(&words)) != NULL;) {
        if (step->row_count == LAB_ROWS_MAX)
            return complain(loading, line->number, "rows: at most %d", LAB_ROWS_MAX);
        status = take_quantity(loading, line, word, &step->rows[step->row_count++]);
    }
    return status;
}

/* ---- The keys: which kind has which, and which it must have. ---- */

enum lab_key {
    KEY_OF,
    KEY_QUANTITY,
    KEY_TOLERANCE,
    KEY_GUESS,
    KEY_TO,
    KEY_BESIDE,
    KEY_GOAL,
    KEY_LIKE,
    KEY_KNOB,
    KEY_RIGHT,
    KEY_OPTION,
    KEY_LEAST,
    KEY_MOST,
    KEY_RUNS,
    KEY_ROWS,
    KEY_COUNT,
};

#define OF(kind) (1u << LAB_##kind)
static const struct {
    const char *name;
    unsigned kinds, needed; /* bits of the kinds that may have it, and must */
} lab_keys[KEY_COUNT] = {
    [KEY_OF] = {"of", OF(predict) | OF(knob), OF(predict) | OF(knob)},
    [KEY_QUANTITY] = {"quantity", OF(predict), OF(predict)},
    [KEY_TOLERANCE] = {"tolerance", OF(predict), OF(predict)},
    [KEY_GUESS] = {"guess", OF(predict), 0},
    [KEY_TO] = {"to", OF(answer), OF(answer)},
    [KEY_BESIDE] = {"beside", OF(answer), 0},
    [KEY_GOAL] = {"goal", OF(answer), 0},
    [KEY_LIKE] = {"like", OF(run), 0},
    [KEY_KNOB] = {"knob", OF(run), 0},
    [KEY_RIGHT] = {"right", OF(choose), OF(choose)},
    [KEY_OPTION] = {"option", OF(knob), OF(knob)},
    [KEY_LEAST] = {"least", OF(knob), OF(knob)},
    [KEY_MOST] = {"most", OF(knob), OF(knob)},
    [KEY_RUNS] = {"runs", OF(compare), OF(compare)},
    [KEY_ROWS] = {"rows", OF(compare), OF(compare)},
};

static int find_key(const char *name, enum lab_kind kind)
{
    for (int i = 0; i < KEY_COUNT; i++)
        if (strcmp(lab_keys[i].name, name) == 0 && (lab_keys[i].kinds >> kind & 1) != 0)
            return i;
    return KEY_COUNT;
}

/* The options of a run's scenario have no such name; where they are no run's they are unknown. */
static enum status refuse_key(struct loading *loading, const struct ini_line *line,
                              const struct lab_step *step)
{
    char known[200] = "kind";

    for (int i = 0; i < KEY_COUNT; i++) {
        size_t used = strlen(known);
        if ((lab_keys[i].kinds >> step->kind & 1) != 0)
            snprintf(known + used, sizeof known - used, ", %s", lab_keys[i].name);
    }
    return complain(loading, line->number, "a step of kind %s has no key \"%.40s\": it has %s",
                    lab_kind_name(step->kind), line->key, known);
}

static enum status take_right(struct loading *loading, const struct ini_line *line,
                              struct lab_step *step)
{
    step->right = line->value[0];
    if (step->right >= 'a' && step->right < 'a' + LAB_CHOICES_MAX && line->value[1] == '\0')
        return STATUS_OK;
    return complain(loading, line->number, "right: \"%.40s\" is no choice: write a letter, a to %c",
                    line->value, 'a' + LAB_CHOICES_MAX - 1);
}

static enum status take_key(struct loading *loading, const struct ini_line *line,
                            struct lab_step *step, enum lab_key key)
{
    switch (key) {
    case KEY_OF:
        return find_step(loading, line, line->value, LAB_run, &step->of);
    case KEY_QUANTITY:
        return take_question(loading, line, &step->quantity);
    case KEY_TOLERANCE:
        return take_share(loading, line, &step->tolerance);
    case KEY_GUESS:
        return take_word(loading, line, "no", "yes", &step->is_guess);
    case KEY_TO:
        return find_step(loading, line, line->value, LAB_predict, &step->to);
    case KEY_BESIDE:
        return find_step(loading, line, line->value, LAB_run, &step->beside);
    case KEY_GOAL:
        return take_share(loading, line, &step->goal);
    case KEY_LIKE:
        return STATUS_OK; /* the scenario has been taken over already */
    case KEY_KNOB:
        return find_step(loading, line, line->value, LAB_knob, &step->knob);
    case KEY_RIGHT:
        return take_right(loading, line, step);
    case KEY_OPTION:
        return take_option(loading, line, step);
    case KEY_LEAST:
        return take_limit(loading, line, step, &step->least);
    case KEY_MOST:
        return take_limit(loading, line, step, &step->most);
    case KEY_RUNS:
        return take_runs(loading, line, step);
    case KEY_ROWS:
        return take_rows(loading, line, step);
    case KEY_COUNT:
        break;
    }
    return STATUS_OK;
}

/* ---- The sections, in three passes: which steps there are, what they say, whether it fits. ----
 */

static enum status add_step(struct loading *loading, const struct ini_line *head,
                            const struct ini_line *first)
{
    struct lab *lab = loading->lab;
    struct lab_step *step = &lab->steps[lab->step_count];
    int kind = 0;

    if (lab->step_count == LAB_STEPS_MAX)
        return complain(loading, head->number, "a lab has at most %d steps", LAB_STEPS_MAX);
    if (strspn(head->section, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(head->section) ||
        *head->section == '\0')
        return complain(loading, head->number,
                        "\"%s\" cannot name a step: write small letters, digits and hyphens",
                        head->section);
    if (lab_find_step(lab, head->section) != LAB_NONE)
        return complain(loading, head->number, "a step \"%s\" was there already: name them apart",
                        head->section);
    if (first == NULL || first->key == NULL || strcmp(first->key, "kind") != 0)
        return complain(loading, head->number,
                        "the step \"%s\" must begin with its kind: write "
                        "kind = read, or another",
                        head->section);
    while (kind < LAB_KIND_COUNT && strcmp(lab_kind_name((enum lab_kind)kind), first->value) != 0)
        kind++;
    if (kind == LAB_KIND_COUNT)
        return complain(loading, first->number,
                        "kind: \"%.40s\" is none: write read, predict, run, answer, choose, knob "
                        "or compare",
                        first->value);
    *step = (struct lab_step){.kind = (enum lab_kind)kind,
                              .line = head->number,
                              .of = LAB_NONE,
                              .to = LAB_NONE,
                              .beside = LAB_NONE,
                              .knob = LAB_NONE,
                              .option = LAB_NONE};
    snprintf(step->key, sizeof step->key, "%s", head->section);
    scenario_init(&step->scenario);
    lab->step_count++;
    return STATUS_OK;
}

static enum status find_steps(struct loading *loading)
{
    const struct ini *ini = &loading->ini;
    enum status status = STATUS_OK;

    if (ini->count == 0)
        return complain(loading, 1, "there is no step: a lab has at least one");
    if (ini->lines[0].key != NULL)
        return complain(loading, ini->lines[0].number, "a key before the first [STEP]");
    for (size_t i = 0; status == STATUS_OK && i < ini->count; i++)
        if (ini->lines[i].key == NULL)
            status =
                add_step(loading, &ini->lines[i], i + 1 < ini->count ? &ini->lines[i + 1] : NULL);
    return status;
}

/* A run like an earlier one begins with its scenario. */
static enum status take_scenario_over(struct loading *loading, const struct ini_line *line,
                                      struct lab_step *step)
{
    int like;
    enum status status = find_step(loading, line, line->value, LAB_run, &like);

    if (status != STATUS_OK)
        return status;
    if (&loading->lab->steps[like] >= step)
        return complain(loading, line->number, "like: the run \"%.40s\" does not stand above",
                        line->value);
    scenario_fini(&step->scenario);
    scenario_copy(&step->scenario, &loading->lab->steps[like].scenario);
    return STATUS_OK;
}

/* Above in the same section. */
static bool was_given(const struct ini_line *line)
{
    for (const struct ini_line *above = line - 1; above->key != NULL; above--)
        if (strcmp(above->key, line->key) == 0)
            return true;
    return false;
}

static enum status take_option_of_run(struct loading *loading, const struct ini_line *line,
                                      struct lab_step *step)
{
    struct problem detail = {STATUS_OK, ""};

    if (options_find(line->key) < 0)
        return complain(loading, line->number,
                        "\"%.40s\" is neither an option of ferry run, nor like or knob", line->key);
    if (scenario_set(&step->scenario, line->key, line->value, &detail) != STATUS_OK)
        return complain(loading, line->number, "%s", detail.text);
    return STATUS_OK;
}

static enum status take_line(struct loading *loading, const struct ini_line *line,
                             struct lab_step *step, unsigned *seen)
{
    int key = find_key(line->key, step->kind);

    if (was_given(line))
        return complain(loading, line->number, "\"%s\" was given already: keep one of them",
                        line->key);
    if (strcmp(line->key, "kind") == 0)
        return STATUS_OK;
    if (key == KEY_COUNT)
        return step->kind == LAB_run ? take_option_of_run(loading, line, step)
                                     : refuse_key(loading, line, step);
    *seen |= 1u << key;
    if (key != KEY_LIKE)
        return take_key(loading, line, step, (enum lab_key)key);
    if (strcmp(line[-1].key, "kind") != 0)
        return complain(loading, line->number,
                        "like: options above it would be lost: write it right behind the kind");
    return take_scenario_over(loading, line, step);
}

static enum status check_needed(struct loading *loading, const struct lab_step *step, unsigned seen)
{
    for (int i = 0; i < KEY_COUNT; i++)
        if ((lab_keys[i].needed >> step->kind & 1) != 0 && (seen >> i & 1) == 0)
            return complain(loading, step->line, "the step \"%s\" (%s) lacks the key %s", step->key,
                            lab_kind_name(step->kind), lab_keys[i].name);
    return STATUS_OK;
}

static enum status take_steps(struct loading *loading)
{
    const struct ini *ini = &loading->ini;
    enum status status = STATUS_OK;

    for (size_t i = 0, next; status == STATUS_OK && i < ini->count; i = next) {
        struct lab_step *step =
            &loading->lab->steps[lab_find_step(loading->lab, ini->lines[i].section)];
        unsigned seen = 0;
        for (next = i + 1; next < ini->count && ini->lines[next].key != NULL; next++)
            if (status == STATUS_OK)
                status = take_line(loading, &ini->lines[next], step, &seen);
        if (status == STATUS_OK)
            status = check_needed(loading, step, seen);
    }
    return status;
}

/* With the knob's value, if it has one: the scenario must be accepted with the least and the most.
 */
static enum status check_scenario(struct loading *loading, struct lab_step *step)
{
    struct problem detail = {STATUS_OK, ""};

    for (int end = 0; step->knob != LAB_NONE && end < 2; end++) {
        const struct lab_step *knob = &loading->lab->steps[step->knob];
        const struct scenario_option *option = scenario_option((uint32_t)knob->option);
        char value[64];
        units_format(option->kind, end == 0 ? knob->least : knob->most, value, sizeof value);
        if (scenario_set(&step->scenario, option->key, value, &detail) != STATUS_OK ||
            scenario_check(&step->scenario, false, &detail) != STATUS_OK)
            return complain(loading, step->line, "the scenario of \"%s\": %s", step->key,
                            detail.text);
    }
    if (scenario_check(&step->scenario, false, &detail) != STATUS_OK)
        return complain(loading, step->line, "the scenario of \"%s\": %s", step->key, detail.text);
    return STATUS_OK;
}

/* A prediction stands before its run, an answer behind it, and so on. */
static const char *order_objection(const struct lab *lab, int idx)
{
    const struct lab_step *step = &lab->steps[idx];

    if (step->kind == LAB_predict && step->of < idx)
        return "it is asked when its run is over: put it before";
    if (step->kind == LAB_answer && (step->to > idx || lab->steps[step->to].of > idx))
        return "its prediction and that one's run must stand above";
    if (step->kind == LAB_answer && step->beside > idx)
        return "the run beside it must stand above";
    if (step->kind == LAB_answer && step->goal != 0 && step->beside == LAB_NONE)
        return "a goal is a share of what was measured beside: write beside = RUN too";
    if (step->kind == LAB_run && step->knob > idx)
        return "its knob must stand above";
    if (step->kind == LAB_knob && step->of > idx)
        return "the run that it is turned against must stand above";
    if (step->kind == LAB_knob && step->least >= step->most)
        return "its least is not less than its most";
    for (unsigned i = 0; i < step->run_count; i++)
        if (step->runs[i] > idx)
            return "the runs that it compares must stand above";
    return NULL;
}

static enum status check_steps(struct loading *loading)
{
    struct lab *lab = loading->lab;
    enum status status = STATUS_OK;

    for (int i = 0; status == STATUS_OK && i < lab->step_count; i++) {
        struct lab_step *step = &lab->steps[i];
        const char *objection = order_objection(lab, i);
        if (objection != NULL)
            return complain(loading, step->line, "the step \"%s\": %s", step->key, objection);
        if (step->kind == LAB_run)
            status = check_scenario(loading, step);
    }
    return status;
}

enum status lab_load(struct lab *lab, const char *folder, const char *name, struct problem *problem)
{
    struct loading loading = {.lab = lab, .problem = problem};

    *lab = (struct lab){0};
    lab->number = (unsigned)strtoul(name, NULL, 10);
    snprintf(lab->name, sizeof lab->name, "%s", name);
    snprintf(lab->folder, sizeof lab->folder, "%.3900s/%.64s", folder, name);
    snprintf(loading.path, sizeof loading.path, "%s/lab.ini", lab->folder);
    FILE *file = fopen(loading.path, "r");
    if (file == NULL)
        return problem_set(problem, STATUS_NO_FILE, "%.200s: %s", loading.path, strerror(errno));
    enum status status = ini_load(file, loading.path, &loading.ini, problem);
    fclose(file);
    if (status == STATUS_OK)
        status = find_steps(&loading);
    if (status == STATUS_OK)
        status = take_steps(&loading);
    if (status == STATUS_OK)
        status = check_steps(&loading);
    ini_fini(&loading.ini);
    return status;
}
