/* ferry link: what the link between hosts carries, changed while it carries it. */
#include <stdio.h>
#include <string.h>

#include "labs/at_door.h"

static enum status read_wishes(const struct options *options, json_t *arguments,
                               struct problem *problem)
{
    bool is_cut = options->live.is_cut, is_mend = options->live.is_mend;

    if (is_cut && is_mend)
        return problem_set(problem, STATUS_USAGE, "--cut and --mend: keep one of them");
    if (options->live.bandwidth != NULL)
        json_object_set_new(arguments, "bandwidth", json_string(options->live.bandwidth));
    if (options->live.latency != NULL)
        json_object_set_new(arguments, "latency", json_string(options->live.latency));
    if (is_cut || is_mend)
        json_object_set_new(arguments, "state", json_string(is_cut ? "cut" : "mended"));
    return STATUS_OK;
}

static int ask(struct at_door *at_door)
{
    struct problem problem = {STATUS_OK, ""};
    json_t *arguments = json_object(), *link = NULL;
    enum status status = read_wishes(&at_door->options, arguments, &problem);

    if (status != STATUS_OK) {
        json_decref(arguments);
        return command_refuse(at_door->command, &problem);
    }
    int ready = at_door_knock(at_door);
    if (ready != AT_DOOR_READY) {
        json_decref(arguments);
        return ready;
    }
    /* Without a wish it is only shown. */
    bool is_wish = json_object_size(arguments) > 0;
    if (!is_wish) {
        json_decref(arguments);
        arguments = NULL;
    }
    status = caller_ask(&at_door->caller, is_wish ? "link" : "status", arguments, &link, &problem);
    if (status != STATUS_OK)
        return at_door_refuse(at_door, &problem);
    printf("the link carries ");
    at_door_print_link(is_wish ? link : json_object_get(link, "link"), "what it can");
    json_decref(link);
    return EXIT_DONE;
}

int command_link(const struct command *command, int word_count, char **words)
{
    struct at_door at_door;
    int status = at_door_begin(&at_door, command, word_count, words);

    if (status == AT_DOOR_READY)
        status = ask(&at_door);
    at_door_close(&at_door);
    return status;
}
