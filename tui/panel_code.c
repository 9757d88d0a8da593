/* The code that decides, in place of the figures: the lines that the last decision went through,
 * and the one that made it.
 *
 *      12 ·     if (view->phase == PHASE_COPY)
 *      13 »         return (struct action){.kind = ACTION_PAUSE};
 */
#include "tui/panel.h"

#include <stdio.h>
#include <string.h>

#include "tui/words.h"

enum { HEAD_ROWS = 2, NUMBER_COLUMNS = 9, TAB_COLUMNS = 4 };

static void draw_decision(struct canvas *canvas, struct rect rect, const struct session_code *code)
{
    struct words time, count;
    char title[80];

    snprintf(title, sizeof title, "THE CODE %.60s", code->name);
    canvas_heading(canvas, rect, title);
    if (code->decided_at_ns == UINT64_MAX) {
        canvas_text(canvas, rect.row + 1, rect.column + 1, rect.columns - 2, COLOUR_FAINT,
                    "It has not been asked yet.");
        return;
    }
    uint32_t style = code->has_failed ? COLOUR_WAITED_FOR | STYLE_BOLD : STYLE_BOLD;
    int column =
        canvas_format(canvas, rect.row + 1, rect.column + 1, rect.columns - 2, style, "%s  %s",
                      words_clock_fine(&time, code->decided_at_ns), code->decision);
    canvas_format(canvas, rect.row + 1, column + 2, rect.column + rect.columns - column - 3,
                  COLOUR_FAINT, "%s instructions", words_count(&count, code->instructions));
}

/* Tabs as blanks: a canvas has no stops. */
static void expand(const char *line, char *text, size_t room)
{
    size_t used = 0;

    for (; *line != '\0' && used + TAB_COLUMNS < room; line++) {
        if (*line != '\t')
            text[used++] = *line;
        else
            do
                text[used++] = ' ';
            while (used % TAB_COLUMNS != 0);
    }
    text[used] = '\0';
}

static void draw_line(struct canvas *canvas, int row, struct rect rect,
                      const struct session_code *code, uint32_t number)
{
    bool is_here = number == code->line, is_passed = code->is_passed[number - 1];
    uint32_t style = is_here ? COLOUR_DIRTY | STYLE_BOLD : is_passed ? COLOUR_PLAIN : COLOUR_FAINT;
    char text[512];

    if (is_here && code->has_failed)
        style = COLOUR_WAITED_FOR | STYLE_BOLD;
    canvas_format(canvas, row, rect.column + 1, 5, COLOUR_FAINT, "%5u", number);
    canvas_put(canvas, row, rect.column + 7, style, is_here ? 0x00bb : is_passed ? 0x00b7 : ' ');
    expand(code->lines[number - 1], text, sizeof text);
    canvas_text(canvas, row, rect.column + NUMBER_COLUMNS, rect.columns - NUMBER_COLUMNS, style,
                text);
}

/* The first line to be shown, so that the one that decided stands in the middle. */
static uint32_t first_line(const struct session_code *code, int rows)
{
    uint32_t half = (uint32_t)rows / 2, room = (uint32_t)rows;
    uint32_t line = code->line;

    if (code->line_count <= room || line <= half)
        return 1;
    return line - half + room > code->line_count + 1 ? code->line_count + 1 - room : line - half;
}

void panel_code(struct canvas *canvas, struct rect rect, const struct picture *picture)
{
    const struct session_code *code = picture->session->code;
    bool has_said = code->said[0] != '\0';
    int rows = rect.rows - HEAD_ROWS - has_said;

    draw_decision(canvas, rect, code);
    uint32_t first = first_line(code, rows);
    for (int i = 0; i < rows && first + (uint32_t)i <= code->line_count; i++)
        draw_line(canvas, rect.row + HEAD_ROWS + i, rect, code, first + (uint32_t)i);
    if (has_said)
        canvas_format(canvas, rect.row + rect.rows - 1, rect.column + 1, rect.columns - 2,
                      COLOUR_FORECAST, "it said: %.*s", (int)strcspn(code->said, "\n"), code->said);
}
