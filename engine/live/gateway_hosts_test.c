/* Hosts at a gateway: who comes in, where packets go, and what strangers can say. */
#include "live/gateway_stand.h"

/* ---- Ways and words ---- */

/* The end of a move is told on the source's trunk, and the target's claim comes on another. */
static void move_through_tunnel(uint64_t tunnel_for_ns, bool is_end_first)
{
    struct stub *a = &fixture.stubs[0], *b = &fixture.stubs[1];

    both_hosts_come();
    client_comes(0);
    expect_echo(0, "hello");
    gateway_move_begins(fixture.gateway, "echo", 1, 2, tunnel_for_ns);
    if (is_end_first)
        gateway_move_ends(fixture.gateway, "echo");
    move_guest(a, b, false);
    assert_int_equal(send(fixture.clients[0], "?", 1, 0), 1);
    turn_until(a->dropped_packets > 0); /* here it would go on through the migration's stream */
    gateway_move_ends(fixture.gateway, "echo");
    assert_ptr_equal(fixture.gateway->guests[0].route, &fixture.gateway->hosts[0]);
}

static void a_tunnel_is_used_for_as_long_as_was_asked(void **state)
{
    (void)state;
    move_through_tunnel(NS_PER_S / 5, false);
    turn_until(count_events(EVENT_STREAMS_REHOMED) == 2);
    assert_ptr_equal(fixture.gateway->guests[0].route, &fixture.gateway->hosts[1]);
}

/* Its old host does not know whose a number is that was given to somebody later. */
static void who_comes_later_needs_no_tunnel(void **state)
{
    (void)state;
    move_through_tunnel(UINT64_MAX, true);
    client_comes(1);
    expect_echo(1, "talks to where the guest is");
    assert_ptr_equal(fixture.gateway->guests[0].route, &fixture.gateway->hosts[0]);
}

/* The guest that was to come through it is no more: what is begun there is another. */
static void a_tunnel_is_of_one_move(void **state)
{
    struct stub *a = &fixture.stubs[0], *b = &fixture.stubs[1];
    (void)state;

    both_hosts_come();
    gateway_move_begins(fixture.gateway, "echo", 1, 2, UINT64_MAX);
    gateway_move_ends(fixture.gateway, "echo"); /* it came to nothing */
    b->guest = a->guest;
    a->guest = NULL;
    a->half = "lost";
    claim(a);
    turn_until(fixture.lost == 1);
    a->half = NULL;
    claim(b);
    turn_until(fixture.gateway->guests[0].home == &fixture.gateway->hosts[1]);
    assert_ptr_equal(fixture.gateway->guests[0].route, &fixture.gateway->hosts[1]);
}

/* Two guests, two doors: and no number is of both. */
static void several_guests_share_the_numbers(void **state)
{
    struct program_state *second = calloc(1, sizeof *second);
    struct problem problem = {0};
    (void)state;

    assert_non_null(second);
    mailbox_init(&second->mailbox);
    assert_int_equal(mailbox_listen(&second->mailbox, PORT), 0);
    fixture.stubs[1].guest = second;
    fixture.stubs[1].guest_name = "other";
    assert_int_equal(gateway_listen(fixture.gateway, "127.0.0.1:0=other", &problem), STATUS_OK);
    both_hosts_come();
    for (unsigned i = 0; i < MAILBOX_STREAMS; i++) {
        client_comes_to(i % 2, i);
        expect_echo(i, "hello");
    }
    uint64_t used[2] = {0};
    for (unsigned guest = 0; guest < 2; guest++)
        for (unsigned i = 0; i < MAILBOX_STREAMS; i++)
            if (fixture.gateway->guests[guest].clients[i].state == CLIENT_TALKING)
                used[guest] |= 1ull << i;
    assert_int_equal(__builtin_popcountll(used[0]), MAILBOX_STREAMS / 2);
    assert_int_equal(used[0] & used[1], 0);
    assert_int_equal(used[0] | used[1], UINT64_MAX);
    assert_int_equal(gateway_guest_clients(fixture.gateway, "other"), MAILBOX_STREAMS / 2);
    for (unsigned i = 0; i < MAILBOX_STREAMS; i++)
        assert_int_equal(gateway_is_client_of(fixture.gateway, i, "other"), used[1] >> i & 1);
    assert_false(gateway_is_client_of(fixture.gateway, MAILBOX_STREAMS, "other"));
    client_comes_to(0, MAILBOX_STREAMS); /* there is no number for it */
    for (unsigned i = 0; i < 50; i++)
        turn();
    assert_int_equal(fixture.gateway->clients_accepted, MAILBOX_STREAMS);
    close(fixture.clients[0]); /* the same guest may use that one again at once */
    fixture.clients[0] = -1;
    expect_echo(MAILBOX_STREAMS, "and now there is");
    fixture.stubs[1].guest = NULL;
    free(second);
}

