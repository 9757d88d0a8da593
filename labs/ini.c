#include "labs/ini.h"

#include <ini.h>
#include <string.h>

#include "labs/options.h"

/* What the reader and the handler share. inih calls them in turn: one line is read, then handled.
 */
struct reading {
    FILE *file;
    const char *path;
    struct scenario *scenario;
    uint32_t *line_of;
    uint32_t line; /* the one that was read last; the first is 1 */
    uint32_t handled_line;
    bool is_key_expected;
    bool has_section;
    struct problem *problem;
};

static enum status refuse(struct reading *reading, const char *detail)
{
    return problem_set(reading->problem, STATUS_USAGE, "%s:%u: %s", reading->path, reading->line,
                       detail);
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
        refuse(reading, "this is no line of the form key = value");
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
    if (line_objection(text, length) != NULL) {
        refuse(reading, line_objection(text, length));
        return NULL;
    }
    size_t blanks = strspn(text, " \t\r\n");
    reading->is_key_expected = text[blanks] != '\0' && strchr(";#[", text[blanks]) == NULL;
    if (text[blanks] == '[' && strncmp(text, "[scenario]", 10) != 0) {
        refuse(reading, "unknown section: the only one is [scenario]");
        return NULL;
    }
    if (text[blanks] == '[' && reading->has_section) {
        refuse(reading, "[scenario] was there already: keep one of them");
        return NULL;
    }
    reading->has_section |= text[blanks] == '[';
    return text;
}

static int handle_key(void *context, const char *section, const char *key, const char *value)
{
    struct reading *reading = context;
    struct problem detail = {STATUS_OK, ""};
    int idx = options_find(key);

    (void)section; /* read_line lets no other through */
    reading->handled_line = reading->line;
    if (reading->problem->status != STATUS_OK)
        return 0;
    if (idx >= 0 && reading->line_of[idx] != 0) {
        snprintf(detail.text, sizeof detail.text,
                 "\"%s\" was given already in line %u: keep one of them", key,
                 reading->line_of[idx]);
        refuse(reading, detail.text);
        return 0;
    }
    if (scenario_set(reading->scenario, key, value, &detail) != STATUS_OK) {
        refuse(reading, detail.text);
        return 0;
    }
    reading->line_of[idx] = reading->line;
    return 1;
}

enum status ini_read(FILE *file, const char *path, struct scenario *scenario, uint32_t line_of[64],
                     struct problem *problem)
{
    struct problem own = {STATUS_OK, ""};
    struct reading reading = {
        .file = file,
        .path = path,
        .scenario = scenario,
        .line_of = line_of,
        .problem = &own,
    };
    int line = ini_parse_stream(read_line, &reading, handle_key, &reading);

    if (ferror(file))
        return problem_set(problem, STATUS_NO_FILE, "%s: it cannot be read", path);
    if (own.status == STATUS_OK && line != 0) {
        reading.line = (uint32_t)line;
        refuse(&reading, "this is no line of the form key = value");
    }
    if (own.status != STATUS_OK)
        return problem_set(problem, own.status, "%s", own.text);
    return STATUS_OK;
}
