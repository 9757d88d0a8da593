/* show: the view as the child of a test, in a terminal that the test looks at. */
#ifndef TUI_SHOW_H
#define TUI_SHOW_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tui/scripted.h"
#include "tui/terminal.h"
#include "tui/view.h"

#define PAGES 4096

/* What the child does. */
struct show {
    const char *term, *locale, *no_color;
    enum mode mode;
    uint64_t start_ns;
    double speed;
    bool is_broken;
    uint64_t crash_ns;     /* an assertion fails when the world comes so far; 0: never */
    int ignored_signal;    /* 0: none */
    bool has_code;         /* somebody's own strategy decides */
    uint64_t at_ns;        /* where it begins, standing still; 0: at the beginning */
    int job_file;          /* as a shell's job, whose process id is written here; 0: no */
    bool is_killed_as_job; /* when it has been stopped, before the terminal is its own again */
};

static const struct show usual = {.term = "xterm-256color",
                                  .locale = "C.UTF-8",
                                  .mode = MODE_PRE_COPY,
                                  .start_ns = NS_PER_S / 4,
                                  .speed = 1};

static uint64_t crash_at_ns;

static inline void crashing_advance(struct session *session, uint64_t until_ns)
{
    scripted_advance(session, until_ns);
    MUST(session->timeline.now_ns < crash_at_ns);
}

static inline int play(void *user)
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

static inline struct terminal *open_show(const struct show *show, int rows, int columns)
{
    return terminal_open(rows, columns, play, (void *)show);
}

#define assert_shows(terminal, text)   wait_or_fail(terminal, text, true, __LINE__)
#define assert_no_more(terminal, text) wait_or_fail(terminal, text, false, __LINE__)
static inline void wait_or_fail(struct terminal *terminal, const char *text, bool is_shown,
                                int line)
{
    if (!terminal_wait(terminal, text, is_shown))
        fail_msg("line %d: \"%s\" is %s on:\n%s", line, text, is_shown ? "not" : "still",
                 terminal_text(terminal));
}

static inline void quit(struct terminal *terminal)
{
    terminal_type(terminal, "q");
    int status = terminal_end(terminal);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), VIEW_FINE);
    assert_true(terminal_is_restored(terminal));
    terminal_close(terminal);
}

#endif
