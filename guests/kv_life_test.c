/* kv as it lives: many connections, memory that runs full, and what a migration sees of it. */
#include "guests/kv_talk.h"

/* ---- Connections ---- */

static void test_sixty_connections_at_a_time(void **state)
{
    char request[64], answer[64];
    (void)state;
    for (uint32_t i = 1; i < 60; i++)
        stand_connect(&stand, i, PORT);
    stand_settle(&stand, NS_PER_S);
    for (uint32_t round = 0; round < 3; round++)
        for (uint32_t i = 0; i < 60; i++) {
            snprintf(request, sizeof request, "SET own:%u %u\r\n", i, i * 1000 + round);
            stream_write(&stand.clients[i], request, (uint32_t)strlen(request));
            /* The next one's request arrives in halves, around everybody else's. */
            stream_write(&stand.clients[(i + 1) % 60], "GE", i + 1 < 60 ? 2 : 0);
            stand_settle(&stand, NS_PER_S);
            stream_write(&stand.clients[(i + 1) % 60], "T x\r\n", i + 1 < 60 ? 5 : 0);
        }
    stand_settle(&stand, NS_PER_S);
    for (uint32_t i = 0; i < 60; i++) {
        bytes_clear(&answers);
        read_some(i);
        snprintf(request, sizeof request, "GET own:%u\r\n", i);
        snprintf(answer, sizeof answer, "$%u\r\n%u\r\n", i < 1 ? 1 : i < 10 ? 4 : 5, i * 1000 + 2);
        ask(i, request, answer);
    }
    ask(5, "DBSIZE\r\n", ":60\r\n");
}

static void test_connections_come_and_go(void **state)
{
    char answer[16];
    (void)state;
    for (unsigned i = 0; i < 300; i++) {
        uint32_t idx = 1 + i % (MAILBOX_STREAMS - 1);
        connect(idx);
        snprintf(answer, sizeof answer, ":%u\r\n", i + 1);
        ask(idx, "INCR visits\r\n*3\r\n$3\r\nSET\r\n$1\r\na\r\n$9000\r\nno more", answer);
        stream_close(&stand.clients[idx]);
        stand_settle(&stand, NS_PER_S);
        assert_true(stream_is_over(&stand.clients[idx]));
    }
    ask(0, "GET visits\r\n", "$3\r\n300\r\n");
}

static void test_a_client_that_closes_still_gets_its_answers(void **state)
{
    (void)state;
    stream_write(&stand.clients[0], "SET a 1\r\nGET a\r\n", 16);
    stream_close(&stand.clients[0]);
    stand_settle(&stand, NS_PER_S);
    bytes_clear(&answers);
    read_some(0);
    expect_bytes("+OK\r\n$1\r\n1\r\n", 12, "half-closed");
    stand_settle(&stand, NS_PER_S);
    assert_true(stream_is_over(&stand.clients[0]));
}

static void test_a_client_that_does_not_read_loses_nothing(void **state)
{
    enum { COUNT = 100, BYTES = 3000 };
    uint8_t value[BYTES];
    struct bytes requests = {0}, expected = {0};
    size_t sent = 0;
    bool was_any = true;
    (void)state;
    connect(1);
    for (unsigned i = 0; i < COUNT; i++) {
        char key[16];
        size_t key_bytes = (size_t)snprintf(key, sizeof key, "k%u", i);
        struct bytes set = {0};
        fill(value, BYTES, i);
        put_request(&set, 3, "SET", (size_t)3, key, key_bytes, value, (size_t)BYTES);
        talk(1, set.data, set.count, SIZE_MAX);
        expect_bytes("+OK\r\n", 5, "SET");
        bytes_fini(&set);
        put_request(&requests, 2, "GET", (size_t)3, key, key_bytes);
        put_answer(&expected, value, BYTES);
        put_request(&requests, 1, "PING", (size_t)4);
        bytes_put(&expected, "+PONG\r\n", 7);
    }
    while (true) { /* as much as goes, and nothing is read */
        uint32_t taken = stream_write(&stand.clients[0], requests.data + sent,
                                      (uint32_t)(requests.count - sent));
        sent += taken;
        stand_settle(&stand, NS_PER_S);
        assert_int_equal(stand.run.stop, GUEST_IDLE); /* it waits asleep */
        if (taken == 0)
            break;
    }
    ask(1, "PING\r\n", "+PONG\r\n"); /* the others are served */
    bytes_clear(&answers);
    while (was_any || sent < requests.count) {
        sent += stream_write(&stand.clients[0], requests.data + sent,
                             (uint32_t)(requests.count - sent));
        was_any = read_some(0);
        stand_settle(&stand, NS_PER_S);
    }
    expect_bytes(expected.data, expected.count, "read late");
    assert_int_equal(stand.run.stop, GUEST_IDLE);
    bytes_fini(&requests);
    bytes_fini(&expected);
}