static const char *answered;

static void answer(void *owner, const struct control_message *reply)
{
    *(unsigned *)owner += 1;
    answered = reply == NULL ? "gone" : reply->kind == CONTROL_RETURN ? "return" : "error";
}

static void questions_are_answered_once(void **state)
{
    unsigned answers = 0;
    (void)state;

    both_hosts_come();
    assert_int_equal(gateway_find_host(fixture.gateway, "B"), 2);
    assert_int_equal(gateway_find_host(fixture.gateway, "C"), 0);
    assert_int_equal(gateway_other_host(fixture.gateway, 2), 1);
    assert_true(gateway_ask(fixture.gateway, 2, "dance", NULL, answer, &answers));
    turn_until(answers == 1);
    assert_string_equal(answered, "return");
    assert_true(gateway_ask(fixture.gateway, 1, "dance", NULL, answer, &answers));
    channel_close(fixture.stubs[0].trunk, "cut", true);
    turn_until(answers == 2);
    assert_string_equal(answered, "gone");
    assert_false(gateway_ask(fixture.gateway, 1, "dance", NULL, answer, &answers));
}

static void a_host_that_does_not_answer_harms_itself(void **state)
{
    unsigned answers = 0;
    (void)state;

    fixture.stubs[0].is_mute = true;
    both_hosts_come();
    turn_until(fixture.stubs[0].clock_questions == 1);
    for (unsigned i = 0; i < 100; i++) { /* seconds pass */
        fixture.gateway->hosts[0].clock_asked_ns = gateway_now_ns() - 2 * NS_PER_S;
        gateway_hosts_watch(fixture.gateway);
        turn();
    }
    assert_int_equal(fixture.stubs[0].clock_questions, 1);
    while (gateway_ask(fixture.gateway, 1, "dance", NULL, answer, &answers))
        ;
    assert_true(gateway_ask(fixture.gateway, 2, "dance", NULL, answer, &answers));
    turn_until(answers == 1);
    channel_close(fixture.stubs[0].trunk, "cut", true);
    turn_until(answers > 1);
    assert_string_equal(answered, "gone");
    fixture.stubs[0].is_mute = false;
    stub_connect(&fixture.stubs[0]); /* then it is asked anew */
    turn_until(!fixture.gateway->hosts[0].is_clock_asked &&
               fixture.gateway->hosts[0].clock_rtt_ns < UINT64_MAX / 4);
}

static void a_name_is_taken_once(void **state)
{
    struct stub *a = &fixture.stubs[0], *b = &fixture.stubs[1];
    (void)state;

    b->name = "A";
    a->pid = (uint64_t)getpid();
    b->pid = (uint64_t)getppid();
    stub_connect(a);
    turn_until(a->is_welcome);
    stub_connect(b);
    turn_until(b->trunk == NULL);
    assert_string_equal(b->reason,
                        "hello: a host of that name is here already: choose another --name");
    assert_false(b->may_come_again);
    b->pid = a->pid; /* the same process, by a new connection: the old one is broken, then */
    stub_connect(b);
    turn_until(b->is_welcome && a->trunk == NULL);
    assert_string_equal(fixture.last_reason, "it has come back by another connection");
}

