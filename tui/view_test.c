/* The terminal view through a real pseudo-terminal: what a user would see, and what the terminal is
 * like afterwards. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tui/scripted.h"
#include "tui/terminal.h"
#include "tui/keys.h"
#include "tui/view.h"

#define PAGES 4096

/* What the child does. */
struct show {
    const char *term, *locale, *no_color;
    enum mode mode;
    uint64_t start_ns;
    double speed;
    bool is_broken;
    uint64_t crash_ns;  /* an assertion fails when the world comes so far; 0: never */
    int ignored_signal; /* 0: none */
    bool
        is_killed_as_job; /* as soon as it has been stopped, before the terminal is its own again */
    bool has_code;        /* somebody's own strategy decides */
    uint64_t at_ns;       /* where it begins, standing still; 0: at the beginning */
    int job_file; /* the view runs as a shell's job, its process id is written here; 0: no */
};

static const struct show usual = {"xterm-256color",
                                  "C.UTF-8",
                                  NULL,
                                  MODE_PRE_COPY,
                                  NS_PER_S / 4,
                                  1,
                                  false,
                                  0,
                                  0,
                                  false,
                                  false,
                                  0,
                                  0};

static uint64_t crash_at_ns;

static void crashing_advance(struct session *session, uint64_t until_ns)
{
    scripted_advance(session, until_ns);
    MUST(session->timeline.now_ns < crash_at_ns);
}

static int play(void *user)
{
    const struct show *show = user;
    static struct session_ops crashing;
    struct view_options options = {
        .speed = show->speed,
        .is_at = show->at_ns > 0,
        .at_ns = show->at_ns,
        .next_commands = {"ferry compare", "ferry run", "ferry forecast"}};
    /* Neither what cmocka catches nor what a shell lets its background jobs ignore. */
    for (int signal_number = 1; signal_number < 32; signal_number++)
        signal(signal_number, SIG_DFL);
    if (show->ignored_signal != 0)
        signal(show->ignored_signal, SIG_IGN);
    setenv("LC_ALL", show->locale, 1);
    setenv("TERM", show->term, 1);
    unsetenv("NO_COLOR");
    if (show->no_color != NULL)
        setenv("NO_COLOR", show->no_color, 1);
    struct scripted *scripted = scripted_open(show->mode, PAGES, show->start_ns);
    scripted->is_broken_at_end = show->is_broken;
    if (show->has_code)
        scripted->session.code = scripted_code(show->mode);
    if (show->crash_ns > 0) {
        crash_at_ns = show->crash_ns;
        crashing = *scripted->session.ops;
        crashing.advance = crashing_advance;
        scripted->session.ops = &crashing;
    }
    int status = view_play(&scripted->session, &options);
    scripted_close(&scripted->session);
    return status;
}

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

static struct terminal *open_show(const struct show *show, int rows, int columns)
{
    return terminal_open(rows, columns, play, (void *)show);
}

#define assert_shows(terminal, text)   wait_or_fail(terminal, text, true, __LINE__)
#define assert_no_more(terminal, text) wait_or_fail(terminal, text, false, __LINE__)
static void wait_or_fail(struct terminal *terminal, const char *text, bool is_shown, int line)
{
    if (!terminal_wait(terminal, text, is_shown))
        fail_msg("line %d: \"%s\" is %s on:\n%s", line, text, is_shown ? "not" : "still",
                 terminal_text(terminal));
}

static void quit(struct terminal *terminal)
{
    terminal_type(terminal, "q");
    int status = terminal_end(terminal);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), VIEW_FINE);
    assert_true(terminal_is_restored(terminal));
    terminal_close(terminal);
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
    quit(terminal);
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

/* ---- Keys: each character of each entry of the table does what the help says. ---- */

/* The clock as it stands there: what is before " s  " in the first row. */
static double clock_of(struct terminal *terminal)
{
    char line[1024];
    VTermRect first = {0, 1, 0, terminal->columns};
    line[vterm_screen_get_text(terminal->screen, line, sizeof line - 1, first)] = '\0';
    char *end = strstr(line, " s  ");
    if (end == NULL)
        return -1;
    while (end > line && end[-1] != ' ')
        end--;
    return atof(end);
}

