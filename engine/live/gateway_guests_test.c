/* Guests at a gateway: whom it believes, and who is lost. */
#include "live/gateway_stand.h"

static void a_guest_is_lost_with_its_process(void **state)
{
    char heard[8];
    ssize_t count;
    pid_t pid = sleeper();
    (void)state;

    fixture.stubs[0].pid = (uint64_t)pid;
    both_hosts_come();
    client_comes(0);
    expect_echo(0, "hello");
    channel_close(fixture.stubs[0].trunk, "cut", true);
    turn_until(fixture.left == 1);
    for (unsigned i = 0; i < 100; i++)
        turn();
    assert_int_equal(fixture.gateway->guests[0].state, GUEST_AWAY); /* it lives, and may be back */
    kill(pid, SIGKILL);
    turn_until(fixture.gateway->hosts[0].is_gone);
    assert_int_equal(fixture.lost, 0); /* another may be about to say that it has it */
    turn_until(fixture.lost == 1);
    waitpid(pid, NULL, 0);
    turn_until((count = client_hears(0, heard, sizeof heard)) == 0 ||
               (count < 0 && errno == ECONNRESET));
    bool is_known;
    const char *name = NULL;
    assert_int_equal(gateway_find_guest(fixture.gateway, &name, &is_known), 0);
    assert_true(is_known);
    json_t *status = gateway_status(fixture.gateway);
    const json_t *host = json_array_get(json_object_get(status, "hosts"), 0);
    assert_true(json_is_true(json_object_get(host, "has_ended")));
    const json_t *lost = json_array_get(json_object_get(status, "lost"), 0);
    assert_string_equal(control_word(lost, "guest", ""), name);
    assert_string_not_equal(control_word(lost, "reason", ""), "");
    json_decref(status);
}

/* It died when it had just said hello: there is no process to be watched any more. */
static void a_host_that_is_dead_already_is_lost(void **state)
{
    pid_t pid = sleeper();
    (void)state;

    end_sleeper(pid);
    fixture.stubs[0].pid = (uint64_t)pid;
    both_hosts_come();
    client_comes(0);
    expect_echo(0, "hello"); /* as long as its trunk stands it is believed */
    channel_close(fixture.stubs[0].trunk, "cut", true);
    turn_until(fixture.lost == 1);
    turn_until(talking() == 0);
}

/* There the number is another's, or nobody's: it says nothing of the host. */
static void a_host_in_a_container_is_not_judged_by_its_pid(void **state)
{
    pid_t pid = sleeper();
    (void)state;

    end_sleeper(pid);
    fixture.stubs[0].pid = (uint64_t)pid;
    fixture.stubs[0].is_in_container = true;
    both_hosts_come();
    channel_close(fixture.stubs[0].trunk, "cut", true);
    turn_until(fixture.left == 1);
    gateway_hosts_watch(fixture.gateway);
    assert_false(fixture.gateway->hosts[0].is_gone);
    assert_int_equal(fixture.gateway->guests[0].state, GUEST_AWAY);
}

/* The source dies after COMMIT: the target's claim may be late, and half of the guest is there. */
static void a_target_may_still_claim(void **state)
{
    pid_t pid = sleeper();
    (void)state;

    fixture.stubs[0].pid = (uint64_t)pid;
    fixture.stubs[1].half = "moving";
    both_hosts_come();
    client_comes(0);
    expect_echo(0, "hello");
    gateway_move_begins(fixture.gateway, "echo", 1, 2, 0);
    host_dies(&fixture.stubs[0], pid);
    turn_until(fixture.gateway->hosts[0].is_gone);
    fixture.gateway->guests[0].missing_since_ns =
        fixture.gateway->guests[0].missing_since_ns == UINT64_MAX ? UINT64_MAX : 0;
    for (unsigned i = 0; i < 100; i++)
        turn();
    assert_int_equal(fixture.lost, 0);
    fixture.stubs[1].half = NULL;
    fixture.stubs[1].guest = fixture.guest;
    fixture.stubs[0].guest = NULL;
    fixture.stubs[1].moves = 1;
    mailbox_rehome(&fixture.guest->mailbox);
    claim(&fixture.stubs[1]);
    expect_echo(0, "over there");
    assert_int_equal(count_events(EVENT_HOST_CRASHED), 1);
    assert_int_equal(count_events(EVENT_MIGRATION_ENDED), 0);
}

