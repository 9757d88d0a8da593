/* pretend: a run that never was, for the tests and benches of this folder: clients ask and are
 * answered, the guest writes, its pages travel in rounds, it is handed over and faults on what is
 * missing. As many events as are wanted, from a seed. It looks like a run; nobody lived it.
 */
#ifndef RECORD_PRETEND_H
#define RECORD_PRETEND_H

#include "base/event.h"
#include "base/prng.h"

#define PRETEND_ROUNDS 12u /* the last of them paused; then post-copy, for a quarter of the run */

struct pretend {
    struct event_list events;
    struct prng prng;
    uint64_t total_pages, now_ns, next_idx;
    uint64_t asked_ns[8];
    uint64_t round_idx;
    bool is_handed_over;
};

static inline void pretend_put(struct pretend *pretend, enum event_kind kind, uint64_t a,
                               uint64_t b, uint64_t c, uint64_t d)
{
    event_append(&pretend->events,
                 (struct event){.at_ns = pretend->now_ns, .kind = kind, .fields = {a, b, c, d}});
}

static inline void pretend_round(struct pretend *pretend, bool is_paused)
{
    if (pretend->round_idx > 0) {
        pretend_put(pretend, EVENT_LOG_FETCHED, 100, 0, 0, 0);
        pretend_put(pretend, EVENT_ROUND_ENDED, pretend->round_idx - 1, 900, 900 * 4120, 100);
        pretend_put(pretend, EVENT_DOWNTIME_FORECAST, pretend->now_ns, 7, 0, 0);
    }
    if (is_paused)
        pretend_put(pretend, EVENT_GUEST_PAUSED, HOST_SOURCE, 0, 0, 0);
    pretend_put(pretend, EVENT_ROUND_STARTED, pretend->round_idx++, 900, is_paused, 0);
}

static inline void pretend_hand_over(struct pretend *pretend)
{
    pretend->is_handed_over = true;
    pretend_put(pretend, EVENT_FRAME_SENT, 3000, 1, 0, 0);
    pretend_put(pretend, EVENT_GUEST_RESUMED, HOST_TARGET, 0, 0, 0);
    pretend_put(pretend, EVENT_PHASE_CHANGED, PHASE_POST_COPY, 0, 0, 0);
}

/* A run of pages goes and is there at once. */
static inline void pretend_copy(struct pretend *pretend)
{
    uint64_t count = 1 + prng_below(&pretend->prng, 8), first = pretend->next_idx;
    if (first + count > pretend->total_pages)
        first = pretend->next_idx = 0, count = 1;
    pretend->next_idx = first + count;
    enum why why = pretend->is_handed_over ? WHY_PUSHED : WHY_FIRST;
    pretend_put(pretend, EVENT_PAGES_SENT, first, count, why, count * 4120);
    pretend->now_ns += 300;
    pretend_put(pretend, EVENT_PAGES_INSTALLED, first, count, why, 0);
}

static inline void pretend_ask(struct pretend *pretend)
{
    uint64_t client = prng_below(&pretend->prng, 8);
    if (pretend->asked_ns[client] == 0) {
        pretend->asked_ns[client] = pretend->now_ns;
        pretend_put(pretend, EVENT_REQUEST_SENT, client, 40, 0, 0);
        return;
    }
    pretend_put(pretend, EVENT_REQUEST_ANSWERED, client,
                pretend->now_ns - pretend->asked_ns[client], 0, 0);
    pretend->asked_ns[client] = 0;
}

static inline void pretend_touch(struct pretend *pretend)
{
    uint64_t page_idx = prng_below(&pretend->prng, pretend->total_pages);
    if (!pretend->is_handed_over) {
        pretend_put(pretend, EVENT_PAGE_DIRTIED, page_idx, HOST_SOURCE, 0, 0);
        return;
    }
    pretend_put(pretend, EVENT_PAGE_FAULTED, page_idx, 0, 0, 0);
    pretend->now_ns += 900;
    pretend_put(pretend, EVENT_FAULT_RESOLVED, page_idx, 0, 900, 0);
}

/* At its end all pages are there, and clients alone talk. The events are the caller's to free. At
 * least a few hundred. */
static inline struct event_list pretend_run(uint64_t total_pages, size_t event_count, uint64_t seed)
{
    struct pretend pretend = {.prng = prng_make(seed, 9), .total_pages = total_pages};
    size_t round_each = event_count * 3 / 4 / PRETEND_ROUNDS, quiet = event_count * 5 / 6;
    pretend_put(&pretend, EVENT_MIGRATION_STARTED, MODE_HYBRID, total_pages, 0, 0);
    while (pretend.events.count + 16 < event_count) {
        pretend.now_ns += prng_below(&pretend.prng, 4000);
        if (pretend.round_idx < PRETEND_ROUNDS &&
            pretend.events.count >= pretend.round_idx * round_each)
            pretend_round(&pretend, pretend.round_idx + 1 == PRETEND_ROUNDS);
        else if (!pretend.is_handed_over && pretend.events.count >= PRETEND_ROUNDS * round_each)
            pretend_hand_over(&pretend);
        else if (pretend.events.count >= quiet || prng_below(&pretend.prng, 2) == 0)
            pretend_ask(&pretend);
        else if (prng_below(&pretend.prng, 2) == 0)
            pretend_copy(&pretend);
        else
            pretend_touch(&pretend);
    }
    pretend_put(&pretend, EVENT_MIGRATION_ENDED, OUTCOME_COMPLETED, 0, 0, 0);
    while (pretend.events.count + 1 < event_count)
        pretend_put(&pretend, EVENT_CONSOLE_WRITTEN, HOST_TARGET, 1, 0, 0);
    pretend_put(&pretend, EVENT_RUN_ENDED, 1, 2, 0, 0);
    return pretend.events;
}

#endif