/* ---- Memory ---- */

static void test_full_memory_is_an_answer(void **state)
{
    uint8_t value[3000] = {0};
    uint64_t count = 0;
    static const char full[] = "-OOM command not allowed when used memory > 'maxmemory'.\r\n";
    (void)state;
    for (unsigned round = 0; round < 2; round++) {
        for (count = 0;; count++) {
            char key[16];
            struct bytes request = {0};
            put_request(&request, 3, "SET", (size_t)3, key,
                        (size_t)snprintf(key, sizeof key, "k%llu", (unsigned long long)count),
                        value, sizeof value);
            talk(0, request.data, request.count, SIZE_MAX);
            bytes_fini(&request);
            if (answers.data[0] == '-')
                break;
            expect_bytes("+OK\r\n", 5, "SET");
        }
        expect_bytes(full, sizeof full - 1, "the last SET");
        assert_in_range(count, 1500, 2048); /* of 8 MiB, a page each */
        char size[32];
        snprintf(size, sizeof size, ":%llu\r\n", (unsigned long long)count);
        ask(0, "DBSIZE\r\n", size);
        ask(0, "SET k7 small\r\n", "+OK\r\n"); /* in its place */
        ask(0, "GET k7\r\n", "$5\r\nsmall\r\n");
        ask(0, "DEL k9\r\n", ":1\r\n");
        ask(0, "SET other 1\r\n", "+OK\r\n");
        ask(0, "FLUSHALL\r\n", "+OK\r\n"); /* and all of it once more */
    }
}

static void test_flushed_memory_serves_values_of_every_size(void **state)
{
    struct prng keys = prng_make(5, 5);
    uint8_t *value = calloc(1, MIB);
    struct bytes request = {0};
    (void)state;
    for (unsigned round = 0; round < 2; round++) {
        char key[16];
        do { /* all memory in the smallest blocks */
            bytes_clear(&request);
            for (unsigned i = 0; i < 100; i++)
                put_request(
                    &request, 3, "SET", (size_t)3, key,
                    (size_t)snprintf(key, sizeof key, "%zx", (size_t)prng_next(&keys) >> 32), "v",
                    (size_t)1);
            talk(0, request.data, request.count, SIZE_MAX);
        } while (answers.data[answers.count - 3] == 'K');
        ask(0, "FLUSHALL\r\n", "+OK\r\n");
        bytes_clear(&request);
        put_request(&request, 3, "SET", (size_t)3, "large", (size_t)5, value, (size_t)MIB);
        talk(0, request.data, request.count, SIZE_MAX);
        expect_bytes("+OK\r\n", 5, "a large value after small ones");
    }
    bytes_fini(&request);
    free(value);
}

static void test_it_serves_in_four_megabytes(void **state)
{
    (void)state;
    stand_close(&stand);
    boot("kv", 4 * MIB);
    assert_string_equal(stand_console(&stand), "kv: 0 keys, listening on port 6379\n");
    connect(63);
    ask(63, "SET a 1\r\n", "+OK\r\n");
    ask(63, "GET a\r\n", "$1\r\n1\r\n");
}

/* One request for key number i, and its answer. */
static void ask_key(const char *form, unsigned key_idx, const char *answer)
{
    char request[200];
    snprintf(request, sizeof request, form, key_idx, key_idx);
    ask(0, request, answer);
}

