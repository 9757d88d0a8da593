#include "labs/options.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/nearest.h"
#include "labs/ini.h"
#include "labs/options_private.h"

/* The front door's own options: each sets one member of struct options, to its value as written, or
 * to true where it has none. */
const struct own_option own_options[] = {
#define MEMBER(name) offsetof(struct options, name)
    {"json", TAKES_JSON, "FILE", MEMBER(json_path),
     "the report as JSON; -: to standard output, alone"},
    {"record", TAKES_RECORD, "FILE", MEMBER(record_path), "the recording, for ferry tui"},
    {"verify", TAKES_VERIFY, NULL, MEMBER(is_verify),
     "a second run, and one without a move, must agree"},
    {"strategy", TAKES_STRATEGY, "FILE.c", MEMBER(strategy_path),
     "decides in place of the mode's own (exercises/)"},
    {"gdb", TAKES_GDB, "PORT", MEMBER(gdb_port),
     "a debugger may come in there (GDB); 0: any free one"},
    {"at", TAKES_AT, "TIME", MEMBER(at), "begins there, stopped: 1.5s"},
    {"source", TAKES_GRADE, "DIR", MEMBER(grade.source), "the folder that was handed in"},
    {"format", TAKES_GRADE, "FORM", MEMBER(grade.format), "terminal (default) or gradescope"},
    {"out", TAKES_GRADE, "FILE", MEMBER(grade.out), "where to write it; else to standard output"},
    {"seeds", TAKES_GRADE, "A..B", MEMBER(grade.seeds), "of each case; else the exercise's own"},
    {"case", TAKES_GRADE, "NAME", MEMBER(grade.only_case), "one case alone"},
    {"hint", TAKES_GRADE, "N", MEMBER(grade.hint), "shows a hint: the first is 1"},
    {"seeds", TAKES_SWARM, "A..B", MEMBER(swarm.seeds), "which; else 1..2000"},
    {"jobs", TAKES_SWARM, "N", MEMBER(swarm.jobs), "processes at a time; else one a processor"},
    {"resume", TAKES_SWARM, "FILE", MEMBER(swarm.resume),
     "keeps how far it is, and goes on from there"},
    {"perfetto", TAKES_EXPORT, "FILE", MEMBER(export.perfetto),
     "a trace for ui.perfetto.dev; -: to standard output"},
    {"csv", TAKES_EXPORT, "FILE", MEMBER(export.csv),
     "a table with a row for each event; -: to standard output"},
    {"measure", TAKES_FORECAST, NULL, MEMBER(is_measure),
     "measures the dirty rate, formula or not"},
    {"vary", TAKES_SWEEP, "KEY=VALUES", MEMBER(sweep.vary),
     "a,b,c or from..to, from..to+step, from..to*factor"},
    {"plot", TAKES_SWEEP, "QUANTITY", MEMBER(sweep.plot),
     "what is drawn: total-time (default), downtime, ..."},
    {"csv", TAKES_SWEEP, "FILE", MEMBER(sweep.csv), "a row for each point; -: to standard output"},
    {"elf", TAKES_PAGES, "FILE", MEMBER(elf), "the guest's program, for the names of functions"},
    {"top", TAKES_PAGES, "N", MEMBER(top), "the N pages that cost most for nothing"},
    {"unconfined", TAKES_STRATEGY | TAKES_GRADE, NULL, MEMBER(is_unconfined),
     "compiles without bubblewrap, for a file of your own"},
    {"headless", TAKES_VIZ, NULL, MEMBER(viz.is_headless), "no window: one picture, for --png"},
    {"png", TAKES_VIZ, "FILE", MEMBER(viz.png), "where it goes; -: to standard output"},
    {"size", TAKES_VIZ, "WxH", MEMBER(viz.size), "of the picture or window: 1920x1080"},
    {"theme", TAKES_VIZ, "NAME", MEMBER(viz.theme), "dark (default) or light"},
    {"scene", TAKES_VIZ, "NAME", MEMBER(viz.scene), "crossing: one guest, from host A to host B"},
    {"lang", TAKES_VIZ, "en|zh_CN", MEMBER(viz.language),
     "the language; without it the environment's"},
    {"listen", TAKES_GATEWAY, "ADDR:PORT[=GUEST[/PORT]]", MEMBER(live.listen),
     "where clients come in, and to whom"},
    {"hosts", TAKES_GATEWAY, "ADDR:PORT", MEMBER(live.hosts), "where hosts come in"},
    {"name", TAKES_HOST, "NAME", MEMBER(live.name), "what the host is called: A"},
    {"gateway", TAKES_HOST, "ADDR:PORT", MEMBER(live.gateway), "where its gateway takes in hosts"},
    {"listen", TAKES_HOST, "ADDR:PORT", MEMBER(live.listen),
     "where other hosts bring guests (default 127.0.0.1:0)"},
    {"disk", TAKES_HOST, "FILE", MEMBER(live.disk), "the guests' disks: FILE.GUEST, at all hosts"},
    {"key", TAKES_GATEWAY | TAKES_HOST, "FILE", MEMBER(live.key),
     "seals connections of hosts; allows other computers"},
    {"with-parent", TAKES_GATEWAY | TAKES_HOST | TAKES_LIVE, NULL, MEMBER(live.is_with_parent),
     "ends when the process that started it does"},
    {"control", TAKES_CONTROL, "PATH", MEMBER(live.control),
     "the gateway's door; else that of this user"},
    {"guest", TAKES_MOVE, "NAME", MEMBER(live.guest), "which of them, where there are several"},
    {"to", TAKES_MOVE, "HOST", MEMBER(live.to), "where it shall go; else to the other host"},
    {"abort", TAKES_MOVE, NULL, MEMBER(live.is_abort), "gives up the move that is going on"},
    {"post-copy-now", TAKES_MOVE, NULL, MEMBER(live.is_post_copy),
     "switches the move that is going on"},
    {"listen", TAKES_LIVE, "ADDR:PORT", MEMBER(live.listen),
     "where clients come in (default 127.0.0.1:6379)"},
    {"hosts", TAKES_LIVE, "N", MEMBER(live.hosts), "how many: 2 (default) to 4"},
    {"bandwidth", TAKES_LIVE | TAKES_LINK | TAKES_MOVE, "RATE", MEMBER(live.bandwidth),
     "of the link between hosts: 100MiB/s; or none"},
    {"latency", TAKES_LIVE | TAKES_LINK, "TIME", MEMBER(live.latency),
     "that is added to it, one way: 5ms; or none"},
    {"cut", TAKES_LINK, NULL, MEMBER(live.is_cut), "connections between hosts break"},
    {"mend", TAKES_LINK, NULL, MEMBER(live.is_mend), "and can be made again"},
    {"key", TAKES_LIVE, "FILE", MEMBER(live.key),
     "seals all connections between hosts and gateway"},
    {"plain", TAKES_PLAIN, NULL, MEMBER(is_plain), "prints lines, draws nothing"},
    {"quiet", TAKES_QUIET, NULL, MEMBER(is_quiet), "says nothing but errors"},
    {"help", TAKES_HELP, NULL, MEMBER(is_help), "this text"},
#undef MEMBER
};

