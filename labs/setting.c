#include "labs/setting.h"

#include <stdio.h>
#include <string.h>

#include "labs/beside.h"

/* What a file says wrong is told with its line. */
static enum status load_image(struct setting *setting, struct problem *problem)
{
    const struct options *options = &setting->options;
    uint32_t line = options->line_of[options_find("guest")];
    struct problem detail = {STATUS_OK, ""};
    enum status status = image_load(&setting->image, &options->scenario, &detail);

    if (status == STATUS_OK)
        return STATUS_OK;
    if (line == 0)
        return problem_set(problem, status, "%s", detail.text);
    return problem_set(problem, status, "%.100s:%u: %s", options->file_path, line, detail.text);
}

enum status setting_compile(struct program *program, const char *path, bool is_unconfined,
                            struct problem *problem)
{
    char support[BESIDE_PATH_MAX];

    *program = (struct program){.is_built = false};
    if (!beside_path("exercises", support, sizeof support))
        return problem_set(problem, STATUS_NO_FILE, "ferry cannot find its own folder");
    return program_build(program, path, support, !is_unconfined, problem);
}

static enum status seat_strategy_of(struct setting *setting, struct problem *problem)
{
    struct options *options = &setting->options;
    struct program *program = &setting->program;
    enum status status;

    if (options->strategy_path == NULL)
        return STATUS_OK;
    if (options->is_recording)
        return problem_set(problem, STATUS_USAGE,
                           "--strategy: a recording is what it is: nobody decides any more");
    status = setting_compile(program, options->strategy_path, options->is_unconfined, problem);
    if (status != STATUS_OK)
        return status;
    fputs((const char *)program->messages.data, stderr);
    if (!program->is_built)
        return problem_set(problem, STATUS_BAD_INPUT,
                           "%.200s: it does not compile: see above what the compiler says",
                           options->strategy_path);
    status = seat_open(&setting->seat, program, options->scenario.mode, false, problem);
    if (status == STATUS_OK)
        options->scenario.strategy = seat_strategy(setting->seat);
    return status;
}

int setting_open(struct setting *setting, const struct command *command, int word_count,
                 char **words)
{
    struct problem problem = {STATUS_OK, ""};
    struct options *options = &setting->options;

    memset(setting, 0, sizeof *setting);
    setting->command = command;
    if (options_parse(options, command->takes, command->presets, word_count, words, &problem) !=
        STATUS_OK)
        return command_refuse(command, &problem);
    if (options->is_help)
        return command_print_help(command);
    if ((!options->is_recording && load_image(setting, &problem) != STATUS_OK) ||
        seat_strategy_of(setting, &problem) != STATUS_OK ||
        output_open(&setting->json, options->json_path, &problem) != STATUS_OK ||
        output_open(&setting->record, options->record_path, &problem) != STATUS_OK)
        return command_refuse(command, &problem);
    return SETTING_READY;
}

void setting_close(struct setting *setting)
{
    output_discard(&setting->json);
    output_discard(&setting->record);
    if (setting->seat != NULL)
        seat_close(setting->seat);
    program_fini(&setting->program);
    image_fini(&setting->image);
    options_fini(&setting->options);
}
