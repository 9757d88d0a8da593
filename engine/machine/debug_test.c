/* A machine under a debugger: held exactly where it is to be, and ending as if nobody had looked.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "machine/debug_program.h"
#include "machine/debug.h"
#include "machine/board.h"

static struct debug_program program;

struct outcome {
    uint64_t digest, ticks, status, breaks, watches, steps;
    struct bytes console;
};

/* Lives until the guest is held, or has ended: false. */
static bool live(struct debug *debug, struct guest *guest, struct outcome *outcome)
{
    for (;;) {
        struct guest_run run;
        debug_run(debug, guest, UINT64_MAX / 2, &run);
        if (outcome != NULL)
            bytes_put(&outcome->console, machine_console(guest)->data,
                      machine_console(guest)->count);
        bytes_clear(machine_console(guest));
        if (run.stop == GUEST_HELD && debug->is_held)
            return true;
        if (run.stop == GUEST_IDLE)
            guest->ops->idle_until(guest, run.wake_ns);
        if (run.stop != GUEST_ENDED)
            continue;
        if (outcome != NULL) {
            outcome->digest = guest->ops->digest(guest);
            outcome->ticks = debug_ticks(guest);
            outcome->status = run.status;
        }
        return false;
    }
}

static struct outcome undisturbed(uint32_t hart_count)
{
    struct outcome outcome = {0};
    struct debug debug;
    struct guest *guest = debug_program_boot(&program, hart_count);
    debug_init(&debug);
    debug_leave(&debug);
    assert_false(live(&debug, guest, &outcome));
    assert_int_equal(outcome.status, 7);
    guest->ops->close(guest);
    return outcome;
}

static void add(struct debug *debug, enum debug_kind kind, uint64_t address, uint64_t count)
{
    const struct debug_point point = {kind, address, count};
    assert_true(debug_add(debug, &point));
}

static uint64_t pc_of(const struct guest *guest, uint32_t hart_idx)
{
    return machine_of_const(guest)->harts[hart_idx].pc;
}

/* Every stop at a breakpoint is at it, before its instruction; each loop of each hart makes one;
 * and the end is the same as without. */
static void breakpoints_are_exact_and_change_nothing(void **state)
{
    (void)state;
    for (uint32_t hart_count = 1; hart_count <= 4; hart_count += 3) {
        struct outcome expected = undisturbed(hart_count), outcome = {0};
        struct guest *guest = debug_program_boot(&program, hart_count);
        struct debug debug;
        uint64_t stops = 0, traps = 0, slot = 0;
        debug_init(&debug);
        assert_true(live(&debug, guest, &outcome));
        assert_int_equal(debug.stop.reason, DEBUG_ASKED);
        add(&debug, DEBUG_BREAK, program.store, 4); /* of hart 0 alone: the code is there twice */
        add(&debug, DEBUG_BREAK, program.handler, 0);
        debug_resume(&debug, guest, DEBUG_NO_HART);
        while (live(&debug, guest, &outcome)) {
            assert_int_equal(debug.stop.reason, DEBUG_POINT);
            assert_int_equal(debug.stop.hart_idx, 0);
            assert_int_equal(pc_of(guest, 0), debug.stop.point.address);
            assert_int_equal(debug_read(guest, SLOTS, &slot, 8), 8);
            if (debug.stop.point.address == program.store)
                assert_int_equal(slot, stops == 0 ? 0 : LOOPS - stops + 1);
            *(debug.stop.point.address == program.store ? &stops : &traps) += 1;
            debug_resume(&debug, guest, DEBUG_NO_HART);
        }
        assert_int_equal(stops, LOOPS);
        assert_true(traps > 10);
        assert_int_equal(outcome.digest, expected.digest);
        assert_int_equal(outcome.ticks, expected.ticks);
        assert_int_equal(outcome.console.count, expected.console.count);
        guest->ops->close(guest);
        bytes_fini(&outcome.console);
        bytes_fini(&expected.console);
    }
}

