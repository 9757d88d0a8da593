/* Two ends and a network that loses, doubles, reorders and cuts: what one writes the other reads,
 * every byte once and in order. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/prng.h"
#include "base/units.h"
#include "machine/stream.h"

static uint8_t byte_at(uint64_t direction, uint64_t position)
{
    return (uint8_t)(position * 31 + (position >> 8) * 7 + direction * 101);
}

/* ---- By hand, packet by packet ---- */

static void exchange(struct stream *from, struct stream *to, uint64_t now_ns)
{
    struct stream_packet packet;
    while (stream_next_packet(from, now_ns, &packet))
        assert_true(stream_receive(to, now_ns, &packet));
}

static void test_a_request_and_its_answer_need_three_packets(void **state)
{
    struct stream client, guest;
    struct stream_packet packet;
    char text[16];
    (void)state;
    stream_init(&client);
    stream_init(&guest);

    assert_false(stream_next_packet(&client, 0, &packet));
    assert_int_equal(stream_write(&client, "PING", 4), 4);
    assert_true(stream_next_packet(&client, 0, &packet));
    assert_int_equal(packet.sequence, 0);
    assert_int_equal(packet.bytes, 4);
    assert_int_equal(stream_deadline_ns(&client), STREAM_RETRY_NS);
    assert_true(stream_receive(&guest, 0, &packet));
    assert_false(stream_next_packet(&guest, 0, &packet)); /* unread is unacknowledged */

    assert_int_equal(stream_read(&guest, text, sizeof text), 4);
    assert_memory_equal(text, "PING", 4);
    assert_int_equal(stream_write(&guest, "PONG!", 5), 5);
    assert_true(stream_next_packet(&guest, 1, &packet));
    assert_int_equal(packet.ack, 4);
    assert_true(stream_receive(&client, 1, &packet));
    assert_int_equal(stream_deadline_ns(&client), UINT64_MAX);
    assert_int_equal(stream_read(&client, text, sizeof text), 5);

    assert_true(stream_next_packet(&client, 2, &packet));
    assert_int_equal(packet.bytes, 0);
    assert_int_equal(packet.ack, 5);
    assert_true(stream_receive(&guest, 2, &packet));
    assert_false(stream_next_packet(&client, 2, &packet));
    assert_false(stream_next_packet(&guest, 2, &packet));
    assert_int_equal(stream_deadline_ns(&guest), UINT64_MAX);
}

static void test_the_window_bounds_what_is_unacknowledged(void **state)
{
    static uint8_t data[STREAM_WINDOW_BYTES + 100];
    struct stream near, far;
    struct stream_packet packet;
    (void)state;
    stream_init(&near);
    stream_init(&far);

    assert_int_equal(stream_write(&near, data, sizeof data), STREAM_WINDOW_BYTES);
    assert_true(near.was_short);
    assert_int_equal(stream_room(&near), 0);
    exchange(&near, &far, 0);
    exchange(&far, &near, 0);
    assert_int_equal(stream_room(&near), 0); /* arrived is not read */
    assert_int_equal(stream_read(&far, data, 1000), 1000);
    exchange(&far, &near, 0);
    assert_int_equal(stream_room(&near), 1000);
    assert_int_equal(stream_write(&near, data, 100), 100);
    assert_false(near.was_short);
    exchange(&near, &far, 0);
    assert_int_equal(far.to_read_count, STREAM_WINDOW_BYTES - 900);
    assert_false(stream_next_packet(&near, 0, &packet));
}

static void test_retries_double_up_to_the_longest(void **state)
{
    static const uint64_t waits_ms[] = {20, 40, 80, 160, 160, 160};
    struct stream near;
    struct stream_packet packet;
    uint64_t now_ns = 0;
    (void)state;
    stream_init(&near);
    stream_write(&near, "x", 1);
    assert_true(stream_next_packet(&near, now_ns, &packet));
    for (size_t i = 0; i < sizeof waits_ms / sizeof waits_ms[0]; i++) {
        assert_int_equal(stream_deadline_ns(&near) - now_ns, waits_ms[i] * NS_PER_MS);
        now_ns = stream_deadline_ns(&near);
        assert_false(stream_next_packet(&near, now_ns - 1, &packet));
        assert_true(stream_next_packet(&near, now_ns, &packet));
        assert_int_equal(packet.sequence, 0);
        assert_int_equal(packet.bytes, 1);
    }
    packet = (struct stream_packet){.ack = 1};
    assert_true(stream_receive(&near, now_ns, &packet));
    stream_write(&near, "y", 1);
    assert_true(stream_next_packet(&near, now_ns, &packet));
    assert_int_equal(stream_deadline_ns(&near) - now_ns, STREAM_RETRY_NS);
}