enum { OWN_COUNT = sizeof own_options / sizeof own_options[0] };
const size_t own_option_count = OWN_COUNT;
_Static_assert(OWN_COUNT <= 64, "struct options has a bit for each in own_set");

int options_find(const char *key)
{
    for (uint32_t i = 0; i < scenario_option_count(); i++)
        if (strcmp(scenario_option(i)->key, key) == 0)
            return (int)i;
    return -1;
}

const char *options_part_objection(uint32_t idx, unsigned takes)
{
    if ((takes & TAKES_MOVE) != 0)
        return scenario_part_objection(idx, PART_MOVE);
    return (takes & TAKES_START) != 0 ? scenario_part_objection(idx, PART_GUEST) : NULL;
}

static const struct own_option *own_find(const char *key, unsigned takes)
{
    for (size_t i = 0; i < OWN_COUNT; i++)
        if ((own_options[i].takes & takes) != 0 && strcmp(own_options[i].key, key) == 0)
            return &own_options[i];
    return NULL;
}

/* `word` is named as it was written, up to its value. */
static enum status refuse_unknown(const char *word, unsigned takes, struct problem *problem)
{
    char key[64];
    const char *best = "help";
    int count = (int)strcspn(word, "=");

    snprintf(key, sizeof key, "%.*s", count, word);
    memmove(key, key + strspn(key, "-"), strlen(key + strspn(key, "-")) + 1);

