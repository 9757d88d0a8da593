#include "migrate/fault_throttle.h"

#include "base/units.h"
#include "machine/guest.h"

/* Long enough to see the link busy, or a fault that found it idle; short enough to forget. */
#define LINK_WINDOW 64
#define WAIT_WINDOW 512
#define MEBIBYTE    (1ull << 20)
#define STEP        16 /* the share changes by a sixteenth, each way, */
#define SHARE_TOLD  8  /* and comes into force when it has changed by an eighth */
/* The share is not given back faster than this: one step for each period in which it has effect. */
#define EASE_NS 100000

/* ---- The least of what was seen lately ---- */

static uint64_t least_of(const struct least *least)
{
    return least->now_ns < least->before_ns ? least->now_ns : least->before_ns;
}

static void least_add(struct least *least, uint64_t ns)
{
    if (ns < least->now_ns)
        least->now_ns = ns;
}

/* A window in which nothing counted says that the link was never seen busy: then the figure is too
 * large rather than too small, for a guest that is held back too much never keeps it busy. */
static void least_turn(struct least *least, uint32_t window)
{
    if (++least->count < window)
        return;
    if (least->now_ns == UINT64_MAX && least->before_ns != UINT64_MAX)
        least->now_ns = least->before_ns - least->before_ns / 8;
    least->before_ns = least->now_ns;
    least->now_ns = UINT64_MAX;
    least->count = 0;
}

/* ---- What it knows of the link ---- */

void fault_throttle_init(struct fault_throttle *throttle, bool is_on)
{
    *throttle = (struct fault_throttle){.is_on = is_on,
                                        .wanted_permille = GUEST_SHARE_WHOLE,
                                        .share_permille = GUEST_SHARE_WHOLE,
                                        .mebibyte = {UINT64_MAX, UINT64_MAX, 0},
                                        .wait = {UINT64_MAX, UINT64_MAX, 0}};
}

uint64_t fault_throttle_page_ns(const struct fault_throttle *throttle)
{
    uint64_t mebibyte_ns = least_of(&throttle->mebibyte), wait_ns = least_of(&throttle->wait);
    if (mebibyte_ns == UINT64_MAX)
        return 0;
    uint64_t page_ns = units_mul_div(mebibyte_ns, throttle->page_bytes, MEBIBYTE);
    return page_ns < wait_ns ? page_ns : wait_ns; /* a page's own time is part of any wait for it */
}

/* The most lately: it is forgotten by sixteenths. */
static void note_most(uint64_t *most, uint64_t value)
{
    *most -= *most / STEP;
    if (*most < value)
        *most = value;
}

void fault_throttle_arrived(struct fault_throttle *throttle, uint64_t now_ns, uint64_t pages,
                            uint64_t bytes, bool is_pushed, uint32_t waiting_harts)
{
    bool was_first = throttle->arrived_ns == 0;
    uint64_t since_ns = now_ns - throttle->arrived_ns;
    bool was_behind = is_pushed || throttle->is_more_to_come;

    throttle->arrived_ns = now_ns;
    throttle->is_more_to_come = waiting_harts > 0;
    if (was_first || pages == 0 || bytes == 0)
        return;
    note_most(&throttle->page_bytes, bytes / pages);
    if (was_behind && since_ns > 0)
        least_add(&throttle->mebibyte, units_mul_div(since_ns, MEBIBYTE, bytes));
    least_turn(&throttle->mebibyte, LINK_WINDOW);
    if (is_pushed)
        note_most(&throttle->push_ns, pages * fault_throttle_page_ns(throttle));
}

/* ---- What it does about it ---- */

/* Time of the link as demand may use it: at the set utilisation. */
static uint64_t at_utilisation(uint64_t link_ns)
{
    return link_ns * 1000 / FAULT_THROTTLE_UTILISATION_PERMILLE;
}

/* How much may stand in the line, in time of the link. */
static uint64_t line_max_ns(const struct fault_throttle *throttle)
{
    uint64_t pages_ns = FAULT_THROTTLE_LINE_PAGES * fault_throttle_page_ns(throttle);
    return pages_ns > throttle->push_ns ? pages_ns : throttle->push_ns;
}

/* The share in force follows the controller's in steps that are worth telling. */
static void set_share(struct fault_throttle *throttle, uint32_t permille)
{
    uint32_t given = throttle->share_permille;
    uint32_t apart = permille > given ? permille - given : given - permille;
    throttle->wanted_permille = permille;
    if (permille == GUEST_SHARE_WHOLE || apart * SHARE_TOLD >= given)
        throttle->share_permille = permille;
}

void fault_throttle_faulted(struct fault_throttle *throttle, uint64_t now_ns)
{
    uint32_t wanted = throttle->wanted_permille;

    if (!throttle->is_on)
        return;
    if (throttle->served_ns > now_ns + at_utilisation(line_max_ns(throttle)) / 2 && wanted > 1)
        set_share(throttle, wanted - (wanted + STEP - 1) / STEP);
    if (throttle->served_ns < now_ns) {
        fault_throttle_tick(throttle, now_ns);
        throttle->served_ns = now_ns;
    }
    throttle->served_ns += at_utilisation(fault_throttle_page_ns(throttle));
}

void fault_throttle_resolved(struct fault_throttle *throttle, uint64_t now_ns, uint64_t wait_ns)
{
    least_add(&throttle->wait, wait_ns);
    least_turn(&throttle->wait, WAIT_WINDOW);
    uint64_t set_point_ns = fault_throttle_set_point_ns(throttle);
    /* No more than all harts can stand in the line; what is longer was a link that did not work. */
    uint64_t late_max_ns = HART_MAX * fault_throttle_page_ns(throttle);
    uint64_t late_ns = wait_ns > set_point_ns ? wait_ns - set_point_ns : 0;
    if (late_ns == 0)
        return;
    uint64_t served_ns = now_ns + at_utilisation(line_max_ns(throttle)) +
                         (late_ns < late_max_ns ? late_ns : late_max_ns);
    if (served_ns > throttle->served_ns)
        throttle->served_ns = served_ns;
}

void fault_throttle_tick(struct fault_throttle *throttle, uint64_t now_ns)
{
    uint32_t wanted = throttle->wanted_permille;

    if (!throttle->is_on || throttle->served_ns > now_ns || now_ns < throttle->eased_ns + EASE_NS)
        return;
    throttle->eased_ns = now_ns;
    wanted += (wanted + STEP - 1) / STEP;
    set_share(throttle, wanted < GUEST_SHARE_WHOLE ? wanted : GUEST_SHARE_WHOLE);
}

uint64_t fault_throttle_held_until_ns(const struct fault_throttle *throttle)
{
    uint64_t line_ns = at_utilisation(line_max_ns(throttle));
    return throttle->is_on && throttle->served_ns > line_ns ? throttle->served_ns - line_ns : 0;
}

uint64_t fault_throttle_set_point_ns(const struct fault_throttle *throttle)
{
    uint64_t wait_ns = least_of(&throttle->wait), page_ns = fault_throttle_page_ns(throttle);
    uint64_t push_ns = throttle->push_ns > page_ns ? throttle->push_ns : page_ns;
    return wait_ns == UINT64_MAX ? 0 : wait_ns + line_max_ns(throttle) + push_ns;
}
