#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "labs/say.h"

/* More than any pipe holds; then what came through is read. */
static void a_full_pipe_is_not_waited_for(void **state)
{
    char text[65536];
    int ends[2], before = dup(STDOUT_FILENO);
    (void)state;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(dup2(ends[1], STDOUT_FILENO), STDOUT_FILENO);
    alarm(20); /* where it is waited for */
    for (unsigned i = 0; i < 100000; i++)
        say_line("host B: this is line %06u", i);
    alarm(0);
    assert_int_equal(dup2(before, STDOUT_FILENO), STDOUT_FILENO);
    close(ends[1]);
    FILE *file = fdopen(ends[0], "r");
    unsigned count = 0, number;
    for (; fgets(text, sizeof text, file) != NULL; count++) { /* each whole */
        assert_int_equal(sscanf(text, "host B: this is line %06u\n", &number), 1);
        assert_int_equal(number, count);
    }
    assert_in_range(count, 100, 99999);
    fclose(file);
    close(before);
}

static void a_line_commands_no_terminal(void **state)
{
    char text[200] = "";
    int ends[2], before = dup(STDOUT_FILENO);
    (void)state;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(dup2(ends[1], STDOUT_FILENO), STDOUT_FILENO);
    say_line("gateway: %s: a name", "\x1b[2J\r\xc2\x9b");
    assert_int_equal(dup2(before, STDOUT_FILENO), STDOUT_FILENO);
    assert_true(read(ends[0], text, sizeof text - 1) > 0);
    assert_string_equal(text, "gateway: ?[2J???: a name\n");
    close(ends[0]);
    close(ends[1]);
    close(before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_pipe_is_not_waited_for),
        cmocka_unit_test(a_line_commands_no_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
