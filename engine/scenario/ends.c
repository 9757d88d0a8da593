#include "scenario/ends.h"

#include "base/units.h"

/* How much of the link's time one chunk takes: short enough that contents are fresh and that a
 * demand reply hardly waits, long enough that a large guest is not an event for each page. */
#define COPY_CHUNK_NS (1 * NS_PER_MS)
#define PUSH_CHUNK_NS (50 * NS_PER_US)

static uint64_t or_zero(uint64_t number)
{
    return number == SCENARIO_NONE ? 0 : number;
}

struct source_config ends_source_config(const struct scenario *scenario)
{
    bool has_own = scenario->strategy != NULL && scenario->strategy->mode == scenario->mode;
    uint64_t limit = scenario->bandwidth_limit_bits_per_s; /* SCENARIO_NONE is more than any */
    uint64_t bandwidth = scenario->bandwidth_bits_per_s;

    return (struct source_config){
        .strategy = has_own ? scenario->strategy : strategy_of(scenario->mode),
        .limits = scenario_limits(scenario),
        .has_barriers = scenario->cache != 0 && scenario->leave_out != LEAVE_OUT_BARRIER,
        .skips_write_back = scenario->leave_out == LEAVE_OUT_WRITE_BACK,
        .bandwidth_limit_bits_per_s = or_zero(limit),
        .throttle = {.is_auto_converging = scenario->auto_converge,
                     .dirty_limit_pages_per_s = or_zero(scenario->dirty_limit)},
        .is_hot_last = scenario->hot_last,
        .is_skipping_rewritten = scenario->skip_rewritten,
        .encoding = {.compress = scenario->compress,
                     .delta_cache_bytes = scenario->delta_cache_bytes,
                     .bandwidth_bits_per_s = limit < bandwidth ? limit : bandwidth},
        .has_free_hints = scenario->free_hints,
        .is_tunnel = scenario->route == ROUTE_TUNNEL,
    };
}

void ends_set_chunks(struct source_config *config, uint64_t bits_per_s)
{
    uint64_t limit = config->bandwidth_limit_bits_per_s;
    uint64_t copy_bits_per_s = limit != 0 && limit < bits_per_s ? limit : bits_per_s;

    config->copy_chunk_bytes = units_mul_div(copy_bits_per_s / 8, COPY_CHUNK_NS, NS_PER_S);
    config->push_chunk_bytes = units_mul_div(bits_per_s / 8, PUSH_CHUNK_NS, NS_PER_S);
}
