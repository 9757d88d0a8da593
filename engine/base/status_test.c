#include "base/status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static void every_status_has_a_sentence(void **state)
{
    (void)state;
    for (unsigned status = 0; status < STATUS_COUNT; status++)
        assert_true(strlen(status_message((enum status)status)) > 0);
    assert_string_equal(status_message(STATUS_REFUSED), "the other side refused");
}

static void the_first_detail_stays(void **state)
{
    struct problem problem = {0};
    (void)state;
    assert_int_equal(problem_set(&problem, STATUS_BAD_INPUT, "line %d", 7), STATUS_BAD_INPUT);
    assert_int_equal(problem_set(&problem, STATUS_USAGE, "later"), STATUS_USAGE);
    assert_int_equal(problem.status, STATUS_BAD_INPUT);
    assert_string_equal(problem.text, "line 7");
    assert_int_equal(problem_set(NULL, STATUS_NO_FILE, "for nobody"), STATUS_NO_FILE);
}

static void a_long_detail_is_cut(void **state)
{
    struct problem problem = {0};
    char text[1000];
    (void)state;
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_int_equal(problem_set(&problem, STATUS_USAGE, "%s", text), STATUS_USAGE);
    assert_int_equal(strlen(problem.text), sizeof problem.text - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_status_has_a_sentence),
        cmocka_unit_test(the_first_detail_stays),
        cmocka_unit_test(a_long_detail_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
