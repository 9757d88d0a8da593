/* Two ends of a channel on one loop: what comes is what was sent, in order; neither faster nor more
 * than may be; and whoever stalls, floods or is not there is told apart from whoever just closes.
 * Nothing is judged by the wall clock but that a rate was not exceeded. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/units.h"
#include "live/channel_pair.h"
#include "live/channel_private.h"

/* ---- What comes is what was sent ---- */

static void bytes_come_in_order_both_ways(void **state)
{
    static const size_t chunks[] = {1, 1000, 4096, 300000};
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        struct pair pair;
        pair_init(&pair, NULL);
        pair.a.chunk_bytes = chunks[i];
        pair.b.chunk_bytes = chunks[3 - i];
        pair.a.to_send = chunks[i] * 50;
        pair.b.to_send = chunks[3 - i] * 50;
        pair.b.is_place_used = i % 2;
        pair.a.is_lending = i >= 2;
        channel_poke(pair.a.channel);
        channel_poke(pair.b.channel);
        run_until(&pair, pair.b.heard == pair.a.to_send && pair.a.heard == pair.b.to_send);
        assert_int_equal(channel_backlog(pair.a.channel), 0);
        assert_true(pair.b.is_place_used == (pair.b.placed > 0));
        pair_fini(&pair);
        assert_true(pair.b.is_closed);
    }
}

/* A kernel that paces waits for timers between bytes that could be there at once. */
static void nothing_is_paced_within_this_computer(void **state)
{
    struct pair pair;
    (void)state;

    pair_init(&pair, NULL);
    const struct channel *ends[] = {pair.a.channel, pair.b.channel};
    for (unsigned i = 0; i < 2; i++) {
        char name[32] = "";
        socklen_t bytes = sizeof name;
        assert_int_equal(getsockopt(ends[i]->fd, IPPROTO_TCP, TCP_CONGESTION, name, &bytes), 0);
        assert_string_equal(name, "reno");
    }
    pair_fini(&pair);
}

/* What is said last is not behind all that an end that reads slowly has not read yet. */
static void little_waits_unread(void **state)
{
    struct pair pair;
    (void)state;

    pair_init(&pair, NULL);
    channel_set_unread(pair.b.channel, 64 << 10);
    pair.a.chunk_bytes = 64 << 10;
    pair.a.to_send = 256 << 20;
    channel_poke(pair.a.channel);
    run_until(&pair, pair.b.heard > 32 << 20);
    channel_read(pair.b.channel, false);
    for (unsigned i = 0; i < 1000; i++) /* as much as the kernel takes */
        uv_run(&pair.loop, UV_RUN_NOWAIT);
    assert_true(pair.a.sent - pair.b.heard < 1 << 20);
    channel_close(pair.b.channel, "", true);
    pair_fini(&pair);
}

/* Whoever closes in order has sent all, although nobody has read it yet. */
static void closing_in_order_loses_nothing(void **state)
{
    struct pair pair;
    uint8_t data[50000];
    (void)state;

    for (unsigned i = 0; i < sizeof data; i++)
        data[i] = byte_at(i % 5000 + i / 5000 * 5000);
    pair_init(&pair, NULL);
    channel_read(pair.b.channel, false);
    channel_read(pair.a.channel, false);
    channel_send(pair.b.channel, data, 1000); /* which nobody will hear: it does no harm */
    for (unsigned i = 0; i < 10; i++)
        channel_send(pair.a.channel, data + 5000 * i, 5000);
    channel_close(pair.a.channel, "done here", false);
    channel_close(pair.a.channel, "done twice", false);
    for (unsigned i = 0; i < 10; i++)
        uv_run(&pair.loop, UV_RUN_NOWAIT);
    assert_int_equal(pair.b.heard, 0);
    channel_read(pair.b.channel, true);
    run_until(&pair, pair.a.is_closed && pair.b.is_closed);
    assert_int_equal(pair.b.heard, sizeof data);
    assert_string_equal(pair.a.reason, "done here");
    assert_string_equal(pair.b.reason, "");
    pair_fini(&pair);
}

