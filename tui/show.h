/* show: the view as the child of a test, in a terminal that the test looks at. */
#ifndef TUI_SHOW_H
#define TUI_SHOW_H

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
    terminal_settle(show->term, show->locale, show->no_color);
    if (show->ignored_signal != 0)
        signal(show->ignored_signal, SIG_IGN);
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

static inline void quit(struct terminal *terminal)
{
    terminal_type(terminal, "q");
    end_well(terminal);
}

#endif
