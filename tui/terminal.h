/* terminal: a terminal for the tests: a real pseudo-terminal whose other end is interpreted by
 * libvterm, so that a test sees what a user would see. The program under test is a forked child.
 *
 * Tests wait for a condition, with a limit so generous that no slow machine meets it.
 */
#ifndef TUI_TERMINAL_H
#define TUI_TERMINAL_H

#include <poll.h>
#include <pty.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <vterm.h>

#include <cmocka.h>

#include "base/bytes.h"

#define TERMINAL_PATIENCE_S 60
#define TERMINAL_TEXT_MAX   (256 * 4 * 100)

struct terminal {
    VTerm *vterm;
    VTermScreen *screen;
    int file, rows, columns;
    pid_t child;
    struct termios before; /* its modes, before the child touched them */
    bool has_picture;      /* the alternate screen is shown */
    bool is_cursor_hidden;
    struct bytes log; /* everything that the child wrote */
    char text[TERMINAL_TEXT_MAX];
};

static inline int terminal_on_property(VTermProp property, VTermValue *value, void *user)
{
    struct terminal *terminal = user;
    if (property == VTERM_PROP_ALTSCREEN)
        terminal->has_picture = value->boolean;
    if (property == VTERM_PROP_CURSORVISIBLE)
        terminal->is_cursor_hidden = !value->boolean;
    return 1;
}

/* Runs `program` (its result is the exit status) in a terminal of its own. */
static inline struct terminal *terminal_open(int rows, int columns, int (*program)(void *),
                                             void *user)
{
    static const VTermScreenCallbacks callbacks = {.settermprop = terminal_on_property};
    struct terminal *terminal = calloc(1, sizeof *terminal);
    struct winsize size = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns};
    terminal->rows = rows;
    terminal->columns = columns;
    terminal->vterm = vterm_new(rows, columns);
    vterm_set_utf8(terminal->vterm, 1);
    terminal->screen = vterm_obtain_screen(terminal->vterm);
    vterm_screen_set_callbacks(terminal->screen, &callbacks, terminal);
    vterm_screen_enable_altscreen(terminal->screen, 1);
    vterm_screen_reset(terminal->screen, 1);
    /* The child waits until the terminal's modes have been looked at. */
    int gate[2];
    char go = 0;
    if (pipe(gate) != 0)
        abort();
    terminal->child = forkpty(&terminal->file, NULL, NULL, &size);
    if (terminal->child == 0)
        _exit(read(gate[0], &go, 1) == 1 ? program(user) : 99);
    if (terminal->child < 0) { /* and never a signal to process -1, which is everybody */
        perror("these tests need a pseudo-terminal (is /dev/pts mounted?)");
        abort();
    }
    tcgetattr(terminal->file, &terminal->before);
    if (write(gate[1], &go, 1) != 1)
        abort();
    close(gate[0]);
    close(gate[1]);
    return terminal;
}

static inline void terminal_close(struct terminal *terminal)
{
    if (terminal->child > 0) {
        kill(terminal->child, SIGKILL);
        waitpid(terminal->child, NULL, 0);
    }
    if (terminal->file >= 0)
        close(terminal->file);
    vterm_free(terminal->vterm);
    bytes_fini(&terminal->log);
    free(terminal);
}

/* Takes what the child has written; false when it has closed the terminal. */
static inline bool terminal_take(struct terminal *terminal, int timeout_ms)
{
    char piece[4096];
    struct pollfd output = {.fd = terminal->file, .events = POLLIN};
    if (poll(&output, 1, timeout_ms) <= 0)
        return true;
    ssize_t count = read(terminal->file, piece, sizeof piece);
    if (count <= 0)
        return false;
    bytes_put(&terminal->log, piece, (size_t)count);
    vterm_input_write(terminal->vterm, piece, (size_t)count);
    return true;
}

/* The screen as UTF-8 lines. */
static inline const char *terminal_text(struct terminal *terminal)
{
    size_t at = 0;
    for (int row = 0; row < terminal->rows; row++) {
        VTermRect line = {row, row + 1, 0, terminal->columns};
        at += vterm_screen_get_text(terminal->screen, terminal->text + at,
                                    sizeof terminal->text - at - 2, line);
        terminal->text[at++] = '\n';
    }
    terminal->text[at] = '\0';
    return terminal->text;
}

static inline bool terminal_shows(struct terminal *terminal, const char *text)
{
    return strstr(terminal_text(terminal), text) != NULL;
}

/* Waits until the screen shows the text (or, with !is_shown, until it does not). */
static inline bool terminal_wait(struct terminal *terminal, const char *text, bool is_shown)
{
    time_t deadline = time(NULL) + TERMINAL_PATIENCE_S;
    while (terminal_shows(terminal, text) != is_shown) {
        if (time(NULL) > deadline || !terminal_take(terminal, 50))
            return terminal_shows(terminal, text) == is_shown;
    }
    return true;
}

static inline bool terminal_wait_picture(struct terminal *terminal, bool has_picture)
{
    time_t deadline = time(NULL) + TERMINAL_PATIENCE_S;
    while (terminal->has_picture != has_picture && time(NULL) < deadline)
        if (!terminal_take(terminal, 50))
            break;
    return terminal->has_picture == has_picture;
}

static inline void terminal_type(struct terminal *terminal, const char *keys)
{
    if (write(terminal->file, keys, strlen(keys)) < 0)
        abort();
}

static inline void terminal_resize(struct terminal *terminal, int rows, int columns)
{
    struct winsize size = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns};
    terminal->rows = rows;
    terminal->columns = columns;
    vterm_set_size(terminal->vterm, rows, columns);
    ioctl(terminal->file, TIOCSWINSZ, &size);
}

/* Waits for the child's end and takes all of its output: when nobody has the terminal open any
 * more, reading fails. Its status as of waitpid. */
static inline int terminal_end(struct terminal *terminal)
{
    int status = 0;
    time_t deadline = time(NULL) + TERMINAL_PATIENCE_S;
    while (terminal_take(terminal, 50) && time(NULL) < deadline)
        ;
    waitpid(terminal->child, &status, 0);
    terminal->child = 0;
    return status;
}

/* As it was found: no picture, the cursor there, the modes as before. */
static inline bool terminal_is_restored(struct terminal *terminal)
{
    struct termios now;
    tcgetattr(terminal->file, &now);
    return !terminal->has_picture && !terminal->is_cursor_hidden &&
           now.c_lflag == terminal->before.c_lflag && now.c_iflag == terminal->before.c_iflag &&
           now.c_oflag == terminal->before.c_oflag;
}

/* For the child: the usual signals, neither what cmocka catches nor what a shell lets its
 * background jobs ignore; and this terminal and locale. `no_color` NULL: not set. */
static inline void terminal_settle(const char *term, const char *locale, const char *no_color)
{
    for (int signal_number = 1; signal_number < 32; signal_number++)
        signal(signal_number, SIG_DFL);
    setenv("TERM", term, 1);
    setenv("LC_ALL", locale, 1);
    unsetenv("LANGUAGE");
    unsetenv("NO_COLOR");
    if (no_color != NULL)
        setenv("NO_COLOR", no_color, 1);
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

/* The child ends by itself, with status 0, and leaves the terminal as it was. */
static inline void end_well(struct terminal *terminal)
{
    int status = terminal_end(terminal);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_true(terminal_is_restored(terminal));
    terminal_close(terminal);
}

#endif
