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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_said_while_it_is_asked_for_more_leaves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