/* One instruction of a given hart at a time; what the others do meanwhile is what they do anyhow.
 */
static void a_step_is_one_instruction_of_its_hart(void **state)
{
    (void)state;
    for (uint32_t hart_count = 1; hart_count <= 3; hart_count += 2) {
        struct outcome expected = undisturbed(hart_count), outcome = {0};
        struct guest *guest = debug_program_boot(&program, hart_count);
        const struct machine *machine = machine_of_const(guest);
        struct debug debug;
        uint32_t hart_idx = hart_count - 1;
        debug_init(&debug);
        assert_true(live(&debug, guest, &outcome));
        for (int i = 0; i < 3000; i++) {
            uint64_t cycles = machine->harts[hart_idx].cycles;
            debug_resume(&debug, guest, hart_idx);
            assert_true(live(&debug, guest, &outcome));
            assert_int_equal(debug.stop.reason, DEBUG_STEPPED);
            assert_int_equal(debug.stop.hart_idx, hart_idx);
            assert_int_equal(machine->harts[hart_idx].cycles, cycles + 1);
        }
        debug_leave(&debug);
        assert_false(live(&debug, guest, &outcome));
        assert_int_equal(outcome.digest, expected.digest);
        assert_int_equal(outcome.ticks, expected.ticks);
        guest->ops->close(guest);
        bytes_fini(&outcome.console);
        bytes_fini(&expected.console);
    }
}

/* ---- Watchpoints ---- */

/* One access each, at AT: the stop is behind the instruction, and names the first watched byte. */
#define AT (RAM_BASE + 0x10ffc)
static const struct {
    enum instruction_code code;
    int64_t offset;
    enum debug_kind kind;
    uint64_t address, bytes;
    uint64_t reported; /* 0: no stop */
} watch_rows[] = {
    {INSTRUCTION_SD, 0, DEBUG_WRITE, AT, 8, AT},
    {INSTRUCTION_SD, 0, DEBUG_WRITE, AT + 7, 1, AT + 7},
    {INSTRUCTION_SD, 0, DEBUG_WRITE, AT + 8, 8, 0},
    {INSTRUCTION_SD, 0, DEBUG_WRITE, AT - 4, 4, 0},
    {INSTRUCTION_SD, 0, DEBUG_WRITE, AT - 4, 5, AT},
    {INSTRUCTION_SD, -3, DEBUG_WRITE, AT, 1, AT},         /* misaligned, */
    {INSTRUCTION_SD, 1, DEBUG_ACCESS, AT + 8, 1, AT + 8}, /* over the end of a page */
    {INSTRUCTION_SB, 3, DEBUG_WRITE, AT, 4, AT + 3},
    {INSTRUCTION_SB, 4, DEBUG_WRITE, AT, 4, 0},
    {INSTRUCTION_SH, 2, DEBUG_ACCESS, AT + 3, 1, AT + 3},
    {INSTRUCTION_SW, 4, DEBUG_READ, AT, 16, 0},
    {INSTRUCTION_LD, 0, DEBUG_WRITE, AT, 8, 0},
    {INSTRUCTION_LD, 0, DEBUG_READ, AT + 4, 2, AT + 4},
    {INSTRUCTION_LBU, 0, DEBUG_ACCESS, AT, 8, AT},
    {INSTRUCTION_LW, -4, DEBUG_READ, AT, 8, 0},
    {INSTRUCTION_AMOADD_W, 0, DEBUG_READ, AT, 4, AT},
    {INSTRUCTION_AMOADD_W, 0, DEBUG_WRITE, AT, 4, AT},
    {INSTRUCTION_AMOSWAP_W, 0, DEBUG_ACCESS, AT + 2, 1, AT + 2},
    {INSTRUCTION_LR_W, 0, DEBUG_READ, AT, 4, AT},
    {INSTRUCTION_LR_W, 0, DEBUG_WRITE, AT, 4, 0},
    {INSTRUCTION_SC_W, 0, DEBUG_WRITE, AT, 4, 0}, /* nothing is reserved: it fails */
    {INSTRUCTION_SD, 0, DEBUG_WRITE, 0, UINT64_MAX, AT},
};

