#include "live/control.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/nearest.h"

const char *control_error_name(enum control_error error)
{
    static const char *const names[CONTROL_ERROR_COUNT] = {
#define CONTROL_ERROR_TEXT(name, text) text,
        CONTROL_ERRORS(CONTROL_ERROR_TEXT)
#undef CONTROL_ERROR_TEXT
    };
    MUST(error < CONTROL_ERROR_COUNT);
    return names[error];
}

/* ---- Lines ---- */

void control_lines_put(struct control_lines *lines, const void *data, size_t count)
{
    /* What was taken goes when something new comes: a line that is borrowed stays until then. */
    bytes_drop_front(&lines->text, lines->taken);
    lines->looked = lines->looked > lines->taken ? lines->looked - lines->taken : 0;
    lines->taken = 0;
    bytes_put(&lines->text, data, count);
}

const char *control_lines_next(struct control_lines *lines, size_t *count, bool *is_too_long)
{
    *is_too_long = false;
    if (lines->text.count == lines->taken) /* there may be no bytes at all */
        return NULL;
    size_t begin = lines->looked > lines->taken ? lines->looked : lines->taken;
    size_t left = lines->text.count - begin;
    const uint8_t *end = left == 0 ? NULL : memchr(lines->text.data + begin, '\n', left);
    const char *line = (const char *)lines->text.data + lines->taken;

    lines->looked = lines->text.count;
    if (end == NULL) {
        *is_too_long = lines->text.count - lines->taken >= CONTROL_LINE_MAX;
        return NULL;
    }
    size_t length = (size_t)((const char *)end - line);
    if (length >= CONTROL_LINE_MAX) {
        *is_too_long = true;
        return NULL;
    }
    lines->taken += length + 1;
    lines->looked = lines->taken;
    *count = length > 0 && line[length - 1] == '\r' ? length - 1 : length;
    return line;
}

void control_lines_fini(struct control_lines *lines)
{
    bytes_fini(&lines->text);
    *lines = (struct control_lines){0};
}

/* ---- Messages ---- */

/* How deep a line nests, before a parser goes there. Brackets within a string are no brackets. */
static unsigned depth_of(const char *line, size_t count)
{
    unsigned depth = 0, deepest = 0;
    bool is_string = false;

    for (size_t i = 0; i < count; i++) {
        if (is_string && line[i] == '\\')
            i++;
        else if (line[i] == '"')
            is_string = !is_string;
        else if (!is_string && (line[i] == '{' || line[i] == '['))
            deepest = ++depth > deepest ? depth : deepest;
        else if (!is_string && (line[i] == '}' || line[i] == ']') && depth > 0)
            depth--;
    }
    return deepest;
}

static enum status parse(const char *line, size_t count, json_t **root, struct problem *problem)
{
    json_error_t error;

    if (depth_of(line, count) > CONTROL_DEPTH_MAX)
        return problem_set(problem, STATUS_BAD_INPUT,
                           "the line nests more than %u deep: no command does", CONTROL_DEPTH_MAX);
    *root = json_loadb(line, count, JSON_REJECT_DUPLICATES, &error);
    if (*root == NULL)
        return problem_set(problem, STATUS_BAD_INPUT,
                           "the line is no JSON: %.120s at its byte %d: write {\"execute\": "
                           "\"status\"}",
                           error.text, error.position);
    if (!json_is_object(*root))
        return problem_set(problem, STATUS_BAD_INPUT,
                           "the line is no JSON object: write {\"execute\": \"status\"}");
    return STATUS_OK;
}

/* It comes back in the reply, and must not make that longer than a line may be. */
static enum status check_id(struct control_message *message, struct problem *problem)
{
    if (message->id == NULL ||
        json_dumpb(message->id, NULL, 0, JSON_COMPACT | JSON_ENCODE_ANY) <= CONTROL_ID_MAX)
        return STATUS_OK;
    message->id = NULL;
    return problem_set(problem, STATUS_BAD_INPUT, "\"id\" has more than %u bytes: a shorter one",
                       CONTROL_ID_MAX);
}

/* Whether `key` stands in "a b c"; keeps the nearest of them in `nearest`. */
static bool is_among(const char *key, const char *keys, char nearest[64])
{
    char word[64];

    *nearest = '\0';
    while (*keys != '\0') {
        int length = (int)strcspn(keys, " ");
        snprintf(word, sizeof word, "%.*s", length, keys);
        if (strcmp(word, key) == 0)
            return true;
        if (*nearest == '\0' || nearest_distance(key, word) < nearest_distance(key, nearest))
            memcpy(nearest, word, sizeof word);
        keys += length;
        keys += *keys == ' ';
    }
    return false;
}

