#include "labs/subject.h"

#include <stdio.h>

#include "labs/crash.h"
#include "labs/recording_file.h"
#include "record/playback.h"
#include "sim/run_session.h"

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
    if (status == STATUS_OK)
        return STATUS_OK;
    subject->session = NULL;
    return problem_set(problem, status, "%.80s: %s", path, detail.text);
}

static enum status open_scenario(struct subject *subject, const struct setting *setting,
                                 struct problem *problem)
{
    const struct options *options = &setting->options;
    char origin[256];

    crash_prepare(setting->command->name, &options->scenario);
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
    if (set_instant(subject, options, problem) != STATUS_OK)
        return problem->status;
    return options->is_recording ? open_recording(subject, options->file_path, problem)
                                 : open_scenario(subject, setting, problem);
}

void subject_close(struct subject *subject)
{
    if (subject->session != NULL)
        subject->session->ops->close(subject->session);
    bytes_fini(&subject->bytes);
}
