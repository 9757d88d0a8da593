/* Real clients at a gateway: whatever they, their guest and the trunks do, each byte comes once. */
#include "live/gateway_stand.h"

static void a_client_is_answered(void **state)
{
    (void)state;
    both_hosts_come();
    client_comes(0);
    expect_echo(0, "hello");
    expect_echo(0, "again");
    assert_int_equal(count_events(EVENT_REQUEST_SENT), 2);
    assert_int_equal(count_events(EVENT_REQUEST_ANSWERED), 2);
    assert_int_equal(fixture.gateway->packets_again, 0);
    assert_int_equal(fixture.joined, 2);
}

static void a_client_may_come_before_its_guest(void **state)
{
    (void)state;
    client_comes(0);
    for (unsigned i = 0; i < 10; i++)
        turn();
    both_hosts_come();
    expect_echo(0, "hello");
}

/* Streams of random bytes, in pieces of random sizes, while the guest goes back and forth at random
 * instants: each byte comes back once, in its place. */
struct torrent {
    struct prng sent, heard; /* the same numbers, at two places */
    uint64_t sent_bytes, heard_bytes;
};

#define TORRENT_BYTES (400u << 10)

static void pour(unsigned idx, struct torrent *torrent, struct prng *sizes)
{
    uint8_t data[3000];
    size_t count = 1 + prng_below(sizes, sizeof data);
    struct prng ahead = torrent->sent;

    if (count > TORRENT_BYTES - torrent->sent_bytes)
        count = TORRENT_BYTES - torrent->sent_bytes;
    for (size_t i = 0; i < count; i++)
        data[i] = (uint8_t)prng_next(&ahead);
    ssize_t taken = count == 0 ? 0 : send(fixture.clients[idx], data, count, MSG_NOSIGNAL);
    if (taken < 0) {
        assert_int_equal(errno, EAGAIN);
        taken = 0;
    }
    prng_skip(&torrent->sent, (uint64_t)taken);
    torrent->sent_bytes += (uint64_t)taken;
}

static void drink(unsigned idx, struct torrent *torrent)
{
    uint8_t data[5000];
    ssize_t count = client_hears(idx, data, sizeof data);

    assert_true(count > 0 || (count < 0 && errno == EAGAIN));
    for (ssize_t i = 0; i < count; i++)
        assert_int_equal(data[i], (uint8_t)prng_next(&torrent->heard));
    torrent->heard_bytes += count > 0 ? (uint64_t)count : 0;
}

#define TORRENTS 6

static bool are_drunk(const struct torrent *torrents)
{
    for (unsigned i = 0; i < TORRENTS; i++)
        if (torrents[i].heard_bytes < TORRENT_BYTES)
            return false;
    return true;
}

static void bytes_come_once_whatever_the_guest_moves(void **state)
{
    struct torrent torrents[TORRENTS] = {0};
    struct prng prng;
    unsigned moves = 0, at = 0;
    (void)state;

    prng = prng_make(7, 0);
    both_hosts_come();
    for (unsigned i = 0; i < TORRENTS; i++) {
        torrents[i].sent = torrents[i].heard = prng_make(i, 1);
        client_comes(i);
    }
    while (!are_drunk(torrents)) {
        for (unsigned i = 0; i < TORRENTS; i++) {
            pour(i, &torrents[i], &prng);
            drink(i, &torrents[i]);
        }
        turn();
        if (prng_below(&prng, 4) == 0) {
            move_guest(&fixture.stubs[at], &fixture.stubs[1 - at], prng_below(&prng, 2) == 0);
            at = 1 - at;
            moves++;
        }
    }
    assert_true(moves > 20);
    assert_int_equal(fixture.gateway->clients_accepted, TORRENTS);
    assert_true(count_events(EVENT_STREAMS_REHOMED) > 20);
    assert_int_equal(fixture.rivals, 0);
}

