/* The order of a round's pages, and the pace of its bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/prng.h"
#include "migrate/pacer.h"
#include "migrate/page_order.h"

#define PAGES 200 /* no whole number of words */

/* Puts the pages of `list`, ended by PAGES, into the set. */
static void put(struct bitmap *set, const uint64_t *list)
{
    for (; *list < PAGES; list++)
        bitmap_set(set, *list);
}

static void assert_chosen(const struct page_order *order, const struct bitmap *to_send,
                          const struct bitmap *dirty, const uint64_t *list)
{
    struct page_choice choice = page_order_choice(order, to_send, dirty);
    uint64_t at = page_choice_next(&choice, 0);
    for (; *list < PAGES; list++, at = page_choice_next(&choice, at + 1))
        assert_int_equal(at, *list);
    assert_true(at == BITMAP_NONE);
}

#define LIST(...) ((const uint64_t[]){__VA_ARGS__, PAGES})

static void test_what_was_dirtied_twice_in_a_row_waits(void **state)
{
    struct page_order order;
    struct bitmap to_send, dirty, flushed;
    (void)state;
    bitmap_init(&to_send, PAGES);
    bitmap_init(&dirty, PAGES);
    bitmap_init(&flushed, PAGES);
    page_order_init(&order, PAGES, true);
    order.is_hot_last = true;

    put(&to_send, LIST(1, 2, 3)); /* round 0: page 2 has been written already */
    put(&dirty, LIST(2));
    assert_chosen(&order, &to_send, &dirty, LIST(1, 3));
    bitmap_clear_all(&to_send);
    bitmap_clear_all(&dirty);

    put(&order.fetched, LIST(5, 64, 70, 199)); /* its log: nothing is hot yet */
    page_order_fetched(&order, &to_send, &flushed);
    put(&dirty, LIST(5));
    assert_chosen(&order, &to_send, &dirty, LIST(5, 64, 70, 199));
    bitmap_clear_all(&to_send);

    put(&order.fetched, LIST(5, 65, 199)); /* 5 and 199 are */
    page_order_fetched(&order, &to_send, &flushed);
    assert_int_equal(to_send.set_count, 3);
    assert_chosen(&order, &to_send, &dirty, LIST(65));
    bitmap_clear(&to_send, 65);

    put(&order.fetched, LIST(5, 65)); /* 199 stayed clean for a round: it goes now */
    page_order_fetched(&order, &to_send, &flushed);
    assert_chosen(&order, &to_send, &dirty, LIST(199));
    bitmap_clear(&to_send, 199);

    put(&order.fetched, LIST(5, 65)); /* all that is left is hot: it must not wait for ever */
    page_order_fetched(&order, &to_send, &flushed);
    assert_chosen(&order, &to_send, &dirty, LIST(5, 65));

    put(&flushed, LIST(5, 7)); /* by a flush: 5 went with it, and comes in the next round, hot */
    put(&order.fetched, LIST(9));
    bitmap_clear_all(&to_send);
    page_order_fetched(&order, &to_send, &flushed);
    assert_chosen(&order, &to_send, &dirty, LIST(9));
    bitmap_clear_all(&flushed);
    put(&order.fetched, LIST(5, 7, 11));
    page_order_fetched(&order, &to_send, &flushed);
    assert_chosen(&order, &to_send, &dirty, LIST(9, 11));
    bitmap_clear_all(&to_send);
    put(&to_send, LIST(5, 65));

    order.is_hot_last = false;
    order.is_skipping = true; /* of itself the other remedy waits for what is in the log */
    assert_chosen(&order, &to_send, &dirty, LIST(65));
    page_order_fini(&order);
    bitmap_fini(&to_send);
    bitmap_fini(&dirty);
    bitmap_fini(&flushed);
}

/* Next page and run, against one page after the other. */
static void test_a_choice_is_its_pages(void **state)
{
    struct prng prng = prng_make(11, 1);
    struct bitmap sets[3];
    (void)state;
    for (int i = 0; i < 3; i++)
        bitmap_init(&sets[i], PAGES);
    for (int turn = 0; turn < 300; turn++) {
        for (int i = 0; i < 3; i++) {
            bitmap_clear_all(&sets[i]);
            for (uint64_t runs = prng_below(&prng, 12); runs > 0; runs--) {
                uint64_t first_idx = prng_below(&prng, PAGES);
                bitmap_set_run(&sets[i], first_idx, prng_below(&prng, PAGES - first_idx + 1));
            }
        }
        struct page_choice choice = {.of = &sets[0],
                                     .but_hot = turn % 2 == 0 ? &sets[1] : NULL,
                                     .but_dirty = turn % 3 == 0 ? &sets[2] : NULL};
        bool is_in[PAGES + 1] = {false};
        for (uint64_t i = 0; i < PAGES; i++)
            is_in[i] = bitmap_has(&sets[0], i) &&
                       !(choice.but_hot != NULL && bitmap_has(&sets[1], i)) &&
                       !(choice.but_dirty != NULL && bitmap_has(&sets[2], i));
        for (uint64_t from = 0; from <= PAGES; from++) {
            uint64_t next = from, run, most = 1 + prng_below(&prng, PAGES);
            while (next < PAGES && !is_in[next])
                next++;
            assert_true(page_choice_next(&choice, from) == (next < PAGES ? next : BITMAP_NONE));
            for (run = 0; run < most && is_in[next + run]; run++)
                ;
            if (next < PAGES)
                assert_int_equal(page_choice_run(&choice, next, most), run);
        }
    }
    for (int i = 0; i < 3; i++)
        bitmap_fini(&sets[i]);
}

/* 7 bytes at 3 bit/s are 18.6 s; what is below a nanosecond is not lost, and idle time not saved.
 */
static void test_a_pace_is_kept_to_the_nanosecond(void **state)
{
    struct pacer pacer = {.bits_per_s = 3};
    (void)state;
    assert_false(pacer_is_holding(&pacer, 0));
    for (uint64_t i = 1; i <= 3000; i++) {
        uint64_t now_ns = pacer.next_ns;
        assert_false(pacer_is_holding(&pacer, now_ns));
        pacer_sent(&pacer, now_ns, 7);
        assert_int_equal(pacer.next_ns, i * 7 * 8 * NS_PER_S / 3);
        assert_true(pacer_is_holding(&pacer, pacer.next_ns - 1));
    }
    uint64_t late_ns = pacer.next_ns + NS_PER_S;
    pacer_sent(&pacer, late_ns, 3);
    assert_int_equal(pacer.next_ns, late_ns + 8 * NS_PER_S);
    pacer = (struct pacer){0};
    pacer_sent(&pacer, 5, UINT64_MAX);
    assert_false(pacer_is_holding(&pacer, 5));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_dirtied_twice_in_a_row_waits),
        cmocka_unit_test(test_a_choice_is_its_pages),
        cmocka_unit_test(test_a_pace_is_kept_to_the_nanosecond),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
