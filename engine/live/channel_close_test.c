/* What was said before a channel was closed is heard, wherever it was closed from and however slowly
 * it may leave; and who takes it too slowly does not keep the channel for ever. What an end has not
 * wanted to hear for a while it hears in its order. */
#include "base/units.h"
#include "live/channel_pair.h"
#include "live/channel_private.h"

static const struct channel_key key = {"all who have this may come in.."};

/* ---- From within `fill` ---- */

static struct {
    bool is_asked, says, closes;
} filling;

static void say_in_fill(void *owner, struct channel *channel, struct bytes *to)
{
    static const uint64_t first = 3;
    (void)owner, (void)to;

    if (!filling.is_asked)
        return;
    filling.is_asked = false;
    for (uint64_t n = 0; filling.says && n < first; n++)
        channel_send(channel, &(uint8_t){byte_at(n)}, 1);
    if (filling.closes)
        channel_close(channel, "over", false);
}

static void what_is_said_while_it_is_asked_for_more_leaves(void **state)
{
    static const struct channel_owner says = {
        .opened = opened, .heard = heard, .fill = say_in_fill, .closed = closed};
    (void)state;
    for (unsigned i = 0; i < 6; i++) {
        struct pair pair;
        pair_init(&pair, i % 2 ? &key : NULL);
        pair.a.channel->calls = &says;
        filling.is_asked = true;
        filling.says = i < 4;
        filling.closes = i >= 2;
        channel_poke(pair.a.channel);
        assert_int_equal(channel_backlog(pair.a.channel), 0);
        run_until(&pair, pair.b.is_closed || (!filling.closes && pair.b.heard == 3));
        assert_int_equal(pair.b.heard, filling.says ? 3 : 0);
        assert_string_equal(pair.b.reason, "");
        pair_fini(&pair);
    }
}

/* ---- Slowly ---- */

/* What the rate holds back does not linger yet, however long that takes. */
static void a_low_rate_loses_nothing(void **state)
{
    (void)state;
    for (unsigned sealed = 0; sealed < 2; sealed++) {
        struct pair pair;
        pair_init(&pair, sealed ? &key : NULL);
        pair.a.to_send = 4000;
        channel_set_rate(pair.a.channel, 8 * 20000);
        channel_poke(pair.a.channel);
        channel_send(pair.a.channel, &(uint8_t){byte_at(4000)}, 1);
        channel_close(pair.a.channel, "", false);
        pair.a.channel->moved_ns -= 10 * NS_PER_S; /* so long ago */
        channel_set_timer(pair.a.channel);
        run_until(&pair, pair.a.is_closed && pair.b.is_closed);
        assert_int_equal(pair.b.heard, 4001);
        assert_string_equal(pair.b.reason, "");
        pair_fini(&pair);
    }
}

/* A byte now and then does not keep a channel that was closed; and what is lost is not lost in
 * order. */
static void who_takes_too_slowly_what_is_left_does_not_get_it(void **state)
{
    static uint8_t data[64 << 20];
    struct pair pair;
    (void)state;

    for (size_t i = 0; i < sizeof data; i++)
        data[i] = byte_at(i);
    pair_init(&pair, NULL);
    channel_set_unread(pair.b.channel, 64 << 10);
    channel_send(pair.a.channel, data, sizeof data);
    channel_close(pair.a.channel, "", false);
    pair.a.channel->state_ns -= CHANNEL_FINISH_NS; /* so long ago */
    channel_set_timer(pair.a.channel);
    run_until(&pair, pair.a.is_closed && pair.b.is_closed);
    assert_true(pair.b.heard < sizeof data);
    assert_non_null(strstr(pair.b.reason, "broke: Connection reset by peer"));
    pair_fini(&pair);
}

/* ---- Turned off, and on again ---- */

static void hear_once(void *owner, struct channel *channel, const uint8_t *data, size_t count)
{
    heard(owner, channel, data, count);
    channel_read(channel, false);
}

static void placed_once(void *owner, struct channel *channel, size_t count)
{
    placed(owner, channel, count);
    channel_read(channel, false);
}

/* Numbered bytes up to there, in pieces. */
static void send_up_to(struct end *end, uint64_t last)
{
    uint8_t piece[100];

    while (end->sent < last) {
        for (size_t i = 0; i < sizeof piece; i++)
            piece[i] = byte_at(end->sent++);
        end->to_send = end->sent; /* `fill` has nothing to add */
        channel_send(end->channel, piece, sizeof piece);
    }
}

/* Of what comes while it is turned off, some has been read and more has not, and the end, too. */
static void what_waited_is_heard_in_order(void **state)
{
    static const struct channel_owner stops = {.opened = opened,
                                               .heard = hear_once,
                                               .place = place,
                                               .placed = placed_once,
                                               .closed = closed};
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        struct pair pair;
        pair_init(&pair, i % 2 ? &key : NULL);
        pair.b.channel->calls = &stops;
        pair.b.is_place_used = true;
        send_up_to(&pair.a, 100);
        run_until(&pair, pair.b.heard > 0);
        channel_read(pair.b.channel, true);
        send_up_to(&pair.a, 3000);
        run_until(&pair, pair.b.heard > 100);
        send_up_to(&pair.a, 6000);
        if (i >= 2)
            channel_close(pair.a.channel, "", false);
        while (pair.b.heard < 6000 && !pair.b.is_closed) {
            channel_read(pair.b.channel, true);
            uv_run(&pair.loop, UV_RUN_NOWAIT);
        }
        assert_int_equal(pair.b.heard, 6000);
        channel_close(pair.b.channel, "", true);
        pair_fini(&pair);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_said_while_it_is_asked_for_more_leaves),
        cmocka_unit_test(a_low_rate_loses_nothing),
        cmocka_unit_test(who_takes_too_slowly_what_is_left_does_not_get_it),
        cmocka_unit_test(what_waited_is_heard_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
