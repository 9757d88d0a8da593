/* The fence around the blocks: one writer, or none; and whose turn it is in a move. */
#include "machine/machine.h"
#include "machine/test_program.h"
#include "sim/scripted.h"
#include "sim/world_private.h"

static void only_the_writer_may_write(void **state)
{
    static const struct {
        uint32_t writer, from_host;
        bool is_written;
    } rows[] = {
        {HOST_SOURCE, HOST_SOURCE, true},     {HOST_SOURCE, HOST_TARGET, false},
        {HOST_TARGET, HOST_SOURCE, false},    {HOST_TARGET, HOST_TARGET, true},
        {STORAGE_NOBODY, HOST_SOURCE, false}, {STORAGE_NOBODY, HOST_TARGET, false},
    };
    struct storage storage;
    uint8_t block[DISK_BLOCK_BYTES], held[DISK_BLOCK_BYTES], last = 0;
    (void)state;
    storage_init(&storage, HOST_SOURCE);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        memset(block, (int)i + 1, sizeof block);
        storage.writer = rows[i].writer;
        assert_int_equal(storage_write(&storage, rows[i].from_host, STORAGE_BLOCKS - 1, block),
                         rows[i].is_written);
        if (rows[i].is_written)
            last = (uint8_t)(i + 1);
        storage_read(&storage, STORAGE_BLOCKS - 1, held);
        assert_int_equal(held[0], last);
        assert_int_equal(held[DISK_BLOCK_BYTES - 1], last);
    }
    storage_read(&storage, STORAGE_BLOCKS - 2, held);
    assert_int_equal(held[DISK_BLOCK_BYTES - 1], 0);
    storage_fini(&storage);
}

/* Who may write, as the phases say it. */
static uint32_t writer_of(const struct world *world)
{
    enum phase phase = world->source.phase;
    if (target_is_running(&world->target))
        return HOST_TARGET;
    return phase < PHASE_HAND_OVER || phase == PHASE_ABORTED ? HOST_SOURCE : STORAGE_NOBODY;
}

static void the_fence_follows_the_guest(void **state)
{
    static const char *const rows[] = {
        "mode=pre-copy",
        "mode=post-copy",
        "mode=hybrid",
        "mode=pre-copy cache=on disk-at=target fault=cut@5ms",
        "mode=stop-and-copy fault=crash-target@hand-over",
    };
    struct image image = image_read("journal");
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct run run;
        struct scenario scenario;
        char words[200];
        uint64_t fenced = 0;
        bool goes_on = true;
        snprintf(words, sizeof words, "guest=journal memory=2MiB bandwidth=200Mbit/s %s", rows[i]);
        scenario_of(&scenario, words);
        bytes_put(&scenario.arguments, "--records\000300\0", 14);
        assert_int_equal(run_open(&run, &scenario, image.data, image.count, false, NULL),
                         STATUS_OK);
        while (goes_on) {
            goes_on = run_step(&run);
            bool is_lost = run.world->failures.is_guest_lost;
            if (!is_lost && run.world->storage.writer != writer_of(run.world))
                fail_msg("%s: in phase %s the disk is %u's", words,
                         phase_name(run.world->source.phase), run.world->storage.writer);
            fenced += run.world->storage.writer == STORAGE_NOBODY;
        }
        assert_true(oracle_holds(world_oracle(run.world)));
        assert_true(fenced > 0 || run.timeline.outcome == OUTCOME_ABORTED);
        run_close(&run);
        scenario_fini(&scenario);
    }
    free(image.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_writer_may_write),
        cmocka_unit_test(the_fence_follows_the_guest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
