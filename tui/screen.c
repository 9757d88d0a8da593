#include "tui/screen.h"

#define NCURSES_NOMACROS 1
#define NCURSES_WIDECHAR 1
#include <curses.h>

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <termios.h>
#include <unistd.h>

#include "base/status.h"

/* These end the program. The handler gives the terminal back and lets the signal do its work. */
static const int deadly[] = {SIGINT,  SIGTERM, SIGHUP, SIGQUIT, SIGSEGV,
                             SIGABRT, SIGBUS,  SIGFPE, SIGILL};
enum { DEADLY_COUNT = sizeof deadly / sizeof deadly[0], RESTORE_BYTES_MAX = 256 };

static struct {
    SCREEN *curses;
    bool is_ascii, has_colour;
    struct canvas shown; /* what stands on the glass */

    struct termios before; /* the terminal's modes as they were found */
    struct sigaction before_deadly[DEADLY_COUNT], before_stop;
    char restore[RESTORE_BYTES_MAX]; /* leaves the picture, from any state */
    size_t restore_bytes;
    stack_t before_stack;
    void *signal_stack; /* so that a stack overflow is survived too */

    int stderr_kept; /* a file in memory that takes stderr's place; -1: stderr is elsewhere */
    int stderr_before;
} screen = {.stderr_kept = -1, .stderr_before = -1};

static volatile sig_atomic_t is_stop_wanted;
static volatile sig_atomic_t is_away; /* stopped by the user: the terminal is the shell's */

/* ---- Giving the terminal back. Only async-signal-safe calls: it also runs in crashes. ---- */

static void write_all(int file, const char *data, size_t count)
{
    while (count > 0) {
        ssize_t written = write(file, data, count);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return;
        data += written;
        count -= (size_t)written;
    }
}

static void release_stderr(void)
{
    char piece[512];
    ssize_t count;
    if (screen.stderr_kept < 0)
        return;
    dup2(screen.stderr_before, STDERR_FILENO);
    if (lseek(screen.stderr_kept, 0, SEEK_SET) == 0)
        while ((count = read(screen.stderr_kept, piece, sizeof piece)) > 0)
            write_all(STDERR_FILENO, piece, (size_t)count);
    close(screen.stderr_kept);
    close(screen.stderr_before);
    screen.stderr_kept = screen.stderr_before = -1;
}

static void keep_stderr(void)
{
    if (!isatty(STDERR_FILENO))
        return;
    screen.stderr_kept = memfd_create("stderr", MFD_CLOEXEC);
    if (screen.stderr_kept < 0)
        return;
    screen.stderr_before = dup(STDERR_FILENO);
    dup2(screen.stderr_kept, STDERR_FILENO);
}

static void restore_handlers(void)
{
    for (int i = 0; i < DEADLY_COUNT; i++)
        sigaction(deadly[i], &screen.before_deadly[i], NULL);
    sigaction(SIGTSTP, &screen.before_stop, NULL);
}

static void die(int signal_number)
{
    int saved_errno = errno;
    if (!is_away)
        write_all(STDOUT_FILENO, screen.restore, screen.restore_bytes);
    /* In the background this would stop the program instead of letting it end. */
    if (!is_away && tcgetpgrp(STDIN_FILENO) == getpgrp())
        tcsetattr(STDIN_FILENO, TCSANOW, &screen.before);
    release_stderr();
    restore_handlers();
    errno = saved_errno;
    raise(signal_number); /* pending until the handler returns, then handled as before */
}

static void want_stop(int signal_number)
{
    (void)signal_number;
    is_stop_wanted = 1;
}

/* Who started us may have decided that a signal is not for us (nohup, a shell's background jobs):
 * that stays so. */
static void catch (int signal_number, const struct sigaction *action, struct sigaction *before)
{
    sigaction(signal_number, NULL, before);
    if (before->sa_handler != SIG_IGN)
        sigaction(signal_number, action, NULL);
}

/* Before curses is asked for anything: where a program has handlers of its own, curses installs
 * none and does not switch SIGTSTP off while it draws. */
