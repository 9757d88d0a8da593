#include "base/digest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

/* Digests are compared between machines and kept in files: the algorithm is part of the format. */
static void the_algorithm_is_xxh3(void **state)
{
    (void)state;
    assert_int_equal(digest_of("", 0), 0x2d06800538d394c2);
}

static void pieces_make_the_same_as_the_whole(void **state)
{
    uint8_t data[3000];
    (void)state;
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 7 + i / 256);
    for (size_t piece = 1; piece < 1000; piece = piece * 3 + 1) {
        struct digest *digest = digest_open();
        for (size_t at = 0; at < sizeof data; at += piece) {
            size_t count = sizeof data - at < piece ? sizeof data - at : piece;
            digest_add(digest, &data[at], count);
            assert_int_equal(digest_value(digest), digest_of(data, at + count));
        }
        digest_close(digest);
    }
}

static void a_number_is_eight_bytes(void **state)
{
    static const uint8_t expected[] = {0xef, 0xcd, 0xab, 0x89, 0x67, 0x45, 0x23, 0x01};
    struct digest *digest = digest_open();
    (void)state;
    digest_add_u64(digest, 0x0123456789abcdef);
    assert_int_equal(digest_value(digest), digest_of(expected, sizeof expected));
    digest_close(digest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_algorithm_is_xxh3),
        cmocka_unit_test(pieces_make_the_same_as_the_whole),
        cmocka_unit_test(a_number_is_eight_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
