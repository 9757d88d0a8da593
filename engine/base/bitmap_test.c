#include "base/bitmap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/prng.h"

#define BITS_MAX 300

/* The same set as plain flags: what every answer is compared with. */
static void assert_same(const struct bitmap *bitmap, const bool *flags)
{
    uint64_t count = 0, total = bitmap->bit_count;
    for (uint64_t i = 0; i < total; i++) {
        assert_int_equal(bitmap_has(bitmap, i), flags[i]);
        count += flags[i];
    }
    assert_int_equal(bitmap->set_count, count);
    for (uint64_t from = 0; from <= total; from++) {
        uint64_t next = from, run = from;
        while (next < total && !flags[next])
            next++;
        assert_int_equal(bitmap_next(bitmap, from), next < total ? next : BITMAP_NONE);
        while (run < total && flags[run])
            run++;
        assert_int_equal(bitmap_run(bitmap, from, UINT64_MAX), run - from);
        assert_int_equal(bitmap_run(bitmap, from, 5), run - from < 5 ? run - from : 5);
        assert_int_equal(bitmap_run(bitmap, from, 0), 0);
        assert_int_equal(bitmap_gap(bitmap, from, UINT64_MAX), next - from);
        assert_int_equal(bitmap_gap(bitmap, from, 5), next - from < 5 ? next - from : 5);
        uint64_t previous = from, back = 0;
        while (previous > 0 && !flags[previous - 1])
            previous--;
        assert_int_equal(bitmap_previous(bitmap, from), previous > 0 ? previous - 1 : BITMAP_NONE);
        while (from < total && back <= from && flags[from - back])
            back++;
        if (from < total) {
            assert_int_equal(bitmap_run_back(bitmap, from, UINT64_MAX), back);
            assert_int_equal(bitmap_run_back(bitmap, from, 5), back < 5 ? back : 5);
        }
    }
    assert_int_equal(bitmap_previous(bitmap, UINT64_MAX), bitmap_previous(bitmap, total));
    assert_int_equal(bitmap_next(bitmap, UINT64_MAX), BITMAP_NONE);
}

static void a_set_is_what_was_put_in(void **state)
{
    static const uint64_t sizes[] = {0, 1, 63, 64, 65, 128, 200, BITS_MAX};
    (void)state;
    for (size_t size = 0; size < sizeof sizes / sizeof sizes[0]; size++) {
        bool flags[BITS_MAX] = {0};
        struct bitmap bitmap;
        struct prng prng = prng_make(size, 0);
        bitmap_init(&bitmap, sizes[size]);
        assert_same(&bitmap, flags);
        for (unsigned round = 0; sizes[size] > 0 && round < 200; round++) {
            /* Runs, so that whole words become full and empty. */
            uint64_t first = prng_below(&prng, sizes[size]), length = prng_below(&prng, 150);
            bool is_on = prng_below(&prng, 2) == 1;
            for (uint64_t i = first; i < first + length && i < sizes[size]; i++) {
                bool has_changed = is_on ? bitmap_set(&bitmap, i) : bitmap_clear(&bitmap, i);
                assert_int_equal(has_changed, flags[i] != is_on);
                flags[i] = is_on;
            }
            assert_same(&bitmap, flags);
        }
        bitmap_fini(&bitmap);
    }
}

static void all_and_none(void **state)
{
    static const uint64_t sizes[] = {0, 1, 64, 65, BITS_MAX};
    (void)state;
    for (size_t size = 0; size < sizeof sizes / sizeof sizes[0]; size++) {
        bool flags[BITS_MAX];
        struct bitmap bitmap, copy;
        bitmap_init(&bitmap, sizes[size]);
        bitmap_init(&copy, sizes[size]);
        bitmap_set_all(&bitmap);
        memset(flags, 1, sizeof flags);
        assert_same(&bitmap, flags);
        bitmap_copy(&copy, &bitmap);
        bitmap_clear_all(&bitmap);
        assert_same(&copy, flags);
        memset(flags, 0, sizeof flags);
        assert_same(&bitmap, flags);
        bitmap_fini(&bitmap);
        bitmap_fini(&copy);
    }
}

/* Two sets as one: against the flags of both. */
static void two_sets(void **state)
{
    struct prng prng = prng_make(4, 0);
    (void)state;
    for (unsigned round = 0; round < 200; round++) {
        uint64_t size = prng_below(&prng, BITS_MAX) + 1;
        struct bitmap one, other, both, common;
        bool is_in_either[BITS_MAX] = {0}, is_in_both[BITS_MAX] = {0};
        uint64_t count = 0;
        bitmap_init(&one, size);
        bitmap_init(&other, size);
        bitmap_init(&both, size);
        bitmap_init(&common, size);
        for (uint64_t runs = prng_below(&prng, 6); runs > 0; runs--) {
            uint64_t first_idx = prng_below(&prng, size);
            struct bitmap *set = prng_below(&prng, 2) == 0 ? &one : &other;
            bitmap_set_run(set, first_idx, prng_below(&prng, size - first_idx + 1));
        }
        for (uint64_t i = 0; i < size; i++) {
            is_in_either[i] = bitmap_has(&one, i) || bitmap_has(&other, i);
            is_in_both[i] = bitmap_has(&one, i) && bitmap_has(&other, i);
            count += is_in_either[i];
        }
        assert_int_equal(bitmap_union_count(&one, &other), count);
        bitmap_copy(&both, &one);
        bitmap_add(&both, &other);
        assert_same(&both, is_in_either);
        bitmap_copy(&common, &one);
        bitmap_keep(&common, &other);
        assert_same(&common, is_in_both);
        for (uint64_t from = 0; from <= size; from++)
            assert_int_equal(bitmap_union_next(&one, &other, from), bitmap_next(&both, from));
        bitmap_fini(&one);
        bitmap_fini(&other);
        bitmap_fini(&both);
        bitmap_fini(&common);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_set_is_what_was_put_in),
        cmocka_unit_test(all_and_none),
        cmocka_unit_test(two_sets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
