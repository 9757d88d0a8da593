#include "base/units.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct unit {
    enum unit_kind kind;
    const char *name;
    uint64_t factor;
    int is_exact_form; /* units_format may write it */
    int is_for_people; /* units_for_people may write it */
};

/* Within a kind, from large to small, so that the first that divides is the shortest form. */
static const struct unit units[] = {
    {UNIT_SIZE, "TiB", 1ull << 40, 1, 1},
    {UNIT_SIZE, "GiB", 1ull << 30, 1, 1},
    {UNIT_SIZE, "MiB", 1ull << 20, 1, 1},
    {UNIT_SIZE, "KiB", 1ull << 10, 1, 1},
    {UNIT_SIZE, "TB", 1000000000000ull, 0, 0},
    {UNIT_SIZE, "GB", 1000000000ull, 0, 0},
    {UNIT_SIZE, "MB", 1000000ull, 0, 0},
    {UNIT_SIZE, "kB", 1000ull, 0, 0},
    {UNIT_SIZE, "B", 1, 1, 1},
    {UNIT_TIME, "min", 60 * NS_PER_S, 0, 0},
    {UNIT_TIME, "s", NS_PER_S, 1, 1},
    {UNIT_TIME, "ms", NS_PER_MS, 1, 1},
    {UNIT_TIME, "us", NS_PER_US, 1, 1},
    {UNIT_TIME, "ns", 1, 1, 1},
    {UNIT_BANDWIDTH, "Tbit/s", 1000000000000ull, 0, 0},
    {UNIT_BANDWIDTH, "Gbit/s", 1000000000ull, 1, 1},
    {UNIT_BANDWIDTH, "Mbit/s", 1000000ull, 1, 1},
    {UNIT_BANDWIDTH, "kbit/s", 1000ull, 1, 1},
    {UNIT_BANDWIDTH, "bit/s", 1, 1, 1},
    {UNIT_BANDWIDTH, "GiB/s", 8ull << 30, 0, 0},
    {UNIT_BANDWIDTH, "MiB/s", 8ull << 20, 0, 0},
    {UNIT_BANDWIDTH, "KiB/s", 8ull << 10, 0, 0},
    {UNIT_BANDWIDTH, "GB/s", 8000000000ull, 0, 0},
    {UNIT_BANDWIDTH, "MB/s", 8000000ull, 0, 0},
    {UNIT_BANDWIDTH, "kB/s", 8000ull, 0, 0},
    {UNIT_BANDWIDTH, "B/s", 8, 0, 0},
    {UNIT_PAGE_RATE, "Mpages/s", 1000000, 0, 0},
    {UNIT_PAGE_RATE, "kpages/s", 1000, 0, 0},
    {UNIT_PAGE_RATE, "pages/s", 1, 1, 1},
    {UNIT_REQUEST_RATE, "k/s", 1000, 0, 0},
    {UNIT_REQUEST_RATE, "/s", 1, 1, 1},
    {UNIT_CPU_RATE, "GIPS", 1000000000ull, 1, 1},
    {UNIT_CPU_RATE, "MIPS", 1000000ull, 1, 1},
    {UNIT_CPU_RATE, "kIPS", 1000ull, 1, 1},
    {UNIT_CPU_RATE, "IPS", 1, 1, 1},
    {UNIT_COUNT, "", 1, 1, 1},
};

enum { UNITS_COUNT = sizeof units / sizeof units[0] };

static const char *example(enum unit_kind kind)
{
    static const char *const examples[] = {
        [UNIT_SIZE] = "a size such as 64MiB",
        [UNIT_TIME] = "a time such as 30ms, 100us or 1.5s",
        [UNIT_BANDWIDTH] = "a bandwidth such as 200Mbit/s or 25MB/s",
        [UNIT_PAGE_RATE] = "a page rate such as 5000pages/s",
        [UNIT_REQUEST_RATE] = "a rate such as 500/s",
        [UNIT_CPU_RATE] = "an instruction rate such as 100MIPS",
        [UNIT_COUNT] = "a whole number such as 4",
    };
    return examples[kind];
}

static const struct unit *unit_find(enum unit_kind kind, const char *name)
{
    for (size_t i = 0; i < UNITS_COUNT; i++)
        if (units[i].kind == kind && strcmp(units[i].name, name) == 0)
            return &units[i];
    return NULL;
}

