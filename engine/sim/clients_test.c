/* Clients against a server played by the test: right answers are counted, every other is an error.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sim/clients.h"

struct play {
    struct clients clients;
    struct event_list events;
    struct stream server;
    uint64_t now_ns;
};

static struct client *play_open(struct play *play)
{
    *play = (struct play){0};
    clients_init(&play->clients, &dialect_kv, 1, 1000, 9, &play->events);
    stream_init(&play->server);
    client_connected(&play->clients, &play->clients.items[0], 0);
    return &play->clients.items[0];
}

static void play_close(struct play *play)
{
    clients_fini(&play->clients);
    event_list_fini(&play->events);
}

static void carry(struct play *play)
{
    struct client *client = &play->clients.items[0];
    struct stream_packet packet;
    while (stream_next_packet(&client->stream, play->now_ns, &packet))
        assert_true(stream_receive(&play->server, play->now_ns, &packet));
    while (stream_next_packet(&play->server, play->now_ns, &packet))
        assert_true(stream_receive(&client->stream, play->now_ns, &packet));
    client_read(&play->clients, client, play->now_ns);
}

static void hear(struct play *play, char *text, uint32_t capacity)
{
    carry(play);
    uint32_t count = stream_read(&play->server, text, capacity - 1);
    text[count] = '\0';
}

static void say(struct play *play, const char *text)
{
    stream_write(&play->server, text, (uint32_t)strlen(text));
    carry(play);
}

static uint32_t count_answers(const struct play *play, bool is_wrong)
{
    uint32_t count = 0;
    for (size_t i = 0; i < play->events.count; i++)
        count += play->events.items[i].kind == EVENT_REQUEST_ANSWERED &&
                 play->events.items[i].request_answered.is_wrong == is_wrong;
    return count;
}

/* A server with one key's memory is enough: the clients know what they wrote. */
static void answer_rightly(const char *request, char *answer, size_t capacity,
                           char values[CLIENT_KEYS_DEFAULT][48], uint64_t *counter)
{
    const char *key = strstr(request, "key:");
    uint64_t key_idx = 0;
    if (key != NULL)
        sscanf(key, "key:%8llu", (unsigned long long *)&key_idx);
    if (strstr(request, "SET") != NULL) {
        const char *value = strstr(key, "$");
        unsigned count = 0;
        sscanf(value, "$%u", &count);
        snprintf(values[key_idx], 48, "%.*s", (int)count, strchr(value, '\n') + 1);
        snprintf(answer, capacity, "+OK\r\n");
    } else if (strstr(request, "INCR") != NULL) {
        snprintf(answer, capacity, ":%llu\r\n", (unsigned long long)++*counter);
    } else if (values[key_idx][0] != '\0') {
        snprintf(answer, capacity, "$%zu\r\n%.47s\r\n", strlen(values[key_idx]), values[key_idx]);
    } else {
        snprintf(answer, capacity, "$-1\r\n");
    }
}

static void test_right_answers_are_right(void **state)
{
    static char values[CLIENT_KEYS_DEFAULT][48];
    struct play play;
    struct client *client = play_open(&play);
    char request[512], answer[96];
    uint64_t counter = 0;
    (void)state;

    hear(&play, request, sizeof request);
    assert_string_equal(request, "*1\r\n$6\r\nDBSIZE\r\n");
    say(&play, ":0\r\n");
    assert_int_equal(client->state, CLIENT_TALKING);
    for (int i = 0; i < 500; i++) {
        play.now_ns = client->due_ns;
        client_tick(&play.clients, client, play.now_ns);
        hear(&play, request, sizeof request);
        answer_rightly(request, answer, sizeof answer, values, &counter);
        say(&play, answer);
    }
    assert_int_equal(count_answers(&play, false), 501);
    assert_int_equal(count_answers(&play, true), 0);
    assert_true(counter > 20 && counter < 200);
    play_close(&play);
}

static void assert_is_wrong(const char *answer)
{
    struct play play;
    struct client *client = play_open(&play);
    char request[512];

    hear(&play, request, sizeof request);
    say(&play, ":0\r\n");
    play.now_ns = client->due_ns;
    client_tick(&play.clients, client, play.now_ns);
    hear(&play, request, sizeof request);
    say(&play, answer);
    if (count_answers(&play, true) != 1)
        fail_msg("\"%s\" was not seen to be wrong", answer);
    assert_int_equal(client->state, CLIENT_FAILED);
    play_close(&play);
}

static void test_wrong_answers_are_wrong(void **state)
{
    (void)state;
    assert_is_wrong("-ERR unknown command\r\n");
    assert_is_wrong("+OK\r\n:1\r\n"); /* a doubled answer, whichever was due */
    assert_is_wrong("$-1\r\n$-1\r\n");
    assert_is_wrong(":1\r\n:1\r\n");
    assert_is_wrong("\r\n");
}

static void test_a_server_that_hangs_up_loses_an_answer(void **state)
{
    struct play play;
    struct client *client = play_open(&play);
    char request[512];
    (void)state;

    hear(&play, request, sizeof request);
    say(&play, ":0\r\n");
    play.now_ns = client->due_ns;
    client_tick(&play.clients, client, play.now_ns);
    hear(&play, request, sizeof request);
    stream_close(&play.server);
    carry(&play);
    assert_int_equal(count_answers(&play, true), 1);
    assert_int_equal(client->state, CLIENT_FAILED);
    play_close(&play);
}

static void test_no_more_than_a_few_are_outstanding(void **state)
{
    struct play play;
    struct client *client = play_open(&play);
    char request[4096];
    (void)state;
    hear(&play, request, sizeof request);
    say(&play, ":12000\r\n");
    client_tick(&play.clients, client, client->base_ns + 1000000000);
    assert_int_equal(client->outstanding_count, CLIENT_OUTSTANDING_MAX);
    assert_true(play.clients.is_preloaded);
    assert_int_equal(play.clients.key_count, 12000);
    play_close(&play);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_right_answers_are_right),
        cmocka_unit_test(test_wrong_answers_are_wrong),
        cmocka_unit_test(test_a_server_that_hangs_up_loses_an_answer),
        cmocka_unit_test(test_no_more_than_a_few_are_outstanding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