static void key_play(struct terminal *terminal, const char *key)
{
    terminal_type(terminal, key);
    assert_shows(terminal, "stopped");
    double clock = clock_of(terminal);
    for (int i = 0; i < 10; i++)
        terminal_take(terminal, 20);
    assert_true(clock_of(terminal) == clock);
    terminal_type(terminal, key);
    assert_no_more(terminal, "stopped");
    while (clock_of(terminal) <= clock)
        assert_true(terminal_take(terminal, 50));
}

static void key_step_event(struct terminal *terminal, const char *key)
{
    terminal_type(terminal, key);
    assert_shows(terminal, "stopped");
    assert_shows(terminal, "Event ");
    unsigned long before = strtoul(strstr(terminal_text(terminal), "Event ") + 6, NULL, 10);
    for (unsigned long i = 1; i <= 5; i++) {
        char wanted[32];
        terminal_type(terminal, key);
        snprintf(wanted, sizeof wanted, "Event %lu:", before + i);
        assert_shows(terminal, wanted);
    }
}

static void key_back(struct terminal *terminal, const char *key)
{
    key_step_event(terminal, "s");
    unsigned long last = strtoul(strstr(terminal_text(terminal), "Event ") + 6, NULL, 10);
    for (unsigned long i = 0; i < 3; i++) {
        char wanted[64];
        terminal_type(terminal, key);
        snprintf(wanted, sizeof wanted, "event %lu comes next", last - i);
        assert_shows(terminal, wanted);
        assert_shows(terminal, "stopped");
    }
    terminal_type(terminal, "s");
    char wanted[64];
    snprintf(wanted, sizeof wanted, "Event %lu:", last - 2);
    assert_shows(terminal, wanted);
}

/* Without code there is none to show; with some it is there, and the key takes it away. */
static void key_code(struct terminal *terminal, const char *key)
{
    terminal_type(terminal, key);
    assert_shows(terminal, "there is no code to show");
    struct show show = usual;
    show.has_code = true;
    show.at_ns = NS_PER_S / 2;
    struct terminal *other = open_show(&show, 24, 80);
    assert_shows(other, "THE CODE stop_and_copy.c");
    assert_shows(other, "0.500000 s  stopped");
    assert_shows(other, "PAUSE  1,234 instructions");
    assert_shows(other, "5 \u00b7     if (view->phase == PHASE_COPY)");
    assert_shows(other, "6 \u00bb         return (struct action){.kind = ACTION_PAUSE};");
    assert_shows(other, "it said: first page 7");
    terminal_type(other, key);
    assert_shows(other, "ROUNDS");
    terminal_type(other, key);
    assert_shows(other, "THE CODE");
    /* In another mode another strategy decides. */
    terminal_type(other, "3");
    assert_shows(other, "ROUNDS");
    quit(other);
}

static void key_step_round(struct terminal *terminal, const char *key)
{
    terminal_type(terminal, key);
    assert_shows(terminal, "round 0");
    assert_shows(terminal, "stopped");
    terminal_type(terminal, key);
    assert_shows(terminal, "Round 1 sends");
    terminal_type(terminal, key);
    assert_shows(terminal, "Round 2 sends");
    assert_shows(terminal, "stopped");
}

static void key_faster(struct terminal *terminal, const char *key)
{
    terminal_type(terminal, key);
    assert_shows(terminal, "2x faster");
    terminal_type(terminal, key);
    assert_shows(terminal, "4x faster");
}

static void key_slower(struct terminal *terminal, const char *key)
{
    terminal_type(terminal, key);
    assert_shows(terminal, "2x slower");
    terminal_type(terminal, key);
    assert_shows(terminal, "4x slower");
}

static void key_automatic(struct terminal *terminal, const char *key)
{
    terminal_type(terminal, "---");
    assert_shows(terminal, "8x slower");
    terminal_type(terminal, key);
    assert_shows(terminal, "real time");
}

static void key_start(struct terminal *terminal, const char *key)
{
    assert_shows(terminal, "round -");
    terminal_type(terminal, key);
    assert_shows(terminal, "Round 0 sends all");
    terminal_type(terminal, key);
    assert_shows(terminal, "The move has started already.");
    assert_shows(terminal, "(m move)");
}

