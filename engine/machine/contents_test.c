/* Contents: bytes tell their page and version, and whether one of them is wrong. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "base/digest.h"
#include "machine/contents.h"

static void bytes_tell_what_they_are(void **state)
{
    static const uint64_t numbers[] = {0, 1, 255, 4096, (1ull << 28) - 1, UINT64_MAX};
    uint8_t page[PAGE_BYTES];
    uint64_t page_idx, version;
    (void)state;
    for (size_t i = 0; i < 6; i++)
        for (size_t k = 0; k < 6; k++) {
            contents_make(numbers[i], numbers[k], page);
            assert_true(contents_recognize(page, &page_idx, &version));
            assert_int_equal(page_idx, numbers[k] == 0 ? CONTENTS_ANY_PAGE : numbers[i]);
            assert_int_equal(version, numbers[k]);
        }
}

static void no_byte_may_be_wrong(void **state)
{
    uint8_t page[PAGE_BYTES];
    uint64_t page_idx, version;
    (void)state;
    contents_make(5, 3, page);
    for (unsigned at = 0; at < PAGE_BYTES; at++) {
        page[at] ^= 1;
        assert_false(contents_recognize(page, &page_idx, &version));
        page[at] ^= 1;
    }
    memset(page, 0, sizeof page);
    assert_true(contents_recognize(page, &page_idx, &version));
    page[0] = 1;
    assert_false(contents_recognize(page, &page_idx, &version));
}

/* A write changes its version and one number, wherever the numbers stand on their way round. */
static void a_write_changes_two_words(void **state)
{
    uint8_t before[PAGE_BYTES], after[PAGE_BYTES];
    (void)state;
    for (uint64_t version = 1; version < 600; version++) {
        unsigned changed = 0;
        contents_make(77, version, before);
        contents_make(77, version + 1, after);
        for (unsigned at = 0; at < PAGE_BYTES; at += 8)
            changed += memcmp(before + at, after + at, 8) != 0;
        assert_int_equal(changed, 2);
    }
}

/* The formula is a contract: what was written down about a page must stay true. */
static void the_formula_stays(void **state)
{
    uint8_t page[PAGE_BYTES];
    (void)state;
    contents_make(0x123456, 7, page);
    assert_memory_equal(page, "\x56\x34\x12\0\0\0\0\0\7\0\0\0\0\0\0\0", 16);
    assert_int_equal(digest_of(page, sizeof page), 0x280b47cffd5c989b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_tell_what_they_are),
        cmocka_unit_test(no_byte_may_be_wrong),
        cmocka_unit_test(a_write_changes_two_words),
        cmocka_unit_test(the_formula_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
