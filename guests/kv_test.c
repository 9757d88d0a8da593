/* kv, spoken to as clients speak to it: every command, any bytes, and what breaks the protocol. */
#include "guests/kv_talk.h"

/* ---- Every command, as one conversation: each row depends on those before it ---- */

struct exchange {
    const char *request, *answer;
};

static const struct exchange conversation[] = {
    {"*1\r\n$4\r\nPING\r\n", "+PONG\r\n"},
    {"*2\r\n$4\r\nping\r\n$2\r\nhi\r\n", "$2\r\nhi\r\n"},
    {"PING\r\n", "+PONG\r\n"},
    {"  pInG   there  \r\n", "$5\r\nthere\r\n"},
    {"PING\n", "+PONG\r\n"},
    {"\r\n", ""},
    {"*0\r\n", ""},
    {"*-1\r\n", ""},
    {"PING 1 2\r\n", "-ERR wrong number of arguments for 'ping' command\r\n"},
    {"*2\r\n$4\r\nECHO\r\n$3\r\na b\r\n", "$3\r\na b\r\n"},
    {"*2\r\n$4\r\nECHO\r\n$0\r\n\r\n", "$0\r\n\r\n"},
    {"ECHO\r\n", "-ERR wrong number of arguments for 'echo' command\r\n"},
    {"GET color\r\n", "$-1\r\n"},
    {"DBSIZE\r\n", ":0\r\n"},
    {"SET color green\r\n", "+OK\r\n"},
    {"GET color\r\n", "$5\r\ngreen\r\n"},
    {"get color\r\n", "$5\r\ngreen\r\n"},
    {"GET COLOR\r\n", "$-1\r\n"},
    {"DBSIZE\r\n", ":1\r\n"},
    {"MGET color\r\n", "*1\r\n$5\r\ngreen\r\n"},
    {"MGET none color none\r\n", "*3\r\n$-1\r\n$5\r\ngreen\r\n$-1\r\n"},
    {"MGET\r\n", "-ERR wrong number of arguments for 'mget' command\r\n"},
    {"SET color blue\r\n", "+OK\r\n"},
    {"GET color\r\n", "$4\r\nblue\r\n"},
    {"*3\r\n$3\r\nSET\r\n$5\r\ncolor\r\n$0\r\n\r\n", "+OK\r\n"},
    {"GET color\r\n", "$0\r\n\r\n"},
    {"*3\r\n$3\r\nSET\r\n$0\r\n\r\n$5\r\nempty\r\n", "+OK\r\n"},
    {"*2\r\n$3\r\nGET\r\n$0\r\n\r\n", "$5\r\nempty\r\n"},
    {"SET color blue EX 10\r\n", "-ERR syntax error\r\n"},
    {"SET color\r\n", "-ERR wrong number of arguments for 'set' command\r\n"},
    {"GET a b\r\n", "-ERR wrong number of arguments for 'get' command\r\n"},
    {"EXISTS color\r\n", ":1\r\n"},
    {"EXISTS color none color\r\n", ":2\r\n"},
    {"DEL none\r\n", ":0\r\n"},
    {"DEL color none color\r\n", ":1\r\n"},
    {"GET color\r\n", "$-1\r\n"},
    {"DEL\r\n", "-ERR wrong number of arguments for 'del' command\r\n"},
    {"INCR visits\r\n", ":1\r\n"},
    {"INCR visits\r\n", ":2\r\n"},
    {"GET visits\r\n", "$1\r\n2\r\n"},
    {"SET visits 99\r\n", "+OK\r\n"},
    {"INCR visits\r\n", ":100\r\n"},
    {"SET visits -1\r\n", "+OK\r\n"},
    {"INCR visits\r\n", ":0\r\n"},
    {"INCR visits\r\n", ":1\r\n"},
    {"SET visits -9223372036854775808\r\n", "+OK\r\n"},
    {"INCR visits\r\n", ":-9223372036854775807\r\n"},
    {"SET visits 9223372036854775806\r\n", "+OK\r\n"},
    {"INCR visits\r\n", ":9223372036854775807\r\n"},
    {"INCR visits\r\n", "-ERR increment or decrement would overflow\r\n"},
    {"GET visits\r\n", "$19\r\n9223372036854775807\r\n"},
    {"SET visits 9223372036854775808\r\n", "+OK\r\n"},
    {"INCR visits\r\n", "-ERR value is not an integer or out of range\r\n"},
    {"SET visits 1x\r\n", "+OK\r\n"},
    {"INCR visits\r\n", "-ERR value is not an integer or out of range\r\n"},
    {"SET visits 01\r\n", "+OK\r\n"},
    {"INCR visits\r\n", "-ERR value is not an integer or out of range\r\n"},
    {"SET visits -\r\n", "+OK\r\n"},
    {"INCR visits\r\n", "-ERR value is not an integer or out of range\r\n"},
    {"HGET a b\r\n", "-ERR unknown command 'HGET'\r\n"},
    {"*1\r\n$5\r\na'\r\nb\r\n", "-ERR unknown command 'a???b'\r\n"},
    {"GETX a\r\n", "-ERR unknown command 'GETX'\r\n"},
    {"GE a\r\n", "-ERR unknown command 'GE'\r\n"},
    {"COMMAND DOCS\r\n", "*0\r\n"},
    {"CONFIG GET save\r\n", "*2\r\n$4\r\nsave\r\n$0\r\n\r\n"},
    {"CONFIG SET save 1\r\n", "-ERR only CONFIG GET with one parameter is there\r\n"},
    {"SELECT 0\r\n", "+OK\r\n"},
    {"SELECT 1\r\n", "-ERR DB index is out of range\r\n"},
    {"DBSIZE\r\n", ":2\r\n"},
    {"FLUSHALL\r\n", "+OK\r\n"},
    {"DBSIZE\r\n", ":0\r\n"},
    {"GET visits\r\n", "$-1\r\n"},
};

