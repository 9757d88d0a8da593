/* run: a world with its timeline and its recording kept in step. What `ferry run`, `compare`, the
 * tests are made of.
 */
#ifndef SIM_RUN_H
#define SIM_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "migrate/forecast.h"
#include "record/recording.h"
#include "record/session.h"
#include "record/timeline.h"
#include "sim/dirty_rate.h"
#include "sim/world.h"

struct run {
    struct scenario scenario; /* a copy */
    struct world *world;
    struct timeline timeline;
    struct recorder recorder;
    struct event_list events; /* of the last advance, already folded and recorded */
};

/* With is_kept the recording's bytes stay in run->recorder.bytes. On an error nothing is open. */
MUST_USE enum status run_open(struct run *run, const struct scenario *scenario,
                              const uint8_t *image, size_t image_bytes, bool is_kept,
                              struct problem *problem);
bool run_advance(struct run *run, uint64_t until_ns); /* false at the end of the run */
bool run_step(struct run *run);                       /* one event more; false at the end */
void run_to_end(struct run *run);
/* SESSION_START, SESSION_POST_COPY or SESSION_ABORT, as a person at the keys would give it; false:
 * not now. */
bool run_act(struct run *run, enum session_command command);
void run_close(struct run *run);

/* What the curriculum's formulas say of a scenario moved in that mode, with that much state (see
 * world_state_bytes). False where no formula applies to the guest's writes. */
bool run_forecast(const struct scenario *scenario, enum mode mode, uint64_t state_bytes,
                  struct forecast *forecast);
/* The same by what was measured of its writes, which needs no formula; NULL: as above. */
bool run_forecast_of(const struct scenario *scenario, const struct dirty_rate *measured,
                     enum mode mode, uint64_t state_bytes, struct forecast *forecast);

/* Rules 6 and 7 by a second run each, for a run that has ended: where the guest ended by itself and
 * nobody talked to it, or is a model, the same guest without a move (digest and console must be the
 * same); and the same scenario again (its recording must be the same). Each sets its rule in
 * `oracle`, where it applies. */
void run_verify_transparent(const struct run *run, const uint8_t *image, size_t image_bytes,
                            struct oracle *oracle);
void run_verify_deterministic(const struct run *run, const uint8_t *image, size_t image_bytes,
                              struct oracle *oracle);
/* Both, beginning with what the world's own oracle has found. */
void run_verify(const struct run *run, const uint8_t *image, size_t image_bytes,
                struct oracle *oracle);

/* The two steps that a run and a session share: what happened goes to the timeline and to the
 * recording, in that order; and a recording begins with its scenario. */
void run_fold(const struct event_list *events, struct timeline *timeline,
              struct recorder *recorder);
void run_begin_recording(struct recorder *recorder, const struct scenario *scenario, bool is_kept);

#endif
