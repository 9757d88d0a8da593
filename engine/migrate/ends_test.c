/* Both ends, joined by hand: what an end must not believe, in which phase, and what it must not
 * forget. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "machine/model.h"
#include "migrate/source.h"
#include "migrate/target.h"

#define PAGES 256

struct pair {
    struct guest *guests[HOST_COUNT];
    struct event_list events;
    struct source source;
    struct target target;
    uint64_t now_ns;
};

static const struct model_config model = {.pattern = WRITES_UNIFORM,
                                          .total_pages = PAGES,
                                          .working_set_pages = PAGES,
                                          .write_rate = 100000,
                                          .seed = 5};

static void pair_init(struct pair *pair, enum mode mode)
{
    struct source_config config = {
        .strategy = strategy_of(mode),
        .limits = {.downtime_ns = 1000000,
                   .max_rounds = 5,
                   .total_time_ns = LIMIT_NONE,
                   .prefetch = PREFETCH_SEQUENTIAL},
        .copy_chunk_bytes = 16 * MESSAGE_PAGE_WIRE_BYTES,
        .push_chunk_bytes = 1,
    };
    *pair = (struct pair){.now_ns = 0};
    pair->guests[HOST_SOURCE] = model_open(&model);
    pair->guests[HOST_TARGET] = model_open_empty(&model);
    source_init(&pair->source, &config, pair->guests[HOST_SOURCE], &pair->events);
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

/* What the source says now, to that target; and what the target answers. */
static void exchange(struct pair *pair, struct target *target)
{
    struct bytes said = {0};

    pair->now_ns += 10000;
    source_send(&pair->source, pair->now_ns, 0, &said);
    target_receive(target, pair->now_ns, said.data, said.count);
    bytes_clear(&said);
    target_send(target, &said);
    source_receive(&pair->source, pair->now_ns, said.data, said.count);
    bytes_fini(&said);
}

static void exchange_until(struct pair *pair, enum phase phase)
{
    for (int turn = 0; pair->source.phase != phase; turn++) {
        assert_true(turn < 1000);
        exchange(pair, &pair->target);
    }
}

static void hear(struct pair *pair, struct bytes *said)
{
    source_receive(&pair->source, pair->now_ns, said->data, said->count);
    bytes_fini(said);
}

/* Another target in the place of the one that runs the guest: a host that has begun anew. */
static void test_refused_after_running_gives_nothing_back(void **state)
{
    struct pair pair;
    struct target fresh;
    struct guest *guest = model_open_empty(&model);
    (void)state;

    pair_init(&pair, MODE_POST_COPY);
    exchange_until(&pair, PHASE_POST_COPY);
    assert_true(target_is_running(&pair.target));
    source_disconnected(&pair.source, pair.now_ns, "cut");
    source_connected(&pair.source, pair.now_ns);
    target_init(&fresh, guest, &pair.events);
    exchange(&pair, &fresh);
    assert_true(source_wants_pause(&pair.source));
    assert_true(pair.source.has_hung_up);
    target_fini(&fresh);
    guest->ops->close(guest);
    pair_fini(&pair);
}

static void test_all_pages_that_are_asked_for_again_travel_again(void **state)
{
    struct pair pair;
    struct bytes said = {0};
    (void)state;

    pair_init(&pair, MODE_POST_COPY);
    exchange_until(&pair, PHASE_POST_COPY);
    while (pair.source.to_send.set_count > 0) /* all is sent, and lost */
        source_send(&pair.source, ++pair.now_ns, 0, &said);
    bytes_clear(&said);
    for (uint64_t page_idx = 0; page_idx < PAGES; page_idx++)
        message_put_request_again(&said, page_idx);
    hear(&pair, &said);
    assert_int_equal(pair.source.to_send.set_count, PAGES);
    exchange_until(&pair, PHASE_COMPLETED);
    assert_int_equal(pair.guests[HOST_TARGET]->present.set_count, PAGES);
    pair_fini(&pair);
}

