/* The terminal view through a real pseudo-terminal: what a user would see, and what the terminal is
 * like afterwards. */
#include "tui/show.h"

/* What a shell does for `kill %1`. The result says whether the signal ended the job. */
static int kill_stopped(pid_t job)
{
    int status = 0;
    waitpid(job, &status, WUNTRACED);
    signal(SIGTTOU, SIG_IGN);
    tcsetpgrp(STDIN_FILENO, getpgrp());
    kill(job, SIGTERM);
    kill(job, SIGCONT);
    waitpid(job, &status, WUNTRACED);
    if (WIFSTOPPED(status))
        kill(job, SIGKILL);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM ? 0 : 7;
}

/* As a job of a shell: only so can it be stopped. */
static int play_as_job(void *user)
{
    const struct show *show = user;
    int status = 0;
    pid_t job = fork();
    if (job == 0) {
        setpgid(0, 0);
        signal(SIGTTOU, SIG_IGN);
        tcsetpgrp(STDIN_FILENO, getpid());
        signal(SIGTTOU, SIG_DFL);
        _exit(play(user));
    }
    if (write(show->job_file, &job, sizeof job) != sizeof job)
        return 9;
    if (show->is_killed_as_job)
        return kill_stopped(job);
    while (waitpid(job, &status, 0) < 0)
        ;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 8;
}

/* ---- What is seen. ---- */

static void everything_is_shown_at_both_sizes(void **state)
{
    static const struct {
        int rows, columns;
    } sizes[] = {{24, 80}, {40, 120}, {60, 200}};
    /* clang-format off */
    static const char *const always[] = {
        "round", "downtime", "HOST A", "HOST B", "ROUNDS", "DOWNTIME", "CLIENTS", "forecast",
        "\u03bc page copy rate", "\u03b4 page dirty rate", "clean", "dirty", "in flight", "missing",
        "awaited", "answers", "longest silence", "real time", "q quit", "? help"};
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct terminal *terminal = open_show(&usual, sizes[i].rows, sizes[i].columns);
        assert_shows(terminal, "q quit");
        for (size_t j = 0; j < sizeof always / sizeof always[0]; j++)
            assert_shows(terminal, always[j]);
        assert_shows(terminal, "Round 0 sends all");
        for (size_t j = 0; j < sizeof always / sizeof always[0]; j++)
            assert_shows(terminal, always[j]);
        quit(terminal);
    }
}

static void a_resize_is_followed(void **state)
{
    static const struct {
        int rows, columns;
    } sizes[] = {{40, 120}, {24, 80}, {30, 100}, {60, 200}, {24, 80}};
    struct show slow = usual;
    slow.speed = 0.01;
    (void)state;
    struct terminal *terminal = open_show(&slow, 24, 80);
    assert_shows(terminal, "q quit");
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        terminal_resize(terminal, sizes[i].rows, sizes[i].columns);
        assert_shows(terminal, "\u2500 CLIENTS");
        bool is_at_bottom = false;
        for (int tries = 0; tries < 1000 && !is_at_bottom; tries++) {
            char line[1024];
            VTermRect last = {sizes[i].rows - 1, sizes[i].rows, 0, sizes[i].columns};
            terminal_take(terminal, 50);
            line[vterm_screen_get_text(terminal->screen, line, sizeof line - 1, last)] = '\0';
            is_at_bottom = strstr(line, "q quit") != NULL;
        }
        assert_true(is_at_bottom);
    }
    terminal_resize(terminal, 20, 60);
    assert_shows(terminal, "Please make this window at least 80 columns by 24 rows");
    assert_no_more(terminal, "q quit");
    terminal_resize(terminal, 24, 79);
    assert_shows(terminal, "it is 79 by 24");
    terminal_resize(terminal, 2, 5); /* nothing sensible fits: it must only survive */
    terminal_resize(terminal, 24, 80);
    assert_shows(terminal, "q quit");
    quit(terminal);
}

static void the_last_screen_stays_and_names_what_is_next(void **state)
{
    struct show fast = usual;
    fast.speed = 40;
    (void)state;
    struct terminal *terminal = open_show(&fast, 24, 80);
    assert_shows(terminal, "0 wrong; longest silence");
    assert_shows(terminal, "ended");
    assert_shows(terminal, "ferry compare");
    assert_shows(terminal, "ferry run");
    assert_shows(terminal, "ferry forecast");
    assert_shows(terminal, "1 stop-and-copy  2 pre-copy  3 post-copy  4 hybrid");
    assert_shows(terminal,
                 "measured"); /* what was measured is still there, and so is the forecast */
    assert_shows(terminal, "round");
    assert_shows(terminal, "downtime");
    for (int i = 0; i < 10; i++)
        assert_true(terminal_take(terminal, 20)); /* it does not end by itself */
    terminal_type(terminal, "q");
    terminal_end(terminal);
    assert_true(terminal_shows(terminal, "stop-and-copy would have\nbeen 2.7 s\n"));
    terminal_close(terminal);
}

