/* kv_talk: a machine with kv in it, and how tests speak with it: bytes out in pieces of any size,
 * bytes back, compared with what should have come.
 *
 * Included by the tests of kv alone. */
#ifndef GUESTS_KV_TALK_H
#define GUESTS_KV_TALK_H

#include "guests/stand.h"

#include "base/prng.h"

#define MIB  (1024ull * 1024)
#define PORT 6379

static struct stand stand;
static struct bytes answers; /* what the client under test has read */

static inline void boot(const char *command, uint64_t memory_bytes)
{
    stand_open(&stand, command, memory_bytes);
    stand_settle(&stand, 10 * NS_PER_S);
    assert_int_equal(stand.run.stop, GUEST_IDLE);
}

static inline void connect(uint32_t idx)
{
    stand_connect(&stand, idx, PORT);
    stand_settle(&stand, NS_PER_S);
}

static inline int setup(void **state)
{
    (void)state;
    boot("kv", 8 * MIB);
    connect(0);
    return 0;
}

static inline int teardown(void **state)
{
    (void)state;
    stand_close(&stand);
    bytes_fini(&answers);
    return 0;
}

/* Reads all that has arrived for a client. */
static inline bool read_some(uint32_t idx)
{
    uint8_t data[STREAM_WINDOW_BYTES];
    uint32_t count = stream_read(&stand.clients[idx], data, sizeof data);
    bytes_put(&answers, data, count);
    return count > 0;
}

/* Sends in pieces of `piece_bytes`, reads what comes back meanwhile and until silence. */
static inline void talk(uint32_t idx, const void *request, size_t count, size_t piece_bytes)
{
    const uint8_t *at = request;
    bool was_any = true;

    bytes_clear(&answers);
    while (count > 0 || was_any) {
        uint32_t piece = (uint32_t)(count < piece_bytes ? count : piece_bytes);
        uint32_t taken = stream_write(&stand.clients[idx], at, piece);
        at += taken;
        count -= taken;
        stand_settle(&stand, NS_PER_S);
        was_any = read_some(idx) || taken > 0;
        assert_true(was_any || count == 0);
    }
    assert_int_equal(stand.run.stop, GUEST_IDLE);
    assert_int_equal(stand.run.wake_ns, UINT64_MAX);
}

static inline void expect_bytes(const void *expected, size_t count, const char *about)
{
    bytes_put_u8(&answers, 0);
    answers.count--;
    if (answers.count != count || memcmp(answers.data, expected, count) != 0)
        fail_msg("%s\nexpected (%zu bytes): %.400s\nanswered (%zu bytes): %.400s", about, count,
                 (const char *)expected, answers.count, (const char *)answers.data);
}

static inline void ask(uint32_t idx, const char *request, const char *answer)
{
    talk(idx, request, strlen(request), SIZE_MAX);
    expect_bytes(answer, strlen(answer), request);
}

static inline void put_request(struct bytes *to, unsigned count, ...)
{
    va_list words;
    char head[32];
    va_start(words, count);
    bytes_put(to, head, (size_t)snprintf(head, sizeof head, "*%u\r\n", count));
    for (unsigned i = 0; i < count; i++) {
        const void *word = va_arg(words, const void *);
        size_t bytes = va_arg(words, size_t);
        bytes_put(to, head, (size_t)snprintf(head, sizeof head, "$%zu\r\n", bytes));
        bytes_put(to, word, bytes);
        bytes_put(to, "\r\n", 2);
    }
    va_end(words);
}

static inline void put_answer(struct bytes *to, const void *value, size_t count)
{
    char head[32];
    bytes_put(to, head, (size_t)snprintf(head, sizeof head, "$%zu\r\n", count));
    bytes_put(to, value, count);
    bytes_put(to, "\r\n", 2);
}

static inline void fill(uint8_t *value, size_t count, uint64_t seed)
{
    struct prng prng = prng_make(seed, 9);
    for (size_t i = 0; i < count; i++)
        value[i] = (uint8_t)prng_next(&prng);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
