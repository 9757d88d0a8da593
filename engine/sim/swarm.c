#include "sim/swarm.h"

#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "sim/run.h"

/* A world that has not ended by then has a guest that waits for something that nobody sends. The
 * longest sound ones are some minutes: rounds without end over the slowest link, and a watch. */
#define LONGEST_NS     (1000 * NS_PER_S)
#define MOST_EVENTS    2000000
#define MOST_TICKS     3000000000ull /* instructions: a hart may spin while another one waits */
#define SLICE_NS       (20 * NS_PER_MS)
#define EVERY_NTH_SEED 8 /* is lived twice, for rule deterministic */

/* Rule one_runner: a guest that is lost without the run saying so. */
static bool is_endless(const struct run *run)
{
    const struct guest *guest = world_guest(run->world);
    return world_now_ns(run->world) > LONGEST_NS || run->timeline.event_count > MOST_EVENTS ||
           guest->ops->instructions(guest) > MOST_TICKS;
}

static void break_endless(const struct run *run, struct oracle *oracle)
{
    oracle_break(oracle, RULE_ONE_RUNNER, world_now_ns(run->world),
                 "the move neither ends nor says why: after %llu events the phase is %s",
                 (unsigned long long)run->timeline.event_count, phase_name(run->timeline.phase));
}

static bool is_at_rest(const struct run *run)
{
    return run->timeline.outcome == OUTCOME_COMPLETED || run->timeline.outcome == OUTCOME_ABORTED;
}

/* Its clients have no way to it any more, and give up: their errors are no wrong answers. */
static bool is_cut_off(const struct run *run)
{
    const struct trouble *trouble = &run->timeline.trouble;
    return trouble->has_crashed[HOST_SOURCE] || trouble->has_crashed[HOST_TARGET] ||
           (run->scenario.route == ROUTE_NONE && run->timeline.has_resumed);
}

/* What the guest says of itself: a program that checks itself ends well, if it is to end at all,
 * and gives no client a wrong answer. */
static void verify_guest(const struct run *run, struct oracle *oracle)
{
    const struct timeline *timeline = &run->timeline;
    const struct scenario *scenario = &run->scenario;

    if (timeline->errors > 0 && !is_cut_off(run))
        oracle_break(oracle, RULE_STREAMS, timeline->now_ns, "clients got %llu wrong answers",
                     (unsigned long long)timeline->errors);
    /* (2 is its word for options that it cannot obey, such as more than its memory to write to.) */
    if (timeline->has_guest_ended && (timeline->is_guest_fault || timeline->guest_status == 1))
        oracle_break(oracle, RULE_TRANSPARENT, timeline->now_ns,
                     "the guest %s with %llu: it does not find itself as it should be",
                     timeline->is_guest_fault ? "crashed" : "ended",
                     (unsigned long long)timeline->guest_status);
    if (!timeline->has_guest_ended && scenario->run_for_ns == SCENARIO_NONE)
        oracle_break(oracle, RULE_TRANSPARENT, timeline->now_ns,
                     "the guest has not ended long after the move, as it does unmoved");
}

/* The rules that need a second life. */
static void verify(const struct run *run, uint64_t seed, const struct swarm_image *image,
                   struct oracle *oracle)
{
    if (is_at_rest(run))
        verify_guest(run, oracle);
    if (is_at_rest(run))
        run_verify_transparent(run, image->data, image->bytes, oracle);
    if (seed % EVERY_NTH_SEED == 0)
        run_verify_deterministic(run, image->data, image->bytes, oracle);
}

static enum status open_seed(struct run *run, uint64_t seed, const struct swarm_image *images,
                             uint32_t *guest_idx, uint8_t drawn[SWARM_ROWS_MAX],
                             struct problem *problem)
{
    struct scenario scenario;

    swarm_draw(seed, images, &scenario, guest_idx, drawn);
    enum status status =
        run_open(run, &scenario, images[*guest_idx].data, images[*guest_idx].bytes, false, problem);
    scenario_fini(&scenario);
    return status;
}

static void note_event(const struct run *run, struct swarm_violation *violation)
{
    if (run->events.count > 0)
        violation->event_kind = run->events.items[run->events.count - 1].kind;
    violation->event_idx = run->timeline.event_count;
    violation->at_ns = world_now_ns(run->world);
}

/* To the end, to the first broken rule, or to where it is sure that there is no end. */
static void live(struct run *run, struct oracle *oracle, struct swarm_violation *violation)
{
    while (run_advance(run, world_now_ns(run->world) + SLICE_NS) &&
           oracle_holds(world_oracle(run->world)) && !is_endless(run))
        if (violation != NULL)
            note_event(run, violation);
    if (violation != NULL)
        note_event(run, violation);
    *oracle = *world_oracle(run->world);
    if (!run->timeline.has_run_ended && oracle_holds(oracle))
        break_endless(run, oracle);
}

static enum oracle_rule first_broken(const struct oracle *oracle)
{
    for (unsigned rule = 0; rule < RULE_COUNT; rule++)
        if (oracle->is_broken[rule])
            return (enum oracle_rule)rule;
    return RULE_COUNT;
}

void swarm_judge(uint64_t seed, const struct swarm_image *images, struct swarm_result *result)
{
    struct problem problem = {STATUS_OK, ""};
    struct oracle oracle;
    struct run run;

    memset(result, 0, sizeof *result); /* no gaps: it is written whole */
    result->seed = seed;
    enum status status = open_seed(&run, seed, images, &result->guest_idx, result->drawn, &problem);
    MUST(status == STATUS_OK);
    live(&run, &oracle, NULL);
    if (run.timeline.has_run_ended && oracle_holds(&oracle))
        verify(&run, seed, &images[result->guest_idx], &oracle);
    result->event_count = run.timeline.event_count;
    result->outcome = (uint8_t)run.timeline.outcome;
    result->broken = (uint8_t)first_broken(&oracle);
    for (unsigned rule = 0; rule < RULE_COUNT; rule++)
        result->applied[rule] = oracle.applies[rule];
    run_close(&run);
}

/* Event by event, to the first after which a rule is broken that the world's own oracle watches. */
static void find_event(struct run *run, struct swarm_violation *violation)
{
    do {
        bool is_alive = run_step(run);
        note_event(run, violation);
        if (!is_alive)
            return;
    } while (oracle_holds(world_oracle(run->world)));
}

bool swarm_explain(uint64_t seed, const struct swarm_image *images,
                   struct swarm_violation *violation)
{
    uint8_t drawn[SWARM_ROWS_MAX];
    struct problem problem = {STATUS_OK, ""};
    struct oracle oracle;
    uint32_t guest_idx;
    struct run run;

    *violation = (struct swarm_violation){.rule = RULE_COUNT};
    enum status status = open_seed(&run, seed, images, &guest_idx, drawn, &problem);
    MUST(status == STATUS_OK);
    live(&run, &oracle, violation);
    if (run.timeline.has_run_ended && oracle_holds(&oracle))
        verify(&run, seed, &images[guest_idx], &oracle);
    bool is_of_world = !oracle_holds(world_oracle(run.world));
    run_close(&run);
    if (is_of_world) {
        status = open_seed(&run, seed, images, &guest_idx, drawn, &problem);
        MUST(status == STATUS_OK);
        find_event(&run, violation);
        oracle = *world_oracle(run.world);
        run_close(&run);
    }
    violation->rule = first_broken(&oracle);
    snprintf(violation->what, sizeof violation->what, "%s", oracle.what);
    return violation->rule != RULE_COUNT;
}