/* What was on a broken trunk is lost, and neither end of a stream knows: it is sent again. */
static void a_broken_trunk_costs_no_byte(void **state)
{
    struct torrent torrents[TORRENTS] = {0};
    struct prng prng;
    unsigned cuts = 0;
    (void)state;

    prng = prng_make(8, 0);
    both_hosts_come();
    for (unsigned i = 0; i < TORRENTS; i++) {
        torrents[i].sent = torrents[i].heard = prng_make(i, 1);
        client_comes(i);
    }
    while (!are_drunk(torrents)) {
        for (unsigned i = 0; i < TORRENTS; i++) {
            pour(i, &torrents[i], &prng);
            drink(i, &torrents[i]);
        }
        turn();
        if (fixture.stubs[0].trunk == NULL) {
            stub_connect(&fixture.stubs[0]);
        } else if (fixture.stubs[0].is_welcome && prng_below(&prng, 6) == 0) {
            channel_close(fixture.stubs[0].trunk, "cut", true);
            cuts++;
        }
    }
    assert_true(cuts > 5);
    assert_int_equal(fixture.lost, 0);
}

static void each_end_closes_on_its_own(void **state)
{
    char heard[64];
    ssize_t count;
    (void)state;

    both_hosts_come();
    client_comes(0);
    expect_echo(0, "hello");
    assert_int_equal(send(fixture.clients[0], "last", 4, 0), 4);
    shutdown(fixture.clients[0], SHUT_WR);
    turn_until((count = client_hears(0, heard, sizeof heard)) > 0);
    assert_int_equal(count, 4);
    turn_until((count = client_hears(0, heard, sizeof heard)) == 0);
    assert_int_equal(fixture.guest->ended, 1);
    turn_until(talking() == 0);
    client_comes(1);
    expect_echo(1, "the slot is free again");
}

