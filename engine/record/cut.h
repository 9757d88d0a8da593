/* cut: what the consistent cut took, counted from its events: barriers, the cache's lines, the
 * disk's blocks. A part of the timeline. */
#ifndef RECORD_CUT_H
#define RECORD_CUT_H

#include "base/event.h"

struct cut_counts {
    uint64_t barriers_sent, barriers_acknowledged;   /* the rest were still out at the pause */
    uint64_t flushed_pages;                          /* sent because a barrier had to follow them */
    uint64_t barrier_wait_ns, barrier_wait_max_ns;   /* of all harts together; of one barrier */
    uint64_t lines_written_back, pages_written_back; /* by the cut itself */
    uint64_t disk_blocks_written;
};

static inline void cut_fold(struct cut_counts *counts, const struct event *event)
{
    switch (event->kind) {
    case EVENT_BARRIER_SENT:
        counts->barriers_sent++;
        counts->flushed_pages += event->barrier_sent.pages;
        return;
    case EVENT_BARRIER_ACKNOWLEDGED:
        counts->barriers_acknowledged++;
        counts->barrier_wait_ns += event->barrier_acknowledged.wait_ns;
        if (event->barrier_acknowledged.wait_ns > counts->barrier_wait_max_ns)
            counts->barrier_wait_max_ns = event->barrier_acknowledged.wait_ns;
        return;
    case EVENT_CACHE_WRITTEN_BACK:
        counts->lines_written_back += event->cache_written_back.lines;
        counts->pages_written_back += event->cache_written_back.pages;
        return;
    case EVENT_DISK_WRITTEN:
        counts->disk_blocks_written++;
        return;
    default:
        return;
    }
}

#endif
