/* The order of a push, without a move around it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/prng.h"
#include "migrate/pre_paging.h"

#define PAGES 1000

/* Pushes up to `count` pages one by one and writes down which; returns how many there were. */
static uint64_t push(struct pre_paging *pre_paging, struct bitmap *to_send, uint64_t count,
                     uint64_t *pushed)
{
    uint64_t idx, pages, done = 0;
    while (done < count && pre_paging_next(pre_paging, to_send, 1, &idx, &pages)) {
        assert_int_equal(pages, 1);
        assert_true(bitmap_clear(to_send, idx));
        pushed[done++] = idx;
    }
    return done;
}

static void answer(struct pre_paging *pre_paging, struct bitmap *to_send, uint64_t page_idx)
{
    bitmap_clear(to_send, page_idx);
    pre_paging_faulted(pre_paging, page_idx);
}

static void assert_order(const uint64_t *pushed, const uint64_t *expected, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        if (pushed[i] != expected[i])
            fail_msg("push %llu: page %llu instead of %llu", (unsigned long long)i,
                     (unsigned long long)pushed[i], (unsigned long long)expected[i]);
}

static void a_bubble_grows_in_both_directions(void **state)
{
    struct pre_paging pre_paging = {.prefetch = PREFETCH_BUBBLE};
    struct bitmap to_send;
    uint64_t pushed[8];
    (void)state;
    bitmap_init(&to_send, PAGES);
    bitmap_set_all(&to_send);
    push(&pre_paging, &to_send, 2, pushed); /* nothing was asked for: from the first page on */
    assert_order(pushed, (uint64_t[]){0, 1}, 2);
    answer(&pre_paging, &to_send, 500);
    push(&pre_paging, &to_send, 4, pushed);
    assert_order(pushed, (uint64_t[]){501, 499, 502, 498}, 4);
    answer(&pre_paging, &to_send, 100); /* the new one first, then both by turns */
    push(&pre_paging, &to_send, 6, pushed);
    assert_order(pushed, (uint64_t[]){101, 503, 99, 497, 102, 504}, 6);
    bitmap_fini(&to_send);
}

/* A fault at a bubble's edge, or at a page of it that is still under way, says which way to go. */
static void a_bubble_goes_where_the_guest_goes(void **state)
{
    static const struct {
        uint64_t second_idx, expected[8];
    } cases[] = {
        {503, {504, 505, 506, 507, 508, 509, 510, 497}}, /* the next page above: asked for */
        {497, {496, 495, 494, 493, 492, 491, 490, 503}},
        {502, {503, 504, 505, 506, 507, 508, 509, 497}}, /* under way already */
        {498, {497, 496, 495, 494, 493, 492, 491, 503}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pre_paging pre_paging = {.prefetch = PREFETCH_BUBBLE};
        struct bitmap to_send;
        uint64_t pushed[8];
        bitmap_init(&to_send, PAGES);
        bitmap_set_all(&to_send);
        answer(&pre_paging, &to_send, 500);
        push(&pre_paging, &to_send, 4, pushed); /* 498 to 502 */
        answer(&pre_paging, &to_send, cases[i].second_idx);
        push(&pre_paging, &to_send, 8, pushed);
        assert_order(pushed, cases[i].expected, 8);
        assert_int_equal(pre_paging.bubble_count, 1);
        bitmap_fini(&to_send);
    }
}

/* A run that is pushed at once ends where the bubble begins, in either direction. */
static void runs_are_pushed_from_the_bubble_outwards(void **state)
{
    struct pre_paging pre_paging = {.prefetch = PREFETCH_BUBBLE};
    struct bitmap to_send;
    uint64_t idx, count;
    (void)state;
    bitmap_init(&to_send, PAGES);
    bitmap_set_run(&to_send, 480, 10); /* what else there was has been sent: gaps on both sides */
    bitmap_set_run(&to_send, 520, 10);
    pre_paging_faulted(&pre_paging, 500);
    assert_true(pre_paging_next(&pre_paging, &to_send, 4, &idx, &count));
    assert_int_equal(idx, 520);
    assert_int_equal(count, 4);
    bitmap_clear_run(&to_send, idx, count);
    assert_true(pre_paging_next(&pre_paging, &to_send, 4, &idx, &count));
    assert_int_equal(idx, 486);
    assert_int_equal(count, 4);
    bitmap_fini(&to_send);
}

/* Whatever is asked for and however the runs fall, each page is pushed once, and none is forgotten.
 */
static void every_page_is_pushed_once(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct prng prng = prng_make(seed, 0);
        struct pre_paging pre_paging = {.prefetch =
                                            seed % 4 == 0 ? PREFETCH_SEQUENTIAL : PREFETCH_BUBBLE};
        struct bitmap to_send;
        uint64_t idx, count, most = 1 + prng_below(&prng, 40);
        bitmap_init(&to_send, PAGES);
        for (uint64_t i = 0; i < PAGES; i++)
            if (prng_below(&prng, seed % 3 + 1) == 0)
                bitmap_set(&to_send, i);
        while (pre_paging_next(&pre_paging, &to_send, most, &idx, &count)) {
            assert_in_range(count, 1, most);
            assert_int_equal(bitmap_run(&to_send, idx, count), count);
            bitmap_clear_run(&to_send, idx, count);
            if (prng_below(&prng, 3) == 0)
                answer(&pre_paging, &to_send, prng_below(&prng, PAGES));
        }
        assert_int_equal(to_send.set_count, 0);
        bitmap_fini(&to_send);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bubble_grows_in_both_directions),
        cmocka_unit_test(a_bubble_goes_where_the_guest_goes),
        cmocka_unit_test(runs_are_pushed_from_the_bubble_outwards),
        cmocka_unit_test(every_page_is_pushed_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
