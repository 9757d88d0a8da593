/* ferry host: a host of live mode, as a process of its own. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "labs/command.h"
#include "labs/image.h"
#include "labs/parent.h"
#include "labs/say.h"
#include "live/host.h"
#include "live/key_file.h"

#define LISTEN "127.0.0.1:0" /* unless another is given */

struct house {
    uv_loop_t loop;
    uv_signal_t interrupted, terminated;
    struct host *host;
    struct host_config config;
    struct channel_key key;
    struct problem refusal; /* of the gateway, for good */
    bool is_closing;
};

static void say(void *owner, const char *line)
{
    const struct house *house = owner;
    say_line("host %s: %s", house->config.name, line);
}

static void close_house(void *owner)
{
    struct house *house = owner;

    if (house->is_closing)
        return;
    house->is_closing = true;
    if (house->host != NULL)
        host_close(house->host);
    uv_close((uv_handle_t *)&house->interrupted, NULL);
    uv_close((uv_handle_t *)&house->terminated, NULL);
}

static void refused(void *owner, const char *reason)
{
    struct house *house = owner;

    (void)!problem_set(&house->refusal, STATUS_REFUSED, "%s", reason);
    close_house(house);
}

static void on_signal(uv_signal_t *signal, int number)
{
    (void)number;
    close_house(signal->data);
}

static void open_loop(struct house *house)
{
    signal(SIGPIPE, SIG_IGN); /* who has gone is seen where it is written to */
    MUST(uv_loop_init(&house->loop) == 0);
    uv_signal_init(&house->loop, &house->interrupted);
    uv_signal_init(&house->loop, &house->terminated);
    house->interrupted.data = house->terminated.data = house;
    uv_signal_start(&house->interrupted, on_signal, SIGINT);
    uv_signal_start(&house->terminated, on_signal, SIGTERM);
}

/* The first option of a guest, where there is none. */
static const char *find_orphan(const struct options *options)
{
    for (uint32_t i = 0; i < scenario_option_count(); i++)
        if ((options->set >> i & 1) != 0 && scenario_part(i) == PART_GUEST)
            return scenario_option(i)->key;
    return NULL;
}

static enum status look_at_options(const struct options *options, struct problem *problem)
{
    bool has_guest = (options->set >> options_find("guest") & 1) != 0;
    const char *orphan = has_guest ? NULL : find_orphan(options);

    if (options->live.name == NULL)
        return problem_set(problem, STATUS_USAGE,
                           "--name is missing: say what the host is called, such as --name A");
    if (strlen(options->live.name) >= HOST_LABEL_MAX)
        return problem_set(problem, STATUS_USAGE, "--name: \"%.40s...\" is longer than %d bytes",
                           options->live.name, HOST_LABEL_MAX - 1);
    if (options->live.gateway == NULL)
        return problem_set(problem, STATUS_USAGE,
                           "--gateway is missing: write the address that ferry gateway has "
                           "printed for hosts");
    if (orphan != NULL)
        return problem_set(problem, STATUS_USAGE,
                           "--%s: no guest begins here: write --guest as well", orphan);
    return STATUS_OK;
}

/* Without a rate it runs as fast as this computer can. */
static enum status add_guest(struct house *house, struct options *options, struct problem *problem)
{
    struct scenario *scenario = &options->scenario;
    bool has_rate = (options->set >> options_find("cpu-rate") & 1) != 0;
    struct image image = {0};
    enum status status = STATUS_OK;

    if ((options->set >> options_find("guest") & 1) == 0)
        return STATUS_OK;
    if (!has_rate && !scenario_is_model(scenario))
        status = scenario_set(scenario, "cpu-rate", HOST_CPU_RATE, problem);
    if (status == STATUS_OK)
        status = image_load(&image, scenario, problem);
    if (status == STATUS_OK)
        status = host_add_guest(house->host, scenario, image.data, image.bytes, problem);
    image_fini(&image);
    return status;
}

static enum status open_house(struct house *house, struct options *options, struct problem *problem)
{
    static const struct host_owner calls = {.said = say, .quit = close_house, .refused = refused};

    house->config = (struct host_config){
        .name = options->live.name,
        .gateway = options->live.gateway,
        .listen = options->live.listen != NULL ? options->live.listen : LISTEN,
        .disk_path = options->live.disk,
    };
    enum status status = STATUS_OK;
    if (options->live.key != NULL) {
        status = key_file_read(options->live.key, &house->key, problem);
        house->config.key = &house->key;
    }
    if (status == STATUS_OK)
        status = host_open(&house->loop, &house->config, &calls, house, &house->host, problem);
    if (status == STATUS_OK)
        status = add_guest(house, options, problem);
    if (status != STATUS_OK)
        return status;
    say_line("host %s: guests come in at %s", house->config.name, host_address(house->host));
    return STATUS_OK;
}

static int run(const struct command *command, struct options *options)
{
    struct problem problem = {STATUS_OK, ""};
    struct house house = {0};
    enum status status = look_at_options(options, &problem);

    if (status != STATUS_OK)
        return command_refuse(command, &problem);
    open_loop(&house);
    status = options->live.is_with_parent ? parent_follow(&problem) : STATUS_OK;
    if (status == STATUS_OK)
        status = open_house(&house, options, &problem);
    if (status != STATUS_OK)
        close_house(&house);
    uv_run(&house.loop, UV_RUN_DEFAULT);
    if (house.refusal.status != STATUS_OK) {
        problem = house.refusal;
        status = problem.status;
    }
    key_forget(&house.key);
    MUST(uv_loop_close(&house.loop) == 0);
    return status == STATUS_OK ? EXIT_DONE : command_refuse(command, &problem);
}

int command_host(const struct command *command, int word_count, char **words)
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
