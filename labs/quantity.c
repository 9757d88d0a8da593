#include "labs/quantity.h"

#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "machine/hypercall.h"

static const struct {
    const char *name, *label;
    enum quantity_form form;
    bool is_measured;
} infos[QUANTITY_COUNT] = {
#define QUANTITY_KNOWN(name, form, label)    {#name, label, form, false},
#define QUANTITY_MEASURED(name, form, label) {#name, label, form, true},
    QUANTITY_LIST(QUANTITY_KNOWN, QUANTITY_MEASURED)
#undef QUANTITY_KNOWN
#undef QUANTITY_MEASURED
};

const char *quantity_name(enum quantity quantity)
{
    return infos[quantity].name;
}

const char *quantity_label(enum quantity quantity)
{
    return infos[quantity].label;
}

enum quantity_form quantity_form(enum quantity quantity)
{
    return infos[quantity].form;
}

bool quantity_is_measured(enum quantity quantity)
{
    return infos[quantity].is_measured;
}

enum quantity quantity_find(const char *name, size_t name_bytes)
{
    for (int i = 0; i < QUANTITY_COUNT; i++)
        if (strlen(infos[i].name) == name_bytes && strncmp(infos[i].name, name, name_bytes) == 0)
            return (enum quantity)i;
    return QUANTITY_COUNT;
}

/* How long the link is busy with that many bytes. */
static uint64_t link_time_ns(const struct scenario *scenario, uint64_t bytes)
{
    return units_mul_div(bytes, 8 * NS_PER_S, scenario->bandwidth_bits_per_s);
}

void quantities_expect(struct quantities *quantities, const struct scenario *scenario)
{
    uint64_t *values = quantities->values;

    *quantities = (struct quantities){0};
    values[QUANTITY_memory] = values[QUANTITY_memory_bytes] = scenario->memory_bytes;
    values[QUANTITY_memory_bits] = scenario->memory_bytes * 8;
    values[QUANTITY_pages] = scenario->memory_bytes / PAGE_BYTES;
    values[QUANTITY_page_bytes] = PAGE_BYTES;
    values[QUANTITY_bandwidth] = scenario->bandwidth_bits_per_s;
    values[QUANTITY_bits_per_s] = scenario->bandwidth_bits_per_s;
    values[QUANTITY_byte_rate] = scenario->bandwidth_bits_per_s / 8;
    values[QUANTITY_latency] = scenario->latency_ns;
    values[QUANTITY_clients] = scenario->client_count != SCENARIO_NONE ? scenario->client_count : 0;
    values[QUANTITY_request_rate] = scenario->request_rate;
    values[QUANTITY_copy_time] = link_time_ns(scenario, scenario->memory_bytes);
}

void quantities_measure(struct quantities *quantities, const struct scenario *scenario,
                        const struct session *session)
{
    const struct timeline *timeline = &session->timeline;
    struct timeline_spread latency = timeline_latency(timeline);
    uint64_t *values = quantities->values;

    quantities_expect(quantities, scenario);
    quantities->is_measured = true;
    values[QUANTITY_downtime] = timeline->downtime_ns;
    values[QUANTITY_total_time] = timeline->ended_ns - timeline->started_ns;
    values[QUANTITY_forecast_downtime] = session->facts.forecast_downtime_ns;
    values[QUANTITY_rounds] = timeline->round_count;
    values[QUANTITY_pages_sent] = timeline->pages_sent;
    values[QUANTITY_pages_resent] = timeline->pages_resent;
    values[QUANTITY_wire] = values[QUANTITY_wire_bytes] = timeline->bytes_on_wire;
    values[QUANTITY_wire_time] = link_time_ns(scenario, timeline->bytes_on_wire);
    values[QUANTITY_framing] = timeline->framing_bytes;
    values[QUANTITY_framing_time] = link_time_ns(scenario, timeline->framing_bytes);
    values[QUANTITY_framing_share] =
        timeline->bytes_on_wire > 0
            ? (timeline->framing_bytes * 1000 + timeline->bytes_on_wire / 2) /
                  timeline->bytes_on_wire
            : 0;
    values[QUANTITY_state] = timeline->state_bytes;
    values[QUANTITY_state_time] = link_time_ns(scenario, timeline->state_bytes);
    values[QUANTITY_faults] = timeline->faults;
    values[QUANTITY_answers] = timeline->answers;
    values[QUANTITY_wrong_answers] = timeline->errors;
    values[QUANTITY_longest_silence] = timeline->longest_silence_ns;
    values[QUANTITY_usual_latency] = latency.p50;
    values[QUANTITY_longest_latency] = latency.max;
}

/* Four significant digits and a decimal prefix: links and disks are sold by powers of 1000. */
static void format_byte_rate(uint64_t bytes_per_s, char *text, size_t text_bytes)
{
    static const char *const units[] = {"B/s", "kB/s", "MB/s", "GB/s"};
    double value = (double)bytes_per_s;
    unsigned unit = 0;

    for (; value >= 999.95 && unit < 3; unit++)
        value /= 1000;
    snprintf(text, text_bytes, "%.*f %s", value < 10 ? 3 : value < 100 ? 2 : 1, value, units[unit]);
}

void quantity_format(enum quantity_form form, uint64_t value, char *text, size_t text_bytes)
{
    switch (form) {
    case FORM_TIME:
        units_for_people(UNIT_TIME, value, text, text_bytes);
        break;
    case FORM_SIZE:
        units_for_people(UNIT_SIZE, value, text, text_bytes);
        break;
    case FORM_COUNT:
        units_for_people(UNIT_COUNT, value, text, text_bytes);
        break;
    case FORM_BANDWIDTH:
        units_for_people(UNIT_BANDWIDTH, value, text, text_bytes);
        break;
    case FORM_BYTE_RATE:
        format_byte_rate(value, text, text_bytes);
        break;
    case FORM_RATE:
        units_format(UNIT_REQUEST_RATE, value, text, text_bytes);
        break;
    case FORM_SHARE:
        snprintf(text, text_bytes, "%llu.%llu %%",
                 (unsigned long long)(value / 1000 * 100 + value % 1000 / 10),
                 (unsigned long long)(value % 10));
        break;
    }
}