static enum status read_command(struct control_message *message, struct problem *problem)
{
    char nearest[64];
    const char *key;
    json_t *value;

    message->kind = CONTROL_COMMAND;
    message->name = json_string_value(json_object_get(message->root, "execute"));
    message->data = json_object_get(message->root, "arguments");
    if (message->name == NULL)
        return problem_set(problem, STATUS_BAD_INPUT,
                           "\"execute\" is no string: write {\"execute\": \"status\"}");
    if (message->data != NULL && !json_is_object(message->data))
        return problem_set(problem, STATUS_BAD_INPUT,
                           "\"arguments\" is no object: write {\"mode\": \"hybrid\"}, for example");
    json_object_foreach(message->root, key, value)
    {
        if (!is_among(key, "execute arguments id", nearest))
            return problem_set(problem, STATUS_BAD_INPUT,
                               "\"%.40s\" belongs to no command: they have \"execute\", "
                               "\"arguments\" and \"id\"",
                               key);
    }
    return STATUS_OK;
}

static enum status read_error(struct control_message *message, json_t *error,
                              struct problem *problem)
{
    message->kind = CONTROL_ERROR;
    message->name = json_string_value(json_object_get(error, "class"));
    message->desc = json_string_value(json_object_get(error, "desc"));
    if (message->name == NULL || message->desc == NULL)
        return problem_set(problem, STATUS_BAD_INPUT,
                           "\"error\" needs the strings \"class\" and \"desc\"");
    return STATUS_OK;
}

static enum status read_event(struct control_message *message, struct problem *problem)
{
    message->kind = CONTROL_EVENT;
    message->name = json_string_value(json_object_get(message->root, "event"));
    message->data = json_object_get(message->root, "data");
    if (message->name == NULL)
        return problem_set(problem, STATUS_BAD_INPUT, "\"event\" is no string");
    return STATUS_OK;
}

enum status control_read(const char *line, size_t count, struct control_message *message,
                         struct problem *problem)
{
    *message = (struct control_message){0};
    enum status status = parse(line, count, &message->root, problem);
    if (status != STATUS_OK)
        return status;
    message->id = json_object_get(message->root, "id");
    status = check_id(message, problem);
    if (status != STATUS_OK)
        return status;
    if (json_object_get(message->root, "execute") != NULL)
        return read_command(message, problem);
    json_t *error = json_object_get(message->root, "error");
    if (error != NULL)
        return read_error(message, error, problem);
    if (json_object_get(message->root, "event") != NULL)
        return read_event(message, problem);
    message->data = json_object_get(message->root, "return");
    message->kind = CONTROL_RETURN;
    if (message->data != NULL)
        return STATUS_OK;
    message->data = json_object_get(message->root, "ferry");
    message->kind = CONTROL_GREETING;
    if (message->data != NULL)
        return STATUS_OK;
    return problem_set(problem, STATUS_BAD_INPUT,
                       "the line has no \"execute\": write {\"execute\": \"status\"}");
}

void control_message_fini(struct control_message *message)
{
    json_decref(message->root);
    *message = (struct control_message){0};
}

/* ---- Writing ---- */

static json_t *with_id(json_t *message, json_t *id)
{
    if (id != NULL)
        json_object_set(message, "id", id);
    return message;
}

json_t *control_greeting(void)
{
    json_t *about = json_object();

    json_object_set_new(about, "version", json_string("0.1"));
    json_object_set_new(about, "protocol", json_integer(CONTROL_PROTOCOL));
    json_object_set_new(about, "capabilities", json_array());
    return json_pack("{s:o}", "ferry", about);
}

json_t *control_command(const char *name, json_t *arguments, json_t *id)
{
    json_t *message = json_pack("{s:s}", "execute", name);

    if (arguments != NULL)
        json_object_set_new(message, "arguments", arguments);
    return with_id(message, id);
}

json_t *control_return(json_t *value, json_t *id)
{
    return with_id(json_pack("{s:o}", "return", value != NULL ? value : json_object()), id);
}

json_t *control_text_json(const char *text)
{
    json_t *value = json_string(text);
    if (value != NULL)
        return value;
    char *plain = strdup(text);
    MUST(plain != NULL);
    for (char *at = plain; *at != '\0'; at++)
        if ((unsigned char)*at >= 0x80)
            *at = '?';
    value = json_string(plain);
    free(plain);
    return value;
}

json_t *control_refusal(enum control_error error, const char *desc, json_t *id)
{
    json_t *what = json_pack("{s:s}", "class", control_error_name(error));

    json_object_set_new(what, "desc", control_text_json(desc));
    return with_id(json_pack("{s:o}", "error", what), id);
}

uint64_t control_wall_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

