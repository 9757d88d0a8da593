/* The cache of copies: its bound, who makes room for whom, and what a sender that goes round and
 * round gets of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/prng.h"
#include "wire/delta_cache.h"
#include "wire/page_delta.h"

/* As a sender does: finds the copy or adds one, and writes the number into it. True: it was there,
 * and was that of this page. */
static bool use(struct delta_cache *cache, uint64_t page_idx, bool is_again)
{
    uint8_t *copy = delta_cache_find(cache, page_idx);
    bool was_there = copy != NULL;
    uint64_t value = page_idx;
    if (was_there)
        assert_memory_equal(copy, &value, sizeof value);
    else
        copy = delta_cache_add(cache, page_idx, is_again);
    if (copy != NULL) {
        memcpy(copy, &value, sizeof value);
        memset(copy + sizeof value, 0, DELTA_PAGE_BYTES - sizeof value);
    }
    return was_there;
}

static uint64_t kept(struct delta_cache *cache, uint64_t total)
{
    uint64_t count = 0;
    for (uint64_t i = 0; i < total; i++)
        count += delta_cache_find(cache, i) != NULL;
    return count;
}

/* At most so many pages, whatever is asked of it; sizes from nothing to some thousand pages. */
static void test_its_bound(void **state)
{
    static const struct {
        uint64_t bytes, pages;
    } rows[] = {{0, 0},        {4095, 0},     {4096, 1},           {3 * 4096, 3},
                {8 * 4096, 8}, {9 * 4096, 8}, {16 * 4096 + 1, 16}, {4u << 20, 1024}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct delta_cache cache;
        struct prng prng = prng_make(i, 0);
        delta_cache_init(&cache, rows[i].bytes);
        assert_int_equal(delta_cache_pages_max(&cache), rows[i].pages);
        for (unsigned step = 0; step < 20000; step++) {
            if (step % 5000 == 0)
                delta_cache_begin_sweep(&cache);
            use(&cache, prng_below(&prng, 4096), prng_below(&prng, 2) == 0);
            if (prng_below(&prng, 16) == 0)
                delta_cache_forget(&cache, prng_below(&prng, 4096));
        }
        assert_true(kept(&cache, 4096) <= rows[i].pages);
        assert_true(kept(&cache, 4096) >= rows[i].pages * 9 / 10);
        delta_cache_fini(&cache);
    }
}

/* Four times as many pages as there is room for, round and round: a quarter of them is always
 * found. (By "the least recently used goes first" none would ever be.) */
static void test_a_sender_that_goes_round_and_round(void **state)
{
    struct delta_cache cache;
    (void)state;
    delta_cache_init(&cache, 1024 * DELTA_PAGE_BYTES);
    for (unsigned sweep = 0; sweep < 6; sweep++) {
        uint64_t found = 0;
        for (uint64_t page_idx = 0; page_idx < 4096; page_idx++)
            found += use(&cache, page_idx, sweep > 0);
        assert_int_equal(found, sweep == 0 ? 0 : 1024);
        delta_cache_begin_sweep(&cache);
    }
    delta_cache_fini(&cache);
}

/* What was sent once makes room for what is sent again, and never the other way round. */
static void test_pages_sent_once_make_room(void **state)
{
    struct delta_cache cache;
    (void)state;
    delta_cache_init(&cache, 64 * DELTA_PAGE_BYTES);
    for (uint64_t page_idx = 0; page_idx < 1000; page_idx++)
        use(&cache, page_idx, false);
    assert_int_equal(kept(&cache, 64), 64); /* the first ones found free places */
    delta_cache_fini(&cache);
    delta_cache_init(&cache, 64 * DELTA_PAGE_BYTES);
    for (uint64_t page_idx = 0; page_idx < 1000; page_idx++)
        use(&cache, page_idx, false);
    delta_cache_begin_sweep(&cache);
    for (uint64_t page_idx = 500; page_idx < 532; page_idx++)
        assert_false(use(&cache, page_idx, true));
    for (uint64_t page_idx = 500; page_idx < 532; page_idx++)
        assert_true(use(&cache, page_idx, true));
    delta_cache_fini(&cache);
}

/* A copy that was of no use for two sweeps makes room. */
static void test_what_is_not_sent_any_more_makes_room(void **state)
{
    static const bool is_kept[] = {true, true, false};
    (void)state;
    for (unsigned sweeps = 0; sweeps < 3; sweeps++) {
        struct delta_cache cache;
        delta_cache_init(&cache, 8 * DELTA_PAGE_BYTES);
        for (uint64_t page_idx = 0; page_idx < 8; page_idx++)
            use(&cache, page_idx, true);
        for (unsigned i = 0; i < sweeps; i++)
            delta_cache_begin_sweep(&cache);
        for (uint64_t page_idx = 100; page_idx < 108; page_idx++)
            use(&cache, page_idx, true);
        assert_int_equal(kept(&cache, 8), is_kept[sweeps] ? 8 : 0);
        delta_cache_fini(&cache);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_its_bound),
        cmocka_unit_test(test_a_sender_that_goes_round_and_round),
        cmocka_unit_test(test_pages_sent_once_make_room),
        cmocka_unit_test(test_what_is_not_sent_any_more_makes_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
