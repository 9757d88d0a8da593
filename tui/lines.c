#include "tui/lines.h"

#include <limits.h>
#include <string.h>
#include <sys/ioctl.h>

#include "tui/canvas.h"

static int columns_of(FILE *out)
{
    struct winsize size;
    int descriptor = fileno(out); /* -1: bytes in memory */
    return descriptor >= 0 && ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0
               ? size.ws_col
               : INT_MAX;
}

static void put_line(FILE *out, int columns, char *line)
{
    char *command = strstr(line, "  ");
    if (canvas_width(line) <= columns) {
        fprintf(out, "%s\n", line);
        return;
    }
    if (command != NULL)
        *command = '\0';
    while (*line != '\0') {
        size_t count = canvas_line_bytes(line, columns);
        fprintf(out, "%.*s\n", (int)count, line);
        line += count + strspn(line + count, " ");
    }
    if (command != NULL)
        fprintf(out, "%s\n", command + 2);
}

void lines_put(FILE *out, const char *text)
{
    int columns = columns_of(out);
    while (*text != '\0') {
        char line[4096];
        size_t count = strcspn(text, "\n");
        snprintf(line, sizeof line, "%.*s", (int)count, text);
        put_line(out, columns, line);
        text += count + (text[count] == '\n');
    }
}
