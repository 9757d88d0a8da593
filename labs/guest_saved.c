#include "labs/guest_saved.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "labs/crash.h"
#include "labs/guest_life.h"
#include "labs/guest_line.h"
#include "labs/output.h"
#include "labs/people.h"
#include "labs/saved_file.h"
#include "machine/machine.h"

/* When it is saved where nobody says when: when ferry run begins to move, too. */
#define DEFAULT_AT_NS (100 * NS_PER_MS)

/* ---- save ---- */

static enum status find_instant(const struct guest_line *line, struct guest_instant *instant,
                                struct problem *problem)
{
    struct problem detail = {STATUS_OK, ""};
    const char *key = line->at != NULL ? "at" : "at-instruction";
    enum unit_kind kind = line->at != NULL ? UNIT_TIME : UNIT_COUNT;
    const char *text = line->at != NULL ? line->at : line->at_instruction;

    *instant = (struct guest_instant){.value = DEFAULT_AT_NS};
    if (line->at != NULL && line->at_instruction != NULL)
        return problem_set(problem, STATUS_USAGE,
                           "--at and --at-instruction are both instants: keep one of them");
    if (text == NULL)
        return STATUS_OK;
    instant->is_instruction = line->at == NULL;
    if (units_parse(kind, text, &instant->value, &detail) != STATUS_OK)
        return problem_set(problem, detail.status, "--%s: %s", key, detail.text);
    /* Half of what a clock can count: no guest lives so long, and sums stay far from the end. */
    if (instant->value > INT64_MAX / 2)
        return problem_set(problem, STATUS_USAGE, "--%s: %.40s is later than a guest can live", key,
                           text);
    return STATUS_OK;
}

static enum status check_path(const struct guest_line *line, struct problem *problem)
{
    struct stat file, image;

    if (strcmp(line->path, "-") == 0)
        return problem_set(problem, STATUS_USAGE,
                           "-: standard output is the guest's console: name a file");
    if (stat(line->path, &file) == 0 && stat(line->image.path, &image) == 0 &&
        file.st_dev == image.st_dev && file.st_ino == image.st_ino)
        return problem_set(problem, STATUS_USAGE,
                           "%.200s is the guest's own program: name another file", line->path);
    return STATUS_OK;
}

static enum status write_machine(struct guest_line *line, struct guest *guest,
                                 const struct storage *storage, struct output *output,
                                 struct problem *problem)
{
    scenario_name_image(&line->scenario, line->image.data, line->image.bytes);
    enum status status = output_write_through(output, problem);
    if (status == STATUS_OK) {
        saved_file_write(output->file, &line->scenario, guest, storage);
        status = output_finish(output, problem);
    }
    return status;
}

static void tell_saved(const char *path, const char *name, const struct guest *guest)
{
    struct people people = {0};
    struct stat stat_of = {0};
    char size[48] = "";

    if (stat(path, &stat_of) == 0 && S_ISREG(stat_of.st_mode))
        snprintf(size, sizeof size, ", %s", people_bytes(&people, (uint64_t)stat_of.st_size));
    fprintf(stderr, "ferry guest: %s was saved after %s of its life and %s instructions%s:\n", name,
            people_time(&people, guest->ops->now_ns(guest)),
            people_count(&people, guest->ops->instructions(guest)), size);
    fprintf(stderr, "    ferry guest resume %s\n", path);
}

static int save_built(const struct command *command, struct guest_line *line,
                      const struct guest_instant *instant, struct guest *guest,
                      struct storage *storage, struct output *output)
{
    struct problem problem = {STATUS_OK, ""};
    const char *name = line->scenario.guest;
    bool has_come;

