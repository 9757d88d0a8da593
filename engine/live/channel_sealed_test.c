/* Sealed channels: the same bytes come in order; nobody comes in without the key; and an enemy on
 * the way can do no more than end the connection, which both ends say and say why. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/units.h"
#include "live/channel_pair.h"
#include "live/channel_private.h"
#include "live/relay.h"

static const struct channel_key key = {"all who have this may come in.."};
static const struct channel_key other_key = {"all who have this may come in! "};

/* ---- What should go through ---- */

static void bytes_come_in_order_both_ways(void **state)
{
    static const size_t chunks[] = {1, 1000, 4096, 300000};
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        struct pair pair;
        pair_init(&pair, &key);
        pair.a.chunk_bytes = chunks[i];
        pair.b.chunk_bytes = chunks[3 - i];
        pair.a.to_send = chunks[i] * 50;
        pair.b.to_send = chunks[3 - i] * 50;
        pair.b.is_place_used = true; /* and never asked for: what comes is unsealed first */
        channel_poke(pair.a.channel);
        channel_poke(pair.b.channel);
        run_until(&pair, pair.b.heard == pair.a.to_send && pair.a.heard == pair.b.to_send);
        assert_int_equal(channel_backlog(pair.a.channel), 0);
        assert_int_equal(pair.b.placed, 0);
        channel_close(pair.a.channel, "done", false);
        run_until(&pair, pair.a.is_closed && pair.b.is_closed);
        assert_string_equal(pair.a.reason, "done");
        assert_string_equal(pair.b.reason, "");
        pair_fini(&pair);
    }
}

static void what_was_said_before_it_opened_waits(void **state)
{
    struct pair pair;
    uint8_t first = byte_at(0);
    (void)state;

    pair_listen(&pair, "127.0.0.1:0", &key);
    pair_call(&pair, channel_listener_address(pair.listener), &key);
    channel_send(pair.a.channel, &first, 1);
    assert_int_equal(channel_backlog(pair.a.channel), 1);
    run_until(&pair, pair.b.heard == 1);
    pair_fini(&pair);
}

static void a_rate_counts_what_is_on_the_wire(void **state)
{
    struct pair pair;
    (void)state;

    pair_init(&pair, &key);
    pair.a.chunk_bytes = 100;
    pair.a.to_send = 50000;
    channel_set_rate(pair.a.channel, 8 * 1000000);
    uint64_t begin_ns = uv_hrtime();
    channel_poke(pair.a.channel);
    run_until(&pair, pair.b.heard == pair.a.to_send);
    assert_true(pair.b.last_ns - begin_ns >= 499 * 121 * NS_PER_US);
    pair_fini(&pair);
}

/* Nothing is heard while it is turned off, although many records have been read. */
static size_t heard_before;
static void heard_once(void *owner, struct channel *channel, const uint8_t *data, size_t count)
{
    heard(owner, channel, data, count);
    channel_read(channel, false);
}

static void turned_off_it_hears_nothing(void **state)
{
    static const struct channel_owner stops = {opened, heard_once, NULL, NULL, NULL, NULL, closed};
    (void)state;
    for (unsigned sealed = 0; sealed < 2; sealed++) {
        struct pair pair;
        pair_init(&pair, sealed ? &key : NULL);
        pair.b.channel->calls = &stops;
        uint8_t data[300];
        for (unsigned i = 0; i < sizeof data; i++)
            data[i] = byte_at(i);
        for (unsigned i = 0; i < 3; i++)
            channel_send(pair.a.channel, data + 100 * i, 100);
        for (unsigned i = 0; i < 3; i++) {
            run_until(&pair, pair.b.heard > heard_before || pair.b.heard == sizeof data);
            heard_before = pair.b.heard;
            for (unsigned j = 0; j < 10; j++)
                uv_run(&pair.loop, UV_RUN_NOWAIT);
            assert_int_equal(pair.b.heard, heard_before);
            assert_true(!sealed || heard_before == 100 * (i + 1));
            channel_read(pair.b.channel, true);
        }
        assert_int_equal(pair.b.heard, sizeof data);
        pair_fini(&pair);
        heard_before = 0;
    }
}

