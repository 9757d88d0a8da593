/* ferry migrate: a guest is moved from one real host to another, and what that came to. */
#include <stdio.h>
#include <string.h>

#include "labs/at_door.h"
#include "labs/follow.h"
#include "labs/headless.h"
#include "labs/report.h"
#include "record/reading.h"

struct migrate {
    struct at_door at_door;
    struct output json, record;
};

/* What of the scenario was asked for goes as it is written. */
static json_t *arguments_of(const struct options *options)
{
    json_t *arguments = json_object();
    char value[512];

    for (uint32_t i = 0; i < scenario_option_count(); i++) {
        if ((options->set >> i & 1) == 0)
            continue;
        scenario_get(&options->scenario, i, value, sizeof value);
        json_object_set_new(arguments, scenario_option(i)->key, json_string(value));
    }
    const char *const own[][2] = {{"guest", options->live.guest},
                                  {"to", options->live.to},
                                  {"bandwidth", options->live.bandwidth}};
    for (unsigned i = 0; i < 3; i++) {
        json_t *text = own[i][1] != NULL ? json_string(own[i][1]) : NULL;
        if (own[i][1] != NULL) /* a name that is no text is nobody's */
            json_object_set_new(arguments, own[i][0], text != NULL ? text : json_string("?"));
    }
    return arguments;
}

/* ---- What it came to ---- */

static enum status fold_recording(const struct bytes *bytes, struct timeline *timeline,
                                  struct scenario *scenario, struct problem *problem)
{
    struct reading reading;
    struct event event;
    bool is_end = false;
    enum status status = reading_open(&reading, bytes->data, bytes->count, problem);

    if (status != STATUS_OK)
        return status;
    timeline_init(timeline, reading.facts.total_pages);
    status = scenario_read_text(scenario, reading.recording.scenario_text, problem);
    while (status == STATUS_OK &&
           (status = reading_next(&reading, &event, &is_end, problem)) == STATUS_OK && !is_end)
        timeline_add(timeline, &event);
    reading_close(&reading);
    if (status != STATUS_OK)
        timeline_fini(timeline);
    return status;
}

/* Of one whose end nobody has told nothing is known. */
static enum outcome outcome_of(const json_t *end)
{
    if (end == NULL)
        return OUTCOME_COUNT;
    const char *name = control_word(end, "outcome", "");
    for (unsigned i = 0; i < OUTCOME_COUNT; i++)
        if (strcmp(name, outcome_name((enum outcome)i)) == 0)
            return (enum outcome)i;
    return OUTCOME_LOST;
}

/* The recording's last bytes are the digest of all others. */
static uint64_t digest_of_recording(const struct bytes *bytes)
{
    struct bytes_reader reader;

    bytes_reader_init(&reader, bytes->data + bytes->count - 8, 8);
    return bytes_get_u64(&reader);
}

/* `cut`: why its end was not told, or not all of the recording; "": it was. */
static int tell_end(struct migrate *migrate, const struct follow *follow, const char *cut)
{
    const struct command *command = migrate->at_door.command;
    struct problem problem = {STATUS_OK, ""};
    struct scenario scenario;
    struct timeline timeline;
    struct report report;
    char way[160];

    scenario_init(&scenario);
    if (fold_recording(&follow->recording, &timeline, &scenario, &problem) != STATUS_OK) {
        scenario_fini(&scenario);
        return command_refuse(command, &problem);
    }
    snprintf(way, sizeof way, "from %s to %s", control_word(follow->last, "from", "?"),
             control_word(follow->last, "to", "?"));
    struct report_matter matter = {
        .scenario = &scenario,
        .timeline = &timeline,
        .reason = control_word(follow->end, "reason", cut),
        .way = way,
        .recording_digest = digest_of_recording(&follow->recording),
    };
    report_make_of(&report, &matter);
    report.outcome = outcome_of(follow->end); /* the recording may be without its end */
    if (follow->end != NULL && !migrate->at_door.options.is_quiet && migrate->json.file != stdout)
        report_print(&report, stdout);
    if (follow->is_cut)
        fprintf(stderr, "ferry migrate: the gateway could not keep all of the recording\n");
    int status = report_is_good(&report) && *cut == '\0' ? EXIT_DONE : EXIT_FAILED;
    if (report_finish(&report, &follow->recording, &migrate->json, &migrate->record, &problem) !=
        STATUS_OK)
        status = command_refuse(command, &problem);
    timeline_fini(&timeline);
    scenario_fini(&scenario);
    return status;
}

/* What came of a recording of which nothing more will come gets an end of its own. False: there is
 * nothing to be read in it. */
