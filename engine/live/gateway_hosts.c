/* Hosts: who comes and has a place here, what it has of guests, what it is asked, and who has gone. What
 * a host says is believed as far as it can be checked, and counted: a name is a name, a claim one of
 * at most GATEWAY_GUESTS.
 */
#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/units.h"
#include "live/gateway_private.h"

/* A host tries at least every second to come back: one elsewhere that has not by then has ended, if
 * another comes with its name. */
#define RETURN_NS      (3 * NS_PER_S)
#define CLOCK_ASKED_NS (1 * NS_PER_S) /* clocks of two machines drift by microseconds in that */

/* ---- What a host has ---- */

/* Other hosts connect there, and must not wait for a name to be looked up; people are shown it. */
static bool is_address(const char *text)
{
    struct problem problem = {STATUS_OK, ""};
    struct address address;

    for (const char *at = text; *at != '\0'; at++)
        if (!isgraph((unsigned char)*at))
            return false;
    return *text == '\0' || (strlen(text) < ADDRESS_TEXT_BYTES &&
                             address_parse_number(text, &address, &problem) == STATUS_OK);
}

/* It has all of the guest, not a half that is no guest yet or any more. */
static bool is_claim(const char *state)
{
    return strcmp(state, "running") == 0 || strcmp(state, "paused") == 0 ||
           strcmp(state, "waiting") == 0;
}

static bool read_claim(const json_t *entry, struct host_claim *claim)
{
    const char *name = control_word(entry, "name", ""), *state = control_word(entry, "state", "");
    const json_t *port = json_array_get(json_object_get(entry, "ports"), 0);

    if (!trunk_is_name(name) || strlen(state) >= sizeof claim->state || !trunk_is_name(state))
        return false;
    *claim = (struct host_claim){
        .is_claim = is_claim(state),
        .move_count = control_number(entry, "moves", 0),
        .memory_bytes = control_number(entry, "memory_bytes", 0),
        .harts = control_number(entry, "harts", 1),
        .pages_missing = control_number(entry, "pages_missing", 0),
    };
    if (json_integer_value(port) > 0 && json_integer_value(port) <= UINT16_MAX)
        claim->port = (uint16_t)json_integer_value(port);
    snprintf(claim->name, sizeof claim->name, "%s", name);
    snprintf(claim->state, sizeof claim->state, "%s", state);
    return true;
}

void gateway_host_claims(struct gateway_host *host, const json_t *list)
{
    size_t count = json_array_size(list);

    host->claim_count = 0;
    for (size_t i = 0; i < count && host->claim_count < GATEWAY_GUESTS; i++)
        host->claim_count += read_claim(json_array_get(list, i), &host->claims[host->claim_count]);
    gateway_guests_look(host->gateway);
}

/* ---- Questions ---- */

void gateway_host_answers(struct gateway_host *host, const struct control_message *reply)
{
    uint64_t id = json_is_integer(reply->id) ? (uint64_t)json_integer_value(reply->id) : 0;

    for (unsigned i = 0; i < GATEWAY_QUESTIONS && id != 0; i++) {
        struct gateway_question question = host->questions[i];
        if (question.id != id)
            continue;
        host->questions[i].id = 0;
        if (question.answer != NULL)
            question.answer(question.owner, reply);
        return;
    }
}

/* Nobody will answer any more. */
static void forget_questions(struct gateway_host *host)
{
    for (unsigned i = 0; i < GATEWAY_QUESTIONS; i++) {
        struct gateway_question question = host->questions[i];
        if (question.id == 0)
            continue;
        host->questions[i].id = 0;
        if (question.answer != NULL)
            question.answer(question.owner, NULL);
    }
}

static struct gateway_host *host_of(const struct gateway *gateway, unsigned host)
{
    MUST(host >= 1 && host <= GATEWAY_HOSTS);
    return (struct gateway_host *)&gateway->hosts[host - 1];
}

bool gateway_ask(struct gateway *gateway, unsigned number, const char *command, json_t *arguments,
                 gateway_answer answer, void *owner)
{
    struct gateway_host *host = host_of(gateway, number);
    struct gateway_question *question = host->questions;

    while (question < host->questions + GATEWAY_QUESTIONS && question->id != 0)
        question++;
    if (host->trunk == NULL || question == host->questions + GATEWAY_QUESTIONS) {
        json_decref(arguments);
        return false;
    }
    *question =
        (struct gateway_question){.id = ++gateway->last_question, .answer = answer, .owner = owner};
    json_t *id = json_integer((json_int_t)question->id);
    trunk_put_message(&host->out, control_command(command, arguments, id));
    json_decref(id);
    return true;
}

static void guests_told(void *owner, const struct control_message *reply)
{
    if (reply != NULL && reply->kind == CONTROL_RETURN)
        gateway_host_claims(owner, reply->data);
}