/* The answer to what came last still goes, to whoever says no more: nc does so. */
static void whoever_ends_still_hears_what_is_queued(void **state)
{
    struct pair pair;
    (void)state;

    pair_listen(&pair, "127.0.0.1:0", NULL);
    pair_call(&pair, channel_listener_address(pair.listener), NULL);
    run_until(&pair, pair.a.is_open && pair.b.is_open);
    pair.b.heard_max = 1;
    pair.b.to_send = 0;
    uint8_t data[3000];
    for (unsigned i = 0; i < sizeof data; i++)
        data[i] = byte_at(i);
    channel_send(pair.b.channel, data, sizeof data);
    channel_send(pair.a.channel, data, 1);
    run_until(&pair, pair.a.is_closed && pair.b.is_closed);
    assert_int_equal(pair.a.heard, sizeof data);
    assert_string_equal(pair.a.reason, "");
    assert_string_equal(pair.b.reason, "enough");
    pair_fini(&pair);
}

/* ---- Bounds ---- */

static void nobody_is_asked_for_more_than_the_other_end_takes(void **state)
{
    struct pair pair;
    (void)state;

    pair_init(&pair, NULL);
    channel_read(pair.b.channel, false);
    pair.a.to_send = 200 << 20;
    pair.a.chunk_bytes = 64 << 10;
    channel_poke(pair.a.channel);
    for (unsigned i = 0; i < 1000; i++)
        uv_run(&pair.loop, UV_RUN_NOWAIT);
    assert_true(pair.a.sent < 20 << 20);
    assert_true(channel_backlog(pair.a.channel) <= pair.a.chunk_bytes);
    assert_int_equal(pair.b.heard, 0);
    pair.a.to_send = pair.a.sent + (1 << 20);
    channel_read(pair.b.channel, true);
    run_until(&pair, pair.b.heard == pair.a.to_send);
    pair_fini(&pair);
}

static void a_rate_is_never_exceeded_and_kept_when_there_is_time(void **state)
{
    static const uint64_t rates[] = {100ull << 23, 8ull << 23};
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct pair pair;
        pair_init(&pair, NULL);
        pair.a.chunk_bytes = 16 << 10;
        channel_set_rate(pair.a.channel, rates[i]);
        uint64_t begin_ns = uv_hrtime();
        pair.a.to_send = rates[i] / 8 / 5;
        channel_poke(pair.a.channel);
        run_until(&pair, pair.b.heard == pair.a.to_send);
        /* All but the last chunk have had their time. */
        uint64_t least_ns = NS_PER_S * (pair.a.to_send - pair.a.chunk_bytes) / (rates[i] / 8);
        uint64_t took_ns = pair.b.last_ns - begin_ns;
        assert_true(took_ns >= least_ns);
        if (getenv("CHANNEL_TIMES") != NULL)
            printf("%llu ns, at least %llu ns\n", (unsigned long long)took_ns,
                   (unsigned long long)least_ns);
        pair_fini(&pair);
    }
}

static void a_new_rate_holds_at_once(void **state)
{
    struct pair pair;
    (void)state;

    pair_init(&pair, NULL);
    pair.a.to_send = 1 << 20;
    channel_set_rate(pair.a.channel, 8 * 1000); /* its second chunk would come in four seconds */
    channel_poke(pair.a.channel);
    run_until(&pair, pair.b.heard > 0);
    assert_int_equal(pair.b.heard, pair.a.chunk_bytes);
    uint64_t begin_ns = uv_hrtime();
    channel_set_rate(pair.a.channel, 0);
    run_until(&pair, pair.b.heard == pair.a.to_send);
    assert_true(uv_hrtime() - begin_ns < 4 * NS_PER_S);
    pair_fini(&pair);
}

static void whoever_takes_nothing_stalls(void **state)
{
    struct pair pair;
    (void)state;

    pair_init(&pair, NULL);
    channel_read(pair.b.channel, false);
    channel_set_limits(pair.a.channel, &(struct channel_limits){.stall_ns = 50 * NS_PER_MS});
    pair.a.to_send = UINT64_MAX;
    pair.a.chunk_bytes = 64 << 10;
    channel_poke(pair.a.channel);
    run_until(&pair, pair.a.is_closed);
    assert_non_null(strstr(pair.a.reason, "stalls: it has taken nothing for 50.00 ms"));
    channel_close(pair.b.channel, "", true);
    pair_fini(&pair);
}

