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
            assert_int_equal(page_idx, numbers[i]);
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
    assert_false(contents_recognize(page, &page_idx, &version));
}

/* The formula is a contract: what was written down about a page must stay true. */
static void the_formula_stays(void **state)
{
    uint8_t page[PAGE_BYTES];
    (void)state;
    contents_make(0x123456, 7, page);
    assert_memory_equal(page, "\x56\x34\x12\0\0\0\0\0\7\0\0\0\0\0\0\0", 16);
    assert_int_equal(digest_of(page, sizeof page), 0xa2f11d3bce6d40b9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_tell_what_they_are),
        cmocka_unit_test(no_byte_may_be_wrong),
        cmocka_unit_test(the_formula_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