#define EXCHANGES (sizeof conversation / sizeof conversation[0])

static void test_every_command(void **state)
{
    (void)state;
    for (size_t i = 0; i < EXCHANGES; i++)
        ask(0, conversation[i].request, conversation[i].answer);
}

static void test_pipelined_in_pieces_of_every_size(void **state)
{
    struct bytes requests = {0}, expected = {0};
    (void)state;
    for (size_t i = 0; i < EXCHANGES; i++) {
        bytes_put(&requests, conversation[i].request, strlen(conversation[i].request));
        bytes_put(&expected, conversation[i].answer, strlen(conversation[i].answer));
    }
    for (size_t piece = 1; piece < 100; piece++) {
        char about[32];
        snprintf(about, sizeof about, "pieces of %zu", piece);
        talk(0, requests.data, requests.count, piece);
        expect_bytes(expected.data, expected.count, about);
    }
    talk(0, requests.data, requests.count, SIZE_MAX);
    expect_bytes(expected.data, expected.count, "all at once");
    bytes_fini(&requests);
    bytes_fini(&expected);
}

static void test_it_checks_itself_and_says_so(void **state)
{
    uint8_t page[PAGE_BYTES], *found = NULL;
    (void)state;
    ask(0, "SET color green\r\n", "+OK\r\n");
    ask(0, "CHECK\r\n", "+OK\r\n");
    assert_non_null(strstr(stand_console(&stand), "kv: 1 keys checked, ok\n"));
    stream_write(&stand.clients[0], "SHUTDOWN\r\n", 10);
    stand_settle(&stand, NS_PER_S);
    assert_int_equal(stand.run.stop, GUEST_ENDED);
    assert_int_equal(stand.run.status, 0);

    /* A bit of a value turns over: of one that was set, and of one that was there from the start.
     */
    static const char *const rows[][3] = {
        {"kv", "GET color\r\n", "kv: a value is not what was set\n"},
        {"kv", "CHECK\r\n", "kv: the store is not what was put into it\n"},
        {"kv --preload 1MiB", "CHECK\r\n", "kv: the store is not what was put into it\n"},
    };
    for (unsigned i = 0; i < 3; i++) {
        stand_close(&stand);
        boot(rows[i][0], 8 * MIB);
        connect(0);
        ask(0, "SET color green-as-grass\r\n", "+OK\r\n");
        ask(0, "CHECK\r\n", "+OK\r\n");
        const char *victim = i == 2 ? "key:00000100" : "color\0\0\0green";
        found = NULL;
        for (uint64_t page_idx = stand.guest->total_pages; found == NULL; page_idx--) {
            stand.guest->ops->read_pages(stand.guest, page_idx - 1, 1, page);
            found = memmem(page, sizeof page, victim, 12);
            if (found == NULL)
                continue;
            found[18] ^= 1;
            stand.guest->ops->drop_page(stand.guest, page_idx - 1);
            stand.guest->ops->install_pages(stand.guest, page_idx - 1, 1, page);
        }
        stream_write(&stand.clients[0], rows[i][1], (uint32_t)strlen(rows[i][1]));
        stand_settle(&stand, NS_PER_S);
        assert_int_equal(stand.run.stop, GUEST_ENDED);
        assert_int_equal(stand.run.status, 1);
        assert_non_null(strstr(stand_console(&stand), rows[i][2]));
    }
}