    int status = guest_life_until(name, guest, &line->image, storage, instant, &has_come);
    if (!has_come && ferror(stdout))
        return status; /* main tells of it */
    if (!has_come) {
        fprintf(stderr,
                "ferry guest: nothing was saved: that was after %llu instructions, before the "
                "instant to save it at\n",
                (unsigned long long)guest->ops->instructions(guest));
        return EXIT_FAILED;
    }
    if (write_machine(line, guest, storage, output, &problem) != STATUS_OK)
        return command_refuse(command, &problem);
    tell_saved(line->path, name, guest);
    return EXIT_DONE;
}

int guest_saved_save(const struct command *command, int word_count, char **words)
{
    struct problem problem = {STATUS_OK, ""};
    struct guest_line line;
    struct guest_instant instant;
    struct output output = {.file = NULL};
    struct guest *guest;
    struct storage storage;
    int status;

    if (guest_line_read(&line, true, word_count, words, &problem) != STATUS_OK ||
        find_instant(&line, &instant, &problem) != STATUS_OK ||
        check_path(&line, &problem) != STATUS_OK ||
        guest_line_build(&line, &guest, &problem) != STATUS_OK) {
        status = command_refuse(command, &problem);
    } else {
        storage_init(&storage, HOST_SOURCE);
        storage_attach(guest);
        if (output_open(&output, line.path, &problem) != STATUS_OK)
            status = command_refuse(command, &problem);
        else
            status = save_built(command, &line, &instant, guest, &storage, &output);
        storage_fini(&storage);
        output_discard(&output);
        guest->ops->close(guest);
    }
    guest_line_fini(&line);
    return status;
}

/* ---- resume ---- */

/* The program that it was made from, if that is still here: a crash has lines and names then. */
static void find_image(const struct scenario *scenario, struct image *image)
{
    char digest[17];

    if (image_load(image, scenario, NULL) != STATUS_OK)
        *image = (struct image){.data = NULL};
    snprintf(digest, sizeof digest, "%016llx",
             (unsigned long long)digest_of(image->data, image->bytes));
    if (image->data != NULL && strcmp(digest, scenario->image) != 0)
        image_fini(image);
}

static enum status read_words(const char *verb, int word_count, char **words,
                              struct problem *problem)
{
    if (word_count == 1 && (words[0][0] != '-' || words[0][1] == '\0'))
        return STATUS_OK;
    if (word_count > 0 && words[0][0] == '-')
        return problem_set(problem, STATUS_USAGE,
                           "unknown option %.40s: ferry guest %s takes a file alone", words[0],
                           verb);
    return problem_set(problem, STATUS_USAGE,
                       "write ferry guest %s FILE, with a file that ferry guest save has made",
                       verb);
}

int guest_saved_resume(const struct command *command, int word_count, char **words)
{
    struct problem problem = {STATUS_OK, ""};
    struct saved_machine machine;
    struct image image = {.data = NULL};
    int status;

    if (read_words("resume", word_count, words, &problem) != STATUS_OK)
        return command_refuse(command, &problem);
    if (saved_file_read(words[0], &machine, &problem) != STATUS_OK) {
        status = command_refuse(command, &problem);
    } else {
        find_image(&machine.scenario, &image);
        storage_attach(machine.guest);
        status = guest_life(machine.scenario.guest, machine.guest, &image, &machine.storage, NULL);
        image_fini(&image);
    }
    saved_machine_fini(&machine);
    return status;
}

/* ---- info ---- */

bool guest_saved_is(const char *path)
{
    return saved_file_is(path);
}

/* What of the state is what, and on which side of the guest's border it lies. What has no row is
 * told by its tag. */
static const struct part {
    const char *tag, *name;
    bool is_interaction;
} parts[] = {
    {"SHAP", "shape", false},          {"HART", "registers", false},
    {"CLCK", "clock and turn", false}, {"EXIT", "how it ended", false},
    {"ARGS", "arguments", true},       {"CONS", "console", true},
    {"MAIL", "mailboxes", true},       {"DISK", "disk requests", true},
};
#define PART_COUNT (sizeof parts / sizeof *parts)

