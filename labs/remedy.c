#include "labs/remedy.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "labs/people.h"

/* The forecast with one option changed; false where the scenario cannot be so. */
static bool forecast_with(const struct remedy_case *of, enum mode mode, const char *key,
                          const char *value, struct forecast *forecast)
{
    struct scenario changed;
    scenario_copy(&changed, of->scenario);
    bool is_possible = key == NULL || scenario_set(&changed, key, value, NULL) == STATUS_OK;
    if (is_possible)
        is_possible = run_forecast_of(&changed, of->measured, mode, of->state_bytes, forecast);
    scenario_fini(&changed);
    return is_possible;
}

/* Two digits are enough of a number that is to be written on a command line. */
static uint64_t two_digits(uint64_t number, bool is_upward)
{
    uint64_t scale = 1;
    while (number / scale >= 100)
        scale *= 10;
    return (number / scale + (is_upward && number % scale != 0)) * scale;
}

static struct remedy *add(struct remedy *remedies, uint32_t *count, const char *key,
                          const char *value, const struct forecast *forecast)
{
    struct remedy *remedy = &remedies[(*count)++];
    *remedy = (struct remedy){.forecast = *forecast};
    snprintf(remedy->option, sizeof remedy->option, "--%s%s%.40s", key, *value != '\0' ? " " : "",
             value);
    return remedy;
}

/* How fast it writes: what a limit of the dirty rate is a part of. */
static double write_rate(const struct remedy_case *of, uint64_t hart_count)
{
    const struct dirty_rate *measured = of->measured;
    double rate =
        measured == NULL ? (double)of->scenario->dirty_rate : dirty_rate_by_log(measured, 0);
    return rate / (double)hart_count;
}

/* The highest limit of the dirty rate with which it converges. */
static void try_dirty_limit(const struct remedy_case *of, enum mode mode, struct remedy *remedies,
                            uint32_t *count)
{
    double rate = write_rate(of, of->scenario->hart_count);

    for (int percent = 95; percent > 0; percent -= 5) {
        char value[40], share[80];
        struct forecast forecast;
        uint64_t limit = two_digits((uint64_t)(rate * percent / 100), false);
        units_format(UNIT_PAGE_RATE, limit, value, sizeof value);
        if (limit == 0 || !forecast_with(of, mode, "dirty-limit", value, &forecast) ||
            !forecast.is_converging)
            continue;
        struct remedy *remedy = add(remedies, count, "dirty-limit", value, &forecast);
        snprintf(share, sizeof share, "it writes at %d %% of its speed, and may work at less",
                 percent);
        snprintf(remedy->remark, sizeof remedy->remark, "%s", share);
        remedy = add(remedies, count, "auto-converge", "", &forecast);
        snprintf(remedy->remark, sizeof remedy->remark,
                 "the same step by step, until it runs at about %d %%", percent);
        return;
    }
}

/* The least bandwidth that will do, in steps of a quarter; what compression would have to bring. */
static void try_bandwidth(const struct remedy_case *of, enum mode mode, struct remedy *remedies,
                          uint32_t *count, uint64_t *shrink_permille)
{
    const struct scenario *scenario = of->scenario;
    uint64_t bits_per_s = scenario->bandwidth_bits_per_s;
    bool is_limited = scenario->bandwidth_limit_bits_per_s < bits_per_s;
    const char *key = is_limited ? "bandwidth-limit" : "bandwidth";
    uint64_t had = is_limited ? scenario->bandwidth_limit_bits_per_s : bits_per_s;

    *shrink_permille = 0;
    for (double factor = 1.25; factor < 200; factor *= 1.25) {
        char value[40];
        struct forecast forecast;
        uint64_t needed = two_digits((uint64_t)((double)had * factor), true);
        units_format(UNIT_BANDWIDTH, needed, value, sizeof value);
        if (!forecast_with(of, mode, key, value, &forecast) || !forecast.is_converging)
            continue;
        *shrink_permille = (uint64_t)(1000.0 * (double)had / (double)needed);
        add(remedies, count, key, value, &forecast);
        return;
    }
}

/* An allowance that is as large as what it would come to anyway. */
static void try_downtime_limit(const struct remedy_case *of, enum mode mode,
                               struct remedy *remedies, uint32_t *count)
{
    char value[40];
    struct forecast now, forecast;

    if (!forecast_with(of, mode, NULL, NULL, &now))
        return;
    uint64_t needed_ns = two_digits((uint64_t)(now.downtime_s * 1.05e9), true);
    units_format(UNIT_TIME, needed_ns, value, sizeof value);
    if (forecast_with(of, mode, "downtime-limit", value, &forecast) && forecast.is_converging)
        add(remedies, count, "downtime-limit", value, &forecast);
}

static void try_mode(const struct remedy_case *of, enum mode mode, struct remedy *remedies,
                     uint32_t *count)
{
    struct forecast forecast;
    struct people people = {0};

    if (!forecast_with(of, mode, NULL, NULL, &forecast) || !forecast.is_converging)
        return;
    struct remedy *remedy = add(remedies, count, "mode", mode_name(mode), &forecast);
    if (forecast.left_pages > 0)
        snprintf(remedy->remark, sizeof remedy->remark, "%s pages can fault after the switch",
                 people_count(&people, (uint64_t)(forecast.left_pages + 0.5)));
}

uint32_t remedies_find(const struct remedy_case *of, enum mode mode,
                       struct remedy remedies[REMEDY_MAX], uint64_t *shrink_permille)
{
    uint32_t count = 0;

    try_downtime_limit(of, mode, remedies, &count);
    try_mode(of, MODE_HYBRID, remedies, &count);
    try_mode(of, MODE_POST_COPY, remedies, &count);
    try_dirty_limit(of, mode, remedies, &count);
    try_bandwidth(of, mode, remedies, &count, shrink_permille);
    return count;
}
