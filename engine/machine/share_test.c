/* Harts with unequal shares: each takes exactly its part of the turns, however the run is cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/prng.h"
#include "base/units.h"
#include "machine/board.h"
#include "machine/test_program.h"

#define HARTS 4
#define MIPS  100000000ull

/* All harts count for ever: each instruction is one tick. */
static struct guest *open_spinning(void)
{
    struct machine_config config = {
        .memory_bytes = MACHINE_MEMORY_MIN, .cpu_rate = MIPS, .hart_count = HARTS};
    static struct program program;
    struct guest *guest;

    program.count = 0;
    PUT(&program, ADDI, A0, A0, 0, 1);
    PUT(&program, JAL, ZERO, 0, 0, -4);
    struct bytes image = program_image(&program);
    assert_int_equal(machine_open(&config, "spinning", image.data, image.count, &guest, NULL),
                     STATUS_OK);
    bytes_fini(&image);
    for (uint32_t i = 1; i < HARTS; i++)
        hart_start(&machine_of(guest)->harts[i], RAM_BASE, i, 0);
    return guest;
}

static uint64_t instructions_of(const struct guest *guest, uint32_t hart_idx)
{
    return machine_of_const(guest)->harts[hart_idx].retired_instructions;
}

static const uint32_t shares[HARTS] = {1000, 500, 251, 1};

static void set_shares(struct guest *guest)
{
    for (uint32_t i = 0; i < HARTS; i++)
        guest->ops->set_share(guest, i, shares[i]);
}

/* 20,000 turns of each hart: of every 1,000 it takes as many as its share says. */
static void a_hart_takes_its_share_of_the_turns(void **state)
{
    struct guest *guest = open_spinning();
    struct guest_run run;
    (void)state;
    set_shares(guest);
    guest->ops->run(guest, 20000 * HART_TURN * (NS_PER_S / MIPS), &run);
    assert_int_equal(run.stop, GUEST_TIME_REACHED);
    for (uint32_t i = 0; i < HARTS; i++) {
        uint64_t turns = instructions_of(guest, i) / HART_TURN;
        uint64_t due = 20000ull * shares[i] / GUEST_SHARE_WHOLE;
        if (turns + 1 < due || turns > due + 1)
            fail_msg("hart %u took %llu turns of %llu", i, (unsigned long long)turns,
                     (unsigned long long)due);
    }
    guest->ops->close(guest);
}

static void cuts_change_nothing(void **state)
{
    struct guest *whole = open_spinning(), *cut = open_spinning();
    struct prng prng = prng_make(6, 11);
    struct guest_run run;
    (void)state;
    set_shares(whole);
    set_shares(cut);
    whole->ops->run(whole, 10 * NS_PER_MS, &run);
    for (uint64_t at_ns = 0; at_ns < 10 * NS_PER_MS;) {
        at_ns += prng_below(&prng, 30 * NS_PER_US);
        cut->ops->run(cut, at_ns < 10 * NS_PER_MS ? at_ns : 10 * NS_PER_MS, &run);
    }
    for (uint32_t i = 0; i < HARTS; i++)
        assert_int_equal(instructions_of(cut, i), instructions_of(whole, i));
    whole->ops->close(whole);
    cut->ops->close(cut);
}

/* Whole shares are what a machine has of itself; and a share that changes all the time is still
 * obeyed: what a hart has saved up is not taken from it. */
static void shares_may_change_at_any_time(void **state)
{
    struct guest *guest = open_spinning();
    struct guest_run run;
    (void)state;
    for (uint64_t i = 0; i < 4000; i++) {
        guest->ops->set_share(guest, 1, i % 2 == 0 ? 100 : 101);
        guest->ops->run(guest, (i + 1) * HART_TURN * (NS_PER_S / MIPS), &run);
    }
    assert_int_equal(instructions_of(guest, 0), 4000 * HART_TURN);
    assert_in_range(instructions_of(guest, 1), 400 * HART_TURN, 404 * HART_TURN);
    guest->ops->close(guest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hart_takes_its_share_of_the_turns),
        cmocka_unit_test(cuts_change_nothing),
        cmocka_unit_test(shares_may_change_at_any_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
