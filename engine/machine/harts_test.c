/* Several harts in one memory: random programs that load, store, reserve and change the same bytes,
 * in turns of random length. What hart_run leaves, with its blocks and TLBs and the dirty log going
 * on and off, must after every turn be what hart_step leaves, which has none of these.
 *
 * Harts share programs two by two, so that they rewrite each other's code as well.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>

#include "machine/hart.h"
#include "machine/random_step.h"

#define HARTS      HART_MAX
#define PROGRAMS   (HARTS / 2)
#define CODE_AT(i) (RAM_BASE + (i)*CODE_BYTES)
#define DATA_AT(i) (CODE_AT(PROGRAMS) + (i)*DATA_BYTES)
#define SHARED     DATA_AT(0)
#define PAGES      ((DATA_AT(PROGRAMS) - RAM_BASE) / PAGE_BYTES)
#define STEPS      400
#define PASSES     6
#define TURN_MAX   60
#ifdef __SANITIZE_ADDRESS__
#define SEEDS 20
#else
#define SEEDS 200
#endif

/* One memory and its harts; the test has two of them. */
struct world {
    struct guest guest;
    struct memory memory;
    struct hart harts[HARTS];
    struct hart_clock clock;
    bool has_ended[HARTS];
};

static struct world fast, plain;

static void open_world(struct world *world, const uint8_t *image)
{
    memset(world, 0, sizeof *world);
    world->guest.total_pages = PAGES;
    bitmap_init(&world->guest.present, PAGES);
    bitmap_init(&world->guest.dirty, PAGES);
    bitmap_set_all(&world->guest.present);
    memory_init(&world->memory, &world->guest, PAGES * PAGE_BYTES);
    world->clock.ticks_per_s = 1000000000;
    for (uint64_t i = 0; i < PAGES; i++)
        memory_install(&world->memory, i, image + i * PAGE_BYTES);
    for (uint32_t i = 0; i < HARTS; i++) {
        world->harts[i].hart_idx = i;
        hart_start(&world->harts[i], CODE_AT(i / 2), i, 0);
    }
}

static void close_world(struct world *world)
{
    memory_fini(&world->memory);
    bitmap_fini(&world->guest.present);
    bitmap_fini(&world->guest.dirty);
}

/* The registers' numbers at the beginning: pointers of all programs go to the data of the first. */
static void share(const struct random_program *program, uint8_t *first_x)
{
    const uint32_t pointers[] = {program->stack, program->near, program->middle};
    const uint64_t addresses[] = {SHARED + NEAR_AT, SHARED + NEAR_AT + 128, SHARED + MIDDLE_AT};
    for (unsigned i = 0; i < 3; i++)
        memcpy(first_x + 8 * pointers[i], &addresses[i], sizeof *addresses);
}

/* Each ends in `ecall`. */
static void lay_image(uint64_t seed, uint8_t *image)
{
    static struct random_program program;
    memset(image, 0, PAGES * PAGE_BYTES);
    for (unsigned i = 0; i < PROGRAMS; i++) {
        uint8_t *data = image + (DATA_AT(i) - RAM_BASE);
        struct code_writer to = {image + (CODE_AT(i) - RAM_BASE), CODE_AT(i), 0};
        make_user_program(&program, seed * PROGRAMS + i, STEPS, PASSES);
        lay_beginning(&program, &to, data, DATA_AT(i));
        share(&program, data + FIRST_AT);
        lay_steps(&program, &to);
        WRITE_CODE(&to, ECALL, 0, 0, 0, 0);
    }
}

static void turn_plainly(uint32_t idx, uint64_t ticks)
{
    struct hart_result result;
    memory_turn(&plain.memory, idx);
    for (uint64_t i = 0; i < ticks; i++)
        if (!hart_step(&plain.harts[idx], &plain.memory, &plain.clock, &result)) {
            assert_int_equal(result.stop, HART_ECALL);
            plain.has_ended[idx] = true;
            return;
        }
}

/* In slices again, and tried again where the dirty log wants to know. */
static void turn_fast(uint32_t idx, uint64_t ticks, struct prng *prng)
{
    struct hart_result result;
    memory_turn(&fast.memory, idx);
    if (prng_below(prng, 8) == 0) {
        fast.guest.is_tracking = prng_below(prng, 2) == 0;
        bitmap_clear_all(&fast.guest.dirty);
        memory_protect_all(&fast.memory);
    }
    for (uint64_t passed = 0; passed < ticks;) {
        uint64_t slice = 1 + prng_below(prng, ticks - passed);
        passed += hart_run(&fast.harts[idx], &fast.memory, &fast.clock, slice, &result);
        if (result.stop == HART_ECALL) {
            fast.has_ended[idx] = true;
            return;
        }
        assert_true(result.stop == HART_BUDGET || result.stop == HART_DIRTIED);
    }
}

static void compare(uint64_t seed, uint32_t idx, uint64_t before)
{
    struct hart *one = &fast.harts[idx], *other = &plain.harts[idx];
    for (uint32_t i = 1; i < 32; i++)
        if (one->x[i] != other->x[i])
            fail_msg("seed %u, hart %u, from 0x%llx: %s is 0x%llx, not 0x%llx", (unsigned)seed, idx,
                     (unsigned long long)before, disassemble_register(i),
                     (unsigned long long)one->x[i], (unsigned long long)other->x[i]);
    if (one->pc != other->pc || one->retired_instructions != other->retired_instructions ||
        memcmp(fast.memory.ram, plain.memory.ram, PAGES * PAGE_BYTES) != 0)
        fail_msg("seed %u, hart %u, from 0x%llx: pc, count or memory differ", (unsigned)seed, idx,
                 (unsigned long long)before);
    for (uint32_t i = 0; i < HARTS; i++)
        if (fast.memory.reservations[i].byte_count != plain.memory.reservations[i].byte_count)
            fail_msg("seed %u, hart %u, from 0x%llx: the reservation of hart %u is %s",
                     (unsigned)seed, idx, (unsigned long long)before, i,
                     plain.memory.reservations[i].byte_count == 0 ? "not lost" : "lost");
}

static uint64_t run_both(uint64_t seed)
{
    static uint8_t image[PAGES * PAGE_BYTES];
    struct prng prng = prng_make(seed, 2);
    uint32_t ended = 0;
    uint64_t instructions = 0;
    lay_image(seed, image);
    open_world(&fast, image);
    open_world(&plain, image);
    for (uint32_t idx = 0; ended < HARTS; idx = (idx + 1) % HARTS) {
        uint64_t ticks = 1 + prng_below(&prng, TURN_MAX);
        if (plain.has_ended[idx])
            continue;
        uint64_t before = plain.harts[idx].pc;
        turn_plainly(idx, ticks);
        turn_fast(idx, ticks, &prng);
        compare(seed, idx, before);
        assert_int_equal(fast.has_ended[idx], plain.has_ended[idx]);
        ended += plain.has_ended[idx];
    }
    for (uint32_t i = 0; i < HARTS; i++)
        instructions += plain.harts[i].retired_instructions;
    close_world(&fast);
    close_world(&plain);
    return instructions;
}

static void many_harts_are_as_one_step_after_the_other(void **state)
{
    (void)state;
    uint64_t instructions = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++)
        instructions += run_both(seed);
    print_message("%llu instructions\n", (unsigned long long)instructions);
    assert_true(instructions > SEEDS * HARTS * STEPS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_harts_are_as_one_step_after_the_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