static void key_post_copy(struct terminal *terminal, const char *key)
{
    terminal_type(terminal, key);
    assert_shows(terminal, "the move has not started");
    terminal_type(terminal, "m");
    assert_shows(terminal, "Round 0 sends all");
    terminal_type(terminal, key);
    assert_shows(terminal, "to come");
    assert_shows(terminal, "runs with faults");
    terminal_type(terminal, key);
    assert_shows(terminal, "This is post-copy already.");
}

static void key_abort(struct terminal *terminal, const char *key)
{
    terminal_type(terminal, key);
    assert_shows(terminal, "nothing to give up");
    terminal_type(terminal, "m");
    assert_shows(terminal, "Round 0 sends all");
    terminal_type(terminal, key);
    assert_shows(terminal, "The move was given up.");
}

static void key_replay(struct terminal *terminal, const char *key)
{
    static const char *const titles[] = {"kv by stop-and-copy", "kv by pre-copy", "kv by post-copy",
                                         "kv by hybrid"};
    terminal_type(terminal, "+++++");
    assert_shows(terminal, "32x faster");
    terminal_type(terminal, "m");
    assert_shows(terminal, "0 wrong; longest silence");
    terminal_type(terminal, "0"); /* slow enough to be seen */
    terminal_type(terminal, key);
    assert_no_more(terminal, "WHAT THIS SHOWED");
    assert_shows(terminal, titles[key[0] - '1']);
    terminal_type(terminal, "+++++");
    assert_shows(terminal, "WHAT THIS SHOWED");
    assert_shows(terminal, titles[key[0] - '1']);
}

static void key_help(struct terminal *terminal, const char *key)
{
    terminal_type(terminal, key);
    assert_shows(terminal, " KEYS ");
    for (int i = 0; i < key_count(); i++)
        assert_shows(terminal, key_at(i)->help);
    assert_shows(terminal, "round");
    assert_shows(terminal, "downtime");
    /* Nothing is missed by who reads it: the time stands still, and goes on afterwards. */
    assert_shows(terminal, "stopped");
    double clock = clock_of(terminal);
    for (int i = 0; i < 10; i++)
        terminal_take(terminal, 20);
    assert_true(clock_of(terminal) == clock);
    terminal_type(terminal, key);
    assert_no_more(terminal, " KEYS ");
    assert_no_more(terminal, "stopped");
    while (clock_of(terminal) <= clock)
        assert_true(terminal_take(terminal, 50));
    terminal_type(terminal, key);
    assert_shows(terminal, " KEYS ");
    terminal_type(terminal, "\033");
    assert_no_more(terminal, " KEYS ");
}

static void each_key_does_what_the_help_says(void **state)
{
    static void (*const checks[])(struct terminal *, const char *) = {
        [KEY_PLAY] = key_play,
        [KEY_STEP_EVENT] = key_step_event,
        [KEY_STEP_ROUND] = key_step_round,
        [KEY_BACK] = key_back,
        [KEY_CODE] = key_code,
        [KEY_FASTER] = key_faster,
        [KEY_SLOWER] = key_slower,
        [KEY_AUTOMATIC] = key_automatic,
        [KEY_START] = key_start,
        [KEY_POST_COPY] = key_post_copy,
        [KEY_ABORT] = key_abort,
        [KEY_REPLAY] = key_replay,
        [KEY_HELP] = key_help,
        [KEY_QUIT] = NULL /* quit(), at the end of all the others */
    };
    (void)state;
    for (int i = 0; i < key_count(); i++) {
        const struct key *key = key_at(i);
        bool is_started_by_key = key->action == KEY_START || key->action == KEY_POST_COPY ||
                                 key->action == KEY_ABORT || key->action == KEY_REPLAY;
        for (const char *code = key->codes; *code != '\0'; code++) {
            struct show show = usual;
            char text[2] = {*code, '\0'};
            show.start_ns = is_started_by_key ? SCRIPTED_NEVER : 20 * NS_PER_S;
            if (key->action == KEY_STEP_ROUND || key->action == KEY_STEP_EVENT ||
                key->action == KEY_BACK)
                show.start_ns = NS_PER_S / 4;
            struct terminal *terminal = open_show(&show, 24, 80);
            assert_shows(terminal, "q quit");
            if (key->action != KEY_QUIT)
                checks[key->action](terminal, text);
            quit(terminal);
        }
    }
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
        cmocka_unit_test(each_key_does_what_the_help_says),
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
