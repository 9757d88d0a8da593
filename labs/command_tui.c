/* ferry tui: watch a scenario as it runs, a recording of one that has run, or hosts that run
 * somewhere. */
#include "labs/subject.h"
#include "labs/watch.h"

static int watch(const struct setting *setting)
{
    const struct options *options = &setting->options;
    struct watch watch = {.is_plain = options->is_plain};
    struct problem problem = {STATUS_OK, ""};
    const char *own[OPTIONS_STRATEGY_WORDS];
    struct subject subject = {.session = NULL};
    struct debugger_world debugger;
    struct bytes run = {0};
    int status;

    options_strategy_words(options, own);
    if (debugger_world_open(&debugger, options, &setting->image, &problem) != STATUS_OK ||
        subject_open(&subject, setting, &problem) != STATUS_OK) {
        subject_close(&subject);
        debugger_world_close(&debugger);
        return command_refuse(setting->command, &problem);
    }
    watch.debugger = &debugger;
    watch.is_at = subject.is_at;
    watch.at_ns = subject.at_ns;
    if (!options->is_recording && options->live.control == NULL) {
        options_write_command("run", &options->scenario, own, &run);
        watch.next_commands[0] = (const char *)run.data;
    }
    status = watch_session(subject.session, &watch);
    subject.session = NULL; /* that closed it */
    subject_close(&subject);
    debugger_world_close(&debugger);
    bytes_fini(&run);
    return status;
}

int command_tui(const struct command *command, int word_count, char **words)
{
    struct setting setting;
    int status = setting_open(&setting, command, word_count, words);

    if (status == SETTING_READY)
        status = watch(&setting);
    setting_close(&setting);
    return status;
}
