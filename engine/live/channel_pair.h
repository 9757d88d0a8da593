/* channel_pair: two ends of a channel on one loop, for tests. An end sends numbered bytes, and sees
 * that those that come are what the other end has sent, in order. */
#ifndef LIVE_CHANNEL_PAIR_H
#define LIVE_CHANNEL_PAIR_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "live/channel.h"

struct end {
    struct channel *channel;
    bool is_open, is_closed;
    char reason[256];
    uint64_t to_send, sent, heard; /* byte n is digest of n */
    size_t chunk_bytes;
    uint64_t heard_max; /* it closes, once it has heard that; 0: it does not */
    bool is_place_used; /* what comes goes to `place` first */
    uint8_t place[1000];
    uint64_t placed;
    bool is_lending; /* most of what it sends is lent, from here; the loop writes over it */
    uint8_t lent[300000];
    uint64_t opened_ns, last_ns;
};

static uint8_t byte_at(uint64_t n)
{
    return (uint8_t)((n * 0x9e3779b97f4a7c15u) >> 56);
}

static void opened(void *owner, struct channel *channel)
{
    struct end *end = owner;
    assert_false(end->is_open || end->is_closed);
    end->channel = channel;
    end->is_open = true;
    end->opened_ns = uv_hrtime();
}

static void heard(void *owner, struct channel *channel, const uint8_t *data, size_t count)
{
    struct end *end = owner;

    assert_true(end->is_open && !end->is_closed && count > 0);
    for (size_t i = 0; i < count; i++)
        if (data[i] != byte_at(end->heard + i))
            fail_msg("byte %llu is not what was sent", (unsigned long long)(end->heard + i));
    end->heard += count;
    end->last_ns = uv_hrtime();
    if (end->heard_max > 0 && end->heard >= end->heard_max)
        channel_close(channel, "enough", false);
}

static size_t place(void *owner, struct channel *channel, struct iovec *places, size_t most)
{
    struct end *end = owner;
    (void)channel;
    assert_true(most >= 2);
    places[0] = (struct iovec){end->place, 7};
    places[1] = (struct iovec){end->place + 7, sizeof end->place - 7};
    return end->is_place_used ? 2 : 0;
}

static void placed(void *owner, struct channel *channel, size_t count)
{
    struct end *end = owner;
    assert_true(end->is_place_used && count <= sizeof end->place);
    heard(owner, channel, end->place, count);
    end->placed += count;
}

static void fill(void *owner, struct channel *channel, struct bytes *to)
{
    struct end *end = owner;
    size_t count = end->chunk_bytes;

    assert_true(end->is_open && !end->is_closed);
    (void)channel;
    if (count > end->to_send - end->sent)
        count = end->to_send - end->sent;
    for (size_t i = 0; i < count; i++)
        bytes_put_u8(to, byte_at(end->sent + i));
    end->sent += count;
}

static void lend(void *owner, struct channel *channel, struct bytes *to, struct lending *lending)
{
    struct end *end = owner;
    struct bytes all = {0};
    size_t at = 0;

    fill(owner, channel, &all);
    for (size_t piece = 1; end->is_lending && at + 2 * piece <= all.count; at += 2 * piece++) {
        bytes_put(to, all.data + at, piece);
        memcpy(end->lent + at, all.data + at + piece, piece);
        lending_add(lending, to, end->lent + at, piece);
    }
    bytes_put(to, all.data + at, all.count - at);
    bytes_fini(&all);
}

static void closed(void *owner, struct channel *channel, const char *reason)
{
    struct end *end = owner;
    (void)channel;
    assert_false(end->is_closed);
    end->is_closed = true;
    snprintf(end->reason, sizeof end->reason, "%s", reason);
}

static const struct channel_owner calls = {opened, heard, place, placed, fill, lend, closed};

/* ---- A pair of them on a loop ---- */

struct pair {
    uv_loop_t loop;
    struct channel_listener *listener;
    struct end a, b; /* a calls, b is called */
    bool is_refusing;
    unsigned knocks, turned_away;
    char line[320]; /* why, of the last */
};

static bool let_in(void *owner, struct channel *channel, const struct channel_owner **its_calls,
                   void **its_owner)
{
    struct pair *pair = owner;
    (void)channel;
    pair->knocks++;
    *its_calls = &calls;
    *its_owner = &pair->b;
    return !pair->is_refusing;
}

static void turned_away(void *owner, const char *line)
{
    struct pair *pair = owner;
    pair->turned_away++;
    snprintf(pair->line, sizeof pair->line, "%s", line);
}

static void pair_listen(struct pair *pair, const char *address, const struct channel_key *key)
{
    struct problem problem = {0};

    memset(pair, 0, sizeof *pair);
    pair->a.chunk_bytes = pair->b.chunk_bytes = 4000;
    assert_int_equal(uv_loop_init(&pair->loop), 0);
    if (channel_listen(&pair->loop, address, key, let_in, pair, &pair->listener, &problem) !=
        STATUS_OK)
        fail_msg("%s", problem.text);
    channel_listener_tell(pair->listener, turned_away);
}

static void pair_call(struct pair *pair, const char *address, const struct channel_key *key)
{
    struct problem problem = {0};

    if (channel_connect(&pair->loop, address, key, &calls, &pair->a, &pair->a.channel, &problem) !=
        STATUS_OK)
        fail_msg("%s", problem.text);
}

#define run_until(pair, condition)                              \
    do {                                                        \
        while (!(condition)) {                                  \
            uv_run(&(pair)->loop, UV_RUN_ONCE);                 \
            memset((pair)->a.lent, 0xee, sizeof(pair)->a.lent); \
        }                                                       \
    } while (0)

static void pair_init(struct pair *pair, const struct channel_key *key)
{
    pair_listen(pair, "127.0.0.1:0", key);
    pair_call(pair, channel_listener_address(pair->listener), key);
    run_until(pair, pair->a.is_open && pair->b.is_open);
}

static void pair_fini(struct pair *pair)
{
    if (pair->a.is_open && !pair->a.is_closed)
        channel_close(pair->a.channel, "", true);
    if (pair->listener != NULL)
        channel_listener_close(pair->listener);
    uv_run(&pair->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&pair->loop), 0);
}

#endif
