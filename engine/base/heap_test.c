#include "base/heap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/prng.h"

static void the_earliest_leaves_first(void **state)
{
    static const uint64_t times[] = {5, 3, UINT64_MAX, 0, 4, 3};
    static const uint64_t order[] = {0, 3, 3, 4, 5, UINT64_MAX};
    struct heap heap = {0};
    (void)state;
    assert_null(heap_top(&heap));
    for (size_t i = 0; i < 6; i++)
        heap_push(&heap, (struct heap_entry){.at_ns = times[i]});
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(heap_top(&heap)->at_ns, order[i]);
        assert_int_equal(heap_pop(&heap).at_ns, order[i]);
    }
    assert_null(heap_top(&heap));
    heap_fini(&heap);
}

/* What was pushed first for an instant leaves first, however pushes and pops are mixed. */
static void ties_leave_in_the_order_of_arrival(void **state)
{
    struct heap heap = {0};
    struct prng prng = prng_make(1, 0);
    uint64_t pushed = 0, last_ns = 0, last_what = 0;
    (void)state;
    for (unsigned i = 0; i < 50000; i++) {
        if (heap.count > 0 && prng_below(&prng, 9) < 4) {
            struct heap_entry entry = heap_pop(&heap);
            assert_true(entry.at_ns >= last_ns);
            if (entry.at_ns == last_ns)
                assert_true(entry.what > last_what);
            assert_int_equal(entry.who, entry.what % 1000);
            last_ns = entry.at_ns;
            last_what = entry.what;
            continue;
        }
        pushed++;
        /* Never before what has left already: a world does not schedule into its past. */
        heap_push(&heap, (struct heap_entry){.at_ns = last_ns + prng_below(&prng, 4),
                                             .who = (uint32_t)(pushed % 1000),
                                             .what = pushed});
    }
    while (heap.count > 0) {
        struct heap_entry entry = heap_pop(&heap);
        assert_true(entry.at_ns > last_ns || (entry.at_ns == last_ns && entry.what > last_what));
        last_ns = entry.at_ns;
        last_what = entry.what;
    }
    heap_fini(&heap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_earliest_leaves_first),
        cmocka_unit_test(ties_leave_in_the_order_of_arrival),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
