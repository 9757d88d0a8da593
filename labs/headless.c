#include "labs/headless.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "labs/people.h"
#include "record/estimate.h"

/* World time between two looks at the wall clock, and wall time between two lines. */
#define SLICE_NS (20 * NS_PER_MS)
#define SHOW_NS  (100 * NS_PER_MS)

bool headless_wants_progress(bool is_plain, bool is_quiet)
{
    const char *terminal = getenv("TERM");
    bool is_dumb = terminal == NULL || *terminal == '\0' || strcmp(terminal, "dumb") == 0;
    return !is_plain && !is_quiet && !is_dumb && isatty(STDERR_FILENO);
}

static uint64_t wall_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static void show(const struct timeline *timeline, struct estimate *estimate)
{
    const struct timeline_round *round = timeline_round(timeline);
    struct people people = {0};

    uint32_t permille = estimate_progress(estimate, timeline);
    uint64_t left_ns;
    fprintf(stderr, "\r\033[K%s  %s", people_time(&people, timeline->now_ns),
            phase_name(timeline->phase));
    if (permille > 0)
        fprintf(stderr, " %u.%u %%", permille / 10, permille % 10);
    if (timeline->phase == PHASE_COPY && round != NULL)
        fprintf(stderr, ", round %llu: %s of %s pages", (unsigned long long)round->round_idx,
                people_count(&people, round->pages_sent), people_count(&people, round->pages));
    if (timeline->phase == PHASE_POST_COPY)
        fprintf(stderr, ": %s pages are missing", people_count(&people, timeline->pages_missing));
    if (!timeline->has_ended && estimate_left_ns(timeline, &left_ns))
        fprintf(stderr, ", about %s left", people_time(&people, left_ns));
    fflush(stderr);
}

enum status headless_run(struct run *run, const struct scenario *scenario,
                         const struct image *image, bool is_kept, bool has_progress,
                         struct problem *problem)
{
    enum status status = run_open(run, scenario, image->data, image->bytes, is_kept, problem);
    uint64_t shown_ns = wall_ns();
    struct estimate estimate = {0};

    if (status != STATUS_OK)
        return status;
    if (!has_progress)
        run_to_end(run);
    for (uint64_t until_ns = 0; has_progress && run_advance(run, until_ns); until_ns += SLICE_NS) {
        if (wall_ns() - shown_ns < SHOW_NS)
            continue;
        shown_ns = wall_ns();
        show(&run->timeline, &estimate);
    }
    if (has_progress)
        fprintf(stderr, "\r\033[K");
    recorder_finish(&run->recorder);
    return STATUS_OK;
}
