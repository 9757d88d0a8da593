/* Which mode obeys which option. One that would change nothing is refused: a student who gave it
 * would wonder why. */
#include "scenario/scenario_private.h"

/* The modes in which pages travel while the guest runs at the source. */
static bool copies_while_running(const struct scenario *scenario)
{
    return scenario->mode == MODE_PRE_COPY || scenario->mode == MODE_CONTINUOUS ||
           scenario->mode == MODE_HYBRID || scenario->mode == MODE_AUTO;
}

static const char *round_objection(const struct scenario *scenario)
{
    if (scenario->mode == MODE_CONTINUOUS)
        return "--mode continuous has no rounds: write --total-time-limit";
    if (scenario->mode == MODE_HYBRID && scenario->switch_when == SWITCH_ROUNDS)
        return "--switch-after says how many rounds --switch-when rounds waits for";
    return copies_while_running(scenario) ? NULL
                                          : "only --mode pre-copy, hybrid and auto have rounds";
}

static const char *on_limit_objection(const struct scenario *scenario)
{
    if (scenario->mode == MODE_AUTO)
        return "--mode auto ends every move by itself: leave it out";
    if (scenario->mode == MODE_HYBRID && scenario->switch_when == SWITCH_ROUNDS &&
        scenario->total_time_limit_ns == SCENARIO_NONE)
        return "there is no limit that --mode hybrid could meet: write --total-time-limit as well";
    return copies_while_running(scenario) ? NULL
                                          : "only --mode pre-copy, continuous and hybrid obey it";
}

static const char *switch_objection(const struct scenario *scenario, uint32_t idx)
{
    if (scenario->mode != MODE_HYBRID)
        return "only --mode hybrid obeys it";
    if (idx == OPTION_switch_after && scenario->switch_when != SWITCH_ROUNDS)
        return "only --switch-when rounds obeys it";
    if (idx == OPTION_switch_below_bytes && scenario->switch_when != SWITCH_REMAINING)
        return "only --switch-when remaining obeys it";
    if (idx == OPTION_switch_deadline_ns && scenario->switch_when != SWITCH_DEADLINE)
        return "only --switch-when deadline obeys it";
    return NULL;
}

/* Every move whose pages travel while the guest runs may be switched to post-copy, by its strategy
 * or by whoever watches. */
static const char *after_switch_objection(const struct scenario *scenario, uint32_t idx)
{
    if (scenario->mode == MODE_STOP_AND_COPY)
        return "--mode stop-and-copy leaves no page behind: write --mode post-copy or hybrid";
    if (idx == OPTION_push_after_ns && scenario->prefetch != PREFETCH_NONE)
        return "only --prefetch none waits before it pushes";
    return NULL;
}

const char *scenario_mode_objection(const struct scenario *scenario, uint32_t idx)
{
    bool is_copying = copies_while_running(scenario);

    switch (idx) {
    case OPTION_downtime_limit_ns:
        return is_copying && scenario->mode != MODE_HYBRID
                   ? NULL
                   : "only --mode pre-copy, continuous and auto obey it";
    case OPTION_max_rounds:
        return round_objection(scenario);
    case OPTION_on_limit:
        return on_limit_objection(scenario);
    case OPTION_total_time_limit_ns:
    case OPTION_bandwidth_limit_bits_per_s:
    case OPTION_auto_converge:
    case OPTION_dirty_limit:
        return is_copying ? NULL : "only --mode pre-copy, continuous, hybrid and auto obey it";
    case OPTION_dirty_tracking:
        return is_copying ? NULL
                          : "no page travels while the guest runs at the source: leave it out";
    case OPTION_prefetch:
    case OPTION_push_after_ns:
    case OPTION_fault_throttle:
        return after_switch_objection(scenario, idx);
    case OPTION_hot_last:
    case OPTION_skip_rewritten:
        if (scenario->mode == MODE_CONTINUOUS)
            return "--mode continuous fetches each page just before it is sent: leave it out";
        return is_copying ? NULL : "only --mode pre-copy, hybrid and auto obey it";
    case OPTION_switch_when:
    case OPTION_switch_after:
    case OPTION_switch_below_bytes:
    case OPTION_switch_deadline_ns:
        return switch_objection(scenario, idx);
    default:
        return NULL;
    }
}
