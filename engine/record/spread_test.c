#include "record/spread.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/prng.h"

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* Nearest rank by its definition: sorted, the value number ceil(percent * count / 100). */
static void assert_as_sorted(const struct spread *spread)
{
    uint64_t *sorted = malloc(spread->count * sizeof *sorted);
    for (uint64_t i = 0; i < spread->count; i++)
        sorted[i] = spread->values[i];
    qsort(sorted, spread->count, sizeof *sorted, compare);
    for (uint64_t percent = 1; percent <= 100; percent++) {
        uint64_t rank = (percent * spread->count + 99) / 100;
        assert_int_equal(spread_percentile(spread, percent), sorted[rank - 1]);
    }
    assert_int_equal(spread->max, sorted[spread->count - 1]);
    free(sorted);
}

static void nearest_rank_by_hand(void **state)
{
    struct spread spread;
    (void)state;
    spread_init(&spread);
    assert_int_equal(spread_percentile(&spread, 50), 0);
    for (uint64_t value = 5; value >= 1; value--)
        spread_add(&spread, value * 10);
    assert_int_equal(spread_percentile(&spread, 1), 10);
    assert_int_equal(spread_percentile(&spread, 20), 10);
    assert_int_equal(spread_percentile(&spread, 21), 20);
    assert_int_equal(spread_percentile(&spread, 50), 30);
    assert_int_equal(spread_percentile(&spread, 99), 50);
    assert_int_equal(spread.max, 50);
    spread_fini(&spread);
}

static void every_size_of_value_is_exact(void **state)
{
    struct prng prng = prng_make(7, 0);
    (void)state;
    /* Values below 2^bits: buckets of width 1 at first, then ever wider ones. */
    for (unsigned bits = 1; bits <= 64; bits++) {
        struct spread spread;
        spread_init(&spread);
        for (unsigned i = 0; i < 300; i++) {
            spread_add(&spread, prng_next(&prng) >> (64 - bits));
            if (i % 37 == 0)
                assert_as_sorted(&spread);
        }
        assert_as_sorted(&spread);
        spread_fini(&spread);
    }
}

static void close_and_equal_values_are_exact(void **state)
{
    static const uint64_t bases[] = {0, 127, 128, 255, 256, 412345, 1ull << 40, UINT64_MAX - 99};
    struct prng prng = prng_make(8, 0);
    (void)state;
    for (size_t i = 0; i < sizeof bases / sizeof bases[0]; i++) {
        struct spread spread;
        spread_init(&spread);
        for (unsigned n = 0; n < 2000; n++)
            spread_add(&spread, bases[i] + prng_below(&prng, n % 2 == 0 ? 1 : 100));
        assert_as_sorted(&spread);
        spread_fini(&spread);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nearest_rank_by_hand),
        cmocka_unit_test(every_size_of_value_is_exact),
        cmocka_unit_test(close_and_equal_values_are_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