static void a_broken_rule_is_exit_status_1(void **state)
{
    struct show broken = usual;
    broken.speed = 40;
    broken.is_broken = true;
    (void)state;
    struct terminal *terminal = open_show(&broken, 24, 80);
    assert_shows(terminal, "WHAT WENT WRONG");
    terminal_type(terminal, "q");
    assert_int_equal(WEXITSTATUS(terminal_end(terminal)), VIEW_BROKEN);
    terminal_close(terminal);
}

/* ---- The terminal afterwards. ---- */

static void signals_leave_the_terminal_as_it_was(void **state)
{
    static const int signals[] = {SIGTERM, SIGINT,  SIGHUP, SIGQUIT,
                                  SIGSEGV, SIGABRT, SIGBUS, SIGFPE};
    (void)state;
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        struct terminal *terminal = open_show(&usual, 24, 80);
        assert_shows(terminal, "q quit");
        assert_true(terminal->has_picture && terminal->is_cursor_hidden);
        kill(terminal->child, signals[i]);
        int status = terminal_end(terminal);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), signals[i]);
        assert_true(terminal_is_restored(terminal));
        terminal_close(terminal);
    }
}

static void control_c_ends_it(void **state)
{
    (void)state;
    struct terminal *terminal = open_show(&usual, 24, 80);
    assert_shows(terminal, "q quit");
    terminal_type(terminal, "\003");
    int status = terminal_end(terminal);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);
    assert_true(terminal_is_restored(terminal));
    terminal_close(terminal);
}

static void a_failed_assertion_can_be_read_afterwards(void **state)
{
    struct show crash = usual;
    crash.crash_ns = NS_PER_S / 5;
    (void)state;
    struct terminal *terminal = open_show(&crash, 24, 80);
    int status = terminal_end(terminal);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    assert_true(terminal_is_restored(terminal));
    assert_true(terminal_shows(terminal, "must hold: session->timeline.now_ns"));
    terminal_close(terminal);
}

static void it_stops_and_goes_on_as_a_job(void **state)
{
    int files[2];
    pid_t job = 0;
    struct show show = usual;
    (void)state;
    assert_int_equal(pipe(files), 0);
    show.job_file = files[1];
    struct terminal *terminal = terminal_open(24, 80, play_as_job, &show);
    assert_int_equal(read(files[0], &job, sizeof job), sizeof job);
    for (int i = 0; i < 2; i++) {
        assert_shows(terminal, "q quit");
        terminal_type(terminal, "\032"); /* Control-Z */
        assert_true(terminal_wait_picture(terminal, false));
        assert_false(terminal->is_cursor_hidden);
        /* The picture is gone a moment before the job stands still: one SIGCONT may be too early.
         */
        for (int tries = 0; tries < 1000 && !terminal->has_picture; tries++) {
            kill(job, SIGCONT);
            terminal_take(terminal, 20);
        }
        assert_true(terminal->has_picture);
    }
    assert_shows(terminal, "q quit");
    quit(terminal);
    close(files[0]);
    close(files[1]);
}

static void a_stopped_job_can_be_killed(void **state)
{
    int files[2];
    pid_t job = 0;
    struct show show = usual;
    (void)state;
    assert_int_equal(pipe(files), 0);
    show.job_file = files[1];
    show.is_killed_as_job = true;
    struct terminal *terminal = terminal_open(24, 80, play_as_job, &show);
    assert_int_equal(read(files[0], &job, sizeof job), sizeof job);
    assert_shows(terminal, "q quit");
    terminal_type(terminal, "\032"); /* Control-Z */
    int status = terminal_end(terminal);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_true(terminal_is_restored(terminal));
    terminal_close(terminal);
    close(files[0]);
    close(files[1]);
}

static void a_terminal_that_goes_away_ends_it(void **state)
{
    struct show show = usual;
    int status;
    (void)state;
    show.ignored_signal = SIGHUP; /* as under nohup: otherwise the signal ends it */
    struct terminal *terminal = open_show(&show, 24, 80);
    assert_shows(terminal, "q quit");
    close(terminal->file);
    terminal->file = -1;
    assert_int_equal(waitpid(terminal->child, &status, 0), terminal->child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == VIEW_TROUBLE);
    terminal->child = 0;
    terminal_close(terminal);
}

