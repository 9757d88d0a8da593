/* web, spoken to as browsers, scripts and strangers speak to it. */
#include "guests/talk.h"

#define PORT 80
#define HOST "Host: ferry\r\n"

static int setup(void **state)
{
    (void)state;
    boot("web", 8 * MIB);
    connect_to(0, PORT);
    return 0;
}

static void hang_up(uint32_t idx)
{
    stream_close(&stand.clients[idx]);
    stand_settle(&stand, NS_PER_MS);
    assert_true(stream_is_over(&stand.clients[idx]));
}

/* What has come back, as text. */
static const char *text_of_answers(void)
{
    bytes_put_u8(&answers, 0);
    answers.count--;
    return (const char *)answers.data;
}

/* The status lines of all answers, "200 200 404 ", checking that each is as long as it says. */
static void read_statuses(char *statuses, size_t capacity, const char *about)
{
    const char *at = text_of_answers();
    *statuses = '\0';
    while (*at != '\0') {
        const char *length = strstr(at, "\r\nContent-Length: "), *body = strstr(at, "\r\n\r\n");
        size_t used = strlen(statuses);
        if (strncmp(at, "HTTP/1.1 ", 9) != 0 || length == NULL || body == NULL || length > body)
            fail_msg("%s\nno answer begins here: %.200s", about, at);
        snprintf(statuses + used, capacity - used, "%.3s ", at + 9);
        at = body + 4 + strtoul(length + 18, NULL, 10);
        if (at > (const char *)answers.data + answers.count)
            fail_msg("%s\nthe last answer is shorter than it says", about);
    }
}

static void ask(uint32_t idx, const char *request)
{
    talk(idx, request, strlen(request), SIZE_MAX);
}

/* ---- Single requests ---- */