/* Nothing can be done with it: the loop wakes when the rest comes, or the limits are met. */
static void a_part_of_a_record_rings_no_timer(void **state)
{
    static const struct channel_limits limits = {.silence_ns = 60 * NS_PER_S};
    struct pair pair;
    (void)state;

    pair_init(&pair, &key);
    assert_int_equal(write(pair.a.channel->fd, "", 1), 1);
    run_until(&pair, pair.b.channel->in_count == 1);
    channel_set_limits(pair.b.channel, &limits);
    assert_true(uv_timer_get_due_in(&pair.b.channel->timer) > 10000);
    pair_fini(&pair);
}

/* The proof is none of what an owner hears. */
static void turned_off_it_still_opens(void **state)
{
    struct pair pair;
    (void)state;

    pair_listen(&pair, "127.0.0.1:0", &key);
    pair_call(&pair, channel_listener_address(pair.listener), &key);
    channel_read(pair.a.channel, false);
    run_until(&pair, (pair.a.is_open && pair.b.is_open) || pair.a.is_closed);
    assert_true(pair.a.is_open);
    pair.b.to_send = 1000;
    channel_poke(pair.b.channel);
    for (unsigned i = 0; i < 10; i++)
        uv_run(&pair.loop, UV_RUN_NOWAIT);
    assert_int_equal(pair.a.heard, 0);
    channel_read(pair.a.channel, true);
    run_until(&pair, pair.a.heard == 1000);
    pair_fini(&pair);
}

/* ---- Who does not come in ---- */

static void meet_in_vain(const struct channel_key *caller, const struct channel_key *called,
                         const char *caller_says, const char *called_says)
{
    struct pair pair;

    pair_listen(&pair, "127.0.0.1:0", called);
    pair_call(&pair, channel_listener_address(pair.listener), caller);
    pair.a.to_send = caller == NULL ? 1000 : 0;
    run_until(&pair, pair.a.is_closed && (pair.b.is_closed || pair.turned_away == 1));
    const char *called_said = pair.b.is_closed ? pair.b.reason : pair.line;
    if (strstr(pair.a.reason, caller_says) == NULL)
        fail_msg("the caller does not say \"%s\", but \"%s\"", caller_says, pair.a.reason);
    if (strstr(called_said, called_says) == NULL)
        fail_msg("the called does not say \"%s\", but \"%s\"", called_says, called_said);
    assert_true(pair.a.heard == 0 && pair.b.heard == 0);
    assert_true(caller == NULL || !pair.a.is_open);
    assert_int_equal(pair.knocks, called == NULL); /* the owner never heard of it */
    pair_fini(&pair);
}

static void without_the_same_key_both_say_what_is_wrong(void **state)
{
    (void)state;
    meet_in_vain(&key, &other_key, "that it has the same key", "that it has the same key");
    meet_in_vain(NULL, &key, "this end has no key: start it with --key FILE",
                 "does not seal what it sends: start it with --key FILE");
    meet_in_vain(&key, NULL, "a proof that it has the key: it may have none",
                 "seals what it says, and this end has no key");
}

/* ---- An enemy on the way ---- */

/* `a` calls through the relay, and says a secret; the called answers nothing. */
static void say_through(struct pair *pair, struct relay *relay, const struct channel_key *its_key)
{
    pair_listen(pair, "127.0.0.1:0", its_key);
    relay_init(relay, &pair->loop, channel_listener_address(pair->listener));
    pair_call(pair, relay->address, its_key);
    pair->a.to_send = 1000;
}

static void part(struct pair *pair, struct relay *relay)
{
    relay_close(relay);
    pair_fini(pair);
    relay_fini(relay);
}

static bool overheard(const struct relay *relay)
{
    uint8_t secret[1000];
    for (unsigned i = 0; i < sizeof secret; i++)
        secret[i] = byte_at(i);
    for (unsigned i = 0; i + 8 <= sizeof secret; i++)
        if (memmem(relay->heard[RELAY_THERE].data, relay->heard[RELAY_THERE].count, secret + i, 8))
            return true;
    return false;
}

static void plain_is_overheard_and_sealed_is_not(void **state)
{
    (void)state;
    for (unsigned sealed = 0; sealed < 2; sealed++) {
        struct relay relay;
        struct pair pair;
        say_through(&pair, &relay, sealed ? &key : NULL);
        run_until(&pair, pair.b.heard == 1000);
        assert_int_equal(overheard(&relay), !sealed);
        part(&pair, &relay);
    }
}

