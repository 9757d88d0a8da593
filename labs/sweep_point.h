/* sweep_point: one run of a sweep, made in a process of its own and brought back as numbers and as
 * the JSON of its report; and what of it can be drawn.
 */
#ifndef LABS_SWEEP_POINT_H
#define LABS_SWEEP_POINT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#include "labs/image.h"
#include "labs/people.h"
#include "migrate/forecast.h"
#include "scenario/scenario.h"

/* Plain numbers: they go through a file from one process to another. */
struct sweep_result {
    enum outcome outcome;
    bool is_good, are_rules_held, is_limit_exceeded, has_forecast;
    uint64_t total_ns, downtime_ns, rounds;
    uint64_t pages_sent, pages_resent, bytes_on_wire, dirty_traps, faults, fault_wait_p99_ns;
    uint64_t latency_p99_ns, longest_silence_ns, instructions, state_bytes;
    struct forecast forecast;
    bool has_laws;           /* of C4 and C5, where a formula applies: */
    double rounds_s, scan_s; /* what the whole move takes by the one and by the other */
    char reason[256];
};

struct sweep_point {
    struct scenario scenario;
    pid_t process; /* that runs it; 0: none */
    FILE *file;    /* through which it tells; owned */
    struct sweep_result result;
    json_t *run; /* owned */
};

/* In the process of its own: runs it and writes the file. */
bool sweep_point_run(struct sweep_point *point, const struct image *image);
/* In ours: reads the file. False: it is not whole. */
bool sweep_point_read(struct sweep_point *point);
void sweep_point_fini(struct sweep_point *point);

/* A row of the table for other programs, without its value; numbers are in the unit that their
 * column's name ends with. */
void sweep_point_csv_head(FILE *file);
void sweep_point_csv(const struct sweep_point *point, FILE *file);

/* What can be drawn. */
struct sweep_quantity {
    const char *name, *title;
    double (*of_result)(const struct sweep_result *result);
    double (*of_forecast)(const struct forecast *forecast); /* NULL: nothing is forecast of it */
    const char *(*format)(struct people *people, double y);
};
const struct sweep_quantity *sweep_quantity_find(const char *name); /* NULL: there is none */
const char *sweep_quantity_names(void);

#endif
