/* fault_throttle: the seat at the target. It slows a guest down after the switch, so that it asks
 * for pages no faster than the link serves them (C11): a steady slower service instead of a queue
 * in which every hart stands.
 *
 * Three figures, all integers:
 *
 *   service    page_ns: how long one page is on the link. Measured is the least time that a byte
 *              takes between two arrivals of which the second was on its way when the first came
 *   line       what has been asked for and, at the set utilisation, would not have been served yet,
 *              in nanoseconds of the link: each fault adds page_ns * 1000 / utilisation, time takes
 *              away (a leaky bucket)
 *   share      of the time that the guest may run, in thousandths
 *
 * The line may be FAULT_THROTTLE_LINE_PAGES pages long, or one push, if that is longer: what the
 * link hands out at once is waited for anyway.
 *
 *      a fault that finds more than half of that     lowers the share by a sixteenth
 *      a line that has run empty                     raises it by a sixteenth
 *      a line that is longer                         holds the guest until it is no longer than that
 *      a wait beyond the set point                   holds it for so long, at most all harts' pages:
 *                                                    the line was longer than it seemed
 *
 * The share is the slow hand, which spreads the faults; holding is the fast one, for harts that all
 * touch missing pages at once. So a fault waits no longer than the set point:
 *
 *      the least that a fault has waited lately (the way there and back, and its own page)
 *      + the line
 *      + one push, which may have begun to leave when the request came
 */
#ifndef MIGRATE_FAULT_THROTTLE_H
#define MIGRATE_FAULT_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>

/* Of the link by demand; the rest is for the pushed pages, and keeps the line from growing without
 * end by chance: waiting grows as utilisation nears one (C9). */
#define FAULT_THROTTLE_UTILISATION_PERMILLE 800
#define FAULT_THROTTLE_LINE_PAGES           2

/* The least of what was seen lately: of the window that fills and of the one before. */
struct least {
    uint64_t now_ns, before_ns; /* UINT64_MAX: nothing seen */
    uint32_t count;             /* looks in this window, whether they count or not */
};

struct fault_throttle {
    bool is_on;
    uint32_t wanted_permille; /* the controller's, */
    uint32_t share_permille;  /* and the one that is in force */
    uint64_t
        served_ns; /* when all that was asked for will have been served, at the set utilisation */
    uint64_t eased_ns; /* when the share was last raised */
    struct least mebibyte,
        wait; /* time between two arrivals, for each MiB; how long a fault waited */
    uint64_t
        page_bytes;   /* the most that a page has taken lately: some may be small in the stream */
    uint64_t push_ns; /* how long the longest of the last pushes was on the link */
    uint64_t arrived_ns;  /* the last arrival */
    bool is_more_to_come; /* and a page was still waited for then */
};

void fault_throttle_init(struct fault_throttle *throttle, bool is_on);

/* What happens at the target, as it happens. `pages` have arrived at once (perhaps none, but other
 * frames), in so many bytes of the link, pushed or asked for; `waiting_harts` wait still. A fault
 * is resolved by the page that was asked for; one whose page was on its way already says nothing of
 * the link. */
void fault_throttle_arrived(struct fault_throttle *throttle, uint64_t now_ns, uint64_t pages,
                            uint64_t bytes, bool is_pushed, uint32_t waiting_harts);
void fault_throttle_faulted(struct fault_throttle *throttle, uint64_t now_ns);
void fault_throttle_resolved(struct fault_throttle *throttle, uint64_t now_ns, uint64_t wait_ns);
/* Time has passed: a line that has run empty gives some of the share back. */
void fault_throttle_tick(struct fault_throttle *throttle, uint64_t now_ns);

/* Its answers. */
uint64_t fault_throttle_held_until_ns(const struct fault_throttle *throttle); /* past: not held */
uint64_t fault_throttle_page_ns(const struct fault_throttle *throttle);       /* 0: not known yet */
/* What no fault should wait longer than; 0: not known yet. */
uint64_t fault_throttle_set_point_ns(const struct fault_throttle *throttle);

#endif