static void test_what_is_answered_to_what(void **state)
{
    static const struct {
        const char *request, *statuses;
        bool is_closed;
    } rows[] = {
        {"GET / HTTP/1.1\r\n" HOST "\r\n", "200 ", false},
        {"GET /counter HTTP/1.1\r\nhOsT:ferry\r\n\r\n", "200 ", false},
        {"GET /counter?x=/ HTTP/1.1\r\n" HOST "\r\n", "200 ", false},
        {"GET http://ferry/counter HTTP/1.1\r\n" HOST "\r\n", "200 ", false},
        {"GET http://ferry HTTP/1.1\r\n" HOST "\r\n", "200 ", false},
        {"GET /status HTTP/1.1\n"
         "Host: ferry\n\n",
         "200 ", false},
        {"\r\n\r\nGET / HTTP/1.1\r\n" HOST "\r\n", "200 ", false},
        {"GET /nowhere HTTP/1.1\r\n" HOST "\r\n", "404 ", false},
        {"GET /counter/ HTTP/1.1\r\n" HOST "\r\n", "404 ", false},
        {"GET http://ferry/nowhere HTTP/1.1\r\n" HOST "\r\n", "404 ", false},
        {"POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nGET /", "405 ", false},
        {"DELETE /nowhere HTTP/1.1\r\n" HOST "\r\n", "405 ", false},
        {"OPTIONS * HTTP/1.1\r\n" HOST "\r\n", "405 ", false},
        {"BREW /pot HTTP/1.1\r\n" HOST "\r\n", "501 ", false},
        {"get / HTTP/1.1\r\n" HOST "\r\n", "501 ", false},
        {"GET / HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n", "200 ", true},
        {"GET / HTTP/1.1\r\n" HOST "connection: x, Close\r\n\r\nGET / HTTP/1.1\r\n" HOST "\r\n",
         "200 ", true},
        {"GET / HTTP/1.0\r\n\r\n", "200 ", true},
        {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "200 ", false},
        {"GET / HTTP/1.7\r\n" HOST "\r\n", "200 ", false},
        {"GET / HTTP/2.0\r\n" HOST "\r\n", "505 ", true},
        {"GET / HTTP/1.1\r\n\r\n", "400 ", true},
        {"GET / HTTP/1.1\r\n" HOST HOST "\r\n", "400 ", true},
        {"GET /\r\n", "400 ", true},
        {"GET / HTTP/1.1 \r\n" HOST "\r\n", "400 ", true},
        {"GET  / HTTP/1.1\r\n" HOST "\r\n", "400 ", true},
        {" GET / HTTP/1.1\r\n" HOST "\r\n", "400 ", true},
        {"GET / http/1.1\r\n" HOST "\r\n", "400 ", true},
        {"GET /\1 HTTP/1.1\r\n" HOST "\r\n", "400 ", true},
        {"G{T / HTTP/1.1\r\n" HOST "\r\n", "400 ", true},
        {"*1\r\n$4\r\nPING\r\n", "400 ", true},
        {"\x16\x03\x01\x02\n", "400 ", true},
        {"GET / HTTP/1.1\r\nHost : ferry\r\n\r\n", "400 ", true},
        {"GET / HTTP/1.1\r\nHost\r\n\r\n", "400 ", true},
        {"GET / HTTP/1.1\r\n: ferry\r\n\r\n", "400 ", true},
        {"GET / HTTP/1.1\r\n" HOST " continued\r\n\r\n", "400 ", true},
        {"GET / HTTP/1.1\r\n" HOST "X: a\rb\r\n\r\n", "400 ", true},
        {"PUT / HTTP/1.1\r\n" HOST "Content-Length: x\r\n\r\n", "400 ", true},
        {"PUT / HTTP/1.1\r\n" HOST "Content-Length: -1\r\n\r\n", "400 ", true},
        {"PUT / HTTP/1.1\r\n" HOST "Content-Length:\r\n\r\n", "400 ", true},
        {"PUT / HTTP/1.1\r\n" HOST "Content-Length: 1\r\nContent-Length: 2\r\n\r\n", "400 ", true},
        {"PUT / HTTP/1.1\r\n" HOST "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
         "400 ", true},
        {"PUT / HTTP/1.1\r\n" HOST "Content-Length: 1048577\r\n\r\n", "413 ", true},
        {"PUT / HTTP/1.1\r\n" HOST "Content-Length: 99999999999999999999999\r\n\r\n", "413 ", true},
        {"PUT / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip\r\n\r\n", "501 ", true},
        {"PUT / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
         "5;a=b\r\nGET /\r\n0a\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n",
         "405 ", false},
        {"PUT / HTTP/1.1\r\n" HOST "Transfer-Encoding: Chunked\r\n\r\n\r\n", "405 ", true},
        {"PUT / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nfffffff\r\n", "405 ", true},
        {"PUT / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n1\r\nab", "405 ", true},
        {"PUT / HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n", "417 ",
         true},
    };
    char statuses[64];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (size_t piece = 1; piece < 100; piece += 98) {
            talk(0, rows[i].request, strlen(rows[i].request), piece);
            read_statuses(statuses, sizeof statuses, rows[i].request);
            if (strcmp(statuses, rows[i].statuses) != 0)
                fail_msg("%s\nanswered %s, not %s", rows[i].request, statuses, rows[i].statuses);
            if (stream_is_at_end(&stand.clients[0]) != rows[i].is_closed)
                fail_msg("%s\nwas %sclosed", rows[i].request, rows[i].is_closed ? "not " : "");
            if (!rows[i].is_closed) { /* and where the next request begins is known */
                ask(0, "GET /counter HTTP/1.1\r\n" HOST "\r\n");
                read_statuses(statuses, sizeof statuses, rows[i].request);
                assert_string_equal(statuses, "200 ");
            }
            hang_up(0);
            connect_to(0, PORT);
        }
}

static void test_head_is_get_without_the_body(void **state)
{
    static const char *const paths[] = {"/", "/counter", "/status", "/nowhere"};
    char get[2048], request[64];
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        snprintf(request, sizeof request, "GET %s HTTP/1.1\r\n" HOST "\r\n", paths[i]);
        ask(0, request);
        snprintf(get, sizeof get, "%s", text_of_answers());
        *(strstr(get, "\r\n\r\n") + 4) = '\0';
        snprintf(request, sizeof request, "HEAD %s HTTP/1.1\r\n" HOST "\r\n", paths[i]);
        ask(0, request);
        assert_string_equal(text_of_answers(), get);
    }
}

static void test_the_counter_counts_every_request(void **state)
{
    (void)state;
    for (unsigned i = 1; i < 20; i++) {
        char end[16];
        ask(0, "GET /counter HTTP/1.1\r\n" HOST "\r\n");
        snprintf(end, sizeof end, "\r\n\r\n%u\n", i);
        assert_non_null(strstr(text_of_answers(), end));
    }
    ask(0, "GET /status HTTP/1.1\r\n" HOST "\r\n");
    assert_non_null(strstr(text_of_answers(), "\"answered\": 20, \"clients\": 1, \"memory_bytes\": "
                                              "8388608, \"host\": \"\"}\n"));
}

