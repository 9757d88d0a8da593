#include "base/nearest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void distances_count_letters(void **state)
{
    static const struct {
        const char *a, *b;
        unsigned distance;
    } rows[] = {
        {"", "", 0},
        {"", "run", 3},
        {"run", "run", 0},
        {"rnu", "run", 2},
        {"comapre", "compare", 2},
        {"latency", "latencies", 3},
        {"kv", "memwalk", 7},
        {"sort", "port", 1},
        {"hello", "hell", 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(nearest_distance(rows[i].a, rows[i].b), rows[i].distance);
        assert_int_equal(nearest_distance(rows[i].b, rows[i].a), rows[i].distance);
    }
}

static void only_what_is_close_is_offered(void **state)
{
    (void)state;
    assert_true(nearest_is_close("rum", "run"));
    assert_true(nearest_is_close("bandwith", "bandwidth"));
    assert_true(nearest_is_close("lst", "list"));
    assert_false(nearest_is_close("ls", "list"));
    assert_false(nearest_is_close("frob", "run"));
    assert_false(nearest_is_close("bogus", "args"));
    assert_false(nearest_is_close("", "run"));
}

static void words_of_any_length_are_safe(void **state)
{
    char word[300];
    (void)state;
    for (size_t i = 0; i < sizeof word - 1; i++)
        word[i] = 'a';
    word[sizeof word - 1] = '\0';
    assert_int_equal(nearest_distance(word, ""), 63);
    assert_int_equal(nearest_distance(word, word), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(distances_count_letters),
        cmocka_unit_test(only_what_is_close_is_offered),
        cmocka_unit_test(words_of_any_length_are_safe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
