/* A gateway with real clients on one side and stubs of hosts on the other, all on one loop: a stub
 * has a plain mailbox and a program of ten lines behind it. What is judged is bytes and counts; the
 * clock only ends a test that hangs. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/prng.h"
#include "base/units.h"
#include "live/address.h"
#include "live/gateway_private.h"

#define PORT    7
#define STUBS   2
#define CLIENTS 80
#define HANG_NS (60 * NS_PER_S)

/* ---- Stubs of hosts, and the guest that one of them has ---- */

enum program { PROGRAM_ECHO, PROGRAM_FLOOD };

/* What moves: mailboxes, and what the program keeps of each stream. */
struct program_state {
    struct mailbox mailbox;
    uint8_t held[MAILBOX_STREAMS][STREAM_WINDOW_BYTES];
    uint32_t held_count[MAILBOX_STREAMS];
    uint64_t flooded, ended;
};

struct stub {
    const char *name;
    struct channel *trunk;
    struct bytes in, out;
    struct program_state *guest; /* NULL: it is not here */
    const char *guest_name;      /* NULL: "echo" */
    const char *half; /* the state that it tells of a guest that is not here; NULL: none */
    uint64_t moves, pid, pages_missing;
    char command[32]; /* the last that it was given, but for clock */
    uint64_t dropped_packets, calls;
    char instance[17], reason[160];
    bool is_welcome, is_silent_about;
};

static struct fixture {
    uv_loop_t loop;
    struct gateway *gateway;
    struct stub stubs[STUBS];
    struct program_state *guest;
    enum program program;
    struct event_list events;
    unsigned joined, left, lost, rivals, ended_moves;
    char last_reason[160];
    int clients[CLIENTS];
    uint64_t began_ns;
} fixture;

static void put_talk(struct stub *stub, json_t *message)
{
    char *text = json_dumps(message, JSON_COMPACT);
    trunk_put_talk(&stub->out, text);
    free(text);
    json_decref(message);
}

static json_t *claims_of(const struct stub *stub)
{
    json_t *claims = json_array();
    if (stub->guest != NULL || stub->half != NULL)
        json_array_append_new(claims,
                              json_pack("{s:s, s:s, s:I, s:I, s:[i]}", "name",
                                        stub->guest_name != NULL ? stub->guest_name : "echo",
                                        "state", stub->half != NULL ? stub->half : "running",
                                        "moves", (json_int_t)stub->moves, "pages_missing",
                                        (json_int_t)stub->pages_missing, "ports", PORT));
    return claims;
}

static void claim(struct stub *stub)
{
    put_talk(stub, control_event("guests", claims_of(stub), 0));
}

static void stub_talk(struct stub *stub, const struct frame *frame)
{
    struct control_message message;
    struct problem problem = {0};

    assert_int_equal(
        control_read((const char *)frame->payload, frame->payload_bytes, &message, &problem),
        STATUS_OK);
    if (message.kind == CONTROL_RETURN) {
        stub->is_welcome = true;
        snprintf(stub->instance, sizeof stub->instance, "%s",
                 control_word(message.data, "instance", ""));
    } else if (message.kind == CONTROL_ERROR) {
        snprintf(stub->reason, sizeof stub->reason, "%s", message.desc);
    } else if (strcmp(message.name, "clock") == 0) {
        put_talk(stub,
                 control_return(json_pack("{s:I}", "now_ns", (json_int_t)uv_hrtime()), message.id));
    } else if (strcmp(message.name, "guests") == 0) {
        put_talk(stub, control_return(claims_of(stub), message.id));
    } else {
        snprintf(stub->command, sizeof stub->command, "%s", message.name);
        put_talk(stub, control_return(json_pack("{s:s}", "did", message.name), message.id));
    }
    control_message_fini(&message);
}

