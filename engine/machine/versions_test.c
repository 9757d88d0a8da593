/* Versions: whatever is written is read, and little memory is taken for it. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/prng.h"
#include "machine/versions.h"

#define PAGES 10000 /* two chunks and a part of one */

static uint64_t word_of(const uint8_t *words, uint64_t idx)
{
    uint64_t value = 0;
    for (int i = 7; i >= 0; i--)
        value = value << 8 | words[idx * 8 + (uint64_t)i];
    return value;
}

static void assert_same(const struct versions *versions, const uint64_t *expected)
{
    uint8_t *words = malloc(PAGES * 8);
    versions_read(versions, 0, PAGES, words);
    for (uint64_t i = 0; i < PAGES; i++) {
        assert_int_equal(versions_get(versions, i), expected[i]);
        assert_int_equal(word_of(words, i), expected[i]);
    }
    free(words);
}

/* Against an array, with numbers of every length, singly and in runs across chunks. */
static void an_array_in_little_memory(void **state)
{
    static uint64_t expected[PAGES];
    static uint8_t words[PAGES * 8];
    struct prng prng = prng_make(1, 2);
    struct versions versions;
    (void)state;
    versions_init(&versions, PAGES);
    for (int step = 0; step < 2000; step++) {
        uint64_t first = prng_below(&prng, PAGES);
        uint64_t count = step % 3 > 0 ? 1 : prng_below(&prng, PAGES - first + 1);
        unsigned shift = (unsigned)(prng_next(&prng) % (step < 1000 ? 12 : 64));
        for (uint64_t i = 0; i < count; i++) {
            uint64_t version = prng_below(&prng, 3) == 0 ? 0 : prng_next(&prng) >> (63 - shift);
            expected[first + i] = version;
            for (unsigned byte = 0; byte < 8; byte++)
                words[i * 8 + byte] = (uint8_t)(version >> (8 * byte));
        }
        if (count == 1)
            versions_set(&versions, first, expected[first]);
        else
            versions_write(&versions, first, count, words);
        if (step % 100 == 0)
            assert_same(&versions, expected);
    }
    assert_same(&versions, expected);
    versions_fini(&versions);
}

static void memory_follows_what_is_written(void **state)
{
    static const struct {
        uint64_t version, bytes; /* a page of the chunk */
    } rows[] = {{1, 1}, {255, 1}, {256, 2}, {65535, 2}, {65536, 4}, {1ull << 32, 8}, {5, 8}};
    static const uint8_t zeros[8 * 100];
    struct versions versions;
    (void)state;
    versions_init(&versions, 1ull << 28);
    assert_int_equal(versions_bytes(&versions), 0);
    versions_set(&versions, 77, 0);
    versions_write(&versions, 1000000, 100, zeros);
    assert_int_equal(versions_bytes(&versions), 0);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        versions_set(&versions, (1ull << 28) - 1, rows[i].version);
        assert_int_equal(versions_bytes(&versions), 4096 * rows[i].bytes);
        assert_int_equal(versions_get(&versions, (1ull << 28) - 1), rows[i].version);
    }
    versions_set(&versions, 0, 3);
    assert_int_equal(versions_bytes(&versions), 4096 * 9);
    versions_fini(&versions);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_array_in_little_memory),
        cmocka_unit_test(memory_follows_what_is_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
