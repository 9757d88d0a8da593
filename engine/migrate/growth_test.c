#include "migrate/growth.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define MS 1000000ull

static void what_was_seen_is_told_again(void **state)
{
    struct growth growth = {0};
    (void)state;
    assert_int_equal(growth_pages(&growth, MS), 0);
    for (uint64_t ns = MS; ns <= 64 * MS; ns *= 2)
        growth_note(&growth, ns, ns / MS * 3);
    for (uint64_t ns = MS; ns <= 64 * MS; ns += MS / 4)
        assert_int_equal(growth_pages(&growth, ns), ns * 3 / MS);
    assert_int_equal(growth_pages(&growth, MS * 2 / 3), 1); /* a straight line has no bend */
    assert_int_equal(growth_pages(&growth, 128 * MS), (64 * 3 + 128 * 3) / 2);
    assert_int_equal(growth_pages(&growth, 0), 0);
}

static void the_newest_counts(void **state)
{
    struct growth growth = {0};
    (void)state;
    growth_note(&growth, 10 * MS, 100);
    growth_note(&growth, 11 * MS, 60);
    assert_int_equal(growth_pages(&growth, 11 * MS), 60);
    growth_note(&growth, 100 * MS, 50); /* it has become calmer: what was seen sooner is too much */
    assert_int_equal(growth_pages(&growth, 50 * MS), 50);
    growth_note(&growth, 0, 7); /* nothing can be seen in no time */
    assert_int_equal(growth_pages(&growth, 100 * MS), 50);
}

/* Nearer to the beginning than was seen: between both lines, never more than at the first point. */
static void a_bend_is_gone_on_with(void **state)
{
    struct growth growth = {0};
    (void)state;
    growth_note(&growth, 10 * MS, 100);
    growth_note(&growth, 100 * MS, 190);
    assert_int_equal(growth_pages(&growth, 5 * MS), (50 + 95) / 2);
    for (uint64_t ns = 0, before = 0; ns <= 300 * MS; ns += MS / 2) {
        uint64_t pages = growth_pages(&growth, ns);
        assert_true(pages >= before);
        before = pages;
    }
}

static void any_numbers_are_borne(void **state)
{
    struct growth growth = {0};
    (void)state;
    growth_note(&growth, UINT64_MAX, UINT64_MAX / 4);
    growth_note(&growth, 1, 1ull << 28);
    growth_note(&growth, 70000, 5);
    assert_int_equal(growth_pages(&growth, 1), 5);
    assert_int_equal(growth_pages(&growth, 50000), 5);
    assert_true(growth_pages(&growth, 1ull << 62) < UINT64_MAX / 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_seen_is_told_again),
        cmocka_unit_test(the_newest_counts),
        cmocka_unit_test(a_bend_is_gone_on_with),
        cmocka_unit_test(any_numbers_are_borne),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
