/* seat: a strategy that somebody else has written, in a machine of its own. ferry's second machine:
 * bounded memory, a budget of instructions for each decision, nothing that outlives a call but the
 * memo. So a strategy is deterministic and counted, cannot hang or harm anything, and any decision
 * can be made again from the same view and memo: that is what makes it go backward, too.
 *
 *   seat_open      a program made by program.h
 *   seat_strategy  give it to a world (struct scenario), as often as you like: each run begins anew
 *   seat_code      what a view shows of it; seat_counts, seat_said what a report tells
 *   seat_close     when no world uses it any more
 *
 * A strategy that cannot decide (a wild pointer, an endless loop) gives the move up, and its reason
 * names file, line and function.
 */
#ifndef EXERCISES_SEAT_H
#define EXERCISES_SEAT_H

#include "base/status.h"
#include "exercises/program.h"
#include "exercises/seat_words.h"
#include "migrate/strategy.h"
#include "record/session.h"

#define SEAT_BUDGET 1000000 /* instructions for one decision; a sound one takes some hundred */
/* And for all decisions of a run: enough for a careless loop, too little to keep a grader for
 * minutes. A call of the host counts as one instruction, and one more for 64 pages looked at. */
#define SEAT_RUN_BUDGET  10000000
#define SEAT_PAGE_BUDGET 20000 /* and for each page of the guest */

#define SEAT_SAID_MAX    65536 /* bytes of what a strategy says in one run; the rest is dropped */
#define SEAT_FRAMES_MAX  64    /* callers that are looked through for one in the student's file */

struct seat;

/* `is_traced`: each decision is watched instruction by instruction, so that seat_code knows the
 * lines that it went through. It decides the same, and costs more. The program is borrowed. */
MUST_USE enum status seat_open(struct seat **seat, const struct program *program, enum mode mode,
                               bool is_traced, struct problem *problem);
void seat_close(struct seat *seat);
void seat_trace(struct seat *seat, bool is_traced); /* from the next decision on */

const struct strategy *seat_strategy(const struct seat *seat);
const struct session_code *seat_code(const struct seat *seat);

/* A view as the words of seat_words.h, in their order. */
void seat_words_of(const struct view *view, uint64_t words[SEAT_VIEW_COUNT]);

/* Of this run so far. */
struct seat_counts {
    uint64_t decisions;
    uint64_t instructions, instructions_max; /* in all; of the longest decision */
};
const struct seat_counts *seat_counts(const struct seat *seat);
/* All that it has said, a line each, NUL-terminated. */
const char *seat_said(const struct seat *seat);

#endif
