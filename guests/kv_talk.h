/* kv_talk: a machine with kv in it, and how tests speak RESP with it.
 *
 * Included by the tests of kv alone. */
#ifndef GUESTS_KV_TALK_H
#define GUESTS_KV_TALK_H

#include "guests/talk.h"

#include "base/prng.h"

#define PORT 6379

static inline void connect(uint32_t idx)
{
    connect_to(idx, PORT);
}

static inline int setup(void **state)
{
    (void)state;
    boot("kv", 8 * MIB);
    connect(0);
    return 0;
}

static inline void ask(uint32_t idx, const char *request, const char *answer)
{
    talk(idx, request, strlen(request), SIZE_MAX);
    assert_int_equal(stand.run.wake_ns, UINT64_MAX); /* it sleeps until somebody speaks */
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