static void whoever_says_nothing_is_silent(void **state)
{
    struct pair pair;
    (void)state;

    pair_init(&pair, NULL);
    channel_set_limits(pair.a.channel, &(struct channel_limits){.silence_ns = 50 * NS_PER_MS});
    run_until(&pair, pair.a.is_closed && pair.b.is_closed);
    assert_non_null(strstr(pair.a.reason, "silent: nothing was heard for 50.00 ms"));
    pair_fini(&pair);
}

static void whoever_leaves_more_lying_than_may_be_is_dropped(void **state)
{
    static uint8_t data[1 << 20];
    struct pair pair;
    (void)state;

    pair_init(&pair, NULL);
    channel_read(pair.b.channel, false);
    channel_set_limits(pair.a.channel, &(struct channel_limits){.backlog_bytes = 3 << 20});
    for (unsigned i = 0; i < 100 && channel_backlog(pair.a.channel) < 50 << 20; i++)
        channel_send(pair.a.channel, data, sizeof data);
    assert_true(channel_backlog(pair.a.channel) < 5 << 20);
    run_until(&pair, pair.a.is_closed);
    assert_non_null(strstr(pair.a.reason, "more than 3.000 MiB wait for it"));
    channel_close(pair.b.channel, "", true);
    pair_fini(&pair);
}

/* ---- Who is not there, and who breaks off ---- */

static void nobody_listens_there(void **state)
{
    struct pair pair;
    (void)state;

    pair_listen(&pair, "127.0.0.1:0", NULL);
    char address[128];
    struct problem problem = {0};
    snprintf(address, sizeof address, "%s", channel_listener_address(pair.listener));
    channel_listener_close(pair.listener);
    assert_int_equal(
        channel_connect(&pair.loop, address, NULL, &calls, &pair.a, &pair.a.channel, &problem),
        STATUS_OK);
    assert_false(pair.a.is_closed); /* from the loop alone */
    run_until(&pair, pair.a.is_closed);
    assert_non_null(strstr(pair.a.reason, "cannot be reached: Connection refused"));
    assert_false(pair.a.is_open);
    uv_run(&pair.loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&pair.loop), 0);
}

static void breaking_off_is_no_end_in_order(void **state)
{
    struct pair pair;
    (void)state;

    pair_init(&pair, NULL);
    channel_read(pair.a.channel, false);
    pair.b.to_send = 100000;
    channel_poke(pair.b.channel);
    for (unsigned i = 0; i < 10; i++)
        uv_run(&pair.loop, UV_RUN_NOWAIT);
    channel_close(pair.a.channel, "cut", true); /* with bytes that it has not read */
    run_until(&pair, pair.a.is_closed && pair.b.is_closed);
    assert_string_equal(pair.a.reason, "cut");
    assert_non_null(strstr(pair.b.reason, "broke: Connection reset by peer"));
    pair_fini(&pair);
}

static void a_visitor_may_be_turned_away(void **state)
{
    struct pair pair;
    (void)state;

    pair_listen(&pair, "127.0.0.1:0", NULL);
    pair.is_refusing = true;
    pair_call(&pair, channel_listener_address(pair.listener), NULL);
    run_until(&pair, pair.a.is_closed);
    assert_int_equal(pair.knocks, 1);
    assert_false(pair.b.is_open || pair.b.is_closed);
    pair_fini(&pair);
}

/* ---- Addresses ---- */

static void refuses(const char *address, const char *why)
{
    struct problem problem = {0};
    struct channel_listener *listener;
    struct channel *channel;
    struct end end = {0};
    uv_loop_t loop;

    uv_loop_init(&loop);
    assert_int_equal(channel_connect(&loop, address, NULL, &calls, &end, &channel, &problem),
                     STATUS_USAGE);
    assert_non_null(strstr(problem.text, why));
    problem = (struct problem){0};
    assert_int_equal(channel_listen(&loop, address, NULL, let_in, NULL, &listener, &problem),
                     STATUS_USAGE);
    assert_non_null(strstr(problem.text, why));
    assert_int_equal(uv_loop_close(&loop), 0);
}

