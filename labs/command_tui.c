/* ferry tui: watch a scenario as it runs, or a recording of one that has run. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "labs/crash.h"
#include "labs/recording_file.h"
#include "labs/setting.h"
#include "labs/watch.h"
#include "record/playback.h"
#include "sim/run.h"
#include "sim/run_session.h"

/* --at, where it was given. */
static enum status set_instant(const struct options *options, struct watch *watch,
                               struct problem *problem)
{
    struct problem detail = {STATUS_OK, ""};

    if (options->at == NULL)
        return STATUS_OK;
    watch->is_at = true;
    if (units_parse(UNIT_TIME, options->at, &watch->at_ns, &detail) != STATUS_OK)
        return problem_set(problem, detail.status, "--at: %s", detail.text);
    return STATUS_OK;
}

static int watch_recording(const struct setting *setting)
{
    const char *path = setting->options.file_path;
    struct watch watch = {.is_plain = setting->options.is_plain};
    struct problem problem = {STATUS_OK, ""}, named = {STATUS_OK, ""};
    struct bytes bytes = {0};
    struct session *session;
    char origin[256];
    int status;

    snprintf(origin, sizeof origin, "recording %.200s", path);
    enum status opened = set_instant(&setting->options, &watch, &named);
    if (opened == STATUS_OK)
        opened = recording_file_read(path, &bytes, &named);
    if (opened == STATUS_OK) {
        opened = playback_open(&session, bytes.data, bytes.count, origin, &problem);
        if (opened != STATUS_OK)
            problem_set(&named, opened, "%.80s: %s", path, problem.text);
    }
    if (opened == STATUS_OK)
        status = watch_session(session, &watch);
    else
        status = command_refuse(setting->command, &named);
    bytes_fini(&bytes);
    return status;
}

static int watch_scenario(const struct setting *setting)
{
    const struct options *options = &setting->options;
    struct watch watch = {.is_plain = options->is_plain};
    struct problem problem = {STATUS_OK, ""};
    const char *own[OPTIONS_STRATEGY_WORDS];
    struct bytes run = {0};
    struct session *session;
    char origin[256];
    int status;

    options_strategy_words(options, own);
    crash_prepare("tui", &options->scenario, own);
    snprintf(origin, sizeof origin, "scenario %.200s",
             options->file_path != NULL ? options->file_path : "of the command line");
    if (set_instant(options, &watch, &problem) != STATUS_OK ||
        run_session_open(&session, &options->scenario, setting->image.data, setting->image.bytes,
                         origin, &problem) != STATUS_OK)
        return command_refuse(setting->command, &problem);
    if (setting->seat != NULL) {
        seat_trace(setting->seat, true); /* the lines that it goes through are to be seen */
        session->code = seat_code(setting->seat);
    }
    options_write_command("run", &options->scenario, own, &run);
    watch.next_commands[0] = (const char *)run.data;
    status = watch_session(session, &watch);
    bytes_fini(&run);
    return status;
}

int command_tui(const struct command *command, int word_count, char **words)
{
    struct setting setting;
    int status = setting_open(&setting, command, word_count, words);

    if (status == SETTING_READY)
        status =
            setting.options.is_recording ? watch_recording(&setting) : watch_scenario(&setting);
    setting_close(&setting);
    return status;
}
