#include "exercises/grade.h"

#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "base/utf8.h"
#include "exercises/seat.h"
#include "sim/run.h"
#include "wire/message.h"

#define SLICE_NS (10 * NS_PER_MS)

/* What all runs of a grading share. */
struct grading {
    struct grade *grade;
    const struct exercise *exercise;
    struct seat *seat;
    struct problem *problem;
};

void grade_scenario(const struct exercise_case *in_case, uint64_t seed, struct scenario *scenario)
{
    char text[24];

    scenario_copy(scenario, &in_case->scenario);
    snprintf(text, sizeof text, "%llu", (unsigned long long)seed);
    enum status status = scenario_set(scenario, "seed", text, NULL);
    MUST(status == STATUS_OK);
}

/* From the start of the move on: a round trip, all pages and the state over the link, one way (C3);
 * and with patience. */
static uint64_t limit_ns(const struct scenario *scenario, const struct world *world)
{
    uint64_t bytes = world_total_pages(world) * MESSAGE_PAGE_WIRE_BYTES + world_state_bytes(world);
    uint64_t needed_ns = units_mul_div(bytes * 8, NS_PER_S, scenario->bandwidth_bits_per_s) +
                         3 * scenario->latency_ns;

    return scenario->start_at_ns + GRADE_GRACE_NS + GRADE_PATIENCE * needed_ns;
}

/* ---- One run ---- */

static enum status open_run(const struct grading *grading, const struct exercise_case *in_case,
                            uint64_t seed, const struct grade_image *image, struct run *run)
{
    struct scenario scenario;

    grade_scenario(in_case, seed, &scenario);
    scenario.strategy = seat_strategy(grading->seat);
    enum status status =
        run_open(run, &scenario, image->data, image->bytes, false, grading->problem);
    scenario_fini(&scenario);
    return status;
}

/* Audited to its end, or until it is clear that there is none. */
static void audit_run(const struct grading *grading, struct run *run, struct audit *audit)
{
    uint64_t until_ns = 0, end_ns = limit_ns(&run->scenario, run->world);
    bool is_alive = true;

    for (; is_alive && !run->timeline.has_ended && until_ns < end_ns; until_ns += SLICE_NS) {
        is_alive = run_advance(run, until_ns);
        for (size_t i = 0; i < run->events.count; i++)
            audit_event(audit, &run->events.items[i]);
    }
    bool is_endless = is_alive && !run->timeline.has_ended;
    audit_end(audit, run->timeline.now_ns, world_reason(run->world), is_endless);
    /* What has no end has no moment either: its last decision is as good as any. */
    if (is_endless && seat_counts(grading->seat)->decisions > 0) {
        audit->findings[CRITERION_ARRIVES].at_ns = seat_code(grading->seat)->decided_at_ns;
        audit->findings[CRITERION_ARRIVES].event_idx = 0;
    }
}

/* The line of the program that made a run break a criterion: the run again, watched closely when it
 * comes to that moment. */
static enum status find_line(const struct grading *grading, const struct grade_image *image,
                             struct grade_failure *failure)
{
    const struct session_code *code = seat_code(grading->seat);
    const struct finding *finding = &failure->finding;
    struct run run;
    bool is_alive = true;
    enum status status = open_run(grading, failure->in_case, failure->seed, image, &run);

    if (status != STATUS_OK)
        return status;
    if (finding->at_ns > 0)
        is_alive = run_advance(&run, finding->at_ns - 1);
    seat_trace(grading->seat, true);
    while (
        is_alive && run.timeline.now_ns <= finding->at_ns &&
        (code->decided_at_ns != finding->at_ns || run.timeline.event_count <= finding->event_idx))
        is_alive = run_step(&run);
    seat_trace(grading->seat, false);
    run_close(&run);

