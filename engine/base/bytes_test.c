#include "base/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static void numbers_are_little_endian(void **state)
{
    static const uint8_t expected[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    struct bytes bytes = {0};
    struct bytes_reader reader;
    (void)state;
    bytes_put_u8(&bytes, 0x01);
    bytes_put_u16(&bytes, 0x0302);
    bytes_put_u32(&bytes, 0x07060504);
    bytes_put_u64(&bytes, 0x0f0e0d0c0b0a0908);
    assert_int_equal(bytes.count, sizeof expected);
    assert_memory_equal(bytes.data, expected, sizeof expected);

    bytes_reader_init(&reader, bytes.data, bytes.count);
    assert_int_equal(bytes_get_u8(&reader), 0x01);
    assert_int_equal(bytes_get_u16(&reader), 0x0302);
    assert_int_equal(bytes_get_u32(&reader), 0x07060504);
    assert_false(bytes_is_done(&reader));
    assert_int_equal(bytes_left(&reader), 8);
    assert_int_equal(bytes_get_u64(&reader), 0x0f0e0d0c0b0a0908);
    assert_true(bytes_is_done(&reader));
    bytes_fini(&bytes);
}

static void varints_are_as_long_as_their_numbers(void **state)
{
    static const struct {
        uint64_t value;
        size_t count;
    } rows[] = {
        {0, 1},         {1, 1},           {127, 1},         {128, 2},
        {16383, 2},     {16384, 3},       {UINT32_MAX, 5},  {1ull << 56, 9},
        {INT64_MAX, 9}, {1ull << 63, 10}, {UINT64_MAX, 10},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct bytes bytes = {0};
        struct bytes_reader reader;
        bytes_put_varint(&bytes, rows[i].value);
        assert_int_equal(bytes.count, rows[i].count);
        bytes_reader_init(&reader, bytes.data, bytes.count);
        assert_int_equal(bytes_get_varint(&reader), rows[i].value);
        assert_true(bytes_is_done(&reader));
        /* Cut anywhere it is nothing at all. */
        for (size_t cut = 0; cut < bytes.count; cut++) {
            bytes_reader_init(&reader, bytes.data, cut);
            assert_int_equal(bytes_get_varint(&reader), 0);
            assert_true(reader.has_failed);
        }
        bytes_fini(&bytes);
    }
}

static void varints_of_more_than_64_bits_are_refused(void **state)
{
    static const uint8_t rows[][11] = {
        {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02, 0x00},
        {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x81, 0x00},
        {0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct bytes_reader reader;
        bytes_reader_init(&reader, rows[i], sizeof rows[i]);
        assert_int_equal(bytes_get_varint(&reader), 0);
        assert_true(reader.has_failed);
    }
}

/* One read past the end marks the reader, and every read after that yields zero. */
static void a_reader_never_passes_its_end(void **state)
{
    static const uint8_t data[] = {0xff, 0xff, 0xff};
    struct bytes_reader reader;
    (void)state;
    bytes_reader_init(&reader, data, sizeof data);
    assert_int_equal(bytes_get_u32(&reader), 0);
    assert_true(reader.has_failed);
    assert_int_equal(bytes_get_u8(&reader), 0);
    assert_null(bytes_get(&reader, 1));
    assert_null(bytes_get(&reader, 0));
    assert_false(bytes_is_done(&reader));

    bytes_reader_init(&reader, data, sizeof data);
    assert_null(bytes_get(&reader, SIZE_MAX));
    assert_true(reader.has_failed);
}

static void zero_bytes_of_nothing_are_there(void **state)
{
    struct bytes bytes = {0};
    struct bytes_reader reader;
    (void)state;
    bytes_put(&bytes, NULL, 0);
    assert_non_null(bytes_extend(&bytes, 0));
    assert_int_equal(bytes.count, 0);
    bytes_reader_init(&reader, NULL, 0);
    assert_non_null(bytes_get(&reader, 0));
    assert_true(bytes_is_done(&reader));
    bytes_fini(&bytes);
}

static void a_buffer_grows_and_gives_up_its_front(void **state)
{
    struct bytes bytes = {0};
    (void)state;
    for (unsigned i = 0; i < 1000; i++)
        bytes_put_u8(&bytes, (uint8_t)i);
    memset(bytes_extend(&bytes, 5000), 0xee, 5000);
    assert_int_equal(bytes.count, 6000);
    bytes_drop_front(&bytes, 0);
    bytes_drop_front(&bytes, 999);
    assert_int_equal(bytes.count, 5001);
    assert_int_equal(bytes.data[0], 999 & 0xff);
    for (unsigned i = 1; i < 5001; i++)
        assert_int_equal(bytes.data[i], 0xee);
    bytes_drop_front(&bytes, 5001);
    assert_int_equal(bytes.count, 0);

    size_t capacity = bytes.capacity;
    bytes_put(&bytes, "ab", 2);
    bytes_clear(&bytes);
    assert_int_equal(bytes.count, 0);
    assert_int_equal(bytes.capacity, capacity);
    bytes_fini(&bytes);
    assert_null(bytes.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_little_endian),
        cmocka_unit_test(varints_are_as_long_as_their_numbers),
        cmocka_unit_test(varints_of_more_than_64_bits_are_refused),
        cmocka_unit_test(a_reader_never_passes_its_end),
        cmocka_unit_test(zero_bytes_of_nothing_are_there),
        cmocka_unit_test(a_buffer_grows_and_gives_up_its_front),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
