/* gateway_stand: a gateway with real clients on one side and stubs of hosts on the other, all on one
 * loop. A stub has a plain mailbox and a program of ten lines behind it. What is judged is bytes and
 * counts; the clock only ends a test that hangs.
 *
 * Included by the tests of the gateway. */
#ifndef LIVE_GATEWAY_STAND_H
#define LIVE_GATEWAY_STAND_H

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
#include "live/gateway_private.h"

#define PORT    7
#define STUBS   2
#define CLIENTS 80
#define HANG_NS (60 * NS_PER_S)

/* ---- Stubs of hosts, and the guest that one of them has ---- */

enum program { PROGRAM_ECHO, PROGRAM_FLOOD, PROGRAM_FAREWELL };

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
    const char *address;         /* NULL: "127.0.0.1:1" */
    const char *half; /* the state that it tells of a guest that is not here; NULL: none */
    uint64_t moves, pid, pages_missing;
    bool is_in_container, is_mute; /* mute: it answers no questions */
    unsigned clock_questions;
    char command[32]; /* the last that it was given, but for clock */
    uint64_t dropped_packets, calls;
    char instance[17], reason[160];
    bool may_come_again; /* for all that was said against it */
    bool is_welcome;
};

static struct fixture {
    uv_loop_t loop;
    struct gateway *gateway;
    struct stub stubs[STUBS];
    struct program_state *guest;
    enum program program;
    struct event_list events;
    unsigned joined, left, lost, rivals, ended_moves, dropped, told_by_hosts, refused;
    char last_reason[160];
    int clients[CLIENTS];
    int receive_bytes;    /* that a client's socket keeps; 0: as the system likes */
    unsigned descriptors; /* before there was a gateway */
    uint64_t began_ns;
} fixture;

static inline void put_talk(struct stub *stub, json_t *message)
{
    trunk_put_message(&stub->out, message);
}

static inline json_t *claims_of(const struct stub *stub)
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

static inline void claim(struct stub *stub)
{
    put_talk(stub, control_event("guests", claims_of(stub), 0));
}

