#include "record/estimate.h"

#include "base/units.h"

#define PERMILLE_END 1000u

/* That many pages at the rate of the last complete round, or of the running one; of a move that has
 * none, at that of all so far. */
static bool copying_ns(const struct timeline *timeline, uint64_t pages, uint64_t *ns)
{
    uint64_t rate = timeline_mu(timeline), passed_ns = timeline->now_ns - timeline->started_ns;

    if (rate == 0 && passed_ns > 0)
        rate = units_mul_div_told(timeline->pages_sent, NS_PER_S, passed_ns);
    if (rate == 0)
        return false;
    *ns = units_mul_div_told(pages, NS_PER_S, rate);
    return true;
}

bool estimate_left_ns(const struct timeline *timeline, uint64_t *left_ns)
{
    uint64_t since_ns = timeline->now_ns - timeline->forecast_at_ns;

    *left_ns = 0;
    if (timeline->has_ended)
        return true;
    if (!timeline->has_started)
        return false;
    if (timeline->has_resumed) /* what the target still lacks */
        return copying_ns(timeline, timeline->pages_missing, left_ns);
    if (timeline->is_paused || timeline->forecast_at_ns == 0)
        return copying_ns(timeline, timeline->pages_left, left_ns);
    if (timeline->forecast_left_ns > since_ns) /* else it is late, and nobody knows by how much */
        *left_ns = timeline->forecast_left_ns - since_ns;
    return true;
}

uint32_t estimate_advance(struct estimate *estimate, uint64_t passed_ns, uint64_t left_ns)
{
    uint64_t all_ns = left_ns < UINT64_MAX - passed_ns ? passed_ns + left_ns : UINT64_MAX;
    uint64_t permille = all_ns == 0 ? 0 : units_mul_div_told(PERMILLE_END, passed_ns, all_ns);

    if (permille >= PERMILLE_END)
        permille = PERMILLE_END - 1;
    if (permille > estimate->permille)
        estimate->permille = (uint32_t)permille;
    return estimate->permille;
}

uint32_t estimate_end(struct estimate *estimate)
{
    return estimate->permille = PERMILLE_END;
}

uint32_t estimate_progress(struct estimate *estimate, const struct timeline *timeline)
{
    uint64_t left_ns;

    if (timeline->has_ended)
        return estimate_end(estimate);
    if (!estimate_left_ns(timeline, &left_ns))
        return estimate->permille;
    return estimate_advance(estimate, timeline->now_ns - timeline->started_ns, left_ns);
}