    for (uint32_t i = 0; (takes & TAKES_SCENARIO) != 0 && i < scenario_option_count(); i++)
        if (options_part_objection(i, takes) == NULL &&
            nearest_distance(key, scenario_option(i)->key) < nearest_distance(key, best))
            best = scenario_option(i)->key;
    for (size_t i = 0; i < OWN_COUNT; i++)
        if ((own_options[i].takes & takes) != 0 &&
            nearest_distance(key, own_options[i].key) < nearest_distance(key, best))
            best = own_options[i].key;
    if (count > 40)
        count = 40;
    if (!nearest_is_close(key, best))
        return problem_set(problem, STATUS_USAGE,
                           "unknown option %.*s: --help lists those that exist", count, word);
    return problem_set(problem, STATUS_USAGE,
                       "unknown option %.*s: the nearest that exists is --%s", count, word, best);
}

static enum status refuse_doubled(const char *key, struct problem *problem)
{
    return problem_set(problem, STATUS_USAGE, "--%s was given already: keep one of them", key);
}

/* Set by the line: the file's options have a line, and may be overridden. */
static bool is_set_by_line(const struct options *options, int idx)
{
    return (options->set >> idx & 1) != 0 && options->line_of[idx] == 0;
}

static enum status set_own(struct options *options, const struct own_option *own, const char *value,
                           struct problem *problem)
{
    uint64_t bit = 1ull << (own - own_options);
    char *member = (char *)options + own->member;

    if (value != NULL && *value == '\0')
        return problem_set(problem, STATUS_USAGE, "--%s: nothing stands there: write --%s %s",
                           own->key, own->key, own->value);
    if ((options->own_set & bit) != 0 && own->takes != TAKES_HELP)
        return refuse_doubled(own->key, problem);
    options->own_set |= bit;
    if (own->value != NULL)
        memcpy(member, &value, sizeof value);
    else
        *(bool *)member = true;
    return STATUS_OK;
}

static enum status set_of_scenario(struct options *options, unsigned takes, int idx,
                                   const char *value, struct problem *problem)
{
    struct problem detail = {STATUS_OK, ""};
    const char *key = scenario_option((uint32_t)idx)->key;

    if ((takes & TAKES_EVERY_MODE) != 0 && strcmp(key, "mode") == 0)
        return problem_set(problem, STATUS_USAGE,
                           "--mode cannot be used here: all modes are shown, leave it out");
    const char *objection = options_part_objection((uint32_t)idx, takes);
    if (objection != NULL)
        return problem_set(problem, STATUS_USAGE, "--%s cannot be used here: %s", key, objection);
    char faults[2 * SCENARIO_FAULT_BYTES];
    if (is_set_by_line(options, idx) && strcmp(key, "fault") == 0) { /* one more goes wrong */
        snprintf(faults, sizeof faults, "%s%s%s", options->scenario.fault,
                 *options->scenario.fault != '\0' ? "," : "", value); /* none is nothing */
        value = faults;
    } else if (is_set_by_line(options, idx)) {
        return refuse_doubled(key, problem);
    }
    if (scenario_set(&options->scenario, key, value, &detail) != STATUS_OK)
        return problem_set(problem, detail.status, "--%s", detail.text);
    options->set |= 1ull << idx;
    options->line_of[idx] = 0;
    return STATUS_OK;
}

/* ---- The line, word by word ---- */

/* An option's parts: "--key=value" carries its value, "--key" has it in the next word. */
struct split {
    char key[64];
    const char *value; /* behind '='; NULL: none there */
};

static bool is_option(const char *word)
{
    return word[0] == '-' && word[1] != '\0';
}

static void split_option(const char *word, struct split *split)
{
    const char *key = word[1] == '-' ? word + 2 : word + 1;
    size_t count = strcspn(key, "=");

    split->value = key[count] == '=' ? key + count + 1 : NULL;
    snprintf(split->key, sizeof split->key, "%.*s", (int)count, key);
    if (strcmp(word, "-h") == 0)
        snprintf(split->key, sizeof split->key, "help");
}

