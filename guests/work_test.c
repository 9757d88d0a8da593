/* The guests that work on memory: life, journal, database, sort. What they come to, and that each
 * notices when a bit of its memory is not what it wrote. */
#include "guests/stand.h"

#include "base/prng.h"

#define MIB (1024ull * 1024)

static struct stand stand;

static void test_what_they_come_to(void **state)
{
    static const struct {
        const char *command;
        uint64_t memory_mib, status;
        const char *last_line;
    } rows[] = {
        {"life --generations 10", 4, 0,
         "life: 10 generations, digest 61f31c3946bf64d6, as it must be, ok\n"},
        {"life --generations 50", 4, 0,
         "life: 50 generations, digest 0bfd80561b294912, as it must be, ok\n"},
        {"life --width 100", 4, 2,
         "life: a field is a multiple of 64 cells wide and at least 1 high, and it tells every 1 "
         "or "
         "more generations\n"},
        {"life --width 1048576 --height 1048576", 4, 2,
         "life: two fields of 1048576 x 1048576 cells need more than the 4044 KiB of memory that "
         "are free\n"},
        {"journal --records 0", 4, 0,
         "journal: 0 records, 0 checks, 4096 accounts as the journal says, ok\n"},
        {"journal --records 1000 --rate 1M/s", 4, 0,
         "journal: 1000 records, 2 checks, 4096 accounts as the journal says, ok\n"},
        {"journal --accounts 2 --records 99 --check-every 1 --seed 9", 4, 0,
         "journal: 99 records, 99 checks, 2 accounts as the journal says, ok\n"},
        {"journal --accounts 1048576", 4, 2, NULL},
        {"journal --rate 5ms", 4, 2, "journal: --rate needs a rate such as 500/s, not 5ms\n"},
        {"database --operations 0", 32, 0, "database: index and log agree, ok\n"},
        {"database --keys 1 --operations 2000 --rate 1M/s", 4, 0,
         "database: index and log agree, ok\n"},
        {"database --keys 3000 --operations 30000 --rate 1M/s --pattern uniform --check-every 3000",
         4, 0, "database: index and log agree, ok\n"},
        {"database --keys 40000", 4, 2, NULL},
        {"database --pattern hot-cold", 4, 2,
         "database: --pattern needs one of its words: uniform, zipf, not hot-cold\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        stand_open(&stand, rows[i].command, rows[i].memory_mib * MIB);
        stand_run(&stand, 20 * NS_PER_S);
        assert_int_equal(stand.run.stop, GUEST_ENDED);
        const char *console = stand_console(&stand);
        if (stand.run.is_fault || stand.run.status != rows[i].status)
            fail_msg("%s ended with %llu: %s", rows[i].command,
                     (unsigned long long)stand.run.status, console);
        size_t count = strlen(console), line = rows[i].last_line ? strlen(rows[i].last_line) : 0;
        if (line > count || (line > 0 && strcmp(console + count - line, rows[i].last_line) != 0))
            fail_msg("%s said: %s", rows[i].command, console);
        stand_close(&stand);
    }
}

/* Conway's rule once more, with a byte for each cell. */
static uint64_t population_after(uint32_t width, uint32_t height, uint64_t seed,
                                 unsigned generations)
{
    uint8_t *now = calloc((size_t)width * height, 1), *then = calloc((size_t)width * height, 1);
    struct prng prng = prng_make(seed, 0);
    uint64_t population = 0;

    for (size_t i = 0; i < (size_t)width * height; i += 64) {
        uint64_t word = prng_next(&prng) & prng_next(&prng);
        for (unsigned bit = 0; bit < 64; bit++)
            now[i + bit] = word >> bit & 1;
    }
    for (; generations > 0; generations--) {
        for (uint32_t y = 0; y < height; y++)
            for (uint32_t x = 0; x < width; x++) {
                unsigned count = 0, is_alive = now[(size_t)y * width + x];
                for (unsigned i = 0; i < 9; i++)
                    count += now[(size_t)((y + height + i / 3 - 1) % height) * width +
                                 (x + width + i % 3 - 1) % width];
                then[(size_t)y * width + x] = count == 3 || (count == 4 && is_alive);
            }
        uint8_t *spare = now;
        now = then;
        then = spare;
    }
    for (size_t i = 0; i < (size_t)width * height; i++)
        population += now[i];
    free(now);
    free(then);
    return population;
}

static void test_life_lives_by_the_rule(void **state)
{
    static const uint32_t fields[][2] = {{64, 1},  {64, 2},    {64, 64},
                                         {128, 3}, {256, 100}, {320, 77}};
    (void)state;
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        for (unsigned generations = 1; generations < 40; generations += 13) {
            char command[128], line[64];
            snprintf(command, sizeof command,
                     "life --width %u --height %u --seed %zu --generations %u --every %u",
                     fields[i][0], fields[i][1], i, generations, generations);
            snprintf(
                line, sizeof line, "life: generation %u, %llu cells alive\n", generations,
                (unsigned long long)population_after(fields[i][0], fields[i][1], i, generations));
            stand_open(&stand, command, 4 * MIB);
            stand_run(&stand, 10 * NS_PER_S);
            assert_int_equal(stand.run.status, 0);
            if (strstr(stand_console(&stand), line) == NULL)
                fail_msg("%s\n%s\n%s", command, line, stand_console(&stand));
            stand_close(&stand);
        }
}

/* One bit of one page turns over, in the middle of the work: as if that page had not been moved. */
static void flip(uint64_t page_idx, uint32_t at)
{
    const struct guest_ops *ops = stand.guest->ops;
    uint8_t page[PAGE_BYTES];

    ops->read_pages(stand.guest, page_idx, 1, page);
    page[at] ^= 0x10;
    ops->drop_page(stand.guest, page_idx);
    ops->install_pages(stand.guest, page_idx, 1, page);
}

/* Pages are counted from the first one behind the image. */
static void test_a_bit_that_turns_over_is_noticed(void **state)
{
    static const struct {
        const char *command;
        uint64_t at_ms, own_pages, page_idx;
        uint32_t at;
        const char *complaint;
    } rows[] = {
        {"life --generations 50", 100, 13, 37, 1000, "which is NOT as it must be"},
        {"journal", 150, 13, 2, 8, "the journal does not lead to the balance of account"},
        {"journal", 150, 13, 25, 1536 + 8, "the seal does not fit record"},
        {"journal", 150, 13, 25, 1536 + 40, "the seal does not fit record"},
        {"journal", 150, 13, 25, 1536, "no commit of record"},
        {"database", 400, 14, 3, 128 * 7 + 60, "the log has no sound record of key"},
        {"database --pattern uniform", 400, 14, 1880, 16, "database: "},
        {"counter", 500, 12, 1, 3, "the count was changed by somebody else"},
        {"sort --count 40000", 20, 13, 109, 8, "NOT SORTED"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        stand_open(&stand, rows[i].command, 16 * MIB);
        stand_run(&stand, rows[i].at_ms * NS_PER_MS);
        assert_int_not_equal(stand.run.stop, GUEST_ENDED);
        flip(rows[i].own_pages + rows[i].page_idx, rows[i].at);
        stand_run(&stand, 10 * NS_PER_S);
        assert_int_equal(stand.run.stop, GUEST_ENDED);
        if (stand.run.status != 1 || strstr(stand_console(&stand), rows[i].complaint) == NULL)
            fail_msg("%s, page %llu: ended with %llu: %s", rows[i].command,
                     (unsigned long long)rows[i].page_idx, (unsigned long long)stand.run.status,
                     stand_console(&stand));
        stand_close(&stand);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_they_come_to),
        cmocka_unit_test(test_life_lives_by_the_rule),
        cmocka_unit_test(test_a_bit_that_turns_over_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
