/* ferry gateway: the post office, as a process of its own. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "labs/command.h"
#include "labs/parent.h"
#include "labs/say.h"
#include "live/key_file.h"
#include "live/moves.h"

struct office {
    uv_loop_t loop;
    uv_signal_t interrupted, terminated;
    struct gateway *gateway;
    struct moves *moves;
    struct channel_key key; /* all zeros: there is none */
    bool is_closing;
};

static void say(void *owner, const char *line)
{
    (void)owner;
    say_line("gateway: %s", line);
}

static void close_office(void *owner)
{
    struct office *office = owner;

    if (office->is_closing)
        return;
    office->is_closing = true;
    if (office->moves != NULL)
        moves_close(office->moves);
    if (office->gateway != NULL)
        gateway_close(office->gateway);
    uv_close((uv_handle_t *)&office->interrupted, NULL);
    uv_close((uv_handle_t *)&office->terminated, NULL);
}

static void on_signal(uv_signal_t *signal, int number)
{
    (void)number;
    close_office(signal->data);
}

static void open_loop(struct office *office)
{
    signal(SIGPIPE, SIG_IGN); /* who has gone is seen where it is written to */
    MUST(uv_loop_init(&office->loop) == 0);
    uv_signal_init(&office->loop, &office->interrupted);
    uv_signal_init(&office->loop, &office->terminated);
    office->interrupted.data = office->terminated.data = office;
    uv_signal_start(&office->interrupted, on_signal, SIGINT);
    uv_signal_start(&office->terminated, on_signal, SIGTERM);
}

/* Each of the addresses between commas. */
static enum status listen_everywhere(struct gateway *gateway, const char *words,
                                     struct problem *problem)
{
    enum status status = STATUS_OK;

    while (status == STATUS_OK && words != NULL) {
        char word[256];
        size_t count = strcspn(words, ",");
        if (count >= sizeof word)
            return problem_set(problem, STATUS_USAGE, "--listen: \"%.40s...\" is too long", words);
        memcpy(word, words, count);
        word[count] = '\0';
        status = gateway_listen(gateway, word, problem);
        words = words[count] == ',' ? words + count + 1 : NULL;
    }
    return status;
}

/* What others need to know to come here: one line, when all of it is ready. */
static void say_ready(const struct office *office, const char *control)
{
    struct bytes clients = {0};

    for (unsigned i = 0; gateway_clients_address(office->gateway, i) != NULL; i++) {
        const char *address = gateway_clients_address(office->gateway, i);
        bytes_put(&clients, i == 0 ? " " : ", ", i == 0 ? 1 : 2);
        bytes_put(&clients, address, strlen(address));
    }
    bytes_put_u8(&clients, 0);
    say_line("gateway: hosts at %s, commands at %s, clients at%s",
             gateway_hosts_address(office->gateway), control, (const char *)clients.data);
    bytes_fini(&clients);
}

static enum status open_office(struct office *office, const struct options *options,
                               struct problem *problem)
{
    static const struct moves_owner of_all = {.said = say, .complained = say, .quit = close_office};
    static const struct moves_owner with_parent = {.said = say, .quit = close_office};
    const char *hosts = options->live.hosts != NULL ? options->live.hosts : "127.0.0.1:0";
    const char *control = options->live.control;
    char path[CONTROL_PATH_MAX];
    enum status status;

    if (options->live.listen == NULL)
        return problem_set(problem, STATUS_USAGE,
                           "--listen is missing: say where clients come in, such as "
                           "--listen 127.0.0.1:6379");
    if (options->live.key != NULL) {
        status = key_file_read(options->live.key, &office->key, problem);
        if (status != STATUS_OK)
            return status;
    }
    if (control == NULL) {
        status = control_default_path(path, problem);
        if (status != STATUS_OK)
            return status;
        control = path;
    }
    office->moves =
        moves_open(&office->loop, options->live.is_with_parent ? &with_parent : &of_all, office);
    status = gateway_open(&office->loop, hosts, options->live.key != NULL ? &office->key : NULL,
                          &moves_calls, office->moves, &office->gateway, problem);
    if (status == STATUS_OK)
        status = listen_everywhere(office->gateway, options->live.listen, problem);
    if (status == STATUS_OK)
        status = moves_serve(office->moves, office->gateway, control, problem);
    if (status == STATUS_OK)
        say_ready(office, control);
    return status;
}

static int run(const struct command *command, const struct options *options)
{
    struct problem problem = {STATUS_OK, ""};
    struct office office = {0};
    enum status status;

    open_loop(&office);
    status = options->live.is_with_parent ? parent_follow(&problem) : STATUS_OK;
    if (status == STATUS_OK)
        status = open_office(&office, options, &problem);
    if (status != STATUS_OK)
        close_office(&office);
    uv_run(&office.loop, UV_RUN_DEFAULT);
    key_forget(&office.key);
    MUST(uv_loop_close(&office.loop) == 0);
    return status == STATUS_OK ? EXIT_DONE : command_refuse(command, &problem);
}

int command_gateway(const struct command *command, int word_count, char **words)
{
    struct problem problem = {STATUS_OK, ""};
    struct options options;
    int status;

    if (options_parse(&options, command->takes, command->presets, word_count, words, &problem) !=
        STATUS_OK)
        status = command_refuse(command, &problem);
    else if (options.is_help)
        status = command_print_help(command);
    else
        status = run(command, &options);
    options_fini(&options);
    return status;
}
