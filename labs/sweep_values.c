#include "labs/sweep_values.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "labs/options.h"
#include "machine/hypercall.h"
#include "wire/message.h"

#define LOAD_MAX 1000.0 /* of w / mu: beyond that nothing changes any more */

static enum status refuse(const struct sweep_values *values, const char *what,
                          struct problem *problem)
{
    return problem_set(problem, STATUS_USAGE, "--vary %s: %s", values->key, what);
}

/* ---- One value ---- */

/* A plain decimal number: what is no measure has no unit. */
static bool parse_real(const char *text, double *value)
{
    char *end;
    *value = strtod(text, &end);
    return end != text && *end == '\0' && strspn(text, "0123456789.eE-+") == strlen(text) &&
           isfinite(*value);
}

static enum status add_number(struct sweep_values *values, double x, struct problem *problem)
{
    struct sweep_value *value = &values->values[values->count];

    if (values->count == SWEEP_POINTS_MAX)
        return refuse(values, "these are more than 1,000 points: write a larger step", problem);
    *value = (struct sweep_value){.x = x};
    if (values->option_idx < 0) {
        snprintf(value->text, sizeof value->text, "%.4g", x);
        value->x = strtod(value->text, NULL); /* what is shown is what is run */
    } else {
        value->number = (uint64_t)(x + 0.5);
        value->x = (double)value->number;
        units_format(scenario_option((uint32_t)values->option_idx)->kind, value->number,
                     value->text, sizeof value->text);
    }
    values->count++;
    return STATUS_OK;
}

static enum status parse_number(const struct sweep_values *values, const char *text, double *x,
                                struct problem *problem)
{
    struct problem detail = {STATUS_OK, ""};
    uint64_t number;

    if (values->option_idx < 0) {
        if (parse_real(text, x) && *x > 0 && *x <= LOAD_MAX)
            return STATUS_OK;
        return problem_set(problem, STATUS_USAGE,
                           "--vary load: \"%.40s\" is no part of what the link can copy: write a "
                           "number such as 0.5",
                           text);
    }
    enum unit_kind kind = scenario_option((uint32_t)values->option_idx)->kind;
    if (units_parse(kind, text, &number, &detail) != STATUS_OK)
        return problem_set(problem, detail.status, "--vary %s: %s", values->key, detail.text);
    *x = (double)number;
    return STATUS_OK;
}

/* ---- a,b,c ---- */

static enum status add_word(struct sweep_values *values, const char *text, struct problem *problem)
{
    struct sweep_value *value = &values->values[values->count];

    if (values->count == SWEEP_POINTS_MAX)
        return refuse(values, "these are more than 1,000 points", problem);
    *value = (struct sweep_value){.x = values->count};
    if (snprintf(value->text, sizeof value->text, "%s", text) >= (int)sizeof value->text)
        return refuse(values, "a value is too long", problem);
    values->count++;
    return STATUS_OK;
}

