/* ferry guest: the programs that can be moved. List them, look inside, run one where it is. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/nearest.h"
#include "labs/beside.h"
#include "labs/command.h"
#include "labs/crash.h"
#include "labs/debugger.h"
#include "labs/guest_file.h"
#include "labs/guest_life.h"
#include "labs/guest_list.h"
#include "labs/image.h"
#include "labs/options.h"
#include "labs/people.h"
#include "machine/disassemble.h"
#include "machine/elf.h"
#include "machine/machine.h"
#include "sim/guest_build.h"

/* Loads the image that the word names; models have none and are refused. */
static enum status load(const char *word, struct scenario *scenario, struct image *image,
                        struct problem *problem)
{
    enum status status = scenario_set(scenario, "guest", word, problem);

    if (status == STATUS_OK && scenario_is_model(scenario))
        status = problem_set(problem, STATUS_USAGE,
                             "guest: a model has no program: write a name such as hello");
    return status == STATUS_OK ? image_load(image, scenario, problem) : status;
}

/* The checks of a machine that would run it, with all the memory that it asks for: what is shown
 * here can be booted. */
static enum status check_image(const struct image *image, const struct guest_file *file,
                               struct problem *problem)
{
    uint64_t ram_bytes = MACHINE_MEMORY_MIN, entry;

    while (ram_bytes < MACHINE_MEMORY_MAX && file->memory_end > RAM_BASE + ram_bytes)
        ram_bytes *= 2;
    uint8_t *ram = calloc(1, ram_bytes);
    if (ram == NULL)
        return problem_set(problem, STATUS_NO_MEMORY, "%.200s: there is no memory to look at it",
                           image->path);
    enum status status =
        elf_load(image->path, image->data, image->bytes, ram, ram_bytes, &entry, problem);
    free(ram);
    return status;
}

static void print_info(const struct image *image, const struct guest_file *file)
{
    struct people people = {0};
    uint64_t code_bytes = 0;

    for (uint32_t i = 0; i < file->code_count; i++)
        code_bytes += file->codes[i].byte_count;
    printf("%-14s%s\n", "file", image->path);
    printf("%-14s%s\n", "size", people_bytes(&people, image->bytes));
    printf("%-14s%016llx\n", "digest", (unsigned long long)digest_of(image->data, image->bytes));
    printf("%-14s0x%" PRIx64 "\n", "entry", file->entry);
    printf("%-14s%s\n", "instructions", people_bytes(&people, code_bytes));
    if (file->memory_end > RAM_BASE)
        printf("%-14s%s at least, without its heap\n", "memory",
               people_bytes(&people, file->memory_end - RAM_BASE));
}

/* The code from one address on, up to the next function if it was asked for by name. */
static void print_code(const struct guest_file *file, uint64_t from, bool is_one_function)
{
    for (uint32_t i = 0; i < file->code_count; i++) {
        const struct guest_code *code = &file->codes[i];
        uint64_t at = 0;
        if (from > code->address)
            at = from - code->address;
        while (at + 2 <= code->byte_count) {
            uint64_t address = code->address + at;
            const char *name = guest_file_name_at(file, address);
            char text[DISASSEMBLE_TEXT_BYTES], digits[12];
            uint32_t bits = (uint32_t)code->bytes[at] | (uint32_t)code->bytes[at + 1] << 8;
            if (at + 4 <= code->byte_count)
                bits |= (uint32_t)code->bytes[at + 2] << 16 | (uint32_t)code->bytes[at + 3] << 24;
            if (is_one_function && name != NULL && address != from)
                return;
            unsigned bytes = disassemble(bits, address, text, sizeof text);
            if (name != NULL)
                printf("%s:\n", name);
            snprintf(digits, sizeof digits, "%0*" PRIx32, (int)bytes * 2,
                     bytes == 2 ? bits & 0xffff : bits);
            printf("  %08" PRIx64 "  %-10s%s\n", address, digits, text);
            at += bytes;
        }
    }
}

static enum status parse_from(const struct guest_file *file, const char *word, uint64_t *from,
                              struct problem *problem)
{
    char *end;