static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = die, .sa_flags = SA_ONSTACK};
    sigemptyset(&action.sa_mask);
    stack_t stack = {.ss_size = (size_t)SIGSTKSZ * 4};
    screen.signal_stack = stack.ss_sp = malloc(stack.ss_size);
    MUST(screen.signal_stack != NULL);
    sigaltstack(&stack, &screen.before_stack);
    for (int i = 0; i < DEADLY_COUNT; i++)
        catch (deadly[i], &action, &screen.before_deadly[i]);
    action.sa_handler = want_stop;
    action.sa_flags = 0;
    catch (SIGTSTP, &action, &screen.before_stop);
}

static void release_signals(void)
{
    restore_handlers();
    sigaltstack(&screen.before_stack, NULL);
    free(screen.signal_stack);
    screen.signal_stack = NULL;
}

/* The bytes that leave the picture, written down now: in a crash nobody can ask terminfo. The first
 * of them, CAN, ends an escape sequence that the signal may have cut in two. */
static void prepare_restore(void)
{
    static const char *const capabilities[] = {"sgr0", "rmkx", "cnorm", "rmcup"};
    screen.restore[0] = 0x18;
    screen.restore_bytes = 1;
    for (size_t i = 0; i < sizeof capabilities / sizeof capabilities[0]; i++) {
        const char *text = tigetstr(capabilities[i]);
        if (text == NULL || text == (char *)-1)
            continue;
        /* Delays such as $<5> are for terminals of another time; no byte of them may be shown. */
        for (; *text != '\0' && screen.restore_bytes < RESTORE_BYTES_MAX; text++) {
            if (text[0] == '$' && text[1] == '<') {
                while (*text != '\0' && *text != '>')
                    text++;
                if (*text == '\0')
                    break;
                continue;
            }
            screen.restore[screen.restore_bytes++] = *text;
        }
    }
}

/* ---- Opening and closing. ---- */

