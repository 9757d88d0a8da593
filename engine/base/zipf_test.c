/* zipf, held against the exact law, which C's mathematics computes here. */
#include "base/zipf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <string.h>
#include <cmocka.h>

#define EXPONENT 0.99L

static uint32_t octave_of(uint64_t k)
{
    return 63 - (uint32_t)__builtin_clzll(k);
}

/* The least u that throws rank k away, as a share of 2^64. */
static long double kept_share(uint64_t k)
{
    uint64_t kept = 0, thrown = UINT64_MAX;

    if (zipf_is_kept(k, octave_of(k), UINT64_MAX))
        return 1;
    while (thrown - kept > 1) {
        uint64_t middle = kept + (thrown - kept) / 2;
        if (zipf_is_kept(k, octave_of(k), middle))
            kept = middle;
        else
            thrown = middle;
    }
    return (long double)thrown / 0x1p64L;
}

/* The law itself, without a draw: a rank's share is its octave's area, divided evenly, times what
 * is kept of it. That must be proportional to k^-0.99. */
static void every_rank_has_its_exact_share(void **state)
{
    static const uint64_t counts[] = {1,    2,          3,          4,          7,
                                      1000, 1ull << 20, 1ull << 28, 268435455u, ZIPF_COUNT_MAX};
    (void)state;
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        struct zipf zipf = zipf_make(counts[i]);
        long double of_first = zipf.area_below[0];
        for (uint64_t k = 1; k <= counts[i]; k += 1 + k / 3 + k % 7) {
            uint32_t b = octave_of(k);
            uint64_t area = zipf.area_below[b] - (b == 0 ? 0 : zipf.area_below[b - 1]);
            long double share = area / (long double)zipf_width(&zipf, b) * kept_share(k);
            long double exact = of_first * powl(k, -EXPONENT);
            if (fabsl(share / exact - 1) > 0x1p-50L)
                fail_msg("rank %llu of %llu: %.20Lg, not %.20Lg", (unsigned long long)k,
                         (unsigned long long)counts[i], share, exact);
        }
    }
}

/* The sum of k^-0.99 for k = first .. last, by Euler and Maclaurin where it is long. */
static double law_sum(uint64_t first, uint64_t last)
{
    double sum = 0;
    uint64_t k = first;

    for (; k <= last && k < first + 2000; k++)
        sum += pow((double)k, -0.99);
    if (k <= last) {
        double a = (double)k, z = (double)last;
        sum += (pow(z, 0.01) - pow(a, 0.01)) / 0.01 + (pow(a, -0.99) + pow(z, -0.99)) / 2;
        sum += 0.99 / 12 * (pow(a, -1.99) - pow(z, -1.99));
    }
    return sum;
}

/* Draws counted by classes of ranks: 1, 2, 3, 4 .. 7, 8 .. 15, and so on. */
static unsigned class_of(uint64_t k)
{
    return k < 4 ? (unsigned)k : octave_of(k) + 2;
}

static void draws_are_as_frequent_as_they_should_be(void **state)
{
    static const uint64_t counts[] = {1, 2, 5, 8, 1000, 16384, 1ull << 28, (1ull << 28) - 12345};
    const uint32_t draws = 400000;
    (void)state;
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        struct zipf zipf = zipf_make(counts[i]);
        struct prng prng = prng_make(i, 0);
        uint32_t seen[64] = {0};
        double all = law_sum(1, counts[i]), chi_squared = 0;
        unsigned classes = 0;

        for (uint32_t draw = 0; draw < draws; draw++) {
            uint64_t k = zipf_next(&zipf, &prng);
            assert_in_range(k, 1, counts[i]);
            seen[class_of(k)]++;
        }
        for (uint64_t first = 1; first <= counts[i];) {
            uint64_t end = first < 4 ? first + 1 : 2 * first;
            uint64_t last = end - 1 < counts[i] ? end - 1 : counts[i];
            double expected = draws * law_sum(first, last) / all;
            double off = seen[class_of(first)] - expected;
            chi_squared += off * off / expected;
            classes++;
            first = end;
        }
        /* Mean classes - 1, deviation sqrt(2 (classes - 1)): within five of them. */
        assert_true(chi_squared <= (classes - 1) + 5 * sqrt(2.0 * (classes - 1)));
    }
}

static void ranks_within_an_octave_fall_off(void **state)
{
    struct zipf zipf = zipf_make(1 << 16);
    struct prng prng = prng_make(3, 0);
    uint32_t lower = 0, upper = 0;
    double expected = law_sum(8192, 12287) / law_sum(8192, 16383);
    (void)state;
    for (uint32_t draw = 0; draw < 400000; draw++) {
        uint64_t k = zipf_next(&zipf, &prng);
        lower += k >= 8192 && k < 12288;
        upper += k >= 12288 && k < 16384;
    }
    double share = lower / (double)(lower + upper); /* 0.58; deviation 0.003 of 25,000 */
    assert_true(fabs(share - expected) < 0.015);
}

/* Recordings and model guests depend on these. */
static void the_draws_of_a_seed_never_change(void **state)
{
    static const uint64_t expected[] = {1033773, 10798623, 2, 1, 42653, 413799, 14060, 61827};
    struct zipf zipf = zipf_make(1ull << 28);
    struct prng prng = prng_make(1, 0);
    (void)state;
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
        assert_int_equal(zipf_next(&zipf, &prng), expected[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_rank_has_its_exact_share),
        cmocka_unit_test(draws_are_as_frequent_as_they_should_be),
        cmocka_unit_test(ranks_within_an_octave_fall_off),
        cmocka_unit_test(the_draws_of_a_seed_never_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