static void expect_that_it_is_away(struct stub *stub)
{
    stub->reason[0] = '\0';
    stub_connect(stub);
    turn_until(stub->is_welcome || stub->trunk == NULL);
    assert_non_null(strstr(stub->reason, "is away, and may come back"));
}

static void comes_in(struct stub *stub)
{
    stub_connect(stub);
    turn_until(stub->is_welcome);
}

/* It has a guest, and nobody has seen it end. */
static void a_name_is_not_taken_from_a_host_that_is_away(void **state)
{
    struct stub *a = &fixture.stubs[0], *b = &fixture.stubs[1];
    pid_t pid = sleeper();
    (void)state;

    b->name = "A";
    a->pid = (uint64_t)pid;
    b->pid = (uint64_t)getpid();
    comes_in(a);
    channel_close(a->trunk, "cut", true);
    turn_until(fixture.left == 1);
    fixture.gateway->hosts[0].left_ns = 0; /* however long: its process lives */
    expect_that_it_is_away(b);
    assert_false(b->may_come_again);
    comes_in(a);
    client_comes(0);
    expect_echo(0, "hello");
    channel_close(a->trunk, "cut", true);
    end_sleeper(pid);
    comes_in(b); /* it is started anew */
    turn_until(fixture.lost == 1);
}

/* There it is not seen to live: but it would be back by now. */
static void nor_from_one_elsewhere_for_as_long_as_it_may_need(void **state)
{
    struct stub *a = &fixture.stubs[0], *b = &fixture.stubs[1];
    (void)state;

    b->name = "A";
    a->pid = b->pid = 1; /* as it is in every container */
    a->is_in_container = true;
    comes_in(a);
    channel_close(a->trunk, "cut", true);
    turn_until(fixture.left == 1);
    fixture.gateway->hosts[0].left_ns = gateway_now_ns() + HANG_NS; /* no second passes */
    expect_that_it_is_away(b);
    assert_true(b->may_come_again);
    assert_int_equal(fixture.lost, 0);
    fixture.gateway->hosts[0].left_ns = 0; /* seconds pass */
    comes_in(b);
    turn_until(fixture.lost == 1);
}

/* Else clients would go to one of two that have nothing in common but the name. */
static void a_guest_is_started_once(void **state)
{
    struct stub *a = &fixture.stubs[0], *b = &fixture.stubs[1];
    (void)state;

    a->pid = (uint64_t)getpid();
    stub_connect(a);
    turn_until(a->is_welcome);
    b->half = "running";
    stub_connect(b);
    turn_until(b->trunk == NULL);
    assert_string_equal(b->reason,
                        "hello: there is a guest echo already, at host A: choose another "
                        "--guest, or none");
    assert_false(b->may_come_again);
    b->half = "ended"; /* but it may have an old one's word */
    stub_connect(b);
    turn_until(b->is_welcome);
    a->is_welcome = false; /* and whoever has it may come again */
    stub_connect(a);
    turn_until(a->is_welcome);
}

/* Nobody waits for a name to be looked up, and nobody's terminal is written to. */
static void a_host_has_a_plain_address(void **state)
{
    static const struct {
        const char *address;
        bool is_good;
    } rows[] = {{"192.0.2.7:7000", true}, {"[::1]:7000", true},      {"", true},
                {"/tmp/a", true},         {"localhost:7000", false}, {"[face]:7000", false},
                {"192.0.2.7", false},     {"/tmp/\033[2J", false},   {"/tmp/a b", false},
                {"1.2.3.4:70000", false}, {"[::1%\a]:7000", false},  {"\xc3\xa9:1", false}};
    struct stub *a = &fixture.stubs[0];
    (void)state;

    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        a->address = rows[i].address;
        a->reason[0] = '\0';
        stub_connect(a);
        turn_until(a->is_welcome || (a->trunk == NULL && *a->reason != '\0'));
        if (a->is_welcome != rows[i].is_good)
            fail_msg("\"%s\": %s", rows[i].address, a->reason);
        if (!a->is_welcome)
            assert_non_null(strstr(a->reason, "a number with its port"));
        if (a->trunk != NULL)
            channel_close(a->trunk, "cut", true);
        turn_until(a->trunk == NULL && fixture.left == fixture.joined);
    }
}