/* Its computer was begun anew, and the host, with its guest, by the same command. */
static void begin_anew(bool is_elsewhere)
{
    struct stub *stub = &fixture.stubs[0];
    char heard[8];
    ssize_t count;
    pid_t pid = sleeper();

    stub->pid = (uint64_t)pid;
    stub->is_in_container = is_elsewhere;
    both_hosts_come();
    client_comes(0);
    expect_echo(0, "hello");
    host_dies(stub, pid);
    turn_until(fixture.left == 1);
    fixture.gateway->hosts[0].left_ns = 0;
    stub->pid = (uint64_t)getpid();
    mailbox_init(&fixture.guest->mailbox);
    assert_int_equal(mailbox_listen(&fixture.guest->mailbox, PORT), 0);
    stub_connect(stub);
    turn_until(stub->is_welcome);
    turn_until((count = client_hears(0, heard, sizeof heard)) == 0 ||
               (count < 0 && errno == ECONNRESET));
    assert_int_equal(fixture.lost, 1);
    client_comes(1);
    expect_echo(1, "new");
}

static void a_guest_that_was_begun_anew_has_no_clients_yet(void **state)
{
    (void)state;
    begin_anew(true);
}

static void nor_has_it_on_this_computer(void **state)
{
    (void)state;
    begin_anew(false);
}

/* Whoever begins it at another host is told of the name that gives up what was there. */
static void the_guest_of_a_host_that_is_away_is_taken(void **state)
{
    struct stub *away = &fixture.stubs[0], *other = &fixture.stubs[1];
    (void)state;

    away->pid = 100;
    away->is_in_container = true;
    stub_connect(away);
    turn_until(away->is_welcome);
    channel_close(away->trunk, "cut", true);
    turn_until(fixture.left == 1);
    away->guest = NULL;
    other->guest = fixture.guest;
    stub_connect(other);
    turn_until(other->trunk == NULL);
    assert_false(other->is_welcome);
    assert_non_null(strstr(other->reason, "--name A"));
}

static void a_move_whose_halves_are_gone_is_lost(void **state)
{
    pid_t pid = sleeper();
    (void)state;

    fixture.stubs[0].pid = (uint64_t)pid;
    fixture.stubs[1].half = "moving";
    both_hosts_come();
    gateway_move_begins(fixture.gateway, "echo", 1, 2, 0);
    host_dies(&fixture.stubs[0], pid);
    turn_until(fixture.gateway->hosts[0].is_gone);
    fixture.stubs[1].half = NULL; /* it forgets its half */
    claim(&fixture.stubs[1]);
    turn_until(fixture.lost == 1);
    turn();
    assert_int_equal(count_events(EVENT_MIGRATION_ENDED), 1);
}

/* The source dies after the switch: its pages are nowhere. The guest runs on until it needs one. */
static void a_guest_that_waits_in_vain_is_forgotten(void **state)
{
    struct stub *b = &fixture.stubs[1];
    pid_t pid = sleeper();
    (void)state;

    fixture.stubs[0].pid = (uint64_t)pid;
    both_hosts_come();
    client_comes(0);
    expect_echo(0, "hello");
    gateway_move_begins(fixture.gateway, "echo", 1, 2, 0);
    b->pages_missing = 100;
    move_guest(&fixture.stubs[0], b, false);
    expect_echo(0, "over there");
    host_dies(&fixture.stubs[0], pid);
    turn_until(fixture.gateway->guests[0].is_orphan_asked);
    turn_until(!fixture.gateway->guests[0].is_orphan_asked); /* it was asked, and runs */
    expect_echo(0, "still there");
    assert_string_equal(b->command, "");
    assert_int_equal(fixture.ended_moves, 1);
    b->half = "waiting"; /* the gateway is not told so: it asks */
    turn_until(strcmp(b->command, "forget") == 0);
    assert_int_equal(fixture.lost, 0);
    b->guest = NULL;
    b->half = NULL;
    claim(b);
    turn_until(fixture.lost == 1);
}

