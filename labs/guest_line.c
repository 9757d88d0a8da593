#include "labs/guest_line.h"

#include <stddef.h>
#include <string.h>

#include "machine/machine.h"
#include "scenario/guest_build.h"

enum status guest_line_load(const char *word, struct scenario *scenario, struct image *image,
                            struct problem *problem)
{
    enum status status = scenario_set(scenario, "guest", word, problem);

    if (status == STATUS_OK && scenario_is_model(scenario))
        status = problem_set(problem, STATUS_USAGE,
                             "guest: a model has no program: write a name such as hello");
    return status == STATUS_OK ? image_load(image, scenario, problem) : status;
}

#define OF_RUN  1u
#define OF_SAVE 2u

/* `member`: where the value goes as written; 0: it is the scenario's. */
static const struct line_option {
    const char *key;
    unsigned of;
    size_t member;
} line_options[] = {
    {"memory", OF_RUN | OF_SAVE, 0},
    {"harts", OF_RUN | OF_SAVE, 0},
    {"cpu-rate", OF_RUN | OF_SAVE, 0},
    {"gdb", OF_RUN, offsetof(struct guest_line, gdb)},
    {"at", OF_SAVE, offsetof(struct guest_line, at)},
    {"at-instruction", OF_SAVE, offsetof(struct guest_line, at_instruction)},
};
#define OPTION_COUNT  (sizeof line_options / sizeof *line_options)
#define OPTION_MEMORY 0

/* Which option the word begins; OPTION_COUNT: none of this command's. */
static size_t find_option(const struct guest_line *line, const char *word)
{
    size_t count = strcspn(word, "="), i = 0;
    while (i < OPTION_COUNT &&
           (strncmp(word, "--", 2) != 0 || count < 3 || strlen(line_options[i].key) != count - 2 ||
            strncmp(word + 2, line_options[i].key, count - 2) != 0 ||
            (line_options[i].of & (line->is_save ? OF_SAVE : OF_RUN)) == 0))
        i++;
    return i;
}

/* Takes options from the front of the words. Returns how many words it took, or -1. */
static int take_options(struct guest_line *line, int word_count, char **words,
                        struct problem *problem)
{
    int taken = 0;

    while (taken < word_count) {
        char *word = words[taken];
        size_t count = strcspn(word, "="), i = find_option(line, word);
        if (i == OPTION_COUNT)
            break;
        const char *key = line_options[i].key;
        const char *value = word[count] == '='       ? word + count + 1
                            : taken + 1 < word_count ? words[taken + 1]
                                                     : NULL;
        struct problem detail = {STATUS_OK, ""};
        if (value == NULL) {
            problem_set(problem, STATUS_USAGE, "--%s needs a value", key);
            return -1;
        }
        if ((line->given & (1u << i)) != 0) {
            problem_set(problem, STATUS_USAGE, "--%s was given already: keep one of them", key);
            return -1;
        }
        line->given |= 1u << i;
        if (line_options[i].member != 0) {
            memcpy((char *)line + line_options[i].member, &value, sizeof value);
        } else if (scenario_set(&line->scenario, key, value, &detail) != STATUS_OK) {
            problem_set(problem, STATUS_USAGE, "--%s", detail.text);
            return -1;
        }
        taken += word[count] == '=' ? 1 : 2;
    }
    return taken;
}

static enum status refuse_option(const struct guest_line *line, const char *word,
                                 struct problem *problem)
{
    return problem_set(problem, STATUS_USAGE,
                       "unknown option %.40s: those of %s are --memory, --harts, --cpu-rate%s",
                       word, line->is_save ? "save" : "run",
                       line->is_save ? ", --at and --at-instruction" : " and --gdb");
}

/* save's FILE, and the options around it. Returns how many words it took, or -1. */
static int take_file(struct guest_line *line, int word_count, char **words, struct problem *problem)
{
    if (word_count == 0 || strcmp(words[0], "--") == 0) {
        problem_set(problem, STATUS_USAGE,
                    "where to? Write ferry guest save GUEST FILE, with a file that is to be made");
        return -1;
    }
    if (words[0][0] == '-' && words[0][1] != '\0') {
        enum status status = refuse_option(line, words[0], problem);
        (void)status;
        return -1;
    }
    line->path = words[0];
    int taken = take_options(line, word_count - 1, words + 1, problem);
    return taken < 0 ? -1 : taken + 1;
}

/* Everything before the guest can be booted: options, name, options again, the guest's own words.
 */
enum status guest_line_read(struct guest_line *line, bool is_save, int word_count, char **words,
                            struct problem *problem)
{
    *line = (struct guest_line){.is_save = is_save};
    scenario_init(&line->scenario);
    int at = take_options(line, word_count, words, problem);
    if (at < 0)
        return STATUS_USAGE;
    if (at == word_count)
        return problem_set(problem, STATUS_USAGE, "no guest named: write ferry guest %s",
                           is_save ? "save counter FILE --at 1s" : "run hello");
    if (words[at][0] == '-')
        return refuse_option(line, words[at], problem);
    enum status status = guest_line_load(words[at], &line->scenario, &line->image, problem);
    if (status != STATUS_OK)
        return status;
    at++;
    int taken = take_options(line, word_count - at, words + at, problem);
    if (taken < 0)
        return STATUS_USAGE;
    at += taken;
    taken = is_save ? take_file(line, word_count - at, words + at, problem) : 0;
    if (taken < 0)
        return STATUS_USAGE;
    at += taken;
    if (at < word_count && strcmp(words[at], "--") == 0)
        at++;
    for (; at < word_count; at++)
        bytes_put(&line->scenario.arguments, words[at], strlen(words[at]) + 1);
    return scenario_check(&line->scenario, false, problem);
}

enum status guest_line_build(struct guest_line *line, struct guest **guest, struct problem *problem)
{
    struct scenario *scenario = &line->scenario;
    const struct image *image = &line->image;
    enum status status = guest_build(scenario, image->data, image->bytes, guest, problem);

    while (status == STATUS_NO_MEMORY && (line->given & 1u << OPTION_MEMORY) == 0 &&
           scenario->memory_bytes <= MACHINE_MEMORY_MAX / 2) {
        scenario->memory_bytes *= 2;
        *problem = (struct problem){STATUS_OK, ""};
        status = guest_build(scenario, image->data, image->bytes, guest, problem);
    }
    return status;
}

void guest_line_fini(struct guest_line *line)
{
    image_fini(&line->image);
    scenario_fini(&line->scenario);
}