/* All that can be changed or cut of a short conversation, one way and the other. */
static void what_is_changed_or_cut_ends_it(void **state)
{
    size_t said[RELAY_WAYS] = {SEAL_GREETING_BYTES + 21 + 1021, SEAL_GREETING_BYTES + 21};
    (void)state;
    for (unsigned way = 0; way < RELAY_WAYS; way++) {
        for (size_t at = 0; at < said[way]; at += at < 130 ? 1 : 97) {
            for (unsigned cuts = 0; cuts < 2; cuts++) {
                struct relay relay;
                struct pair pair;
                bool is_length = at >= SEAL_GREETING_BYTES + 21 && at < SEAL_GREETING_BYTES + 25;
                say_through(&pair, &relay, &key);
                *(cuts ? &relay.cut_at[way] : &relay.change_at[way]) = at;
                /* A record that is said to be longer than it is: what comes next is its rest. */
                if (is_length && !cuts)
                    pair.a.to_send = 200000;
                run_until(&pair, pair.a.is_closed && (pair.b.is_closed || pair.turned_away == 1));
                assert_int_equal(pair.b.heard, 0);
                const char *called_said = pair.b.is_closed ? pair.b.reason : pair.line;
                const char *reason = way == RELAY_THERE ? called_said : pair.a.reason;
                if (reason[0] == '\0' || strstr(reason, "broke: Connection reset") != NULL)
                    fail_msg("way %u, byte %zu: \"%s\" is not the reason", way, at, reason);
                part(&pair, &relay);
            }
        }
    }
}

static void a_connection_cut_in_the_end_is_not_closed_in_order(void **state)
{
    struct relay relay;
    struct pair pair;
    (void)state;

    say_through(&pair, &relay, &key);
    relay.cut_at[RELAY_THERE] =
        SEAL_GREETING_BYTES + 21 + 1021; /* only the last record is missing */
    run_until(&pair, pair.b.heard == 1000);
    channel_close(pair.a.channel, "", false);
    run_until(&pair, pair.a.is_closed && pair.b.is_closed);
    assert_non_null(strstr(pair.b.reason, "was cut: its sealed end did not come"));
    part(&pair, &relay);
}

/* ---- A crowd at the door ---- */

static int knock(const struct pair *pair)
{
    const char *port = strchr(channel_listener_address(pair->listener), ':') + 1;
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)atoi(port)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

/* True: the other end has closed. */
static bool is_turned_away(int fd)
{
    uint8_t data[SEAL_GREETING_BYTES + 1];
    ssize_t count = recv(fd, data, sizeof data, MSG_DONTWAIT);
    if (count > 0)
        count = recv(fd, data, sizeof data, MSG_DONTWAIT);
    return count == 0;
}

#define CROWD (CHANNEL_UNPROVED_MAX + 40)

/* It may still say something. */
static bool is_awaited(int fd)
{
    uint8_t data[SEAL_GREETING_BYTES];
    ssize_t count;
    do
        count = recv(fd, data, sizeof data, MSG_DONTWAIT);
    while (count > 0);
    return count < 0 && errno == EAGAIN;
}

static void a_crowd_without_the_key_keeps_nobody_out(void **state)
{
    struct pair pair;
    int fds[CROWD];
    (void)state;

    pair_listen(&pair, "127.0.0.1:0", &key);
    for (unsigned i = 0; i < CROWD; i++)
        fds[i] = knock(&pair);
    pair_call(&pair, channel_listener_address(pair.listener), &key);
    run_until(&pair, pair.a.is_open && pair.b.is_open);
    unsigned gone = 0;
    for (unsigned i = 0; i < CROWD; i++)
        gone += is_turned_away(fds[i]);
    /* The one with the key was the last, and the only one whom the owner has heard of. */
    assert_int_equal(gone, CROWD + 1 - CHANNEL_UNPROVED_MAX);
    assert_int_equal(pair.knocks, 1);
    assert_int_equal(pair.turned_away, 1); /* more are not told in one second */
    assert_non_null(strstr(pair.line, "too many come at once"));
    channel_close(pair.a.channel, "", true);
    /* And the others do not stay for ever. */
    for (unsigned i = 0; i < CROWD; i++) {
        run_until(&pair, is_turned_away(fds[i]));
        close(fds[i]);
    }
    assert_non_null(strstr(pair.line, "has not proved in time that it has the key"));
    assert_non_null(strstr(pair.line, " others meanwhile)"));
    pair_fini(&pair);
}

/* They come all the time: who has just come has time to say something, and who has said something
 * goes behind all who have not. */