static void stub_frame(struct stub *stub, const struct frame *frame)
{
    struct stream_packet packet;
    uint32_t stream_idx;
    uint16_t port;

    if (frame->type == FRAME_TALK) {
        stub_talk(stub, frame);
    } else if (trunk_get_connect(frame, &stream_idx, &port) == STATUS_OK) {
        stub->calls++;
        if (stub->guest != NULL && trunk_take_call(&stub->guest->mailbox, stream_idx, port))
            trunk_put_accepted(&stub->out, stream_idx);
    } else {
        assert_int_equal(trunk_get_packet(frame, &stream_idx, &packet), STATUS_OK);
        if (stub->guest != NULL)
            mailbox_deliver(&stub->guest->mailbox, uv_hrtime(), stream_idx, &packet);
        else
            stub->dropped_packets++;
    }
}

static void stub_heard(void *owner, struct channel *channel, const uint8_t *data, size_t count)
{
    struct stub *stub = owner;
    size_t taken = 0, consumed;
    struct frame frame;
    (void)channel;

    bytes_put(&stub->in, data, count);
    for (;; taken += consumed) {
        assert_int_equal(
            frame_decode(stub->in.data + taken, stub->in.count - taken, &frame, &consumed),
            STATUS_OK);
        if (consumed == 0)
            break;
        stub_frame(stub, &frame);
    }
    bytes_drop_front(&stub->in, taken);
}

static void stub_opened(void *owner, struct channel *channel)
{
    struct stub *stub = owner;
    (void)channel;
    put_talk(stub, control_event("hello",
                                 json_pack("{s:s, s:s, s:i, s:I, s:o}", "name", stub->name,
                                           "address", "127.0.0.1:1", "protocol", 1, "pid",
                                           (json_int_t)stub->pid, "guests", claims_of(stub)),
                                 0));
}

static void stub_closed(void *owner, struct channel *channel, const char *reason)
{
    struct stub *stub = owner;
    if (stub->trunk != channel)
        return;
    stub->trunk = NULL;
    stub->is_welcome = false;
    bytes_clear(&stub->in);
    bytes_clear(&stub->out);
    (void)reason;
}

static const struct channel_owner stub_calls = {
    .opened = stub_opened, .heard = stub_heard, .closed = stub_closed};

static void stub_connect(struct stub *stub)
{
    struct problem problem = {0};
    assert_int_equal(channel_connect(&fixture.loop, gateway_hosts_address(fixture.gateway), NULL,
                                     &stub_calls, stub, &stub->trunk, &problem),
                     STATUS_OK);
}

/* ---- The guest's program ---- */

static void echo(struct program_state *guest, uint32_t idx)
{
    uint8_t *held = guest->held[idx];
    int64_t count;

    do {
        if (guest->held_count[idx] > 0) {
            count = mailbox_send(&guest->mailbox, idx, held, guest->held_count[idx]);
            if (count <= 0)
                return;
            guest->held_count[idx] -= (uint32_t)count;
            memmove(held, held + count, guest->held_count[idx]);
            continue;
        }
        count = mailbox_receive(&guest->mailbox, idx, held, STREAM_WINDOW_BYTES);
        if (count == 0) {
            guest->ended++;
            mailbox_close(&guest->mailbox, idx);
        }
        guest->held_count[idx] = count > 0 ? (uint32_t)count : 0;
    } while (count > 0);
}

static void flood(struct program_state *guest, uint32_t idx)
{
    static const uint8_t zeros[STREAM_WINDOW_BYTES];
    uint8_t heard[STREAM_WINDOW_BYTES];
    int64_t count = mailbox_receive(&guest->mailbox, idx, heard, sizeof heard);

    if (count == 0) {
        guest->ended++;
        mailbox_close(&guest->mailbox, idx);
        return;
    }
    while ((count = mailbox_send(&guest->mailbox, idx, zeros, sizeof zeros)) > 0)
        guest->flooded += (uint64_t)count;
}

static void run_guest(struct program_state *guest)
{
    while (mailbox_accept(&guest->mailbox) >= 0)
        ;
    for (uint32_t i = 0; i < MAILBOX_STREAMS; i++) {
        if (guest->mailbox.slots[i].state != MAILBOX_ACCEPTED)
            continue;
        if (fixture.program == PROGRAM_ECHO)
            echo(guest, i);
        else
            flood(guest, i);
    }
}