/* A locale that was not generated must not cost the glyphs when it plainly asked for UTF-8. */
static bool is_utf8_locale(void)
{
    if (setlocale(LC_CTYPE, "") == NULL) {
        const char *wanted = getenv("LC_ALL");
        if (wanted == NULL || *wanted == '\0')
            wanted = getenv("LC_CTYPE");
        if (wanted == NULL || *wanted == '\0')
            wanted = getenv("LANG");
        if (wanted != NULL &&
            (strcasestr(wanted, "utf-8") != NULL || strcasestr(wanted, "utf8") != NULL))
            setlocale(LC_CTYPE, "C.UTF-8");
    }
    return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

/* Okabe and Ito's colours, which people with any colour vision tell apart: the nearest of xterm's
 * 256, else the nearest of the basic eight. The background stays the user's own. */
static void prepare_colours(void)
{
    static const struct {
        short of_256, of_8;
    } colours[COLOUR_COUNT] = {
        [COLOUR_FAINT] = {246, COLOR_WHITE},     [COLOUR_CLEAN] = {36, COLOR_GREEN},
        [COLOUR_DIRTY] = {178, COLOR_YELLOW},    [COLOUR_IN_FLIGHT] = {74, COLOR_CYAN},
        [COLOUR_MISSING] = {175, COLOR_MAGENTA}, [COLOUR_WAITED_FOR] = {166, COLOR_RED},
        [COLOUR_FORECAST] = {74, COLOR_CYAN},
    };
    const char *no_color = getenv("NO_COLOR");
    screen.has_colour = (no_color == NULL || *no_color == '\0') && has_colors();
    if (!screen.has_colour)
        return;
    start_color();
    use_default_colors();
    for (short i = 1; i < COLOUR_COUNT; i++)
        init_pair(i, COLORS >= 256 ? colours[i].of_256 : colours[i].of_8, -1);
}

/* newterm accepts terminals that can only write line after line. */
static bool has_addressing(void)
{
    const char *addressing = tigetstr("cup");
    return addressing != NULL && addressing != (char *)-1;
}

/* By default Control-C and Control-Z throw away what is on its way to the terminal: that could be
 * our own restoring of it, which the signal has just caused. */
static void keep_output_on_signals(void)
{
    struct termios modes;
    if (tcgetattr(STDIN_FILENO, &modes) != 0)
        return;
    modes.c_lflag |= NOFLSH;
    tcsetattr(STDIN_FILENO, TCSADRAIN, &modes);
    def_prog_mode();
}

/* The terminal and its signals as screen_open found them. */
static void give_back(void)
{
    if (screen.curses != NULL) {
        endwin();
        delscreen(screen.curses);
        screen.curses = NULL;
    }
    tcsetattr(STDIN_FILENO, TCSANOW, &screen.before);
    release_signals();
}

bool screen_open(void)
{
    screen.is_ascii = !is_utf8_locale();
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
        return false;
    if (tcgetattr(STDIN_FILENO, &screen.before) != 0)
        return false;
    catch_signals();
    screen.curses = newterm(NULL, stdout, stdin);
    if (screen.curses == NULL || !has_addressing()) {
        give_back();
        return false;
    }
    prepare_restore();
    keep_stderr();
    prepare_colours();
    cbreak();
    noecho();
    nonl();
    keep_output_on_signals();
    curs_set(0);
    keypad(stdscr, true);
    nodelay(stdscr, true);
    set_escdelay(25);
    canvas_init(&screen.shown, screen.is_ascii);
    return true;
}

void screen_close(void)
{
    give_back();
    release_stderr();
    canvas_fini(&screen.shown);
}

bool screen_is_ascii(void)
{
    return screen.is_ascii;
}

void screen_size(int *rows, int *columns)
{
    *rows = getmaxy(stdscr);
    *columns = getmaxx(stdscr);
}

/* ---- Showing. ---- */

static void show_cell(int row, int column, const struct canvas_cell *cell)
{
    wchar_t text[2] = {(wchar_t)cell->code, 0};
    enum colour colour = cell->style & STYLE_COLOUR_MASK;
    attr_t attributes = A_NORMAL;
    cchar_t curses_cell;
    if (cell->style & STYLE_BOLD)
        attributes |= A_BOLD;
    if (cell->style & STYLE_REVERSE)
        attributes |= A_REVERSE;
    if (colour == COLOUR_FAINT && (!screen.has_colour || COLORS < 256))
        attributes |= A_DIM;
    setcchar(&curses_cell, text, attributes, screen.has_colour ? (short)colour : 0, NULL);
    mvadd_wch(row, column, &curses_cell);
}

void screen_show(const struct canvas *canvas)
{
    struct canvas *shown = &screen.shown;
    if (shown->rows != canvas->rows || shown->columns != canvas->columns) {
        canvas_resize(shown, canvas->rows, canvas->columns);
        erase();
    }
    for (int row = 0; row < canvas->rows; row++) {
        for (int column = 0; column < canvas->columns; column++) {
            const struct canvas_cell *cell = &canvas->cells[row * canvas->columns + column];
            struct canvas_cell *before = &shown->cells[row * canvas->columns + column];
            if (cell->code == before->code && cell->style == before->style)
                continue;
            *before = *cell;
            if (cell->code == CANVAS_TAIL)
                continue; /* shown with the cell to its left */
            show_cell(row, column, cell);
        }
    }
    refresh();
}

void screen_redraw(void)
{
    clearok(curscr, true);
    refresh();
}

/* ---- Keys. ---- */

static void stop_until_continued(void)
{
    struct sigaction ours;
    is_stop_wanted = 0;
    def_prog_mode();
    endwin();
    is_away = 1;
    release_stderr();
    sigaction(SIGTSTP, &screen.before_stop, &ours);
    raise(SIGTSTP); /* here the shell has the terminal, until SIGCONT */
    sigaction(SIGTSTP, &ours, NULL);
    keep_stderr();
    reset_prog_mode();
    is_away = 0;
    screen_redraw();
}

int screen_key(int timeout_ms)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    int ready = poll(&input, 1, timeout_ms);
    bool is_gone = ready > 0 && (input.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0;
    if (is_stop_wanted)
        stop_until_continued();

    wint_t code;
    int kind = get_wch(&code); /* also where poll was interrupted: a resize arrives as a key */
    if (kind == ERR)           /* nothing, or bytes that are no character */
        return is_gone ? SCREEN_KEY_CLOSED : SCREEN_KEY_NONE;
    if (kind == KEY_CODE_YES)
        return code == KEY_RESIZE      ? SCREEN_KEY_RESIZED
               : code == KEY_BACKSPACE ? SCREEN_KEY_BACKSPACE
               : code == KEY_ENTER     ? SCREEN_KEY_ENTER
                                       : SCREEN_KEY_NONE;
    return code == 127 ? SCREEN_KEY_BACKSPACE : code == '\n' ? SCREEN_KEY_ENTER : (int)code;
}
