/* ferry status: which hosts there are, which guests they run, and what moves. */
#include <stdio.h>
#include <string.h>

#include "labs/at_door.h"
#include "labs/output.h"
#include "labs/people.h"
#include "labs/report.h"

static void print_gateway(const json_t *status)
{
    const json_t *gateway = json_object_get(status, "gateway");
    const json_t *addresses = json_object_get(gateway, "addresses");
    struct people people = {0};
    json_t *address;
    size_t idx;

    printf("%-12s", "gateway");
    json_array_foreach(addresses, idx, address)
        printf("%s%s", idx > 0 ? ", " : "", json_string_value(address));
    uint64_t count = control_number(gateway, "clients", 0);
    printf("%s%s client%s; hosts come to %s\n", json_array_size(addresses) > 0 ? ": " : "",
           people_count(&people, count), count == 1 ? "" : "s",
           control_word(gateway, "hosts_address", "?"));
    if (json_is_true(json_object_get(gateway, "is_full")))
        printf("%-12sit talks to as many clients as it can: others wait until one leaves\n", "");
    printf("%-12s", "link");
    at_door_print_link(json_object_get(status, "link"), "no limit");
}

static void print_guest(const json_t *guest)
{
    struct people people = {0};
    uint64_t missing = control_number(guest, "pages_missing", 0);

    printf("%s: %s, %s", control_word(guest, "name", "?"), control_word(guest, "state", "?"),
           people_bytes(&people, control_number(guest, "memory_bytes", 0)));
    uint64_t harts = control_number(guest, "harts", 1);
    if (harts > 1)
        printf(", %s harts", people_count(&people, harts));
    if (missing > 0)
        printf(", %s pages missing", people_count(&people, missing));
    printf("\n");
}

static void print_hosts(const json_t *hosts)
{
    json_t *host, *guest;
    size_t i, j;

    printf("\n%-12s%-24s%s\n", "host", "moves come to", "guests");
    json_array_foreach(hosts, i, host)
    {
        const json_t *guests = json_object_get(host, "guests");
        bool is_here = !json_is_false(json_object_get(host, "is_here"));
        bool has_ended = json_is_true(json_object_get(host, "has_ended"));
        printf("%-12s%-24s", control_word(host, "name", "?"),
               is_here     ? control_word(host, "address", "")
               : has_ended ? "has ended"
                           : "not here just now");
        if (json_array_size(guests) == 0)
            printf("-\n");
        json_array_foreach(guests, j, guest)
        {
            if (j > 0)
                printf("%-36s", "");
            print_guest(guest);
        }
    }
    if (json_array_size(hosts) == 0)
        printf("%-12sstart one by ferry host --gateway\n", "none");
}

/* No host lists these: nobody has them. */
static void print_lost(const json_t *lost)
{
    json_t *guest;
    size_t idx;

    json_array_foreach(lost, idx, guest)
    {
        if (idx == 0)
            printf("\n");
        printf("%s is lost: %s\n", control_word(guest, "guest", "?"),
               control_word(guest, "reason", "?"));
    }
}

static void print_move(const json_t *move)
{
    const char *outcome = control_word(move, "outcome", NULL);
    struct people people = {0};

    if (!json_is_object(move))
        return;
    printf(
        "\nmove %llu: %s from %s to %s by %s: ", (unsigned long long)control_number(move, "id", 0),
        control_word(move, "guest", "?"), control_word(move, "from", "?"),
        control_word(move, "to", "?"), control_word(move, "mode", "?"));
    if (outcome != NULL) {
        printf("%s", outcome);
        uint64_t total_ns = control_number(move, "total_time_ns", UINT64_MAX);
        uint64_t downtime_ns = control_number(move, "downtime_ns", UINT64_MAX);
        if (total_ns != UINT64_MAX)
            printf(" after %s", people_time(&people, total_ns));
        if (downtime_ns != UINT64_MAX)
            printf(", downtime %s", people_time(&people, downtime_ns));
        printf("\n");
        if (*control_word(move, "reason", "") != '\0')
            people_wrap(stdout, "  ", control_word(move, "reason", ""));
        return;
    }
    uint64_t permille = control_number(move, "progress_permille", UINT64_MAX);
    uint64_t left_ns = control_number(move, "left_ns", UINT64_MAX);
    printf("%s", control_word(move, "phase", "?"));
    if (permille != UINT64_MAX)
        printf(", %llu.%llu %%", (unsigned long long)permille / 10,
               (unsigned long long)permille % 10);
    printf("\n  round %s, %s sent at %s/s", people_count(&people, control_number(move, "round", 0)),
           people_bytes(&people, control_number(move, "bytes_sent", 0)),
           people_bytes(&people, control_number(move, "bytes_per_s", 0)));
    if (left_ns != UINT64_MAX)
        printf(", about %s left", people_time(&people, left_ns));
    printf("\n");
}

static int show(struct at_door *at_door, struct output *json)
{
    struct problem problem = {STATUS_OK, ""};
    json_t *status = NULL;

    if (caller_ask(&at_door->caller, "status", NULL, &status, &problem) != STATUS_OK)
        return command_refuse(at_door->command, &problem);
    if (json->file != stdout) {
        print_gateway(status);
        print_hosts(json_object_get(status, "hosts"));
        print_lost(json_object_get(status, "lost"));
        print_move(json_object_get(status, "migration"));
    }
    if (json->file != NULL)
        report_write(json_incref(status), json->file);
    json_decref(status);
    return output_finish(json, &problem) == STATUS_OK ? EXIT_DONE
                                                      : command_refuse(at_door->command, &problem);
}

int command_status(const struct command *command, int word_count, char **words)
{
    struct problem problem = {STATUS_OK, ""};
    struct output json = {.file = NULL};
    struct at_door at_door;
    int status = at_door_begin(&at_door, command, word_count, words);

    if (status == AT_DOOR_READY &&
        output_open(&json, at_door.options.json_path, &problem) != STATUS_OK)
        status = command_refuse(command, &problem);
    if (status == AT_DOOR_READY)
        status = at_door_knock(&at_door);
    if (status == AT_DOOR_READY)
        status = show(&at_door, &json);
    output_discard(&json);
    at_door_close(&at_door);
    return status;
}
