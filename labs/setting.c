#include "labs/setting.h"

#include <string.h>

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
        output_open(&setting->json, options->json_path, &problem) != STATUS_OK ||
        output_open(&setting->record, options->record_path, &problem) != STATUS_OK)
        return command_refuse(command, &problem);
    return SETTING_READY;
}

void setting_close(struct setting *setting)
{
    output_discard(&setting->json);
    output_discard(&setting->record);
    image_fini(&setting->image);
    options_fini(&setting->options);
}
