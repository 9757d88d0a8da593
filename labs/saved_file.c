#include "labs/saved_file.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "labs/options.h"
#include "migrate/saved.h"
#include "scenario/guest_build.h"

#define PIECE_BYTES (64u << 10)

static const char *const keys[] = {"guest", "memory", "harts", "cpu-rate", "image"};
#define KEY_COUNT (sizeof keys / sizeof *keys)

/* ---- Writing ---- */

static void put_text(const struct scenario *scenario, struct bytes *text)
{
    for (size_t i = 0; i < KEY_COUNT; i++) {
        char value[sizeof scenario->guest], line[sizeof value + 32];
        scenario_get(scenario, (uint32_t)options_find(keys[i]), value, sizeof value);
        snprintf(line, sizeof line, "%s = %s\n", keys[i], value);
        bytes_put(text, line, strlen(line));
    }
    bytes_put_u8(text, 0);
}

void saved_file_write(FILE *file, const struct scenario *scenario, struct guest *guest,
                      const struct storage *storage)
{
    struct saving saving;
    struct bytes text = {0}, piece = {0};
    bool is_more = true;

    put_text(scenario, &text);
    saving_begin(&piece, (const char *)text.data);
    saving_put_disk(&piece, storage->blocks, (size_t)STORAGE_BLOCKS * DISK_BLOCK_BYTES);
    for (saving_init(&saving, guest); is_more && !ferror(file);
         is_more = saving_next(&saving, &piece)) {
        fwrite(piece.data, 1, piece.count, file);
        bytes_clear(&piece);
    }
    saving_fini(&saving);
    bytes_fini(&text);
    bytes_fini(&piece);
}

/* ---- Reading ---- */

static FILE *open_file(const char *path, struct problem *problem)
{
    struct stat stat_of;
    FILE *file = NULL;

    /* Opening a pipe would wait for its writer, for ever if there is none. */
    if (stat(path, &stat_of) == 0 && !S_ISREG(stat_of.st_mode))
        errno = S_ISDIR(stat_of.st_mode) ? EISDIR : EINVAL;
    else
        file = fopen(path, "rb");
    if (file == NULL) {
        enum status status = problem_set(
            problem, STATUS_NO_FILE, "%.200s: %s: name a file that ferry guest save has made", path,
            errno == EINVAL ? "this is no file" : strerror(errno));
        (void)status;
    }
    return file;
}

bool saved_file_is(const char *path)
{
    uint8_t head[FRAME_HEADER_BYTES + sizeof SAVED_MAGIC - 1];
    FILE *file = open_file(path, NULL);
    bool is_one = file != NULL && fread(head, 1, sizeof head, file) == sizeof head &&
                  memcmp(head + FRAME_HEADER_BYTES, SAVED_MAGIC, sizeof SAVED_MAGIC - 1) == 0;

    if (file != NULL)
        fclose(file);
    return is_one;
}

/* The keys in their order, each once: as put_text writes them. */
static enum status parse_text(const char *text, size_t text_bytes, struct scenario *scenario,
                              struct problem *problem)
{
    const char *end = text + text_bytes;

    for (size_t i = 0; i < KEY_COUNT; i++) {
        char value[sizeof scenario->guest];
        size_t key_bytes = strlen(keys[i]);
        const char *line_end = text < end ? memchr(text, '\n', (size_t)(end - text)) : NULL;
        if (line_end == NULL || (size_t)(line_end - text) < key_bytes + 3 ||
            (size_t)(line_end - text) - key_bytes - 3 >= sizeof value ||
            memcmp(text, keys[i], key_bytes) != 0 || memcmp(text + key_bytes, " = ", 3) != 0 ||
            memchr(text, '\0', (size_t)(line_end - text)) != NULL)
            return problem_set(problem, STATUS_BAD_INPUT,
                               "the text at its beginning does not tell its %s", keys[i]);
        snprintf(value, sizeof value, "%.*s", (int)((size_t)(line_end - text) - key_bytes - 3),
                 text + key_bytes + 3);
        if (scenario_set(scenario, keys[i], value, problem) != STATUS_OK)
            return STATUS_BAD_INPUT;
        text = line_end + 1;
    }
    if (scenario_is_model(scenario))
        return problem_set(problem, STATUS_BAD_INPUT, "guest: a model cannot be saved");
    return scenario_check(scenario, false, problem);
}

/* The machine that the text tells, empty. `*position` is behind the text. */
static enum status read_beginning(FILE *file, struct saved_machine *saved, uint64_t *position,
                                  struct problem *problem)
{
    uint8_t head[FRAME_HEADER_BYTES + sizeof SAVED_MAGIC + SAVED_TEXT_MAX];
    size_t count = fread(head, 1, sizeof head, file), text_bytes, consumed;
    const char *text;
    enum status status = saved_read_text(head, count, &text, &text_bytes, &consumed, problem);

    if (status != STATUS_OK)
        return status;
    if (consumed == 0)
        return problem_set(problem, STATUS_BAD_INPUT,
                           count == 0 ? "it is empty" : "it is cut off at its beginning");
    status = parse_text(text, text_bytes, &saved->scenario, problem);
    if (status == STATUS_OK)
        saved->guest = guest_build_empty(&saved->scenario);
    *position = consumed;
    return status;
}

static enum status read_rest(FILE *file, struct resuming *resuming, struct problem *problem)
{
    uint8_t piece[PIECE_BYTES];
    size_t count;

    while ((count = fread(piece, 1, sizeof piece, file)) > 0) {
        enum status status = resuming_receive(resuming, piece, count, problem);
        if (status != STATUS_OK)
            return status;
    }
    if (ferror(file))
        return problem_set(problem, STATUS_NO_FILE, "it cannot be read: %s", strerror(errno));
    return resuming_finish(resuming, problem);
}

static enum status read_file(FILE *file, struct saved_machine *saved, struct problem *problem)
{
    struct resuming resuming;
    uint64_t position = 0;
    enum status status = read_beginning(file, saved, &position, problem);

    if (status != STATUS_OK)
        return status;
    if (fseek(file, (long)position, SEEK_SET) != 0)
        return problem_set(problem, STATUS_NO_FILE, "it cannot be read: %s", strerror(errno));
    resuming_init(&resuming, saved->guest, position, saved->storage.blocks,
                  (size_t)STORAGE_BLOCKS * DISK_BLOCK_BYTES);
    status = read_rest(file, &resuming, problem);
    saved->file_bytes = resuming.position;
    resuming_fini(&resuming);
    return status;
}

enum status saved_file_read(const char *path, struct saved_machine *saved, struct problem *problem)
{
    struct problem detail = {STATUS_OK, ""};

    *saved = (struct saved_machine){.guest = NULL};
    scenario_init(&saved->scenario);
    storage_init(&saved->storage, HOST_SOURCE);
    FILE *file = open_file(path, problem);
    if (file == NULL)
        return STATUS_NO_FILE;
    enum status status = read_file(file, saved, &detail);
    fclose(file);
    if (status == STATUS_OK)
        return STATUS_OK;
    return problem_set(problem, STATUS_BAD_INPUT, "%.120s: %s", path, detail.text);
}

void saved_machine_fini(struct saved_machine *saved)
{
    if (saved->guest != NULL)
        saved->guest->ops->close(saved->guest);
    storage_fini(&saved->storage);
    scenario_fini(&saved->scenario);
}
