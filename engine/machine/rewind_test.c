/* Backwards: the state before a tick is the one that was there before that tick. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>

#include "base/prng.h"
#include "machine/board.h"
#include "machine/debug_program.h"
#include "machine/rewind.h"

static struct debug_program program;

struct bench {
    struct guest *guest;
    struct debug debug;
    struct rewind *rewind;
};

static void set_up(struct bench *bench, uint32_t hart_count, uint64_t spacing)
{
    bench->guest = debug_program_boot(&program, hart_count);
    bench->rewind = malloc(sizeof *bench->rewind);
    debug_init(&bench->debug);
    rewind_init(bench->rewind, bench->guest);
    bench->rewind->spacing = spacing;
}

static void tear_down(struct bench *bench)
{
    rewind_fini(bench->rewind);
    free(bench->rewind);
    bench->guest->ops->close(bench->guest);
}

/* Forwards to that tick, or until it is held. */
static void live_to(struct bench *bench, uint64_t tick)
{
    struct guest *guest = bench->guest;
    debug_resume(&bench->debug, guest, DEBUG_NO_HART);
    while (debug_ticks(guest) < tick && !bench->debug.is_held) {
        struct guest_run run;
        uint64_t due_tick = rewind_due_tick(bench->rewind);
        bench->debug.until_tick = tick < due_tick ? tick : due_tick;
        debug_run(&bench->debug, guest, UINT64_MAX / 2, &run);
        rewind_pass(bench->rewind);
        bytes_clear(machine_console(guest));
        if (run.stop == GUEST_IDLE && debug_ticks(guest) < tick)
            guest->ops->idle_until(guest, run.wake_ns);
        assert_int_not_equal(run.stop, GUEST_ENDED);
    }
}

static void go_back(struct bench *bench, uint32_t step_hart_idx)
{
    bench->debug.is_held = true;
    rewind_begin(bench->rewind, &bench->debug, step_hart_idx);
    while (!rewind_search(bench->rewind, &bench->debug))
        ;
    assert_true(bench->debug.is_held);
}

/* Of a run that nobody touches, at every tick of `count` from `first` on. */
static uint64_t *digests_of(uint32_t hart_count, uint64_t first, uint64_t count)
{
    uint64_t *digests = malloc(count * sizeof *digests);
    struct bench bench;
    set_up(&bench, hart_count, REWIND_SPACING);
    for (uint64_t i = 0; i < count; i++) {
        live_to(&bench, first + i);
        digests[i] = bench.guest->ops->digest(bench.guest);
    }
    tear_down(&bench);
    return digests;
}

static void a_step_back_is_the_state_before(void **state)
{
    enum { FIRST = 5000, COUNT = 300 };
    (void)state;
    uint64_t *digests = digests_of(1, FIRST, COUNT);
    for (uint64_t spacing = 700; spacing <= 100000; spacing += 99300) {
        struct bench bench;
        set_up(&bench, 1, spacing);
        live_to(&bench, FIRST + COUNT);
        for (uint64_t i = COUNT; i-- > 0;) {
            go_back(&bench, 0);
            assert_int_equal(debug_ticks(bench.guest), FIRST + i);
            assert_int_equal(bench.guest->ops->digest(bench.guest), digests[i]);
            assert_int_equal(bench.debug.stop.reason, DEBUG_STEPPED);
        }
        tear_down(&bench);
    }
    free(digests);
}

/* With several harts: to before the last instruction of the hart in question, whoever ran since. */
static void a_step_back_is_of_its_hart(void **state)
{
    struct bench bench;
    (void)state;
    set_up(&bench, 3, 5000);
    live_to(&bench, 30500);
    for (uint32_t hart_idx = 0; hart_idx < 3; hart_idx++) {
        for (int i = 0; i < 5; i++) {
            uint64_t cycles = machine_of(bench.guest)->harts[hart_idx].cycles;
            go_back(&bench, hart_idx);
            assert_int_equal(bench.debug.stop.hart_idx, hart_idx);
            assert_int_equal(machine_of(bench.guest)->harts[hart_idx].cycles, cycles - 1);
            assert_int_equal(machine_of(bench.guest)->turn_hart_idx, hart_idx);
        }
    }
    tear_down(&bench);
}

/* All stops that a run forwards makes are met backwards, in the other order, and then the
 * beginning.
 */
