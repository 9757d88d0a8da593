#include "base/prng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

/* The published sequence of splitmix64 for a state of 1234567. */
static void the_generator_is_splitmix64(void **state)
{
    static const uint64_t expected[] = {
        6457827717110365317u, 3203168211198807973u,  9817491932198370423u,
        4593380528125082431u, 16408922859458223821u,
    };
    struct prng prng = {1234567};
    (void)state;
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
        assert_int_equal(prng_next(&prng), expected[i]);
}

static void a_seed_and_purpose_give_the_same_stream(void **state)
{
    struct prng a = prng_make(9, 4), b = prng_make(9, 4);
    (void)state;
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(prng_next(&a), prng_next(&b));
}

static void numbers_can_be_skipped(void **state)
{
    struct prng walked = prng_make(9, 4), skipped = walked;
    (void)state;
    for (unsigned i = 0; i < 100; i++)
        prng_next(&walked);
    prng_skip(&skipped, 100);
    assert_int_equal(prng_next(&walked), prng_next(&skipped));
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* Neighbouring seeds and purposes must not be one stream with a shift: among 64 streams of 500
 * numbers each, none comes twice. */
static void streams_do_not_overlap(void **state)
{
    static uint64_t numbers[8 * 8 * 500];
    size_t count = 0;
    (void)state;
    for (uint64_t seed = 0; seed < 8; seed++)
        for (uint64_t purpose = 0; purpose < 8; purpose++) {
            struct prng prng = prng_make(seed, purpose);
            for (unsigned i = 0; i < 500; i++)
                numbers[count++] = prng_next(&prng);
        }
    qsort(numbers, count, sizeof *numbers, compare);
    for (size_t i = 1; i < count; i++)
        assert_int_not_equal(numbers[i - 1], numbers[i]);
}

static void numbers_below_a_bound_are_even(void **state)
{
    struct prng prng = prng_make(1, 2);
    unsigned counts[10] = {0};
    (void)state;
    for (unsigned i = 0; i < 100000; i++) {
        uint64_t number = prng_below(&prng, 10);
        assert_true(number < 10);
        counts[number]++;
    }
    /* 10,000 each, give or take five standard deviations (95 each). */
    for (unsigned i = 0; i < 10; i++)
        assert_in_range(counts[i], 10000 - 475, 10000 + 475);
    assert_int_equal(prng_below(&prng, 1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_generator_is_splitmix64),
        cmocka_unit_test(a_seed_and_purpose_give_the_same_stream),
        cmocka_unit_test(numbers_can_be_skipped),
        cmocka_unit_test(streams_do_not_overlap),
        cmocka_unit_test(numbers_below_a_bound_are_even),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