static void bytes_that_are_no_keys_do_nothing(void **state)
{
    (void)state;
    struct terminal *terminal = open_show(&usual, 24, 80);
    assert_shows(terminal, "q quit");
    terminal_type(terminal, "\xe9\xff\033[A\001\t\rxyz");
    /* What is no character may swallow what comes with it, but not what comes later. */
    for (int tries = 0; tries < 100 && !terminal_shows(terminal, "faster"); tries++) {
        terminal_type(terminal, "+");
        terminal_take(terminal, 100);
    }
    assert_shows(terminal, "faster");
    quit(terminal);
}

/* ---- Terminals of other kinds. ---- */

/* Counts the parameters of all "select graphic rendition" sequences that ask for a colour. */
static int count_colours(const struct bytes *log)
{
    int count = 0;
    for (size_t i = 0; i + 1 < log->count; i++) {
        if (log->data[i] != 033 || log->data[i + 1] != '[')
            continue;
        int value = 0, found = 0;
        size_t at = i + 2;
        for (; at < log->count &&
               (log->data[at] == ';' || (log->data[at] >= '0' && log->data[at] <= '9'));
             at++) {
            if (log->data[at] != ';') {
                value = value * 10 + log->data[at] - '0';
                continue;
            }
            found += value >= 30 && value <= 107;
            value = 0;
        }
        found += value >= 30 && value <= 107;
        if (at < log->count && log->data[at] == 'm')
            count += found;
    }
    return count;
}

static void no_color_means_no_colour(void **state)
{
    static const struct {
        const char *no_color, *term;
        bool has_colour;
    } cases[] = {{NULL, "xterm-256color", true}, {"", "xterm-256color", true},
                 {NULL, "xterm", true},          {"1", "xterm-256color", false},
                 {"1", "xterm", false},          {NULL, "vt100", false}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct show show = usual;
        show.no_color = cases[i].no_color;
        show.term = cases[i].term;
        struct terminal *terminal = open_show(&show, 24, 80);
        assert_shows(terminal, "Round 0 sends all");
        assert_int_equal(count_colours(&terminal->log) > 0, cases[i].has_colour);
        quit(terminal);
    }
}

static void a_locale_without_utf8_gets_ascii(void **state)
{
    struct show show = usual;
    show.locale = "C";
    (void)state;
    struct terminal *terminal = open_show(&show, 24, 80);
    assert_shows(terminal, "Round 0 sends all");
    assert_shows(terminal, "mu copy rate");
    for (size_t i = 0; i < terminal->log.count; i++)
        assert_true(terminal->log.data[i] < 0x80);
    assert_false(terminal_shows(terminal, "~")); /* no glyph without its replacement */
    quit(terminal);
}

static void terminals_that_cannot_show_pictures_get_lines(void **state)
{
    static const char *const terms[] = {"dumb", "", "no-such-terminal"};
    (void)state;
    for (size_t i = 0; i < sizeof terms / sizeof terms[0]; i++) {
        struct show show = usual;
        show.term = terms[i];
        struct terminal *terminal = open_show(&show, 24, 80);
        int status = terminal_end(terminal);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == VIEW_FINE);
        bytes_put_u8(&terminal->log, 0);
        const char *log = (const char *)terminal->log.data;
        assert_non_null(strstr(log, "the move starts"));
        assert_non_null(strstr(log, "round 0"));
        assert_non_null(strstr(log, "downtime"));
        assert_non_null(strstr(log, "0 wrong"));
        assert_null(strchr(log, 033));
        assert_true(terminal_is_restored(terminal));
        terminal_close(terminal);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_is_shown_at_both_sizes),
        cmocka_unit_test(a_resize_is_followed),
        cmocka_unit_test(the_last_screen_stays_and_names_what_is_next),
        cmocka_unit_test(a_broken_rule_is_exit_status_1),
        cmocka_unit_test(signals_leave_the_terminal_as_it_was),
        cmocka_unit_test(control_c_ends_it),
        cmocka_unit_test(a_failed_assertion_can_be_read_afterwards),
        cmocka_unit_test(it_stops_and_goes_on_as_a_job),
        cmocka_unit_test(a_stopped_job_can_be_killed),
        cmocka_unit_test(a_terminal_that_goes_away_ends_it),
        cmocka_unit_test(bytes_that_are_no_keys_do_nothing),
        cmocka_unit_test(no_color_means_no_colour),
        cmocka_unit_test(a_locale_without_utf8_gets_ascii),
        cmocka_unit_test(terminals_that_cannot_show_pictures_get_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