/* The guest runs at the source again: none of its pages is anybody's business. */
static void test_an_aborted_source_says_so_and_nothing_else(void **state)
{
    struct pair pair;
    struct bytes said = {0}, sent = {0};
    (void)state;

    pair_init(&pair, MODE_POST_COPY);
    exchange(&pair, &pair.target); /* HELLO, and READY */
    source_send(&pair.source, ++pair.now_ns, 0, &sent);
    bytes_clear(&sent); /* COMMIT, which nobody hears */
    assert_int_equal(pair.source.phase, PHASE_HAND_OVER);
    message_put_number(&said, FRAME_PAGE_REQUEST, 3);
    message_put_text(&said, FRAME_REFUSED, "no");
    hear(&pair, &said);
    assert_int_equal(pair.source.phase, PHASE_ABORTED);
    while (source_send(&pair.source, pair.now_ns, 0, &sent) > 0)
        ;
    struct frame frame;
    size_t consumed;
    assert_int_equal(frame_decode(sent.data, sent.count, &frame, &consumed), STATUS_OK);
    assert_int_equal(frame.type, FRAME_ABORT);
    assert_int_equal(consumed, sent.count);
    bytes_fini(&sent);
    pair_fini(&pair);
}

static void test_what_recovers_is_no_state(void **state)
{
    struct pair pair;
    struct bytes sent = {0};
    (void)state;

    pair_init(&pair, MODE_POST_COPY);
    pair.source.config.halt_at = 1u << PHASE_HAND_OVER; /* the burst waits */
    exchange_until(&pair, PHASE_HAND_OVER);
    source_disconnected(&pair.source, pair.now_ns, "cut");
    source_connected(&pair.source, pair.now_ns);
    source_go_on(&pair.source);
    size_t first = pair.events.count;
    source_send(&pair.source, pair.now_ns, 0, &sent);
    assert_int_equal(pair.events.items[first].kind, EVENT_FRAME_SENT);
    assert_false(pair.events.items[first].frame_sent.is_state);
    bytes_fini(&sent);
    pair_fini(&pair);
}

/* A word that is heard in a phase in which nobody says it: nothing comes of it. */
static void test_words_out_of_their_phase_change_nothing(void **state)
{
    struct pair pair;
    struct bytes said = {0};
    (void)state;

    pair_init(&pair, MODE_PRE_COPY);
    exchange_until(&pair, PHASE_COPY);
    exchange(&pair, &pair.target); /* some pages are sent */
    uint64_t left = pair.source.to_send.set_count;
    assert_in_range(left, 1, PAGES - 1);
    message_put_text(&said, FRAME_READY, "");
    message_put_text(&said, FRAME_RUNNING, "");
    message_put_text(&said, FRAME_COMPLETE, "");
    message_put_bitmap(&said, &pair.source.sent, 0);
    hear(&pair, &said);
    assert_int_equal(pair.source.phase, PHASE_COPY);
    assert_int_equal(pair.source.to_send.set_count, left);
    pair_fini(&pair);

    pair_init(&pair, MODE_POST_COPY);
    exchange_until(&pair, PHASE_POST_COPY);
    uint64_t present = pair.guests[HOST_TARGET]->present.set_count;
    struct bytes kept = {0}, other = {0};
    bytes_put(&kept, pair.target.state.data, pair.target.state.count);
    bytes_put(&other, "another", 7);
    said = (struct bytes){0};
    message_put_state(&said, &other);
    message_put_stale(&said, &pair.guests[HOST_TARGET]->present, 0);
    target_receive(&pair.target, pair.now_ns, said.data, said.count);
    assert_int_equal(pair.guests[HOST_TARGET]->present.set_count, present);
    assert_int_equal(pair.target.state.count, kept.count);
    assert_memory_equal(pair.target.state.data, kept.data, kept.count);
    bytes_fini(&said);
    bytes_fini(&kept);
    bytes_fini(&other);
    pair_fini(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused_after_running_gives_nothing_back),
        cmocka_unit_test(test_all_pages_that_are_asked_for_again_travel_again),
        cmocka_unit_test(test_an_aborted_source_says_so_and_nothing_else),
        cmocka_unit_test(test_what_recovers_is_no_state),
        cmocka_unit_test(test_words_out_of_their_phase_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
