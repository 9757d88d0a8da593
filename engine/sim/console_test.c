/* A guest that writes for ever: what is kept of it is bounded, and so is what is told. */
#include "machine/test_program.h"
#include "sim/scripted.h"

static void fill(struct bytes *bytes, uint64_t first, size_t count)
{
    for (size_t i = 0; i < count; i++)
        bytes_put_u8(bytes, (uint8_t)((first + i) * 7 >> 3));
}

static void test_the_end_is_kept_and_all_is_digested(void **state)
{
    struct console whole, pieces;
    struct bytes written = {0}, last = {0};
    uint64_t total = 1000000;
    (void)state;
    console_init(&whole);
    console_init(&pieces);
    fill(&written, 0, total);
    assert_int_equal(console_take(&whole, &written), total);
    assert_int_equal(written.count, 0);
    for (uint64_t at = 0, step = 1; at < total; at += step, step = step * 3 % 9973 + 1) {
        fill(&written, at, at + step < total ? step : total - at);
        console_take(&pieces, &written);
        assert_true(pieces.kept.count <= 2 * CONSOLE_KEPT_BYTES);
        assert_true(pieces.kept.count >= CONSOLE_KEPT_BYTES ||
                    pieces.kept.count == pieces.total_bytes);
    }
    assert_true(console_is_same(&whole, &pieces));
    fill(&last, total - CONSOLE_KEPT_BYTES, CONSOLE_KEPT_BYTES);
    assert_memory_equal(pieces.kept.data + pieces.kept.count - last.count, last.data, last.count);
    assert_memory_equal(whole.kept.data + whole.kept.count - last.count, last.data, last.count);
    assert_int_equal(console_take(&whole, &written), 0);
    fill(&written, 0, 1);
    console_take(&whole, &written);
    assert_false(console_is_same(&whole, &pieces));
    console_fini(&whole);
    console_fini(&pieces);
    bytes_fini(&written);
    bytes_fini(&last);
}

/* As fast as it can, all of its memory or a byte at a time, while it is moved. */
static void test_a_flood_fills_nothing(void **state)
{
    (void)state;
    for (int is_bytes = 0; is_bytes < 2; is_bytes++) {
        static struct program program;
        struct scenario scenario;
        struct run run;
        program.count = 0;
        put_number(&program, A7, HYPERCALL_DBCN);
        put_number(&program, A6, is_bytes ? 2 : 0);
        uint64_t again = program_here(&program);
        put_number(&program, A0, is_bytes ? 'a' : 1u << 20);
        put_number(&program, A1, RAM_BASE);
        PUT(&program, ADDI, A2, 0, 0, 0);
        PUT(&program, ECALL, 0, 0, 0, 0);
        PUT_TO(&program, JAL, 0, 0, 0, again);
        struct bytes image = program_image(&program);
        scenario_of(&scenario, "guest=./flood.elf mode=post-copy memory=2MiB start-at=5ms "
                               "run-for=5ms bandwidth=10Gbit/s");
        assert_int_equal(run_open(&run, &scenario, image.data, image.count, true, NULL), STATUS_OK);
        run_to_end(&run);
        assert_int_equal(run.timeline.outcome, OUTCOME_COMPLETED);
        assert_true(oracle_holds(world_oracle(run.world)));
        const struct console *console = world_console(run.world);
        assert_true(console->total_bytes > (is_bytes ? 100000 : 50000000));
        assert_in_range(console->kept.count, CONSOLE_KEPT_BYTES, 2 * CONSOLE_KEPT_BYTES);
        assert_true(run.recorder.event_count < 2000); /* of ten milliseconds, and 512 pages */
        run_close(&run);
        scenario_fini(&scenario);
        bytes_fini(&image);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_end_is_kept_and_all_is_digested),
        cmocka_unit_test(test_a_flood_fills_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
