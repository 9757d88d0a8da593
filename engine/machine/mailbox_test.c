/* The guest's side and the world's side of one mailbox, with a client's stream at the other end. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "machine/hypercall.h"
#include "machine/mailbox.h"

static struct mailbox mailbox;
static struct stream clients[MAILBOX_STREAMS];

static int setup(void **state)
{
    (void)state;
    mailbox_init(&mailbox);
    for (unsigned i = 0; i < MAILBOX_STREAMS; i++)
        stream_init(&clients[i]);
    return 0;
}

/* Everything that anybody has to say goes through, until silence. */
static void settle(uint64_t now_ns)
{
    static struct stream_packet packet;
    bool has_moved = true;
    while (has_moved) {
        uint32_t idx;
        has_moved = false;
        for (uint32_t i = 0; i < MAILBOX_STREAMS; i++)
            while (stream_next_packet(&clients[i], now_ns, &packet)) {
                mailbox_deliver(&mailbox, now_ns, i, &packet);
                has_moved = true;
            }
        while (mailbox_packet(&mailbox, now_ns, &idx, &packet)) {
            assert_true(stream_receive(&clients[idx], now_ns, &packet));
            has_moved = true;
        }
    }
}

static void open_stream(uint32_t idx)
{
    assert_int_equal(mailbox_listen(&mailbox, 6379), 0);
    stream_init(&clients[idx]);
    assert_true(mailbox_connect(&mailbox, idx, 6379));
    assert_int_equal(mailbox_accept(&mailbox), idx);
}

static void test_listening(void **state)
{
    (void)state;
    assert_false(mailbox_connect(&mailbox, 3, 6379));
    assert_int_equal(mailbox_listen(&mailbox, 0), HYPERCALL_INVALID_PARAM);
    assert_int_equal(mailbox_listen(&mailbox, 65536), HYPERCALL_INVALID_PARAM);
    assert_int_equal(mailbox_listen(&mailbox, 6379), 0);
    assert_false(mailbox_connect(&mailbox, 3, 0));
    assert_false(mailbox_connect(&mailbox, 3, 80));
    assert_false(mailbox_connect(&mailbox, MAILBOX_STREAMS, 6379));
    assert_true(mailbox_connect(&mailbox, 3, 6379));
    assert_false(mailbox_connect(&mailbox, 3, 6379)); /* in use */
    for (uint64_t port = 1; port < MAILBOX_PORTS; port++)
        assert_int_equal(mailbox_listen(&mailbox, port), 0);
    assert_int_equal(mailbox_listen(&mailbox, 1), 0); /* twice is once */
    assert_int_equal(mailbox_listen(&mailbox, 99), HYPERCALL_FAILED);
}

static void test_calls_on_streams_that_are_not_the_guests(void **state)
{
    char text[4];
    (void)state;
    assert_int_equal(mailbox_accept(&mailbox), HYPERCALL_WOULD_BLOCK);
    assert_int_equal(mailbox_listen(&mailbox, 6379), 0);
    assert_true(mailbox_connect(&mailbox, 5, 6379)); /* calling, not accepted */
    const uint64_t streams[] = {0, 5, MAILBOX_STREAMS, UINT64_MAX};
    for (size_t i = 0; i < sizeof streams / sizeof streams[0]; i++) {
        assert_int_equal(mailbox_receive(&mailbox, streams[i], text, 4), HYPERCALL_INVALID_PARAM);
        assert_int_equal(mailbox_send(&mailbox, streams[i], text, 4), HYPERCALL_INVALID_PARAM);
        assert_int_equal(mailbox_close(&mailbox, streams[i]), HYPERCALL_INVALID_PARAM);
    }
}

