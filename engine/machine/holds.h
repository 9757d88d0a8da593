/* holds: what a debugger wants to look at, as memory and the fast dispatcher see it (debug.c keeps
 * it; nobody else sets it).
 *
 * An instruction at one of `stops` is never taken apart for the dispatcher, and a page with watched
 * bytes never enters the TLB: so fast_run hands both back, and all else runs at full speed. While
 * `is_on`, hart_run does not do what is handed back, but returns with HART_HELD.
 */
#ifndef MACHINE_HOLDS_H
#define MACHINE_HOLDS_H

#include <stdbool.h>
#include <stdint.h>

#define HOLDS_MAX 64

struct holds {
    bool is_on;
    uint32_t stop_count, watched_count;
    uint64_t stops[HOLDS_MAX];
    struct {
        uint64_t first_page, last_page; /* addresses / PAGE_BYTES */
    } watched[HOLDS_MAX];
};

static inline bool holds_has_stop(const struct holds *holds, uint64_t pc)
{
    for (uint32_t i = 0; i < holds->stop_count; i++)
        if (holds->stops[i] == pc)
            return true;
    return false;
}

static inline bool holds_has_watched(const struct holds *holds, uint64_t first_page,
                                     uint64_t last_page)
{
    for (uint32_t i = 0; i < holds->watched_count; i++)
        if (first_page <= holds->watched[i].last_page && last_page >= holds->watched[i].first_page)
            return true;
    return false;
}

#endif
