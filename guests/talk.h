/* talk: a machine with a server in it, and how tests speak with it: bytes out in pieces of any
 * size, bytes back, compared with what should have come.
 *
 * Included by the tests of guests that serve. */
#ifndef GUESTS_TALK_H
#define GUESTS_TALK_H

#include "guests/stand.h"

#define MIB (1024ull * 1024)

static struct stand stand;
static struct bytes answers; /* what the client under test has read */

static inline void boot(const char *command, uint64_t memory_bytes)
{
    stand_open(&stand, command, memory_bytes);
    stand_settle(&stand, 10 * NS_PER_S);
    assert_int_equal(stand.run.stop, GUEST_IDLE);
}

static inline void connect_to(uint32_t idx, uint16_t port)
{
    stand_connect(&stand, idx, port);
    stand_settle(&stand, NS_PER_S);
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
}

static inline void expect_bytes(const void *expected, size_t count, const char *about)
{
    bytes_put_u8(&answers, 0);
    answers.count--;
    if (answers.count != count || memcmp(answers.data, expected, count) != 0)
        fail_msg("%s\nexpected (%zu bytes): %.400s\nanswered (%zu bytes): %.400s", about, count,
                 (const char *)expected, answers.count, (const char *)answers.data);
}

#endif