static void backwards_meets_what_forwards_met(void **state)
{
    enum { MOST = 5000, END = 60000 };
    static uint64_t ticks[MOST];
    struct bench bench;
    uint64_t count = 0;
    (void)state;
    set_up(&bench, 2, 3000);
    const struct debug_point points[] = {{DEBUG_BREAK, program.handler, 4},
                                         {DEBUG_WRITE, TICKS_AT, 8}};
    assert_true(debug_add(&bench.debug, &points[0]) && debug_add(&bench.debug, &points[1]));
    for (;;) {
        live_to(&bench, END);
        if (!bench.debug.is_held)
            break;
        /* Backwards a write is met before it happens. */
        bool is_write = bench.debug.stop.point.kind == DEBUG_WRITE;
        ticks[count++] = debug_ticks(bench.guest) - is_write;
        assert_true(count < MOST);
    }
    assert_true(count > 20);
    while (count > 0) {
        go_back(&bench, DEBUG_NO_HART);
        assert_int_equal(bench.debug.stop.reason, DEBUG_POINT);
        assert_int_equal(debug_ticks(bench.guest), ticks[--count]);
    }
    go_back(&bench, DEBUG_NO_HART);
    assert_int_equal(bench.debug.stop.reason, DEBUG_BEGIN);
    assert_int_equal(debug_ticks(bench.guest), 0);
    go_back(&bench, 0);
    assert_int_equal(bench.debug.stop.reason, DEBUG_BEGIN);
    tear_down(&bench);
}

/* To and fro at random, with points kept, thinned out and passed again: at a tick there is one
 * state.
 */
static void there_is_one_state_at_each_tick(void **state)
{
    enum { RANGE = 40000, GAMES = 150, SLOT = 100 };
    struct prng prng = prng_make(5, 0);
    static uint64_t seen[RANGE / SLOT + 1];
    struct bench bench;
    (void)state;
    set_up(&bench, 2, 50);
    for (int game = 0; game < GAMES; game++) {
        uint64_t tick = prng_below(&prng, RANGE / SLOT) * SLOT;
        if (tick >= debug_ticks(bench.guest)) {
            live_to(&bench, tick);
        } else {
            /* Backwards by a breakpoint that is everywhere: one tick, and then forwards. */
            go_back(&bench, game % 2 == 0 ? DEBUG_NO_HART : 0);
            if (debug_ticks(bench.guest) > tick)
                continue;
            live_to(&bench, tick);
        }
        uint64_t digest = bench.guest->ops->digest(bench.guest);
        if (seen[tick / SLOT] != 0)
            assert_int_equal(digest, seen[tick / SLOT]);
        seen[tick / SLOT] = digest;
    }
    assert_in_range(bench.rewind->point_count, 2, REWIND_POINTS_MAX);
    assert_true(bench.rewind->spacing > 50); /* it was thinned out */
    tear_down(&bench);
}

/* What a debugger writes is a new past; before it is the old one. */
static void a_change_makes_a_new_past(void **state)
{
    struct bench bench;
    uint64_t value = 0, written = 4711;
    (void)state;
    set_up(&bench, 1, 2000);
    live_to(&bench, 9000);
    go_back(&bench, 0);
    go_back(&bench, 0);
    assert_true(debug_write(bench.guest, RAM_BASE + 0x20000, &written, 8));
    machine_of(bench.guest)->harts[0].x[20] = written;
    rewind_changed(bench.rewind);
    live_to(&bench, 9010);
    for (int i = 0; i < 12; i++) { /* to the change, where it is there, */
        assert_int_equal(machine_of(bench.guest)->harts[0].x[20], written);
        assert_int_equal(debug_read(bench.guest, RAM_BASE + 0x20000, &value, 8), 8);
        assert_int_equal(value, written);
        go_back(&bench, 0);
    }
    assert_int_equal(debug_ticks(bench.guest), 8998);
    go_back(&bench, 0); /* and to before it, where it is not */
    assert_int_equal(machine_of(bench.guest)->harts[0].x[20], 0);
    assert_int_equal(debug_read(bench.guest, RAM_BASE + 0x20000, &value, 8), 8);
    assert_int_equal(value, 0);
    tear_down(&bench);
}

static uint64_t x20_of(const struct bench *bench)
{
    return machine_of(bench->guest)->harts[0].x[20];
}

static void change_x20(struct bench *bench, uint64_t value)
{
    machine_of(bench->guest)->harts[0].x[20] = value;
    rewind_changed(bench->rewind);
}

/* Whoever comes to the place of a change from before it comes without the change, and what he has
 * behind him then is what he has lived, not what was lived there before. */
static void a_change_is_not_passed_again(void **state)
{
    enum { AT = 9000 };
    (void)state;
    uint64_t *digests = digests_of(1, AT - 10, 40);
    /* At a tick where a point is anyhow, and at one where none is. */
    for (uint64_t spacing = 3000; spacing <= 4000; spacing += 1000) {
        struct bench bench;
        set_up(&bench, 1, spacing);
        live_to(&bench, AT);
        change_x20(&bench, 4711);
        live_to(&bench, AT + 5000); /* more points, of that other past */
        go_back(&bench, DEBUG_NO_HART);
        assert_int_equal(debug_ticks(bench.guest), 0);
        live_to(&bench, AT + 20);
        assert_int_equal(x20_of(&bench), 0);
        for (uint64_t tick = AT + 20; tick-- > AT - 10;) {
            go_back(&bench, 0);
            assert_int_equal(debug_ticks(bench.guest), tick);
            assert_int_equal(bench.guest->ops->digest(bench.guest), digests[tick - (AT - 10)]);
        }
        tear_down(&bench);
    }
    free(digests);
}

