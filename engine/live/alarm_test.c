/* An alarm: once, in order, not before its instant, not when it was taken back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/units.h"
#include "live/alarm.h"

struct bell {
    struct alarm *alarm;
    unsigned rings;
    uint64_t first_ns, last_ns, again_ns; /* when to ring again, counted from the ring; 0: not */
    unsigned times;                       /* and how often in all, before it is closed */
};

static void rang(void *owner)
{
    struct bell *bell = owner;
    bell->last_ns = uv_hrtime();
    if (bell->rings++ == 0)
        bell->first_ns = bell->last_ns;
    if (bell->rings == bell->times)
        alarm_close(bell->alarm);
    else
        alarm_set(bell->alarm, uv_hrtime() + bell->again_ns);
}

static void run(uv_loop_t *loop)
{
    assert_int_equal(uv_run(loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(loop), 0);
}

static void it_rings_at_its_instant_and_not_before(void **state)
{
    struct bell bell = {.times = 100, .again_ns = 100 * NS_PER_US};
    uv_loop_t loop;
    (void)state;

    uv_loop_init(&loop);
    bell.alarm = alarm_open(&loop, rang, &bell);
    uint64_t begin_ns = uv_hrtime();
    alarm_set(bell.alarm, begin_ns + 2 * NS_PER_MS);
    run(&loop);
    assert_int_equal(bell.rings, 100);
    assert_true(bell.first_ns >= begin_ns + 2 * NS_PER_MS);
    assert_true(bell.last_ns >= bell.first_ns + 99 * bell.again_ns);
}

static void the_past_rings_at_once_and_zero_is_the_past(void **state)
{
    (void)state;
    for (uint64_t at_ns = 0; at_ns < 2; at_ns++) {
        struct bell bell = {.times = 1};
        uv_loop_t loop;
        uv_loop_init(&loop);
        bell.alarm = alarm_open(&loop, rang, &bell);
        alarm_set(bell.alarm, at_ns);
        assert_int_equal(bell.rings, 0); /* from the loop alone */
        run(&loop);
        assert_int_equal(bell.rings, 1);
    }
}

static void what_was_taken_back_or_put_off_does_not_ring(void **state)
{
    struct bell never = {.times = 9}, late = {.times = 1};
    uv_loop_t loop;
    (void)state;

    uv_loop_init(&loop);
    never.alarm = alarm_open(&loop, rang, &never);
    late.alarm = alarm_open(&loop, rang, &late);
    alarm_set(never.alarm, 1);
    alarm_set(never.alarm, ALARM_NEVER);
    uint64_t at_ns = uv_hrtime() + 3 * NS_PER_MS;
    alarm_set(late.alarm, 1);
    alarm_set(late.alarm, at_ns);
    while (late.rings == 0)
        uv_run(&loop, UV_RUN_ONCE);
    assert_true(late.first_ns >= at_ns);
    assert_int_equal(never.rings, 0);
    alarm_close(never.alarm);
    run(&loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_rings_at_its_instant_and_not_before),
        cmocka_unit_test(the_past_rings_at_once_and_zero_is_the_past),
        cmocka_unit_test(what_was_taken_back_or_put_off_does_not_ring),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
