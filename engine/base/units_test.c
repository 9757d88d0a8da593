#include "base/units.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/prng.h"

static void people_write_numbers_with_units(void **state)
{
    static const struct {
        enum unit_kind kind;
        const char *text;
        uint64_t value;
    } rows[] = {
        {UNIT_SIZE, "64MiB", 67108864},
        {UNIT_SIZE, "1GB", 1000000000},
        {UNIT_SIZE, "0B", 0},
        {UNIT_SIZE, "0.5KiB", 512},
        {UNIT_SIZE, "1.50kB", 1500},
        {UNIT_TIME, "30ms", 30000000},
        {UNIT_TIME, "1.5s", 1500000000},
        {UNIT_TIME, "0.001us", 1},
        {UNIT_TIME, "2min", 120000000000},
        {UNIT_BANDWIDTH, "200Mbit/s", 200000000},
        {UNIT_BANDWIDTH, "25MB/s", 200000000},
        {UNIT_BANDWIDTH, "1MiB/s", 8388608},
        {UNIT_BANDWIDTH, "1.25GB/s", 10000000000},
        {UNIT_PAGE_RATE, "5kpages/s", 5000},
        {UNIT_REQUEST_RATE, "500/s", 500},
        {UNIT_CPU_RATE, "100MIPS", 100000000},
        {UNIT_CPU_RATE, "1.5kIPS", 1500},
        {UNIT_COUNT, "4", 4},
        {UNIT_COUNT, "9223372036854775807", INT64_MAX},
        {UNIT_TIME, "9223372036854775807ns", INT64_MAX},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct problem problem = {0};
        uint64_t value = 77;
        if (units_parse(rows[i].kind, rows[i].text, &value, &problem) != STATUS_OK)
            fail_msg("%s: %s", rows[i].text, problem.text);
        if (value != rows[i].value)
            fail_msg("%s is %llu", rows[i].text, (unsigned long long)value);
    }
}

/* Every refusal says what was wrong and what would be right. */
static void all_else_is_refused_with_an_example(void **state)
{
    static const struct {
        enum unit_kind kind;
        const char *text, *what;
    } rows[] = {
        {UNIT_SIZE, "64", "has no unit: write a size such as 64MiB"},
        {UNIT_SIZE, "", "not a number"},
        {UNIT_SIZE, "MiB", "not a number"},
        {UNIT_SIZE, "-1MiB", "not a number"},
        {UNIT_SIZE, ".5MiB", "not a number"},
        {UNIT_SIZE, "1.MiB", "not a number"},
        {UNIT_SIZE, "1.2.3MiB", "unknown unit \".3MiB\""},
        {UNIT_SIZE, "1 MiB", "unknown unit"},
        {UNIT_SIZE, "1mib", "unknown unit"},
        {UNIT_SIZE, "1MiB ", "unknown unit"},
        {UNIT_SIZE, "30ms", "unknown unit \"ms\": write a size"},
        {UNIT_SIZE, "0.5B", "whole number"},
        {UNIT_SIZE, "0.3KiB", "whole number"},
        {UNIT_TIME, "1.0000000001s", "whole number"},
        {UNIT_TIME, "9223372036854775808ns", "too large"},
        {UNIT_SIZE, "8589934592GiB", "too large"},
        {UNIT_SIZE, "99999999999999999999GiB", "too large"},
        {UNIT_SIZE, "1000000000000000000000000000000B", "not a number"},
        {UNIT_BANDWIDTH, "200Mbit", "unknown unit"},
        {UNIT_PAGE_RATE, "5000", "5000pages/s"},
        {UNIT_COUNT, "4x", "\"4x\" is not a whole number: write one"},
        {UNIT_COUNT, "1.5", "\"1.5\" is not a whole number: write one"},
        {UNIT_COUNT, "abc", "\"abc\" is not a whole number: write one"},
        {UNIT_COUNT, "-1", "\"-1\" is not a whole number: write one"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct problem problem = {0};
        uint64_t value = 77;
        assert_int_equal(units_parse(rows[i].kind, rows[i].text, &value, &problem), STATUS_USAGE);
        assert_int_equal(value, 77);
        if (strstr(problem.text, rows[i].what) == NULL || strstr(problem.text, "write ") == NULL)
            fail_msg("%s: %s", rows[i].text, problem.text);
    }
}

static void the_shortest_exact_form_is_written(void **state)
{
    static const struct {
        enum unit_kind kind;
        uint64_t value;
        const char *text;
    } rows[] = {
        {UNIT_SIZE, 67108864, "64MiB"},
        {UNIT_SIZE, 67108865, "67108865B"},
        {UNIT_SIZE, 0, "0B"},
        {UNIT_TIME, 1500000000, "1500ms"},
        {UNIT_TIME, 100000, "100us"},
        {UNIT_TIME, 60000000000, "60s"},
        {UNIT_BANDWIDTH, 1000000000, "1Gbit/s"},
        {UNIT_BANDWIDTH, 8, "8bit/s"},
        {UNIT_PAGE_RATE, 5000, "5000pages/s"},
        {UNIT_REQUEST_RATE, 500, "500/s"},
        {UNIT_CPU_RATE, 100000000, "100MIPS"},
        {UNIT_CPU_RATE, 1500, "1500IPS"},
        {UNIT_COUNT, 4, "4"},
    };
    char text[40];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        units_format(rows[i].kind, rows[i].value, text, sizeof text);
        assert_string_equal(text, rows[i].text);
    }
}