static struct guest *boot_one_access(enum instruction_code code, int64_t offset)
{
    static const struct machine_config config = {
        .memory_bytes = 1 << 20, .cpu_rate = 1000000, .hart_count = 1};
    static struct program one;
    struct guest *guest = NULL;
    one.count = 0;
    put_number(&one, S1, AT);
    for (int i = 0; i < 20; i++) /* as much as a TLB wants to have seen */
        PUT(&one, LD, T0, S1, 0, -2000);
    put_word(&one, program_word(code, T0, S1, S1, offset));
    put_exit(&one);
    struct bytes image = program_image(&one);
    assert_int_equal(machine_open(&config, "test", image.data, image.count, &guest, NULL),
                     STATUS_OK);
    bytes_fini(&image);
    return guest;
}

static void watchpoints_stop_behind_the_access(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof watch_rows / sizeof *watch_rows; i++) {
        struct guest *guest = boot_one_access(watch_rows[i].code, watch_rows[i].offset);
        struct debug debug;
        debug_init(&debug);
        add(&debug, watch_rows[i].kind, watch_rows[i].address, watch_rows[i].bytes);
        debug_resume(&debug, guest, DEBUG_NO_HART);
        bool is_held = live(&debug, guest, NULL);
        if (is_held != (watch_rows[i].reported != 0))
            fail_msg("row %zu: held %d", i, is_held);
        if (is_held) {
            assert_int_equal(debug.stop.reason, DEBUG_POINT);
            assert_int_equal(debug.stop.point.kind, watch_rows[i].kind);
            assert_int_equal(debug.stop.address, watch_rows[i].reported);
            uint32_t bits = 0;
            assert_int_equal(debug_read(guest, pc_of(guest, 0) - 4, &bits, 4), 4);
            assert_int_equal(bits,
                             program_word(watch_rows[i].code, T0, S1, S1, watch_rows[i].offset));
        }
        guest->ops->close(guest);
    }
}

/* Each store of each hart into its slot, and each of all into the counter, is seen once. */
static void watchpoints_miss_nothing_and_change_nothing(void **state)
{
    (void)state;
    struct outcome expected = undisturbed(4), outcome = {0};
    struct guest *guest = debug_program_boot(&program, 4);
    struct debug debug;
    uint64_t by_hart[4] = {0}, counts = 0, value = 0;
    debug_init(&debug);
    add(&debug, DEBUG_WRITE, SLOTS, 32);
    add(&debug, DEBUG_ACCESS, COUNTER, 1);
    debug_resume(&debug, guest, DEBUG_NO_HART);
    while (live(&debug, guest, &outcome)) {
        if (debug.stop.point.address == SLOTS) {
            assert_int_equal(debug.stop.address, SLOTS + 8 * debug.stop.hart_idx);
            assert_int_equal(debug_read(guest, debug.stop.address, &value, 8), 8);
            assert_int_equal(value, LOOPS - by_hart[debug.stop.hart_idx]++);
        } else {
            counts++;
        }
        debug_resume(&debug, guest, DEBUG_NO_HART);
    }
    for (int i = 0; i < 4; i++)
        assert_int_equal(by_hart[i], LOOPS);
    assert_true(counts > 4 * LOOPS); /* and hart 0 reads it at the end */
    assert_int_equal(outcome.digest, expected.digest);
    assert_int_equal(outcome.ticks, expected.ticks);
    guest->ops->close(guest);
    bytes_fini(&outcome.console);
    bytes_fini(&expected.console);
}

