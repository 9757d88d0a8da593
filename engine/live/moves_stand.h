/* moves_stand: who stands behind the door, for tests, with a gateway that is played here: two hosts, A with
 * the guest and B, which answer what a row of the test says. Include it once. */
#ifndef LIVE_MOVES_STAND_H
#define LIVE_MOVES_STAND_H

#include "base/units.h"
#include "live/knocking.h"
#include "live/moves_private.h"
#include "record/reading.h"

/* ---- The gateway that is played ---- */

struct asked {
    unsigned host;
    char command[32];
    char *arguments; /* as JSON */
    gateway_answer answer;
    void *owner;
};

static struct {
    struct asked asked[16];
    unsigned asked_count;
    bool is_a_away, has_ended, is_b_here, is_guest_known, is_moving;
    gateway_answer guests_answer; /* NULL: A is not asked for its guests */
    void *guests_owner;
    unsigned at;   /* where the guest is */
    char move[33]; /* that was ordered last */
    uint64_t tunnel_for_ns;
    char complaint[120];
} post;

json_t *gateway_status(const struct gateway *gateway)
{
    (void)gateway;
    return json_pack("{s:{s:i}, s:[]}", "gateway", "clients", 7, "hosts");
}

unsigned gateway_guest_clients(const struct gateway *gateway, const char *name)
{
    (void)gateway;
    return strcmp(name, "kv") == 0 ? 3 : 4;
}

bool gateway_is_client_of(const struct gateway *gateway, uint64_t client_idx, const char *name)
{
    (void)gateway;
    return (strcmp(name, "kv") == 0) == (client_idx < 3);
}

unsigned gateway_find_host(const struct gateway *gateway, const char *name)
{
    (void)gateway;
    return strcmp(name, "A") == 0 ? 1 : strcmp(name, "B") == 0 ? 2 : 0;
}

const char *gateway_host_name(const struct gateway *gateway, unsigned host)
{
    (void)gateway;
    return host == 1 ? "A" : "B";
}

bool gateway_is_host_here(const struct gateway *gateway, unsigned host)
{
    (void)gateway;
    return host == 1 ? !post.is_a_away : host == 2 && post.is_b_here;
}

const char *gateway_host_address(const struct gateway *gateway, unsigned host)
{
    (void)gateway;
    return host == 1 ? "127.0.0.1:1" : "127.0.0.1:2";
}

unsigned gateway_other_host(const struct gateway *gateway, unsigned but)
{
    (void)gateway;
    return but == 1 && post.is_b_here ? 2 : but == 2 ? 1 : 0;
}

unsigned gateway_find_guest(const struct gateway *gateway, const char **name, bool *is_known)
{
    (void)gateway;
    *is_known = *name == NULL || strcmp(*name, "kv") == 0;
    if (!*is_known || !post.is_guest_known)
        return 0;
    *name = "kv";
    return post.at;
}

const char *gateway_guest_end(const struct gateway *gateway, const char *name)
{
    (void)gateway;
    return post.has_ended && strcmp(name, "kv") == 0 ? "has ended" : NULL;
}

bool gateway_ask(struct gateway *gateway, unsigned host, const char *command, json_t *arguments,
                 gateway_answer answer, void *owner)
{
    (void)gateway;
    if (strcmp(command, "guests") == 0) {
        assert_int_equal(host, 1);
        assert_null(post.guests_answer);
        post.guests_answer = answer;
        post.guests_owner = owner;
        return true;
    }
    struct asked *asked = &post.asked[post.asked_count++];

    assert_true(post.asked_count <= 16);
    *asked = (struct asked){.host = host, .answer = answer, .owner = owner};
    snprintf(asked->command, sizeof asked->command, "%s", command);
    asked->arguments = json_dumps(arguments, JSON_COMPACT);
    if (strcmp(command, "migrate") == 0)
        snprintf(post.move, sizeof post.move, "%s", control_word(arguments, "move", ""));
    json_decref(arguments);
    return true;
}

void gateway_move_begins(struct gateway *gateway, const char *guest, unsigned source,
                         unsigned target, uint64_t tunnel_for_ns)
{
    (void)gateway;
    assert_string_equal(guest, "kv");
    assert_true(source != target);
    post.is_moving = true;
    post.tunnel_for_ns = tunnel_for_ns;
}

void gateway_move_ends(struct gateway *gateway, const char *guest)
{
    (void)gateway;
    assert_string_equal(guest, "kv");
    post.is_moving = false;
}

/* ---- The house ---- */

struct house {
    uv_loop_t loop;
    struct moves *moves;
    struct caller caller;
    char folder[64], path[CONTROL_PATH_MAX];
    unsigned quit_count;
};

static inline void said(void *owner, const char *line)
{
    (void)owner;
    fail_msg("said: %s", line);
}

static inline void quit(void *owner)
{
    struct house *house = owner;
    house->quit_count++;
}

static inline void complained(void *owner, const char *line)
{
    (void)owner;
    snprintf(post.complaint, sizeof post.complaint, "%s", line);
}

static const struct moves_owner calls = {.said = said, .complained = complained, .quit = quit};

