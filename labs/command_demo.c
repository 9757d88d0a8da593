/* ferry demo: a server is carried from host A to host B while its clients keep asking.
 *
 * The rounds shrink slowly enough to be seen: the clients dirty about 4,000 pages a second, the
 * link takes about 6,000, so each round is a little over half of the one before.
 */
#include <stdio.h>

#include "labs/crash.h"
#include "labs/headless.h"
#include "labs/report.h"
#include "labs/setting.h"
#include "labs/watch.h"
#include "sim/run_session.h"

const struct preset demo_presets[] = {
    {"args", "--preload 48MiB", true},
    {"clients", "4", true},
    {"request-rate", "2k/s", true},
    {"bandwidth", "200Mbit/s", false},
    {"start-at", "3s", false},
    {"run-for", "1s", false},
    {NULL, NULL, false},
};

/* The reports of a run that nobody touches: what a person does at the keys is not in them. */
static int write_outputs(struct setting *setting)
{
    struct problem problem = {STATUS_OK, ""};
    struct run run;
    struct report report;
    int status;

    if (headless_run(&run, &setting->options.scenario, &setting->image,
                     setting->record.file != NULL, false, &problem) != STATUS_OK)
        return command_refuse(setting->command, &problem);
    report_make(&report, &run, world_oracle(run.world));
    status = report_is_good(&report) ? EXIT_DONE : EXIT_FAILED;
    if (report_finish(&report, &run.recorder.bytes, &setting->json, &setting->record, &problem) !=
        STATUS_OK)
        status = command_refuse(setting->command, &problem);
    run_close(&run);
    return status;
}

static int show(struct setting *setting)
{
    const struct options *options = &setting->options;
    struct problem problem = {STATUS_OK, ""};
    struct session *session;
    struct debugger_world debugger;
    char compare[256], run[256], help[256];
    const char *program = options_program();

    snprintf(compare, sizeof compare, "%.80s compare --guest kv --clients 4", program);
    snprintf(run, sizeof run, "%.80s tui --mode post-copy --bandwidth 100Mbit/s", program);
    snprintf(help, sizeof help, "%.80s help", program);
    struct watch watch = {
        .is_plain = options->is_plain, .is_demo = true, .next_commands = {compare, run, help}};
    if (debugger_world_open(&debugger, options, &setting->image, &problem) != STATUS_OK ||
        run_session_open(&session, &options->scenario, setting->image.data, setting->image.bytes,
                         "demo", &problem) != STATUS_OK) {
        debugger_world_close(&debugger);
        return command_refuse(setting->command, &problem);
    }
    watch.debugger = &debugger;
    int status = watch_session(session, &watch);
    debugger_world_close(&debugger);
    return status;
}

int command_demo(const struct command *command, int word_count, char **words)
{
    struct setting setting;
    int status = setting_open(&setting, command, word_count, words);

    if (status == SETTING_READY) {
        bool is_stdout_taken = setting.json.file == stdout;
        crash_prepare("demo", &setting.options.scenario, NULL);
        status = setting.json.file != NULL || setting.record.file != NULL ? write_outputs(&setting)
                                                                          : EXIT_DONE;
        if (status != EXIT_USAGE && !is_stdout_taken) {
            int shown = show(&setting);
            status = shown != EXIT_DONE ? shown : status;
        }
    }
    setting_close(&setting);
    return status;
}
