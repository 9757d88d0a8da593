/* Barriers on the wire: what stands before them, who waits for them, and when nobody does. Two
 * machines of some pages, joined by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "machine/board.h"
#include "machine/test_program.h"
#include "migrate/source.h"
#include "migrate/target.h"

#define PAGES     256
#define STORED    (RAM_BASE + 20 * PAGE_BYTES) /* by hart 0, again and again, and flushed */
#define UNTOUCHED (RAM_BASE + 30 * PAGE_BYTES)

static struct guest *guests[HOST_COUNT];
static struct event_list events;
static struct source source;
static struct target target;
static struct bytes out;
static uint64_t now_ns;

/* Sends pages up to page 40, then nothing: the rest is what the test brings about. */
static void next(const struct view *view, void *memo, struct action *action)
{
    uint64_t *cursor = memo;
    if (view->phase == PHASE_COPY && *cursor < 40)
        *action = (struct action){.kind = ACTION_SEND, .first_idx = (*cursor)++, .count = 1};
    else
        *action = (struct action){.kind = ACTION_WAIT};
}

static const struct strategy strategy = {.mode = MODE_PRE_COPY, .next = next};

/* Stores to a page, flushes the line, and begins again. */
static struct bytes storing_program(void)
{
    static struct program program;
    program.count = 0;
    put_number(&program, A0, STORED);
    uint64_t again = program_here(&program);
    PUT(&program, ADDI, A1, A1, 0, 1);
    PUT(&program, SD, 0, A0, A1, 0);
    PUT(&program, CBO_FLUSH, 0, A0, 0, 0);
    PUT_TO(&program, JAL, 0, 0, 0, again);
    return program_image(&program);
}

static void say(uint64_t backlog_bytes)
{
    bytes_clear(&out);
    source_send(&source, now_ns, backlog_bytes, &out);
}

/* What the source said, and what the target answers. */
static void hear(void)
{
    struct bytes answer = {0};
    target_receive(&target, now_ns, out.data, out.count);
    target_send(&target, &answer);
    source_receive(&source, now_ns, answer.data, answer.count);
    bytes_fini(&answer);
}

static int open_pair(void **state)
{
    static const struct machine_config config = {.memory_bytes = PAGES * PAGE_BYTES,
                                                 .cpu_rate = 1000000000,
                                                 .hart_count = 2,
                                                 .arguments = "",
                                                 .has_cache = true};
    struct source_config source_config = {
        .strategy = &strategy,
        .has_barriers = *state == NULL,
        .copy_chunk_bytes = MESSAGE_PAGE_WIRE_BYTES,
        .push_chunk_bytes = MESSAGE_PAGE_WIRE_BYTES,
    };
    struct bytes image = storing_program();
    enum status status =
        machine_open(&config, "store", image.data, image.count, &guests[HOST_SOURCE], NULL);
    assert_int_equal(status, STATUS_OK);
    bytes_fini(&image);
    guests[HOST_TARGET] = machine_open_empty(&config);
    source_init(&source, &source_config, guests[HOST_SOURCE], &events);
    target_init(&target, guests[HOST_TARGET], &events);
    source_start(&source, now_ns);
    say(1); /* HELLO */
    hear();
    return 0;
}

static int close_pair(void **state)
{
    (void)state;
    source_fini(&source);
    target_fini(&target);
    event_list_fini(&events);
    for (uint32_t host = 0; host < HOST_COUNT; host++)
        guests[host]->ops->close(guests[host]);
    bytes_clear(&out);
    return 0;
}

/* Until hart 0 has flushed; what the source makes of it. */
static bool flush(void)
{
    struct guest_run run;
    do
        guests[0]->ops->run(guests[0], guests[0]->ops->now_ns(guests[0]) + 100, &run);
    while (run.stop == GUEST_DIRTIED);
    assert_int_equal(run.stop, GUEST_FLUSHED);
    assert_int_equal(run.page_idx, (STORED - RAM_BASE) / PAGE_BYTES);
    assert_int_equal(run.page_count, 1);
    return source_flushed(&source, now_ns, run.hart_idx, run.page_idx, run.page_count);
}

static void send_rounds_pages(void)
{
    for (unsigned i = 0; i < 40; i++) {
        say(1);
        hear();
    }
    say(1);
    assert_int_equal(out.count, 0);
}

/* The types of what the source said last. */
static uint32_t types(enum frame_type into[8])
{
    uint32_t count = 0;
    for (size_t at = 0, consumed; at < out.count; at += consumed) {
        struct frame frame;
        assert_int_equal(frame_decode(out.data + at, out.count - at, &frame, &consumed), STATUS_OK);
        assert_true(consumed > 0 && count < 8);
        into[count++] = frame.type;
    }
    return count;
}

static uint64_t at_target(void)
{
    uint64_t value;
    machine_dma_read(guests[HOST_TARGET], STORED, sizeof value, (uint8_t *)&value);
    return value;
}

/* A page of which the target has no copy needs no barrier: nobody can read an old one. */
static void what_was_never_sent_needs_none(void **state)
{
    (void)state;
    assert_false(flush());
    assert_int_equal(source_barred_harts(&source), 0);
}