static void test_closing_ends_both_ways(void **state)
{
    struct stream near, far;
    char text[8];
    (void)state;
    stream_init(&near);
    stream_init(&far);
    stream_write(&near, "last", 4);
    stream_close(&near);
    assert_int_equal(stream_write(&near, "more", 4), 0);
    exchange(&near, &far, 0);
    assert_false(stream_is_at_end(&far));
    assert_int_equal(stream_read(&far, text, sizeof text), 4);
    assert_true(stream_is_at_end(&far));
    assert_int_equal(stream_write(&far, "bye", 3), 3); /* the other direction is still open */
    stream_close(&far);
    exchange(&far, &near, 0);
    assert_false(stream_is_over(&near));
    assert_int_equal(stream_read(&near, text, sizeof text), 3);
    exchange(&near, &far, 0);
    assert_true(stream_is_over(&near));
    assert_true(stream_is_over(&far));
    assert_int_equal(stream_deadline_ns(&near), UINT64_MAX);
    assert_int_equal(stream_deadline_ns(&far), UINT64_MAX);
}

static void test_contradictions_are_refused_and_change_nothing(void **state)
{
    static const struct {
        const char *what;
        uint64_t sequence, ack;
        uint32_t bytes;
        bool is_fin;
    } rows[] = {
        {"acknowledges bytes never sent", 10, 6, 0, false},
        {"acknowledges far too much", 10, UINT64_MAX, 0, false},
        {"claims more than a packet holds", 10, 5, STREAM_WINDOW_BYTES + 1, false},
        {"claims far more than a packet holds", 10, 5, UINT32_MAX, false},
        {"bytes behind the end", 10, 5, 1, false},
        {"bytes across the end", 5, 5, 20, false},
        {"a second end", 10, 5, 0, true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        static struct stream_packet packet;
        static struct stream near, before;
        stream_init(&near);
        stream_write(&near, "hello", 5);
        assert_true(stream_next_packet(&near, 0, &packet));
        packet = (struct stream_packet){.bytes = 9, .is_fin = true};
        assert_true(stream_receive(&near, 0, &packet));
        before = near;
        packet = (struct stream_packet){.sequence = rows[i].sequence,
                                        .ack = rows[i].ack,
                                        .bytes = rows[i].bytes,
                                        .is_fin = rows[i].is_fin};
        if (stream_receive(&near, 1, &packet))
            fail_msg("accepted: %s", rows[i].what);
        assert_memory_equal(&near, &before, sizeof near);
    }
}

static void test_more_than_the_window_is_refused(void **state)
{
    static struct stream_packet packet;
    static struct stream near;
    (void)state;
    stream_init(&near);
    packet = (struct stream_packet){.bytes = STREAM_WINDOW_BYTES};
    assert_true(stream_receive(&near, 0, &packet));
    packet = (struct stream_packet){.sequence = STREAM_WINDOW_BYTES, .bytes = 1};
    assert_false(stream_receive(&near, 0, &packet));
    assert_int_equal(near.to_read_count, STREAM_WINDOW_BYTES);
}

static void test_a_moved_end_says_so_and_both_send_again(void **state)
{
    struct stream client, guest;
    struct stream_packet lost, packet;
    (void)state;
    stream_init(&client);
    stream_init(&guest);
    stream_write(&client, "ask", 3);
    assert_true(stream_next_packet(&client, 0, &lost));
    stream_write(&guest, "tell", 4);
    assert_true(stream_next_packet(&guest, 0, &lost));

    stream_rehome(&guest);
    assert_true(stream_next_packet(&guest, 1, &packet));
    assert_true(packet.is_rehome);
    assert_int_equal(packet.bytes, 4);
    assert_false(stream_next_packet(&guest, 1, &lost));
    assert_true(stream_receive(&client, 1, &packet));
    assert_true(stream_next_packet(&client, 1, &packet)); /* at once: not after 20 ms */
    assert_false(packet.is_rehome);
    assert_int_equal(packet.sequence, 0);
    assert_int_equal(packet.bytes, 3);
    assert_true(stream_receive(&guest, 1, &packet));
    assert_int_equal(guest.to_read_count, 3);
    assert_int_equal(client.to_read_count, 4);

    /* With nothing to send the announcement still goes out, and is answered. */
    stream_init(&client);
    stream_init(&guest);
    stream_rehome(&guest);
    assert_true(stream_next_packet(&guest, 2, &packet));
    assert_true(packet.is_rehome);
    assert_true(stream_receive(&client, 2, &packet));
    assert_true(stream_next_packet(&client, 2, &packet));
    assert_false(stream_next_packet(&client, 2, &packet));
}

/* ---- A bad network ---- */

struct weather {
    const char *name;
    unsigned lost, doubled, late, cut, moved; /* of 100 packets; moved: of 1000 steps */
};

static const struct weather weathers[] = {
    {"fair", 0, 0, 0, 0, 0},         {"lossy", 20, 0, 0, 0, 0},   {"doubling", 0, 30, 0, 0, 0},
    {"reordering", 0, 0, 40, 0, 0},  {"cutting", 0, 0, 0, 30, 0}, {"moving", 5, 0, 0, 0, 20},
    {"all of it", 15, 15, 20, 15, 5}};

enum { FLIGHT_MAX = 64, TOTAL_BYTES = 60000, STEPS_MAX = 400000 };

struct flight {
    struct stream_packet packet;
    uint64_t arrives_ns;
    unsigned to;
    bool is_used;
};

struct net {
    struct stream ends[2];
    uint64_t written[2], read[2]; /* positions, by the end that does it */
    struct flight flights[FLIGHT_MAX];
    struct prng prng;
    const struct weather *weather;
    uint64_t now_ns;
};

static bool happens(struct net *net, unsigned percent)
{
    return prng_below(&net->prng, 100) < percent;
}

static void net_put(struct net *net, unsigned to, const struct stream_packet *packet)
{
    if (happens(net, net->weather->lost))
        return;
    for (unsigned i = 0; i < FLIGHT_MAX; i++) {
        struct flight *flight = &net->flights[i];
        if (flight->is_used)
            continue;
        *flight = (struct flight){.packet = *packet, .to = to, .is_used = true};
        flight->arrives_ns = net->now_ns + NS_PER_MS;
        if (happens(net, net->weather->late))
            flight->arrives_ns += prng_below(&net->prng, 50 * NS_PER_MS);
        if (flight->packet.bytes > 0 && happens(net, net->weather->cut)) {
            flight->packet.bytes = (uint32_t)prng_below(&net->prng, flight->packet.bytes);
            flight->packet.is_fin = false;
        }
        return;
    }
}

/* A move: the state travels as bytes, what is on its way to the old place is lost. */
static void net_move(struct net *net, unsigned end)
{
    struct bytes saved = {0};
    struct bytes_reader reader;
    for (unsigned i = 0; i < FLIGHT_MAX; i++)
        if (net->flights[i].to == end)
            net->flights[i].is_used = false;
    stream_save(&net->ends[end], &saved);
    memset(&net->ends[end], 0xee, sizeof net->ends[end]);
    bytes_reader_init(&reader, saved.data, saved.count);
    assert_true(stream_load(&net->ends[end], &reader));
    assert_true(bytes_is_done(&reader));
    bytes_fini(&saved);
    stream_rehome(&net->ends[end]);
}

static void net_step_end(struct net *net, unsigned end)
{
    struct stream *stream = &net->ends[end];
    uint8_t data[6000];
    static struct stream_packet packet;

    if (prng_below(&net->prng, 1000) < net->weather->moved)
        net_move(net, end);
    if (happens(net, 50) && net->written[end] < TOTAL_BYTES) {
        uint32_t count = (uint32_t)prng_below(&net->prng, sizeof data);
        if (count > TOTAL_BYTES - net->written[end])
            count = (uint32_t)(TOTAL_BYTES - net->written[end]);
        for (uint32_t i = 0; i < count; i++)
            data[i] = byte_at(end, net->written[end] + i);
        net->written[end] += stream_write(stream, data, count);
    }
    if (net->written[end] == TOTAL_BYTES)
        stream_close(stream);
    if (happens(net, 50)) {
        uint32_t count = stream_read(stream, data, 1 + (uint32_t)prng_below(&net->prng, 5000));
        for (uint32_t i = 0; i < count; i++)
            assert_int_equal(data[i], byte_at(1 - end, net->read[end] + i));
        net->read[end] += count;
    }
    while (stream_next_packet(stream, net->now_ns, &packet)) {
        assert_true(packet.bytes <= STREAM_WINDOW_BYTES);
        net_put(net, 1 - end, &packet);
        if (happens(net, net->weather->doubled))
            net_put(net, 1 - end, &packet);
    }
}

static void test_bad_networks_lose_no_byte(void **state)
{
    static struct net net;
    (void)state;
    for (uint64_t round = 0; round < 20 * (sizeof weathers / sizeof weathers[0]); round++) {
        unsigned steps = 0;
        memset(&net, 0, sizeof net);
        net.weather = &weathers[round / 20];
        net.prng = prng_make(round, 1);
        stream_init(&net.ends[0]);
        stream_init(&net.ends[1]);
        while (!stream_is_over(&net.ends[0]) || !stream_is_over(&net.ends[1])) {
            if (++steps > STEPS_MAX)
                fail_msg("%s network, seed %llu: no end", net.weather->name,
                         (unsigned long long)round);
            net.now_ns += NS_PER_MS;
            for (unsigned i = 0; i < FLIGHT_MAX; i++) {
                struct flight *flight = &net.flights[i];
                if (!flight->is_used || flight->arrives_ns > net.now_ns)
                    continue;
                flight->is_used = false;
                assert_true(stream_receive(&net.ends[flight->to], net.now_ns, &flight->packet));
            }
            net_step_end(&net, 0);
            net_step_end(&net, 1);
        }
        assert_int_equal(net.read[0], TOTAL_BYTES);
        assert_int_equal(net.read[1], TOTAL_BYTES);
    }
}

/* ---- Saved states ---- */

static void busy_stream(struct stream *stream)
{
    static struct stream_packet packet;
    stream_init(stream);
    stream_write(stream, "0123456789", 10);
    assert_true(stream_next_packet(stream, 5, &packet));
    stream_write(stream, "abc", 3);
    packet = (struct stream_packet){.bytes = 7};
    assert_true(stream_receive(stream, 5, &packet));
}

static bool loads(const struct stream *stream)
{
    static struct stream loaded;
    struct bytes saved = {0};
    struct bytes_reader reader;
    bool is_loaded;
    stream_save(stream, &saved);
    bytes_reader_init(&reader, saved.data, saved.count);
    is_loaded = stream_load(&loaded, &reader);
    bytes_fini(&saved);
    return is_loaded;
}

static void test_impossible_numbers_are_refused(void **state)
{
    static struct stream stream;
    (void)state;
#define REFUSES(change)          \
    busy_stream(&stream);        \
    assert_true(loads(&stream)); \
    change;                      \
    assert_false(loads(&stream))
    REFUSES(stream.una = 11);
    REFUSES(stream.una = UINT64_MAX);
    REFUSES(stream.next = 14);
    REFUSES(stream.expected = 6);
    REFUSES(stream.expected = UINT64_MAX);
    REFUSES(stream.retry_at_ns = UINT64_MAX);
    REFUSES(stream.retry_after_ns = 0);
    REFUSES(stream.retry_after_ns = UINT64_MAX);
    REFUSES(stream.fin_sent = true);
    REFUSES(stream.fin_acked = true);
    REFUSES(stream.fin_received = true; stream.expected = 7);
    REFUSES(stream.next = stream.una);
#undef REFUSES
}

static void test_cut_and_damaged_states_do_no_harm(void **state)
{
    static struct stream stream, loaded;
    struct bytes saved = {0};
    struct bytes_reader reader;
    struct prng prng = prng_make(1, 2);
    (void)state;
    busy_stream(&stream);
    stream_save(&stream, &saved);
    for (size_t count = 0; count < saved.count; count++) {
        uint8_t *exact = malloc(count + 1);
        memcpy(exact, saved.data, count);
        bytes_reader_init(&reader, exact, count);
        assert_false(stream_load(&loaded, &reader));
        free(exact);
    }
    for (int i = 0; i < 20000; i++) {
        size_t at = prng_below(&prng, saved.count);
        uint8_t old = saved.data[at];
        static struct stream_packet packet;
        saved.data[at] = (uint8_t)prng_next(&prng);
        bytes_reader_init(&reader, saved.data, saved.count);
        if (stream_load(&loaded, &reader)) {
            (void)stream_next_packet(&loaded, UINT64_MAX / 2, &packet);
            (void)stream_receive(&loaded, UINT64_MAX / 2, &packet);
        }
        saved.data[at] = old;
    }
    bytes_fini(&saved);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_request_and_its_answer_need_three_packets),
        cmocka_unit_test(test_the_window_bounds_what_is_unacknowledged),
        cmocka_unit_test(test_retries_double_up_to_the_longest),
        cmocka_unit_test(test_closing_ends_both_ways),
        cmocka_unit_test(test_contradictions_are_refused_and_change_nothing),
        cmocka_unit_test(test_more_than_the_window_is_refused),
        cmocka_unit_test(test_a_moved_end_says_so_and_both_send_again),
        cmocka_unit_test(test_bad_networks_lose_no_byte),
        cmocka_unit_test(test_impossible_numbers_are_refused),
        cmocka_unit_test(test_cut_and_damaged_states_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
