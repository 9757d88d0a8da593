#include "labs/ini.h"

#include <ini.h>
#include <stdlib.h>
#include <string.h>

#include "labs/options.h"

/* What the reader and the handler share. inih calls them in turn: one line is read, then handled.
 */
struct reading {
    FILE *file;
    const char *path;
    struct ini *ini;
    uint32_t line; /* the one that was read last; the first is 1 */
    uint32_t handled_line;
    bool is_key_expected;
    struct problem *problem;
};

static enum status refuse(const char *path, uint32_t line, const char *detail,
                          struct problem *problem)
{
    return problem_set(problem, STATUS_USAGE, "%.160s:%u: %s", path, line, detail);
}

static char *copy_text(const char *text, size_t count)
{
    char *copy = strndup(text, count);
    MUST(copy != NULL);
    return copy;
}

static void add_line(struct reading *reading, char *section, char *key, char *value)
{
    struct ini *ini = reading->ini;

    ini->lines = realloc(ini->lines, (ini->count + 1) * sizeof *ini->lines);
    MUST(ini->lines != NULL);
    ini->lines[ini->count++] = (struct ini_line){reading->line, section, key, value};
}

/* What inih would misread is refused before it sees it: it cuts a long line into false keys, and
 * joins an indented one to the key above. */
static const char *line_objection(const char *line, size_t count)
{
    if (count > INI_LINE_MAX)
        return "the line is too long: write at most 190 bytes";
    if (memchr(line, '\0', count) != NULL)
        return "the line holds a zero byte: this is no text";
    if ((*line == ' ' || *line == '\t') && strspn(line, " \t\r\n") < count)
        return "the line is indented: begin it at its first column";
    if (*line == '[' && memchr(line, ']', count) == NULL)
        return "this section has no end: write [NAME]";
    if (*line == '[' && strcspn(line, "]") > INI_SECTION_MAX + 1)
        return "the section's name is too long: write at most 40 bytes";
    return NULL;
}

/* fgets as inih wants it. A failure ends the reading: it looks like the end of the file. */
static char *read_line(char *text, int capacity, void *context)
{
    struct reading *reading = context;
    size_t count = 0;
    int byte;

    if (reading->problem->status != STATUS_OK)
        return NULL;
    /* The line before should have been a key, and the handler has not seen one. */
    if (reading->is_key_expected && reading->handled_line != reading->line) {
        refuse(reading->path, reading->line, "this is no line of the form key = value",
               reading->problem);
        return NULL;
    }
    reading->line++;
    while (count < (size_t)capacity - 1 && (byte = getc(reading->file)) != EOF) {
        text[count++] = (char)byte;
        if (byte == '\n')
            break;
    }
    text[count] = '\0';
    if (count == 0)
        return NULL;
    if (reading->line == 1 &&
        strncmp(text, "\xef\xbb\xbf", 3) == 0) /* some editors' mark of UTF-8 */
        memmove(text, text + 3, (count -= 3) + 1);
    size_t length = count > 0 && text[count - 1] == '\n' ? count - 1 : count;
    const char *objection = reading->line > INI_LINES_MAX
                                ? "the file is too long: write at most 4000 lines"
                                : line_objection(text, length);
    if (objection != NULL) {
        refuse(reading->path, reading->line, objection, reading->problem);
        return NULL;
    }
    size_t blanks = strspn(text, " \t\r\n");
    reading->is_key_expected = text[blanks] != '\0' && strchr(";#[", text[blanks]) == NULL;
    if (*text == '[')
        add_line(reading, copy_text(text + 1, strcspn(text + 1, "]")), NULL, NULL);
    return text;
}

static int handle_key(void *context, const char *section, const char *key, const char *value)
{
    struct reading *reading = context;

    reading->handled_line = reading->line;
    if (reading->problem->status != STATUS_OK)
        return 0;
    add_line(reading, copy_text(section, strlen(section)), copy_text(key, strlen(key)),
             copy_text(value, strlen(value)));
    return 1;
}

enum status ini_load(FILE *file, const char *path, struct ini *ini, struct problem *problem)
{
    struct problem own = {STATUS_OK, ""};
    struct reading reading = {.file = file, .path = path, .ini = ini, .problem = &own};

    *ini = (struct ini){0};
    int line = ini_parse_stream(read_line, &reading, handle_key, &reading);
    if (ferror(file))
        return problem_set(problem, STATUS_NO_FILE, "%s: it cannot be read", path);
    if (own.status == STATUS_OK && line != 0)
        refuse(path, (uint32_t)line, "this is no line of the form key = value", &own);
    if (own.status != STATUS_OK)
        return problem_set(problem, own.status, "%s", own.text);
    return STATUS_OK;
}

void ini_fini(struct ini *ini)
{
    for (size_t i = 0; i < ini->count; i++) {
        free(ini->lines[i].section);
        free(ini->lines[i].key);
        free(ini->lines[i].value);
    }
    free(ini->lines);
    *ini = (struct ini){0};
}

static enum status set_option(const struct ini_line *line, const char *path,
                              struct scenario *scenario, uint32_t line_of[64],
                              struct problem *problem)
{
    struct problem detail = {STATUS_OK, ""};
    int idx = options_find(line->key);

    if (idx >= 0 && line_of[idx] != 0)
        return problem_set(problem, STATUS_USAGE,
                           "%.160s:%u: \"%s\" was given already in line %u: keep one of them", path,
                           line->number, line->key, line_of[idx]);
    if (scenario_set(scenario, line->key, line->value, &detail) != STATUS_OK)
        return refuse(path, line->number, detail.text, problem);
    line_of[idx] = line->number;
    return STATUS_OK;
}

enum status ini_read(FILE *file, const char *path, struct scenario *scenario, uint32_t line_of[64],
                     struct problem *problem)
{
    struct ini ini;
    enum status status = ini_load(file, path, &ini, problem);
    bool has_section = false;

    for (size_t i = 0; status == STATUS_OK && i < ini.count; i++) {
        const struct ini_line *line = &ini.lines[i];
        if (line->key != NULL)
            status = set_option(line, path, scenario, line_of, problem);
        else if (strcmp(line->section, "scenario") != 0)
            status =
                refuse(path, line->number, "unknown section: the only one is [scenario]", problem);
        else if (has_section)
            status = refuse(path, line->number, "[scenario] was there already: keep one of them",
                            problem);
        has_section |= line->key == NULL;
    }
    ini_fini(&ini);
    return status;
}
