#include "base/lending.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Own bytes are capitals, lent ones are not. */
static const char whole[] = "abcABCdefDgEF";

static void lend(struct lending *lending, struct bytes *own)
{
    bytes_clear(own);
    lending_clear(lending);
    lending_add(lending, own, "abc", 3);
    bytes_put(own, "ABC", 3);
    lending_add(lending, own, "def", 3);
    bytes_put(own, "D", 1);
    lending_add(lending, own, "g", 1);
    bytes_put(own, "EF", 2);
}

/* From any byte on, in as many parts as are allowed, what follows is what follows. */
static void test_it_is_read_from_anywhere(void **state)
{
    struct lending lending = {0};
    struct bytes own = {0};
    (void)state;

    for (unsigned round = 0; round < 2; round++) {
        lend(&lending, &own);
        assert_int_equal(own.count + lending.bytes, sizeof whole - 1);
        for (size_t from = 0; from < sizeof whole; from++)
            for (size_t most = 1; most < 9; most++) {
                struct span spans[9];
                char read[sizeof whole] = "";
                size_t at = 0, count = lending_spans(&lending, &own, from, spans, most);
                assert_true(count <= most);
                for (size_t i = 0; i < count; at += spans[i++].count) {
                    assert_true(spans[i].count > 0);
                    memcpy(read + at, spans[i].data, spans[i].count);
                }
                assert_memory_equal(read, whole + from, at);
                assert_true(count == most || from + at == sizeof whole - 1);
            }
    }
    lending_fini(&lending);
    bytes_fini(&own);
}

static void test_what_lends_nothing_is_its_buffer(void **state)
{
    struct lending lending = {0};
    struct bytes own = {0};
    struct span span;
    (void)state;

    assert_int_equal(lending_spans(&lending, &own, 0, &span, 1), 0);
    bytes_put(&own, "own", 3);
    assert_int_equal(lending_spans(&lending, &own, 1, &span, 1), 1);
    assert_int_equal(span.count, 2);
    assert_ptr_equal(span.data, own.data + 1);
    bytes_fini(&own);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_is_read_from_anywhere),
        cmocka_unit_test(test_what_lends_nothing_is_its_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
