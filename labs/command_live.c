/* ferry live: a gateway, a few hosts and a guest on this computer, until interrupted. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "labs/at_door.h"
#include "labs/follow.h"
#include "labs/household.h"
#include "labs/image.h"
#include "labs/live_view.h"
#include "labs/people.h"

/* How often it is asked how many clients there are; and, where the gateway is gone, whether there
 * is one again. */
#define LOOK_MS 1000

struct live {
    const struct command *command;
    struct options options;
    struct household household;
    struct follow follow; /* of the move that goes on: what was said of it last */
    uint64_t clients;     /* as was said last */
    bool is_door_lost;
    bool is_over; /* nothing is left that runs the guest, */
    bool is_lost; /* and that was not as it should */
    int signals;  /* a descriptor */
};

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
    fflush(stdout);
}

/* ---- What it says at first ---- */

/* How people talk to the guest that ferry brings along. */
static void say_how_to_talk(const struct live *live)
{
    const char *address = live->household.clients_address, *colon = strrchr(address, ':');
    const char *guest = live->options.scenario.guest;
    int host_count = colon != NULL ? (int)(colon - address) : 0;

    if (colon == NULL || scenario_port(&live->options.scenario) == 0)
        return;
    if (strcmp(guest, "web") == 0)
        say("talk to it    curl http://%s/", address);
    else if (strcmp(guest, "kv") == 0)
        say("talk to it    redis-cli -h %.*s -p %s", host_count, address, colon + 1);
    else
        say("talk to it    nc %.*s %s", host_count, address, colon + 1);
}

static void say_commands(const struct live *live)
{
    const char *program = options_program(), *control = live->household.control;
    struct bytes path = {0};

    options_write_word(&path, control);
    bytes_put_u8(&path, 0);
    const char *word = (const char *)path.data;
    say("%s runs at host %s; hosts: %u", live->household.guest, live->household.at,
        live->household.host_count);
    say_how_to_talk(live);
    say("move it       %s migrate --control %s --mode hybrid", program, word);
    say("watch it      %s tui --control %s", program, word);
    say("look at it    %s status --control %s", program, word);
    say("its link      %s link --control %s --bandwidth 100MiB/s", program, word);
    say("end it        Ctrl-C");
    bytes_fini(&path);
}

/* ---- What happens ---- */

static void say_start(struct live *live, const json_t *data)
{
    follow_fini(&live->follow);
    live->follow = (struct follow){.lines = stdout, .id = control_number(data, "id", 0)};
    say("%s moves from %s to %s by %s", control_word(data, "guest", "?"),
        control_word(data, "from", "?"), control_word(data, "to", "?"),
        control_word(data, "mode", "?"));
}

static void say_end(const json_t *data)
{
    uint64_t total_ns = control_number(data, "total_time_ns", UINT64_MAX);
    uint64_t downtime_ns = control_number(data, "downtime_ns", UINT64_MAX);
    const char *reason = control_word(data, "reason", "");
    struct people people = {0};

    printf("%s: %s", control_word(data, "guest", "?"), control_word(data, "outcome", "?"));
    if (total_ns != UINT64_MAX)
        printf(" after %s", people_time(&people, total_ns));
    if (downtime_ns != UINT64_MAX)
        printf(", downtime %s", people_time(&people, downtime_ns));
    say("%s%s", *reason != '\0' ? ": " : "", reason);
}

static void say_guest_end(const json_t *data)
{
    const char *guest = control_word(data, "guest", "?"), *cause = control_word(data, "cause", "");

    if (*cause != '\0')
        say("%s cannot go on: %s", guest, cause);
    else
        say("%s ended with status %llu", guest,
            (unsigned long long)control_number(data, "status", 0));
}

static void hear(struct live *live, const struct control_message *message)
{
    const json_t *data = message->data;
    const char *name = message->kind == CONTROL_EVENT ? message->name : "";

    if (strcmp(name, "migration_started") == 0)
        say_start(live, data);
    else if (strcmp(name, "progress") == 0)
        follow_hear_progress(&live->follow, data);
    else if (strcmp(name, "migration_ended") == 0)
        say_end(data);
    else if (strcmp(name, "host_joined") == 0)
        say("host %s is here", control_word(data, "name", "?"));
    else if (strcmp(name, "host_left") == 0)
        say("host %s is not heard any more: %s", control_word(data, "name", "?"),
            control_word(data, "reason", "it left"));
    else if (strcmp(name, "two_runners") == 0)
        say("rule one_runner is BROKEN: %s runs at two hosts", control_word(data, "guest", "?"));
    else if (strcmp(name, "guest_lost") == 0) {
        say("%s is lost: %s", control_word(data, "guest", "?"), control_word(data, "reason", "?"));
        live->is_over = live->is_lost = true;
    } else if (strcmp(name, "guest_ended") == 0) {
        say_guest_end(data);
        live->is_over = true;
        live->is_lost |= json_is_true(json_object_get(data, "is_fault"));
    }
}

static void hear_door(struct live *live)
{
    struct caller *caller = &live->household.caller;
    struct control_message message;
    enum caller_heard heard;

    while ((heard = caller_next(caller, 0, &message)) == CALLER_MESSAGE) {
        hear(live, &message);
        control_message_fini(&message);
    }
    if (heard != CALLER_OVER || live->is_door_lost)
        return;
    live->is_door_lost = true;
    say("the gateway is gone: clients are cut off; the guest goes on");
}

