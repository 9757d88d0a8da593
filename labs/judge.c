#include "labs/judge.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/units.h"

/* How near an answer must be to a known mistake, whatever the question's tolerance: who rounds on
 * the way is a few per cent off. */
#define MISTAKE_TOLERANCE 0.06
/* Who takes bytes for bits often takes GB for GiB too: "64 over 10, so 6.4 s" is off by 8 and 8 %.
 */
#define EIGHT_TOLERANCE 0.10
/* For 1000 instead of 1024, which are only 2.4 % apart, it must be nearer. */
#define MEGA_TOLERANCE 0.012

const char *reason_name(enum reason reason)
{
    static const char *const names[] = {
#define REASON_TEXT(name) #name,
        REASON_LIST(REASON_TEXT)
#undef REASON_TEXT
    };
    return names[reason];
}

static bool is_near(double ratio, double expected, double tolerance)
{
    return fabs(ratio / expected - 1) <= tolerance;
}

/* What the prefix of the memory's size differs by: 1.024, 1.0486 or 1.0737. */
static bool is_mega(double ratio, uint64_t memory_bytes)
{
    double slip = memory_bytes >= 1ull << 30   ? 1.073741824
                  : memory_bytes >= 1ull << 20 ? 1.048576
                                               : 1.024;

    return !is_near(ratio, 1, MEGA_TOLERANCE) &&
           (is_near(ratio, slip, MEGA_TOLERANCE) || is_near(ratio, 1 / slip, MEGA_TOLERANCE));
}

static bool is_power(double ratio, double base)
{
    for (double power = base; power < 1e13; power *= base)
        if (is_near(ratio, power, MISTAKE_TOLERANCE) ||
            is_near(ratio, 1 / power, MISTAKE_TOLERANCE))
            return true;
    return false;
}

/* A time that stands for something else than the whole. */
static bool is_time_of(uint64_t answer, uint64_t one, uint64_t other)
{
    return (one > 0 && is_near((double)answer, (double)one, MISTAKE_TOLERANCE)) ||
           (other > 0 && is_near((double)answer, (double)other, MISTAKE_TOLERANCE));
}

static enum reason find_reason(enum quantity quantity, uint64_t answer, double ratio,
                               const struct quantities *measured)
{
    const uint64_t *values = measured->values;
    uint64_t latency_ns = values[QUANTITY_latency], state_ns = values[QUANTITY_state_time];

    if (is_near(ratio, 1.0 / 8, EIGHT_TOLERANCE))
        return REASON_eighth;
    if (is_near(ratio, 8, EIGHT_TOLERANCE))
        return REASON_eightfold;
    if (quantity_form(quantity) == FORM_TIME && is_time_of(answer, latency_ns, 2 * latency_ns))
        return REASON_latency;
    if (quantity_form(quantity) == FORM_TIME && is_time_of(answer, state_ns, state_ns + latency_ns))
        return REASON_state;
    if (is_mega(ratio, values[QUANTITY_memory]))
        return REASON_mega;
    if (is_power(ratio, 1000) || is_power(ratio, 1024))
        return REASON_prefix;
    if (is_power(ratio, 10))
        return REASON_ten;
    return ratio < 1 ? REASON_small : REASON_large;
}

void judge(struct judgement *judgement, enum quantity quantity, uint64_t answer,
           const struct quantities *measured, unsigned tolerance)
{
    double value = (double)measured->values[quantity],
           ratio = value > 0 ? (double)answer / value : 0;

    *judgement = (struct judgement){.reason = REASON_fits};
    if (answer == 0 || value <= 0) {
        judgement->is_right = (double)answer == value;
        judgement->reason = judgement->is_right      ? REASON_fits
                            : (double)answer < value ? REASON_small
                                                     : REASON_large;
        return;
    }
    judgement->factor = ratio > 1 ? ratio : 1 / ratio;
    judgement->is_right =
        fabs((double)answer - value) * 1000 <= tolerance * value; /* exact at its edge */
    enum reason reason = find_reason(quantity, answer, ratio, measured);
    if (!judgement->is_right || reason == REASON_mega)
        judgement->reason = reason;
}

