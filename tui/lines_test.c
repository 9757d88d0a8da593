/* Lines in a terminal, and in none. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tui/lines.h"
#include "tui/plain.h"
#include "tui/scripted.h"
#include "tui/terminal.h"

static const char text[] =
    "short\n"
    "one, two, three, four, five, six, seven, eight, nine\n"
    "The gateway is gone. Another one:  ferry gateway --hosts 127.0.0.1:7600";

static int put_text(void *user)
{
    (void)user;
    lines_put(stdout, text);
    fflush(stdout);
    return 0;
}

/* What a program writes to a terminal of so many columns; the caller frees it. */
static char *seen_by(int (*program)(void *), int columns)
{
    struct terminal *terminal = terminal_open(24, columns, program, NULL);
    assert_int_equal(terminal_end(terminal), 0);
    bytes_put(&terminal->log, "", 1);
    char *seen = strdup((const char *)terminal->log.data);
    terminal_close(terminal);
    return seen;
}

static void no_word_and_no_command_is_broken(void **state)
{
    char *seen = seen_by(put_text, 40);
    (void)state;
    assert_string_equal(seen, "short\r\n"
                              "one, two, three, four, five, six, seven,\r\n"
                              "eight, nine\r\n"
                              "The gateway is gone. Another one:\r\n"
                              "ferry gateway --hosts 127.0.0.1:7600\r\n");
    free(seen);
}

static void a_pipe_has_lines_of_its_own(void **state)
{
    char *taken = NULL;
    size_t count = 0;
    FILE *out = open_memstream(&taken, &count);
    (void)state;
    lines_put(out, text);
    fclose(out);
    assert_int_equal(count, sizeof text); /* and the last line's end */
    assert_memory_equal(taken, text, sizeof text - 1);
    free(taken);
}

static int play_plain(void *user)
{
    struct scripted *s = scripted_open(MODE_HYBRID, 4096, NS_PER_S);
    (void)user;
    int status = plain_play(&s->session, stdout);
    scripted_close(&s->session);
    return status;
}

static void plain_lines_are_as_wide_as_the_terminal(void **state)
{
    char *seen = seen_by(play_plain, 60);
    (void)state;
    assert_non_null(strstr(seen, "longest\r\nsilence"));
    for (const char *at = seen; *at != '\0'; at += strcspn(at, "\n") + 1)
        assert_in_range(strcspn(at, "\r"), 0, 60);
    free(seen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_word_and_no_command_is_broken),
        cmocka_unit_test(a_pipe_has_lines_of_its_own),
        cmocka_unit_test(plain_lines_are_as_wide_as_the_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
