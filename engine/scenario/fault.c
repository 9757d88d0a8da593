#include "scenario/fault.h"

#include <stdio.h>
#include <string.h>

#include "base/nearest.h"
#include "base/units.h"

#define HOUR_NS (3600 * NS_PER_S)

static const struct kind_row {
    const char *name;
    bool can_last, has_way;
} kinds[FAULT_KIND_COUNT] = {
#define KIND_ROW(kind, name, lasts, has_way) {name, lasts, has_way},
    FAULT_KINDS(KIND_ROW)
#undef KIND_ROW
};

static const char *const refusals[FAULT_REFUSAL_COUNT] = {
#define REFUSAL_NAME(refusal, name) name,
    FAULT_REFUSALS(REFUSAL_NAME)
#undef REFUSAL_NAME
};

/* One fault taken apart: KIND@WHEN[+DURATION][:VALUE]. A part that was not written is NULL. */
struct parts {
    char text[FAULT_TEXT_MAX];
    char *kind, *when, *duration, *value;
};

static enum status refuse(struct problem *problem, const char *text, const char *why,
                          const char *example)
{
    return problem_set(problem, STATUS_USAGE, "fault: \"%.*s\": %s: %s", FAULT_TEXT_MAX, text, why,
                       example);
}

static char *split_at(char *text, char mark)
{
    char *at = strchr(text, mark);
    if (at == NULL)
        return NULL;
    *at = '\0';
    return at + 1;
}

static enum status take_apart(struct parts *parts, const char *text, struct problem *problem)
{
    static const char example[] = "write a fault such as cut@1.2s+300ms";

    snprintf(parts->text, sizeof parts->text, "%s", text);
    if (*text == '\0')
        return refuse(problem, text, "nothing stands between two commas", example);
    parts->kind = parts->text;
    parts->when = split_at(parts->kind, '@');
    if (parts->when == NULL)
        return refuse(problem, text, "it does not say when, behind an @", example);
    parts->value = split_at(parts->when, ':');
    parts->duration = split_at(parts->when, '+');
    return STATUS_OK;
}

/* ---- KIND ---- */

static enum status unknown_kind(const char *text, const char *kind, struct problem *problem)
{
    char why[80], names[120] = "write one of";
    uint32_t best = 0;

    for (uint32_t i = 1; i < FAULT_KIND_COUNT; i++)
        if (nearest_distance(kind, kinds[i].name) < nearest_distance(kind, kinds[best].name))
            best = i;
    snprintf(why, sizeof why, "\"%.40s\" is no kind of fault", kind);
    for (uint32_t i = 0; i < FAULT_KIND_COUNT; i++) {
        size_t used = strlen(names);
        snprintf(names + used, sizeof names - used, "%s%s", i == 0 ? " " : ", ", kinds[i].name);
    }
    if (nearest_is_close(kind, kinds[best].name))
        snprintf(names, sizeof names, "the nearest that exists is \"%s\"", kinds[best].name);
    return refuse(problem, text, why, names);
}

/* "slow-to-target": the kind, and which way it strikes. */
static enum status read_kind(struct planned_fault *fault, char *kind, struct problem *problem)
{
    char *way = strstr(kind, "-to-");

    fault->strikes[HOST_SOURCE] = fault->strikes[HOST_TARGET] = true;
    if (way != NULL && (strcmp(way, "-to-target") == 0 || strcmp(way, "-to-source") == 0)) {
        fault->strikes[strcmp(way, "-to-target") == 0 ? HOST_TARGET : HOST_SOURCE] = false;
        *way = '\0';
    } else {
        way = NULL;
    }
    for (uint32_t i = 0; i < FAULT_KIND_COUNT; i++) {
        if (strcmp(kind, kinds[i].name) != 0)
            continue;
        fault->kind = (enum fault_kind)i;
        if (way != NULL && !kinds[i].has_way)
            return refuse(problem, fault->text, "it has no direction",
                          "only slow, delay and corrupt go -to-target or -to-source");
        return STATUS_OK;
    }
    return unknown_kind(fault->text, kind, problem);
}

/* ---- WHEN and DURATION ---- */

/* The words for WHEN: the phases but the first, and `running`, which is no phase of the source. */
static const char *when_word(uint32_t idx)
{
    return idx + PHASE_IDLE + 1 < PHASE_COUNT    ? phase_name((enum phase)(idx + PHASE_IDLE + 1))
           : idx + PHASE_IDLE + 1 == PHASE_COUNT ? "running"
                                                 : NULL;
}

