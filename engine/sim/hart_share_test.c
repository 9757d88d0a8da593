/* Harts with unequal shares, in a world: one that writes is slowed, and one that computes is not.
 */
#include "machine/board.h"
#include "machine/machine.h"
#include "machine/test_program.h"
#include "sim/scripted.h"
#include "sim/world_private.h"

#define FIRST_PAGE (RAM_BASE + 16 * PAGE_BYTES)
#define PAGES      400
#define LOOPS      S5 /* of either hart */

/* Hart 0 starts hart 1, which counts; hart 0 writes to one page after the other, and counts. */
static struct bytes writing_program(void)
{
    static struct program program;
    struct program *p = &program;
    p->count = 0;
    put_number(p, A7, HYPERCALL_HSM);
    put_number(p, A6, HSM_START);
    put_number(p, A0, 1);
    put_number(p, A1, RAM_BASE + 4 * 256);
    PUT(p, ECALL, 0, 0, 0, 0);
    put_number(p, S0, FIRST_PAGE);
    put_number(p, S1, FIRST_PAGE + PAGES * PAGE_BYTES);
    put_number(p, S3, PAGE_BYTES);
    uint64_t again = program_here(p);
    PUT(p, ADDI, S4, S0, 0, 0);
    uint64_t next = program_here(p);
    PUT(p, ADDI, LOOPS, LOOPS, 0, 1);
    PUT(p, SD, 0, S4, LOOPS, 0);
    PUT(p, ADD, S4, S4, S3, 0);
    PUT_TO(p, BLTU, 0, S4, S1, next);
    PUT_TO(p, JAL, 0, 0, 0, again);
    while (p->count < 256)
        put_word(p, 0);
    uint64_t counts = program_here(p);
    PUT(p, ADDI, LOOPS, LOOPS, 0, 1);
    PUT(p, XOR, T0, T0, LOOPS, 0);
    PUT(p, ADD, T1, T1, T0, 0);
    PUT_TO(p, JAL, 0, 0, 0, counts);
    return program_image(p);
}

static uint64_t loops(const struct run *run, uint32_t hart_idx)
{
    return machine_of(world_guest(run->world))->harts[hart_idx].x[LOOPS];
}

/* Per thousand of what hart 1 did, hart 0 did that much while the copy went on. */
static uint64_t relation(const char *words)
{
    struct run run;
    struct scenario scenario;
    char text[300];
    struct bytes image = writing_program();
    snprintf(text, sizeof text,
             "guest=journal memory=4MiB harts=2 cpu-rate=20MIPS bandwidth=50Mbit/s start-at=5ms %s",
             words);
    scenario_of(&scenario, text);
    assert_int_equal(run_open(&run, &scenario, image.data, image.count, false, NULL), STATUS_OK);
    while (run.world->source.phase != PHASE_COPY)
        assert_true(run_step(&run));
    uint64_t before[2] = {loops(&run, 0), loops(&run, 1)};
    while (run.world->source.phase == PHASE_COPY)
        assert_true(run_step(&run));
    uint64_t did[2] = {loops(&run, 0) - before[0], loops(&run, 1) - before[1]};
    assert_true(did[0] > 0 && did[1] > 100);
    assert_true(oracle_holds(world_oracle(run.world)));
    run_close(&run);
    scenario_fini(&scenario);
    bytes_fini(&image);
    return did[0] * 1000 / did[1];
}

static void a_hart_that_writes_too_fast_is_slowed_alone(void **state)
{
    (void)state;
    assert_in_range(relation("dirty-limit=none"), 700, 1000);
    assert_in_range(relation("dirty-limit=100pages/s"), 0, 200);
    /* Whoever is slowed by auto-converge is slowed together. */
    assert_in_range(relation("auto-converge=on max-rounds=12"), 700, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hart_that_writes_too_fast_is_slowed_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