/* Options that are off or on may stand alone, and are on then; one of these words behind them is
 * their value. */
bool options_is_flag(const char *key)
{
    int idx = options_find(key);
    const char *choices = idx < 0 ? NULL : scenario_option((uint32_t)idx)->choices;
    return choices != NULL && strcmp(choices, OFF_ON) == 0;
}

static bool is_off_or_on(const char *word)
{
    return word != NULL && (strcmp(word, "off") == 0 || strcmp(word, "on") == 0);
}

/* How many words the option takes, `next` being the word behind it (NULL: none): 0 when it is
 * unknown, which is then refused. */
static int option_words(const struct split *split, unsigned takes, const char *next)
{
    const struct own_option *own = own_find(split->key, takes);
    bool is_of_scenario = (takes & TAKES_SCENARIO) != 0 && options_find(split->key) >= 0;

    if (own == NULL && !is_of_scenario)
        return 0;
    if (own == NULL)
        return split->value == NULL && (!options_is_flag(split->key) || is_off_or_on(next)) ? 2 : 1;
    return split->value == NULL && own->value != NULL ? 2 : 1;
}

/* The word behind an option is not its value where it is an option itself; but a guest's arguments
 * begin like that. */
static bool has_value_behind(const struct split *split, int word_count, char **words)
{
    return word_count > 1 && (strncmp(words[1], "--", 2) != 0 || strcmp(split->key, "args") == 0);
}

static enum status take_option(struct options *options, unsigned takes, int word_count,
                               char **words, struct problem *problem)
{
    struct split split;
    split_option(words[0], &split);
    const struct own_option *own = own_find(split.key, takes);
    int needed = option_words(&split, takes, word_count > 1 ? words[1] : NULL);

    if (needed == 0 || (words[0][1] != '-' && strcmp(words[0], "-h") != 0))
        return refuse_unknown(words[0], takes, problem);
    if (own != NULL && own->value == NULL && split.value != NULL)
        return problem_set(problem, STATUS_USAGE, "--%s takes no value: leave it out", split.key);
    bool is_missing = needed == 2 && !has_value_behind(&split, word_count, words);
    if (is_missing && own != NULL)
        return problem_set(problem, STATUS_USAGE, "--%s needs %s: write --%s %s", split.key,
                           strcmp(own->value, "FILE") == 0 ? "a file" : "a value", split.key,
                           own->value);
    if (is_missing)
        return problem_set(problem, STATUS_USAGE, "--%s needs a value: --help lists them",
                           split.key);
    const char *value = needed == 2 ? words[1] : split.value;
    if (value == NULL && own == NULL)
        value = "on";
    if (own != NULL)
        return set_own(options, own, value, problem);
    return set_of_scenario(options, takes, options_find(split.key), value, problem);
}

/* All behind "--" belongs to the guest, as it is. */
static enum status take_arguments(struct options *options, int word_count, char **words,
                                  struct problem *problem)
{
    int idx = options_find("args");

    if (is_set_by_line(options, idx))
        return problem_set(problem, STATUS_USAGE,
                           "the guest's arguments stand behind --args and behind --: keep one");
    bytes_clear(&options->scenario.arguments);
    for (int i = 0; i < word_count; i++) {
        for (const char *at = words[i]; *at != '\0'; at++)
            if ((unsigned char)*at < ' ')
                return problem_set(problem, STATUS_USAGE,
                                   "a control character in the guest's arguments: leave it out");
        bytes_put(&options->scenario.arguments, words[i], strlen(words[i]) + 1);
    }
    options->set |= 1ull << idx;
    options->line_of[idx] = 0;
    options->scenario.given |= (uint64_t)(word_count > 0) << idx;
    return STATUS_OK;
}

/* ---- The file ---- */

