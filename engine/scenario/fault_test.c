/* Plans of what goes wrong: what may be written, and what is said of every mistake. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "scenario/fault.h"

static void test_a_plan_is_read(void **state)
{
    struct fault_plan plan;
    (void)state;
    assert_int_equal(fault_parse("cut@1.2s+300ms, slow-to-target@post-copy:20Mbit/s,"
                                 "slow@0ns+1s:10x,delay@pause,corrupt-to-source@running:1KiB,"
                                 "crash-target@hand-over,refuse@setup:kind",
                                 &plan, NULL),
                     STATUS_OK);
    assert_int_equal(plan.count, 7);
    assert_int_equal(plan.faults[0].kind, FAULT_KIND_CUT);
    assert_int_equal(plan.faults[0].when, FAULT_AT_INSTANT);
    assert_int_equal(plan.faults[0].at_ns, 1200000000);
    assert_int_equal(plan.faults[0].duration_ns, 300000000);
    assert_true(plan.faults[1].strikes[HOST_SOURCE]);
    assert_false(plan.faults[1].strikes[HOST_TARGET]);
    assert_int_equal(plan.faults[1].phase, PHASE_POST_COPY);
    assert_int_equal(plan.faults[1].duration_ns, FAULT_FOR_GOOD);
    assert_int_equal(fault_slowed(&plan.faults[1], 1000000000), 20000000);
    assert_int_equal(fault_slowed(&plan.faults[1], 5000000), 5000000); /* never faster */
    assert_int_equal(fault_slowed(&plan.faults[2], 1000000000), 100000000);
    assert_int_equal(plan.faults[3].value, 10000000);
    assert_int_equal(plan.faults[4].when, FAULT_AT_RUNNING);
    assert_false(plan.faults[4].strikes[HOST_SOURCE]);
    assert_int_equal(plan.faults[4].value, 1024);
    assert_int_equal(plan.faults[5].phase, PHASE_HAND_OVER);
    assert_int_equal(plan.faults[6].value, FAULT_REFUSE_KIND);
    assert_string_equal(plan.faults[6].text, "refuse@setup:kind");
    assert_int_equal(fault_parse("", &plan, NULL), STATUS_OK);
    assert_int_equal(plan.count, 0);
}

static void test_every_mistake_is_named(void **state)
{
    static const char *const cases[][2] = {
        {"cutt@1s", "\"cutt\" is no kind of fault: the nearest that exists is \"cut\""},
        {"flood@1s", "write one of cut, slow, delay, corrupt, crash-source"},
        {"cut", "it does not say when, behind an @: write a fault such as cut@1.2s+300ms"},
        {"cut@", "\"\" is neither an instant nor a phase: write an instant such as 1.2s"},
        {"cut@postcopy", "the nearest phase is \"post-copy\""},
        {"cut@idle", "a run begins idle: write 0ns"},
        {"cut@12", "has no unit"},
        {"cut@2h", "2h"},
        {"cut@61min", "it is too long: write at most 3600s"},
        {"cut@1s+0ns", "it is too short: write at least 1ns"},
        {"cut@1s+", "\"cut@1s+\""},
        {"cut@1s:5", "it has no value: leave out what stands behind the colon"},
        {"cut-to-target@1s", "it has no direction: only slow, delay and corrupt"},
        {"crash-source@1s+1s", "a crashed host does not come back: leave the duration out"},
        {"slow@1s:fast", "write a bandwidth such as 20Mbit/s or a factor such as 10x"},
        {"slow@1s:1x", "write 2x to 1000x"},
        {"slow@1s:1kbit/s", "write at least 1Mbit/s, or a cut"},
        {"delay@1s:1min", "it is too long: write at most 10s"},
        {"corrupt@1s:0B", "write one byte in how many arrives changed, such as 64KiB"},
        {"refuse@setup", "write refuse@setup:memory, :version, :feature or :kind"},
        {"refuse@copy:memory", "a target refuses when it is asked: write refuse@setup:memory"},
        {"cut@1s,", "nothing stands between two commas"},
        {"cut@1s,,cut@2s", "nothing stands between two commas"},
        {"cut@1s cut@2s", "\"cut@1s cut@2s\""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fault_plan plan;
        struct problem problem = {STATUS_OK, ""};
        assert_int_equal(fault_parse(cases[i][0], &plan, &problem), STATUS_USAGE);
        if (strncmp(problem.text, "fault: ", 7) != 0 || strstr(problem.text, cases[i][1]) == NULL)
            fail_msg("%s: %s", cases[i][0], problem.text);
        assert_null(strchr(problem.text, '\n'));
    }
}

static void test_a_plan_has_an_end(void **state)
{
    char text[400] = "cut@1s";
    struct fault_plan plan;
    (void)state;
    for (int i = 1; i < FAULT_PLAN_MAX; i++)
        strcat(text, ",cut@1s");
    assert_int_equal(fault_parse(text, &plan, NULL), STATUS_OK);
    assert_int_equal(plan.count, FAULT_PLAN_MAX);
    strcat(text, ",cut@1s");
    assert_int_equal(fault_parse(text, &plan, NULL), STATUS_USAGE);
    memset(text, 'x', 300);
    text[300] = '\0';
    assert_int_equal(fault_parse(text, &plan, NULL), STATUS_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_plan_is_read),
        cmocka_unit_test(test_every_mistake_is_named),
        cmocka_unit_test(test_a_plan_has_an_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