/* What a hypercall reads or writes for the guest is its access too. */
static void watchpoints_see_hypercalls(void **state)
{
    static const struct machine_config config = {.memory_bytes = 1 << 20,
                                                 .cpu_rate = 1000000,
                                                 .hart_count = 1,
                                                 .arguments = "test",
                                                 .argument_bytes = 5};
    static struct program calls;
    struct guest *guest = NULL;
    struct debug debug;
    (void)state;
    put_number(&calls, A0, AT);
    put_number(&calls, A1, 64);
    put_sbi(&calls, HYPERCALL_ARGUMENTS, 0);
    put_number(&calls, A0, 4);
    put_number(&calls, A1, AT);
    put_number(&calls, A2, 0);
    put_sbi(&calls, HYPERCALL_DBCN, 0);
    put_exit(&calls);
    struct bytes image = program_image(&calls);
    assert_int_equal(machine_open(&config, "test", image.data, image.count, &guest, NULL),
                     STATUS_OK);
    bytes_fini(&image);
    debug_init(&debug);
    add(&debug, DEBUG_WRITE, AT + 3, 1);
    add(&debug, DEBUG_READ, AT + 2, 1);
    debug_resume(&debug, guest, DEBUG_NO_HART);
    assert_true(live(&debug, guest, NULL));
    assert_int_equal(debug.stop.point.kind, DEBUG_WRITE);
    debug_resume(&debug, guest, DEBUG_NO_HART);
    assert_true(live(&debug, guest, NULL));
    assert_int_equal(debug.stop.point.kind, DEBUG_READ);
    debug_resume(&debug, guest, DEBUG_NO_HART);
    assert_false(live(&debug, guest, NULL));
    guest->ops->close(guest);
}

/* A machine whose points have gone, one by one or with the debugger, is one that nobody looks at:
 * its pages are as quick as before. */
static void what_is_watched_no_more_is_forgotten(void **state)
{
    (void)state;
    for (int leaves = 0; leaves < 2; leaves++) {
        struct guest *guest = debug_program_boot(&program, 1);
        const struct memory *memory = &machine_of_const(guest)->memory;
        const struct debug_point point = {DEBUG_WRITE, SLOTS, 8};
        const struct debug_point stop = {DEBUG_HARD_BREAK, program.handler, 2};
        struct debug debug;
        debug_init(&debug);
        assert_true(debug_add(&debug, &point) && debug_add(&debug, &stop));
        debug_resume(&debug, guest, DEBUG_NO_HART);
        assert_true(live(&debug, guest, NULL));
        assert_int_equal(memory->holds.watched_count, 1);
        assert_int_equal(memory->holds.stop_count, 1);
        assert_false(tlb_has(memory->tlb.stores, SLOTS, 8));
        if (leaves)
            debug_leave(&debug);
        assert_int_equal(debug_remove(&debug, &point), !leaves);
        assert_int_equal(debug_remove(&debug, &stop), !leaves);
        debug.is_held = false;
        debug.until_tick = debug_ticks(guest) + 200;
        struct guest_run run;
        debug_run(&debug, guest, UINT64_MAX / 2, &run);
        assert_int_equal(memory->holds.watched_count + memory->holds.stop_count, 0);
        assert_true(tlb_has(memory->tlb.stores, SLOTS, 8));
        guest->ops->close(guest);
    }
}

/* A debugger is no hart: what it writes takes a reservation away whoever has it. */
static void a_write_ends_every_reservation(void **state)
{
    struct guest *guest = debug_program_boot(&program, 2);
    struct memory_reservation *reservations = machine_of(guest)->memory.reservations;
    const uint8_t value = 1;
    (void)state;
    for (int i = 0; i < 2; i++)
        reservations[i] = (struct memory_reservation){COUNTER, 8};
    assert_true(debug_write(guest, COUNTER + 8, &value, 1));
    assert_int_equal(reservations[0].byte_count, 8);
    assert_int_equal(reservations[1].byte_count, 8);
    assert_true(debug_write(guest, COUNTER + 7, &value, 1));
    assert_int_equal(reservations[0].byte_count, 0);
    assert_int_equal(reservations[1].byte_count, 0);
    guest->ops->close(guest);
}

/* ---- Looking ---- */

