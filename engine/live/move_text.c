#include "live/move_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "migrate/saved.h"

#define LINK_BITS_PER_S 1000000000000ull

static const char *const answers[] = {
    [MOVE_READY] = "ready", [MOVE_REFUSED] = "refused", [MOVE_UNKNOWN] = "unknown"};

bool move_text_is_id(const char *text)
{
    return strlen(text) == MOVE_ID_BYTES - 1 &&
           strspn(text, "0123456789abcdef") == MOVE_ID_BYTES - 1;
}

bool move_text_is_token(const char *text)
{
    size_t count = strlen(text);
    return count > 0 && count < MOVE_ID_BYTES && strspn(text, "0123456789abcdef") == count;
}

/* ---- Writing ---- */

static void put_line(struct bytes *text, const char *key, const char *value)
{
    bytes_put(text, key, strlen(key));
    bytes_put(text, " = ", 3);
    bytes_put(text, value, strlen(value));
    bytes_put_u8(text, '\n');
}

static void put_number(struct bytes *text, const char *key, uint64_t number)
{
    char value[24];
    snprintf(value, sizeof value, "%llu", (unsigned long long)number);
    put_line(text, key, value);
}

void move_text_put(struct bytes *to, const struct move_text *text)
{
    struct bytes lines = {0};

    put_line(&lines, "move", text->id);
    put_number(&lines, "stream", text->stream_idx);
    put_line(&lines, "recover", text->is_recovery ? "yes" : "no");
    put_number(&lines, "moves", text->moves);
    put_line(&lines, "uses-disk", text->uses_disk ? "yes" : "no");
    if (*text->gateway != '\0')
        put_line(&lines, "gateway", text->gateway);
    /* How wide the link is just now is no matter of the other end's, and a real one is no mistyped
     * unit, however long a move takes over it. */
    struct scenario scenario = text->scenario;
    scenario.bandwidth_bits_per_s = LINK_BITS_PER_S;
    scenario_text(&scenario, &lines); /* with a NUL */
    saving_begin(to, (const char *)lines.data);
    bytes_fini(&lines);
}

void move_text_put_answer(struct bytes *to, enum move_answer answer, const char *reason)
{
    struct bytes lines = {0};

    put_line(&lines, "answer", answers[answer]);
    if (answer != MOVE_READY)
        put_line(&lines, "reason", reason);
    bytes_put_u8(&lines, 0);
    saving_begin(to, (const char *)lines.data);
    bytes_fini(&lines);
}

/* ---- Reading ---- */

/* Longer than any value but the guest's arguments, which may be as long as the text. */
struct key_value {
    char key[32];
    char value[SAVED_TEXT_MAX];
};

/* The next line; false: there is none (*is_broken: what there is, is no line). */
static bool next_line(const char **at, const char *end, struct key_value *line, bool *is_broken)
{
    const char *line_end = *at < end ? memchr(*at, '\n', (size_t)(end - *at)) : NULL;
    const char *equals = NULL;

    *is_broken = *at < end;
    if (line_end == NULL || memchr(*at, '\0', (size_t)(line_end - *at)) != NULL)
        return false;
    for (const char *c = *at; c + 3 <= line_end && equals == NULL; c++)
        equals = memcmp(c, " = ", 3) == 0 ? c : NULL;
    if (equals == NULL || equals == *at || (size_t)(equals - *at) >= sizeof line->key ||
        (size_t)(line_end - equals - 3) >= sizeof line->value)
        return false;
    snprintf(line->key, sizeof line->key, "%.*s", (int)(equals - *at), *at);
    snprintf(line->value, sizeof line->value, "%.*s", (int)(line_end - equals - 3), equals + 3);
    *at = line_end + 1;
    *is_broken = false;
    return true;
}

static enum status set_number(const struct key_value *line, uint64_t most, uint64_t *number,
                              struct problem *problem)
{
    if (units_parse(UNIT_COUNT, line->value, number, NULL) != STATUS_OK || *number > most)
        return problem_set(problem, STATUS_BAD_INPUT, "%s = %.40s: it is a number up to %llu",
                           line->key, line->value, (unsigned long long)most);
    return STATUS_OK;
}

static enum status set_id(const struct key_value *line, char id[MOVE_ID_BYTES],
                          struct problem *problem)
{
    if (!move_text_is_id(line->value))
        return problem_set(problem, STATUS_BAD_INPUT, "%s = %.40s: it has 32 hexadecimal digits",
                           line->key, line->value);
    memcpy(id, line->value, MOVE_ID_BYTES);
    return STATUS_OK;
}

/* What a gateway calls itself. */
static enum status set_gateway(const struct key_value *line, char name[MOVE_ID_BYTES],
                               struct problem *problem)
{
    if (!move_text_is_token(line->value))
        return problem_set(problem, STATUS_BAD_INPUT,
                           "%s = %.40s: it has at most 32 hexadecimal digits", line->key,
                           line->value);
    snprintf(name, MOVE_ID_BYTES, "%.*s", MOVE_ID_BYTES - 1, line->value);
    return STATUS_OK;
}

