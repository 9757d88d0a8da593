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
#include "labs/parent.h"
#include "labs/people.h"
#include "live/moves.h"

/* How often it is asked how many clients there are; and, where the gateway is gone, whether there
 * is one again. */
#define LOOK_MS 1000
/* A process that ends is seen by its gateway and by its parent: after so long it is sure which. */
#define SURE_MS 500
/* And whether a guest went with it: its gateway waits half a second before it calls one lost. */
#define LOST_MS 1500
#define TURN_MS 200

/* A host that was started here, and what there is to say of it. */
struct neighbour {
    bool is_here;     /* at the gateway */
    char why[160];    /* it is not, and that is not said yet; "": all is said */
    uint64_t left_ms; /* since when */
    uint64_t gone_ms; /* its process has ended; 0: it has not */
    bool is_advised;  /* how to start another */
    bool is_another;  /* that has come in its place, and is no child */
};

struct live {
    const struct command *command;
    struct options options;
    struct household household;
    struct follow follow; /* of the move that goes on: what was said of it last */
    uint64_t clients;     /* as was said last */
    struct neighbour neighbours[HOUSEHOLD_HOSTS_MAX];
    uint64_t door_lost_ms; /* 0: it is open */
    char gateway_end[60];  /* how; "": it has not ended, or all is said */
    bool is_gateway_gone;  /* as was said */
    uint64_t awaited_id;   /* of a move: whose recording is not whole yet; 0: none is awaited */
    bool has_guest_ended;  /* by itself */
    bool is_nobody_left;   /* no host of those that were started, and no gateway */
    bool is_bad;           /* something was not as it should */
    int signals;           /* a descriptor */
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
    const char *guest = live->options.scenario.guest, *host = address;
    int host_count = colon != NULL ? (int)(colon - address) : 0;