static void looking_is_not_seen(void **state)
{
    struct outcome expected = undisturbed(1);
    struct guest *guest = debug_program_boot(&program, 1);
    uint8_t data[3 * PAGE_BYTES];
    (void)state;
    guest->ops->track(guest, true);
    guest->ops->drop_page(guest, 5);
    assert_int_equal(debug_read(guest, RAM_BASE + 3 * PAGE_BYTES, data, sizeof data),
                     2 * PAGE_BYTES);
    assert_int_equal(debug_read(guest, RAM_BASE + 5 * PAGE_BYTES, data, 1), 0);
    assert_int_equal(debug_read(guest, RAM_BASE - 1, data, 2), 0);
    assert_int_equal(debug_read(guest, UINT64_MAX - 3, data, 8), 0);
    assert_int_equal(debug_read(guest, RAM_BASE + (1 << 20) - 3, data, 8), 3);
    assert_int_equal(guest->dirty.set_count, 0);
    /* To write is to dirty, wholly or not at all. */
    assert_false(debug_write(guest, RAM_BASE + 5 * PAGE_BYTES - 4, data, 8));
    assert_false(debug_write(guest, RAM_BASE + (1 << 20) - 4, data, 8));
    assert_int_equal(guest->dirty.set_count, 0);
    assert_true(debug_write(guest, RAM_BASE + 9 * PAGE_BYTES - 4, data, 8));
    assert_true(bitmap_has(&guest->dirty, 8) && bitmap_has(&guest->dirty, 9));
    assert_int_equal(guest->dirty.set_count, 2);
    guest->ops->close(guest);
    bytes_fini(&expected.console);
}

static void a_crash_is_held_and_then_ends(void **state)
{
    static const struct machine_config config = {
        .memory_bytes = 1 << 20, .cpu_rate = 1000000, .hart_count = 1};
    static struct program crash;
    struct guest *guest = NULL;
    struct debug debug;
    (void)state;
    PUT(&crash, ADDI, T0, ZERO, 0, 16);
    PUT(&crash, LD, T1, T0, 0, 0);
    struct bytes image = program_image(&crash);
    assert_int_equal(machine_open(&config, "test", image.data, image.count, &guest, NULL),
                     STATUS_OK);
    bytes_fini(&image);
    debug_init(&debug);
    debug_resume(&debug, guest, DEBUG_NO_HART);
    assert_true(live(&debug, guest, NULL));
    assert_int_equal(debug.stop.reason, DEBUG_CRASHED);
    assert_int_equal(pc_of(guest, 0), RAM_BASE + 4);
    debug_resume(&debug, guest, DEBUG_NO_HART);
    assert_false(live(&debug, guest, NULL));
    guest->ops->close(guest);
}

static void points_are_bounded(void **state)
{
    struct debug debug;
    (void)state;
    debug_init(&debug);
    for (uint64_t i = 0; i < DEBUG_POINTS_MAX; i++)
        add(&debug, (enum debug_kind)(i % 4), i, 4);
    add(&debug, DEBUG_BREAK, 0, 4); /* again: it is there */
    assert_int_equal(debug.point_count, DEBUG_POINTS_MAX);
    const struct debug_point more = {DEBUG_BREAK, 1000, 4};
    assert_false(debug_add(&debug, &more));
    assert_false(debug_remove(&debug, &more));
    assert_true(debug_remove(&debug, &debug.points[7]));
    assert_true(debug_add(&debug, &more));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(breakpoints_are_exact_and_change_nothing),
        cmocka_unit_test(a_step_is_one_instruction_of_its_hart),
        cmocka_unit_test(watchpoints_stop_behind_the_access),
        cmocka_unit_test(watchpoints_miss_nothing_and_change_nothing),
        cmocka_unit_test(watchpoints_see_hypercalls),
        cmocka_unit_test(what_is_watched_no_more_is_forgotten),
        cmocka_unit_test(a_write_ends_every_reservation),
        cmocka_unit_test(looking_is_not_seen),
        cmocka_unit_test(a_crash_is_held_and_then_ends),
        cmocka_unit_test(points_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