static bool end_recording(struct bytes *pieces)
{
    struct recording_feed feed;
    struct recorder recorder;
    struct event event;
    bool is_there, has_begun = false;

    recording_feed_init(&feed);
    recording_feed_put(&feed, pieces->data, pieces->count);
    while (recording_feed_next(&feed, &event, &is_there, NULL) == STATUS_OK && is_there) {
        if (!has_begun)
            recorder_init(&recorder, feed.recording.scenario_text, true);
        has_begun = true;
        recorder_add(&recorder, &event);
    }
    recording_feed_fini(&feed);
    if (!has_begun)
        return false;
    recorder_finish(&recorder);
    bytes_clear(pieces);
    bytes_put(pieces, recorder.bytes.data, recorder.bytes.count);
    recorder_fini(&recorder);
    return true;
}

static int tell_of_no_end(struct migrate *migrate, struct follow *follow, struct problem *problem)
{
    if (follow->is_left) {
        fprintf(stderr, "ferry migrate: the move goes on: ferry status shows it\n");
        return EXIT_FAILED;
    }
    command_refuse(migrate->at_door.command, problem);
    if (!end_recording(&follow->recording))
        return EXIT_FAILED;
    if (follow->end == NULL)
        fprintf(stderr, "ferry migrate: the move goes on; what was recorded of it ends early\n");
    return tell_end(migrate, follow, problem->text);
}

/* ---- The three things it can do ---- */

static int move(struct migrate *migrate)
{
    struct at_door *at_door = &migrate->at_door;
    const struct options *options = &at_door->options;
    struct problem problem = {STATUS_OK, ""};
    json_t *answer = NULL;
    bool is_silent = options->is_quiet || migrate->json.file == stdout;
    bool is_drawn = headless_wants_progress(options->is_plain, options->is_quiet);

    if (caller_ask(&at_door->caller, "migrate", arguments_of(options), &answer, &problem) !=
        STATUS_OK)
        return at_door_refuse(at_door, &problem);
    struct follow follow = {
        .caller = &at_door->caller,
        .id = control_number(answer, "id", 0),
        .is_drawn = is_drawn,
        .lines = is_drawn || is_silent ? NULL : stdout,
        .who = "ferry migrate",
    };
    json_decref(answer);
    int status = follow_move(&follow, &problem) ? tell_end(migrate, &follow, "")
                                                : tell_of_no_end(migrate, &follow, &problem);
    follow_fini(&follow);
    return status;
}

static int order(struct migrate *migrate, const char *name, const char *done)
{
    struct problem problem = {STATUS_OK, ""};

    if (caller_ask(&migrate->at_door.caller, name, NULL, NULL, &problem) != STATUS_OK)
        return command_refuse(migrate->at_door.command, &problem);
    if (!migrate->at_door.options.is_quiet)
        printf("%s\n", done);
    return EXIT_DONE;
}

static enum status judge_line(struct migrate *migrate, struct problem *problem)
{
    const struct options *options = &migrate->at_door.options;
    bool is_order = options->live.is_abort || options->live.is_post_copy;
    bool is_move = options->set != 0 || options->live.guest != NULL || options->live.to != NULL ||
                   options->live.bandwidth != NULL || options->json_path != NULL ||
                   options->record_path != NULL;

    if (options->live.is_abort && options->live.is_post_copy)
        return problem_set(problem, STATUS_USAGE, "--abort and --post-copy-now: keep one of them");
    if (is_order && is_move)
        return problem_set(problem, STATUS_USAGE,
                           "%s is about the move that is going on: leave out the options of a new "
                           "one",
                           options->live.is_abort ? "--abort" : "--post-copy-now");
    enum status status = output_open(&migrate->json, options->json_path, problem);
    return status == STATUS_OK ? output_open(&migrate->record, options->record_path, problem)
                               : status;
}

static int obey(struct migrate *migrate)
{
    const struct options *options = &migrate->at_door.options;
    struct problem problem = {STATUS_OK, ""};

    if (judge_line(migrate, &problem) != STATUS_OK)
        return command_refuse(migrate->at_door.command, &problem);
    int ready = at_door_knock(&migrate->at_door);
    if (ready != AT_DOOR_READY)
        return ready;
    if (options->live.is_abort)
        return order(migrate, "abort", "the move is being given up: the guest stays where it is");
    if (options->live.is_post_copy)
        return order(migrate, "post-copy", "the move switches to post-copy");
    return move(migrate);
}

int command_migrate(const struct command *command, int word_count, char **words)
{
    struct migrate migrate = {.json = {.file = NULL}};
    int status = at_door_begin(&migrate.at_door, command, word_count, words);

    if (status == AT_DOOR_READY)
        status = obey(&migrate);
    output_discard(&migrate.json);
    output_discard(&migrate.record);
    at_door_close(&migrate.at_door);
    return status;
}