static void the_barrier_follows_the_page(void **state)
{
    enum frame_type seen[8];
    (void)state;
    send_rounds_pages();
    for (uint64_t round = 0; round < 3; round++) {
        now_ns += 1000;
        assert_true(flush());
        assert_int_equal(source_barred_harts(&source), 1);
        say(1);
        assert_int_equal(types(seen), 1);
        assert_int_equal(seen[0], FRAME_PAGES);
        assert_int_equal(source_barred_harts(&source), 1);
        hear();
        assert_int_equal(source_barred_harts(&source), 1); /* arrived, and not acknowledged */
        say(1);
        assert_int_equal(types(seen), 1);
        assert_int_equal(seen[0], FRAME_BARRIER);
        const struct event *sent = &events.items[events.count - 2];
        assert_int_equal(sent->kind, EVENT_BARRIER_SENT);
        assert_int_equal(sent->barrier_sent.barrier_idx, round);
        assert_int_equal(sent->barrier_sent.pages, 1);
        now_ns += 500;
        hear();
        assert_int_equal(source_barred_harts(&source), 0);
        assert_int_equal(at_target(), machine_of(guests[0])->harts[0].x[A1]);
        const struct event *done = &events.items[events.count - 1];
        assert_int_equal(done->kind, EVENT_BARRIER_ACKNOWLEDGED);
        assert_int_equal(done->barrier_acknowledged.wait_ns, 500);
        say(1);
        assert_int_equal(out.count, 0);
    }
}

/* A page is known to have arrived when a barrier that was sent behind it has; not when it is on its
 * way, nor when it was changed again, however that was done. */
static void a_page_has_arrived_when_a_barrier_behind_it_has(void **state)
{
    static const uint8_t byte = 7;
    uint64_t page_idx = (STORED - RAM_BASE) / PAGE_BYTES, other_idx = page_idx + 1;
    (void)state;
    assert_false(source_has_arrived(&source, page_idx));
    send_rounds_pages();
    assert_false(source_has_arrived(&source, page_idx));
    assert_true(flush());
    say(1); /* the page */
    hear();
    assert_false(source_has_arrived(&source, page_idx));
    say(1); /* the barrier */
    assert_false(source_has_arrived(&source, page_idx));
    hear();
    assert_true(source_has_arrived(&source, page_idx));
    assert_true(source_has_arrived(&source, other_idx)); /* it went before, too */
    assert_false(source_has_arrived(&source, 100));      /* it was never sent */
    machine_dma_write(guests[0], RAM_BASE + other_idx * PAGE_BYTES, 1, &byte);
    assert_false(source_has_arrived(&source, other_idx));
    guests[0]->ops->fetch_dirty(guests[0], 0, PAGES, &source.to_send);
    assert_false(source_has_arrived(&source, other_idx));
    assert_true(source_has_arrived(&source, page_idx));
}

/* A clean page that was sent may still be on its way: its barrier goes alone. Two harts wait each
 * for their own, and an acknowledgement that nobody waits for frees nobody. */
static void two_harts_wait_each_for_its_own(void **state)
{
    enum frame_type seen[8];
    struct bytes stray = {0};
    (void)state;
    send_rounds_pages();
    uint64_t page_idx = (UNTOUCHED - RAM_BASE) / PAGE_BYTES;
    assert_true(source_flushed(&source, now_ns, 1, page_idx, 1));
    say(1);
    assert_int_equal(types(seen), 1);
    assert_int_equal(seen[0], FRAME_BARRIER);
    struct bytes first = out;
    out = (struct bytes){0};
    assert_true(flush());
    assert_int_equal(source_barred_harts(&source), 3);
    message_put_number(&stray, FRAME_BARRIER_ACK, 1); /* it was not sent yet */
    message_put_number(&stray, FRAME_BARRIER_ACK, 77);
    source_receive(&source, now_ns, stray.data, stray.count);
    assert_int_equal(source_barred_harts(&source), 3);
    say(1);
    assert_int_equal(types(seen), 1);
    assert_int_equal(seen[0], FRAME_PAGES);
    struct bytes second = out;
    out = first;
    hear();
    assert_int_equal(source_barred_harts(&source), 1);
    bytes_fini(&out);
    out = second;
    hear();
    say(1);
    hear();
    assert_int_equal(source_barred_harts(&source), 0);
    bytes_fini(&stray);
}

/* Given up with one out: nobody waits, and flushes are told no more. */
static void giving_up_frees_all(void **state)
{
    struct guest_run run;
    (void)state;
    send_rounds_pages();
    assert_true(flush());
    assert_true(source_abort(&source, now_ns, "given up"));
    assert_int_equal(source_barred_harts(&source), 0);
    guests[0]->ops->run(guests[0], guests[0]->ops->now_ns(guests[0]) + 100, &run);
    assert_int_equal(run.stop, GUEST_TIME_REACHED);
}

/* Left out: the flush is not told of, and the target's copy stays as it was. */
static void left_out_it_is_not_missed_at_the_source(void **state)
{
    static int leave_out;
    struct guest_run run;
    void *left = &leave_out;
    (void)state;
    open_pair(&left);
    send_rounds_pages();
    do
        guests[0]->ops->run(guests[0], guests[0]->ops->now_ns(guests[0]) + 100, &run);
    while (run.stop == GUEST_DIRTIED);
    assert_int_equal(run.stop, GUEST_TIME_REACHED);
    assert_false(source_flushed(&source, now_ns, 0, 20, 1));
    assert_int_equal(at_target(), 0);
    close_pair(&left);
}

#define PAIR_TEST(name) cmocka_unit_test_setup_teardown(name, open_pair, close_pair)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PAIR_TEST(what_was_never_sent_needs_none),
        PAIR_TEST(the_barrier_follows_the_page),
        PAIR_TEST(a_page_has_arrived_when_a_barrier_behind_it_has),
        PAIR_TEST(two_harts_wait_each_for_its_own),
        PAIR_TEST(giving_up_frees_all),
        cmocka_unit_test(left_out_it_is_not_missed_at_the_source),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