static void nor_does_a_flood(void **state)
{
    unsigned count = 0, phases[] = {CHANNEL_UNPROVED_MAX, CHANNEL_UNPROVED_MAX / 2 - 1, 200};
    int fds[2 * CHANNEL_UNPROVED_MAX + 200], caller_fd = -1;
    struct bytes greeting = {0};
    struct seal seal;
    struct pair pair;
    (void)state;

    pair_listen(&pair, "127.0.0.1:0", &key);
    for (unsigned phase = 0; phase < 3; phase++) {
        for (unsigned i = 0; i < phases[phase]; i++)
            fds[count++] = knock(&pair);
        for (unsigned i = 0; i < 100; i++)
            uv_run(&pair.loop, UV_RUN_NOWAIT);
        if (phase == 0) {
            caller_fd = knock(&pair);
        } else if (phase == 1) { /* he is far away: his greeting comes after so many others */
            seal_init(&seal, SEAL_CALLER, key.bytes, (uint8_t[SEAL_NONCE_BYTES]){1});
            seal_greet(&seal, &greeting);
            assert_int_equal(send(caller_fd, greeting.data, greeting.count, 0), greeting.count);
            uv_run(&pair.loop, UV_RUN_NOWAIT);
        }
    }
    assert_true(is_awaited(caller_fd)); /* and has time for his proof */
    for (unsigned i = 0; i < count; i++)
        close(fds[i]);
    close(caller_fd);
    bytes_fini(&greeting);
    seal_fini(&seal);
    pair_fini(&pair);
}

/* Whoever waits for one visitor alone closes the door behind him: it still opens. */
static bool let_in_and_close(void *owner, struct channel *channel,
                             const struct channel_owner **its_calls, void **its_owner)
{
    struct pair *pair = owner;
    channel_listener_close(pair->listener);
    pair->listener = NULL;
    return let_in(owner, channel, its_calls, its_owner);
}

static void the_door_may_be_closed_behind_who_comes(void **state)
{
    struct problem problem = {0};
    struct pair pair;
    (void)state;

    for (unsigned sealed = 0; sealed < 2; sealed++) {
        pair_listen(&pair, "127.0.0.1:0", NULL);
        channel_listener_close(pair.listener);
        assert_int_equal(channel_listen(&pair.loop, "127.0.0.1:0", sealed ? &key : NULL,
                                        let_in_and_close, &pair, &pair.listener, &problem),
                         STATUS_OK);
        pair_call(&pair, channel_listener_address(pair.listener), sealed ? &key : NULL);
        run_until(&pair, pair.a.is_open && pair.b.is_open);
        pair_fini(&pair);
    }
}

static void without_descriptors_it_waits_and_does_not_spin(void **state)
{
    struct rlimit before, few;
    unsigned turns = 0;
    struct pair pair;
    int fds[10];
    (void)state;

    pair_listen(&pair, "127.0.0.1:0", &key);
    for (unsigned i = 0; i < 10; i++)
        fds[i] = knock(&pair);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    few = before;
    few.rlim_cur = (rlim_t)fds[9] + 1;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    /* One is turned away, then there is a pause: a turn of the loop for each. */
    for (; !is_turned_away(fds[7]); turns++)
        uv_run(&pair.loop, UV_RUN_ONCE);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_true(turns >= 14 && turns < 100);
    pair_call(&pair, channel_listener_address(pair.listener), &key);
    run_until(&pair, pair.a.is_open && pair.b.is_open);
    for (unsigned i = 0; i < 10; i++)
        close(fds[i]);
    pair_fini(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_come_in_order_both_ways),
        cmocka_unit_test(what_was_said_before_it_opened_waits),
        cmocka_unit_test(a_rate_counts_what_is_on_the_wire),
        cmocka_unit_test(turned_off_it_hears_nothing),
        cmocka_unit_test(a_part_of_a_record_rings_no_timer),
        cmocka_unit_test(turned_off_it_still_opens),
        cmocka_unit_test(without_the_same_key_both_say_what_is_wrong),
        cmocka_unit_test(plain_is_overheard_and_sealed_is_not),
        cmocka_unit_test(what_is_changed_or_cut_ends_it),
        cmocka_unit_test(a_connection_cut_in_the_end_is_not_closed_in_order),
        cmocka_unit_test(a_crowd_without_the_key_keeps_nobody_out),
        cmocka_unit_test(nor_does_a_flood),
        cmocka_unit_test(the_door_may_be_closed_behind_who_comes),
        cmocka_unit_test(without_descriptors_it_waits_and_does_not_spin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