static void stub_turn(struct stub *stub)
{
    struct stream_packet packet;
    uint32_t stream_idx;

    if (stub->trunk == NULL)
        return;
    if (stub->guest != NULL && stub->is_welcome) {
        run_guest(stub->guest);
        while (mailbox_packet(&stub->guest->mailbox, uv_hrtime(), &stream_idx, &packet))
            trunk_put_packet(&stub->out, stream_idx, &packet);
    }
    channel_send(stub->trunk, stub->out.data, stub->out.count);
    bytes_clear(&stub->out);
}

/* The guest goes from one stub to the other, as its state does: in bytes. */
static void move_guest(struct stub *source, struct stub *target, bool is_source_first)
{
    struct program_state *guest = source->guest;
    struct bytes state = {0};
    struct bytes_reader reader;

    mailbox_save(&guest->mailbox, &state);
    mailbox_init(&guest->mailbox);
    bytes_reader_init(&reader, state.data, state.count);
    assert_true(mailbox_load(&guest->mailbox, &reader));
    bytes_fini(&state);
    source->guest = NULL;
    target->guest = guest;
    target->moves = source->moves + 1;
    if (is_source_first) {
        claim(source);
        stub_turn(source);
    }
    claim(target);
    mailbox_rehome(&guest->mailbox);
    stub_turn(target);
    if (!is_source_first)
        claim(source);
}

/* ---- The whole ---- */

static void told(void *owner, unsigned host, const char *event, json_t *data)
{
    (void)owner, (void)host;
    fixture.joined += strcmp(event, "host_joined") == 0;
    fixture.left += strcmp(event, "host_left") == 0;
    fixture.lost += strcmp(event, "guest_lost") == 0;
    fixture.ended_moves += strcmp(event, "migration_ended") == 0;
    fixture.rivals += strcmp(event, "two_runners") == 0;
    if (strcmp(event, "host_left") == 0)
        snprintf(fixture.last_reason, sizeof fixture.last_reason, "%s",
                 control_word(data, "reason", ""));
}

static void happened(void *owner, unsigned source, const struct event *events, size_t count)
{
    (void)owner;
    for (size_t i = 0; i < count; i++)
        if (source == 0)
            event_append(&fixture.events, events[i]);
}

static uint64_t count_events(enum event_kind kind)
{
    uint64_t count = 0;
    for (size_t i = 0; i < fixture.events.count; i++)
        count += fixture.events.items[i].kind == kind;
    return count;
}

static void turn(void)
{
    uv_run(&fixture.loop, UV_RUN_NOWAIT);
    for (unsigned i = 0; i < STUBS; i++)
        stub_turn(&fixture.stubs[i]);
    assert_true(uv_hrtime() - fixture.began_ns < HANG_NS);
}

#define turn_until(condition) \
    while (!(condition))      \
    turn()

static int setup(void **state)
{
    static const struct gateway_owner calls = {told, happened};
    struct problem problem = {0};
    (void)state;

    fixture = (struct fixture){.began_ns = uv_hrtime()};
    fixture.stubs[0].name = "A";
    fixture.stubs[1].name = "B";
    for (unsigned i = 0; i < CLIENTS; i++)
        fixture.clients[i] = -1;
    uv_loop_init(&fixture.loop);
    assert_int_equal(
        gateway_open(&fixture.loop, "127.0.0.1:0", NULL, &calls, NULL, &fixture.gateway, &problem),
        STATUS_OK);
    assert_int_equal(gateway_listen(fixture.gateway, "127.0.0.1:0", &problem), STATUS_OK);
    fixture.guest = calloc(1, sizeof *fixture.guest);
    assert_non_null(fixture.guest);
    mailbox_init(&fixture.guest->mailbox);
    assert_int_equal(mailbox_listen(&fixture.guest->mailbox, PORT), 0);
    fixture.stubs[0].guest = fixture.guest;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CLIENTS; i++)
        if (fixture.clients[i] >= 0)
            close(fixture.clients[i]);
    for (unsigned i = 0; i < STUBS; i++)
        if (fixture.stubs[i].trunk != NULL)
            channel_close(fixture.stubs[i].trunk, "", true);
    gateway_close(fixture.gateway);
    uv_run(&fixture.loop, UV_RUN_DEFAULT);
    for (unsigned i = 0; i < STUBS; i++) {
        bytes_fini(&fixture.stubs[i].in);
        bytes_fini(&fixture.stubs[i].out);
    }
    event_list_fini(&fixture.events);
    free(fixture.guest);
    return uv_loop_close(&fixture.loop);
}