/* A host is away when the one with the rest of the guest's pages ends: when it is back, it waits. */
static void end_while_the_other_is_away(bool has_told)
{
    struct stub *a = &fixture.stubs[0], *b = &fixture.stubs[1];
    struct gateway_guest *guest = &fixture.gateway->guests[0];
    pid_t pid = sleeper();

    a->pid = (uint64_t)pid;
    both_hosts_come();
    gateway_move_begins(fixture.gateway, "echo", 1, 2, 0);
    b->pages_missing = 100;
    if (has_told) {
        move_guest(a, b, false);
        turn_until(guest->home == &fixture.gateway->hosts[1]);
    }
    channel_close(b->trunk, "cut", true);
    turn_until(fixture.left == 1);
    b->guest = fixture.guest;
    b->half = "waiting";
    host_dies(a, pid);
    turn_until(guest->orphan_look_ns != UINT64_MAX);
    uint64_t first_ns = guest->orphan_look_ns; /* B is away at some more of them */
    turn_until(guest->orphan_look_ns > first_ns + GATEWAY_GRACE_NS);
    assert_int_equal(fixture.lost, 0);
    stub_connect(b);
    turn_until(strcmp(b->command, "forget") == 0);
    b->guest = NULL;
    b->half = NULL;
    claim(b);
    turn_until(fixture.lost == 1);
    turn();
    assert_int_equal(count_events(EVENT_MIGRATION_ENDED), 1);
}

static void a_half_at_a_host_that_is_away_is_looked_at_later(void **state)
{
    (void)state;
    end_while_the_other_is_away(true);
}

static void nor_is_a_half_missed_that_nobody_had_told_of(void **state)
{
    (void)state;
    end_while_the_other_is_away(false);
}

/* Of one that has ended there is nothing to be forgotten. */
static void an_ended_guest_is_no_half(void **state)
{
    struct stub *a = &fixture.stubs[0], *b = &fixture.stubs[1];
    pid_t pid = sleeper();
    (void)state;

    a->pid = (uint64_t)pid;
    b->half = "ended";
    both_hosts_come();
    gateway_move_begins(fixture.gateway, "echo", 1, 2, 0);
    host_dies(a, pid);
    turn_until(fixture.gateway->guests[0].orphan_look_ns != UINT64_MAX);
    turn_until(fixture.gateway->guests[0].orphan_look_ns == UINT64_MAX);
    assert_string_equal(b->command, "");
}

/* It lives on another computer, where nobody sees it end; but another process has come in its place. */
static void a_host_that_comes_back_as_another_process_has_ended(void **state)
{
    struct stub *a = &fixture.stubs[0], *b = &fixture.stubs[1];
    (void)state;

    a->pid = 100;
    a->is_in_container = b->is_in_container = true;
    both_hosts_come();
    gateway_move_begins(fixture.gateway, "echo", 1, 2, 0);
    b->pages_missing = 100;
    move_guest(a, b, false);
    turn_until(fixture.gateway->guests[0].home == &fixture.gateway->hosts[1]);
    b->half = "waiting";
    claim(b);
    channel_close(a->trunk, "cut", true);
    turn_until(fixture.left == 1);
    stub_connect(a); /* the same process: it may still have what B lacks */
    turn_until(a->is_welcome);
    assert_int_equal(fixture.gateway->guests[0].orphan_look_ns, UINT64_MAX);
    channel_close(a->trunk, "cut", true);
    turn_until(fixture.left == 2);
    a->pid = 200;
    fixture.gateway->hosts[0].left_ns = 0; /* seconds pass */
    stub_connect(a);
    turn_until(strcmp(b->command, "forget") == 0);
    assert_int_equal(count_events(EVENT_HOST_CRASHED), 1);
    assert_true(gateway_is_host_here(fixture.gateway, 1));
    b->guest = NULL;
    b->half = NULL;
    claim(b);
    turn_until(fixture.lost == 1);
    turn();
    assert_int_equal(count_events(EVENT_MIGRATION_ENDED), 1);
}

