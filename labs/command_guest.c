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
#include "labs/guest_line.h"
#include "labs/guest_list.h"
#include "labs/guest_saved.h"
#include "labs/image.h"
#include "labs/options.h"
#include "labs/people.h"
#include "machine/disassemble.h"
#include "machine/elf.h"
#include "machine/instruction.h"
#include "machine/machine.h"
#include "scenario/guest_build.h"

#define HEX_DIGITS "0123456789abcdefABCDEF"

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
    printf("%-14s%s%s\n", "instructions", people_bytes(&people, code_bytes),
           file->has_sections ? "" : " at most: the file has no sections that tell");
    if (file->symbol_count == 0)
        printf("%-14s%s\n", "symbols", "none");
    if (file->memory_end > RAM_BASE)
        printf("%-14s%s at least, without its heap\n", "memory",
               people_bytes(&people, file->memory_end - RAM_BASE));
}

/* Where an instruction leads whose text does not say it all: behind a call (or a jump) the name of
 * its target, and the target itself where two instructions make it. */
static void print_target(const struct guest_file *file, uint64_t address,
                         const struct instruction *before, const struct instruction *instruction)
{
    uint64_t target = address + (uint64_t)instruction->imm;
    bool is_pair = instruction->code == INSTRUCTION_JALR && before->code == INSTRUCTION_AUIPC &&
                   before->rd == instruction->rs1 && before->rd != 0;

    if (is_pair)
        target += (uint64_t)before->imm - 4; /* an auipc has four bytes */
    else if (instruction->code != INSTRUCTION_JAL)
        return;
    const char *name = guest_file_name_at(file, target);
    if (is_pair)
        printf("  # 0x%" PRIx64 "%s%s", target, name == NULL ? "" : " ", name == NULL ? "" : name);
    else if (name != NULL)
        printf("  # %s", name);
}

/* The code from one address on, up to the next function if it was asked for by name. */
static void print_code(const struct guest_file *file, uint64_t from, bool is_one_function)
{
    for (uint32_t i = 0; i < file->code_count; i++) {
        const struct guest_code *code = &file->codes[i];
        struct instruction before = {0};
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
            printf("  %08" PRIx64 "  %-10s%s", address, digits, text);
            struct instruction instruction;
            if (!instruction_decode(bits, &instruction))
                instruction = (struct instruction){0};
            print_target(file, address, &before, &instruction);
            putchar('\n');
            before = instruction;
            at += bytes;
        }
    }
}

static enum status parse_from(const struct guest_file *file, const char *word, uint64_t *from,
                              bool *is_name, struct problem *problem)
{
    char *end;

    *is_name = guest_file_find(file, word, from);
    if (*is_name)
        return STATUS_OK;
    errno = 0;
    *from = strtoull(word, &end, 16);
    /* Addresses are taken as the listing prints them, too. */
    bool is_address = strncmp(word, "0x", 2) == 0 || strspn(word, HEX_DIGITS) >= 8;
    if (!is_address && file->symbol_count == 0)
        return problem_set(problem, STATUS_USAGE,
                           "\"%.40s\" cannot be looked up, for the file has no symbols: write an "
                           "address such as 0x%" PRIx64,
                           word, file->entry);
    if (!is_address || *end != '\0' || errno != 0)
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
    bool is_name = false;
    int status = EXIT_DONE;

    enum status outcome;

    scenario_init(&scenario);
    if (word_count < 2 || word_count > (is_info ? 2 : 3))
        outcome = problem_set(&problem, STATUS_USAGE, "write ferry guest %s GUEST%s", words[0],
                              is_info ? "" : " [FROM]");
    else
        outcome = guest_line_load(words[1], &scenario, &image, &problem);
    if (outcome == STATUS_OK)
        outcome = guest_file_open(&file, &image, &problem);
    if (outcome == STATUS_OK)
        outcome = check_image(&image, &file, &problem);
    if (outcome == STATUS_OK && word_count == 3)
        outcome = parse_from(&file, words[2], &from, &is_name, &problem);
    if (outcome != STATUS_OK)
        status = command_refuse(command, &problem);
    else if (is_info)
        print_info(&image, &file);
    else
        print_code(&file, from, is_name);
    guest_file_close(&file);
    image_fini(&image);
    scenario_fini(&scenario);
    return status;
}

/* ---- run ---- */

static int guest_run(const struct command *command, int word_count, char **words)
{
    struct problem problem = {STATUS_OK, ""};
    struct guest_line line;
    struct debugger debugger = {.listener = -1, .connection = -1};
    struct guest *guest;
    int status;

    if (guest_line_read(&line, false, word_count, words, &problem) != STATUS_OK ||
        (line.gdb != NULL && debugger_open(&debugger, line.gdb, line.image.data, line.image.bytes,
                                           &problem) != STATUS_OK) ||
        guest_line_build(&line, &guest, &problem) != STATUS_OK) {
        status = command_refuse(command, &problem);
    } else {
        crash_prepare("run", &line.scenario, NULL);
        struct storage storage;
        storage_init(&storage, HOST_SOURCE);
        if (line.gdb == NULL) /* what is on a disk does not run backwards with the guest */
            storage_attach(guest);
        status = guest_life(line.scenario.guest, guest, &line.image, &storage,
                            line.gdb != NULL ? &debugger : NULL);
        storage_fini(&storage);
        guest->ops->close(guest);
    }
    debugger_close(&debugger);
    guest_line_fini(&line);
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
    static const char *const verbs[] = {"list", "info",   "disassemble", "run",
                                        "save", "resume", "kit"};
    struct problem problem = {STATUS_OK, ""};
    const char *verb = word_count > 0 ? words[0] : "";
    size_t best = 0;

    if (strcmp(verb, "list") == 0 && word_count == 1)
        return guest_list(stdout);
    if (strcmp(verb, "kit") == 0 && word_count == 1)
        return guest_kit(command);
    bool is_own_help =
        word_count > 1 && (strcmp(words[1], "--help") == 0 || strcmp(words[1], "-h") == 0);
    if (is_own_help)
        return command_print_help(command);
    if (strcmp(verb, "info") == 0 && word_count == 2 && guest_saved_is(words[1]))
        return guest_saved_info(command, words[1]);
    if (strcmp(verb, "info") == 0 || strcmp(verb, "disassemble") == 0)
        return guest_look(command, word_count, words);
    if (strcmp(verb, "run") == 0)
        return guest_run(command, word_count - 1, words + 1);
    if (strcmp(verb, "save") == 0)
        return guest_saved_save(command, word_count - 1, words + 1);
    if (strcmp(verb, "resume") == 0)
        return guest_saved_resume(command, word_count - 1, words + 1);
    if (strcmp(verb, "--help") == 0 || strcmp(verb, "-h") == 0)
        return command_print_help(command);
    for (size_t i = 1; i < sizeof verbs / sizeof verbs[0]; i++)
        if (nearest_distance(verb, verbs[i]) < nearest_distance(verb, verbs[best]))
            best = i;
    if (word_count == 0 || strcmp(verb, "list") == 0 || strcmp(verb, "kit") == 0 ||
        !nearest_is_close(verb, verbs[best]))
        problem_set(&problem, STATUS_USAGE,
                    "write ferry guest list, info, disassemble, run, save, resume or kit");
    else
        problem_set(&problem, STATUS_USAGE, "unknown word \"%.40s\": the nearest is \"%s\"", verb,
                    verbs[best]);
    return command_refuse(command, &problem);
}