static void what_is_written_reads_back(void **state)
{
    struct prng prng = prng_make(1, 1);
    (void)state;
    for (unsigned i = 0; i < 20000; i++) {
        enum unit_kind kind = (enum unit_kind)prng_below(&prng, UNIT_COUNT + 1);
        uint64_t value = prng_next(&prng) >> (1 + prng_below(&prng, 62)), again = 0;
        char text[40];
        units_format(kind, value, text, sizeof text);
        assert_int_equal(units_parse(kind, text, &again, NULL), STATUS_OK);
        assert_int_equal(again, value);
    }
}

static void people_read_four_digits(void **state)
{
    static const struct {
        enum unit_kind kind;
        uint64_t value;
        const char *text;
    } rows[] = {
        {UNIT_COUNT, 0, "0"},
        {UNIT_COUNT, 999, "999"},
        {UNIT_COUNT, 1000, "1,000"},
        {UNIT_COUNT, UINT64_MAX, "18,446,744,073,709,551,615"},
        {UNIT_TIME, 2750000000, "2.750 s"},
        {UNIT_TIME, 27500000, "27.50 ms"},
        {UNIT_TIME, 275000, "275.0 us"},
        {UNIT_TIME, 999, "999 ns"},
        {UNIT_TIME, 0, "0 ns"},
        {UNIT_TIME, 9999600, "10.00 ms"},
        {UNIT_TIME, 99996000, "100.0 ms"},
        {UNIT_TIME, 999960000, "1000 ms"},
        {UNIT_SIZE, 67108864, "64.00 MiB"},
        {UNIT_SIZE, 1048575, "1024 KiB"},
        {UNIT_BANDWIDTH, 200000000, "200.0 Mbit/s"},
        {UNIT_CPU_RATE, 100, "100 IPS"},
        {UNIT_PAGE_RATE, 123456, "123456 pages/s"},
    };
    char text[40];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        units_for_people(rows[i].kind, rows[i].value, text, sizeof text);
        assert_string_equal(text, rows[i].text);
    }
}

static void products_pass_through_128_bits(void **state)
{
    (void)state;
    assert_int_equal(units_mul_div(UINT64_MAX, UINT64_MAX, UINT64_MAX), UINT64_MAX);
    assert_int_equal(units_mul_div(7, 3, 2), 10);
    assert_int_equal(units_mul_div_told(7, 3, 2), 10);
    assert_int_equal(units_mul_div_told(UINT64_MAX, 3, 2), UINT64_MAX);
    assert_int_equal(units_mul_div_told(7, 3, 0), UINT64_MAX);
    assert_int_equal(units_mul_div(68719476736, 8 * NS_PER_S, 10000000000), 54975581388);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(people_write_numbers_with_units),
        cmocka_unit_test(all_else_is_refused_with_an_example),
        cmocka_unit_test(the_shortest_exact_form_is_written),
        cmocka_unit_test(what_is_written_reads_back),
        cmocka_unit_test(people_read_four_digits),
        cmocka_unit_test(products_pass_through_128_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
