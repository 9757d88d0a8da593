/* provenance: what became of a page: who wrote it, in which rounds it was sent and as what, what
 * that cost, and who waited for it. Two folds over a recording's events: one page with all that
 * happened to it, and all pages with what they cost.
 *
 * A copy is wasted when a later one took its place, or the move was given up: the page's bytes that
 * count are those of its last copy.
 */
#ifndef RECORD_PROVENANCE_H
#define RECORD_PROVENANCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/event.h"

enum happened {
    HAPPENED_WRITE, /* the first since it was fetched, and so noticed: by hart_idx at pc, at host */
    HAPPENED_SENT,  /* for `why`, as `form`; in round_idx, if it was in one */
    HAPPENED_GIVEN_AWAY, /* by the guest: the target was told that it reads as zeros */
    HAPPENED_ASKED,      /* a hart touched it where it was not */
    HAPPENED_WAITED,     /* and went on after wait_ns */
};

#define PROVENANCE_NO_ROUND UINT64_MAX

struct provenance_item {
    uint64_t at_ns;
    enum happened what;
    uint64_t host, hart_idx, pc;
    uint64_t round_idx;
    bool is_paused; /* the round */
    enum why why;
    enum page_form form;
    uint64_t bytes;
    uint64_t wait_ns;
};

struct provenance_cost {
    uint64_t bytes, wasted_bytes;
    uint32_t copies, writes;
    uint64_t waited_ns;
    uint64_t last_pc;    /* of its writes; 0: none, or a model's */
    uint32_t last_bytes; /* of its last copy */
};

/* ---- One page ---- */

struct provenance {
    uint64_t page_idx;
    struct provenance_item *items; /* owned, in the order of time */
    uint32_t item_count, item_capacity;
    struct provenance_cost cost;
    uint64_t round_idx; /* that goes on; PROVENANCE_NO_ROUND: none */
    bool is_paused;
};

void provenance_init(struct provenance *provenance, uint64_t page_idx);
void provenance_add(struct provenance *provenance, const struct event *event);
void provenance_fini(struct provenance *provenance);

/* ---- All pages ---- */

#define PROVENANCE_PAGES_MAX (1u << 24) /* 64 GiB: 48 bytes of ours for each of theirs */

struct provenance_all {
    uint64_t total_pages;
    struct provenance_cost *costs; /* owned */
};

void provenance_all_init(struct provenance_all *all, uint64_t total_pages);
void provenance_all_add(struct provenance_all *all, const struct event *event);
/* The `count` pages with the most wasted bytes, the worst first, of equals the first in memory;
 * returns how many there are: pages that wasted nothing are none. */
uint32_t provenance_all_top(const struct provenance_all *all, uint32_t count, uint64_t *page_idxs);
void provenance_all_fini(struct provenance_all *all);

#endif
