/* A whole move, again and again: cut at every byte of what either end says, which changes nothing;
 * and with every byte changed, after which the guest may be at one end or at none, and never at
 * both or with another memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "machine/model.h"
#include "migrate/source.h"
#include "migrate/target.h"

#define PAGES     12
#define TURNS_MAX 200

struct pair {
    struct guest *guests[HOST_COUNT];
    struct event_list events;
    struct source source;
    struct target target;
    uint64_t now_ns;
    uint64_t said_bytes[HOST_COUNT]; /* by each end so far */
    uint32_t who;                    /* whose byte at_byte is treated */
    uint64_t at_byte;
    bool is_changed; /* else the stream is cut before it */
};

static void pair_init(struct pair *pair, enum mode mode)
{
    struct model_config config = {.pattern = WRITES_UNIFORM,
                                  .total_pages = PAGES,
                                  .working_set_pages = PAGES,
                                  .write_rate = 300000,
                                  .seed = 5};
    struct source_config source_config = {
        .strategy = strategy_of(mode),
        .limits = {.downtime_ns = 1000000, .max_rounds = 3, .switch_after = 1},
        .copy_chunk_bytes = 4 * MESSAGE_PAGE_WIRE_BYTES,
        .push_chunk_bytes = 1,
    };
    *pair = (struct pair){.at_byte = UINT64_MAX};
    pair->guests[HOST_SOURCE] = model_open(&config);
    pair->guests[HOST_TARGET] = model_open_empty(&config);
    source_init(&pair->source, &source_config, pair->guests[HOST_SOURCE], &pair->events);
    target_init(&pair->target, pair->guests[HOST_TARGET], &pair->events);
    source_start(&pair->source, 0);
}

static void pair_fini(struct pair *pair)
{
    source_fini(&pair->source);
    target_fini(&pair->target);
    event_list_fini(&pair->events);
    for (uint32_t host = 0; host < HOST_COUNT; host++)
        pair->guests[host]->ops->close(pair->guests[host]);
}

static void hear(struct pair *pair, uint32_t who, const uint8_t *data, size_t count)
{
    if (who == HOST_SOURCE)
        target_receive(&pair->target, pair->now_ns, data, count);
    else
        source_receive(&pair->source, pair->now_ns, data, count);
}

static bool say(struct pair *pair, uint32_t who)
{
    struct bytes out = {0};
    uint64_t charge = who == HOST_SOURCE ? source_send(&pair->source, pair->now_ns, 0, &out)
                                         : target_send(&pair->target, &out);
    uint64_t at = pair->at_byte - pair->said_bytes[who];
    bool is_here = who == pair->who && at < out.count;

    if (is_here && pair->is_changed)
        out.data[at] ^= 0x41;
    size_t first = is_here ? at : 0;
    hear(pair, who, out.data, first);
    hear(pair, who, out.data + first, out.count - first);
    pair->said_bytes[who] += out.count;
    bytes_fini(&out);
    return charge > 0;
}

/* To its end, or to where both are silent. The guest lives at the source as long as it may. */
static void move(struct pair *pair)
{
    struct guest *guest = pair->guests[HOST_SOURCE];
    struct guest_run run;

    for (unsigned turn = 0; turn < TURNS_MAX; turn++) {
        pair->now_ns += 10000;
        if (!source_wants_pause(&pair->source))
            do
                guest->ops->run(guest, pair->now_ns, &run);
            while (run.stop != GUEST_TIME_REACHED);
        bool was_said = say(pair, HOST_SOURCE);
        was_said |= say(pair, HOST_TARGET);
        assert_true(source_wants_pause(&pair->source) || !target_is_running(&pair->target));
        if (!was_said)
            return;
    }
}

