/* report: what a move came to, for people and for programs: of a simulated run, or of one between
 * real hosts, where nobody can look into everything and no oracle judges.
 *
 * Made from what has ended; borrows from it, so that must outlive it.
 */
#ifndef LABS_REPORT_H
#define LABS_REPORT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "labs/output.h"
#include "migrate/forecast.h"
#include "scenario/fault.h"
#include "sim/run.h"

/* What it is made from. */
struct report_matter {
    const struct scenario *scenario;
    const struct timeline *timeline;
    const char *reason;             /* why the migration ended so; "": as it should */
    const struct bytes *console;    /* NULL: nobody has kept it */
    const struct oracle *oracle;    /* NULL: between real hosts; then */
    const char *way;                /* "from A to B" */
    const uint64_t *fault_begun_ns; /* of each of the scenario's faults; NULL: there were none */
    uint64_t recording_digest;
    uint64_t state_bytes; /* what would be sent, where none was */
};

struct report {
    const struct scenario *scenario;
    const struct timeline *timeline;
    const struct bytes *console; /* may be NULL */
    const char *way;             /* NULL: simulated */
    bool has_oracle;
    struct oracle oracle;
    enum outcome outcome; /* OUTCOME_COUNT: nobody has told */
    const char *reason;   /* why the migration ended so; then, what went wrong with the guest */
    bool is_unserved;     /* clients were to talk to the guest, and none ever got an answer */
    bool is_late;         /* the clients began to talk only after the guest had moved */
    bool has_post_copy;   /* pages travelled after the guest had moved */
    bool has_forecast;    /* a formula applies */
    struct forecast forecast;
    struct timeline_spread latency, fault_wait;
    uint64_t recording_digest;
    struct fault_plan faults;
    uint64_t fault_begun_ns[FAULT_PLAN_MAX]; /* WORLD_NEVER: its phase did not come */
    char guest_end[260]; /* how the guest ended, with its last line; empty: it lives */
    char whole_reason[512];
};

void report_make_of(struct report *report, const struct report_matter *matter);
/* Of a simulated run. `oracle` is the world's own, or what run_verify made of it. */
void report_make(struct report *report, const struct run *run, const struct oracle *oracle);

/* Writes what was asked for; `json` and `record` may be without a file. */
MUST_USE enum status report_finish(const struct report *report, const struct bytes *recording,
                                   struct output *json, struct output *record,
                                   struct problem *problem);

/* The migration is done, all rules that apply hold, the guest did not fault, and where clients were
 * to talk to it they got answers, none of them wrong. */
bool report_is_good(const struct report *report);
/* A start of the move, as text for --start-at, at which clients that began then talk already. */
const char *report_later_start(uint64_t first_request_ns, char *text, size_t text_bytes);
/* The move met a limit before it was done as it should be, or took longer than --total-time-limit
 * allows: which limit that was. */
bool report_exceeds_limit(const struct report *report, enum limit *limit);
uint64_t report_total_ns(const struct report *report);
uint64_t report_framing_ns(const struct report *report); /* of the downtime */

/* The run for people, in lines of at most 80 columns. */
void report_print(const struct report *report, FILE *file);

/* One "ferry.run/1" object; the caller's. Numbers are integers in the unit that their name ends
 * with; what there is none of is null. */
json_t *report_json(const struct report *report);
/* "options": every option by its key, as text with its unit; plain counts as numbers. */
json_t *report_options_json(const struct scenario *scenario);
/* The formulas' result with the names of the measured ones. */
json_t *report_forecast_json(const struct forecast *forecast);

/* "compression": pages and bytes by form, what that saved, and what it took. */
/* What the consistent cut took. */
void report_print_cut(const struct timeline *timeline, FILE *file);
json_t *report_cut_json(const struct timeline *timeline);
json_t *report_forms_json(const struct timeline *timeline);
void report_print_forms(const struct report *report, FILE *file); /* nothing where all is plain */

/* "connections": the route, and what became of packets that went to the old host (C2); null without
 * clients. "failures": the faults of the plan, and what they did to the link and the hosts (C15).
 */
json_t *report_connections_json(const struct report *report);
json_t *report_failures_json(const struct report *report);
void report_print_trouble(const struct report *report,
                          FILE *file); /* nothing where all went well */
/* The guest moved, and its clients could not follow. */
bool report_has_broken_connections(const struct report *report);
const char *report_broken_route(const struct report *report); /* why, in a sentence; NULL */

/* Writes the object and a line end, and gives the object up. What the file does not take, the file
 * remembers: output_finish or main tells it. */
void report_write(json_t *object, FILE *file);

#endif