/* ---- What a person writes ---- */

enum unit_kind answer_kind(enum quantity_form form)
{
    return form == FORM_TIME ? UNIT_TIME : form == FORM_SIZE ? UNIT_SIZE : UNIT_COUNT;
}

/* Words that are not the shortest form of a unit, and what they stand for. */
static const char *usual_unit(enum unit_kind kind, const char *unit)
{
    static const struct {
        enum unit_kind kind;
        const char *word, *unit;
    } words[] = {
        {UNIT_TIME, "sec", "s"},      {UNIT_TIME, "second", "s"},
        {UNIT_TIME, "seconds", "s"},  {UNIT_TIME, "秒", "s"},
        {UNIT_TIME, "秒钟", "s"},     {UNIT_TIME, "milliseconds", "ms"},
        {UNIT_TIME, "毫秒", "ms"},    {UNIT_TIME, "µs", "us"},
        {UNIT_TIME, "μs", "us"},      {UNIT_TIME, "microseconds", "us"},
        {UNIT_TIME, "微秒", "us"},    {UNIT_TIME, "纳秒", "ns"},
        {UNIT_TIME, "minute", "min"}, {UNIT_TIME, "minutes", "min"},
        {UNIT_TIME, "分钟", "min"},   {UNIT_TIME, "分", "min"},
        {UNIT_SIZE, "bytes", "B"},    {UNIT_SIZE, "字节", "B"},
        {UNIT_COUNT, "page", ""},     {UNIT_COUNT, "pages", ""},
        {UNIT_COUNT, "页", ""},       {UNIT_COUNT, "rounds", ""},
        {UNIT_COUNT, "个", ""},
    };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (words[i].kind == kind && strcmp(words[i].word, unit) == 0)
            return words[i].unit;
    return unit;
}

/* So many of `one` are more than units can hold, which is 63 bits. */
static bool is_too_large(const char *number, uint64_t one)
{
    double value = 0, place = 1;
    bool is_behind_point = false;

    for (; *number != '\0'; number++) {
        if (*number == '.')
            is_behind_point = true;
        else if (is_behind_point)
            value += (place /= 10) * (*number - '0');
        else
            value = value * 10 + (*number - '0');
    }
    return value * (double)one >= (double)INT64_MAX;
}

enum answer_trouble answer_parse(enum unit_kind kind, const char *text, uint64_t *value)
{
    char plain[48];
    size_t count = 0;

    for (; (*text >= '0' && *text <= '9') || *text == '.' || (*text == ',' && kind == UNIT_COUNT);
         text++)
        if (*text != ',' && count < 40)
            plain[count++] = *text;
    plain[count] = '\0';
    if (count == 0 || strspn(plain, ".") == count)
        return ANSWER_NO_NUMBER;
    const char *unit = usual_unit(kind, text + strspn(text, " "));
    if (*unit == '\0' && kind != UNIT_COUNT)
        return ANSWER_NO_UNIT;
    /* Whether the unit is known is asked of one of it: then only the number can be wrong. */
    char text_of_one[64];
    uint64_t one;
    snprintf(text_of_one, sizeof text_of_one, "1%.40s", unit);
    if (units_parse(kind, text_of_one, &one, NULL) != STATUS_OK)
        return ANSWER_UNKNOWN_UNIT;
    char whole[96];
    snprintf(whole, sizeof whole, "%s%.40s", plain, unit);
    if (units_parse(kind, whole, value, NULL) != STATUS_OK)
        return is_too_large(plain, one) ? ANSWER_TOO_LARGE : ANSWER_NO_NUMBER;
    return *value == 0 && kind != UNIT_COUNT ? ANSWER_ZERO : ANSWER_TAKEN;
}