static const struct part *find_part(const char *tag)
{
    for (size_t i = 0; i < PART_COUNT; i++)
        if (strcmp(parts[i].tag, tag) == 0)
            return &parts[i];
    return NULL;
}

static void write_remark(const struct saved_machine *saved, const char *tag, char *text,
                         size_t text_bytes)
{
    struct guest *guest = saved->guest;
    struct people people = {0};
    unsigned streams = 0;

    *text = '\0';
    if (strcmp(tag, "HART") == 0) {
        snprintf(text, text_bytes, "  of %llu hart%s",
                 (unsigned long long)saved->scenario.hart_count,
                 saved->scenario.hart_count == 1 ? "" : "s");
    } else if (strcmp(tag, "CONS") == 0) {
        snprintf(text, text_bytes, "  %s were written to it",
                 people_bytes(&people, machine_console_total(guest)));
    } else if (strcmp(tag, "MAIL") == 0) {
        const struct mailbox *mailbox = machine_mailbox(guest);
        for (unsigned i = 0; i < MAILBOX_STREAMS; i++)
            streams += mailbox->slots[i].state != MAILBOX_FREE;
        snprintf(text, text_bytes, "  %s, %u connections",
                 mailbox_is_listening(mailbox) ? "it listens" : "it listens to nobody", streams);
    }
}

static void print_parts(const struct saved_machine *saved, const struct bytes *state,
                        bool is_interaction)
{
    struct bytes_reader reader;
    char tag[5], remark[80];
    uint32_t body_bytes;

    bytes_reader_init(&reader, state->data, state->count);
    while (sections_next(&reader, tag, &body_bytes)) {
        const struct part *part = find_part(tag);
        struct people people = {0};
        if ((part != NULL && part->is_interaction) != is_interaction)
            continue;
        write_remark(saved, tag, remark, sizeof remark);
        printf("  %-16s%12s%s\n", part != NULL ? part->name : tag,
               people_bytes(&people, body_bytes), remark);
    }
}

static uint64_t count_filled(const struct guest *guest)
{
    static const uint8_t nothing[PAGE_BYTES];
    uint8_t page[PAGE_BYTES];
    uint64_t count = 0;

    for (uint64_t i = 0; i < guest->total_pages; i++) {
        guest->ops->read_contents(guest, i, page);
        count += memcmp(page, nothing, sizeof page) != 0;
    }
    return count;
}

static void print_saved(const char *path, const struct saved_machine *saved)
{
    struct guest *guest = saved->guest;
    struct people people = {0};
    struct bytes state = {0};

    guest->ops->save(guest, &state);
    printf("%-18s%s\n", "file", path);
    printf("%-18s%s: a saved machine\n", "size", people_bytes(&people, saved->file_bytes));
    printf("%-18s%s, image %s\n", "guest", saved->scenario.guest, saved->scenario.image);
    printf("%-18safter %s of its life and %s instructions\n", "stands still",
           people_time(&people, guest->ops->now_ns(guest)),
           people_count(&people, guest->ops->instructions(guest)));
    printf("%-18s%016llx\n", "digest", (unsigned long long)guest->ops->digest(guest));
    printf("execution state: what its own instructions see\n");
    printf("  %-16s%12s  %s pages, %s of them hold something\n", "memory",
           people_bytes(&people, guest->total_pages * PAGE_BYTES),
           people_count(&people, guest->total_pages), people_count(&people, count_filled(guest)));
    print_parts(saved, &state, false);
    printf("interaction state: what the world believes about it\n");
    print_parts(saved, &state, true);
    bytes_fini(&state);
}

int guest_saved_info(const struct command *command, const char *path)
{
    struct problem problem = {STATUS_OK, ""};
    struct saved_machine saved;
    int status = EXIT_DONE;

    if (saved_file_read(path, &saved, &problem) == STATUS_OK)
        print_saved(path, &saved);
    else
        status = command_refuse(command, &problem);
    saved_machine_fini(&saved);
    return status;
}