/* The page says it without its script, for whoever has none; and it is never what was true before. */
static void test_the_page_says_where_it_is(void **state)
{
    static const char *const names[] = {"A", "B"};
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        char expected[64];
        machine_name_host(stand.guest, names[i]);
        ask(0, "GET / HTTP/1.1\r\n" HOST "\r\n");
        snprintf(expected, sizeof expected, "<b id=\"n\">%u</b>", 2 * i + 1);
        assert_non_null(strstr(text_of_answers(), expected));
        snprintf(expected, sizeof expected, "runs on host<b id=\"h\">%s</b>", names[i]);
        assert_non_null(strstr(text_of_answers(), expected));
        ask(0, "GET /status HTTP/1.1\r\n" HOST "\r\n");
        snprintf(expected, sizeof expected, "\"host\": \"%s\"}", names[i]);
        assert_non_null(strstr(text_of_answers(), expected));
    }
}

/* ---- Many requests at once, cut anywhere ---- */

static void put_text(struct bytes *to, const char *text)
{
    bytes_put(to, text, strlen(text));
}

static void test_pipelined_in_pieces_of_every_size(void **state)
{
    struct bytes requests = {0};
    char statuses[256];
    (void)state;
    put_text(&requests, "GET / HTTP/1.1\r\n" HOST "\r\n");
    put_text(&requests, "POST / HTTP/1.1\r\n" HOST "Content-Length: 30\r\n\r\n"
                        "GET / HTTP/1.1\r\nHost: body\r\n\r\n\r\n");
    put_text(&requests, "GET /none HTTP/1.1\r\n" HOST "Accept: */*\r\n\r\n");
    put_text(&requests, "PUT / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
                        "1e\r\nGET / HTTP/1.1\r\nHost: body\r\n\r\n\r\n0\r\n\r\n");
    put_text(&requests, "GET /status HTTP/1.1\r\n" HOST "\r\n");
    for (size_t piece = 1; piece < 120; piece++) {
        char about[32];
        snprintf(about, sizeof about, "pieces of %zu", piece);
        talk(0, requests.data, requests.count, piece);
        read_statuses(statuses, sizeof statuses, about);
        assert_string_equal(statuses, "200 405 404 405 200 ");
    }
    bytes_fini(&requests);
}

static void test_one_that_asks_much_and_reads_nothing(void **state)
{
    static const char request[] = "GET / HTTP/1.1\r\n" HOST "\r\n";
    uint64_t taken = 0, instructions;
    size_t answered = 0;
    (void)state;
    connect_to(1, PORT);
    for (unsigned i = 0; i < 4000; i++) { /* as much as it takes, and not a byte is read */
        taken += stream_write(&stand.clients[0], request + taken % (sizeof request - 1),
                              (uint32_t)(sizeof request - 1 - taken % (sizeof request - 1)));
        stand_settle(&stand, NS_PER_MS);
    }
    assert_in_range(taken, 4096, 64 * 1024);
    instructions = stand_instructions(&stand);
    stand_settle(&stand, NS_PER_S);
    assert_in_range(stand_instructions(&stand), instructions,
                    instructions + 100000); /* it sleeps */
    ask(1, request);                        /* others are served */
    assert_non_null(strstr(text_of_answers(), "200 OK"));

    bytes_clear(&answers);
    while (read_some(0)) /* and when it reads at last, all is there, in order */
        stand_settle(&stand, NS_PER_S);
    for (const char *at = text_of_answers(); (at = strstr(at, "HTTP/1.1 200 OK")) != NULL; at++)
        answered++;
    assert_int_equal(answered, taken / (sizeof request - 1));
}

static void test_requests_without_an_end_are_bounded(void **state)
{
    static const struct {
        const char *head;
        char filler;
        const char *status;
    } rows[] = {
        {"", 'x', "414 "},
        {"GET /", 'x', "414 "},
        {"GET / HTTP/1.1\r\n" HOST "X: ", 'x', "431 "},
        {"GET / HTTP/1.1\r\n" HOST "X: ", ' ', "431 "},
    };
    char statuses[64];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct bytes request = {0};
        put_text(&request, rows[i].head);
        memset(bytes_extend(&request, 20000), rows[i].filler, 20000);
        bytes_clear(&answers);
        for (uint32_t at = 0; at < request.count && !stream_is_at_end(&stand.clients[0]);) {
            at += stream_write(&stand.clients[0], request.data + at, (uint32_t)request.count - at);
            stand_settle(&stand, NS_PER_MS);
            read_some(0);
        }
        read_statuses(statuses, sizeof statuses, rows[i].head);
        assert_string_equal(statuses, rows[i].status);
        bytes_fini(&request);
        stand_close(&stand);
        setup(NULL);
    }
    struct bytes request = {0}; /* a target too long, but within a head that is not */
    put_text(&request, "GET /");
    memset(bytes_extend(&request, 1500), 'x', 1500);
    put_text(&request, " HTTP/1.1\r\n" HOST "\r\n");
    talk(0, request.data, request.count, SIZE_MAX);
    read_statuses(statuses, sizeof statuses, "a long target");
    assert_string_equal(statuses, "414 ");
    bytes_fini(&request);
}