static bool find_word(struct planned_fault *fault, const char *when)
{
    const char *word;
    for (uint32_t i = 0; (word = when_word(i)) != NULL; i++) {
        if (strcmp(word, when) != 0)
            continue;
        bool is_phase = strcmp(word, "running") != 0;
        fault->when = is_phase ? FAULT_AT_PHASE : FAULT_AT_RUNNING;
        fault->phase = is_phase ? (enum phase)(i + PHASE_IDLE + 1) : PHASE_IDLE;
        return true;
    }
    return false;
}

static enum status unknown_word(const struct planned_fault *fault, const char *when,
                                struct problem *problem)
{
    char why[80], right[120] = "write an instant such as 1.2s, or a phase such as post-copy";
    const char *best = when_word(0), *word;

    for (uint32_t i = 1; (word = when_word(i)) != NULL; i++)
        if (nearest_distance(when, word) < nearest_distance(when, best))
            best = word;
    if (strcmp(when, phase_name(PHASE_IDLE)) == 0)
        snprintf(right, sizeof right, "a run begins idle: write 0ns");
    else if (nearest_is_close(when, best))
        snprintf(right, sizeof right, "the nearest phase is \"%s\"", best);
    snprintf(why, sizeof why, "\"%.30s\" is neither an instant nor a phase", when);
    return refuse(problem, fault->text, why, right);
}

static enum status read_time(const struct planned_fault *fault, const char *text, uint64_t least_ns,
                             uint64_t most_ns, uint64_t *time_ns, struct problem *problem)
{
    struct problem detail = {STATUS_OK, ""};
    char bound[40], right[60];

    if (units_parse(UNIT_TIME, text, time_ns, &detail) != STATUS_OK)
        return problem_set(problem, STATUS_USAGE, "fault: \"%s\": %s", fault->text, detail.text);
    if (*time_ns >= least_ns && *time_ns <= most_ns)
        return STATUS_OK;
    units_format(UNIT_TIME, *time_ns < least_ns ? least_ns : most_ns, bound, sizeof bound);
    snprintf(right, sizeof right, "write at %s %s", *time_ns < least_ns ? "least" : "most", bound);
    return refuse(problem, fault->text, *time_ns < least_ns ? "it is too short" : "it is too long",
                  right);
}

static enum status read_when(struct planned_fault *fault, const char *when, struct problem *problem)
{
    bool is_number = *when >= '0' && *when <= '9';

    if (is_number) {
        fault->when = FAULT_AT_INSTANT;
        if (read_time(fault, when, 0, HOUR_NS, &fault->at_ns, problem) != STATUS_OK)
            return STATUS_USAGE;
    } else if (!find_word(fault, when)) {
        return unknown_word(fault, when, problem);
    }
    if (fault->kind == FAULT_KIND_REFUSE &&
        (fault->when != FAULT_AT_PHASE || fault->phase != PHASE_SETUP))
        return refuse(problem, fault->text, "a target refuses when it is asked",
                      "write refuse@setup:memory");
    return STATUS_OK;
}

static enum status read_duration(struct planned_fault *fault, const char *duration,
                                 struct problem *problem)
{
    fault->duration_ns = FAULT_FOR_GOOD;
    if (duration == NULL)
        return STATUS_OK;
    if (fault->kind == FAULT_KIND_REFUSE)
        return refuse(problem, fault->text, "a refusal has no duration",
                      "write refuse@setup:memory");
    if (!kinds[fault->kind].can_last)
        return refuse(problem, fault->text, "a crashed host does not come back",
                      "leave the duration out");
    return read_time(fault, duration, 1, HOUR_NS, &fault->duration_ns, problem);
}

/* ---- VALUE ---- */

static bool read_factor(const char *value, uint64_t *factor)
{
    size_t digits = strspn(value, "0123456789");
    *factor = 0;
    if (digits == 0 || digits > 5 || strcmp(value + digits, "x") != 0)
        return false;
    for (size_t i = 0; i < digits; i++)
        *factor = *factor * 10 + (uint64_t)(value[i] - '0');
    return true;
}

