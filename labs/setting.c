#include "labs/setting.h"

#include <string.h>

int setting_open(struct setting *setting, const struct command *command,
                 const struct preset *presets, int word_count, char **words)
{
    struct problem problem = {STATUS_OK, ""};
    struct options *options = &setting->options;

    memset(setting, 0, sizeof *setting);
    setting->command = command;
    if (options_parse(options, command->takes, presets, word_count, words, &problem) != STATUS_OK)
        return command_refuse(command, &problem);
    if (options->is_help)
        return command_print_help(command);
    if ((!options->is_recording &&
         image_load(&setting->image, &options->scenario, &problem) != STATUS_OK) ||
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