/* ---- Strangers ---- */

static void test_the_half_open_are_hung_up(void **state)
{
    (void)state;
    for (uint32_t i = 1; i < MAILBOX_STREAMS; i++)
        connect_to(i, PORT);
    stream_write(&stand.clients[1], "GET / HT", 8); /* and nothing more */
    stand_run(&stand, 29 * NS_PER_S);
    ask(2, "GET / HTTP/1.1\r\n" HOST "\r\n");
    stand_run(&stand, 31 * NS_PER_S);
    for (uint32_t i = 0; i < MAILBOX_STREAMS; i++)
        assert_int_equal(stream_is_at_end(&stand.clients[i]), i != 2);
    stand_run(&stand, 60 * NS_PER_S);
    assert_true(stream_is_at_end(&stand.clients[2]));
    hang_up(1);
    connect_to(1, PORT); /* the streams are there for others again */
    ask(1, "GET / HTTP/1.1\r\n" HOST "\r\n");
    assert_non_null(strstr(text_of_answers(), "200 OK"));
}

static void test_one_that_has_said_all_still_gets_its_answers(void **state)
{
    static const char requests[] =
        "GET / HTTP/1.1\r\n" HOST "\r\nGET /counter HTTP/1.1\r\n" HOST "\r\nGET /half";
    char statuses[64];
    (void)state;
    bytes_clear(&answers);
    stream_write(&stand.clients[0], requests, sizeof requests - 1);
    stream_close(&stand.clients[0]);
    stand_settle(&stand, NS_PER_MS);
    read_some(0);
    read_statuses(statuses, sizeof statuses, "closed behind its requests");
    assert_string_equal(statuses, "200 200 ");
    assert_true(stream_is_at_end(&stand.clients[0]));
}

static void test_it_checks_its_log_and_says_so(void **state)
{
    static const char request[] = "GET /counter HTTP/1.1\r\n" HOST "\r\n";
    uint8_t page[PAGE_BYTES];
    uint64_t page_idx = 0;
    (void)state;
    stand_close(&stand);
    boot("web --log 8KiB --requests 300", 8 * MIB);
    connect_to(0, PORT);
    for (unsigned i = 0; i < 300; i++)
        ask(0, request);
    assert_true(stream_is_at_end(&stand.clients[0]));
    stand_run(&stand, stand_now_ns(&stand) + NS_PER_S);
    assert_int_equal(stand.run.stop, GUEST_ENDED);
    assert_int_equal(stand.run.status, 0);
    assert_non_null(strstr(stand_console(&stand), "web: 300 requests answered, log checked, ok\n"));
    stand_close(&stand);

    boot("web --log 8KiB", 8 * MIB);
    connect_to(0, PORT);
    for (unsigned i = 0; i < 10; i++)
        ask(0, request);
    /* A bit of a record turns over: the page with the first target in it. */
    for (uint8_t *found = NULL; found == NULL; page_idx++) {
        stand.guest->ops->read_pages(stand.guest, page_idx, 1, page);
        found = memmem(page + 64, 64, "/counter\0\0\0", 11);
        if (found != NULL)
            found[10] ^= 1;
    }
    stand.guest->ops->drop_page(stand.guest, page_idx - 1);
    stand.guest->ops->install_pages(stand.guest, page_idx - 1, 1, page);
    for (unsigned i = 0; i < 150 && stand.run.stop != GUEST_ENDED; i++) {
        stream_write(&stand.clients[0], request, sizeof request - 1);
        stand_settle(&stand, NS_PER_MS);
        read_some(0);
    }
    assert_int_equal(stand.run.stop, GUEST_ENDED);
    assert_int_equal(stand.run.status, 1);
    assert_non_null(
        strstr(stand_console(&stand), "web: the log's record of request 1 is damaged\n"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_what_is_answered_to_what),
        TEST(test_head_is_get_without_the_body),
        TEST(test_the_counter_counts_every_request),
        TEST(test_the_page_says_where_it_is),
        TEST(test_pipelined_in_pieces_of_every_size),
        TEST(test_one_that_asks_much_and_reads_nothing),
        TEST(test_requests_without_an_end_are_bounded),
        TEST(test_the_half_open_are_hung_up),
        TEST(test_one_that_has_said_all_still_gets_its_answers),
        TEST(test_it_checks_its_log_and_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
