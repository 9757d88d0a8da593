#include "labs/say.h"

#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/utf8.h"

/* What a pipe takes whole wherever it says that it takes anything (PIPE_BUF of POSIX is less). */
#define LINE_MAX_BYTES 4096u

/* The descriptor itself stays as it is: a terminal is shared with the shell, which must wait. */
static bool takes_more(void)
{
    struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
    return poll(&out, 1, 0) == 1 && (out.revents & POLLOUT) != 0;
}

void say_line(const char *format, ...)
{
    char line[LINE_MAX_BYTES];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(line, sizeof line - 1, format, arguments);
    va_end(arguments);
    utf8_make_showable(line, strlen(line), ' '); /* names and reasons in it are of others */
    strcat(line, "\n");
    /* In one piece: a line is there whole or not at all. */
    if (takes_more() && write(STDOUT_FILENO, line, strlen(line)) < 0)
        return; /* whoever read it is gone */
}