    if (*host == '[') { /* of a URL alone */
        host++;
        host_count -= 2;
    }
    if (colon == NULL || scenario_port(&live->options.scenario) == 0)
        return;
    if (strcmp(guest, "web") == 0)
        say("talk to it    curl http://%s/", address);
    else if (strcmp(guest, "kv") == 0)
        say("talk to it    redis-cli -h %.*s -p %s", host_count, host, colon + 1);
    else
        say("talk to it    nc %.*s %s", host_count, host, colon + 1);
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

/* ---- Who is gone ---- */

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* NULL: somebody else has started it. */
static struct neighbour *find_neighbour(struct live *live, const char *name)
{
    for (unsigned i = 0; i < live->household.host_count; i++)
        if (strcmp(household_host_name(i), name) == 0)
            return &live->neighbours[i];
    return NULL;
}

static void advise_host(struct live *live, unsigned idx, bool has_guest)
{
    struct bytes line = {0};

    household_write_host(&live->household, household_host_name(idx), has_guest, &line);
    say("%s:", has_guest ? "It can be begun anew, at another host" : "Another one");
    say("    %s", (const char *)line.data);
    bytes_fini(&line);
    if (idx < HOUSEHOLD_HOSTS_MAX)
        live->neighbours[idx].is_advised = true;
}

/* Where a name is free: of a host that is gone, else the next. */
static void advise_guest(struct live *live)
{
    unsigned idx = 0;

    while (idx < live->household.host_count && live->neighbours[idx].is_here)
        idx++;
    advise_host(live, idx, true);
}

/* Both its parent and its gateway tell of the end of a host: it is said once. */
static void tell_of_host(struct live *live, unsigned idx, uint64_t at_ms)
{
    struct neighbour *neighbour = &live->neighbours[idx];
    struct child *child = &live->household.hosts[idx];
    char text[60];

    if (child_has_ended(child)) {
        say("%s is gone: %s", child->name, child_end(child, text, sizeof text));
        neighbour->gone_ms = at_ms;
        neighbour->why[0] = '\0';
    }
    if (neighbour->why[0] != '\0' && at_ms >= neighbour->left_ms + SURE_MS) {
        say("host %s is not heard any more: %s", household_host_name(idx), neighbour->why);
        neighbour->why[0] = '\0';
    }
    bool is_missed = neighbour->gone_ms != 0 && !neighbour->is_here && !neighbour->is_advised;
    if (is_missed && at_ms >= neighbour->gone_ms + LOST_MS)
        advise_host(live, idx, false);
}

/* So is the end of a gateway: the door closes with it. */
static void tell_of_gateway(struct live *live, uint64_t at_ms)
{
    struct child *gateway = &live->household.gateway;
    struct bytes line = {0};
    const char *how = live->gateway_end;

    if (child_has_ended(gateway))
        child_end(gateway, live->gateway_end, sizeof live->gateway_end);
    if (live->door_lost_ms == 0 || live->is_gateway_gone)
        return;
    if (*how == '\0' && at_ms < live->door_lost_ms + SURE_MS)
        return;
    live->is_gateway_gone = true;
    household_write_gateway(&live->household, &line);
    say("the gateway is gone: %s; clients are cut off, guests go on. Another one:",
        *how != '\0' ? how : "it has closed its door");
    live->gateway_end[0] = '\0'; /* of the one that was started here; others are no child */
    say("    %s", (const char *)line.data);
    bytes_fini(&line);
}

/* What hosts tell of themselves is told here already; what the gateway says is not. */
static void look_after_children(struct live *live)
{
    struct household *household = &live->household;
    uint64_t at_ms = now_ms();
    const char *line;
    bool is_any_left = false;

    for (unsigned i = 0; i < household->host_count; i++) {
        while (child_next_line(&household->hosts[i], false) != NULL)
            ;
        tell_of_host(live, i, at_ms);
        is_any_left |= !household->hosts[i].is_over;
    }
    while ((line = child_next_line(&household->gateway, false)) != NULL)
        say("%s", line);
    tell_of_gateway(live, at_ms);
    live->is_nobody_left = !is_any_left && live->door_lost_ms != 0;
    live->is_bad |= live->is_nobody_left;
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
    const char *line = control_word(data, "last_line", "");

    if (*cause != '\0')
        printf("%s cannot go on: %s", guest, cause);
    else
        printf("%s ended with status %llu", guest,
               (unsigned long long)control_number(data, "status", 0));
    say("%s%s", *line != '\0' ? "; its last line: " : "", line);
}

/* Of the guest for which all of this was started. */
static bool is_ours(const struct live *live, const json_t *data)
{
    return strcmp(control_word(data, "guest", ""), live->household.guest) == 0;
}

static void hear_host(struct live *live, const json_t *data, bool is_here)
{
    const char *name = control_word(data, "name", "?");
    const char *reason = control_word(data, "reason", "it left");
    struct neighbour *neighbour = find_neighbour(live, name);
    bool is_news = neighbour == NULL || neighbour->is_here != is_here;

    if (neighbour != NULL) {
        bool is_said = neighbour->gone_ms != 0 && !neighbour->is_another;
        neighbour->is_here = is_here;
        neighbour->is_another |= is_here && is_said;
        neighbour->left_ms = now_ms();
        snprintf(neighbour->why, sizeof neighbour->why, "%s", is_here || is_said ? "" : reason);
    }
    if (is_here && is_news)
        say("host %s is here", name);
    else if (neighbour == NULL)
        say("host %s is not heard any more: %s", name, reason);
}

static void hear_guest_lost(struct live *live, const json_t *data)
{
    if (!is_ours(live, data))
        return;
    live->is_bad = true;
    advise_guest(live);
}

/* Whoever waits for the end of a move, and for its recording, has that before the door closes. */
static void await_recording(struct live *live)
{
    json_t *attached = NULL;

    if (live->follow.id != 0 &&
        caller_ask(&live->household.caller, "attach", NULL, &attached, NULL) == STATUS_OK)
        live->awaited_id = control_number(attached, "id", 0);
    json_decref(attached);
}

static void hear_recording(struct live *live, const json_t *data)
{
    if (control_number(data, "id", 0) == live->awaited_id &&
        json_is_true(json_object_get(data, "is_end")))
        live->awaited_id = 0;
}

/* One that is copied while it ends does so twice: its copy comes to the same end. */
static void hear_guest_ended(struct live *live, const json_t *data)
{
    if (is_ours(live, data) && live->has_guest_ended)
        return;
    say_guest_end(data);
    if (!is_ours(live, data))
        return;
    live->has_guest_ended = true;
    await_recording(live);
    live->is_bad |=
        json_is_true(json_object_get(data, "is_fault")) || control_number(data, "status", 0) != 0;
}

static void hear(struct live *live, const struct control_message *message)
{
    const json_t *data = message->data;
    const char *name = message->kind == CONTROL_EVENT ? message->name : "";
    char line[400];

    if (moves_what_is_wrong(name, data, line, sizeof line))
        say("%s", line);
    if (strcmp(name, "migration_started") == 0) {
        say_start(live, data);
    } else if (strcmp(name, "progress") == 0) {
        follow_hear_progress(&live->follow, data);
    } else if (strcmp(name, "migration_ended") == 0) {
        say_end(data);
    } else if (strcmp(name, "recording") == 0) {
        hear_recording(live, data);
    } else if (strcmp(name, "host_joined") == 0) {
        hear_host(live, data, true);
    } else if (strcmp(name, "host_left") == 0) {
        hear_host(live, data, false);
    } else if (strcmp(name, "two_runners") == 0) {
        live->is_bad = true;
    } else if (strcmp(name, "guest_lost") == 0) {
        hear_guest_lost(live, data);
    } else if (strcmp(name, "guest_ended") == 0) {
        hear_guest_ended(live, data);
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
    if (heard != CALLER_OVER || live->door_lost_ms != 0)
        return;
    live->door_lost_ms = now_ms();
    live->awaited_id = 0; /* nobody tells of it any more */
    for (unsigned i = 0; i < HOUSEHOLD_HOSTS_MAX; i++)
        live->neighbours[i].is_here = false;
}

static bool open_door_again(struct live *live)
{
    struct caller *caller = &live->household.caller;

    caller_close(caller);
    if (caller_open(caller, live->household.control, NULL) != STATUS_OK)
        return false;
    live->door_lost_ms = 0;
    live->is_gateway_gone = false;
    say("there is a gateway again");
    return true;
}

static void look(struct live *live)
{
    struct household *household = &live->household;
    struct people people = {0};
    json_t *status = NULL, *host;
    size_t idx;

    if (live->door_lost_ms != 0 && !open_door_again(live))
        return;
    if (caller_ask(&household->caller, "status", NULL, &status, NULL) != STATUS_OK)
        return;
    uint64_t clients = control_number(json_object_get(status, "gateway"), "clients", 0);
    if (clients != live->clients)
        say("%s client%s", people_count(&people, clients), clients == 1 ? "" : "s");
    live->clients = clients;
    /* They may have come to another gateway before its door was open to this process. */
    json_array_foreach(json_object_get(status, "hosts"), idx, host)
    {
        struct neighbour *neighbour = find_neighbour(live, control_word(host, "name", ""));
        bool is_here = json_is_true(json_object_get(host, "is_here"));
        if (neighbour != NULL && is_here && !neighbour->is_here)
            hear_host(live, host, true);
    }
    json_decref(status);
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

static bool is_over(const struct live *live)
{
    return (live->has_guest_ended && live->awaited_id == 0) || live->is_nobody_left;
}

static void serve(struct live *live)
{
    struct household *household = &live->household;
    uint64_t look_ms = 0; /* at once */

    while (!is_over(live)) {
        struct pollfd polls[3 + HOUSEHOLD_HOSTS_MAX] = {
            {.fd = live->signals, .events = POLLIN},
            {.fd = caller_descriptor(&household->caller), .events = POLLIN},
            {.fd = household->gateway.out, .events = POLLIN},
        };
        for (unsigned i = 0; i < household->host_count; i++)
            polls[3 + i] = (struct pollfd){.fd = household->hosts[i].out, .events = POLLIN};
        poll(polls, 3 + household->host_count, TURN_MS);
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

static void change_signals(int how)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigprocmask(how, &set, NULL);
}

static int serve_in_lines(struct live *live)
{
    serve(live);
    return live->is_bad ? EXIT_FAILED : EXIT_DONE;
}

/* A picture has no room for how to start a host that has died: that is said when it is left, and the
 * rest goes on. */
static int go_on_in_lines(struct live *live, int status)
{
    struct caller *caller = &live->household.caller;
    struct control_message message;
    bool is_any_gone;

    while (caller_next(caller, 0, &message) == CALLER_MESSAGE) /* it has been drawn */
        control_message_fini(&message);
    caller_close(caller);
    if (caller_open(caller, live->household.control, NULL) != STATUS_OK)
        live->door_lost_ms = now_ms();
    look_after_children(live);
    is_any_gone = live->door_lost_ms != 0;
    for (unsigned i = 0; i < live->household.host_count; i++) {
        live->neighbours[i].is_here &= !live->household.hosts[i].is_over;
        is_any_gone |= live->household.hosts[i].is_over;
    }
    if (!is_any_gone || live->is_nobody_left)
        return status;
    say("the rest goes on; end it by Ctrl-C");
    return serve_in_lines(live);
}

/* A guest may have ended before all of the hosts were here. */
static int live_on(struct live *live, bool is_drawn)
{
    struct bytes line = {0};

    for (unsigned i = 0; i < live->household.host_count; i++)
        live->neighbours[i].is_here = true;
    hear_door(live);
    if (!is_drawn || is_over(live)) {
        if (!is_over(live))
            say_commands(live);
        return serve_in_lines(live);
    }
    /* The view reads its own keys; interrupts are its again. */
    change_signals(SIG_UNBLOCK);
    household_write_gateway(&live->household, &line);
    int status = live_view_show(live->household.control, false, (const char *)line.data);
    bytes_fini(&line);
    change_signals(SIG_BLOCK);
    return go_on_in_lines(live, status);
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
    if ((options->live.is_with_parent && parent_follow(&problem) != STATUS_OK) ||
        at_door_path(options, control, &problem) != STATUS_OK ||
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