void gateway_host_ask_guests(struct gateway_host *host)
{
    (void)gateway_ask(host->gateway, host->number, "guests", NULL, guests_told, host);
}

/* ---- Clocks ---- */

/* The host's clock was read somewhere between question and answer: the quicker, the surer. */
static void clock_told(void *owner, const struct control_message *reply)
{
    struct gateway_host *host = owner;
    uint64_t now_ns = gateway_now_ns(), rtt_ns = now_ns - host->clock_asked_ns;

    host->is_clock_asked = false;
    if (reply == NULL || reply->kind != CONTROL_RETURN)
        return;
    uint64_t there_ns = control_number(reply->data, "now_ns", UINT64_MAX);
    /* An old answer counts less and less: clocks drift. */
    host->clock_rtt_ns += host->clock_rtt_ns / 16;
    if (there_ns == UINT64_MAX || rtt_ns > host->clock_rtt_ns)
        return;
    host->clock_rtt_ns = rtt_ns;
    host->clock_ahead_ns = (int64_t)(there_ns - (host->clock_asked_ns + rtt_ns / 2));
    /* Within what the question took the clock may as well be our own. */
    if ((uint64_t)llabs(host->clock_ahead_ns) <= rtt_ns)
        host->clock_ahead_ns = 0;
}

static void ask_clock(struct gateway_host *host)
{
    host->clock_asked_ns = gateway_now_ns();
    host->is_clock_asked =
        gateway_ask(host->gateway, host->number, "clock", NULL, clock_told, host);
}

/* ---- Coming and going ---- */

/* It has gone, and nobody waits for it: its name stands in `status` until its place is needed. */
static bool is_forgettable(const struct gateway_host *host)
{
    const struct gateway *gateway = host->gateway;

    if (host->trunk != NULL || host->claim_count > 0)
        return false;
    for (unsigned i = 0; i < gateway->guest_count; i++) {
        const struct gateway_guest *guest = &gateway->guests[i];
        if (guest->last_home == host ||
            (guest->is_moving && (guest->source == host || guest->target == host)))
            return false;
    }
    return true;
}

static struct gateway_host *place_for(struct gateway *gateway, const char *name)
{
    struct gateway_host *unused = NULL, *forgotten = NULL;

    for (unsigned i = 0; i < GATEWAY_HOSTS; i++) {
        struct gateway_host *host = &gateway->hosts[i];
        if (strcmp(host->name, name) == 0)
            return host;
        if (host->name[0] == '\0' && unused == NULL)
            unused = host;
        if (forgotten == NULL && is_forgettable(host))
            forgotten = host;
    }
    return unused != NULL ? unused : forgotten;
}

static bool has_ended(const struct gateway_host *host)
{
    struct pollfd end = {.fd = host->pidfd, .events = POLLIN};
    return host->has_no_pid || (host->pidfd >= 0 && poll(&end, 1, 0) == 1);
}

/* It may be running a guest, although it is not heard. */
static bool may_come_back(const struct gateway_host *host)
{
    if (host->is_gone || has_ended(host) || is_forgettable(host))
        return false;
    return host->pidfd >= 0 || gateway_now_ns() < host->left_ns + RETURN_NS;
}

void gateway_host_leaves(struct gateway_host *host, const char *reason)
{
    host->trunk = NULL;
    host->left_ns = gateway_now_ns();
    bytes_clear(&host->out);
    forget_questions(host);
    gateway_tell(host->gateway, 0, "host_left",
                 json_pack("{s:s, s:o}", "name", host->name, "reason", control_text_json(reason)));
    gateway_hosts_watch(host->gateway);
}

static void forget_process(struct gateway_host *host)
{
    if (host->pidfd >= 0)
        close(host->pidfd);
    host->pidfd = -1;
    host->has_no_pid = host->is_gone = false;
}

/* Of a process on this computer it can be seen when it ends; of others there is only their word. So
 * it is of one in a container, whose number is another process's here. */
static void watch_process(struct gateway_host *host)
{
    struct problem problem = {STATUS_OK, ""};
    struct address peer;

    forget_process(host);
    if (address_parse_number(channel_peer(host->trunk), &peer, &problem) != STATUS_OK ||
        !address_is_local(&peer) || host->pid_space != trunk_pid_space() || host->pid == 0 ||
        host->pid > INT32_MAX)
        return;
    host->pidfd = (int)syscall(SYS_pidfd_open, (pid_t)host->pid, 0);
    host->has_no_pid = host->pidfd < 0 && errno == ESRCH;
}

/* Another host that has all of a guest which that one has just started; NULL: there is none. Claims of
 * guests that have moved are weighed instead: one of them may be old. */