static enum status parse_list(struct sweep_values *values, char *text, struct problem *problem)
{
    for (char *next; text != NULL; text = next) {
        double x;
        next = strchr(text, ',');
        if (next != NULL)
            *next++ = '\0';
        if (*text == '\0')
            return refuse(values, "a value is empty: write a,b,c", problem);
        enum status status = values->is_word ? add_word(values, text, problem)
                                             : parse_number(values, text, &x, problem);
        if (status == STATUS_OK && !values->is_word)
            status = add_number(values, x, problem);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

/* ---- from..to ---- */

static enum status add_steps(struct sweep_values *values, double from, double to, double step,
                             struct problem *problem)
{
    /* The last step may miss its end by what a decimal fraction loses in binary. */
    for (uint32_t i = 0; from + i * step <= to + step * 1e-9; i++)
        if (add_number(values, from + i * step, problem) != STATUS_OK)
            return STATUS_USAGE;
    return STATUS_OK;
}

static enum status add_factors(struct sweep_values *values, double from, double to,
                               const char *factor_text, struct problem *problem)
{
    double factor;

    if (!parse_real(factor_text, &factor) || factor <= 1 || from <= 0)
        return refuse(values, "a factor is a number above 1, from a value above 0: write 1..8*2",
                      problem);
    values->is_factor = true;
    for (double x = from; x <= to * (1 + 1e-9); x *= factor)
        if (add_number(values, x, problem) != STATUS_OK)
            return STATUS_USAGE;
    return STATUS_OK;
}

/* What a value between two others must be a multiple of: a page, or a MiB of many; a kIPS. */
static double grain(const struct sweep_values *values, double range)
{
    if (values->option_idx < 0)
        return 0;
    switch (scenario_option((uint32_t)values->option_idx)->kind) {
    case UNIT_SIZE:
        return range >= (SWEEP_POINTS_DEFAULT << 20) ? 1 << 20 : PAGE_BYTES;
    case UNIT_CPU_RATE:
        return 1000;
    default:
        return 1;
    }
}

/* As far from each other as can be; counts that are too near to differ stand once. */
static enum status add_evenly(struct sweep_values *values, double from, double to,
                              struct problem *problem)
{
    double unit = grain(values, to - from);

    for (uint32_t i = 0; i < SWEEP_POINTS_DEFAULT; i++) {
        double x = from + (to - from) * i / (SWEEP_POINTS_DEFAULT - 1);
        if (unit > 0 && i > 0 && i + 1 < SWEEP_POINTS_DEFAULT)
            x = floor(x / unit + 0.5) * unit;
        enum status status = add_number(values, x, problem);
        if (status != STATUS_OK)
            return status;
        if (values->count > 1 &&
            values->values[values->count - 1].x <= values->values[values->count - 2].x)
            values->count--;
    }
    return STATUS_OK;
}

static enum status parse_range(struct sweep_values *values, char *text, char *dots,
                               struct problem *problem)
{
    double from, to, step;
    char *tail = dots + 2;
    char *sign = tail + strcspn(tail, "+*");
    char kind = *sign;

    *dots = '\0';
    *sign = '\0';
    if (values->is_word)
        return refuse(values, "its values are words: write them as a,b,c", problem);
    if (parse_number(values, text, &from, problem) != STATUS_OK ||
        parse_number(values, tail, &to, problem) != STATUS_OK)
        return STATUS_USAGE;
    if (from >= to)
        return refuse(values, "a range goes from the smaller value to the larger: write 1..8",
                      problem);
    if (kind == '\0')
        return add_evenly(values, from, to, problem);
    if (kind == '*')
        return add_factors(values, from, to, sign + 1, problem);
    if (parse_number(values, sign + 1, &step, problem) != STATUS_OK)
        return STATUS_USAGE;
    if (step <= 0)
        return refuse(values, "a step of nothing leads nowhere", problem);
    return add_steps(values, from, to, step, problem);
}

enum status sweep_values_parse(struct sweep_values *values, const char *text,
                               struct problem *problem)
{
    size_t key_bytes = strcspn(text, "=");

    *values = (struct sweep_values){.option_idx = -1};
    snprintf(values->key, sizeof values->key, "%.*s", (int)key_bytes, text);
    if (text[key_bytes] != '=' || key_bytes == 0 || text[key_bytes + 1] == '\0')
        return problem_set(problem, STATUS_USAGE,
                           "--vary \"%.40s\": write what is varied and its values, such as "
                           "harts=1,2,4 or load=0.1..0.9",
                           text);
    if (strcmp(values->key, "load") != 0) {
        values->option_idx = options_find(values->key);
        if (values->option_idx < 0)
            return problem_set(problem, STATUS_USAGE,
                               "--vary %.40s: there is no such option: ferry help run lists them; "
                               "or write load",
                               values->key);
        values->is_word = !scenario_option((uint32_t)values->option_idx)->is_number;
    }
    values->values = calloc(SWEEP_POINTS_MAX, sizeof *values->values);
    char *copy = strdup(text + key_bytes + 1);
    MUST(values->values != NULL && copy != NULL);
    /* A path may hold two dots; a range of words there is none. */
    char *dots = values->is_word ? NULL : strstr(copy, "..");
    enum status status =
        dots != NULL ? parse_range(values, copy, dots, problem) : parse_list(values, copy, problem);
    free(copy);
    return status;
}

void sweep_values_fini(struct sweep_values *values)
{
    free(values->values);
    values->values = NULL;
}

/* ---- Values to scenarios ---- */

static void format_load(const struct scenario *scenario, double load, char *text, size_t bytes)
{
    uint64_t bits_per_s = scenario->bandwidth_bits_per_s;

    if (scenario->bandwidth_limit_bits_per_s < bits_per_s)
        bits_per_s = scenario->bandwidth_limit_bits_per_s;
    double rate = load * (double)bits_per_s / 8 / MESSAGE_PAGE_WIRE_BYTES;
    units_format(UNIT_PAGE_RATE, rate < 1 ? 1 : (uint64_t)(rate + 0.5), text, bytes);
}

static const char *option_key(const struct sweep_values *values)
{
    return values->option_idx < 0 ? "dirty-rate" : values->key;
}

enum status sweep_values_apply(const struct sweep_values *values, uint32_t idx,
                               const struct scenario *from, struct scenario *to,
                               struct problem *problem)
{
    const struct sweep_value *value = &values->values[idx];
    struct problem detail = {STATUS_OK, ""};
    char text[64];

    scenario_copy(to, from);
    snprintf(text, sizeof text, "%s", value->text);
    if (values->option_idx < 0)
        format_load(from, value->x, text, sizeof text);
    enum status status = scenario_set(to, option_key(values), text, &detail);
    if (status == STATUS_OK)
        status = scenario_check(to, false, &detail);
    if (status == STATUS_OK)
        return status;
    return problem_set(problem, status, "--vary %s=%s: %s", values->key, value->text, detail.text);
}

bool sweep_values_at(const struct sweep_values *values, double x, const struct scenario *from,
                     struct scenario *to)
{
    char text[64];

    if (values->is_word)
        return false;
    if (values->option_idx < 0)
        format_load(from, x, text, sizeof text);
    else
        units_format(scenario_option((uint32_t)values->option_idx)->kind, (uint64_t)(x + 0.5), text,
                     sizeof text);
    scenario_copy(to, from);
    if (scenario_set(to, option_key(values), text, NULL) == STATUS_OK)
        return true;
    scenario_fini(to);
    return false;
}
