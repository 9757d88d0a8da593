#include "record/pace.h"

#include "base/units.h"

#define SHARE_WHOLE 1000

void pace_init(struct pace *pace)
{
    *pace = (struct pace){.share_least_permille = SHARE_WHOLE};
    for (unsigned i = 0; i < PACE_HARTS_MAX; i++)
        pace->share_permille[i] = SHARE_WHOLE;
}

static void end_stretch(struct pace *pace, uint64_t now_ns, uint64_t stretch, uint64_t instructions)
{
    if (stretch < STRETCH_COUNT && now_ns >= pace->since_ns &&
        instructions >= pace->instructions_then) {
        pace->duration_ns[stretch] += now_ns - pace->since_ns;
        pace->instructions[stretch] += instructions - pace->instructions_then;
    }
    pace->since_ns = now_ns;
    pace->instructions_then = instructions;
}

/* Those that waited so far have waited until now. */
static void count_waiting(struct pace *pace, uint64_t now_ns)
{
    if (now_ns > pace->counted_ns)
        pace->waiting_ns += (now_ns - pace->counted_ns) * pace->waiting_harts;
    pace->counted_ns = now_ns;
}

static void fold_share(struct pace *pace, const struct event *event)
{
    uint64_t hart_idx = event->share_set.hart_idx, permille = event->share_set.share_permille;
    if (hart_idx >= PACE_HARTS_MAX || permille > SHARE_WHOLE)
        return;
    pace->share_permille[hart_idx] = (uint32_t)permille;
    if (permille < pace->share_least_permille)
        pace->share_least_permille = (uint32_t)permille;
}

void pace_fold(struct pace *pace, const struct event *event)
{
    switch (event->kind) {
    case EVENT_PROGRESS_MADE:
        end_stretch(pace, event->at_ns, event->progress_made.stretch,
                    event->progress_made.instructions);
        return;
    case EVENT_RUN_ENDED:
        end_stretch(pace, event->at_ns, STRETCH_AFTER, event->run_ended.instructions);
        return;
    case EVENT_PAGES_SENT:
        pace->network_faults += event->pages_sent.why == WHY_FAULT;
        return;
    case EVENT_PAGE_FAULTED:
        count_waiting(pace, event->at_ns);
        if (++pace->waiting_harts > pace->waiting_harts_max)
            pace->waiting_harts_max = pace->waiting_harts;
        return;
    case EVENT_FAULT_RESOLVED:
        count_waiting(pace, event->at_ns);
        pace->waiting_harts -= pace->waiting_harts > 0;
        return;
    case EVENT_DECIDED:
        if (event->decided.decision == DECISION_FAULT_SET_POINT)
            pace->set_point_ns = event->decided.value;
        return;
    case EVENT_SHARE_SET:
        fold_share(pace, event);
        return;
    case EVENT_LOG_DRAINED:
        pace->log_drains++;
        return;
    default:
        return;
    }
}

uint64_t pace_rate(const struct pace *pace, enum stretch stretch)
{
    uint64_t duration_ns = pace->duration_ns[stretch];
    return duration_ns == 0
               ? 0
               : units_mul_div_told(pace->instructions[stretch], NS_PER_S, duration_ns);
}

uint64_t pace_queue_permille(const struct pace *pace)
{
    uint64_t duration_ns = pace->duration_ns[STRETCH_SWITCHED];
    return duration_ns == 0 ? 0 : units_mul_div_told(pace->waiting_ns, 1000, duration_ns);
}