static void test_info_tells_numbers(void **state)
{
    (void)state;
    connect(7);
    ask(0, "SET a 1\r\n", "+OK\r\n");
    talk(0, "INFO\r\n", 6, SIZE_MAX);
    bytes_put_u8(&answers, 0);
    const char *text = (const char *)answers.data;
    assert_int_equal(text[0], '$');
    assert_int_equal(strtoul(text + 1, NULL, 10), strlen(strchr(text, '\n') + 1) - 2);
    assert_non_null(strstr(text, "\r\nconnected_clients:2\r\n"));
    assert_non_null(strstr(text, "\r\ntotal_commands_processed:2\r\n"));
    assert_non_null(strstr(text, "\r\ndb0:keys=1,expires=0\r\n"));
}

/* ---- Bytes ---- */

static void test_keys_and_values_are_any_bytes(void **state)
{
    uint8_t all[512];
    struct bytes requests = {0}, expected = {0};
    (void)state;
    for (unsigned i = 0; i < sizeof all; i++)
        all[i] = (uint8_t)(i * 7);
    put_request(&requests, 3, "SET", (size_t)3, all, (size_t)300, all, sizeof all);
    put_request(&requests, 3, "SET", (size_t)3, "a\0b", (size_t)3, "\r\n", (size_t)2);
    put_request(&requests, 3, "SET", (size_t)3, "a\0c", (size_t)3, "\0", (size_t)1);
    put_request(&requests, 2, "GET", (size_t)3, all, (size_t)300);
    put_request(&requests, 2, "GET", (size_t)3, "a\0b", (size_t)3);
    put_request(&requests, 2, "GET", (size_t)3, "a\0c", (size_t)3);
    put_request(&requests, 2, "GET", (size_t)3, "a", (size_t)1);
    bytes_put(&expected, "+OK\r\n+OK\r\n+OK\r\n", 15);
    put_answer(&expected, all, sizeof all);
    put_answer(&expected, "\r\n", 2);
    put_answer(&expected, "\0", 1);
    bytes_put(&expected, "$-1\r\n", 5);
    for (size_t piece = 1; piece < 2000; piece += piece < 20 ? 1 : 400) {
        talk(0, requests.data, requests.count, piece);
        expect_bytes(expected.data, expected.count, "any bytes");
    }
    bytes_fini(&requests);
    bytes_fini(&expected);
}

static void test_values_of_all_sizes_up_to_the_largest(void **state)
{
    static const size_t sizes[] = {0,    1,    7,    8,    9,     63,    64,     500,     1000,
                                   2000, 4000, 4055, 4056, 4057,  4058,  4090,   4095,    4096,
                                   4097, 5000, 8192, 9999, 65536, 99999, 500000, 1048575, 1048576};
    uint8_t *value = malloc(1048576);
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct bytes requests = {0}, expected = {0};
        fill(value, sizes[i], i);
        put_request(&requests, 3, "SET", (size_t)3, "k", (size_t)1, value, sizes[i]);
        put_request(&requests, 2, "GET", (size_t)3, "k", (size_t)1);
        put_request(&requests, 2, "ECHO", (size_t)4, value, sizes[i]);
        put_request(&requests, 1, "PING", (size_t)4);
        bytes_put(&expected, "+OK\r\n", 5);
        put_answer(&expected, value, sizes[i]);
        put_answer(&expected, value, sizes[i]);
        bytes_put(&expected, "+PONG\r\n", 7);
        talk(0, requests.data, requests.count, SIZE_MAX);
        expect_bytes(expected.data, expected.count, "a large value");
        bytes_fini(&requests);
        bytes_fini(&expected);
    }
    free(value);
}

/* An answer of several windows, with small ones before and behind it. */
static void test_many_values_at_once(void **state)
{
    static const size_t sizes[] = {10, 1000, 3000, 20000, 300000};
    static uint8_t value[300000];
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct bytes requests = {0}, expected = {0};
        fill(value, sizes[i], i);
        put_request(&requests, 3, "SET", (size_t)3, "k", (size_t)1, value, sizes[i]);
        put_request(&requests, 1, "PING", (size_t)4);
        put_request(&requests, 4, "MGET", (size_t)4, "k", (size_t)1, "none", (size_t)4, "k",
                    (size_t)1);
        put_request(&requests, 1, "PING", (size_t)4);
        bytes_put(&expected, "+OK\r\n+PONG\r\n*3\r\n", 16);
        put_answer(&expected, value, sizes[i]);
        bytes_put(&expected, "$-1\r\n", 5);
        put_answer(&expected, value, sizes[i]);
        bytes_put(&expected, "+PONG\r\n", 7);
        talk(0, requests.data, requests.count, SIZE_MAX);
        expect_bytes(expected.data, expected.count, "many values");
        bytes_fini(&requests);
        bytes_fini(&expected);
    }
}