static const struct gateway_host *find_twin(const struct gateway_host *host, const json_t *guests,
                                            struct host_claim *claim)
{
    for (size_t i = 0; i < json_array_size(guests); i++) {
        if (!read_claim(json_array_get(guests, i), claim) || !claim->is_claim ||
            claim->move_count > 0)
            continue;
        for (unsigned j = 0; j < GATEWAY_HOSTS; j++) {
            const struct gateway_host *other = &host->gateway->hosts[j];
            for (unsigned k = 0; k < other->claim_count && other != host && !other->is_gone; k++)
                if (other->claims[k].is_claim && strcmp(other->claims[k].name, claim->name) == 0)
                    return other;
        }
    }
    return NULL;
}

static void crash(struct gateway_host *host)
{
    host->is_gone = true;
    gateway_guests_bereave(host);
    host->claim_count = 0;
    for (unsigned i = 0; i < host->gateway->guest_count; i++) {
        const struct gateway_guest *guest = &host->gateway->guests[i];
        if (!guest->is_moving || (guest->source != host && guest->target != host))
            continue;
        uint64_t role = guest->target == host ? HOST_TARGET : HOST_SOURCE;
        gateway_happen(host->gateway, (struct event){.kind = EVENT_HOST_CRASHED,
                                                     .at_ns = gateway_now_ns(),
                                                     .host_crashed = {role}});
        break;
    }
}

/* Why another process does not get that host's name; NULL: it does. */
static const char *why_it_is_taken(const struct gateway_host *host)
{
    if (host->trunk != NULL && !has_ended(host))
        return "hello: a host of that name is here already: choose another --name";
    if (host->trunk == NULL && may_come_back(host))
        return "hello: a host of that name is away, and may come back to its guests: choose "
               "another --name, or end it first";
    return NULL;
}

/* One elsewhere that is away will be back, or has ended, in no time. */
static bool is_soon_known(const struct gateway_host *host)
{
    return host->trunk == NULL && host->pidfd < 0;
}

/* What hello says of the host itself. */
static enum status read_hello(const json_t *data, struct problem *problem)
{
    if (!trunk_is_name(control_word(data, "name", "")))
        return problem_set(problem, STATUS_USAGE,
                           "hello: a host needs a name of 1 to 63 letters, digits and ._-");
    if (!is_address(control_word(data, "address", "")))
        return problem_set(problem, STATUS_USAGE,
                           "hello: a host's address is a number with its port: 192.0.2.7:7000");
    if (control_number(data, "protocol", CONTROL_PROTOCOL) != CONTROL_PROTOCOL)
        return problem_set(problem, STATUS_USAGE,
                           "hello: this gateway speaks protocol 1: both need the same ferry");
    return STATUS_OK;
}

static bool is_another_process(const struct gateway_host *host, const json_t *data)
{
    return host->pid != control_number(data, "pid", 0) ||
           host->pid_space != control_number(data, "pid_space", trunk_pid_space());
}

/* Whether it may have that place, and what it brings. */
static enum status judge_hello(const struct gateway_host *host, const json_t *data,
                               struct problem *problem)
{
    struct host_claim twin;

    if (host == NULL)
        return problem_set(problem, STATUS_REFUSED,
                           "hello: this gateway has no place for one more host");
    const char *taken = is_another_process(host, data) ? why_it_is_taken(host) : NULL;
    if (taken != NULL)
        return problem_set(problem, is_soon_known(host) ? STATUS_REFUSED : STATUS_USAGE, "%s",
                           taken);
    const struct gateway_host *other = find_twin(host, json_object_get(data, "guests"), &twin);
    if (other == NULL)
        return STATUS_OK;
    if (other->trunk == NULL)
        return problem_set(problem, STATUS_USAGE,
                           "hello: there is a guest %s already, at host %s, which is away: choose "
                           "another --guest, or --name %s, which gives up what was there",
                           twin.name, other->name, other->name);
    return problem_set(problem, STATUS_USAGE,
                       "hello: there is a guest %s already, at host %s: choose another --guest, or "
                       "none",
                       twin.name, other->name);
}

enum status gateway_host_comes(struct visitor *visitor, const json_t *data, struct problem *problem)
{
    struct gateway *gateway = visitor->gateway;
    const char *name = control_word(data, "name", "");
    struct gateway_host *host = NULL;
    char instance[17];
    enum status status = read_hello(data, problem);

