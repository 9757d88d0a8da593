/* Writes: each pattern against its law, by counts, within four standard deviations. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/units.h"
#include "machine/writes.h"

#define PAGES 1000
#define DRAWN 1000000

static uint64_t counts[PAGES];

static void draw(enum writes_pattern pattern, uint64_t pages, uint64_t seed)
{
    struct writes writes;
    writes_init(&writes, pattern, pages, 1000, seed);
    for (uint64_t i = 0; i < PAGES; i++)
        counts[i] = 0;
    for (; writes.count < DRAWN; writes.count++) {
        uint64_t page_idx = writes_next_page(&writes, &writes.prng);
        assert_true(page_idx < pages);
        counts[page_idx]++;
    }
}

/* How often the pages [first, end) were drawn, against their part of the law. */
static void assert_part(const char *what, uint64_t first, uint64_t end, double part)
{
    double count = 0, deviation = sqrt(DRAWN * part * (1 - part));
    for (uint64_t i = first; i < end; i++)
        count += (double)counts[i];
    if (fabs(count - DRAWN * part) > 4 * deviation + 0.5)
        fail_msg("%s: pages %d to %d drawn %.0f times, expected %.0f", what, (int)first, (int)end,
                 count, DRAWN * part);
}

static void uniform_is_even(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        double squares = 0;
        draw(WRITES_UNIFORM, PAGES, seed);
        for (uint64_t i = 0; i < PAGES; i += 100)
            assert_part("uniform", i, i + 100, 0.1);
        for (uint64_t i = 0; i < PAGES; i++)
            squares += pow((double)counts[i] - 1000, 2) / 1000;
        /* Chi-square of 999 degrees: mean 999, deviation 44.7. */
        assert_true(fabs(squares - 999) < 4 * 44.7);
    }
}

static void sequential_is_in_order(void **state)
{
    struct writes writes;
    (void)state;
    writes_init(&writes, WRITES_SEQUENTIAL, 77, 1000, 1);
    uint64_t before = writes.prng.state;
    for (; writes.count < 1000; writes.count++)
        assert_int_equal(writes_next_page(&writes, &writes.prng), writes.count % 77);
    assert_int_equal(writes.prng.state, before);
}

static void hot_cold_is_nine_to_one(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        draw(WRITES_HOT_COLD, PAGES, seed);
        assert_part("hot", 0, 100, 0.9);
        assert_part("half of hot", 0, 50, 0.45);
        assert_part("cold", 100, PAGES, 0.1);
        assert_part("half of cold", 550, PAGES, 0.05);
        draw(WRITES_HOT_COLD, 9, seed); /* no tenth of it is a page */
        assert_part("nine", 0, 3, 1.0 / 3);
        draw(WRITES_HOT_COLD, 10, seed);
        assert_part("ten", 0, 1, 0.9);
    }
}

static void zipf_is_zipf(void **state)
{
    double sum = 0;
    (void)state;
    for (int rank = 1; rank <= PAGES; rank++)
        sum += pow(rank, -0.99);
    for (uint64_t seed = 1; seed <= 3; seed++) {
        draw(WRITES_ZIPF, PAGES, seed);
        for (uint64_t i = 0; i < 20; i++)
            assert_part("zipf", i, i + 1, pow((double)i + 1, -0.99) / sum);
        for (uint64_t from = 20, to; from < PAGES; from = to) {
            double part = 0;
            to = from * 3 / 2 < PAGES ? from * 3 / 2 : PAGES;
            for (uint64_t i = from; i < to; i++)
                part += pow((double)i + 1, -0.99) / sum;
            assert_part("zipf", from, to, part);
        }
        draw(WRITES_ZIPF, 1, seed);
    }
}

/* Half a second at the rate all over, half a second at a tenth of it in the first tenth. */
static void phases_are_busy_and_quiet(void **state)
{
    struct writes writes;
    uint64_t busy = 0, quiet = 0, last_ns = 0;
    (void)state;
    writes_init(&writes, WRITES_PHASES, PAGES, 20000, 1);
    for (; writes.count < 10 * 11000; writes.count++) {
        uint64_t at_ns = writes_at_ns(&writes, writes.count + 1);
        uint64_t page_idx = writes_next_page(&writes, &writes.prng);
        bool is_quiet = at_ns % NS_PER_S >= WRITES_PHASE_NS;
        uint64_t gap_ns = at_ns - last_ns;
        assert_true(page_idx < (is_quiet ? PAGES / 10 : PAGES));
        if (at_ns % WRITES_PHASE_NS >= 500000) /* not across the change */
            assert_int_equal(gap_ns, is_quiet ? 500000 : 50000);
        *(is_quiet ? &quiet : &busy) += 1;
        last_ns = at_ns;
    }
    assert_in_range(busy, 10 * 10000 - 10, 10 * 10000);
    assert_in_range(quiet, 10 * 1000, 10 * 1000 + 10);
    assert_int_equal(last_ns, 10 * NS_PER_S);
}

/* The two functions of time are each other's inverse, and k writes take k / rate seconds, to the
 * nanosecond: also after a year, and for rates that divide nothing. */
static void the_rate_is_exact(void **state)
{
    static const uint64_t rates[] = {1, 3, 7, 999, 5000, 99991, 3000000, 99999989, 100000000};
    static const uint64_t firsts[] = {1, 2, 3, 1000, 123456789, 3153600000000};
    (void)state;
    for (unsigned pattern = WRITES_UNIFORM; pattern < WRITES_PATTERN_COUNT; pattern++)
        for (size_t r = 0; r < sizeof rates / sizeof rates[0]; r++)
            for (size_t f = 0; f < sizeof firsts / sizeof firsts[0]; f++) {
                struct writes writes;
                uint64_t k = firsts[f];
                writes_init(&writes, (enum writes_pattern)pattern, PAGES, rates[r], 1);
                uint64_t at_ns = writes_at_ns(&writes, k);
                if (at_ns > INT64_MAX)
                    continue;
                assert_true(writes_until(&writes, at_ns) >= k);
                assert_true(at_ns == 0 || writes_until(&writes, at_ns - 1) < k);
                if (pattern != WRITES_PHASES)
                    assert_int_equal(at_ns, units_mul_div(k, NS_PER_S, rates[r]));
            }
}

static void patterns_have_names(void **state)
{
    enum writes_pattern pattern;
    (void)state;
    for (unsigned i = 0; i < WRITES_PATTERN_COUNT; i++) {
        assert_true(writes_find_pattern(writes_pattern_name((enum writes_pattern)i), &pattern));
        assert_int_equal(pattern, i);
        assert_true(writes_pattern_sentence(pattern)[0] != '\0');
    }
    assert_false(writes_find_pattern("", &pattern));
    assert_false(writes_find_pattern("unifor", &pattern));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(uniform_is_even),           cmocka_unit_test(sequential_is_in_order),
        cmocka_unit_test(hot_cold_is_nine_to_one),   cmocka_unit_test(zipf_is_zipf),
        cmocka_unit_test(phases_are_busy_and_quiet), cmocka_unit_test(the_rate_is_exact),
        cmocka_unit_test(patterns_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