/* What a file is whose first bytes are these; refused when it is nothing that the command reads. */
static enum status judge_file(struct options *options, unsigned takes, const char *head,
                              size_t count, struct problem *problem)
{
    const char *path = options->file_path;
    bool is_either = (takes & TAKES_RECORDING) != 0;
    size_t blanks = strspn(head, " \t\r\n");

    options->is_recording = count >= 8 && memcmp(head, "ferryrec", 8) == 0;
    if (options->is_recording && !is_either)
        return problem_set(problem, STATUS_USAGE,
                           "%.200s: this is a recording: watch it with ferry tui FILE", path);
    if (options->is_recording)
        return STATUS_OK;
    if (count >= 4 && memcmp(head, "\177ELF", 4) == 0)
        return problem_set(problem, STATUS_USAGE,
                           "%.100s: this is a program, %s: write --guest %s%.100s", path,
                           is_either ? "neither a recording nor a scenario" : "no scenario",
                           strchr(path, '/') == NULL ? "./" : "", path);
    if (memchr(head, '\0', count) != NULL || head[blanks] == '{')
        return problem_set(problem, STATUS_USAGE,
                           "%.200s: this is %s: a scenario has lines of key = value", path,
                           is_either ? "neither a recording nor a scenario" : "no scenario");
    return STATUS_OK;
}

static enum status refuse_missing(const char *path, unsigned takes, struct problem *problem)
{
    const char *files =
        (takes & TAKES_RECORDING) != 0 ? "a recording or a scenario file" : "a scenario file";

    if (errno == ENOENT && strpbrk(path, "./") == NULL)
        return problem_set(problem, STATUS_NO_FILE,
                           "%.80s: %s: name %s, or write --guest %.80s for a guest", path,
                           strerror(errno), files, path);
    return problem_set(problem, STATUS_NO_FILE, "%.200s: %s: name %s, or leave it out", path,
                       strerror(errno), files);
}

static enum status read_file(struct options *options, unsigned takes, struct problem *problem)
{
    const char *path = options->file_path;
    struct stat stat_of;
    char head[257] = "";

    /* Opening a pipe would wait for its writer, for ever if there is none. */
    if (stat(path, &stat_of) != 0)
        return refuse_missing(path, takes, problem);
    if (!S_ISREG(stat_of.st_mode))
        return problem_set(problem, STATUS_NO_FILE, "%.200s: this is no file: name a scenario file",
                           path);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return refuse_missing(path, takes, problem);
    size_t count = fread(head, 1, sizeof head - 1, file);
    enum status status = judge_file(options, takes, head, count, problem);
    rewind(file);
    if (status == STATUS_OK && !options->is_recording)
        status = ini_read(file, path, &options->scenario, options->line_of, problem);
    fclose(file);
    for (uint32_t i = 0; i < scenario_option_count(); i++)
        options->set |= (uint64_t)(options->line_of[i] != 0) << i;
    return status;
}

/* The one word of the line that is no option. */
static enum status find_file(struct options *options, unsigned takes, int word_count, char **words,
                             struct problem *problem)
{
    for (int i = 0; i < word_count && strcmp(words[i], "--") != 0; i++) {
        struct split split;
        if (is_option(words[i])) {
            split_option(words[i], &split);
            /* Whether the next word is its value is not known of an unknown option. */
            int needed = option_words(&split, takes, i + 1 < word_count ? words[i + 1] : NULL);
            if (needed == 0)
                return refuse_unknown(words[i], takes, problem);
            i += needed == 2 && has_value_behind(&split, word_count - i, words + i);
            continue;
        }
        if ((takes & TAKES_WORD) != 0 && options->file_path == NULL) {
            options->file_path = words[i];
            continue;
        }
        if ((takes & TAKES_PAGES) != 0 && options->page == NULL) {
            options->page = words[i];
            continue;
        }
        if ((takes & TAKES_SCENARIO) == 0 || (takes & (TAKES_MOVE | TAKES_START)) != 0)
            return problem_set(problem, STATUS_USAGE, "unexpected word \"%.40s\": leave it out",
                               words[i]);
        if (options->file_path != NULL)
            return problem_set(problem, STATUS_USAGE,
                               "\"%.40s\" is a second file: name one (options begin with --)",
                               words[i]);
        options->file_path = words[i];
    }
    return STATUS_OK;
}

/* ---- The whole ---- */

static enum status apply_presets(struct options *options, const struct preset *presets,
                                 struct problem *problem)
{
    bool is_other_guest = (options->set >> options_find("guest") & 1) != 0;
    bool has_clients =
        (options->set >> options_find("clients") & 1) == 0 || options->scenario.client_count > 0;
    enum status status = STATUS_OK;