    if (status == STATUS_OK) {
        host = place_for(gateway, name);
        status = judge_hello(host, data, problem);
    }
    if (status != STATUS_OK)
        return status;
    if (host->trunk != NULL) { /* it came back before its old trunk was seen to be broken */
        struct channel *old = host->trunk;
        gateway_host_leaves(host, "it has come back by another connection");
        channel_close(old, "its host has come back by another connection", true);
    }
    if (is_another_process(host, data) && strcmp(host->name, name) == 0) {
        if (!host->is_gone) /* of one that lives elsewhere nothing else tells that it has ended */
            crash(host);
        gateway_guests_part(host);
    }
    host->trunk = visitor->trunk;
    visitor->host = host;
    host->pid = control_number(data, "pid", 0);
    host->pid_space = control_number(data, "pid_space", trunk_pid_space());
    host->is_refusal_told = false;
    host->clock_rtt_ns = UINT64_MAX / 2;
    host->clock_ahead_ns = 0;
    snprintf(host->name, sizeof host->name, "%s", name);
    snprintf(host->address, sizeof host->address, "%s", control_word(data, "address", ""));
    watch_process(host);
    snprintf(instance, sizeof instance, "%016llx", (unsigned long long)gateway->instance);
    trunk_put_message(&host->out, control_return(json_pack("{s:s}", "instance", instance), NULL));
    ask_clock(host);
    gateway_tell(gateway, 0, "host_joined",
                 json_pack("{s:s, s:s}", "name", host->name, "address", host->address));
    gateway_host_claims(host, json_object_get(data, "guests"));
    return STATUS_OK;
}

/* ---- The loop's turns ---- */

void gateway_hosts_watch(struct gateway *gateway)
{
    for (unsigned i = 0; i < GATEWAY_HOSTS; i++) {
        struct gateway_host *host = &gateway->hosts[i];
        if (host->trunk == NULL && !host->is_gone && has_ended(host))
            crash(host);
        if (host->trunk != NULL && !host->is_clock_asked &&
            gateway_now_ns() - host->clock_asked_ns >= CLOCK_ASKED_NS)
            ask_clock(host);
    }
    gateway_guests_watch(gateway);
}

void gateway_hosts_init(struct gateway *gateway)
{
    for (unsigned i = 0; i < GATEWAY_HOSTS; i++)
        gateway->hosts[i] = (struct gateway_host){.gateway = gateway, .number = i + 1, .pidfd = -1};
}

void gateway_hosts_fini(struct gateway *gateway)
{
    for (unsigned i = 0; i < GATEWAY_HOSTS; i++)
        forget_process(&gateway->hosts[i]);
}

/* ---- For the door ---- */

unsigned gateway_find_host(const struct gateway *gateway, const char *name)
{
    for (unsigned i = 0; i < GATEWAY_HOSTS; i++)
        if (gateway->hosts[i].name[0] != '\0' && strcmp(gateway->hosts[i].name, name) == 0)
            return i + 1;
    return 0;
}

unsigned gateway_other_host(const struct gateway *gateway, unsigned but)
{
    for (unsigned i = 0; i < GATEWAY_HOSTS; i++)
        if (gateway->hosts[i].trunk != NULL && i + 1 != but)
            return i + 1;
    return 0;
}

const char *gateway_host_name(const struct gateway *gateway, unsigned host)
{
    return host_of(gateway, host)->name;
}

bool gateway_is_host_here(const struct gateway *gateway, unsigned host)
{
    return host_of(gateway, host)->trunk != NULL;
}

const char *gateway_host_address(const struct gateway *gateway, unsigned host)
{
    return host_of(gateway, host)->address;
}

static json_t *claim_status(struct gateway *gateway, const struct host_claim *claim,
                            const struct gateway_host *host)
{
    const struct gateway_guest *guest = gateway_guest_named(gateway, claim->name);
    const char *state = claim->state;

    if (guest != NULL && host->trunk == NULL && gateway_guest_word(guest) != NULL)
        state = gateway_guest_word(guest);
    return json_pack("{s:s, s:s, s:I, s:I, s:I}", "name", claim->name, "state", state,
                     "memory_bytes", (json_int_t)claim->memory_bytes, "harts",
                     (json_int_t)claim->harts, "pages_missing", (json_int_t)claim->pages_missing);
}

static json_t *host_status(const struct gateway_host *host)
{
    json_t *guests = json_array();

    for (unsigned i = 0; i < host->claim_count; i++)
        json_array_append_new(guests, claim_status(host->gateway, &host->claims[i], host));
    return json_pack("{s:s, s:s, s:I, s:b, s:b, s:o}", "name", host->name, "address", host->address,
                     "pid", (json_int_t)host->pid, "is_here", host->trunk != NULL, "has_ended",
                     host->is_gone, "guests", guests);
}

json_t *gateway_hosts_status(const struct gateway *gateway)
{
    json_t *hosts = json_array();

    for (unsigned i = 0; i < GATEWAY_HOSTS; i++)
        if (gateway->hosts[i].name[0] != '\0')
            json_array_append_new(hosts, host_status(&gateway->hosts[i]));
    return hosts;
}