static void both_hosts_come(void)
{
    for (unsigned i = 0; i < STUBS; i++)
        stub_connect(&fixture.stubs[i]);
    turn_until(fixture.stubs[0].is_welcome && fixture.stubs[1].is_welcome);
}

static void client_comes_to(unsigned listener_idx, unsigned idx)
{
    struct problem problem = {0};
    struct address address;

    assert_int_equal(
        address_parse(gateway_clients_address(fixture.gateway, listener_idx), &address, &problem),
        STATUS_OK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address.socket, address.socket_bytes), 0);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    fixture.clients[idx] = fd;
}

static void client_comes(unsigned idx)
{
    client_comes_to(0, idx);
}

static unsigned talking(void)
{
    return gateway_clients_count(&fixture.gateway->guests[0], false);
}

/* All of the client's bytes so far must be `expected`; how many have come. -1: it was ended. */
static ssize_t client_hears(unsigned idx, void *data, size_t count)
{
    return recv(fixture.clients[idx], data, count, 0);
}

static void expect_echo(unsigned idx, const char *text)
{
    char heard[64];
    size_t count = 0, length = strlen(text);

    assert_int_equal(send(fixture.clients[idx], text, length, 0), length);
    while (count < length) {
        ssize_t more = client_hears(idx, heard + count, sizeof heard - count);
        assert_true(more > 0 || (more < 0 && errno == EAGAIN));
        if (more > 0)
            count += (size_t)more;
        turn();
    }
    assert_int_equal(count, length);
    assert_memory_equal(heard, text, length);
}

/* ---- Tests ---- */

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

/* Who does not read stops the guest's sending to him, and nobody else. */
static void a_slow_reader_costs_a_window(void **state)
{
    uint8_t heard[4096];
    uint64_t before;
    (void)state;

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
    assert_true(fixture.guest->flooded < 32u << 20); /* the sockets' own buffers */
    fixture.program = PROGRAM_ECHO;
    client_comes(1);
    expect_echo(1, "hello");
    for (uint64_t taken = 0; taken < before;) {
        ssize_t count = client_hears(0, heard, sizeof heard);
        taken += count > 0 ? (uint64_t)count : 0;
        turn();
    }
}

/* ---- Who is lost ---- */

static pid_t sleeper(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        pause();
        _exit(0);
    }
    return pid;
}

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
    turn_until(fixture.lost == 1);
    waitpid(pid, NULL, 0);
    turn_until((count = client_hears(0, heard, sizeof heard)) == 0 ||
               (count < 0 && errno == ECONNRESET));
    bool is_known;
    const char *name = NULL;
    assert_int_equal(gateway_find_guest(fixture.gateway, &name, &is_known), 0);
    assert_true(is_known);
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
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    channel_close(fixture.stubs[0].trunk, "cut", true);
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