/* This gateway never knew the host that had the rest of the guest's pages; nor does it come. */
static void a_guest_that_was_left_waiting_is_forgotten(void **state)
{
    struct stub *a = &fixture.stubs[0], *b = &fixture.stubs[1];
    struct gateway_guest *guest = &fixture.gateway->guests[0];
    (void)state;

    b->guest = a->guest;
    b->half = "waiting";
    b->moves = 1;
    b->pages_missing = 100;
    a->guest = NULL;
    a->half = "moving";
    both_hosts_come();
    gateway_guests_watch(fixture.gateway);
    assert_int_equal(guest->left_since_ns, UINT64_MAX); /* A has the rest */
    a->half = NULL;
    claim(a);
    turn_until(guest->left_since_ns != UINT64_MAX);
    guest->left_since_ns = 0; /* a minute passes */
    b->pages_missing = 99;    /* but somebody has sent one of them */
    claim(b);
    turn_until(guest->left_since_ns > 0);
    for (unsigned i = 0; i < 50; i++)
        turn();
    assert_string_equal(b->command, "");
    guest->left_since_ns = 0;
    turn_until(strcmp(b->command, "forget") == 0);
}

static void of_two_claims_the_later_is_right(void **state)
{
    (void)state;
    fixture.stubs[1].half = "running";
    fixture.stubs[1].moves = 1;
    both_hosts_come();
    turn_until(fixture.gateway->guests[0].home == &fixture.gateway->hosts[1]);
    turn_until(fixture.rivals == 1); /* and it is no small matter */
    fixture.stubs[1].half = NULL;
    claim(&fixture.stubs[1]);
    client_comes(0);
    expect_echo(0, "hello");
    assert_int_equal(fixture.rivals, 1);
}

/* Nobody has ordered it there, and more than one move cannot have been under way. */
static void a_claim_out_of_nowhere_does_not_count(void **state)
{
    struct stub *b = &fixture.stubs[1];
    (void)state;

    stub_connect(&fixture.stubs[0]);
    client_comes(0);
    expect_echo(0, "hello");
    b->half = "running";
    b->moves = INT64_MAX;
    stub_connect(b);
    turn_until(fixture.refused == 1);
    expect_echo(0, "to A");
    assert_int_equal(b->dropped_packets, 0);
    assert_ptr_equal(fixture.gateway->guests[0].home, &fixture.gateway->hosts[0]);
    b->moves = 1; /* that may be */
    claim(b);
    turn_until(fixture.gateway->guests[0].home == &fixture.gateway->hosts[1]);
    b->half = NULL;
    claim(b);
    turn_until(fixture.gateway->guests[0].home == &fixture.gateway->hosts[0]);
    gateway_move_begins(fixture.gateway, "echo", 1, 2, 0);
    gateway_move_ends(fixture.gateway, "echo"); /* it may be told before the claim */
    b->half = "running";
    b->moves = 9; /* one move was ordered */
    claim(b);
    turn_until(fixture.gateway->hosts[1].claims[0].move_count == 9);
    assert_ptr_equal(fixture.gateway->guests[0].home, &fixture.gateway->hosts[0]);
    b->moves = 1;
    claim(b);
    turn_until(fixture.gateway->guests[0].home == &fixture.gateway->hosts[1]);
    assert_int_equal(fixture.refused, 1);
    b->half = NULL;
    fixture.stubs[0].moves = 99; /* nobody else has it: better there than nowhere */
    claim(b);
    claim(&fixture.stubs[0]);
    expect_echo(0, "back at A");
}