static enum status read_slow(struct planned_fault *fault, const char *value,
                             struct problem *problem)
{
    fault->is_factor = read_factor(value, &fault->value);
    if (fault->is_factor)
        return fault->value >= 2 && fault->value <= FAULT_SLOWER_MAX
                   ? STATUS_OK
                   : refuse(problem, fault->text, "so many times slower cannot be",
                            "write 2x to 1000x");
    if (units_parse(UNIT_BANDWIDTH, value, &fault->value, NULL) != STATUS_OK)
        return refuse(problem, fault->text, "its value is neither a bandwidth nor a factor",
                      "write a bandwidth such as 20Mbit/s or a factor such as 10x");
    if (fault->value < 1000000)
        return refuse(problem, fault->text, "a run on it would not end",
                      "write at least 1Mbit/s, or a cut");
    return STATUS_OK;
}

static enum status read_corrupt(struct planned_fault *fault, const char *value,
                                struct problem *problem)
{
    if (units_parse(UNIT_SIZE, value, &fault->value, NULL) != STATUS_OK || fault->value == 0)
        return refuse(problem, fault->text, "its value is not a size",
                      "write one byte in how many arrives changed, such as 64KiB");
    return STATUS_OK;
}

static enum status read_refusal(struct planned_fault *fault, const char *value,
                                struct problem *problem)
{
    for (uint32_t i = 0; value != NULL && i < FAULT_REFUSAL_COUNT; i++)
        if (strcmp(value, refusals[i]) == 0) {
            fault->value = i;
            return STATUS_OK;
        }
    return refuse(problem, fault->text, "it does not say why the target refuses",
                  "write refuse@setup:memory, :version, :feature or :kind");
}

static enum status read_value(struct planned_fault *fault, const char *value,
                              struct problem *problem)
{
    switch (fault->kind) {
    case FAULT_KIND_SLOW:
        return read_slow(fault, value == NULL ? "10x" : value, problem);
    case FAULT_KIND_DELAY:
        return read_time(fault, value == NULL ? "10ms" : value, 1, 10 * NS_PER_S, &fault->value,
                         problem);
    case FAULT_KIND_CORRUPT:
        return read_corrupt(fault, value == NULL ? "64KiB" : value, problem);
    case FAULT_KIND_REFUSE:
        return read_refusal(fault, value, problem);
    case FAULT_KIND_CUT:
    case FAULT_KIND_CRASH_SOURCE:
    case FAULT_KIND_CRASH_TARGET:
    case FAULT_KIND_COUNT:
        break;
    }
    return value == NULL ? STATUS_OK
                         : refuse(problem, fault->text, "it has no value",
                                  "leave out what stands behind the colon");
}

/* ---- A plan ---- */

static enum status read_fault(struct fault_plan *plan, const char *text, struct problem *problem)
{
    struct planned_fault *fault = &plan->faults[plan->count];
    struct parts parts;

    *fault = (struct planned_fault){.kind = FAULT_KIND_CUT};
    snprintf(fault->text, sizeof fault->text, "%s", text);
    if (take_apart(&parts, text, problem) != STATUS_OK ||
        read_kind(fault, parts.kind, problem) != STATUS_OK ||
        read_when(fault, parts.when, problem) != STATUS_OK ||
        read_duration(fault, parts.duration, problem) != STATUS_OK ||
        read_value(fault, parts.value, problem) != STATUS_OK)
        return STATUS_USAGE;
    plan->count++;
    return STATUS_OK;
}

enum status fault_parse(const char *text, struct fault_plan *plan, struct problem *problem)
{
    *plan = (struct fault_plan){0};
    if (*text == '\0' || strcmp(text, "none") == 0)
        return STATUS_OK;
    for (const char *at = text;;) {
        size_t count;
        char one[FAULT_TEXT_MAX];
        at += strspn(at, " ");
        count = strcspn(at, ",");
        size_t bare = count;
        while (bare > 0 && at[bare - 1] == ' ')
            bare--;
        if (bare >= sizeof one)
            return problem_set(problem, STATUS_USAGE,
                               "fault: \"%.60s...\" is too long: write a fault such as "
                               "cut@1.2s+300ms",
                               at);
        if (plan->count == FAULT_PLAN_MAX)
            return problem_set(problem, STATUS_USAGE, "fault: too many: write at most %d",
                               FAULT_PLAN_MAX);
        snprintf(one, sizeof one, "%.*s", (int)bare, at);
        if (read_fault(plan, one, problem) != STATUS_OK)
            return STATUS_USAGE;
        if (at[count] == '\0')
            return STATUS_OK;
        at += count + 1;
    }
}

uint64_t fault_slowed(const struct planned_fault *fault, uint64_t bits_per_s)
{
    uint64_t slowed = fault->is_factor ? bits_per_s / fault->value : fault->value;
    return slowed < bits_per_s ? slowed : bits_per_s;
}