static void assert_same_memory(const struct pair *pair)
{
    uint8_t ours[8], theirs[8];
    const struct guest *target = pair->guests[HOST_TARGET];

    for (uint64_t i = 0; i < PAGES; i++) {
        if (!bitmap_has(&target->present, i))
            continue;
        pair->guests[HOST_SOURCE]->ops->read_pages(pair->guests[HOST_SOURCE], i, 1, ours);
        target->ops->read_pages(target, i, 1, theirs);
        assert_memory_equal(ours, theirs, 8);
    }
}

static void treat_every_byte(enum mode mode, uint32_t who, bool is_changed)
{
    struct pair whole;

    pair_init(&whole, mode);
    move(&whole);
    assert_int_equal(whole.source.phase, PHASE_COMPLETED);
    for (uint64_t at = 0; at < whole.said_bytes[who]; at++) {
        struct pair pair;
        pair_init(&pair, mode);
        pair.who = who;
        pair.at_byte = at;
        pair.is_changed = is_changed;
        move(&pair);
        if (target_is_running(&pair.target))
            assert_same_memory(&pair);
        if (!is_changed) {
            assert_int_equal(pair.source.phase, PHASE_COMPLETED);
            assert_int_equal(pair.now_ns, whole.now_ns);
        } else if (pair.source.phase == PHASE_COMPLETED) {
            assert_true(pair.target.is_complete);
        }
        /* What was changed was noticed: by a refusal, an abort, or because more is waited for. */
        if (is_changed && who == HOST_SOURCE)
            assert_true(pair.target.phase == TARGET_REFUSED || pair.target.has_hung_up ||
                        pair.target.in.count > 0 || pair.source.phase == PHASE_ABORTED);
        pair_fini(&pair);
    }
    pair_fini(&whole);
}

static void test_cut_at_every_byte_it_is_the_same_move(void **state)
{
    (void)state;
    for (int mode = 0; mode < MODE_COUNT; mode++) {
        treat_every_byte((enum mode)mode, HOST_SOURCE, false);
        treat_every_byte((enum mode)mode, HOST_TARGET, false);
    }
}

static void test_with_every_byte_changed_the_guest_is_never_at_both_ends(void **state)
{
    (void)state;
    for (int mode = 0; mode < MODE_COUNT; mode++) {
        treat_every_byte((enum mode)mode, HOST_SOURCE, true);
        treat_every_byte((enum mode)mode, HOST_TARGET, true);
    }
}

/* Behind a frame that is not believed stands the head of one that claims a MiB: nothing of it may
 * be looked for, for nothing of it is there. */
static void test_behind_what_is_not_believed_nothing_is_read(void **state)
{
    struct pair pair;
    struct bytes stream = {0}, large = {0};
    (void)state;

    pair_init(&pair, MODE_PRE_COPY);
    source_send(&pair.source, 0, 0, &stream); /* HELLO */
    size_t begin = message_begin_pages(&stream, PAGE_FORM_ZERO, WHY_FIRST);
    message_put_run(&stream, PAGES + 5, 1);
    frame_end(&stream, begin);
    begin = frame_begin(&large, FRAME_STATE, 0);
    memset(bytes_extend(&large, FRAME_PAYLOAD_MAX), 0, FRAME_PAYLOAD_MAX);
    frame_end(&large, begin);
    bytes_put(&stream, large.data, FRAME_HEADER_BYTES);

    target_receive(&pair.target, 0, stream.data, stream.count);
    assert_int_equal(pair.target.phase, TARGET_REFUSED);
    assert_int_equal(pair.target.in.count, 0);
    target_receive(&pair.target, 0, stream.data, stream.count); /* nor does it hear any more */
    assert_int_equal(pair.target.in.count, 0);
    bytes_fini(&stream);
    bytes_fini(&large);
    pair_fini(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cut_at_every_byte_it_is_the_same_move),
        cmocka_unit_test(test_with_every_byte_changed_the_guest_is_never_at_both_ends),
        cmocka_unit_test(test_behind_what_is_not_believed_nothing_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
