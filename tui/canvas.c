#include "tui/canvas.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"

/* Every character beyond ASCII that panels draw, and what replaces it. */
static const struct {
    uint32_t code;
    char ascii;
} replacements[] = {
    {U'«', '<'}, {U'·', '.'}, {U'»', '>'}, {U'×', 'x'}, {U'δ', 'd'}, {U'μ', 'u'}, {U'–', '-'},
    {U'‖', '='}, {U'─', '-'}, {U'│', '|'}, {U'┌', '+'}, {U'┐', '+'}, {U'└', '+'}, {U'┘', '+'},
    {U'▁', '_'}, {U'▂', '.'}, {U'▃', ':'}, {U'▄', '-'}, {U'▅', '='}, {U'▆', '+'}, {U'▇', '*'},
    {U'█', '#'}, {U'▉', '#'}, {U'▊', '#'}, {U'▋', '='}, {U'▌', '='}, {U'▍', '='}, {U'▎', '-'},
    {U'▏', '-'}, {U'░', '-'}, {U'▒', '+'}, {U'▓', '%'}, {U'■', 'o'}, {U'□', '-'}, {U'▲', '^'},
    {U'◆', '!'}, {U'○', '?'}, {U'●', '*'}, {U'◦', ','},
};

/* Nothing else is drawn as this, so that a test sees what the table lacks. */
#define UNKNOWN '~'

static uint32_t to_ascii(uint32_t code)
{
    if (code < 0x80)
        return code;
    for (size_t i = 0; i < sizeof replacements / sizeof replacements[0]; i++)
        if (replacements[i].code == code)
            return (uint32_t)replacements[i].ascii;
    return UNKNOWN;
}

void canvas_init(struct canvas *canvas, bool is_ascii)
{
    *canvas = (struct canvas){.is_ascii = is_ascii};
}

void canvas_fini(struct canvas *canvas)
{
    free(canvas->cells);
    *canvas = (struct canvas){0};
}

void canvas_resize(struct canvas *canvas, int rows, int columns)
{
    MUST(rows >= 0 && columns >= 0);
    if (rows != canvas->rows || columns != canvas->columns) {
        size_t count = (size_t)rows * (size_t)columns;
        free(canvas->cells);
        canvas->cells = calloc(count > 0 ? count : 1, sizeof *canvas->cells);
        MUST(canvas->cells != NULL);
        canvas->rows = rows;
        canvas->columns = columns;
    }
    canvas_blank(canvas, (struct rect){0, 0, rows, columns});
}

void canvas_put(struct canvas *canvas, int row, int column, uint32_t style, uint32_t code)
{
    if (row < 0 || column < 0 || row >= canvas->rows || column >= canvas->columns)
        return;
    canvas->cells[row * canvas->columns + column] =
        (struct canvas_cell){canvas->is_ascii ? to_ascii(code) : code, style};
}

void canvas_blank(struct canvas *canvas, struct rect rect)
{
    for (int row = rect.row; row < rect.row + rect.rows; row++)
        for (int column = rect.column; column < rect.column + rect.columns; column++)
            canvas_put(canvas, row, column, COLOUR_PLAIN, ' ');
}

/* How many bytes follow the first one of a character in UTF-8; -1: it begins none. */
static int bytes_after(unsigned char first)
{
    if (first < 0x80)
        return 0;
    if (first < 0xc0)
        return -1;
    return first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
}

/* The next character; UNKNOWN for what is no UTF-8, and for control characters. */
static uint32_t next_code(const char **text)
{
    const unsigned char *at = (const unsigned char *)*text;
    int extra = bytes_after(at[0]);
    if (extra < 0) {
        *text += 1;
        return UNKNOWN;
    }
    uint32_t code = extra == 0 ? at[0] : at[0] & (0x3fu >> extra);
    for (int i = 1; i <= extra; i++) {
        if ((at[i] & 0xc0) != 0x80) {
            *text += i;
            return UNKNOWN;
        }
        code = code << 6 | (at[i] & 0x3f);
    }
    *text += extra + 1;
    bool is_control = code < ' ' || (code >= 0x7f && code < 0xa0);
    return is_control ? UNKNOWN : code;
}

int canvas_width(const char *text)
{
    int width = 0;
    for (; *text != '\0'; width++)
        next_code(&text);
    return width;
}

int canvas_text(struct canvas *canvas, int row, int column, int room, uint32_t style,
                const char *text)
{
    for (; room > 0 && *text != '\0'; room--)
        canvas_put(canvas, row, column++, style, next_code(&text));
    return column;
}

int canvas_format(struct canvas *canvas, int row, int column, int room, uint32_t style,
                  const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return canvas_text(canvas, row, column, room, style, text);
}

void canvas_text_right(struct canvas *canvas, int row, int end, uint32_t style, const char *text)
{
    canvas_text(canvas, row, end - canvas_width(text), canvas_width(text), style, text);
}

/* How many bytes of `text` fit into `room` columns, breaking at a space where there is one. */
static size_t line_bytes(const char *text, int room)
{
    const char *at = text, *last_space = NULL;
    for (int width = 0; width < room && *at != '\0'; width++) {
        if (*at == ' ')
            last_space = at;
        next_code(&at);
    }
    if (*at != '\0' && *at != ' ' && last_space != NULL)
        at = last_space;
    return (size_t)(at - text);
}

int canvas_wrap(struct canvas *canvas, struct rect rect, uint32_t style, const char *text)
{
    int row = 0;
    for (; row < rect.rows && *text != '\0'; row++) {
        char line[512];
        size_t count = line_bytes(text, rect.columns);
        if (count == 0)
            break;
        snprintf(line, sizeof line, "%.*s", (int)count, text);
        canvas_text(canvas, rect.row + row, rect.column, rect.columns, style, line);
        text += count;
        while (*text == ' ')
            text++;
    }
    return row;
}

int canvas_heading(struct canvas *canvas, struct rect rect, const char *title)
{
    for (int i = 0; i < rect.columns; i++)
        canvas_put(canvas, rect.row, rect.column + i, COLOUR_FAINT, 0x2500);
    int column = rect.column + 1;
    canvas_put(canvas, rect.row, column++, COLOUR_PLAIN, ' ');
    column = canvas_text(canvas, rect.row, column, rect.columns - 4, STYLE_BOLD, title);
    canvas_put(canvas, rect.row, column++, COLOUR_PLAIN, ' ');
    return column;
}
