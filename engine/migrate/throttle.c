#include "migrate/throttle.h"

#include "base/status.h"
#include "base/units.h"
#include "machine/guest.h"

/* Of auto-converge, in thousandths. */
#define STEP_FIRST  200
#define STEP        100
#define SHARE_LEAST 10

/* A period of the dirty limit is as long as the limit lets this many pages come: one more or less
 * is then 3 %. It is no shorter than a few of the slices in which a slowed guest runs, and no
 * longer than a person would wait. */
#define PERIOD_PAGES  32
#define PERIOD_NS_MIN (5 * NS_PER_MS)
#define PERIOD_NS_MAX (1 * NS_PER_S)

void throttle_init(struct throttle *throttle, const struct throttle_config *config)
{
    *throttle = (struct throttle){.config = *config, .permille = GUEST_SHARE_WHOLE};
    for (uint32_t i = 0; i < HART_MAX; i++)
        throttle->harts[i].permille = GUEST_SHARE_WHOLE;
}

void throttle_begin(struct throttle *throttle, uint64_t now_ns)
{
    throttle->is_on = true;
    throttle->period_begins_ns = now_ns;
}

void throttle_end(struct throttle *throttle)
{
    throttle->is_on = false;
}

/* ---- Auto-converge ---- */

bool throttle_round_ended(struct throttle *throttle, const struct round *round)
{
    if (!throttle->config.is_auto_converging || !throttle_has_more(throttle))
        return false;
    throttle->full_rounds = round->left_pages > round->pages / 2 ? throttle->full_rounds + 1 : 0;
    if (throttle->full_rounds < 2)
        return false;
    throttle->full_rounds = 0;
    uint32_t step = throttle->permille == GUEST_SHARE_WHOLE ? STEP_FIRST : STEP;
    throttle->permille =
        throttle->permille > step + SHARE_LEAST ? throttle->permille - step : SHARE_LEAST;
    return true;
}

bool throttle_has_more(const struct throttle *throttle)
{
    return throttle->config.is_auto_converging && throttle->permille > SHARE_LEAST;
}

/* ---- The dirty limit ---- */

static uint64_t period_ns(const struct throttle *throttle)
{
    uint64_t ns = PERIOD_PAGES * NS_PER_S / throttle->config.dirty_limit_pages_per_s;
    return ns < PERIOD_NS_MIN ? PERIOD_NS_MIN : ns > PERIOD_NS_MAX ? PERIOD_NS_MAX : ns;
}

void throttle_dirtied(struct throttle *throttle, uint32_t hart_idx)
{
    MUST(hart_idx < HART_MAX);
    if (!throttle->is_on || throttle->config.dirty_limit_pages_per_s == 0)
        return;
    uint64_t allowed = throttle->config.dirty_limit_pages_per_s;
    uint64_t pages = ++throttle->harts[hart_idx].dirtied_pages;
    if (pages > 2 * units_mul_div(allowed, period_ns(throttle), NS_PER_S))
        throttle->is_period_full = true;
}

/* The share with which the hart would have dirtied no more than it may in that time. */
static uint32_t share_that_meets(const struct throttle *throttle, const struct throttle_hart *hart,
                                 uint64_t lived_ns)
{
    uint64_t allowed = hart->permille * throttle->config.dirty_limit_pages_per_s;
    uint64_t most = hart->permille + hart->permille / 4 + 1;
    uint64_t meets = hart->dirtied_pages == 0
                         ? most
                         : units_mul_div(allowed, lived_ns, NS_PER_S) / hart->dirtied_pages;
    meets = meets < most ? meets : most;
    return meets < 1 ? 1 : meets > GUEST_SHARE_WHOLE ? GUEST_SHARE_WHOLE : (uint32_t)meets;
}

/* A burst ends its period at once, as soon as there is a time to measure it by. */
void throttle_tick(struct throttle *throttle, uint64_t now_ns)
{
    uint64_t lived_ns = now_ns - throttle->period_begins_ns;

    if (!throttle->is_on || throttle->config.dirty_limit_pages_per_s == 0 ||
        lived_ns < (throttle->is_period_full ? NS_PER_MS : period_ns(throttle)))
        return;
    for (uint32_t i = 0; i < HART_MAX; i++) {
        struct throttle_hart *hart = &throttle->harts[i];
        hart->permille = share_that_meets(throttle, hart, lived_ns);
        hart->dirtied_pages = 0;
    }
    throttle->period_begins_ns = now_ns;
    throttle->is_period_full = false;
}

uint32_t throttle_share(const struct throttle *throttle, uint32_t hart_idx)
{
    uint32_t limited = throttle->harts[hart_idx].permille;

    if (!throttle->is_on)
        return GUEST_SHARE_WHOLE;
    return limited < throttle->permille ? limited : throttle->permille;
}