static void test_keys_share_buckets(void **state)
{
    enum { KEYS = 5000 }; /* for 2048 buckets */
    char answer[80];
    (void)state;
    stand_close(&stand);
    boot("kv", 2 * MIB);
    connect(0);
    for (unsigned i = 0; i < KEYS; i++)
        ask_key("SET k%u v%u\r\n", i, "+OK\r\n");
    for (unsigned i = 0; i < KEYS; i += 3)
        ask_key("DEL k%u\r\n", i, ":1\r\n");
    for (unsigned i = 1; i < KEYS; i += 3) /* too long for the block that it has */
        ask_key("SET k%u %060u\r\n", i, "+OK\r\n");
    for (unsigned i = 0; i < KEYS; i++) {
        if (i % 3 == 0)
            snprintf(answer, sizeof answer, "$-1\r\n");
        else if (i % 3 == 1)
            snprintf(answer, sizeof answer, "$60\r\n%060u\r\n", i);
        else
            snprintf(answer, sizeof answer, "$%d\r\nv%u\r\n", snprintf(NULL, 0, "v%u", i), i);
        ask_key("GET k%u\r\n", i, answer);
    }
    snprintf(answer, sizeof answer, ":%d\r\n", KEYS - (KEYS + 2) / 3);
    ask(0, "DBSIZE\r\n", answer);
}

static void test_no_memory_is_lost(void **state)
{
    uint8_t *value = calloc(1, 100000);
    (void)state;
    for (unsigned i = 0; i < 300; i++) { /* 30 MB in all, in 8 MiB */
        struct bytes request = {0};
        size_t count = i % 2 == 0 ? 100000 : 30;
        put_request(&request, 3, "SET", (size_t)3, "k", (size_t)1, value, count);
        put_request(&request, 2, "ECHO", (size_t)4, value, count);
        talk(0, request.data, request.count, SIZE_MAX);
        assert_int_equal(answers.data[0], '+');
        assert_int_equal(answers.data[5], '$');
        bytes_fini(&request);
    }
    free(value);
}

/* Random commands against an array that does the same: the sizes wander through all classes. */
static void test_a_long_random_life(void **state)
{
    enum { KEYS = 40, STEPS = 6000, BYTES_MAX = 20000 };
    static uint8_t values[KEYS][BYTES_MAX];
    size_t bytes[KEYS];
    uint64_t present = 0;
    struct prng prng = prng_make(3, 3);
    (void)state;
    for (unsigned i = 0; i < KEYS; i++)
        bytes[i] = SIZE_MAX;
    for (unsigned step = 0; step < STEPS; step++) {
        struct bytes request = {0}, expected = {0};
        unsigned key_idx = (unsigned)prng_below(&prng, KEYS);
        uint64_t choice = prng_below(&prng, 10);
        char key[300];
        size_t key_bytes = (size_t)snprintf(key, sizeof key, "%0*u", 1 + (int)key_idx * 7, key_idx);
        if (choice < 4) {
            size_t most = 1ull << prng_below(&prng, 15);
            present += bytes[key_idx] == SIZE_MAX;
            bytes[key_idx] = prng_below(&prng, most < BYTES_MAX ? most : BYTES_MAX);
            fill(values[key_idx], bytes[key_idx], step);
            put_request(&request, 3, "SET", (size_t)3, key, key_bytes, values[key_idx],
                        bytes[key_idx]);
            bytes_put(&expected, "+OK\r\n", 5);
        } else if (choice < 5) {
            bool is_there = bytes[key_idx] != SIZE_MAX;
            put_request(&request, 2, "DEL", (size_t)3, key, key_bytes);
            bytes_put(&expected, is_there ? ":1\r\n" : ":0\r\n", 4);
            bytes[key_idx] = SIZE_MAX;
            present -= is_there;
        } else {
            put_request(&request, 2, "GET", (size_t)3, key, key_bytes);
            if (bytes[key_idx] == SIZE_MAX)
                bytes_put(&expected, "$-1\r\n", 5);
            else
                put_answer(&expected, values[key_idx], bytes[key_idx]);
        }
        talk(0, request.data, request.count, 1 + prng_below(&prng, 6000));
        expect_bytes(expected.data, expected.count, "a long life");
        bytes_fini(&request);
        bytes_fini(&expected);
    }
    char size[32];
    snprintf(size, sizeof size, ":%llu\r\n", (unsigned long long)present);
    ask(0, "DBSIZE\r\n", size);
}