static inline int open_house(void **state)
{
    struct house *house = calloc(1, sizeof *house);
    struct problem problem = {STATUS_OK, ""};

    memset(&post, 0, sizeof post);
    post.is_b_here = post.is_guest_known = true;
    post.at = 1;
    strcpy(house->folder, "/tmp/ferry_moves_test_XXXXXX");
    assert_non_null(mkdtemp(house->folder));
    snprintf(house->path, sizeof house->path, "%s/control", house->folder);
    assert_int_equal(uv_loop_init(&house->loop), 0);
    house->moves = moves_open(&house->loop, &calls, house);
    if (moves_serve(house->moves, NULL, house->path, &problem) != STATUS_OK)
        fail_msg("%s", problem.text);
    open_knocker(&house->loop, house->path, &house->caller);
    *state = house;
    return 0;
}

static inline int close_house(void **state)
{
    struct house *house = *state;

    moves_close(house->moves);
    caller_close(&house->caller);
    uv_run(&house->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&house->loop), 0);
    if (post.guests_answer != NULL)
        post.guests_answer(post.guests_owner, NULL);
    for (unsigned i = 0; i < post.asked_count; i++) {
        if (post.asked[i].answer != NULL) /* its host goes now: nobody waits for it any more */
            post.asked[i].answer(post.asked[i].owner, NULL);
        free(post.asked[i].arguments);
    }
    assert_int_equal(rmdir(house->folder), 0);
    free(house);
    return 0;
}

static inline void say(struct house *house, const char *line)
{
    assert_int_equal(send(caller_descriptor(&house->caller), line, strlen(line), 0), strlen(line));
    assert_int_equal(send(caller_descriptor(&house->caller), "\n", 1, 0), 1);
}

static inline void expect(struct house *house, const char *line, const char *answer)
{
    expect_answer(&house->loop, &house->caller, line, answer);
}

/* Until hosts have been asked so many things. */
static inline struct asked *await_asked(struct house *house, unsigned count)
{
    while (post.asked_count < count)
        uv_run(&house->loop, UV_RUN_NOWAIT);
    return &post.asked[count - 1];
}

/* The host's answer, as a line. */
static inline void answer(struct asked *asked, const char *line)
{
    struct control_message message;

    assert_non_null(asked->answer);
    gateway_answer call = asked->answer;
    asked->answer = NULL;
    assert_int_equal(control_read(line, strlen(line), &message, NULL), STATUS_OK);
    call(asked->owner, &message);
    control_message_fini(&message);
}

static inline void tell(struct house *house, unsigned host, const char *event, const char *data)
{
    json_t *value = json_loads(data, 0, NULL);

    assert_non_null(value);
    moves_calls.told(house->moves, host, event, value);
    json_decref(value);
}

static inline void happens_at(struct house *house, uint64_t at_ns, unsigned source,
                              enum event_kind kind, uint64_t a, uint64_t b)
{
    struct event event = {.at_ns = at_ns, .kind = kind, .fields = {a, b}};
    moves_calls.happened(house->moves, source, source == 0 ? NULL : post.move, &event, 1);
}

static inline void happens(struct house *house, unsigned source, enum event_kind kind, uint64_t a,
                           uint64_t b)
{
    happens_at(house, uv_hrtime(), source, kind, a, b);
}

/* The next message that is an event of that name. */
static inline json_t *await_event(struct house *house, const char *name)
{
    for (;;) {
        struct control_message message;
        assert_int_equal(hear_next(&house->loop, &house->caller, &message), CALLER_MESSAGE);
        bool is_it = message.kind == CONTROL_EVENT && strcmp(message.name, name) == 0;
        json_t *data = is_it ? json_incref(message.data) : NULL;
        control_message_fini(&message);
        if (is_it)
            return data;
    }
}

#define MIGRATE(arguments) "{\"execute\":\"migrate\",\"arguments\":{" arguments "}}"
#define LINK(arguments)    "{\"execute\":\"link\",\"arguments\":{" arguments "}}"

#define SCENARIO           "guest = kv\\nmode = hybrid\\nmemory = 256KiB\\nclients = 0\\n"

static inline void begin(struct house *house)
{
    say(house, MIGRATE("\"mode\":\"hybrid\",\"route\":\"tunnel\",\"tunnel-for\":\"2s\""));
    struct asked *asked = await_asked(house, 1);
    assert_int_equal(asked->host, 1);
    assert_string_equal(asked->command, "migrate");
    json_t *arguments = json_loads(asked->arguments, 0, NULL);
    assert_string_equal(control_word(arguments, "guest", ""), "kv");
    assert_string_equal(control_word(arguments, "to", ""), "B");
    assert_string_equal(control_word(arguments, "address", ""), "127.0.0.1:2");
    assert_string_equal(control_word(arguments, "mode", ""), "hybrid");
    assert_int_equal(strspn(control_word(arguments, "move", ""), "0123456789abcdef"), 32);
    json_decref(arguments);
    assert_true(post.is_moving);
    assert_int_equal(post.tunnel_for_ns, 2 * NS_PER_S);
    answer(asked, "{\"return\":{\"scenario\":\"" SCENARIO "\"}}");
    expect(house, "", "{\"return\":{\"id\":1}}");
    expect(house, "",
           "{\"event\":\"migration_started\",\"data\":{\"id\":1,\"guest\":\"kv\",\"from\":\"A\","
           "\"to\":\"B\",\"mode\":\"hybrid\"}");
}

#define IN_A_HOUSE(test) cmocka_unit_test_setup_teardown(test, open_house, close_house)

#endif