/* Only those that have a guest, or may have, keep their places. */
static void names_of_hosts_that_are_gone_take_no_place(void **state)
{
    static char names[3 * GATEWAY_HOSTS][8];
    struct stub *stub = &fixture.stubs[1];
    (void)state;

    stub_connect(&fixture.stubs[0]);
    turn_until(fixture.stubs[0].is_welcome);
    for (unsigned i = 0; i < 3 * GATEWAY_HOSTS; i++) {
        snprintf(names[i], sizeof names[i], "h%u", i);
        stub->name = names[i];
        stub_connect(stub);
        turn_until(stub->is_welcome || stub->trunk == NULL);
        if (!stub->is_welcome)
            fail_msg("%s: %s", names[i], stub->reason);
        channel_close(stub->trunk, "", true);
        turn_until(stub->trunk == NULL && fixture.left == i + 1);
    }
    assert_int_equal(gateway_find_host(fixture.gateway, "A"), 1);
    assert_int_not_equal(gateway_find_host(fixture.gateway, names[3 * GATEWAY_HOSTS - 1]), 0);
    channel_close(fixture.stubs[0].trunk, "", true);
    turn_until(fixture.stubs[0].trunk == NULL && fixture.left == 3 * GATEWAY_HOSTS + 1);
    stub->name = "late";
    stub_connect(stub);
    turn_until(stub->is_welcome);
    assert_int_equal(gateway_find_host(fixture.gateway, "A"), 1); /* it may still have the guest */
}

static void trash_harms_only_its_sender(void **state)
{
    const struct trunk_call call = {.stream_idx = 1, .port = 1, .guest = "kv"};
    struct stub *a = &fixture.stubs[0], *b = &fixture.stubs[1];
    struct event event = {.kind = EVENT_PHASE_CHANGED, .phase_changed = {PHASE_COUNT}};
    (void)state;

    stub_connect(a);
    turn_until(a->is_welcome);
    client_comes(0);
    for (unsigned kind = 0; kind < 5; kind++) {
        b->is_welcome = false;
        stub_connect(b);
        turn_until(b->is_welcome);
        if (kind == 0)
            bytes_put(&b->out, "GET / HTTP/1.1\r\n\r\n", 18);
        else if (kind == 1)
            trunk_put_talk(&b->out, "{\"event\": ");
        else if (kind == 2)
            (void)trunk_put_events(&b->out, "0123456789abcdef0123456789abcdef", &event, 1);
        else if (kind == 3)
            trunk_put_call(&b->out, TRUNK_CONNECT, &call); /* that is the gateway's to say */
        else
            frame_end(&b->out, frame_begin(&b->out, FRAME_PAGES, 0));
        turn_until(b->trunk == NULL);
        expect_echo(0, "hello");
    }
    assert_true(a->is_welcome);
}

/* A text of somebody's that is cut to fit may end within a letter. */
static void a_reason_is_told_whatever_is_in_it(void **state)
{
    struct stub *a = &fixture.stubs[0];
    (void)state;

    stub_connect(a);
    turn_until(a->is_welcome);
    trunk_put_talk(&a->out,
                   "{\"execute\": \"x\", \"a key of 39 letters and one of two byte\xc3\xa9s\": 1}");
    turn_until(fixture.left == 1);
    assert_non_null(strstr(fixture.last_reason, "belongs to no command"));
}

