/* The guests that use several harts: storm and threads, on 1 to 8 of them. */
#include "guests/stand.h"

#define MIB (1024ull * 1024)

static struct stand stand;

static void test_on_any_number_of_harts(void **state)
{
    static const struct {
        const char *command, *first_line,
            *last_line; /* with a %u and %s for the harts, or without */
    } rows[] = {
        {"storm --working-set 1MiB --at 5ms", "storm: 256 pages filled, 1 storm to come\n",
         "storm: 1 storm over 256 pages on %u hart%s, each page as it was left, ok\n"},
        {"storm --working-set 4KiB --storms 3 --every 1ms",
         "storm: 1 page filled, 3 storms to come\n",
         "storm: 3 storms over 1 page on %u hart%s, each page as it was left, ok\n"},
        {"storm --working-set 52KiB --touch read --storms 9 --every 0ms",
         "storm: 13 pages filled, 9 storms to come\n",
         "storm: 9 storms over 13 pages on %u hart%s, each page as it was left, ok\n"},
        {"threads --rounds 5", "threads: 12 threads on %u hart%s\n",
         "threads: 12 threads, 5 rounds each: four counters say 3000, registers held, ok\n"},
        {"threads --threads 1 --rounds 3 --slice 50us", "threads: 1 thread on %u hart%s\n",
         "threads: 1 thread, 3 rounds each: four counters say 150, registers held, ok\n"},
        {"threads --threads 64 --rounds 1", "threads: 64 threads on %u hart%s\n",
         "threads: 64 threads, 1 round each: four counters say 3200, registers held, ok\n"},
    };
    char console[256];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (uint32_t harts = 1; harts <= HART_MAX; harts++) {
            const char *s = harts == 1 ? "" : "s";
            int used = snprintf(console, sizeof console, rows[i].first_line, harts, s);
            snprintf(console + used, sizeof console - (size_t)used, rows[i].last_line, harts, s);
            stand_open_as(&stand, rows[i].command, 4 * MIB, STAND_CPU_RATE, harts);
            stand_run(&stand, 10 * NS_PER_S);
            assert_int_equal(stand.run.stop, GUEST_ENDED);
            assert_false(stand.run.is_fault);
            assert_string_equal(stand_console(&stand), console);
            assert_int_equal(stand.run.status, 0);
            stand_close(&stand);
        }
}

static void test_more_harts_are_done_earlier(void **state)
{
    uint64_t alone_ns = 0;
    (void)state;
    for (uint32_t harts = 1; harts <= HART_MAX; harts *= 2) {
        stand_open_as(&stand, "threads --rounds 10", 4 * MIB, STAND_CPU_RATE, harts);
        stand_run(&stand, 10 * NS_PER_S);
        assert_int_equal(stand.run.status, 0);
        uint64_t lived_ns = stand_now_ns(&stand);
        if (harts == 1)
            alone_ns = lived_ns;
        /* 12 threads that sleep now and then: not quite so many times as fast. */
        assert_true(lived_ns * harts < alone_ns * 2);
        stand_close(&stand);
    }
}

/* At 3 MIPS a slice ends between lr and sc now and then: a thread that goes on must not find the
 * reservation of another one. (Seed 1545 of a swarm found 48 additions lost.) */
static void test_a_switch_ends_a_reservation(void **state)
{
    (void)state;
    for (uint32_t harts = 1; harts <= HART_MAX; harts *= 2) {
        stand_open_as(&stand, "threads --threads 8 --rounds 10", MIB, 3000000, harts);
        stand_run(&stand, 10 * NS_PER_S);
        assert_non_null(strstr(stand_console(&stand), "four counters say 4000, registers held"));
        stand_close(&stand);
    }
}

static void test_what_they_refuse(void **state)
{
    static const char *const rows[][2] = {
        {"threads --threads 0",
         "threads: there may be 1 to 64 threads, and a slice is 10us to 1s\n"},
        {"threads --threads 65",
         "threads: there may be 1 to 64 threads, and a slice is 10us to 1s\n"},
        {"threads --slice 20", "threads: --slice needs a time such as 20ms, not 20\n"},
        {"storm --at 5", "storm: --at needs a time such as 20ms, not 5\n"},
        {"storm --touch gently",
         "storm: --touch needs one of its words: read, write, not gently\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        stand_open(&stand, rows[i][0], 4 * MIB);
        stand_run(&stand, NS_PER_S);
        assert_string_equal(stand_console(&stand), rows[i][1]);
        assert_int_equal(stand.run.status, 2);
        stand_close(&stand);
    }
}

/* The storm is at its instant, and nothing before it. */
static void test_the_storm_keeps_quiet_until_its_time(void **state)
{
    const uint64_t pages = 500;
    (void)state;
    stand_open_as(&stand, "storm --working-set 2000KiB --at 50ms --every 20ms --storms 2", 4 * MIB,
                  STAND_CPU_RATE, 2);
    const struct guest_ops *ops = stand.guest->ops;
    stand_run(&stand, 10 * NS_PER_MS);
    ops->fetch_dirty(stand.guest, 0, stand.guest->total_pages, NULL);
    stand_run(&stand, 50 * NS_PER_MS - 1000);
    assert_in_range(ops->fetch_dirty(stand.guest, 0, stand.guest->total_pages, NULL), 0, 5);
    for (unsigned storm = 0; storm < 2; storm++) {
        uint64_t at_ns = (50 + storm * 20) * NS_PER_MS;
        stand_run(&stand, at_ns + NS_PER_MS);
        assert_in_range(ops->fetch_dirty(stand.guest, 0, stand.guest->total_pages, NULL), pages,
                        pages + 10);
        stand_run(&stand, at_ns + 19 * NS_PER_MS);
        assert_in_range(ops->fetch_dirty(stand.guest, 0, stand.guest->total_pages, NULL), 0, 5);
    }
    stand_run(&stand, NS_PER_S);
    assert_int_equal(stand.run.status, 0);
    stand_close(&stand);
}

static void test_the_storm_notices_a_page_that_is_not_its_own(void **state)
{
    uint8_t page[PAGE_BYTES] = {1};
    (void)state;
    stand_open(&stand, "storm", 4 * MIB);
    stand_run(&stand, 100 * NS_PER_MS);
    stand.guest->ops->drop_page(stand.guest, 900);
    stand.guest->ops->install_pages(stand.guest, 900, 1, page);
    stand_run(&stand, NS_PER_S);
    assert_int_equal(stand.run.stop, GUEST_ENDED);
    assert_int_equal(stand.run.status, 1);
    assert_non_null(strstr(stand_console(&stand), "holds 0000000000000001 after 0 storms, not "));
    stand_close(&stand);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_on_any_number_of_harts),
        cmocka_unit_test(test_more_harts_are_done_earlier),
        cmocka_unit_test(test_a_switch_ends_a_reservation),
        cmocka_unit_test(test_what_they_refuse),
        cmocka_unit_test(test_the_storm_keeps_quiet_until_its_time),
        cmocka_unit_test(test_the_storm_notices_a_page_that_is_not_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
