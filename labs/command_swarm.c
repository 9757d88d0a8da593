/* ferry swarm: many seeds of the simulator, until one breaks a rule. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "labs/command.h"
#include "labs/headless.h"
#include "labs/image.h"
#include "labs/output.h"
#include "labs/people.h"
#include "labs/report.h"
#include "labs/swarm_crew.h"
#include "labs/swarm_tally.h"

#define SAVE_NS    (2 * NS_PER_S) /* between two savings of the state */
#define SHOW_NS    (200 * NS_PER_MS)
#define SEED_MAX   ((uint64_t)INT64_MAX)
#define SEEDS_TEXT "1..2000"

struct swarm {
    const struct command *command;
    struct options options;
    struct output json;
    uint64_t jobs;
    struct image images[SWARM_GUESTS_MAX];
    struct swarm_image borrowed[SWARM_GUESTS_MAX];
    struct swarm_tally tally;
    bool is_resumed;
    uint64_t began_at; /* the first seed of this call */
    uint64_t began_ns, saved_ns, shown_ns;
};

static uint64_t wall_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

/* ---- What is asked for ---- */

static enum status parse_seeds(const char *text, uint64_t *first, uint64_t *last,
                               struct problem *problem)
{
    const char *dots = strstr(text, "..");
    char begin[24];

    snprintf(begin, sizeof begin, "%.*s", dots == NULL ? 23 : (int)(dots - text), text);
    if (units_parse(UNIT_COUNT, begin, first, NULL) != STATUS_OK ||
        units_parse(UNIT_COUNT, dots == NULL ? begin : dots + 2, last, NULL) != STATUS_OK ||
        *last >= SEED_MAX)
        return problem_set(problem, STATUS_USAGE,
                           "--seeds: \"%.40s\" is no range of seeds: write 1..2000, or 7", text);
    if (*last < *first)
        return problem_set(problem, STATUS_USAGE,
                           "--seeds: \"%.40s\": the second is to be the greater", text);
    return STATUS_OK;
}

static enum status parse_jobs(const char *text, uint64_t *jobs, struct problem *problem)
{
    if (text == NULL) {
        long processors = sysconf(_SC_NPROCESSORS_ONLN);
        *jobs = processors < 1 ? 1 : (uint64_t)processors;
        *jobs = *jobs > SWARM_JOBS_MAX ? SWARM_JOBS_MAX : *jobs;
        return STATUS_OK;
    }
    if (units_parse(UNIT_COUNT, text, jobs, NULL) != STATUS_OK || *jobs == 0 ||
        *jobs > SWARM_JOBS_MAX)
        return problem_set(problem, STATUS_USAGE,
                           "--jobs: \"%.40s\": write how many processes, 1 to %d", text,
                           SWARM_JOBS_MAX);
    return STATUS_OK;
}

/* A swarm that was interrupted goes on where it was; its seeds need not be said again. */
static enum status resume(struct swarm *swarm, struct problem *problem)
{
    const struct options *options = &swarm->options;
    const char *seeds = options->swarm.seeds != NULL ? options->swarm.seeds : SEEDS_TEXT;
    struct swarm_tally kept;
    uint64_t first, last;

    enum status status = parse_seeds(seeds, &first, &last, problem);
    if (status != STATUS_OK)
        return status;
    swarm_tally_init(&swarm->tally, first, last);
    if (options->swarm.resume == NULL)
        return STATUS_OK;
    status = swarm_tally_load(&kept, options->swarm.resume, &swarm->is_resumed, problem);
    if (status != STATUS_OK)
        return status;
    if (!swarm->is_resumed)
        return swarm_tally_save(&swarm->tally, options->swarm.resume, problem);
    if (options->swarm.seeds != NULL && (kept.first != first || kept.last != last))
        return problem_set(problem, STATUS_USAGE,
                           "--resume: %.160s was begun with --seeds %llu..%llu: leave --seeds out, "
                           "or name another file",
                           options->swarm.resume, (unsigned long long)kept.first,
                           (unsigned long long)kept.last);
    swarm->tally = kept;
    return STATUS_OK;
}

/* One image for all rows of a guest. */
static enum status load_images(struct swarm *swarm, struct problem *problem)
{
    struct scenario scenario;
    enum status status = STATUS_OK;