static void tell(struct stub *stub, const char *event, const char *guest)
{
    put_talk(stub, control_event(event, json_pack("{s:s}", "guest", guest), 0));
}

/* What the gateway sees itself nobody tells it, and of a guest speaks its host. */
static void a_host_tells_of_its_own(void **state)
{
    struct stub *a = &fixture.stubs[0], *b = &fixture.stubs[1];
    (void)state;

    both_hosts_come();
    tell(b, "guest_lost", "echo");
    tell(b, "host_left", "echo");
    tell(b, "guest_ended", "echo");
    tell(b, "console", "echo");
    tell(b, "", "echo");
    tell(b, "console", "");
    put_talk(b, control_event("console", NULL, 0));
    tell(b, "progress", "echo"); /* of a move whoever ordered it knows more */
    turn_until(fixture.told_by_hosts > 0);
    tell(a, "guest_ended", "echo");
    tell(a, "console", "echo");
    turn_until(fixture.told_by_hosts > 2);
    assert_int_equal(fixture.told_by_hosts, 3);
    assert_int_equal(fixture.lost + fixture.left, 0);
}

static void what_no_line_holds_is_not_told(void **state)
{
    struct stub *a = &fixture.stubs[0];
    char *text = malloc(CONTROL_LINE_MAX);
    (void)state;

    assert_non_null(text);
    memset(text, 'x', CONTROL_LINE_MAX - 1);
    text[CONTROL_LINE_MAX - 1] = '\0';
    both_hosts_come();
    put_talk(a,
             control_event("console", json_pack("{s:s, s:s}", "guest", "echo", "text", text), 0));
    turn_until(fixture.left == 1 && a->trunk == NULL);
    assert_int_equal(fixture.told_by_hosts, 0);
    assert_string_equal(fixture.last_reason,
                        "it tells more than a line of the control protocol holds");
    stub_connect(a);
    turn_until(a->is_welcome);
    text[CONTROL_LINE_MAX - 1000] = '\0';
    put_talk(a,
             control_event("console", json_pack("{s:s, s:s}", "guest", "echo", "text", text), 0));
    turn_until(fixture.told_by_hosts == 1);
    free(text);
}

/* ---- Addresses ---- */

static void addresses_are_judged(void **state)
{
    struct problem problem = {0};
    (void)state;

    expect_refusal("127.0.0.1", "is no address");
    expect_refusal("0.0.0.0:0", "without a key");
    expect_refusal("127.0.0.1:0=kv/0", "is no port");
    expect_refusal("127.0.0.1:0=kv/70000", "is no port");
    expect_refusal("127.0.0.1:0=", "1 to 63 characters");
    expect_refusal("/tmp/socket", "clients come by TCP");
    expect_refusal(gateway_clients_address(fixture.gateway, 0), "somebody listens there already");
    assert_int_equal(gateway_listen(fixture.gateway, "127.0.0.1:0=echo/7", &problem), STATUS_OK);
    assert_int_equal(fixture.gateway->listeners[1].port, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_tunnel_is_used_for_as_long_as_was_asked),
        TEST(who_comes_later_needs_no_tunnel),
        TEST(a_tunnel_is_of_one_move),
        TEST(several_guests_share_the_numbers),
        TEST(questions_are_answered_once),
        TEST(a_host_that_does_not_answer_harms_itself),
        TEST(a_name_is_taken_once),
        TEST(a_name_is_not_taken_from_a_host_that_is_away),
        TEST(nor_from_one_elsewhere_for_as_long_as_it_may_need),
        TEST(a_guest_is_started_once),
        TEST(a_host_has_a_plain_address),
        TEST(names_of_hosts_that_are_gone_take_no_place),
        TEST(trash_harms_only_its_sender),
        TEST(a_reason_is_told_whatever_is_in_it),
        TEST(a_host_tells_of_its_own),
        TEST(what_no_line_holds_is_not_told),
        TEST(addresses_are_judged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