    for (; presets != NULL && presets->key != NULL && status == STATUS_OK; presets++) {
        bool is_set = (options->set >> options_find(presets->key) & 1) != 0;
        bool is_left_out = presets->is_for_its_guest && is_other_guest;
        if (strcmp(presets->key, "request-rate") == 0 && !has_clients)
            is_left_out = true;
        if (!is_set && !is_left_out)
            status = scenario_set(&options->scenario, presets->key, presets->value, problem);
    }
    return status;
}

/* scenario_check names the option first; here is said where it was set. */
static enum status check_whole(struct options *options, unsigned takes, struct problem *problem)
{
    struct problem detail = {STATUS_OK, ""};
    char key[64];

    enum status status =
        (takes & TAKES_MOVE) != 0
            ? scenario_check_move(&options->scenario, false, &detail)
            : scenario_check(&options->scenario, (takes & TAKES_EVERY_MODE) != 0, &detail);
    if (status == STATUS_OK)
        return STATUS_OK;
    snprintf(key, sizeof key, "%.*s", (int)strcspn(detail.text, ": "), detail.text);
    int idx = options_find(key);
    if (idx >= 0 && options->line_of[idx] != 0)
        return problem_set(problem, detail.status, "%.200s:%u: %s", options->file_path,
                           options->line_of[idx], detail.text);
    return problem_set(problem, detail.status, "%s%s", idx >= 0 ? "--" : "", detail.text);
}

/* Where a path leads, as far as it is there: its folder's real name and its own. */
static bool resolve(const char *path, char *real)
{
    const char *slash = strrchr(path, '/');
    char folder[PATH_MAX], there[PATH_MAX];

    snprintf(folder, sizeof folder, "%.*s", slash == NULL ? 1 : (int)(slash - path) + 1,
             slash == NULL ? "." : path);
    if (realpath(folder, there) == NULL)
        return false;
    return snprintf(real, PATH_MAX, "%s/%s", there, slash == NULL ? path : slash + 1) < PATH_MAX;
}

static bool is_same_file(const char *a, const char *b)
{
    struct stat first, second;
    char first_path[PATH_MAX], second_path[PATH_MAX];

    if (strcmp(a, b) == 0)
        return true;
    if (stat(a, &first) == 0 && stat(b, &second) == 0)
        return S_ISREG(first.st_mode) && first.st_dev == second.st_dev &&
               first.st_ino == second.st_ino;
    return resolve(a, first_path) && resolve(b, second_path) &&
           strcmp(first_path, second_path) == 0;
}

/* No output may take the place of another one, nor of what is read. */
static enum status check_outputs(const struct options *options, struct problem *problem)
{
    const struct {
        const char *key, *path;
    } outputs[] = {
        {"json", options->json_path},
        {"record", options->record_path},
        {"perfetto", options->export.perfetto},
        {"csv", options->export.csv},
        {"png", options->viz.png},
    };
    enum { OUTPUT_COUNT = sizeof outputs / sizeof outputs[0] };
    const char *inputs[] = {options->file_path, options->strategy_path};

    for (int i = 0; i < OUTPUT_COUNT; i++) {
        for (int j = 0; j < 2 && outputs[i].path != NULL; j++)
            if (inputs[j] != NULL && is_same_file(outputs[i].path, inputs[j]))
                return problem_set(problem, STATUS_USAGE,
                                   "--%s names what is read, %.160s: name another file",
                                   outputs[i].key, inputs[j]);
        for (int j = i + 1; j < OUTPUT_COUNT && outputs[i].path != NULL; j++)
            if (outputs[j].path != NULL && is_same_file(outputs[i].path, outputs[j].path))
                return problem_set(problem, STATUS_USAGE,
                                   "--%s and --%s name the same file: name two", outputs[i].key,
                                   outputs[j].key);
    }
    if (options->record_path != NULL && strcmp(options->record_path, "-") == 0)
        return problem_set(problem, STATUS_USAGE, "--record needs a file: write --record FILE");
    return STATUS_OK;
}

