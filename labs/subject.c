#include "labs/subject.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "labs/crash.h"
#include "labs/recording_file.h"
#include "live/live_session.h"
#include "record/playback.h"
#include "record/recording.h"
#include "sim/run_session.h"

#define FORECAST_MEMORY_MAX (1ull << 30)

/* --at, where it was given. */
static enum status set_instant(struct subject *subject, const struct options *options,
                               struct problem *problem)
{
    struct problem detail = {STATUS_OK, ""};

    if (options->at == NULL)
        return STATUS_OK;
    subject->is_at = true;
    if (units_parse(UNIT_TIME, options->at, &subject->at_ns, &detail) != STATUS_OK)
        return problem_set(problem, detail.status, "--at: %s", detail.text);
    return STATUS_OK;
}

/* ---- A recording. ---- */

/* A guest of ours, and of a size that nobody has to wait for: a recording is input from anywhere,
 * and opens no file that it names. */
static bool is_known_guest(const struct scenario *scenario)
{
    return strpbrk(scenario->guest, "./") == NULL && scenario->memory_bytes <= FORECAST_MEMORY_MAX;
}

/* What plays is what was recorded, whatever the guest is like here; but who compares the two should
 * know. */
static bool is_other_image(const struct scenario *scenario, const struct image *image,
                           const char *path)
{
    char digest[17];

    snprintf(digest, sizeof digest, "%016llx",
             (unsigned long long)digest_of(image->data, image->bytes));
    if (*scenario->image == '\0' || strcmp(scenario->image, digest) == 0)
        return false;
    fprintf(stderr,
            "ferry: %.200s was made with another %.40s than is here: its image has the digest %s, "
            "not %s\n",
            path, scenario->guest, scenario->image, digest);
    return true;
}

/* What theory expected of the run: a recording holds the scenario, and the same scenario has the
 * same forecast. Without it the picture lacks a curve. */
static void take_forecast(struct subject *subject, const struct scenario *scenario,
                          const char *path)
{
    struct session_facts *facts = &subject->session->facts;
    struct image image = {.data = NULL};
    struct session *other;

    if (is_known_guest(scenario) && image_load(&image, scenario, NULL) == STATUS_OK &&
        !is_other_image(scenario, &image, path) &&
        run_session_open(&other, scenario, image.data, image.bytes, "", NULL) == STATUS_OK) {
        const struct session_facts *theirs = &other->facts;
        size_t count = theirs->forecast_round_pages != NULL ? theirs->forecast_round_count : 0;
        subject->round_pages = calloc(count + 1, sizeof *subject->round_pages);
        MUST(subject->round_pages != NULL);
        for (size_t i = 0; i < count; i++)
            subject->round_pages[i] = theirs->forecast_round_pages[i];
        facts->forecast_round_pages = count > 0 ? subject->round_pages : NULL;
        facts->forecast_round_count = (uint32_t)count;
        facts->forecast_total_ns = theirs->forecast_total_ns;
        facts->forecast_downtime_ns = theirs->forecast_downtime_ns;
        facts->stop_and_copy_downtime_ns = theirs->stop_and_copy_downtime_ns;
        facts->downtime_limit_ns = theirs->downtime_limit_ns;
        other->ops->close(other);
    }
    image_fini(&image);
}

static void forecast_recording(struct subject *subject, const char *path)
{
    struct recording recording;
    struct scenario scenario;

    if (recording_open(&recording, subject->bytes.data, subject->bytes.count, NULL) != STATUS_OK)
        return;
    scenario_init(&scenario);
    if (scenario_read_text(&scenario, recording.scenario_text, NULL) == STATUS_OK &&
        scenario_check(&scenario, false, NULL) == STATUS_OK)
        take_forecast(subject, &scenario, path);
    scenario_fini(&scenario);
    recording_close(&recording);
}

static enum status open_recording(struct subject *subject, const char *path,
                                  struct problem *problem)
{
    struct problem detail = {STATUS_OK, ""};
    char origin[256];

    snprintf(origin, sizeof origin, "recording %.200s", path);
    if (recording_file_read(path, &subject->bytes, problem) != STATUS_OK)
        return problem->status;
    enum status status = playback_open(&subject->session, subject->bytes.data, subject->bytes.count,
                                       origin, &detail);
    if (status == STATUS_OK) {
        forecast_recording(subject, path);
        return STATUS_OK;
    }
    subject->session = NULL;
    return problem_set(problem, status, "%.80s: %s", path, detail.text);
}

/* ---- Hosts that run somewhere. ---- */

static enum status open_live(struct subject *subject, const struct options *options,
                             struct problem *problem)
{
    if (options->file_path != NULL || options->strategy_path != NULL || options->at != NULL ||
        options->gdb_port != NULL)
        return problem_set(problem, STATUS_USAGE,
                           "--control: what goes on there is shown as it is: leave the file, --at, "
                           "--strategy and --gdb out");
    enum status status = live_session_open(&subject->session, options->live.control, problem);
    if (status != STATUS_OK)
        subject->session = NULL;
    return status;
}

/* ---- A scenario. ---- */

static enum status open_scenario(struct subject *subject, const struct setting *setting,
                                 struct problem *problem)
{
    const struct options *options = &setting->options;
    const char *own[OPTIONS_STRATEGY_WORDS];
    char origin[256];

    options_strategy_words(options, own);
    crash_prepare(setting->command->name, &options->scenario, own);
    snprintf(origin, sizeof origin, "scenario %.200s",
             options->file_path != NULL ? options->file_path : "of the command line");
    enum status status =
        run_session_open(&subject->session, &options->scenario, setting->image.data,
                         setting->image.bytes, origin, problem);
    if (status != STATUS_OK)
        subject->session = NULL;
    else if (setting->seat != NULL) {
        seat_trace(setting->seat, true); /* the lines that it goes through are to be seen */
        subject->session->code = seat_code(setting->seat);
    }
    return status;
}

enum status subject_open(struct subject *subject, const struct setting *setting,
                         struct problem *problem)
{
    const struct options *options = &setting->options;

    *subject = (struct subject){.session = NULL};
    if (options->live.control != NULL)
        return open_live(subject, options, problem);
    if (set_instant(subject, options, problem) != STATUS_OK)
        return problem->status;
    return options->is_recording ? open_recording(subject, options->file_path, problem)
                                 : open_scenario(subject, setting, problem);
}

void subject_close(struct subject *subject)
{
    if (subject->session != NULL)
        subject->session->ops->close(subject->session);
    free(subject->round_pages);
    bytes_fini(&subject->bytes);
}
