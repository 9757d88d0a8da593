/* ferry-viz: the graphical view. `ferry viz` starts it; it takes the same line. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "labs/language.h"
#include "labs/debugger_world.h"
#include "labs/subject.h"
#include "viz/viz.h"

static const struct command command = COMMAND_VIZ(NULL);

static enum status refuse_unknown(const char *option, const char *value, const char *right,
                                  struct problem *problem)
{
    return problem_set(problem, STATUS_USAGE, "--%s: \"%.40s\" is none: write %s", option, value,
                       right);
}

/* "1920x1080" */
static enum status parse_size(const char *text, struct viz_options *viz, struct problem *problem)
{
    char *end;
    long width = strtol(text, &end, 10);
    long height = *end == 'x' && end != text ? strtol(end + 1, &end, 10) : 0;

    if (*end != '\0' || strspn(text, "0123456789x") != strlen(text) || height == 0)
        return refuse_unknown("size", text, "the width and the height in pixels, 1920x1080",
                              problem);
    if (width < PAINT_SIDE_MIN || width > PAINT_SIDE_MAX || height < PAINT_SIDE_MIN ||
        height > PAINT_SIDE_MAX)
        return problem_set(problem, STATUS_USAGE, "--size: %.40s: each side has %d to %d pixels",
                           text, PAINT_SIDE_MIN, PAINT_SIDE_MAX);
    viz->width = (int)width;
    viz->height = (int)height;
    return STATUS_OK;
}

static enum status choose_language(const char *name, struct problem *problem)
{
    enum language language = language_of_environment();

    if (name != NULL && !language_find(name, &language))
        return refuse_unknown("lang", name, "en or zh_CN", problem);
    language_use(language);
    return STATUS_OK;
}

static enum status parse_wishes(const struct options *options, struct viz_options *viz,
                                struct problem *problem)
{
    *viz = (struct viz_options){.scene = scene_at(0), .theme = &theme_dark};
    if (options->viz.scene != NULL)
        viz->scene = scene_find(options->viz.scene);
    if (viz->scene == NULL)
        return refuse_unknown("scene", options->viz.scene, scene_at(0)->name, problem);
    if (options->viz.theme != NULL)
        viz->theme = theme_find(options->viz.theme);
    if (viz->theme == NULL)
        return refuse_unknown("theme", options->viz.theme, "dark or light", problem);
    if (options->viz.size != NULL && parse_size(options->viz.size, viz, problem) != STATUS_OK)
        return problem->status;
    if (options->viz.is_headless && options->viz.png == NULL)
        return problem_set(problem, STATUS_USAGE,
                           "--headless makes a picture: say where it goes, with --png FILE");
    if (!options->viz.is_headless && options->viz.png != NULL)
        return problem_set(problem, STATUS_USAGE,
                           "--png: a picture is made without a window: add --headless");
    return choose_language(options->viz.language, problem);
}

static enum status make_picture(struct session *session, const struct viz_options *viz,
                                const char *path, struct problem *problem)
{
    struct output output;
    enum status status = output_open(&output, path, problem);

    if (status == STATUS_OK)
        status = viz_picture(session, viz, output.file, problem);
    if (status == STATUS_OK)
        status = output_finish(&output, problem);
    output_discard(&output);
    return status;
}

static int watch(const struct setting *setting)
{
    const struct options *options = &setting->options;
    struct problem problem = {STATUS_OK, ""};
    struct subject subject = {.session = NULL};
    struct viz_options viz;
    int exit_status = EXIT_DONE;

    struct debugger_world debugger = {.debugger = {.listener = -1, .connection = -1}};
    enum status status = parse_wishes(options, &viz, &problem);
    if (status == STATUS_OK && options->viz.is_headless && options->gdb_port != NULL)
        status = problem_set(&problem, STATUS_USAGE, "--gdb: a picture has no guest to hold");
    if (status == STATUS_OK)
        status = debugger_world_open(&debugger, options, &setting->image, &problem);
    if (status == STATUS_OK)
        status = subject_open(&subject, setting, &problem);
    if (status == STATUS_OK) {
        debugger_world_guard(&debugger, subject.session, false);
        viz.is_at = subject.is_at;
        viz.at_ns = subject.at_ns;
        status = options->viz.is_headless
                     ? make_picture(subject.session, &viz, options->viz.png, &problem)
                     : viz_play(subject.session, &viz, &problem);
    }
    if (status != STATUS_OK)
        exit_status = command_refuse(setting->command, &problem);
    else if (subject.session->is_broken)
        exit_status = EXIT_FAILED;
    subject_close(&subject);
    debugger_world_close(&debugger);
    return exit_status;
}

/* Where the line names no scenario it is the demonstration. */
static int open_setting(struct setting *setting, struct command *with_presets, int word_count,
                        char **words)
{
    int status = setting_open(setting, &command, word_count, words);
    if (status != SETTING_READY || setting->options.file_path != NULL || setting->options.set != 0)
        return status;
    setting_close(setting);
    *with_presets = command;
    with_presets->presets = demo_presets;
    return setting_open(setting, with_presets, word_count, words);
}

int main(int argc, char **argv)
{
    struct command with_presets;
    struct setting setting;

    command_begin();
    int status = open_setting(&setting, &with_presets, argc - 1, argv + 1);
    if (status == SETTING_READY)
        status = watch(&setting);
    setting_close(&setting);
    return command_finish(status);
}
