#include "labs/remedy.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "labs/people.h"
#include "scenario/guest_build.h"

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

/* How many pages at most are newly dirtied a second: a limit below that slows the guest. */
static double dirty_rate_of(const struct remedy_case *of)
{
    struct dirty_law writes;

    if (of->measured != NULL)
        return dirty_rate_by_log(of->measured, 0) / (double)of->scenario->hart_count;
    return guest_build_writes(of->scenario, &writes) ? writes.write_rate : 0;
}

/* The highest limit of the dirty rate with which it converges. Slower than that by itself it goes
 * step by step. How much of its speed the guest keeps, no formula says: that depends on how many of
 * its writes are to pages that are dirty already. */
static void try_dirty_limit(const struct remedy_case *of, enum mode mode, struct remedy *remedies,
                            uint32_t *count)
{
    double rate = dirty_rate_of(of);

    for (int percent = 95; percent > 0; percent -= 5) {
        char value[40];
        struct forecast forecast;
        uint64_t limit = two_digits((uint64_t)(rate * percent / 100), false);
        units_format(UNIT_PAGE_RATE, limit, value, sizeof value);
        if (limit == 0 || !forecast_with(of, mode, "dirty-limit", value, &forecast) ||
            !forecast.is_converging)
            continue;
        struct remedy *remedy = add(remedies, count, "dirty-limit", value, &forecast);
        snprintf(remedy->remark, sizeof remedy->remark,
                 "the guest is slowed, by how much shows in the run");
        remedy = add(remedies, count, "auto-converge", "", &forecast);
        remedy->is_open = true;
        snprintf(remedy->remark, sizeof remedy->remark,
                 "slows it step by step until it fits: how long that takes shows in the run");
        return;
    }
}

/* Rounds that do shrink, and were not enough of them. */
static void try_rounds(const struct remedy_case *of, enum mode mode, struct remedy *remedies,
                       uint32_t *count)
{
    char value[40];
    struct forecast forecast;

    if (!forecast_with(of, mode, "max-rounds", "100", &forecast) || !forecast.is_converging)
        return;
    snprintf(value, sizeof value, "%u", forecast.round_count);
    if (forecast_with(of, mode, "max-rounds", value, &forecast) && forecast.is_converging)
        add(remedies, count, "max-rounds", value, &forecast);
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

    try_rounds(of, mode, remedies, &count);
    try_downtime_limit(of, mode, remedies, &count);
    try_mode(of, MODE_HYBRID, remedies, &count);
    try_mode(of, MODE_POST_COPY, remedies, &count);
    try_dirty_limit(of, mode, remedies, &count);
    try_bandwidth(of, mode, remedies, &count, shrink_permille);
    return count;
}