static void test_a_conversation(void **state)
{
    char text[8];
    (void)state;
    open_stream(3);
    assert_false(mailbox_wants_attention(&mailbox));
    assert_int_equal(mailbox_receive(&mailbox, 3, text, 8), HYPERCALL_WOULD_BLOCK);
    stream_write(&clients[3], "ask", 3);
    settle(0);
    assert_true(mailbox_wants_attention(&mailbox));
    assert_int_equal(mailbox_receive(&mailbox, 3, text, 2), 2);
    assert_int_equal(mailbox_receive(&mailbox, 3, text + 2, 6), 1);
    assert_memory_equal(text, "ask", 3);
    assert_int_equal(mailbox_send(&mailbox, 3, "answer", 6), 6);
    settle(0);
    assert_int_equal(stream_read(&clients[3], text, 8), 6);
    settle(0);
    assert_int_equal(mailbox_deadline_ns(&mailbox), UINT64_MAX);
    stream_close(&clients[3]);
    settle(0);
    assert_true(mailbox_wants_attention(&mailbox));
    assert_int_equal(mailbox_receive(&mailbox, 3, text, 8), 0);
    assert_int_equal(mailbox_close(&mailbox, 3), 0);
    assert_int_equal(mailbox_close(&mailbox, 3), HYPERCALL_INVALID_PARAM);
    assert_false(mailbox_wants_attention(&mailbox));
    settle(0);
    assert_true(stream_is_over(&clients[3]));
    open_stream(3); /* the number is free again */
}

static void test_the_last_acknowledgement_can_be_had_again(void **state)
{
    static struct stream_packet packet;
    uint32_t idx;
    (void)state;
    open_stream(3);
    assert_int_equal(mailbox_close(&mailbox, 3), 0);
    settle(0);
    stream_close(&clients[3]);
    assert_true(stream_next_packet(&clients[3], 0, &packet));
    mailbox_deliver(&mailbox, 0, 3, &packet);
    assert_true(mailbox_packet(&mailbox, 0, &idx, &packet)); /* and is lost */
    assert_false(stream_is_over(&clients[3]));
    settle(STREAM_RETRY_NS);
    assert_true(stream_is_over(&clients[3]));
}

static void test_closing_with_bytes_unread(void **state)
{
    static uint8_t data[STREAM_WINDOW_BYTES];
    (void)state;
    open_stream(3);
    stream_write(&clients[3], data, sizeof data);
    settle(0);
    assert_int_equal(mailbox_send(&mailbox, 3, "-ERR", 4), 4);
    assert_int_equal(mailbox_close(&mailbox, 3), 0);
    settle(0);
    assert_int_equal(stream_write(&clients[3], data, sizeof data), sizeof data);
    settle(0);
    stream_close(&clients[3]);
    assert_int_equal(stream_read(&clients[3], data, sizeof data), 4);
    settle(0);
    assert_true(stream_is_over(&clients[3]));
}

static void test_poll_reports_each_reason_and_starves_nobody(void **state)
{
    static uint8_t data[STREAM_WINDOW_BYTES + 1];
    uint32_t streams[8];
    (void)state;
    open_stream(10);
    open_stream(20);
    open_stream(30);
    assert_true(mailbox_connect(&mailbox, 40, 6379));
    assert_true(mailbox_connect(&mailbox, 41, 6379));
    assert_int_equal(mailbox_send(&mailbox, 10, data, sizeof data), STREAM_WINDOW_BYTES);
    assert_int_equal(mailbox_send(&mailbox, 10, data, 1), HYPERCALL_WOULD_BLOCK);
    settle(0);
    stream_write(&clients[20], "x", 1);
    stream_close(&clients[30]);
    stream_write(&clients[10], "y", 1); /* no news: its last answer is not out yet */
    settle(0);
    assert_int_equal(mailbox_poll(&mailbox, streams, 8), 3);
    assert_int_equal(streams[0], 20);
    assert_int_equal(streams[1], 30);
    assert_int_equal(streams[2], MAILBOX_CALLER); /* once, however many call */
    stream_read(&clients[10], data, 100);
    settle(0);
    assert_int_equal(mailbox_poll(&mailbox, streams, 1), 4); /* all count, one is written */
    assert_int_equal(streams[0], MAILBOX_CALLER);
    assert_int_equal(mailbox_poll(&mailbox, streams, 1), 4);
    assert_int_equal(streams[0], 10); /* has room again */
    assert_int_equal(mailbox_poll(&mailbox, streams, 2), 4);
    assert_int_equal(streams[0], 20);
    assert_int_equal(streams[1], 30);
    assert_int_equal(mailbox_send(&mailbox, 10, data, 100), 100);
    assert_int_equal(mailbox_receive(&mailbox, 10, data, 100), 1);
    assert_int_equal(mailbox_poll(&mailbox, streams, 8), 3);
    assert_int_equal(streams[0], MAILBOX_CALLER);
    assert_int_equal(streams[1], 20);
}

