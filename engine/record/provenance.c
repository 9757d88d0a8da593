#include "record/provenance.h"

#include <stdlib.h>
#include <string.h>

#include "base/status.h"

/* ---- What a page's events add to its cost: the same for one page and for all ---- */

static void cost_sent(struct provenance_cost *cost, uint64_t bytes)
{
    cost->wasted_bytes += cost->last_bytes;
    cost->last_bytes = (uint32_t)bytes;
    cost->bytes += bytes;
    cost->copies++;
}

static void cost_written(struct provenance_cost *cost, uint64_t pc)
{
    cost->writes++;
    cost->last_pc = pc;
}

/* A move that was given up leaves every copy without a use. */
static void cost_given_up(struct provenance_cost *cost)
{
    cost->wasted_bytes = cost->bytes;
    cost->last_bytes = 0;
}

static bool is_given_up(const struct event *event)
{
    return event->kind == EVENT_MIGRATION_ENDED &&
           event->migration_ended.outcome == OUTCOME_ABORTED;
}

/* A run's bytes in equal parts; the first page has what is left over. */
static uint64_t bytes_of_page(const struct event *event, uint64_t page_idx)
{
    uint64_t count = event->pages_sent.count, bytes = event->pages_sent.bytes;
    return bytes / count + (page_idx == event->pages_sent.first_idx ? bytes % count : 0);
}

/* ---- One page ---- */

void provenance_init(struct provenance *provenance, uint64_t page_idx)
{
    *provenance = (struct provenance){.page_idx = page_idx, .round_idx = PROVENANCE_NO_ROUND};
}

void provenance_fini(struct provenance *provenance)
{
    free(provenance->items);
    provenance->items = NULL;
}

static void put(struct provenance *provenance, struct provenance_item item)
{
    if (provenance->item_count == provenance->item_capacity) {
        provenance->item_capacity =
            provenance->item_capacity == 0 ? 16 : provenance->item_capacity * 2;
        provenance->items =
            realloc(provenance->items, provenance->item_capacity * sizeof *provenance->items);
        MUST(provenance->items != NULL);
    }
    provenance->items[provenance->item_count++] = item;
}

static void add_sent(struct provenance *provenance, const struct event *event)
{
    uint64_t first_idx = event->pages_sent.first_idx, page_idx = provenance->page_idx;

    if (page_idx < first_idx || page_idx - first_idx >= event->pages_sent.count)
        return;
    if (event->pages_sent.form == PAGE_FORM_FREE) { /* told of, and not sent */
        put(provenance,
            (struct provenance_item){.at_ns = event->at_ns, .what = HAPPENED_GIVEN_AWAY});
        return;
    }
    uint64_t bytes = bytes_of_page(event, page_idx);
    cost_sent(&provenance->cost, bytes);
    put(provenance, (struct provenance_item){.at_ns = event->at_ns,
                                             .what = HAPPENED_SENT,
                                             .round_idx = provenance->round_idx,
                                             .is_paused = provenance->is_paused,
                                             .why = (enum why)event->pages_sent.why,
                                             .form = (enum page_form)event->pages_sent.form,
                                             .bytes = bytes});
}

void provenance_add(struct provenance *provenance, const struct event *event)
{
    uint64_t page_idx = provenance->page_idx;

    switch (event->kind) {
    case EVENT_ROUND_STARTED:
        provenance->round_idx = event->round_started.round_idx;
        provenance->is_paused = event->round_started.is_paused;
        return;
    case EVENT_ROUND_ENDED:
        provenance->round_idx = PROVENANCE_NO_ROUND;
        return;
    case EVENT_PAGES_SENT:
        add_sent(provenance, event);
        return;
    case EVENT_PAGE_DIRTIED:
        if (event->page_dirtied.page_idx != page_idx)
            return;
        cost_written(&provenance->cost, event->page_dirtied.pc);
        put(provenance, (struct provenance_item){.at_ns = event->at_ns,
                                                 .what = HAPPENED_WRITE,
                                                 .host = event->page_dirtied.host,
                                                 .hart_idx = event->page_dirtied.hart_idx,
                                                 .pc = event->page_dirtied.pc});
        return;
    case EVENT_PAGE_FAULTED:
        if (event->page_faulted.page_idx == page_idx)
            put(provenance, (struct provenance_item){.at_ns = event->at_ns,
                                                     .what = HAPPENED_ASKED,
                                                     .hart_idx = event->page_faulted.hart_idx});
        return;
    case EVENT_FAULT_RESOLVED:
        if (event->fault_resolved.page_idx != page_idx)
            return;
        provenance->cost.waited_ns += event->fault_resolved.wait_ns;
        put(provenance, (struct provenance_item){.at_ns = event->at_ns,
                                                 .what = HAPPENED_WAITED,
                                                 .hart_idx = event->fault_resolved.hart_idx,
                                                 .wait_ns = event->fault_resolved.wait_ns});
        return;
    default:
        if (is_given_up(event))
            cost_given_up(&provenance->cost);
    }
}

/* ---- All pages ---- */

void provenance_all_init(struct provenance_all *all, uint64_t total_pages)
{
    MUST(total_pages <= PROVENANCE_PAGES_MAX);
    *all = (struct provenance_all){.total_pages = total_pages};
    all->costs = calloc(total_pages, sizeof *all->costs);
    MUST(all->costs != NULL);
}

void provenance_all_fini(struct provenance_all *all)
{
    free(all->costs);
    all->costs = NULL;
}

void provenance_all_add(struct provenance_all *all, const struct event *event)
{
    switch (event->kind) {
    case EVENT_PAGES_SENT:
        for (uint64_t i = 0;
             event->pages_sent.form != PAGE_FORM_FREE && i < event->pages_sent.count; i++) {
            uint64_t page_idx = event->pages_sent.first_idx + i;
            cost_sent(&all->costs[page_idx], bytes_of_page(event, page_idx));
        }
        return;
    case EVENT_PAGE_DIRTIED:
        cost_written(&all->costs[event->page_dirtied.page_idx], event->page_dirtied.pc);
        return;
    case EVENT_FAULT_RESOLVED:
        all->costs[event->fault_resolved.page_idx].waited_ns += event->fault_resolved.wait_ns;
        return;
    default:
        for (uint64_t i = 0; is_given_up(event) && i < all->total_pages; i++)
            cost_given_up(&all->costs[i]);
    }
}

/* Into a list that is kept in order: `count` is small. */
uint32_t provenance_all_top(const struct provenance_all *all, uint32_t count, uint64_t *page_idxs)
{
    uint32_t found = 0;

    for (uint64_t i = 0; i < all->total_pages && count > 0; i++) {
        uint64_t wasted = all->costs[i].wasted_bytes;
        uint32_t at = found;
        if (wasted == 0)
            continue;
        while (at > 0 && all->costs[page_idxs[at - 1]].wasted_bytes < wasted)
            at--;
        if (at == count)
            continue;
        if (found < count)
            found++;
        memmove(page_idxs + at + 1, page_idxs + at, (found - 1 - at) * sizeof *page_idxs);
        page_idxs[at] = i;
    }
    return found;
}
