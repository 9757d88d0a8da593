#include "labs/household.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_LISTEN "127.0.0.1:6379"
#define DEFAULT_HOSTS  2
/* For a host to join and its guest to be built: memory of many GiB is not zeroed at once. */
#define JOIN_PATIENCE_MS 30000

/* What was asked for of the guest, as the words of `ferry host`. */
static void add_guest_words(struct child *host, const struct options *options)
{
    const struct scenario *scenario = &options->scenario;
    char text[600], value[sizeof scenario->guest];

    child_add_word(host, "--guest");
    child_add_word(host, scenario->guest);
    for (uint32_t i = 0; i < scenario_option_count(); i++) {
        const char *key = scenario_option(i)->key;
        bool is_ours = strcmp(key, "guest") == 0 || strcmp(key, "args") == 0;
        if ((options->set >> i & 1) == 0 || is_ours)
            continue;
        scenario_get(scenario, i, value, sizeof value);
        snprintf(text, sizeof text, "--%s=%s", key, value);
        child_add_word(host, text);
    }
    if (scenario->arguments.count > 0)
        child_add_word(host, "--");
    for (size_t i = 0; i < scenario->arguments.count;) {
        const char *argument = (const char *)scenario->arguments.data + i;
        child_add_word(host, argument);
        i += strlen(argument) + 1;
    }
}

static void add_key(struct child *child, const struct options *options)
{
    if (options->live.key == NULL)
        return;
    child_add_word(child, "--key");
    child_add_word(child, options->live.key);
}

/* ---- Command lines: of what is started, and of what could take its place ---- */

static void put_gateway_words(const struct household *household, struct child *gateway,
                              const char *hosts, const char *listen)
{
    child_add_word(gateway, "--control");
    child_add_word(gateway, household->control);
    child_add_word(gateway, "--hosts");
    child_add_word(gateway, hosts);
    child_add_word(gateway, "--listen");
    child_add_word(gateway, listen);
    add_key(gateway, household->options);
}

static void put_host_words(const struct household *household, struct child *host, const char *name,
                           bool has_guest)
{
    child_add_word(host, "--name");
    child_add_word(host, name);
    child_add_word(host, "--gateway");
    child_add_word(host, household->hosts_address);
    add_key(host, household->options);
    if (has_guest)
        add_guest_words(host, household->options);
}

static void write_words(struct child *child, struct bytes *line)
{
    for (size_t i = 0; i < child->words.count;) {
        const char *word = (const char *)child->words.data + i;
        options_write_word(line, word);
        i += strlen(word) + 1;
    }
    bytes_put_u8(line, 0);
    child_fini(child);
}

void household_write_gateway(const struct household *household, struct bytes *line)
{
    struct child gateway;

    child_init(&gateway, "another gateway", NULL);
    child_add_word(&gateway, "gateway");
    put_gateway_words(household, &gateway, household->hosts_address, household->listen);
    write_words(&gateway, line);
}

void household_write_host(const struct household *household, const char *name, bool has_guest,
                          struct bytes *line)
{
    struct child host;

    child_init(&host, "another host", NULL);
    child_add_word(&host, "host");
    put_host_words(household, &host, name, has_guest);
    write_words(&host, line);
}

/* ---- The gateway ---- */

static const char *listen_of(const struct options *options)
{
    return options->live.listen != NULL ? options->live.listen : DEFAULT_LISTEN;
}

static enum status start_gateway(struct household *household, int err, struct problem *problem)
{
    struct child *gateway = &household->gateway;

    child_init(gateway, "the gateway", NULL);
    child_add_word(gateway, "gateway");
    child_add_word(gateway, "--with-parent");
    put_gateway_words(household, gateway, "127.0.0.1:0", listen_of(household->options));
    if (child_start(gateway, err, problem) != STATUS_OK)
        return problem->status;
    if (child_next_line(gateway, true) == NULL)
        return STATUS_REFUSED;
    return caller_open(&household->caller, household->control, problem);
}

/* As --listen says, with the ports that there are in place of any that is free: what is behind "="
 * says for whom. */
static void set_listen(struct household *household, const json_t *addresses)
{
    const char *word = listen_of(household->options);
    struct bytes text = {0};
    json_t *address;
    size_t idx;

    json_array_foreach(addresses, idx, address)
    {
        size_t count = strcspn(word, ","), place = strcspn(word, "=");
        if (idx > 0)
            bytes_put_u8(&text, ',');
        bytes_put(&text, json_string_value(address), json_string_length(address));
        if (place < count)
            bytes_put(&text, word + place, count - place);
        word += count + (word[count] == ',');
    }
    bytes_put_u8(&text, 0);
    snprintf(household->listen, sizeof household->listen, "%s", (const char *)text.data);
    bytes_fini(&text);
}

static enum status read_addresses(struct household *household, struct problem *problem)
{
    json_t *status = NULL;

    if (caller_ask(&household->caller, "status", NULL, &status, problem) != STATUS_OK)
        return problem->status;
    const json_t *gateway = json_object_get(status, "gateway");
    snprintf(household->hosts_address, sizeof household->hosts_address, "%s",
             control_word(gateway, "hosts_address", ""));
    snprintf(household->clients_address, sizeof household->clients_address, "%s",
             control_word(gateway, "address", ""));
    set_listen(household, json_object_get(gateway, "addresses"));
    json_decref(status);
    return STATUS_OK;
}

/* The words of the link are the door's: it refuses what makes no sense. */
static enum status set_link(struct household *household, struct problem *problem)
{
    const struct options *options = household->options;
    struct problem detail = {STATUS_OK, ""};
    json_t *arguments = json_object();

