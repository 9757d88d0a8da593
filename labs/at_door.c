#include "labs/at_door.h"

#include <stdio.h>
#include <string.h>

#include "labs/people.h"

enum status at_door_path(const struct options *options, char path[CONTROL_PATH_MAX],
                         struct problem *problem)
{
    if (options->live.control == NULL)
        return control_default_path(path, problem);
    if (strlen(options->live.control) >= CONTROL_PATH_MAX)
        return problem_set(problem, STATUS_USAGE,
                           "--control: a socket's path has at most %d bytes: choose a shorter one",
                           CONTROL_PATH_MAX - 1);
    strcpy(path, options->live.control);
    return STATUS_OK;
}

int at_door_begin(struct at_door *at_door, const struct command *command, int word_count,
                  char **words)
{
    struct problem problem = {STATUS_OK, ""};
    struct options *options = &at_door->options;

    *at_door = (struct at_door){.command = command, .caller = {.descriptor = -1}};
    if (options_parse(options, command->takes, command->presets, word_count, words, &problem) !=
        STATUS_OK)
        return command_refuse(command, &problem);
    if (options->is_help)
        return command_print_help(command);
    if (at_door_path(options, at_door->path, &problem) != STATUS_OK)
        return command_refuse(command, &problem);
    return AT_DOOR_READY;
}

int at_door_knock(struct at_door *at_door)
{
    struct problem problem = {STATUS_OK, ""};

    if (caller_open(&at_door->caller, at_door->path, &problem) != STATUS_OK)
        return command_refuse(at_door->command, &problem);
    return AT_DOOR_READY;
}

/* The door begins with the argument that was wrong; a guest's or host's name may stand there, too. */
int at_door_refuse(const struct at_door *at_door, const struct problem *problem)
{
    struct problem told = {problem->status, ""};
    char key[64];

    snprintf(key, sizeof key, "%.*s", (int)strcspn(problem->text, ": "), problem->text);
    bool is_option = options_find(key) >= 0 || strcmp(key, "to") == 0;
    const char *status = strstr(problem->text, "`status`"); /* here it is another command */
    int before = status != NULL ? (int)(status - problem->text) : (int)strlen(problem->text);
    snprintf(told.text, sizeof told.text, "%s%.*s%s%s", is_option ? "--" : "", before,
             problem->text, status != NULL ? "ferry status" : "", status != NULL ? status + 8 : "");
    return command_refuse(at_door->command, &told);
}

/* Rates of options come as exact text: for people they are bytes, as all that moves is. */
void at_door_print_link(const json_t *link, const char *unlimited)
{
    const char *bandwidth = control_word(link, "bandwidth", "none");
    uint64_t bits_per_s, latency_ns = 0;
    struct people people = {0};

    if (units_parse(UNIT_BANDWIDTH, bandwidth, &bits_per_s, NULL) == STATUS_OK)
        printf("%s/s", people_bytes(&people, bits_per_s / 8));
    else
        printf("%s", unlimited);
    (void)!units_parse(UNIT_TIME, control_word(link, "latency", "0ns"), &latency_ns, NULL);
    if (latency_ns > 0)
        printf(", %s later than by itself", people_time(&people, latency_ns));
    printf("%s\n", strcmp(control_word(link, "state", ""), "cut") == 0 ? "; it is cut" : "");
}

void at_door_close(struct at_door *at_door)
{
    caller_close(&at_door->caller);
    options_fini(&at_door->options);
}
