#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/units.h"
#include "sim/link.h"

/* 4120 bytes at 3 Gbit/s take 10986.67 ns: alone each is cut, together nothing is lost. */
static void test_many_chunks_take_as_long_as_one(void **state)
{
    struct link many, one;
    uint64_t last_ns = 0;
    (void)state;
    link_init(&many, 3000000000ull, 0);
    link_init(&one, 3000000000ull, 0);
    for (int i = 0; i < 100000; i++) {
        link_fill(&many);
        last_ns = link_send(&many, last_ns, 4120);
        link_drop(&many);
    }
    link_fill(&one);
    assert_int_equal(last_ns, link_send(&one, 0, 412000000ull));
    assert_int_equal(last_ns, 1098666666ull);
    link_fini(&many);
    link_fini(&one);
}

static void test_chunks_queue_and_arrive_in_order(void **state)
{
    struct link link;
    (void)state;
    link_init(&link, 8 * NS_PER_S, 500); /* a byte takes a nanosecond */
    for (uint64_t i = 0; i < 40; i++) {
        bytes_put_u8(link_fill(&link), (uint8_t)i);
        assert_int_equal(link_send(&link, 100, 10), 100 + 10 * (i + 1));
        if (i % 3 == 2) /* some arrive in between, so that the ring turns */
            link_drop(&link);
    }
    for (uint64_t i = 13; i < 40; i++) {
        const struct link_chunk *chunk = link_next(&link);
        assert_int_equal(chunk->bytes.data[0], i);
        assert_int_equal(chunk->arrives_ns, 100 + 10 * (i + 1) + 500);
        link_drop(&link);
    }
    assert_null(link_next(&link));
    link_fini(&link);
}

static void test_an_idle_link_does_not_save_up_time(void **state)
{
    struct link link;
    (void)state;
    link_init(&link, 8 * NS_PER_S, 0);
    link_fill(&link);
    assert_int_equal(link_send(&link, 0, 10), 10);
    link_fill(&link);
    assert_int_equal(link_send(&link, 1000, 10), 1010);
    link_fini(&link);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many_chunks_take_as_long_as_one),
        cmocka_unit_test(test_chunks_queue_and_arrive_in_order),
        cmocka_unit_test(test_an_idle_link_does_not_save_up_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