    if (guest_file_find(file, word, from))
        return STATUS_OK;
    errno = 0;
    *from = strtoull(word, &end, 16);
    if (strncmp(word, "0x", 2) != 0 || *end != '\0' || errno != 0)
        return problem_set(problem, STATUS_USAGE,
                           "\"%.40s\" is no function of this guest: write its name or an address "
                           "such as 0x80000000",
                           word);
    for (uint32_t i = 0; i < file->code_count; i++)
        if (*from >= file->codes[i].address &&
            *from - file->codes[i].address < file->codes[i].byte_count && *from % 2 == 0)
            return STATUS_OK;
    return problem_set(problem, STATUS_USAGE,
                       "there is no instruction at %.40s: the guest begins at 0x%" PRIx64, word,
                       file->entry);
}

/* info GUEST, disassemble GUEST [FROM] */
static int guest_look(const struct command *command, int word_count, char **words)
{
    bool is_info = strcmp(words[0], "info") == 0;
    struct problem problem = {STATUS_OK, ""};
    struct scenario scenario;
    struct image image = {0};
    struct guest_file file = {0};
    uint64_t from = 0;
    int status = EXIT_DONE;

    enum status outcome;

    scenario_init(&scenario);
    if (word_count < 2 || word_count > (is_info ? 2 : 3))
        outcome = problem_set(&problem, STATUS_USAGE, "write ferry guest %s GUEST%s", words[0],
                              is_info ? "" : " [FROM]");
    else
        outcome = load(words[1], &scenario, &image, &problem);
    if (outcome == STATUS_OK)
        outcome = guest_file_open(&file, &image, &problem);
    if (outcome == STATUS_OK)
        outcome = check_image(&image, &file, &problem);
    if (outcome == STATUS_OK && word_count == 3)
        outcome = parse_from(&file, words[2], &from, &problem);
    if (outcome != STATUS_OK)
        status = command_refuse(command, &problem);
    else if (is_info)
        print_info(&image, &file);
    else
        print_code(&file, from, word_count == 3 && strncmp(words[2], "0x", 2) != 0);
    guest_file_close(&file);
    image_fini(&image);
    scenario_fini(&scenario);
    return status;
}

/* ---- run ---- */

/* What stands before the guest's own words, and which of it was given. */
struct run_line {
    struct scenario *scenario;
    struct image *image;
    const char *gdb; /* a port, as written; NULL: no debugger */
    unsigned given;  /* bit i: option i */
};

static const char *const run_options[] = {"memory", "harts", "cpu-rate", "gdb"};
#define RUN_OPTION_COUNT  (sizeof run_options / sizeof *run_options)
#define RUN_OPTION_MEMORY 0
#define RUN_OPTION_GDB    3

/* Takes options from the front of the words. Returns how many words it took, or -1. */
static int take_options(struct run_line *line, int word_count, char **words,
                        struct problem *problem)
{
    int taken = 0;

    while (taken < word_count) {
        char *word = words[taken];
        size_t count = strcspn(word, "="), i = 0;
        while (i < RUN_OPTION_COUNT &&
               (strncmp(word, "--", 2) != 0 || count < 3 || strlen(run_options[i]) != count - 2 ||
                strncmp(word + 2, run_options[i], count - 2) != 0))
            i++;
        if (i == RUN_OPTION_COUNT)
            break;
        const char *key = run_options[i];
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
        if (i == RUN_OPTION_GDB) {
            line->gdb = value;
        } else if (scenario_set(line->scenario, key, value, &detail) != STATUS_OK) {
            problem_set(problem, STATUS_USAGE, "--%s", detail.text);
            return -1;
        }
        taken += word[count] == '=' ? 1 : 2;
    }
    return taken;
}

/* Everything before the guest can be booted: options, name, options again, the guest's own words.
 */
static enum status read_line(struct run_line *line, int word_count, char **words,
                             struct problem *problem)
{
    int at = take_options(line, word_count, words, problem);
    enum status status;

    if (at < 0)
        return STATUS_USAGE;
    if (at == word_count)
        return problem_set(problem, STATUS_USAGE, "no guest named: write ferry guest run hello");
    if (words[at][0] == '-')
        return problem_set(problem, STATUS_USAGE,
                           "unknown option %.40s: those of run are --memory, --harts, --cpu-rate "
                           "and --gdb",
                           words[at]);
    status = load(words[at], line->scenario, line->image, problem);
    if (status != STATUS_OK)
        return status;
    at++;
    int taken = take_options(line, word_count - at, words + at, problem);
    if (taken < 0)
        return STATUS_USAGE;
    at += taken;
    if (at < word_count && strcmp(words[at], "--") == 0)
        at++;
    for (; at < word_count; at++)
        bytes_put(&line->scenario->arguments, words[at], strlen(words[at]) + 1);
    return scenario_check(line->scenario, false, problem);
}