enum status options_parse(struct options *options, unsigned takes, const struct preset *presets,
                          int word_count, char **words, struct problem *problem)
{
    enum status status;

    MUST(scenario_option_count() <= 64);
    memset(options, 0, sizeof *options);
    scenario_init(&options->scenario);
    status = find_file(options, takes, word_count, words, problem);
    if (status == STATUS_OK && options->file_path != NULL && (takes & TAKES_WORD) == 0)
        status = read_file(options, takes, problem);
    for (int i = 0; status == STATUS_OK && i < word_count; i++) {
        struct split split;
        if (strcmp(words[i], "--") == 0) {
            status = (takes & TAKES_SCENARIO) != 0 && (takes & TAKES_MOVE) == 0
                         ? take_arguments(options, word_count - i - 1, words + i + 1, problem)
                         : problem_set(problem, STATUS_USAGE, "nothing stands behind --");
            break;
        }
        if (!is_option(words[i]))
            continue;
        status = take_option(options, takes, word_count - i, words + i, problem);
        split_option(words[i], &split);
        i += option_words(&split, takes, i + 1 < word_count ? words[i + 1] : NULL) == 2;
    }
    if (status != STATUS_OK || options->is_help)
        return status;
    if (options->is_recording && options->set != 0)
        return problem_set(problem, STATUS_USAGE,
                           "a recording is what it is: its scenario's options cannot be set");
    status = apply_presets(options, presets, problem);
    if (status == STATUS_OK && !options->is_recording)
        status = check_whole(options, takes, problem);
    return status == STATUS_OK ? check_outputs(options, problem) : status;
}

void options_fini(struct options *options)
{
    scenario_fini(&options->scenario);
}

/* ---- The line that makes a scenario again ---- */

/* A word as a shell takes it back. */
void options_write_word(struct bytes *line, const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "-_./:,=+@%";
    bool is_plain = *word != '\0' && strspn(word, plain) == strlen(word);

    if (line->count > 0)
        bytes_put_u8(line, ' ');
    if (is_plain) {
        bytes_put(line, word, strlen(word));
        return;
    }
    bytes_put_u8(line, '\'');
    for (; *word != '\0'; word++) {
        if (*word == '\'')
            bytes_put(line, "'\\'", 3);
        bytes_put_u8(line, (uint8_t)*word);
    }
    bytes_put_u8(line, '\'');
}

const char *options_program(void)
{
    const char *name = strrchr(program_invocation_name, '/');
    bool is_ferry = strcmp(name != NULL ? name + 1 : program_invocation_name, "ferry") == 0;
    return is_ferry ? program_invocation_name : "ferry";
}

void options_strategy_words(const struct options *options,
                            const char *words[OPTIONS_STRATEGY_WORDS])
{
    int count = 0;

    if (options->strategy_path != NULL) {
        words[count++] = "--strategy";
        words[count++] = options->strategy_path;
        if (options->is_unconfined)
            words[count++] = "--unconfined";
    }
    words[count] = NULL;
}

void options_write_command(const char *command, const struct scenario *scenario,
                           const char *const *own, struct bytes *line)
{
    char key[64], value[sizeof scenario->guest];

    options_write_word(line, options_program());
    options_write_word(line, command);
    for (uint32_t i = 0; i < scenario_option_count(); i++) {
        if ((scenario->given >> i & 1) == 0 || strcmp(scenario_option(i)->key, "args") == 0)
            continue;
        snprintf(key, sizeof key, "--%s", scenario_option(i)->key);
        scenario_get(scenario, i, value, sizeof value);
        if (options_is_flag(scenario_option(i)->key)) { /* the next word is not its value */
            bool is_on = strcmp(value, "on") == 0;
            snprintf(key, sizeof key, "--%s%s", scenario_option(i)->key, is_on ? "" : "=off");
            options_write_word(line, key);
            continue;
        }
        options_write_word(line, key);
        options_write_word(line, value);
    }
    for (; own != NULL && *own != NULL; own++)
        options_write_word(line, *own);
    if (scenario->arguments.count > 0)
        options_write_word(line, "--");
    for (size_t i = 0; i < scenario->arguments.count;) {
        const char *argument = (const char *)scenario->arguments.data + i;
        options_write_word(line, argument);
        i += strlen(argument) + 1;
    }
    bytes_put_u8(line, 0);
}