    if (options->live.bandwidth != NULL)
        json_object_set_new(arguments, "bandwidth", json_string(options->live.bandwidth));
    if (options->live.latency != NULL)
        json_object_set_new(arguments, "latency", json_string(options->live.latency));
    if (json_object_size(arguments) == 0) {
        json_decref(arguments);
        return STATUS_OK;
    }
    if (caller_ask(&household->caller, "link", arguments, NULL, &detail) == STATUS_OK)
        return STATUS_OK;
    return problem_set(problem, STATUS_USAGE, "--%s", detail.text);
}

/* ---- The hosts ---- */

static enum status count_hosts(const struct options *options, unsigned *count,
                               struct problem *problem)
{
    uint64_t number = DEFAULT_HOSTS;

    if (options->live.hosts != NULL &&
        units_parse(UNIT_COUNT, options->live.hosts, &number, NULL) != STATUS_OK)
        number = 0;
    if (number < 2 || number > HOUSEHOLD_HOSTS_MAX)
        return problem_set(problem, STATUS_USAGE, "--hosts: \"%.40s\": write 2, 3 or 4",
                           options->live.hosts);
    *count = (unsigned)number;
    return STATUS_OK;
}

static const char *const names[] = {"A", "B", "C", "D", "E"};

const char *household_host_name(unsigned idx)
{
    return names[idx];
}

static enum status start_host(struct household *household, unsigned idx, int err,
                              struct problem *problem)
{
    struct child *host = &household->hosts[idx];
    char name[16];

    snprintf(name, sizeof name, "host %s", names[idx]);
    child_init(host, name, NULL);
    child_add_word(host, "host");
    child_add_word(host, "--with-parent");
    put_host_words(household, host, names[idx], idx == 0);
    return child_start(host, err, problem);
}

/* Whether so many hosts are here, and one of them has the guest. */
static bool is_complete(struct household *household, unsigned host_count, const json_t *status)
{
    const json_t *hosts = json_object_get(status, "hosts");
    unsigned here = 0;
    json_t *host;
    size_t idx;

    json_array_foreach(hosts, idx, host)
    {
        const json_t *guests = json_object_get(host, "guests");
        here += json_is_true(json_object_get(host, "is_here"));
        if (json_array_size(guests) == 0)
            continue;
        snprintf(household->at, sizeof household->at, "%s", control_word(host, "name", "?"));
        snprintf(household->guest, sizeof household->guest, "%s",
                 control_word(json_array_get(guests, 0), "name", "?"));
    }
    return here >= host_count && *household->at != '\0';
}

/* After every event of the door it is looked anew: the caller keeps them for whoever asks for them.
 * A host that could not start says why itself. */
static enum status await_hosts(struct household *household, unsigned host_count,
                               struct problem *problem)
{
    for (int waited_ms = 0; waited_ms < JOIN_PATIENCE_MS;) {
        struct pollfd door = {.fd = caller_descriptor(&household->caller), .events = POLLIN};
        json_t *status = NULL;
        if (caller_ask(&household->caller, "status", NULL, &status, problem) != STATUS_OK)
            return problem->status;
        bool is_over = is_complete(household, host_count, status);
        json_decref(status);
        if (is_over)
            return STATUS_OK;
        for (unsigned i = 0; i < host_count; i++)
            if (child_has_ended(&household->hosts[i]))
                return STATUS_REFUSED;
        if (poll(&door, 1, 100) == 0)
            waited_ms += 100;
    }
    return problem_set(problem, STATUS_NO_FILE, "the hosts have not come to the gateway in time");
}

/* Whoever talks to the first address, as is advised, talks to the guest that there is. */
static enum status check_listen(const struct household *household, struct problem *problem)
{
    const char *word = household->listen + strcspn(household->listen, "=,");
    size_t count = *word == '=' ? strcspn(word + 1, "/,") : 0;
    bool is_ours =
        count == strlen(household->guest) && strncmp(word + 1, household->guest, count) == 0;

    if (*word != '=' || is_ours)
        return STATUS_OK;
    return problem_set(problem, STATUS_USAGE,
                       "--listen: \"%.*s\" is not here: the guest is %s, which comes first",
                       (int)count, word + 1, household->guest);
}

enum status household_start(struct household *household, const struct options *options,
                            const char *control, int err, struct problem *problem)
{
    memset(household, 0, sizeof *household);
    household->options = options;
    household->caller.descriptor = -1;
    household->gateway.out = -1;
    for (unsigned i = 0; i < HOUSEHOLD_HOSTS_MAX; i++)
        household->hosts[i].out = -1;
    snprintf(household->control, sizeof household->control, "%s", control);
    enum status status = count_hosts(options, &household->host_count, problem);
    if (status == STATUS_OK)
        status = start_gateway(household, err, problem);
    if (status == STATUS_OK)
        status = read_addresses(household, problem);
    if (status == STATUS_OK)
        status = set_link(household, problem);
    /* One after the other: so they stand in every list. */
    for (unsigned i = 0; status == STATUS_OK && i < household->host_count; i++) {
        status = start_host(household, i, err, problem);
        if (status == STATUS_OK)
            status = await_hosts(household, i + 1, problem);
    }
    if (status == STATUS_OK)
        status = check_listen(household, problem);
    return status;
}

void household_end(struct household *household)
{
    caller_close(&household->caller); /* a door waits for its callers to leave */
    for (unsigned i = 0; i < HOUSEHOLD_HOSTS_MAX; i++)
        child_ask_to_end(&household->hosts[i]);
    for (unsigned i = 0; i < HOUSEHOLD_HOSTS_MAX; i++)
        child_fini(&household->hosts[i]);
    child_fini(&household->gateway);
}