/* Of more changes than there is room for the latest can be gone back to, each with its state; and
 * then that is where everything begins. */
static void so_many_changes_move_the_beginning(void **state)
{
    enum { CHANGES = 2 * REWIND_POINTS_MAX };
    struct bench bench;
    (void)state;
    set_up(&bench, 1, REWIND_SPACING);
    for (uint64_t i = 1; i <= CHANGES; i++) {
        live_to(&bench, 10 * i);
        change_x20(&bench, i);
    }
    assert_in_range(bench.rewind->point_count, 2, REWIND_POINTS_MAX);
    uint64_t value = CHANGES;
    for (;;) {
        go_back(&bench, 0);
        if (bench.debug.stop.reason == DEBUG_BEGIN)
            break;
        uint64_t tick = debug_ticks(bench.guest);
        value = tick / 10;
        assert_int_equal(x20_of(&bench), value);
    }
    assert_int_equal(debug_ticks(bench.guest), 10 * value);
    assert_in_range(CHANGES - value, REWIND_POINTS_MAX / 2, REWIND_POINTS_MAX);
    tear_down(&bench);
}

/* Changes outlast the thinning out: each is still where it was made. */
static void changes_are_not_thinned_out(void **state)
{
    enum { CHANGES = 40, APART = 500 };
    struct bench bench;
    (void)state;
    set_up(&bench, 1, 20);
    for (uint64_t i = 1; i <= CHANGES; i++) {
        live_to(&bench, APART * i);
        change_x20(&bench, i);
    }
    live_to(&bench, APART * CHANGES + 10);
    const struct debug_point handler = {DEBUG_BREAK, program.handler, 4};
    assert_true(debug_add(&bench.debug, &handler));
    uint64_t stops = 0;
    for (;; stops++) {
        go_back(&bench, DEBUG_NO_HART);
        if (bench.debug.stop.reason == DEBUG_BEGIN)
            break;
        assert_int_equal(x20_of(&bench), debug_ticks(bench.guest) / APART);
    }
    assert_in_range(stops, 20, 1000);
    assert_int_equal(debug_ticks(bench.guest), 0);
    tear_down(&bench);
}

/* Only living takes the points further apart: to look backwards, however often, does not. */
static void looking_back_leaves_the_distance(void **state)
{
    struct bench bench;
    (void)state;
    set_up(&bench, 8, 100);
    live_to(&bench, 100 * (REWIND_POINTS_MAX - 2));
    assert_int_equal(bench.rewind->point_count, REWIND_POINTS_MAX - 1);
    bench.rewind->spacing = REWIND_SPACING;
    for (uint64_t tick = 80000; tick <= 230000; tick += 3 * REWIND_NEAR) {
        live_to(&bench, tick);
        go_back(&bench, 0); /* so far away that a point is kept on the way */
    }
    assert_in_range(bench.rewind->point_count, 10, REWIND_POINTS_MAX - 10); /* thinned out */
    assert_int_equal(bench.rewind->spacing, REWIND_SPACING);
    tear_down(&bench);
}

static void a_search_can_be_given_up(void **state)
{
    struct bench bench;
    (void)state;
    set_up(&bench, 2, 3000);
    live_to(&bench, 20000);
    uint64_t digest = bench.guest->ops->digest(bench.guest);
    const struct debug_point never = {DEBUG_BREAK, RAM_BASE + 0x800, 4};
    assert_true(debug_add(&bench.debug, &never));
    rewind_begin(bench.rewind, &bench.debug, DEBUG_NO_HART);
    assert_false(rewind_search(bench.rewind, &bench.debug));
    rewind_give_up(bench.rewind, &bench.debug);
    assert_true(bench.debug.is_held);
    assert_int_equal(bench.debug.stop.reason, DEBUG_ASKED);
    assert_int_equal(debug_ticks(bench.guest), 20000);
    assert_int_equal(bench.guest->ops->digest(bench.guest), digest);
    /* Where something was just changed by hand, it still is. */
    change_x20(&bench, 4711);
    rewind_begin(bench.rewind, &bench.debug, DEBUG_NO_HART);
    assert_false(rewind_search(bench.rewind, &bench.debug));
    rewind_give_up(bench.rewind, &bench.debug);
    assert_int_equal(debug_ticks(bench.guest), 20000);
    assert_int_equal(x20_of(&bench), 4711);
    tear_down(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_step_back_is_the_state_before),
        cmocka_unit_test(a_step_back_is_of_its_hart),
        cmocka_unit_test(backwards_meets_what_forwards_met),
        cmocka_unit_test(there_is_one_state_at_each_tick),
        cmocka_unit_test(a_change_makes_a_new_past),
        cmocka_unit_test(a_change_is_not_passed_again),
        cmocka_unit_test(changes_are_not_thinned_out),
        cmocka_unit_test(so_many_changes_move_the_beginning),
        cmocka_unit_test(looking_back_leaves_the_distance),
        cmocka_unit_test(a_search_can_be_given_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