    scenario_init(&scenario);
    for (uint32_t i = 0; i < swarm_guest_count() && status == STATUS_OK; i++) {
        const char *name = swarm_guest_name(i);
        bool is_again = i > 0 && strcmp(name, swarm_guest_name(i - 1)) == 0;
        status = scenario_set(&scenario, "guest", name, problem);
        if (status == STATUS_OK && !is_again)
            status = image_load(&swarm->images[i], &scenario, problem);
        swarm->borrowed[i] =
            is_again ? swarm->borrowed[i - 1]
                     : (struct swarm_image){swarm->images[i].data, swarm->images[i].bytes};
    }
    scenario_fini(&scenario);
    return status;
}

static enum status prepare(struct swarm *swarm, int word_count, char **words,
                           struct problem *problem)
{
    struct options *options = &swarm->options;
    enum status status =
        options_parse(options, swarm->command->takes, NULL, word_count, words, problem);

    if (status != STATUS_OK || options->is_help)
        return status;
    status = parse_jobs(options->swarm.jobs, &swarm->jobs, problem);
    if (status == STATUS_OK)
        status = load_images(swarm, problem);
    if (status == STATUS_OK)
        status = output_open(&swarm->json, options->json_path, problem);
    return status == STATUS_OK ? resume(swarm, problem) : status;
}

/* ---- What came of it ---- */

static uint64_t per_minute(const struct swarm *swarm)
{
    uint64_t ns = wall_ns() - swarm->began_ns;
    return ns == 0 ? 0 : units_mul_div(swarm->tally.next - swarm->began_at, 60 * NS_PER_S, ns);
}

static void show_progress(struct swarm *swarm)
{
    const struct swarm_tally *tally = &swarm->tally;
    struct people people = {0};

    if (wall_ns() - swarm->shown_ns < SHOW_NS)
        return;
    swarm->shown_ns = wall_ns();
    fprintf(stderr, "\r\033[K%s of %s seeds, %s a minute",
            people_count(&people, tally->next - tally->first),
            people_count(&people, tally->last - tally->first + 1),
            people_count(&people, per_minute(swarm)));
    fflush(stderr);
}

/* The line that makes the seed's world again; where a rule needs a second life, with that. */
static void write_replay(const struct swarm *swarm, uint64_t seed, bool is_verified,
                         struct bytes *line)
{
    const char *const own[] = {is_verified ? "--verify" : NULL, NULL};
    struct scenario scenario;

    swarm_draw(seed, swarm->borrowed, &scenario, NULL, NULL);
    options_write_command("run", &scenario, own, line);
    scenario_fini(&scenario);
}

static json_t *violation_json(uint64_t seed, const struct swarm_violation *violation,
                              const char *replay)
{
    json_t *object = json_object();

    json_object_set_new(object, "seed", json_integer((json_int_t)seed));
    json_object_set_new(object, "rule", json_string(oracle_rule_key(violation->rule)));
    json_object_set_new(object, "event", json_integer((json_int_t)violation->event_idx));
    json_object_set_new(object, "event_name",
                        json_string(event_describe(violation->event_kind)->name));
    json_object_set_new(object, "at_ns", json_integer((json_int_t)violation->at_ns));
    json_object_set_new(object, "what", json_string(violation->what));
    json_object_set_new(object, "command", json_string(replay));
    return object;
}

/* One line: which seed, which rule, at which event, and how to see it again. */
static json_t *tell_violation(const struct swarm *swarm, uint64_t seed)
{
    struct swarm_violation violation;
    struct people people = {0};
    struct bytes replay = {0};

    bool is_again = swarm_explain(seed, swarm->borrowed, &violation);
    MUST(is_again); /* a world's life is the same each time */
    write_replay(swarm, seed,
                 violation.rule == RULE_TRANSPARENT || violation.rule == RULE_DETERMINISTIC,
                 &replay);
    fprintf(stderr, "ferry swarm: seed %llu, event %s (%s): %s; again with: %s\n",
            (unsigned long long)seed, people_count(&people, violation.event_idx),
            event_describe(violation.event_kind)->name, violation.what, (const char *)replay.data);
    json_t *object = violation_json(seed, &violation, (const char *)replay.data);
    bytes_fini(&replay);
    return object;
}