static inline void stub_talk(struct stub *stub, const struct frame *frame)
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
        stub->may_come_again = strcmp(message.name, "NotNow") == 0;
    } else if (stub->is_mute) {
        stub->clock_questions += strcmp(message.name, "clock") == 0;
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

static inline void stub_frame(struct stub *stub, const struct frame *frame)
{
    struct stream_packet packet;
    struct trunk_call call;
    uint32_t stream_idx;

    if (frame->type == FRAME_TALK) {
        stub_talk(stub, frame);
    } else if (trunk_get_call(frame, TRUNK_CONNECT, &call) == STATUS_OK) {
        stub->calls++;
        if (stub->guest != NULL && trunk_take_call(&stub->guest->mailbox, &call))
            trunk_put_call(&stub->out, TRUNK_ACCEPTED, &call);
    } else {
        assert_int_equal(trunk_get_packet(frame, &stream_idx, &packet), STATUS_OK);
        if (stub->guest != NULL)
            mailbox_deliver(&stub->guest->mailbox, uv_hrtime(), stream_idx, &packet);
        else
            stub->dropped_packets++;
    }
}

static inline void stub_heard(void *owner, struct channel *channel, const uint8_t *data,
                              size_t count)
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

static inline void stub_opened(void *owner, struct channel *channel)
{
    struct stub *stub = owner;
    (void)channel;
    uint64_t pid_space = trunk_pid_space() + stub->is_in_container;
    put_talk(stub, control_event("hello",
                                 json_pack("{s:s, s:s, s:i, s:I, s:I, s:o}", "name", stub->name,
                                           "address",
                                           stub->address != NULL ? stub->address : "127.0.0.1:1",
                                           "protocol", 1, "pid", (json_int_t)stub->pid, "pid_space",
                                           (json_int_t)pid_space, "guests", claims_of(stub)),
                                 0));
}

static inline void stub_closed(void *owner, struct channel *channel, const char *reason)
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

static inline void stub_connect(struct stub *stub)
{
    struct problem problem = {0};
    assert_int_equal(channel_connect(&fixture.loop, gateway_hosts_address(fixture.gateway), NULL,
                                     &stub_calls, stub, &stub->trunk, &problem),
                     STATUS_OK);
}

/* ---- The guest's program ---- */

static inline void echo(struct program_state *guest, uint32_t idx)
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

static inline void flood(struct program_state *guest, uint32_t idx)
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

/* To whatever comes: so many bytes, and the end. */
#define FAREWELL_BYTES 20000u

static inline void bid_farewell(struct program_state *guest, uint32_t idx)
{
    static const uint8_t zeros[STREAM_WINDOW_BYTES];
    uint8_t heard[STREAM_WINDOW_BYTES];
    int64_t count;

    (void)!mailbox_receive(&guest->mailbox, idx, heard, sizeof heard);
    do {
        uint64_t left = FAREWELL_BYTES - guest->flooded;
        count = mailbox_send(&guest->mailbox, idx, zeros,
                             left < sizeof zeros ? (uint32_t)left : sizeof zeros);
        guest->flooded += count > 0 ? (uint64_t)count : 0;
    } while (count > 0);
    if (guest->flooded == FAREWELL_BYTES)
        mailbox_close(&guest->mailbox, idx);
}

static inline void run_guest(struct program_state *guest)
{
    while (mailbox_accept(&guest->mailbox) >= 0)
        ;
    for (uint32_t i = 0; i < MAILBOX_STREAMS; i++) {
        if (guest->mailbox.slots[i].state != MAILBOX_ACCEPTED)
            continue;
        if (fixture.program == PROGRAM_ECHO)
            echo(guest, i);
        else if (fixture.program == PROGRAM_FLOOD)
            flood(guest, i);
        else
            bid_farewell(guest, i);
    }
}

static inline void stub_turn(struct stub *stub)
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
static inline void move_guest(struct stub *source, struct stub *target, bool is_source_first)
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

static inline void told(void *owner, unsigned host, const char *event, json_t *data)
{
    (void)owner;
    fixture.told_by_hosts += host != 0;
    fixture.joined += strcmp(event, "host_joined") == 0;
    fixture.left += strcmp(event, "host_left") == 0;
    fixture.lost += strcmp(event, "guest_lost") == 0;
    fixture.ended_moves += strcmp(event, "migration_ended") == 0;
    fixture.rivals += strcmp(event, "two_runners") == 0;
    fixture.refused += strcmp(event, "claim_refused") == 0;
    fixture.dropped += strcmp(event, "client_dropped") == 0;
    if (strcmp(event, "host_left") == 0)
        snprintf(fixture.last_reason, sizeof fixture.last_reason, "%s",
                 control_word(data, "reason", ""));
}

static inline void happened(void *owner, unsigned source, const char *move,
                            const struct event *events, size_t count)
{
    (void)owner;
    assert_true((move == NULL) == (source == 0));
    for (size_t i = 0; i < count; i++)
        if (source == 0)
            event_append(&fixture.events, events[i]);
}

static inline uint64_t count_events(enum event_kind kind)
{
    uint64_t count = 0;
    for (size_t i = 0; i < fixture.events.count; i++)
        count += fixture.events.items[i].kind == kind;
    return count;
}

static inline void turn(void)
{
    uv_run(&fixture.loop, UV_RUN_NOWAIT);
    for (unsigned i = 0; i < STUBS; i++)
        stub_turn(&fixture.stubs[i]);
    assert_true(uv_hrtime() - fixture.began_ns < HANG_NS);
}

#define turn_until(condition) \
    while (!(condition))      \
    turn()

static inline unsigned count_descriptors(void)
{
    unsigned count = 0;
    for (int fd = 0; fd < 1024; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static inline int setup(void **state)
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
    fixture.descriptors = count_descriptors();
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

static inline int teardown(void **state)
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
    assert_int_equal(count_descriptors(), fixture.descriptors);
    return uv_loop_close(&fixture.loop);
}

static inline void both_hosts_come(void)
{
    for (unsigned i = 0; i < STUBS; i++)
        stub_connect(&fixture.stubs[i]);
    turn_until(fixture.stubs[0].is_welcome && fixture.stubs[1].is_welcome);
}

static inline void client_comes_to(unsigned listener_idx, unsigned idx)
{
    struct problem problem = {0};
    struct address address;

    assert_int_equal(
        address_parse(gateway_clients_address(fixture.gateway, listener_idx), &address, &problem),
        STATUS_OK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    if (fixture.receive_bytes > 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &fixture.receive_bytes, sizeof(int));
    assert_int_equal(connect(fd, (struct sockaddr *)&address.socket, address.socket_bytes), 0);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    fixture.clients[idx] = fd;
}

static inline void client_comes(unsigned idx)
{
    client_comes_to(0, idx);
}

static inline unsigned talking(void)
{
    return gateway_clients_count(&fixture.gateway->guests[0], false);
}

/* All of the client's bytes so far must be `expected`; how many have come. -1: it was ended. */
static inline ssize_t client_hears(unsigned idx, void *data, size_t count)
{
    return recv(fixture.clients[idx], data, count, 0);
}

static inline void expect_echo(unsigned idx, const char *text)
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

/* A process that ends when it is told to. */
static inline pid_t sleeper(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        pause();
        _exit(0);
    }
    return pid;
}

static inline void end_sleeper(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

/* Its process ends, and so its trunk. */
static inline void host_dies(struct stub *stub, pid_t pid)
{
    end_sleeper(pid);
    channel_close(stub->trunk, "cut", true);
}

static inline void expect_refusal(const char *words, const char *part)
{
    struct problem problem = {0};
    assert_int_not_equal(gateway_listen(fixture.gateway, words, &problem), STATUS_OK);
    if (strstr(problem.text, part) == NULL)
        fail_msg("%s: \"%s\" does not say \"%s\"", words, problem.text, part);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