/* Where nobody has said how much memory, an image that is larger than usual gets what it needs. */
static enum status build_guest(struct run_line *line, struct guest **guest, struct problem *problem)
{
    struct scenario *scenario = line->scenario;
    const struct image *image = line->image;
    enum status status = guest_build(scenario, image->data, image->bytes, guest, problem);

    while (status == STATUS_NO_MEMORY && (line->given & 1u << RUN_OPTION_MEMORY) == 0 &&
           scenario->memory_bytes <= MACHINE_MEMORY_MAX / 2) {
        scenario->memory_bytes *= 2;
        *problem = (struct problem){STATUS_OK, ""};
        status = guest_build(scenario, image->data, image->bytes, guest, problem);
    }
    return status;
}

static int guest_run(const struct command *command, int word_count, char **words)
{
    struct problem problem = {STATUS_OK, ""};
    struct scenario scenario;
    struct image image = {0};
    struct run_line line = {.scenario = &scenario, .image = &image};
    struct debugger debugger = {.listener = -1, .connection = -1};
    struct guest *guest;
    int status;

    scenario_init(&scenario);
    if (read_line(&line, word_count, words, &problem) != STATUS_OK ||
        (line.gdb != NULL &&
         debugger_open(&debugger, line.gdb, image.data, image.bytes, &problem) != STATUS_OK) ||
        build_guest(&line, &guest, &problem) != STATUS_OK) {
        status = command_refuse(command, &problem);
    } else {
        crash_prepare("run", &scenario, NULL);
        status = guest_life(scenario.guest, guest, &image, line.gdb != NULL ? &debugger : NULL);
        guest->ops->close(guest);
    }
    debugger_close(&debugger);
    image_fini(&image);
    scenario_fini(&scenario);
    return status;
}

/* Where guest.mk lies: what a Makefile of somebody's own guest includes. */
static int guest_kit(const struct command *command)
{
    char folder[BESIDE_PATH_MAX], path[BESIDE_PATH_MAX + 16];
    struct problem problem = {STATUS_OK, ""};

    if (beside_path("kit/guests", folder, sizeof folder)) {
        if (folder[strcspn(folder, " \t#$:")] != '\0') {
            problem_set(&problem, STATUS_USAGE,
                        "kit: make cannot include %.300s: put ferry where no path has spaces, #, $ "
                        "or colons",
                        folder);
            return command_refuse(command, &problem);
        }
        snprintf(path, sizeof path, "%s/guest.mk", folder);
        if (access(path, R_OK) == 0) {
            printf("%s\n", folder);
            return EXIT_DONE;
        }
    }
    problem_set(
        &problem, STATUS_NO_FILE,
        "kit: there is no guest.mk beside this program: make or make install puts it there");
    return command_refuse(command, &problem);
}

int command_guest(const struct command *command, int word_count, char **words)
{
    static const char *const verbs[] = {"list", "info", "disassemble", "run", "kit"};
    struct problem problem = {STATUS_OK, ""};
    const char *verb = word_count > 0 ? words[0] : "";
    size_t best = 0;

    if (strcmp(verb, "list") == 0 && word_count == 1)
        return guest_list(stdout);
    if (strcmp(verb, "kit") == 0 && word_count == 1)
        return guest_kit(command);
    if (strcmp(verb, "info") == 0 || strcmp(verb, "disassemble") == 0)
        return guest_look(command, word_count, words);
    if (strcmp(verb, "run") == 0)
        return guest_run(command, word_count - 1, words + 1);
    if (strcmp(verb, "--help") == 0 || strcmp(verb, "-h") == 0)
        return command_print_help(command);
    for (size_t i = 1; i < sizeof verbs / sizeof verbs[0]; i++)
        if (nearest_distance(verb, verbs[i]) < nearest_distance(verb, verbs[best]))
            best = i;
    if (word_count == 0 || strcmp(verb, "list") == 0 || strcmp(verb, "kit") == 0 ||
        !nearest_is_close(verb, verbs[best]))
        problem_set(&problem, STATUS_USAGE,
                    "write ferry guest list, info, disassemble, run or kit");
    else
        problem_set(&problem, STATUS_USAGE, "unknown word \"%.40s\": the nearest is \"%s\"", verb,
                    verbs[best]);
    return command_refuse(command, &problem);
}