/* ---- What a migration sees ---- */

static void test_preloaded_pages(void **state)
{
    enum { PAGES = 1024, SETS = 100, HOT_MAX = 12 };
    uint64_t booted;
    (void)state;
    stand_close(&stand);
    boot("kv --preload 4MiB", 8 * MIB);
    booted = stand_instructions(&stand);
    assert_string_equal(stand_console(&stand), "kv: 1024 keys, listening on port 6379\n");
    assert_in_range(booted, 0, PAGES * 3000ull);
    connect(0);
    ask(0, "DBSIZE\r\n", ":1024\r\n");
    talk(0, "GET key:00000000\r\n", 18, SIZE_MAX);
    assert_int_equal(answers.count, 4056 + 9);
    for (size_t i = 7; i < 7 + 4056; i++)
        assert_in_range(answers.data[i], ' ', '~');
    ask(0, "GET key:00001024\r\n", "$-1\r\n");

    stand.guest->ops->track(stand.guest, true);
    for (unsigned i = 0; i < SETS; i++) {
        char request[64];
        snprintf(request, sizeof request, "SET key:%08u v%u\r\n", i * 10, i);
        ask(0, request, "+OK\r\n");
    }
    /* Each its own page, and the pages that every request needs. */
    assert_in_range(stand.guest->dirty.set_count, SETS, SETS + HOT_MAX);
    stand.guest->ops->fetch_dirty(stand.guest, 0, stand.guest->total_pages, NULL);
    for (unsigned i = 0; i < SETS; i++) {
        char request[64], answer[64];
        snprintf(request, sizeof request, "GET key:%08u\r\n", i * 10);
        snprintf(answer, sizeof answer, "$%d\r\nv%u\r\n", i < 10 ? 2 : 3, i);
        ask(0, request, answer);
    }
    assert_in_range(stand.guest->dirty.set_count, 1, HOT_MAX);
}

static void test_a_preload_that_does_not_fit(void **state)
{
    (void)state;
    stand_close(&stand);
    stand_open(&stand, "kv --preload 8MiB", 8 * MIB);
    stand_run(&stand, NS_PER_S);
    assert_int_equal(stand.run.stop, GUEST_ENDED);
    assert_int_equal(stand.run.status, 2);
    assert_string_equal(stand_console(&stand),
                        "kv: 8192 KiB of memory are too small for a preload of 8192 KiB\n");
}

static uint64_t cost_of(const char *request, const char *answer)
{
    uint64_t before = stand_instructions(&stand);
    for (unsigned i = 0; i < 100; i++)
        ask(0, request, answer);
    return (stand_instructions(&stand) - before) / 100;
}

static void test_a_request_is_cheap(void **state)
{
    static const char set_16[] =
        "*3\r\n$3\r\nSET\r\n$12\r\nkey:00000001\r\n$16\r\n0123456789abcdef\r\n";
    uint64_t set, get;
    (void)state;
    ask(0, "SET key:00000001 0123456789abcdef\r\n", "+OK\r\n");
    set = cost_of(set_16, "+OK\r\n");
    get = cost_of("*2\r\n$3\r\nGET\r\n$12\r\nkey:00000001\r\n", "$16\r\n0123456789abcdef\r\n");
    print_message("instructions: SET %llu, GET %llu\n", (unsigned long long)set,
                  (unsigned long long)get);
    assert_in_range(set, 100, 1000);
    assert_in_range(get, 100, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_sixty_connections_at_a_time),
        TEST(test_connections_come_and_go),
        TEST(test_a_client_that_closes_still_gets_its_answers),
        TEST(test_a_client_that_does_not_read_loses_nothing),
        TEST(test_full_memory_is_an_answer),
        TEST(test_flushed_memory_serves_values_of_every_size),
        TEST(test_it_serves_in_four_megabytes),
        TEST(test_keys_share_buckets),
        TEST(test_no_memory_is_lost),
        TEST(test_a_long_random_life),
        TEST(test_preloaded_pages),
        TEST(test_a_preload_that_does_not_fit),
        TEST(test_a_request_is_cheap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