static void without_a_key_there_is_this_computer_alone(void **state)
{
    (void)state;
    refuses("0.0.0.0:0", "beyond this computer: that needs a key");
    refuses("192.0.2.1:7000", "beyond this computer: that needs a key");
    refuses("[::]:7000", "beyond this computer: that needs a key");
    refuses("[2001:db8::1]:7000", "(umask 077; head -c 32 /dev/urandom > FILE)");
    refuses("127.0.0.1", "is no address");
    refuses("127.0.0.1:65536", "is no address");
    refuses("127.0.0.1:7k", "is no address");
    refuses("::1:7000", "is no address");
    refuses(":7000", "is no address");
    refuses("", "is no address");
}

static void unix_sockets_are_reclaimed_but_not_stolen(void **state)
{
    char folder[] = "/tmp/ferry-channel-XXXXXX", path[64], file[80];
    struct problem problem = {0};
    struct channel_listener *second;
    struct pair pair;
    struct stat found;
    (void)state;

    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/new", folder);
    snprintf(file, sizeof file, "%s/control", path);
    pair_listen(&pair, file, NULL);
    assert_int_equal(stat(path, &found), 0);
    assert_int_equal(found.st_mode & 0777, 0700);
    assert_int_equal(stat(file, &found), 0);
    assert_int_equal(found.st_mode & 0777, 0600);
    assert_int_equal(channel_listen(&pair.loop, file, NULL, let_in, NULL, &second, &problem),
                     STATUS_NO_FILE);
    assert_non_null(strstr(problem.text, "a process listens there already"));
    run_until(&pair, pair.b.is_closed); /* who looked whether somebody listens */
    pair.b = (struct end){0};
    pair_call(&pair, channel_listener_address(pair.listener), NULL);
    run_until(&pair, pair.a.is_open && pair.b.is_open);
    pair.a.to_send = 100000;
    channel_poke(pair.a.channel);
    run_until(&pair, pair.b.heard == pair.a.to_send);
    assert_string_equal(channel_peer(pair.a.channel), file);
    pair_fini(&pair);
    assert_int_not_equal(stat(file, &found), 0);

    /* A socket that a process left behind. */
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    snprintf(local.sun_path, sizeof local.sun_path, "%s", file);
    assert_int_equal(bind(fd, (struct sockaddr *)&local, sizeof local), 0);
    close(fd);
    pair_listen(&pair, file, NULL);
    pair_fini(&pair);

    /* What is no socket is somebody's. */
    FILE *other = fopen(file, "w");
    assert_non_null(other);
    fclose(other);
    problem = (struct problem){0};
    uv_loop_init(&pair.loop);
    assert_int_equal(channel_listen(&pair.loop, file, NULL, let_in, NULL, &second, &problem),
                     STATUS_NO_FILE);
    assert_non_null(strstr(problem.text, "no socket"));
    assert_int_equal(unlink(file), 0);
    assert_int_equal(chmod(path, 0777), 0);
    problem = (struct problem){0};
    assert_int_equal(channel_listen(&pair.loop, file, NULL, let_in, NULL, &second, &problem),
                     STATUS_NO_FILE);
    assert_non_null(strstr(problem.text, "others may write in this folder"));
    uv_loop_close(&pair.loop);
    rmdir(path);
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_come_in_order_both_ways),
        cmocka_unit_test(nothing_is_paced_within_this_computer),
        cmocka_unit_test(little_waits_unread),
        cmocka_unit_test(closing_in_order_loses_nothing),
        cmocka_unit_test(whoever_ends_still_hears_what_is_queued),
        cmocka_unit_test(nobody_is_asked_for_more_than_the_other_end_takes),
        cmocka_unit_test(a_rate_is_never_exceeded_and_kept_when_there_is_time),
        cmocka_unit_test(a_new_rate_holds_at_once),
        cmocka_unit_test(whoever_takes_nothing_stalls),
        cmocka_unit_test(whoever_says_nothing_is_silent),
        cmocka_unit_test(whoever_leaves_more_lying_than_may_be_is_dropped),
        cmocka_unit_test(nobody_listens_there),
        cmocka_unit_test(breaking_off_is_no_end_in_order),
        cmocka_unit_test(a_visitor_may_be_turned_away),
        cmocka_unit_test(without_a_key_there_is_this_computer_alone),
        cmocka_unit_test(unix_sockets_are_reclaimed_but_not_stolen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
