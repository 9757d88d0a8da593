#include "tui/canvas.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "base/utf8.h"

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

/* What is two columns wide (Unicode's East Asian Width, W and F), as ranges in order. */
int canvas_code_width(uint32_t code)
{
    static const struct {
        uint32_t first, last;
    } wide[] = {
        {0x1100, 0x115f},   {0x2e80, 0x303e}, {0x3041, 0x33ff},   {0x3400, 0x4dbf},
        {0x4e00, 0xa4cf},   {0xac00, 0xd7a3}, {0xf900, 0xfaff},   {0xfe30, 0xfe6f},
        {0xff00, 0xff60},   {0xffe0, 0xffe6}, {0x1f300, 0x1f64f}, {0x1f900, 0x1f9ff},
        {0x20000, 0x3fffd},
    };
    for (size_t i = 0; i < sizeof wide / sizeof wide[0] && code >= wide[i].first; i++)
        if (code <= wide[i].last)
            return 2;
    return 1;
}

/* Of a wide character that is about to lose one of its cells the other becomes blank. */
static void untie(struct canvas *canvas, int row, int column)
{
    struct canvas_cell *cell = &canvas->cells[row * canvas->columns + column];
    if (cell->code == CANVAS_TAIL && column > 0)
        cell[-1].code = ' ';
    if (column + 1 < canvas->columns && cell[1].code == CANVAS_TAIL)
        cell[1].code = ' ';
}

void canvas_put(struct canvas *canvas, int row, int column, uint32_t style, uint32_t code)
{
    if (row < 0 || column < 0 || row >= canvas->rows || column >= canvas->columns)
        return;
    struct canvas_cell *cell = &canvas->cells[row * canvas->columns + column];
    uint32_t drawn = canvas->is_ascii ? to_ascii(code) : code;
    untie(canvas, row, column);
    if (canvas_code_width(drawn) == 1) {
        *cell = (struct canvas_cell){drawn, style};
    } else if (column + 1 == canvas->columns) {
        *cell = (struct canvas_cell){' ', style};
    } else {
        untie(canvas, row, column + 1);
        cell[0] = (struct canvas_cell){drawn, style};
        cell[1] = (struct canvas_cell){CANVAS_TAIL, style};
    }
}

void canvas_blank(struct canvas *canvas, struct rect rect)
{
    for (int row = rect.row; row < rect.row + rect.rows; row++)
        for (int column = rect.column; column < rect.column + rect.columns; column++)
            canvas_put(canvas, row, column, COLOUR_PLAIN, ' ');
}

uint32_t canvas_next_code(const char **text)
{
    uint32_t code = UNKNOWN;
    size_t count = utf8_shown(*text, strnlen(*text, 4), &code);

    *text += count == 0 ? 1 : count;
    return code;
}

int canvas_width(const char *text)
{
    int width = 0;
    while (*text != '\0')
        width += canvas_code_width(canvas_next_code(&text));
    return width;
}

int canvas_text(struct canvas *canvas, int row, int column, int room, uint32_t style,
                const char *text)
{
    while (room > 0 && *text != '\0') {
        uint32_t code = canvas_next_code(&text);
        int width = canvas_code_width(code);
        canvas_put(canvas, row, column, style, width <= room ? code : ' ');
        room -= width;
        column += room < 0 ? 1 : width;
    }
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

/* Marks that no line begins with, and marks that no line ends with. */
static bool is_closing(uint32_t code)
{
    static const uint32_t marks[] = U"，。、；：？！）」』》】〉”’…%),.;:?!]}";
    for (const uint32_t *mark = marks; *mark != 0; mark++)
        if (*mark == code)
            return true;
    return false;
}

static bool is_opening(uint32_t code)
{
    static const uint32_t marks[] = U"（「『《【〈“‘([{";
    for (const uint32_t *mark = marks; *mark != 0; mark++)
        if (*mark == code)
            return true;
    return false;
}

static bool may_break(uint32_t before, uint32_t after)
{
    if (before == ' ' || after == ' ')
        return before != ' ';
    return (canvas_code_width(before) == 2 || canvas_code_width(after) == 2) &&
           !is_opening(before) && !is_closing(after);
}

size_t canvas_line_bytes(const char *text, int room)
{
    const char *at = text, *last_break = NULL;
    uint32_t before = 0;
    while (*at != '\0') {
        const char *next = at;
        uint32_t code = canvas_next_code(&next);
        if (at > text && may_break(before, code))
            last_break = at;
        room -= canvas_code_width(code);
        if (room < 0 && (code != ' ' || at == text))
            break;
        before = code;
        at = next;
    }
    if (*at == '\0')
        return (size_t)(at - text);
    if (last_break != NULL)
        return (size_t)(last_break - text);
    if (at == text)
        canvas_next_code(&at);
    return (size_t)(at - text);
}

int canvas_wrap(struct canvas *canvas, struct rect rect, uint32_t style, const char *text)
{
    int row = 0;
    for (; row < rect.rows && *text != '\0'; row++) {
        char line[512];
        size_t count = canvas_line_bytes(text, rect.columns);
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

void canvas_copy(struct canvas *to, int row, int column, const struct canvas *from)
{
    for (int i = 0; i < from->rows; i++)
        for (int j = 0; j < from->columns; j++) {
            const struct canvas_cell *cell = &from->cells[i * from->columns + j];
            if (cell->code != CANVAS_TAIL)
                canvas_put(to, row + i, column + j, cell->style, cell->code);
        }
}
