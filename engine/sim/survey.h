/* survey: what a guest does to its memory where it lives, unmoved, with the clients of its
 * scenario: measured, in virtual time, so the same everywhere.
 *
 *      0        100 ms                                              600 ms of the world's time
 *      | starting | window | window | window | window | window |
 *
 * In each window the pages are counted that are written at all; the working set is what is written
 * in any of them.
 */
#ifndef SIM_SURVEY_H
#define SIM_SURVEY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "scenario/scenario.h"

#define SURVEY_WINDOWS   5
#define SURVEY_WINDOW_NS 100000000ull

struct survey {
    uint64_t memory_pages;      /* that hold something at the end; of a model: that were written */
    uint64_t dirty_rate;        /* pages a second: written in a window, the mean of all windows */
    uint64_t working_set_pages; /* written in any window */
    uint64_t client_count;      /* that talked to it */
    bool has_ended;             /* before the last window was over */
    uint64_t lived_ns;          /* until then */
};

/* The scenario has been checked; it is not moved. */
MUST_USE enum status survey_make(const struct scenario *scenario, const uint8_t *image,
                                 size_t image_bytes, struct survey *survey,
                                 struct problem *problem);

#endif