static void a_move_whose_halves_are_gone_is_lost(void **state)
{
    pid_t pid = sleeper();
    (void)state;

    fixture.stubs[0].pid = (uint64_t)pid;
    fixture.stubs[1].half = "moving";
    both_hosts_come();
    gateway_move_begins(fixture.gateway, "echo", 1, 2, 0);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    channel_close(fixture.stubs[0].trunk, "cut", true);
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
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    channel_close(fixture.stubs[0].trunk, "cut", true);
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

static void of_two_claims_the_later_is_right(void **state)
{
    (void)state;
    fixture.stubs[1].half = "running";
    fixture.stubs[1].moves = 3;
    both_hosts_come();
    turn_until(fixture.gateway->guests[0].home == &fixture.gateway->hosts[1]);
    turn_until(fixture.rivals == 1); /* and it is no small matter */
    fixture.stubs[1].half = NULL;
    claim(&fixture.stubs[1]);
    client_comes(0);
    expect_echo(0, "hello");
    assert_int_equal(fixture.rivals, 1);
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
    client_comes(1); /* and whoever comes is not kept waiting */
    turn_until(fixture.gateway->clients_refused == 1);
    turn_until(client_hears(1, heard, sizeof heard) == 0 || errno == ECONNRESET);
}

/* ---- Ways and words ---- */

static void a_tunnel_is_used_for_as_long_as_was_asked(void **state)
{
    struct stub *a = &fixture.stubs[0], *b = &fixture.stubs[1];
    (void)state;

    both_hosts_come();
    client_comes(0);
    expect_echo(0, "hello");
    gateway_move_begins(fixture.gateway, "echo", 1, 2, NS_PER_S / 5);
    move_guest(a, b, false);
    assert_int_equal(send(fixture.clients[0], "?", 1, 0), 1);
    turn_until(a->dropped_packets > 0); /* here it would go on through the migration's stream */
    client_comes(1);
    expect_echo(1, "talks when the tunnel ends");
    assert_int_equal(count_events(EVENT_STREAMS_REHOMED), 2);
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
    b->pid = a->pid; /* the same process, by a new connection: the old one is broken, then */
    stub_connect(b);
    turn_until(b->is_welcome && a->trunk == NULL);
    assert_string_equal(fixture.last_reason, "it has come back by another connection");
}

static void trash_harms_only_its_sender(void **state)
{
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
            (void)trunk_put_events(&b->out, &event, 1);
        else if (kind == 3)
            trunk_put_connect(&b->out, 1, 1); /* that is the gateway's to say */
        else
            frame_end(&b->out, frame_begin(&b->out, FRAME_PAGES, 0));
        turn_until(b->trunk == NULL);
        expect_echo(0, "hello");
    }
    assert_true(a->is_welcome);
}

/* ---- Addresses ---- */

static void expect_refusal(const char *words, const char *part)
{
    struct problem problem = {0};
    assert_int_not_equal(gateway_listen(fixture.gateway, words, &problem), STATUS_OK);
    if (strstr(problem.text, part) == NULL)
        fail_msg("%s: \"%s\" does not say \"%s\"", words, problem.text, part);
}

static void addresses_are_judged(void **state)
{
    struct problem problem = {0};
    (void)state;

    expect_refusal("127.0.0.1", "is no address");
    expect_refusal("0.0.0.0:0", "without a key");
    expect_refusal("127.0.0.1:0=kv/0", "is no port");
    expect_refusal("127.0.0.1:0=kv/70000", "is no port");
    expect_refusal("127.0.0.1:0=", "1 to 63 characters");
    expect_refusal("/tmp/socket", "without a key");
    expect_refusal(gateway_clients_address(fixture.gateway, 0), "in use");
    assert_int_equal(gateway_listen(fixture.gateway, "127.0.0.1:0=echo/7", &problem), STATUS_OK);
    assert_int_equal(fixture.gateway->listeners[1].port, 7);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
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
        TEST(a_guest_is_lost_with_its_process),
        TEST(a_target_may_still_claim),
        TEST(a_move_whose_halves_are_gone_is_lost),
        TEST(a_guest_that_waits_in_vain_is_forgotten),
        TEST(of_two_claims_the_later_is_right),
        TEST(an_ended_guest_has_no_clients),
        TEST(a_tunnel_is_used_for_as_long_as_was_asked),
        TEST(several_guests_share_the_numbers),
        TEST(questions_are_answered_once),
        TEST(a_name_is_taken_once),
        TEST(trash_harms_only_its_sender),
        TEST(addresses_are_judged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
