/* What theory says of a scenario: its options as the forecast's input. */
#include "machine/hypercall.h"
#include "scenario/guest_build.h"
#include "sim/run.h"
#include "wire/message.h"

/* The dirty limit is of newly dirtied pages, whatever the guest would write. It is each hart's own:
 * those of a model and of memwalk are one. */
static void slow_down(const struct scenario *scenario, struct dirty_law *writes)
{
    bool is_measured = writes->law == LAW_MEASURED;

    if (scenario->dirty_limit != SCENARIO_NONE)
        writes->limit_rate =
            (double)scenario->dirty_limit * (is_measured ? (double)scenario->hart_count : 1);
}

bool run_forecast_of(const struct scenario *scenario, const struct dirty_rate *measured,
                     enum mode mode, uint64_t state_bytes, struct forecast *forecast)
{
    struct forecast_input input = {
        .page_wire_bytes = MESSAGE_PAGE_WIRE_BYTES,
        .bandwidth_bits_per_s = scenario->bandwidth_bits_per_s,
        .copy_bits_per_s = scenario->bandwidth_limit_bits_per_s,
        .latency_ns = scenario->latency_ns,
        .state_bytes = state_bytes,
        .hart_count = scenario->hart_count,
        .limits = scenario_limits(scenario),
    };
    bool is_known = guest_build_writes(scenario, &input.writes);

    if (measured != NULL) {
        input.writes.law = LAW_MEASURED;
        input.writes.curve = measured->curve;
        input.free_pages = measured->free_pages;
        if (measured->has_ended && measured->ended_ns > measured->from_ns)
            input.writes.ends_s = (double)(measured->ended_ns - measured->from_ns) / 1e9;
    } else if (!is_known && mode != MODE_STOP_AND_COPY && mode != MODE_POST_COPY) {
        return false; /* those two alone do not care what the guest writes */
    }
    slow_down(scenario, &input.writes);
    forecast_make(mode, &input, forecast);
    return true;
}

bool run_forecast(const struct scenario *scenario, enum mode mode, uint64_t state_bytes,
                  struct forecast *forecast)
{
    return run_forecast_of(scenario, NULL, mode, state_bytes, forecast);
}