/* It believes whom it meets; and a move that the one before has ordered may end now. */
static void a_new_gateway_believes_who_has_the_guest(void **state)
{
    (void)state;
    fixture.stubs[0].moves = 7;
    both_hosts_come();
    client_comes(0);
    expect_echo(0, "hello");
    move_guest(&fixture.stubs[0], &fixture.stubs[1], false);
    expect_echo(0, "over there");
    assert_int_equal(fixture.gateway->guests[0].move_count, 8);
    assert_int_equal(fixture.refused, 0);
}

/* Whoever is no more makes room; the first place is of whoever comes without being spoken of. */
static void places_of_guests_are_given_back(void **state)
{
    static const char *const names[] = {"one", "two", "three", "four", "five", "six"};
    const char *name;
    struct stub *b = &fixture.stubs[1];
    bool is_known;
    (void)state;

    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        fixture.stubs[0].guest_name = names[i];
        fixture.stubs[0].half = NULL;
        if (i == 0)
            both_hosts_come();
        claim(&fixture.stubs[0]);
        turn_until(gateway_guest_named(fixture.gateway, names[i]) == &fixture.gateway->guests[0]);
        client_comes(i);
        expect_echo(i, "hello");
        name = NULL;
        assert_int_equal(gateway_find_guest(fixture.gateway, &name, &is_known), 1);
        assert_string_equal(name, names[i]);
        fixture.stubs[0].half = "ended";
        claim(&fixture.stubs[0]);
        turn_until(talking() == 0);
        name = NULL;
        assert_int_equal(gateway_find_guest(fixture.gateway, &name, &is_known), 0);
        assert_true(is_known);
        mailbox_init(&fixture.guest->mailbox);
        assert_int_equal(mailbox_listen(&fixture.guest->mailbox, PORT), 0);
    }
    assert_int_equal(fixture.gateway->guest_count, 1);
    for (unsigned i = 0; i < sizeof names / sizeof names[0];
         i++) { /* halves that come to nothing */
        b->half = "moving";
        b->guest_name = names[i];
        claim(b);
        turn_until(gateway_guest_named(fixture.gateway, names[i]) != NULL);
    }
    assert_int_equal(fixture.gateway->guest_count, 1);
    assert_int_equal(fixture.refused, 0);
}

static void the_guest_that_is_there_is_meant(void **state)
{
    struct problem problem = {0};
    const char *name = NULL;
    bool is_known;
    (void)state;

    assert_int_equal(gateway_listen(fixture.gateway, "127.0.0.1:0=other", &problem), STATUS_OK);
    fixture.stubs[1].half = "running";
    fixture.stubs[1].guest_name = "other";
    both_hosts_come();
    assert_int_equal(gateway_find_guest(fixture.gateway, &name, &is_known), 0);
    assert_false(is_known); /* there are two */
    fixture.stubs[1].half = "ended";
    claim(&fixture.stubs[1]);
    turn_until(gateway_find_guest(fixture.gateway, &name, &is_known) == 1);
    assert_string_equal(name, "echo");
}

static void a_host_that_ends_in_order_is_named(void **state)
{
    (void)state;

    both_hosts_come();
    fixture.stubs[0].half = "lost";
    claim(&fixture.stubs[0]);
    turn_until(fixture.lost == 1);
    assert_string_equal(fixture.gateway->guests[0].why_lost, "host A has ended");
}

