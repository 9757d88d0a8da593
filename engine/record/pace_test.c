/* How fast a guest got on, from a table of events. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "record/pace.h"

#define MS 1000000ull

static struct pace fold(const struct event *events, size_t count)
{
    struct pace pace;
    pace_init(&pace);
    for (size_t i = 0; i < count; i++)
        pace_fold(&pace, &events[i]);
    return pace;
}

#define AT(at_ms, event_kind, ...)                                         \
    {                                                                      \
        .at_ns = (at_ms)*MS, .kind = event_kind, .fields = { __VA_ARGS__ } \
    }

static void each_stretch_has_its_rate(void **state)
{
    static const struct event events[] = {
        AT(100, EVENT_PROGRESS_MADE, STRETCH_BEFORE, 1000, 100 * MS),
        AT(300, EVENT_PROGRESS_MADE, STRETCH_COPYING, 2000, 300 * MS),
        AT(310, EVENT_PROGRESS_MADE, STRETCH_PAUSED, 2000, 300 * MS),
        AT(410, EVENT_PROGRESS_MADE, STRETCH_SWITCHED, 2050, 350 * MS),
        AT(1410, EVENT_RUN_ENDED, 12050, 7),
    };
    static const uint64_t rates[STRETCH_COUNT] = {10000, 5000, 0, 500, 10000};
    struct pace pace = fold(events, sizeof events / sizeof events[0]);
    (void)state;
    for (unsigned i = 0; i < STRETCH_COUNT; i++)
        assert_int_equal(pace_rate(&pace, (enum stretch)i), rates[i]);
}

/* One hart for 10 ms, two for 20, one for 10, in a stretch of 100 ms. */
static void the_line_is_averaged_over_time(void **state)
{
    static const struct event events[] = {
        AT(0, EVENT_PROGRESS_MADE, STRETCH_PAUSED, 0, 0),
        AT(10, EVENT_PAGE_FAULTED, 5, 0),
        AT(20, EVENT_PAGE_FAULTED, 6, 1),
        AT(21, EVENT_PAGES_SENT, 5, 1, WHY_FAULT, 4120),
        AT(22, EVENT_PAGES_SENT, 7, 9, WHY_PUSHED, 37080),
        AT(40, EVENT_FAULT_RESOLVED, 5, 0, 30 * MS),
        AT(50, EVENT_FAULT_RESOLVED, 6, 1, 30 * MS),
        AT(100, EVENT_PROGRESS_MADE, STRETCH_SWITCHED, 0, 0),
    };
    struct pace pace = fold(events, sizeof events / sizeof events[0]);
    (void)state;
    assert_int_equal(pace_queue_permille(&pace), 600);
    assert_int_equal(pace.waiting_harts_max, 2);
    assert_int_equal(pace.waiting_harts, 0);
    assert_int_equal(pace.network_faults, 1);
}

/* A recording may say anything: harts that are not there, shares of more than all. */
static void shares_and_set_points_are_kept(void **state)
{
    static const struct event events[] = {
        AT(1, EVENT_DECIDED, DECISION_FAULT_SET_POINT, 680),
        AT(1, EVENT_SHARE_SET, HOST_TARGET, 3, 250),
        AT(2, EVENT_SHARE_SET, HOST_TARGET, 3, 400),
        AT(3, EVENT_SHARE_SET, HOST_TARGET, 8, 1),
        AT(4, EVENT_SHARE_SET, HOST_TARGET, 0, 1001),
        AT(5, EVENT_LOG_DRAINED, 512),
        AT(6, EVENT_PROGRESS_MADE, STRETCH_COUNT, 1, 1),
        AT(7, EVENT_FAULT_RESOLVED, 1, 1, 1),
    };
    struct pace pace = fold(events, sizeof events / sizeof events[0]);
    (void)state;
    assert_int_equal(pace.set_point_ns, 680);
    assert_int_equal(pace.share_permille[3], 400);
    assert_int_equal(pace.share_permille[0], 1000);
    assert_int_equal(pace.share_least_permille, 250);
    assert_int_equal(pace.log_drains, 1);
    assert_int_equal(pace.waiting_harts, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_stretch_has_its_rate),
        cmocka_unit_test(the_line_is_averaged_over_time),
        cmocka_unit_test(shares_and_set_points_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