static json_t *tell_death(const struct swarm *swarm, uint64_t seed, const char *death)
{
    struct bytes replay = {0};
    json_t *object = json_object();

    write_replay(swarm, seed, true, &replay);
    fprintf(stderr, "ferry swarm: seed %llu: %s; again with: %s\n", (unsigned long long)seed, death,
            (const char *)replay.data);
    json_object_set_new(object, "seed", json_integer((json_int_t)seed));
    json_object_set_new(object, "rule", json_null());
    json_object_set_new(object, "what", json_string(death));
    json_object_set_new(object, "command", json_string((const char *)replay.data));
    bytes_fini(&replay);
    return object;
}

/* To the last seed, or to the first that breaks a rule: then what is wrong, else NULL. */
static json_t *live(struct swarm *swarm, enum status *status, struct problem *problem)
{
    const struct options *options = &swarm->options;
    struct swarm_tally *tally = &swarm->tally;
    bool has_progress = headless_wants_progress(false, options->is_quiet);
    json_t *violation = NULL;
    struct swarm_crew crew;

    swarm->began_at = tally->next;
    swarm->began_ns = swarm->saved_ns = swarm->shown_ns = wall_ns();
    *status = swarm_crew_open(&crew, tally->next, (uint32_t)swarm->jobs, swarm->borrowed, problem);
    while (*status == STATUS_OK && violation == NULL && tally->next <= tally->last) {
        struct swarm_result result;
        bool is_alive = swarm_crew_next(&crew, &result);
        if (has_progress)
            show_progress(swarm);
        if (is_alive && result.broken == RULE_COUNT) {
            swarm_tally_add(tally, &result);
            if (options->swarm.resume != NULL && wall_ns() - swarm->saved_ns > SAVE_NS) {
                swarm->saved_ns = wall_ns();
                *status = swarm_tally_save(tally, options->swarm.resume, problem);
            }
            continue;
        }
        if (has_progress)
            fprintf(stderr, "\r\033[K");
        violation = is_alive ? tell_violation(swarm, result.seed)
                             : tell_death(swarm, crew.next_seed, crew.death);
    }
    swarm_crew_close(&crew);
    if (has_progress)
        fprintf(stderr, "\r\033[K");
    if (*status == STATUS_OK && options->swarm.resume != NULL)
        *status = swarm_tally_save(tally, options->swarm.resume, problem);
    return violation;
}

static void print_summary(const struct swarm *swarm, bool is_sound)
{
    const struct swarm_tally *tally = &swarm->tally;
    struct people people = {0};

    printf("seeds %llu..%llu: %s worlds, %s (%s a minute)\n\n", (unsigned long long)tally->first,
           (unsigned long long)tally->last, people_count(&people, tally->next - tally->first),
           is_sound ? "every rule held" : "then a rule was broken",
           people_count(&people, per_minute(swarm)));
    swarm_tally_print(tally, stdout);
}

static int swarm_and_report(struct swarm *swarm)
{
    struct problem problem = {STATUS_OK, ""};
    enum status status;
    json_t *violation = live(swarm, &status, &problem);
    int exit_status = violation == NULL ? EXIT_DONE : EXIT_FAILED;

    if (status != STATUS_OK) {
        json_decref(violation);
        return command_refuse(swarm->command, &problem);
    }
    if (!swarm->options.is_quiet && swarm->json.file != stdout)
        print_summary(swarm, violation == NULL);
    json_t *object = swarm_tally_json(&swarm->tally);
    json_object_set_new(object, "violation", violation != NULL ? violation : json_null());
    if (swarm->json.file != NULL)
        report_write(object, swarm->json.file);
    else
        json_decref(object);
    if (output_finish(&swarm->json, &problem) != STATUS_OK)
        return command_refuse(swarm->command, &problem);
    return exit_status;
}

int command_swarm(const struct command *command, int word_count, char **words)
{
    static struct swarm swarm; /* some hundred KiB */
    struct problem problem = {STATUS_OK, ""};
    int status;

    swarm = (struct swarm){.command = command};
    if (prepare(&swarm, word_count, words, &problem) != STATUS_OK)
        status = command_refuse(command, &problem);
    else if (swarm.options.is_help)
        status = command_print_help(command);
    else
        status = swarm_and_report(&swarm);
    output_discard(&swarm.json);
    for (uint32_t i = 0; i < swarm_guest_count(); i++)
        image_fini(&swarm.images[i]);
    options_fini(&swarm.options);
    return status;
}
