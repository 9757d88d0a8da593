/* ferry run: one migration from its beginning to its end, and a summary of it. */
#include <stdio.h>
#include <string.h>

#include "labs/crash.h"
#include "labs/debugger_world.h"
#include "labs/headless.h"
#include "labs/report.h"
#include "labs/setting.h"

/* The first lines of it: a strategy may say something for every page. */
#define SAID_LINES 20

static void print_said(const char *path, const char *said)
{
    int lines = 0;

    printf("\n  %s decided, in place of the mode's own strategy%s\n", path,
           *said == '\0' ? "" : ", and said:");
    for (; *said != '\0' && lines < SAID_LINES; lines++) {
        int length = (int)strcspn(said, "\n");
        printf("  %.*s\n", length, said);
        said += length + 1;
    }
    if (*said != '\0')
        printf("  ... and more\n");
}

static void print_next(const struct options *options)
{
    const struct scenario *scenario = &options->scenario;
    const char *own[OPTIONS_STRATEGY_WORDS];
    struct scenario every_mode;
    struct bytes line = {0};

    options_strategy_words(options, own);
    options_write_command("tui", scenario, own, &line);
    printf("\nWatch it:     %s\n", (const char *)line.data);
    bytes_clear(&line);
    /* compare goes through the modes by itself. */
    scenario_copy(&every_mode, scenario);
    every_mode.given &= ~(1ull << options_find("mode"));
    options_write_command("compare", &every_mode, NULL, &line);
    printf("Other modes:  %s\n", (const char *)line.data);
    bytes_fini(&line);
    scenario_fini(&every_mode);
}

static void tell_of_broken_rule(const struct options *options, const struct oracle *oracle)
{
    const char *own[OPTIONS_STRATEGY_WORDS];
    struct bytes line = {0};

    options_strategy_words(options, own);
    options_write_command("run", &options->scenario, own, &line);
    fprintf(stderr, "ferry run: a rule was broken: %s; again with: %s\n", oracle->what,
            (const char *)line.data);
    bytes_fini(&line);
}

/* With a debugger: as it lets it. STATUS_REFUSED: it ended it, and that is told. */
static enum status live_debugged(struct setting *setting, struct run *run, struct problem *problem)
{
    const struct options *options = &setting->options;
    const struct image *image = &setting->image;
    struct debugger_world world;
    enum status status = debugger_world_open(&world, options, image, problem);

    if (status == STATUS_OK)
        status = run_open(run, &options->scenario, image->data, image->bytes,
                          setting->record.file != NULL, problem);
    if (status == STATUS_OK) {
        debugger_world_live(&world, run);
        recorder_finish(&run->recorder);
        if (world.has_changed)
            fprintf(stderr, "ferry run: the debugger changed the guest: this is no longer the run "
                            "of the scenario alone\n");
        if (world.is_killed) {
            fprintf(stderr, "ferry run: the debugger ended the run\n");
            run_close(run);
            status = STATUS_REFUSED;
        }
    }
    debugger_world_close(&world);
    return status;
}

static enum status live(struct setting *setting, struct run *run, struct problem *problem)
{
    const struct options *options = &setting->options;

    if (options->gdb_port != NULL)
        return live_debugged(setting, run, problem);
    return headless_run(run, &options->scenario, &setting->image, setting->record.file != NULL,
                        headless_wants_progress(options->is_plain, options->is_quiet), problem);
}

static int run_and_report(struct setting *setting)
{
    const struct options *options = &setting->options;
    const struct image *image = &setting->image;
    struct problem problem = {STATUS_OK, ""};
    struct run run;
    struct report report;
    struct oracle oracle;
    int status;

    const char *own[OPTIONS_STRATEGY_WORDS];
    options_strategy_words(options, own);
    crash_prepare("run", &options->scenario, own);
    if (live(setting, &run, &problem) != STATUS_OK)
        return problem.status == STATUS_OK ? EXIT_FAILED
                                           : command_refuse(setting->command, &problem);
    oracle = *world_oracle(run.world);
    struct bytes said = {0}; /* of this run: the ones that verify it say the same again */
    if (setting->seat != NULL)
        bytes_put(&said, seat_said(setting->seat), strlen(seat_said(setting->seat)) + 1);
    if (options->is_verify)
        run_verify(&run, image->data, image->bytes, &oracle);
    report_make(&report, &run, &oracle);
    if (!options->is_quiet && setting->json.file != stdout) {
        report_print(&report, stdout);
        if (setting->seat != NULL)
            print_said(options->strategy_path, (const char *)said.data);
        print_next(options);
    }
    status = report_is_good(&report) ? EXIT_DONE : EXIT_FAILED;
    if (report_finish(&report, &run.recorder.bytes, &setting->json, &setting->record, &problem) !=
        STATUS_OK)
        status = command_refuse(setting->command, &problem);
    fflush(stdout); /* what is said on stderr stands behind it, on a terminal and in a file */
    if (run.timeline.is_guest_fault)
        crash_tell_guest("ferry run", options->scenario.guest, world_guest(run.world), image);
    if (!oracle_holds(&oracle))
        tell_of_broken_rule(options, &oracle);
    bytes_fini(&said);
    run_close(&run);
    return status;
}

int command_run(const struct command *command, int word_count, char **words)
{
    struct setting setting;
    int status = setting_open(&setting, command, word_count, words);

    if (status == SETTING_READY)
        status = run_and_report(&setting);
    setting_close(&setting);
    return status;
}