/* Digits with at most one point: the digits as one number, and how many stood behind the point. */
static const char *parse_digits(const char *text, unsigned __int128 *digits, unsigned *decimals)
{
    const char *at = text;
    int seen_point = 0;
    unsigned count = 0;
    *digits = 0;
    *decimals = 0;
    for (;; at++) {
        if (*at == '.' && !seen_point && count > 0) {
            seen_point = 1;
            continue;
        }
        if (*at < '0' || *at > '9')
            break;
        if (++count > 24)
            return NULL;
        *digits = *digits * 10 + (unsigned)(*at - '0');
        *decimals += (unsigned)seen_point;
    }
    if (count == 0 || at[-1] == '.')
        return NULL;
    return at;
}

enum status units_parse(enum unit_kind kind, const char *text, uint64_t *value,
                        struct problem *problem)
{
    unsigned __int128 digits;
    unsigned decimals;
    const char *name = parse_digits(text, &digits, &decimals);
    const struct unit *unit;

    /* A count has no unit to talk about. */
    if (kind == UNIT_COUNT && (name == NULL || *name != '\0' || decimals > 0))
        return problem_set(problem, STATUS_USAGE,
                           "\"%.40s\" is not a whole number: write one such as 4", text);
    if (name == NULL)
        return problem_set(problem, STATUS_USAGE, "\"%.40s\" is not a number with a unit: write %s",
                           text, example(kind));
    unit = unit_find(kind, name);
    if (unit == NULL && *name == '\0')
        return problem_set(problem, STATUS_USAGE, "\"%.40s\" has no unit: write %s", text,
                           example(kind));
    if (unit == NULL)
        return problem_set(problem, STATUS_USAGE,
                           "\"%.40s\" has the unknown unit \"%.20s\": write %s", text, name,
                           example(kind));
    if (digits > UINT64_MAX)
        goto too_large;
    digits *= unit->factor;
    for (; decimals > 0; decimals--) {
        if (digits % 10 != 0)
            return problem_set(problem, STATUS_USAGE,
                               "\"%.40s\" is not a whole number of the smallest unit: write %s",
                               text, example(kind));
        digits /= 10;
    }
    if (digits > INT64_MAX)
        goto too_large;
    *value = (uint64_t)digits;
    return STATUS_OK;

too_large:
    return problem_set(problem, STATUS_USAGE, "\"%.40s\" is too large: write %s", text,
                       example(kind));
}

void units_format(enum unit_kind kind, uint64_t value, char *text, size_t text_bytes)
{
    const struct unit *best = NULL;
    for (size_t i = 0; i < UNITS_COUNT; i++) {
        if (units[i].kind != kind || !units[i].is_exact_form)
            continue;
        best = &units[i];
        if (value != 0 && value % best->factor == 0)
            break;
    }
    snprintf(text, text_bytes, "%llu%s", (unsigned long long)(value / best->factor), best->name);
}

/* 16,777,216: by threes from the right. */
static void group_digits(uint64_t value, char *text, size_t text_bytes)
{
    char digits[24], grouped[32], *at = grouped;
    int count = snprintf(digits, sizeof digits, "%llu", (unsigned long long)value);

    for (int i = 0; i < count; i++) {
        if (i > 0 && (count - i) % 3 == 0)
            *at++ = ',';
        *at++ = digits[i];
    }
    *at = '\0';
    snprintf(text, text_bytes, "%s", grouped);
}

void units_for_people(enum unit_kind kind, uint64_t value, char *text, size_t text_bytes)
{
    const struct unit *best = NULL;

    if (kind == UNIT_COUNT) {
        group_digits(value, text, text_bytes);
        return;
    }
    for (size_t i = 0; i < UNITS_COUNT; i++) {
        if (units[i].kind != kind || !units[i].is_for_people)
            continue;
        best = &units[i];
        if (value >= best->factor)
            break;
    }
    double number = (double)value / (double)best->factor;
    /* The bounds are those at which rounding adds a digit: 99.996 is 100.0, not 100.00. */
    int decimals = best->factor == 1 || number >= 999.95 ? 0
                   : number >= 99.995                    ? 1
                   : number >= 9.9995                    ? 2
                                                         : 3;
    snprintf(text, text_bytes, "%.*f %s", decimals, number, best->name);
}

uint64_t units_mul_div(uint64_t a, uint64_t b, uint64_t c)
{
    MUST(c > 0);
    unsigned __int128 result = (unsigned __int128)a * b / c;
    MUST(result <= UINT64_MAX);
    return (uint64_t)result;
}

uint64_t units_mul_div_told(uint64_t a, uint64_t b, uint64_t c)
{
    unsigned __int128 result = (unsigned __int128)a * b;
    return c == 0 || result / c > UINT64_MAX ? UINT64_MAX : (uint64_t)(result / c);
}