/* ---- What breaks the protocol: one error line, and the connection is closed ---- */

static void test_protocol_errors_close_the_connection(void **state)
{
    static const struct exchange rows[] = {
        {"*x\r\n", "-ERR Protocol error: invalid multibulk length\r\n"},
        {"*\r\n", "-ERR Protocol error: invalid multibulk length\r\n"},
        {"*1\rx", "-ERR Protocol error: invalid multibulk length\r\n"},
        {"*257\r\n", "-ERR Protocol error: invalid multibulk length\r\n"},
        {"*99999999999999999999", "-ERR Protocol error: invalid multibulk length\r\n"},
        {"*1\r\n+PING\r\n", "-ERR Protocol error: expected '$', got '+'\r\n"},
        {"*1\r\n\1", "-ERR Protocol error: expected '$', got '?'\r\n"},
        {"*1\r\n$-1\r\n", "-ERR Protocol error: invalid bulk length\r\n"},
        {"*1\r\n$x\r\n", "-ERR Protocol error: invalid bulk length\r\n"},
        {"*1\r\n$1048577\r\n", "-ERR Protocol error: invalid bulk length\r\n"},
        {"*1\r\n$4294967300\r\n", "-ERR Protocol error: invalid bulk length\r\n"},
        {"*1\r\n$9999999999999", "-ERR Protocol error: invalid bulk length\r\n"},
        {"*1\r\n$4\r\nPINGxx", "-ERR Protocol error: expected the end of a bulk string\r\n"},
        {"PING\r\n*1\r\n$4\r\nPING\r\n*y\r\nPING\r\n",
         "+PONG\r\n+PONG\r\n-ERR Protocol error: invalid multibulk length\r\n"},
        {"QUIT\r\nPING\r\n", "+OK\r\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (size_t piece = 1; piece < 100; piece += 98) {
            talk(0, rows[i].request, strlen(rows[i].request), piece);
            expect_bytes(rows[i].answer, strlen(rows[i].answer), rows[i].request);
            assert_true(stream_is_at_end(&stand.clients[0]));
            stream_close(&stand.clients[0]);
            stand_settle(&stand, NS_PER_S);
            assert_true(stream_is_over(&stand.clients[0]));
            connect(0);
            ask(0, "PING\r\n", "+PONG\r\n");
        }
}

static void test_requests_without_an_end_are_bounded(void **state)
{
    struct bytes line = {0}, array = {0};
    uint8_t *value = calloc(1, MIB);
    const char *error = "-ERR Protocol error: too big inline request\r\n";
    (void)state;
    memset(bytes_extend(&line, 3000), 'x', 3000);
    talk(0, line.data, line.count, SIZE_MAX);
    expect_bytes(error, strlen(error), "3000 bytes without a line end");
    stream_close(&stand.clients[0]);
    stand_settle(&stand, NS_PER_S);
    connect(0);

    error = "-ERR Protocol error: too big request\r\n";
    put_request(&array, 3, "DEL", (size_t)3, value, (size_t)MIB, value, (size_t)MIB);
    talk(0, array.data, array.count, SIZE_MAX);
    expect_bytes(error, strlen(error), "two megabytes in one request");
    assert_true(stream_is_at_end(&stand.clients[0]));
    bytes_fini(&line);
    bytes_fini(&array);
    free(value);
}

static void test_a_claim_costs_nothing(void **state)
{
    uint64_t dirty_before;
    (void)state;
    ask(0, "*2\r\n$4\r\nECHO\r\n", "");
    dirty_before = stand.guest->dirty.set_count;
    ask(0, "$1048576\r\nonly this", "");
    assert_in_range(stand.guest->dirty.set_count, dirty_before, dirty_before + 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_every_command),
        TEST(test_pipelined_in_pieces_of_every_size),
        TEST(test_info_tells_numbers),
        TEST(test_it_checks_itself_and_says_so),
        TEST(test_keys_and_values_are_any_bytes),
        TEST(test_values_of_all_sizes_up_to_the_largest),
        TEST(test_many_values_at_once),
        TEST(test_protocol_errors_close_the_connection),
        TEST(test_requests_without_an_end_are_bounded),
        TEST(test_a_claim_costs_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