static void test_a_move_announces_every_stream(void **state)
{
    static struct stream_packet packet;
    struct bytes saved = {0};
    struct bytes_reader reader;
    uint32_t idx;
    char text[8];
    (void)state;
    open_stream(1);
    open_stream(2);
    assert_true(mailbox_connect(&mailbox, 7, 6379));
    stream_write(&clients[1], "lost", 4);
    assert_true(stream_next_packet(&clients[1], 0, &packet)); /* on its way to the old host */
    assert_int_equal(mailbox_send(&mailbox, 2, "also", 4), 4);
    assert_true(mailbox_packet(&mailbox, 0, &idx, &packet)); /* lost on its way from there */

    mailbox_save(&mailbox, &saved);
    memset(&mailbox, 0xee, sizeof mailbox);
    bytes_reader_init(&reader, saved.data, saved.count);
    assert_true(mailbox_load(&mailbox, &reader));
    assert_true(bytes_is_done(&reader));
    bytes_fini(&saved);

    assert_int_equal(mailbox_rehome(&mailbox), 3);
    settle(1); /* at once: no timer is due */
    assert_int_equal(mailbox_receive(&mailbox, 1, text, 8), 4);
    assert_memory_equal(text, "lost", 4);
    assert_int_equal(stream_read(&clients[2], text, 8), 4);
    assert_memory_equal(text, "also", 4);
    assert_int_equal(mailbox_accept(&mailbox), 7);
    assert_false(mailbox_connect(&mailbox, 3, 80));
    assert_true(mailbox_connect(&mailbox, 3, 6379)); /* it still listens */
}

static void test_packets_for_nobody_are_dropped(void **state)
{
    static struct stream_packet packet = {.bytes = 5};
    (void)state;
    mailbox_deliver(&mailbox, 0, 9, &packet);
    mailbox_deliver(&mailbox, 0, MAILBOX_STREAMS, &packet);
    mailbox_deliver(&mailbox, 0, UINT32_MAX, &packet);
    assert_false(mailbox_wants_attention(&mailbox));
    assert_int_equal(mailbox_deadline_ns(&mailbox), UINT64_MAX);
}

static void test_broken_states_are_refused(void **state)
{
    static struct mailbox loaded;
    struct bytes saved = {0};
    struct bytes_reader reader;
    size_t slots_at = MAILBOX_PORTS * 2 + 1;
    (void)state;
    open_stream(1);
    open_stream(2);
    mailbox_save(&mailbox, &saved);
    for (size_t count = 0; count < saved.count; count++) {
        uint8_t *exact = malloc(count + 1);
        memcpy(exact, saved.data, count);
        bytes_reader_init(&reader, exact, count);
        assert_false(mailbox_load(&loaded, &reader));
        free(exact);
    }
    const struct {
        size_t at;
        uint8_t value;
    } rows[] = {
        {slots_at - 1, MAILBOX_STREAMS},    /* the next to poll */
        {slots_at, 3},                      /* more slots than there are bytes for */
        {slots_at + 1, 2},                  /* slot 2 twice */
        {slots_at + 1, MAILBOX_STREAMS},    /* no such slot */
        {slots_at + 2, MAILBOX_FREE},       /* a free slot does not travel */
        {slots_at + 2, MAILBOX_CLOSED},     /* its stream is open */
        {slots_at + 2, MAILBOX_CLOSED + 1}, /* no such state */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t old = saved.data[rows[i].at];
        saved.data[rows[i].at] = rows[i].value;
        bytes_reader_init(&reader, saved.data, saved.count);
        if (mailbox_load(&loaded, &reader))
            fail_msg("row %zu was accepted", i);
        saved.data[rows[i].at] = old;
    }
    bytes_fini(&saved);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_listening, setup),
        cmocka_unit_test_setup(test_calls_on_streams_that_are_not_the_guests, setup),
        cmocka_unit_test_setup(test_a_conversation, setup),
        cmocka_unit_test_setup(test_the_last_acknowledgement_can_be_had_again, setup),
        cmocka_unit_test_setup(test_closing_with_bytes_unread, setup),
        cmocka_unit_test_setup(test_poll_reports_each_reason_and_starves_nobody, setup),
        cmocka_unit_test_setup(test_a_move_announces_every_stream, setup),
        cmocka_unit_test_setup(test_packets_for_nobody_are_dropped, setup),
        cmocka_unit_test_setup(test_broken_states_are_refused, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
