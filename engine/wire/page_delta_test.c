/* Deltas by example, at random, and broken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/prng.h"
#include "wire/page_delta.h"

static uint8_t base[DELTA_PAGE_BYTES], page[DELTA_PAGE_BYTES], made[DELTA_PAGE_BYTES];
static uint8_t delta[2 * DELTA_PAGE_BYTES];

static void fill(uint8_t *bytes, uint64_t seed)
{
    struct prng prng = prng_make(seed, 0);
    for (unsigned i = 0; i < DELTA_PAGE_BYTES; i++)
        bytes[i] = (uint8_t)prng_next(&prng);
}

static void assert_round_trip(size_t count)
{
    memset(made, 0xee, sizeof made);
    assert_int_equal(page_delta_decode(base, delta, count, made), STATUS_OK);
    assert_memory_equal(made, page, sizeof page);
}

/* Which bytes are changed, and the bytes that must come of it. */
static const struct row {
    const char *what;
    uint16_t changed[6]; /* ended by 0xffff */
    uint8_t delta[16];
    size_t count;
} rows[] = {
    {"nothing", {0xffff}, {0}, 0},
    {"the first byte", {0, 0xffff}, {0, 1, 0xff}, 3},
    {"the last byte", {4095, 0xffff}, {0xff, 0x1f, 1, 0xff}, 4},
    {"one in the middle", {5, 0xffff}, {5, 1, 0xff}, 3},
    {"neighbours", {5, 6, 7, 0xffff}, {5, 3, 0xff, 0xff, 0xff}, 5},
    {"a small gap is told as new", {5, 8, 0xffff}, {5, 4, 0xff, 0, 0, 0xff}, 6},
    {"a larger one is skipped", {5, 9, 0xffff}, {5, 1, 0xff, 3, 1, 0xff}, 6},
    {"128 is two bytes", {128, 0xffff}, {0x80, 1, 1, 0xff}, 4},
    {"127 is one", {127, 0xffff}, {0x7f, 1, 0xff}, 3},
    {"gap at the end of the page", {4090, 4093, 0xffff}, {0xfa, 0x1f, 4, 0xff, 0, 0, 0xff}, 7},
};

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *row = &rows[i];
        memset(base, 0, sizeof base);
        memset(page, 0, sizeof page);
        for (unsigned at = 0; row->changed[at] != 0xffff; at++)
            page[row->changed[at]] = 0xff;
        size_t count = page_delta_encode(base, page, delta, sizeof delta);
        if (count != row->count || memcmp(delta, row->delta, count) != 0)
            fail_msg("row \"%s\": another delta than the one expected, of %zu bytes", row->what,
                     count);
        assert_round_trip(count);
    }
}

/* As many changes as there may be, at any place, of any length. */
static void test_any_changes_come_back(void **state)
{
    struct prng prng = prng_make(1, 0);
    (void)state;
    for (unsigned trial = 0; trial < 3000; trial++) {
        fill(base, trial);
        memcpy(page, base, sizeof page);
        for (uint64_t changes = prng_below(&prng, 1u << prng_below(&prng, 10)); changes > 0;
             changes--) {
            uint64_t at = prng_below(&prng, DELTA_PAGE_BYTES);
            uint64_t count = 1 + prng_below(&prng, 1u << prng_below(&prng, 6));
            for (; count > 0 && at < DELTA_PAGE_BYTES; count--)
                page[at++] = (uint8_t)prng_next(&prng);
        }
        size_t count = page_delta_encode(base, page, delta, sizeof delta);
        assert_true(count != SIZE_MAX);
        assert_round_trip(count);
    }
}

/* The worst page: each entry costs a head for one byte. It is bounded, and the bound is obeyed. */
static void test_a_delta_that_is_too_long_is_not_made(void **state)
{
    uint8_t exact[DELTA_PAGE_BYTES];
    (void)state;
    memset(base, 0, sizeof base);
    for (unsigned i = 0; i < DELTA_PAGE_BYTES; i++)
        page[i] = i % (DELTA_GAP_MAX + 2) == 0;
    size_t count = page_delta_encode(base, page, delta, sizeof delta);
    assert_int_equal(count, DELTA_PAGE_BYTES / (DELTA_GAP_MAX + 2) * 3);
    for (size_t most = 0; most < count; most++) {
        memset(exact, 0xaa, sizeof exact);
        assert_true(page_delta_encode(base, page, exact, most) == SIZE_MAX);
        for (size_t i = most; i < sizeof exact; i++)
            assert_int_equal(exact[i], 0xaa);
    }
    assert_int_equal(page_delta_encode(base, page, exact, count), count);
}

static void test_cut_anywhere_it_is_refused_or_shorter(void **state)
{
    (void)state;
    fill(base, 1);
    fill(page, 2);
    memcpy(page + 100, base + 100, 3000);
    size_t count = page_delta_encode(base, page, delta, sizeof delta);
    unsigned whole = 0;
    for (size_t cut = 0; cut < count; cut++)
        if (page_delta_decode(base, delta, cut, made) == STATUS_OK)
            whole++; /* between two entries */
    assert_true(whole >= 1 && whole < count / 3);
}

static void test_what_cannot_be_is_refused(void **state)
{
    static const struct {
        uint8_t delta[8];
        size_t count;
    } broken[] = {
        {{0, 0}, 2},                            /* an entry without news */
        {{0}, 1},                               /* no count */
        {{0, 2, 1}, 3},                         /* fewer bytes than it says */
        {{0x80, 0x20, 1, 1}, 4},                /* begins at the page's end */
        {{0xff, 0x1f, 2, 1, 1}, 5},             /* ends behind it */
        {{0xff, 0xff, 0xff, 0xff, 0x7f, 1}, 6}, /* far outside */
        {{0x80}, 1},                            /* half a number */
    };
    (void)state;
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++)
        assert_int_equal(page_delta_decode(base, broken[i].delta, broken[i].count, made),
                         STATUS_BAD_STREAM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_any_changes_come_back),
        cmocka_unit_test(test_a_delta_that_is_too_long_is_not_made),
        cmocka_unit_test(test_cut_anywhere_it_is_refused_or_shorter),
        cmocka_unit_test(test_what_cannot_be_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