static void a_guest_too_many_is_told(void **state)
{
    static const char *const names[] = {"=one", "=two", "=three"};
    struct problem problem = {0};
    char words[40];
    (void)state;

    for (unsigned i = 0; i < 3; i++) {
        snprintf(words, sizeof words, "127.0.0.1:0%s", names[i]);
        assert_int_equal(gateway_listen(fixture.gateway, words, &problem), STATUS_OK);
    }
    fixture.stubs[1].half = "running";
    fixture.stubs[1].guest_name = "other";
    stub_connect(&fixture.stubs[0]);
    turn_until(fixture.stubs[0].is_welcome);
    stub_connect(&fixture.stubs[1]);
    turn_until(fixture.refused == 1);
    claim(&fixture.stubs[1]);
    for (unsigned i = 0; i < 50; i++)
        turn();
    assert_int_equal(fixture.refused, 1);
    expect_refusal("127.0.0.1:0=four", "at most 4 guests");
}

/* Where each listener names its guest, none is kept for a guest without a name. */
static void as_many_guests_are_named_as_it_knows(void **state)
{
    static const struct gateway_owner calls = {0};
    struct problem problem = {0};
    struct gateway *usual = fixture.gateway;
    char words[40];
    (void)state;

    assert_int_equal(
        gateway_open(&fixture.loop, "127.0.0.1:0", NULL, &calls, NULL, &fixture.gateway, &problem),
        STATUS_OK);
    for (unsigned i = 0; i < GATEWAY_GUESTS; i++) {
        snprintf(words, sizeof words, "127.0.0.1:0=guest%u", i);
        if (gateway_listen(fixture.gateway, words, &problem) != STATUS_OK)
            fail_msg("%s: %s", words, problem.text);
    }
    expect_refusal("127.0.0.1:0=another", "at most 4 guests");
    expect_refusal("127.0.0.1:0", "at most 4 guests");
    assert_int_equal(gateway_listen(fixture.gateway, "127.0.0.1:0=guest3/7", &problem), STATUS_OK);
    gateway_close(fixture.gateway);
    fixture.gateway = usual;
}

static void an_ended_guest_has_no_clients(void **state)
{
    char heard[8];
    (void)state;

    both_hosts_come();
    client_comes(0);
    expect_echo(0, "hello");
    fixture.stubs[0].half = "ended";
    claim(&fixture.stubs[0]);
    turn_until(client_hears(0, heard, sizeof heard) == 0 || errno == ECONNRESET);
    assert_int_equal(fixture.lost, 0);
    assert_int_equal(fixture.gateway->guests[0].state, GUEST_OVER);
    assert_string_equal(gateway_guest_end(fixture.gateway, "echo"), "has ended");
    assert_null(gateway_guest_end(fixture.gateway, "other"));
    client_comes(1); /* and whoever comes is not kept waiting */
    turn_until(fixture.gateway->clients_refused == 1);
    turn_until(client_hears(1, heard, sizeof heard) == 0 || errno == ECONNRESET);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_guest_is_lost_with_its_process),
        TEST(a_host_that_is_dead_already_is_lost),
        TEST(a_host_in_a_container_is_not_judged_by_its_pid),
        TEST(a_target_may_still_claim),
        TEST(a_guest_that_was_begun_anew_has_no_clients_yet),
        TEST(nor_has_it_on_this_computer),
        TEST(the_guest_of_a_host_that_is_away_is_taken),
        TEST(a_move_whose_halves_are_gone_is_lost),
        TEST(a_guest_that_waits_in_vain_is_forgotten),
        TEST(a_half_at_a_host_that_is_away_is_looked_at_later),
        TEST(nor_is_a_half_missed_that_nobody_had_told_of),
        TEST(an_ended_guest_is_no_half),
        TEST(a_host_that_comes_back_as_another_process_has_ended),
        TEST(a_guest_that_was_left_waiting_is_forgotten),
        TEST(of_two_claims_the_later_is_right),
        TEST(a_claim_out_of_nowhere_does_not_count),
        TEST(a_new_gateway_believes_who_has_the_guest),
        TEST(places_of_guests_are_given_back),
        TEST(the_guest_that_is_there_is_meant),
        TEST(a_host_that_ends_in_order_is_named),
        TEST(a_guest_too_many_is_told),
        TEST(as_many_guests_are_named_as_it_knows),
        TEST(an_ended_guest_has_no_clients),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