static void a_reset_is_an_end(void **state)
{
    const struct linger at_once = {.l_onoff = 1};
    (void)state;

    both_hosts_come();
    client_comes(0);
    expect_echo(0, "hello");
    setsockopt(fixture.clients[0], SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(fixture.clients[0]);
    fixture.clients[0] = -1;
    turn_until(fixture.guest->ended == 1);
    turn_until(fixture.gateway->guests[0].clients[0].state == CLIENT_FREE);
}

/* Connections that come and go while the guest moves: a number is never of two at a time. */
static void short_connections_survive_moves(void **state)
{
    struct prng prng;
    unsigned at = 0;
    (void)state;

    prng = prng_make(3, 0);
    both_hosts_come();
    for (unsigned i = 0; i < 150; i++) {
        char text[16], heard[16];
        ssize_t count;
        client_comes(0);
        snprintf(text, sizeof text, "number %u", i);
        assert_int_equal(send(fixture.clients[0], text, strlen(text), 0), strlen(text));
        shutdown(fixture.clients[0], SHUT_WR);
        for (uint64_t turns = prng_below(&prng, 8); turns > 0; turns--)
            turn();
        move_guest(&fixture.stubs[at], &fixture.stubs[1 - at], prng_below(&prng, 2) == 0);
        at = 1 - at;
        turn_until((count = client_hears(0, heard, sizeof heard)) > 0);
        assert_int_equal(count, strlen(text));
        assert_memory_equal(heard, text, strlen(text));
        turn_until((count = client_hears(0, heard, sizeof heard)) == 0);
        close(fixture.clients[0]);
        fixture.clients[0] = -1;
    }
    assert_int_equal(fixture.guest->ended, 150);
}

static void more_clients_than_streams_wait(void **state)
{
    (void)state;
    both_hosts_come();
    for (unsigned i = 0; i < CLIENTS; i++)
        client_comes(i);
    turn_until(talking() == MAILBOX_STREAMS);
    assert_int_equal(fixture.gateway->clients_accepted, MAILBOX_STREAMS);
    json_t *status = gateway_status(fixture.gateway);
    assert_true(json_is_true(json_object_get(json_object_get(status, "gateway"), "is_full")));
    json_decref(status);
    for (unsigned i = 0; i < CLIENTS; i++) { /* as each goes, another comes in */
        expect_echo(i, "hello");
        close(fixture.clients[i]);
        fixture.clients[i] = -1;
    }
    turn_until(talking() == 0);
    assert_int_equal(fixture.gateway->clients_accepted, CLIENTS);
}

/* Until nothing more of it goes anywhere; returns how much did. */
static uint64_t flood_a_client(void)
{
    uint64_t before;

    fixture.program = PROGRAM_FLOOD;
    both_hosts_come();
    client_comes(0);
    assert_int_equal(send(fixture.clients[0], "?", 1, 0), 1);
    turn_until(talking() == 1);
    do {
        before = fixture.guest->flooded;
        for (unsigned i = 0; i < 200; i++)
            turn();
    } while (fixture.guest->flooded > before || before == 0);
    return before;
}

/* Who does not read stops the guest's sending to him, and nobody else. */
static void a_slow_reader_costs_a_window(void **state)
{
    uint8_t heard[4096];
    (void)state;

    uint64_t before = flood_a_client();
    assert_true(fixture.guest->flooded < 32u << 20); /* the sockets' own buffers */
    struct client_socket *slow = fixture.gateway->guests[0].clients[0].socket;
    fixture.program = PROGRAM_ECHO;
    client_comes(1);
    expect_echo(1, "hello");
    uint64_t taken = 0;
    for (ssize_t count; (count = client_hears(0, heard, sizeof heard)) > 0;)
        taken += (uint64_t)count;
    slow->stalled_ns = gateway_now_ns() - 31 * NS_PER_S; /* it was the gateway that stood still */
    fixture.gateway->guests[0].touched |= 1;
    while (taken < before) {
        ssize_t count = client_hears(0, heard, sizeof heard);
        taken += count > 0 ? (uint64_t)count : 0;
        turn();
    }
    assert_int_equal(slow->stalled_ns, UINT64_MAX); /* it does read */
    assert_int_equal(fixture.dropped, 0);
}

/* For as long as others may need its number. */
static void who_never_reads_is_dropped(void **state)
{
    struct gateway_client *client = &fixture.gateway->guests[0].clients[0];
    (void)state;

    fixture.receive_bytes = 1024;
    flood_a_client();
    shutdown(fixture.clients[0], SHUT_WR); /* and the guest closes as well */
    turn_until(fixture.guest->ended == 1);
    for (unsigned i = 0; i < 100; i++)
        turn();
    assert_int_equal(talking(), 1);
    assert_true(client->socket->stalled_ns != UINT64_MAX);
    client->socket->stalled_ns = gateway_now_ns() - 31 * NS_PER_S;
    fixture.gateway->guests[0].touched |= 1;
    turn_until(client->state == CLIENT_FREE);
    assert_int_equal(fixture.dropped, 1);
    assert_int_equal(fixture.gateway->clients_dropped, 1);
}

static void a_slow_reader_hears_the_guest_to_its_end(void **state)
{
    struct gateway_client *client = &fixture.gateway->guests[0].clients[0];
    uint8_t heard[4096];
    size_t total = 0;
    ssize_t count;
    (void)state;

    fixture.program = PROGRAM_FAREWELL;
    fixture.receive_bytes = 1024;
    both_hosts_come();
    client_comes(0);
    assert_int_equal(send(fixture.clients[0], "?", 1, 0), 1);
    turn_until(client->socket != NULL && client->socket->shut_at_ns != UINT64_MAX);
    client->socket->shut_at_ns = gateway_now_ns() - 6 * NS_PER_S;
    fixture.gateway->guests[0].touched |= 1;
    turn_until(client->socket == NULL);
    while ((count = client_hears(0, heard, sizeof heard)) != 0) {
        assert_true(count > 0 || errno == EAGAIN);
        total += count > 0 ? (size_t)count : 0;
        turn();
    }
    assert_int_equal(total, FAREWELL_BYTES);
    assert_int_equal(fixture.dropped, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_client_is_answered),
        TEST(a_client_may_come_before_its_guest),
        TEST(bytes_come_once_whatever_the_guest_moves),
        TEST(a_broken_trunk_costs_no_byte),
        TEST(each_end_closes_on_its_own),
        TEST(a_reset_is_an_end),
        TEST(short_connections_survive_moves),
        TEST(more_clients_than_streams_wait),
        TEST(a_slow_reader_costs_a_window),
        TEST(who_never_reads_is_dropped),
        TEST(a_slow_reader_hears_the_guest_to_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