static void look(struct live *live)
{
    struct household *household = &live->household;
    struct people people = {0};
    json_t *status = NULL;

    if (live->is_door_lost) {
        caller_close(&household->caller);
        if (caller_open(&household->caller, household->control, NULL) != STATUS_OK)
            return;
        live->is_door_lost = false;
        say("there is a gateway again");
    }
    if (caller_ask(&household->caller, "status", NULL, &status, NULL) != STATUS_OK)
        return;
    uint64_t clients = control_number(json_object_get(status, "gateway"), "clients", 0);
    if (clients != live->clients)
        say("%s client%s", people_count(&people, clients), clients == 1 ? "" : "s");
    live->clients = clients;
    json_decref(status);
}

/* ---- Children ---- */

/* What hosts tell of themselves is told here already; what the gateway says is not. */
static bool look_after(struct child *child, bool is_heard)
{
    char text[60];
    const char *line;

    while ((line = child_next_line(child, false)) != NULL)
        if (is_heard)
            say("%s", line);
    if (!child_has_ended(child))
        return child->pid != 0 && !child->is_over;
    struct bytes command = {0};
    household_write_command(child, &command);
    say("%s is gone: %s. Another one:", child->name, child_end(child, text, sizeof text));
    say("    %s", (const char *)command.data);
    bytes_fini(&command);
    return false;
}

static void look_after_children(struct live *live)
{
    bool is_any_left = false;

    for (unsigned i = 0; i < live->household.host_count; i++)
        is_any_left |= look_after(&live->household.hosts[i], false);
    look_after(&live->household.gateway, true);
    live->is_over |= !is_any_left;
    live->is_lost |= !is_any_left;
}

/* ---- The whole ---- */

/* Interrupts and ends of children come through a descriptor from now on. */
static bool open_signals(struct live *live)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
    live->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return live->signals >= 0;
}

/* True: it is to end. */
static bool is_interrupted(struct live *live)
{
    struct signalfd_siginfo info;
    bool is_interrupt = false;

    while (read(live->signals, &info, sizeof info) == sizeof info)
        is_interrupt |= info.ssi_signo != SIGCHLD;
    return is_interrupt;
}

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void serve(struct live *live)
{
    struct household *household = &live->household;
    uint64_t look_ms = now_ms() + LOOK_MS;

    while (!live->is_over) {
        struct pollfd polls[3 + HOUSEHOLD_HOSTS_MAX] = {
            {.fd = live->signals, .events = POLLIN},
            {.fd = caller_descriptor(&household->caller), .events = POLLIN},
            {.fd = household->gateway.out, .events = POLLIN},
        };
        for (unsigned i = 0; i < household->host_count; i++)
            polls[3 + i] = (struct pollfd){.fd = household->hosts[i].out, .events = POLLIN};
        poll(polls, 3 + household->host_count, LOOK_MS);
        if (is_interrupted(live))
            return;
        look_after_children(live);
        hear_door(live);
        if (now_ms() < look_ms)
            continue;
        look_ms = now_ms() + LOOK_MS;
        look(live);
        hear_door(live); /* what came while the answer was awaited */
    }
}

/* A file without a name: complaints of children would stand across the picture. */
static int open_complaints(bool is_drawn)
{
    FILE *file = is_drawn ? tmpfile() : NULL;
    return file != NULL ? fileno(file) : STDERR_FILENO;
}

static void print_complaints(int complaints)
{
    char text[4096];
    ssize_t count;

    if (complaints == STDERR_FILENO || lseek(complaints, 0, SEEK_SET) != 0)
        return;
    while ((count = read(complaints, text, sizeof text)) > 0)
        fwrite(text, 1, (size_t)count, stderr);
}

static int live_on(struct live *live, bool is_drawn)
{
    if (!is_drawn) {
        say_commands(live);
        serve(live);
        return live->is_lost ? EXIT_FAILED : EXIT_DONE;
    }
    /* The view reads its own keys; interrupts are its again. */
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    return live_view_show(live->household.control, false);
}

static int start_and_live(struct live *live)
{
    const struct options *options = &live->options;
    struct problem problem = {STATUS_OK, ""};
    char control[CONTROL_PATH_MAX];
    struct image image = {.data = NULL};
    bool is_drawn = !options->is_plain && isatty(STDOUT_FILENO) && isatty(STDIN_FILENO);
    int complaints = open_complaints(is_drawn), status;

    /* What the guest is wrong with is said before anything is started. */
    if (at_door_path(options, control, &problem) != STATUS_OK ||
        image_load(&image, &options->scenario, &problem) != STATUS_OK) {
        image_fini(&image);
        return command_refuse(live->command, &problem);
    }
    image_fini(&image);
    if (!open_signals(live))
        return command_refuse(live->command, &problem);
    enum status started = household_start(&live->household, options, control, complaints, &problem);
    if (started == STATUS_OK)
        status = live_on(live, is_drawn);
    else if (problem.status == STATUS_OK) /* the child has said why */
        status = EXIT_USAGE;
    else
        status = command_refuse(live->command, &problem);
    household_end(&live->household);
    print_complaints(complaints);
    return status;
}

int command_live(const struct command *command, int word_count, char **words)
{
    struct live live = {.command = command, .signals = -1};
    struct problem problem = {STATUS_OK, ""};
    int status;

    if (options_parse(&live.options, command->takes, command->presets, word_count, words,
                      &problem) != STATUS_OK)
        status = command_refuse(command, &problem);
    else if (live.options.is_help)
        status = command_print_help(command);
    else
        status = start_and_live(&live);
    follow_fini(&live.follow);
    if (live.signals >= 0)
        close(live.signals);
    options_fini(&live.options);
    return status;
}
