#include "labs/lab_text.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tui/canvas.h"

struct reading {
    struct lab_text *text;
    struct bytes body;    /* of the section that is being read */
    bool is_in_paragraph; /* the next line is joined to what the body ends with */
    bool is_gap_wanted;   /* an empty line stood there */
    uint32_t line;
    struct problem *problem;
};

static enum status refuse(struct reading *reading, const char *detail)
{
    return problem_set(reading->problem, STATUS_BAD_INPUT, "%.200s:%u: %s", reading->text->path,
                       reading->line, detail);
}

static char *copy_text(const char *text, size_t count)
{
    char *copy = strndup(text, count);
    MUST(copy != NULL);
    return copy;
}

/* The last character of what was read so far. */
static uint32_t last_code(const struct bytes *body)
{
    size_t at = body->count;
    char last[5] = "";
    const char *text = last;

    while (at > 0 && (body->data[--at] & 0xc0) == 0x80)
        ;
    snprintf(last, sizeof last, "%.*s", (int)(body->count - at), (const char *)body->data + at);
    return *text != '\0' ? canvas_next_code(&text) : 0;
}

/* Marks such as the full stop of Chinese bring their blank along. */
static bool is_wide_mark(uint32_t code)
{
    return (code >= 0x3000 && code <= 0x303f) || (code >= 0xff00 && code <= 0xff60);
}

/* Chinese has no blanks between its characters; all else has one between two lines. */
static void join(struct reading *reading, const char *line)
{
    const char *text = line;
    uint32_t before = last_code(&reading->body), after = canvas_next_code(&text);

    if (!is_wide_mark(before) && !is_wide_mark(after) &&
        (canvas_code_width(before) == 1 || canvas_code_width(after) == 1))
        bytes_put_u8(&reading->body, ' ');
    bytes_put(&reading->body, line, strlen(line));
}

static void add_to_body(struct reading *reading, const char *line)
{
    bool is_kept = *line == ' ';

    if (*line == '\0') {
        reading->is_gap_wanted = reading->body.count > 0;
        reading->is_in_paragraph = false;
        return;
    }
    if (reading->is_in_paragraph && !is_kept) {
        join(reading, line);
        return;
    }
    if (reading->body.count > 0)
        bytes_put_u8(&reading->body, '\n');
    if (reading->is_gap_wanted)
        bytes_put_u8(&reading->body, '\n');
    bytes_put(&reading->body, line, strlen(line));
    reading->is_gap_wanted = false;
    reading->is_in_paragraph = !is_kept;
}

static void end_section(struct reading *reading)
{
    const struct bytes *body = &reading->body;
    struct lab_section *last =
        reading->text->count > 0 ? &reading->text->sections[reading->text->count - 1] : NULL;

    /* Where the next head was refused, the section has ended already. */
    if (last != NULL && last->body == NULL)
        last->body = copy_text(body->count > 0 ? (const char *)body->data : "", body->count);
    bytes_clear(&reading->body);
    reading->is_in_paragraph = reading->is_gap_wanted = false;
}

/* "== KEY: TITLE" or "== KEY" */
static enum status begin_section(struct reading *reading, const char *line)
{
    struct lab_text *text = reading->text;
    const char *key = line + 2 + strspn(line + 2, " ");
    size_t key_bytes = strcspn(key, ": ");
    const char *title = key + key_bytes;

    end_section(reading);
    title += *title == ':';
    title += strspn(title, " ");
    if (key_bytes == 0 || (*title != '\0' && key[key_bytes] != ':'))
        return refuse(reading, "this is no head of a section: write == KEY or == KEY: TITLE");
    char *name = copy_text(key, key_bytes);
    bool is_doubled = lab_text_find(text, name, NULL) != NULL;
    text->sections = realloc(text->sections, (text->count + 1) * sizeof *text->sections);
    MUST(text->sections != NULL);
    text->sections[text->count++] =
        (struct lab_section){name, copy_text(title, strlen(title)), NULL, reading->line};
    if (is_doubled)
        return refuse(reading, "this section was there already: keep one of them");
    return STATUS_OK;
}

/* What stands before the first section: title and summary of the lab. */
static enum status take_head(struct reading *reading, const char *line)
{
    struct lab_text *text = reading->text;

    if (*line == '\0')
        return STATUS_OK;
    if (strncmp(line, "title = ", 8) == 0)
        snprintf(text->title, sizeof text->title, "%s", line + 8);
    else if (strncmp(line, "summary = ", 10) == 0)
        snprintf(text->summary, sizeof text->summary, "%s", line + 10);
    else
        return refuse(reading,
                      "before the first == KEY there are only title = ... and summary = ...");
    return STATUS_OK;
}

/* Bytes that are no UTF-8, and what a terminal would obey. */
static bool is_readable(const char *line)
{
    while (*line != '\0') {
        bool is_tilde = *line == '~';
        if (canvas_next_code(&line) == '~' && !is_tilde)
            return false;
    }
    return true;
}

static enum status take_line(struct reading *reading, char *line)
{
    for (size_t end = strlen(line); end > 0 && strchr(" \r\n", line[end - 1]) != NULL;)
        line[--end] = '\0';
    if (!is_readable(line))
        return refuse(reading, "this line is no text in UTF-8 (or holds a tabulator)");
    if (*line == ';')
        return STATUS_OK;
    if (strncmp(line, "==", 2) == 0)
        return begin_section(reading, line);
    if (reading->text->count == 0)
        return take_head(reading, line);
    add_to_body(reading, line);
    return STATUS_OK;
}

enum status lab_text_load(struct lab_text *text, const char *path, struct problem *problem)
{
    struct reading reading = {.text = text, .problem = problem};
    enum status status = STATUS_OK;
    char *line = NULL;
    size_t capacity = 0;

    *text = (struct lab_text){0};
    snprintf(text->path, sizeof text->path, "%s", path);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return problem_set(problem, STATUS_NO_FILE, "%.200s: %s", path, strerror(errno));
    while (status == STATUS_OK && getline(&line, &capacity, file) >= 0) {
        reading.line++;
        status = take_line(&reading, line);
    }
    if (status == STATUS_OK && ferror(file))
        status = problem_set(problem, STATUS_NO_FILE, "%.200s: it cannot be read", path);
    if (status == STATUS_OK && (*text->title == '\0' || *text->summary == '\0'))
        status = refuse(&reading, "the lab has no title or no summary: begin with title = ... and "
                                  "summary = ...");
    end_section(&reading);
    free(line);
    fclose(file);
    bytes_fini(&reading.body);
    return status;
}

void lab_text_fini(struct lab_text *text)
{
    for (size_t i = 0; i < text->count; i++) {
        free(text->sections[i].key);
        free(text->sections[i].title);
        free(text->sections[i].body);
    }
    free(text->sections);
    text->sections = NULL;
    text->count = 0;
}

const struct lab_section *lab_text_find(const struct lab_text *text, const char *key,
                                        const char *part)
{
    size_t key_bytes = strlen(key);

    for (size_t i = 0; i < text->count; i++) {
        const char *name = text->sections[i].key;
        if (part == NULL && strcmp(name, key) == 0)
            return &text->sections[i];
        if (part != NULL && strncmp(name, key, key_bytes) == 0 && name[key_bytes] == '/' &&
            strcmp(name + key_bytes + 1, part) == 0)
            return &text->sections[i];
    }
    return NULL;
}