json_t *control_event(const char *name, json_t *data, uint64_t wall_us)
{
    return json_pack("{s:s, s:o, s:{s:I, s:I}}", "event", name, "data",
                     data != NULL ? data : json_object(), "timestamp", "seconds",
                     (json_int_t)(wall_us / 1000000), "microseconds",
                     (json_int_t)(wall_us % 1000000));
}

static int append(const char *text, size_t count, void *to)
{
    bytes_put(to, text, count);
    return 0;
}

void control_put(struct bytes *to, json_t *message)
{
    int result = json_dump_callback(message, append, to, JSON_COMPACT);
    MUST(result == 0);
    bytes_put_u8(to, '\n');
    json_decref(message);
}

/* ---- Fields ---- */

enum status control_text(const json_t *object, const char *key, const char **text,
                         struct problem *problem)
{
    const json_t *value = json_object_get(object, key);

    *text = json_string_value(value);
    if (value == NULL || *text != NULL)
        return STATUS_OK;
    return problem_set(problem, STATUS_USAGE, "%s: this is no string: write \"%s\": \"...\"", key,
                       key);
}

uint64_t control_number(const json_t *object, const char *key, uint64_t otherwise)
{
    const json_t *value = json_object_get(object, key);
    bool is_number = json_is_integer(value) && json_integer_value(value) >= 0;

    return is_number ? (uint64_t)json_integer_value(value) : otherwise;
}

const char *control_word(const json_t *object, const char *key, const char *otherwise)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : otherwise;
}

enum status control_know_all(const json_t *arguments, const char *keys, struct problem *problem)
{
    char nearest[64];
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)arguments, key, value)
    {
        if (is_among(key, keys, nearest))
            continue;
        if (*nearest == '\0')
            return problem_set(problem, STATUS_USAGE,
                               "%.40s: this command takes no arguments: leave it out", key);
        return problem_set(problem, STATUS_USAGE,
                           "unknown argument \"%.40s\": the nearest is \"%s\"", key, nearest);
    }
    return STATUS_OK;
}

static enum status set_option(struct scenario *scenario, const char *key, const json_t *value,
                              struct problem *problem)
{
    for (uint32_t i = 0; i < scenario_option_count(); i++) {
        if (strcmp(scenario_option(i)->key, key) != 0)
            continue;
        const char *objection = scenario_part_objection(i, PART_MOVE);
        if (objection != NULL)
            return problem_set(problem, STATUS_USAGE, "%s: %s", key, objection);
    }
    if (!json_is_string(value))
        return problem_set(problem, STATUS_USAGE,
                           "%.40s: this is no string: write the value with its unit, as text", key);
    return scenario_set(scenario, key, json_string_value(value), problem);
}

enum status control_get_options(const json_t *arguments, const char *own, struct scenario *scenario,
                                struct problem *problem)
{
    char nearest[64];
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)arguments, key, value)
    {
        if (!is_among(key, own, nearest) && set_option(scenario, key, value, problem) != STATUS_OK)
            return STATUS_USAGE;
    }
    return STATUS_OK;
}

/* ---- Where the door is ---- */

enum status control_default_path(char path[CONTROL_PATH_MAX], struct problem *problem)
{
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    /* What is no absolute path is to be ignored, says the XDG specification. */
    bool is_absolute = runtime != NULL && runtime[0] == '/';
    int length = is_absolute ? snprintf(path, CONTROL_PATH_MAX, "%s/ferry/control", runtime)
                             : snprintf(path, CONTROL_PATH_MAX, "/tmp/ferry-%lu/control",
                                        (unsigned long)getuid());

    if (length < CONTROL_PATH_MAX)
        return STATUS_OK;
    return problem_set(problem, STATUS_USAGE,
                       "XDG_RUNTIME_DIR is too long for a socket: name one by --control PATH");
}

/* ---- Base 64 ---- */

json_t *control_base64(const uint8_t *data, size_t count)
{
    size_t text_bytes = sodium_base64_ENCODED_LEN(count, sodium_base64_VARIANT_ORIGINAL);
    char *text = malloc(text_bytes);

    MUST(text != NULL);
    sodium_bin2base64(text, text_bytes, data, count, sodium_base64_VARIANT_ORIGINAL);
    json_t *value = json_string(text);
    free(text);
    return value;
}

bool control_unbase64(const char *text, struct bytes *to)
{
    size_t text_bytes = strlen(text), room = text_bytes / 4 * 3 + 3, count = 0;
    uint8_t *data = bytes_extend(to, room);
    const char *end = NULL;
    bool is_whole = sodium_base642bin(data, room, text, text_bytes, NULL, &count, &end,
                                      sodium_base64_VARIANT_ORIGINAL) == 0 &&
                    end == text + text_bytes;

    to->count -= is_whole ? room - count : room;
    return is_whole;
}