static enum status set_flag(const struct key_value *line, bool *flag, struct problem *problem)
{
    *flag = strcmp(line->value, "yes") == 0;
    if (!*flag && strcmp(line->value, "no") != 0)
        return problem_set(problem, STATUS_BAD_INPUT, "%s = %.40s: it is yes or no", line->key,
                           line->value);
    return STATUS_OK;
}

#define OWN_KEYS 6

static enum status set(struct move_text *text, const struct key_value *line, unsigned *own_set,
                       uint64_t *set, struct problem *problem)
{
    static const char *const own[OWN_KEYS] = {"move",  "stream",  "recover",
                                              "moves", "gateway", "uses-disk"};
    uint64_t number = 0;
    enum status status;
    unsigned idx = 0;

    while (idx < OWN_KEYS && strcmp(line->key, own[idx]) != 0)
        idx++;
    if (idx < OWN_KEYS && (*own_set >> idx & 1) != 0)
        return problem_set(problem, STATUS_BAD_INPUT, "%s is said twice", line->key);
    *own_set |= idx < OWN_KEYS ? 1u << idx : 0;
    switch (idx) {
    case 0:
        return set_id(line, text->id, problem);
    case 1:
        status = set_number(line, MOVE_STREAMS_MAX - 1, &number, problem);
        text->stream_idx = (uint32_t)number;
        return status;
    case 2:
        return set_flag(line, &text->is_recovery, problem);
    case 3:
        return set_number(line, INT64_MAX, &text->moves, problem);
    case 4:
        return set_gateway(line, text->gateway, problem);
    case 5:
        return set_flag(line, &text->uses_disk, problem);
    default:
        break;
    }
    for (uint32_t i = 0; i < scenario_option_count(); i++) {
        if (strcmp(scenario_option(i)->key, line->key) != 0)
            continue;
        if ((*set >> i & 1) != 0)
            return problem_set(problem, STATUS_BAD_INPUT, "%s is said twice", line->key);
        *set |= 1ull << i;
    }
    return scenario_set(&text->scenario, line->key, line->value, problem) == STATUS_OK
               ? STATUS_OK
               : STATUS_BAD_INPUT;
}

enum status move_text_get(const uint8_t *data, size_t count, struct move_text *text,
                          size_t *consumed, struct problem *problem)
{
    struct key_value line;
    const char *at = NULL;
    size_t text_bytes = 0;
    bool is_broken = false;
    unsigned own_set = 0;
    uint64_t options_set = 0;
    struct problem first = {STATUS_OK, ""};

    *text = (struct move_text){0};
    scenario_init(&text->scenario);
    if (saved_read_text(data, count, &at, &text_bytes, consumed, &first) != STATUS_OK)
        return problem_set(problem, STATUS_BAD_INPUT,
                           "what came does not begin as a host does that brings a guest");
    if (*consumed == 0)
        return STATUS_OK;
    const char *end = at + text_bytes;
    while (next_line(&at, end, &line, &is_broken))
        if (set(text, &line, &own_set, &options_set, problem) != STATUS_OK)
            return STATUS_BAD_INPUT;
    if (is_broken || *text->id == '\0')
        return problem_set(problem, STATUS_BAD_INPUT,
                           "the text that says which guest is brought cannot be read");
    return scenario_check(&text->scenario, false, problem) == STATUS_OK ? STATUS_OK
                                                                        : STATUS_BAD_INPUT;
}

enum status move_text_get_answer(const uint8_t *data, size_t count, enum move_answer *answer,
                                 char reason[MESSAGE_REASON_MAX], size_t *consumed,
                                 struct problem *problem)
{
    struct key_value line;
    const char *at = NULL;
    size_t text_bytes = 0;
    bool is_broken = false, has_answer = false;
    struct problem first = {STATUS_OK, ""};

    *reason = '\0';
    if (saved_read_text(data, count, &at, &text_bytes, consumed, &first) != STATUS_OK)
        return problem_set(problem, STATUS_BAD_INPUT, "what answers there is no ferry host");
    if (*consumed == 0)
        return STATUS_OK;
    const char *end = at + text_bytes;
    while (next_line(&at, end, &line, &is_broken)) {
        for (unsigned i = 0; i < sizeof answers / sizeof *answers; i++)
            if (strcmp(line.key, "answer") == 0 && strcmp(line.value, answers[i]) == 0) {
                *answer = (enum move_answer)i;
                has_answer = true;
            }
        if (strcmp(line.key, "reason") == 0)
            snprintf(reason, MESSAGE_REASON_MAX, "%.*s", MESSAGE_REASON_MAX - 1, line.value);
    }
    utf8_make_showable(reason, strlen(reason), ' '); /* it is shown to people */
    if (is_broken || !has_answer)
        return problem_set(problem, STATUS_BAD_INPUT,
                           "the other host's answer cannot be read: is it of this version?");
    return STATUS_OK;
}

void move_text_fini(struct move_text *text)
{
    scenario_fini(&text->scenario);
}