    if (code->decided_at_ns != finding->at_ns)
        return STATUS_OK; /* it was decided elsewhere */
    failure->line = code->line;
    if (code->line > 0) {
        const char *text = code->lines[code->line - 1];
        text += strspn(text, " \t");
        snprintf(failure->source, sizeof failure->source, "%.*s",
                 (int)utf8_cut(text, sizeof failure->source - 1), text);
    }
    return STATUS_OK;
}

static void note_failure(struct grade_result *result, const struct exercise_case *in_case,
                         uint64_t seed, const struct finding *finding)
{
    /* A run in which it can be said is worth more than one in which it cannot. */
    bool is_first = result->failure.in_case == NULL;
    bool is_better = !is_first && result->failure.finding.is_open && !finding->is_open;

    if (is_first || is_better)
        result->failure =
            (struct grade_failure){.in_case = in_case, .seed = seed, .finding = *finding};
}

static enum status grade_run(const struct grading *grading, const struct exercise_case *in_case,
                             uint64_t seed, const struct grade_image *image)
{
    struct grade *grade = grading->grade;
    struct run run;
    struct audit audit;
    enum status status = open_run(grading, in_case, seed, image, &run);

    if (status != STATUS_OK)
        return status;
    audit_init(&audit, world_total_pages(run.world));
    audit_run(grading, &run, &audit);
    for (unsigned i = 0; i < CRITERION_COUNT; i++) {
        struct grade_result *result = &grade->results[i];
        result->runs++;
        if (!audit.findings[i].is_broken)
            result->held++;
        else
            note_failure(result, in_case, seed, &audit.findings[i]);
    }
    if (!oracle_holds(world_oracle(run.world)) && grade->broken_rule[0] == '\0')
        snprintf(grade->broken_rule, sizeof grade->broken_rule, "%s",
                 world_oracle(run.world)->what);
    const struct seat_counts *counts = seat_counts(grading->seat);
    grade->runs++;
    grade->decisions += counts->decisions;
    grade->instructions += counts->instructions;
    if (counts->instructions_max > grade->instructions_max)
        grade->instructions_max = counts->instructions_max;
    audit_fini(&audit);
    run_close(&run);
    return STATUS_OK;
}

/* ---- All of them ---- */

static enum status run_all(const struct grading *grading, uint32_t only,
                           const struct grade_image *images, const struct exercise_seeds *seeds)
{
    const struct exercise *exercise = grading->exercise;
    enum status status = STATUS_OK;

    for (uint32_t i = 0; i < exercise->case_count; i++)
        for (uint64_t seed = seeds->first; seed <= seeds->last && status == STATUS_OK; seed++)
            if (only == EXERCISE_CASES_MAX || only == i)
                status = grade_run(grading, &exercise->cases[i], seed, &images[i]);
    for (unsigned i = 0; i < CRITERION_COUNT && status == STATUS_OK; i++) {
        struct grade_failure *failure = &grading->grade->results[i].failure;
        if (failure->in_case != NULL && !failure->finding.is_open)
            status = find_line(grading, &images[failure->in_case - exercise->cases], failure);
    }
    return status;
}

enum status grade_make(struct grade *grade, const struct exercise *exercise, uint32_t only,
                       const struct program *program, const struct grade_image *images,
                       const struct exercise_seeds *seeds, struct problem *problem)
{
    struct grading grading = {.grade = grade, .exercise = exercise, .problem = problem};
    enum status status = STATUS_OK;

    *grade = (struct grade){.points_max = exercise->points_max};
    for (unsigned i = 0; i < CRITERION_COUNT; i++)
        grade->results[i].points_max = exercise->points[i];
    if (!program->is_built)
        return STATUS_OK;
    status = seat_open(&grading.seat, program, exercise->mode, false, problem);
    if (status != STATUS_OK)
        return status;
    status = run_all(&grading, only, images, seeds);
    seat_close(grading.seat);
    for (unsigned i = 0; i < CRITERION_COUNT; i++) {
        struct grade_result *result = &grade->results[i];
        if (result->runs > 0)
            result->points = result->points_max * result->held / result->runs;
        grade->points += result->points;
    }
    return status;
}
