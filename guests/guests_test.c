/* The small guests: what they print, when, how they end, and what they do to memory. */
#include "guests/stand.h"

#include "base/bitmap.h"
#include "base/prng.h"

#define MIB (1024ull * 1024)

static struct stand stand;

/* ---- Output and exit status ---- */

static void test_what_they_print_and_how_they_end(void **state)
{
    static const struct {
        const char *command;
        uint64_t memory_mib, status;
        const char *console;
    } rows[] = {
        {"hello", 4, 0,
         "Hello from a RISC-V machine with 4096 KiB of memory.\n"
         "hello: its first and its last word hold what was stored, ok\n"},
        {"hello", 1, 0,
         "Hello from a RISC-V machine with 1024 KiB of memory.\n"
         "hello: its first and its last word hold what was stored, ok\n"},
        {"hello --loud", 4, 2, "hello: unknown option --loud\n"},
        {"counter --to 3 --every-ms 1", 4, 0,
         "counter: 1\ncounter: 2\ncounter: 3\n"
         "counter: 3 numbers, none too early, none missed, ok\n"},
        {"counter --to 0", 4, 0, "counter: 0 numbers, none too early, none missed, ok\n"},
        {"counter --upto 3", 4, 2, "counter: unknown option --upto; known are --to, --every-ms\n"},
        {"counter --to", 4, 2, "counter: --to needs a number such as 20\n"},
        {"counter --to 3x", 4, 2, "counter: --to needs a number such as 20, not 3x\n"},
        {"counter --to 99999999999999999999", 4, 2,
         "counter: --to needs a number such as 20, not 99999999999999999999\n"},
        {"sort --count 0", 4, 0, "sort: 0 numbers, seed 1, checksum 0000000000000000, sorted\n"},
        {"sort --count 1000000", 4, 2,
         "sort: 1000000 numbers need more than the 4044 KiB of memory that are free\n"},
        {"memwalk --pattern zipfy", 4, 2,
         "memwalk: --pattern needs one of its words: uniform, sequential, hot-cold, zipf, not "
         "zipfy\n"},
        {"memwalk --working-set 5000pages/s", 4, 2,
         "memwalk: --working-set needs a size such as 16MiB, not 5000pages/s\n"},
        {"memwalk --dirty-rate 5MiB", 4, 2,
         "memwalk: --dirty-rate needs a rate such as 5000pages/s, not 5MiB\n"},
        {"memwalk --working-set 1KiB", 4, 2,
         "memwalk: the working set must be between 4KiB and the 4044KiB that are free\n"},
        {"memwalk --working-set 17179869184GiB", 4, 2,
         "memwalk: --working-set needs a size such as 16MiB, not 17179869184GiB\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        stand_open(&stand, rows[i].command, rows[i].memory_mib * MIB);
        stand_run(&stand, NS_PER_S);
        assert_int_equal(stand.run.stop, GUEST_ENDED);
        assert_false(stand.run.is_fault);
        assert_string_equal(stand_console(&stand), rows[i].console);
        assert_int_equal(stand.run.status, rows[i].status);
        stand_close(&stand);
    }
}

static void test_the_counter_keeps_time_and_sleeps(void **state)
{
    static const char all[] =
        "counter: 1\ncounter: 2\ncounter: 3\ncounter: 4\ncounter: 5\ncounter: 6\ncounter: 7\n";
    (void)state;
    stand_open(&stand, "counter", 4 * MIB);
    for (uint64_t number = 1; number <= 7; number++) {
        stand_run(&stand, number * 50 * NS_PER_MS - 1);
        assert_int_equal(strlen(stand_console(&stand)), 11 * (number - 1));
        stand_run(&stand, number * 50 * NS_PER_MS + NS_PER_MS);
        assert_int_equal(strlen(stand_console(&stand)), 11 * number);
    }
    assert_string_equal(stand_console(&stand), all);
    assert_in_range(stand_instructions(&stand), 1000, 10000); /* it does not spin */
    stand_run(&stand, 2 * NS_PER_S);
    assert_int_equal(stand.run.stop, GUEST_ENDED);
    assert_int_equal(stand.run.status, 0);
    assert_non_null(strstr(stand_console(&stand), "counter: 20\n"));
    stand_close(&stand);
}

/* The checksum that sort must print, computed here in another way. */
static int compare_numbers(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static uint64_t checksum_of(uint64_t seed, size_t count)
{
    uint64_t *numbers = calloc(count + 1, sizeof *numbers);
    uint64_t checksum = 0;
    struct prng prng = prng_make(seed, 0);
    for (size_t i = 0; i < count; i++)
        numbers[i] = prng_next(&prng);
    qsort(numbers, count, sizeof *numbers, compare_numbers);
    for (size_t i = 0; i < count; i++)
        checksum = checksum * 31 + numbers[i];
    free(numbers);
    return checksum;
}

static void test_sort_sorts(void **state)
{
    static const size_t counts[] = {1, 2, 7, 8, 9, 15, 16, 17, 100, 1023, 1024, 1025, 40000};
    char command[64], console[128];
    (void)state;
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        snprintf(command, sizeof command, "sort --seed %zu --count %zu", i, counts[i]);
        snprintf(console, sizeof console, "sort: %zu numbers, seed %zu, checksum %016llx, sorted\n",
                 counts[i], i, (unsigned long long)checksum_of(i, counts[i]));
        stand_open(&stand, command, 4 * MIB);
        stand_run(&stand, 10 * NS_PER_S);
        assert_string_equal(stand_console(&stand), console);
        assert_int_equal(stand.run.status, 0);
        stand_close(&stand);
    }
}

static void test_sort_takes_long_enough_to_be_moved(void **state)
{
    (void)state;
    stand_open(&stand, "sort", 64 * MIB);
    stand_run(&stand, 10 * NS_PER_S);
    assert_int_equal(stand.run.stop, GUEST_ENDED);
    assert_in_range(stand_instructions(&stand), 100000000, 200000000);
    assert_in_range(stand.guest->dirty.set_count, 2 * 1024, 2 * 1024 + 16); /* 8 MiB, and itself */
    stand_close(&stand);
}

/* ---- memwalk's writes, one by one: each traps, because all pages are protected again ---- */

#define INSTRUCTION_NS (NS_PER_S / STAND_CPU_RATE)
#define OWN_PAGES      13 /* of its image and stack; the rest of memory is what it writes to */

struct writes {
    uint64_t count, distinct, hot;
    uint64_t irregular; /* more than 2 us away from their instant, counted from the first */
};

/* Watches the last `pages` pages of memory: the working set, when it is all that is free. */
static struct writes watch_writes(uint64_t rate, uint64_t pages, uint64_t duration_ns)
{
    const struct guest_ops *ops = stand.guest->ops;
    uint64_t total = stand.guest->total_pages, first_idx = total - pages;
    uint64_t end_ns, first_ns = 0;
    struct writes writes = {0};
    struct bitmap seen;
    struct guest_run run;

    bitmap_init(&seen, total);
    stand_run(&stand, NS_PER_MS / 10); /* past its start, before its first write */
    end_ns = stand_now_ns(&stand) + duration_ns;
    ops->track(stand.guest, true);
    while (stand_now_ns(&stand) < end_ns) {
        ops->run(stand.guest, end_ns, &run);
        uint64_t now_ns = stand_now_ns(&stand);
        if (run.stop == GUEST_IDLE)
            ops->idle_until(stand.guest, run.wake_ns < end_ns ? run.wake_ns : end_ns);
        else if (run.stop != GUEST_DIRTIED)
            break;
        if (run.stop != GUEST_DIRTIED || run.page_idx < first_idx)
            continue;
        if (writes.count == 0)
            first_ns = now_ns;
        uint64_t ideal_ns = first_ns + units_mul_div(writes.count, NS_PER_S, rate);
        writes.irregular += now_ns + 2000 < ideal_ns || now_ns > ideal_ns + 2000;
        writes.count++;
        writes.distinct += bitmap_set(&seen, run.page_idx);
        writes.hot += run.page_idx - first_idx < pages / 10;
        ops->run(stand.guest, now_ns + INSTRUCTION_NS, &run); /* the store itself */
        ops->fetch_dirty(stand.guest, 0, total, NULL);
    }
    bitmap_fini(&seen);
    return writes;
}

static void test_memwalk_writes_at_its_rate(void **state)
{
    static const struct {
        const char *command;
        uint64_t rate;
    } rows[] = {
        {"memwalk", 5000},
        {"memwalk --dirty-rate 700pages/s", 700},
        {"memwalk --dirty-rate 30kpages/s --pattern sequential", 30000},
        {"memwalk --dirty-rate 12345 --pattern sequential", 12345},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        stand_open(&stand, rows[i].command, 16 * MIB);
        /* All free memory: 16 MiB less the image and the stack. */
        struct writes writes = watch_writes(rows[i].rate, 4096 - OWN_PAGES, NS_PER_S);
        assert_in_range(writes.count, rows[i].rate - 1, rows[i].rate + 1);
        assert_int_equal(writes.irregular, 0);
        stand_close(&stand);
    }
}

static void test_memwalk_catches_up_when_it_is_late(void **state)
{
    uint64_t counts[2];
    (void)state;
    /* Two million writes a second are more than 100 MIPS can do by sleeping between them. */
    stand_open(&stand, "memwalk --dirty-rate 2Mpages/s --pattern sequential", 16 * MIB);
    for (unsigned i = 0; i < 2; i++) {
        uint8_t page[PAGE_BYTES];
        uint64_t most = 0;
        stand_run(&stand, (i + 1) * NS_PER_S / 10);
        for (uint64_t page_idx = OWN_PAGES; page_idx < 4096; page_idx++) {
            uint64_t number;
            stand.guest->ops->read_pages(stand.guest, page_idx, 1, page);
            memcpy(&number, page, sizeof number);
            most = number > most && number < 1ull << 40 ? number : most;
        }
        counts[i] = most;
    }
    assert_in_range(counts[1] - counts[0], 199990, 200010);
    stand_close(&stand);
}

static void test_memwalks_patterns(void **state)
{
    struct writes writes;
    (void)state;
    stand_open(&stand, "memwalk --working-set 1MiB", 1 * MIB + OWN_PAGES * 4096);
    writes = watch_writes(5000, 256, NS_PER_S);
    assert_int_equal(writes.distinct, 256); /* every page of it */
    assert_in_range(writes.hot, 380, 640);  /* 25 of 256 pages: 488 expected, deviation 21 */
    stand_close(&stand);

    stand_open(&stand, "memwalk --working-set 1MiB --pattern sequential",
               1 * MIB + OWN_PAGES * 4096);
    writes = watch_writes(5000, 256, NS_PER_S / 50);
    assert_int_equal(writes.count, writes.distinct); /* none twice within a walk */
    assert_in_range(writes.count, 99, 101);
    stand_close(&stand);

    stand_open(&stand, "memwalk --working-set 1MiB --pattern hot-cold", 1 * MIB + OWN_PAGES * 4096);
    writes = watch_writes(5000, 256, NS_PER_S);
    assert_in_range(writes.hot, 4415, 4585); /* 90 % of 5000, four deviations of 21 */
    stand_close(&stand);

    stand_open(&stand, "memwalk --working-set 1MiB --pattern zipf", 1 * MIB + OWN_PAGES * 4096);
    writes = watch_writes(5000, 256, NS_PER_S);
    /* The sum of n^-0.99 to 25 is 3.868, to 256 it is 6.280: 61.6 % of 5000, deviation 34. */
    assert_in_range(writes.hot, 3080 - 140, 3080 + 140);
    stand_close(&stand);
}

/* A byte changed in a page that is not written again, and one that is: both are noticed. */
static void test_memwalk_notices_a_page_that_is_not_its_own(void **state)
{
    static const struct {
        const char *command, *complaint;
        uint64_t page_idx, word; /* counted from the heap: write k goes to k - 1 */
    } rows[] = {
        {"memwalk --writes 500 --dirty-rate 5000 --pattern sequential", "", 0, 0},
        {"memwalk --writes 500 --dirty-rate 5000 --pattern sequential", "at least 401", 400, 400},
        {"memwalk --writes 500 --dirty-rate 5000 --pattern sequential", "nothing after 500", 1000,
         7},
        {"memwalk --writes 500 --dirty-rate 5000 --pattern sequential", "one before 413", 412, 413},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t page[PAGE_BYTES] = {0};
        memcpy(page, &rows[i].word, sizeof rows[i].word);
        stand_open(&stand, rows[i].command, 16 * MIB);
        stand_run(&stand, 81 * NS_PER_MS); /* 405 writes */
        if (i > 0) {
            stand.guest->ops->drop_page(stand.guest, OWN_PAGES + rows[i].page_idx);
            stand.guest->ops->install_pages(stand.guest, OWN_PAGES + rows[i].page_idx, 1, page);
        }
        stand_run(&stand, NS_PER_S);
        assert_int_equal(stand.run.stop, GUEST_ENDED);
        assert_int_equal(stand.run.status, i > 0);
        assert_non_null(
            strstr(stand_console(&stand),
                   i == 0 ? "to 500 pages, each holds its last one, ok\n" : rows[i].complaint));
        stand_close(&stand);
    }
}

static void test_seeds_choose_other_pages(void **state)
{
    uint64_t digests[3];
    static const char *const commands[] = {"memwalk --seed 1", "memwalk --seed 2", "memwalk"};
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        uint8_t page[PAGE_BYTES];
        stand_open(&stand, commands[i], 16 * MIB);
        stand_run(&stand, NS_PER_S / 10);
        digests[i] = 0;
        for (uint64_t page_idx = OWN_PAGES; page_idx < 4096; page_idx++) {
            stand.guest->ops->read_pages(stand.guest, page_idx, 1, page);
            digests[i] = digests[i] * 31 + digest_of(page, sizeof page);
        }
        stand_close(&stand);
    }
    assert_int_not_equal(digests[0], digests[1]);
    assert_int_equal(digests[0], digests[2]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_they_print_and_how_they_end),
        cmocka_unit_test(test_the_counter_keeps_time_and_sleeps),
        cmocka_unit_test(test_sort_sorts),
        cmocka_unit_test(test_sort_takes_long_enough_to_be_moved),
        cmocka_unit_test(test_memwalk_writes_at_its_rate),
        cmocka_unit_test(test_memwalk_catches_up_when_it_is_late),
        cmocka_unit_test(test_memwalks_patterns),
        cmocka_unit_test(test_memwalk_notices_a_page_that_is_not_its_own),
        cmocka_unit_test(test_seeds_choose_other_pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
