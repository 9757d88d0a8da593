#include "tui/page.h"

#include <stdio.h>
#include <string.h>

bool page_next_row(const char **text, int columns, struct page_row *row)
{
    const char *at = *text;
    char line[1024];

    if (*at == '\0')
        return false;
    if (!row->goes_on) {
        row->indent = (int)strspn(at, " ");
        if (row->indent > columns / 2)
            row->indent = columns / 2;
    }
    at += strspn(at, " "); /* also those at which the row before was broken */
    size_t left = strcspn(at, "\n");
    if (left >= sizeof line) {
        left = sizeof line - 1;
        while (left > 0 && ((unsigned char)at[left] & 0xc0) == 0x80)
            left--;
    }
    snprintf(line, sizeof line, "%.*s", (int)left, at);
    row->text = at;
    row->bytes = left > 0 ? (int)canvas_line_bytes(line, columns - row->indent) : 0;
    at += row->bytes;
    row->goes_on = *at != '\n' && *at != '\0';
    *text = at + (*at == '\n');
    return true;
}

int page_rows(const char *text, int columns)
{
    struct page_row row = {0};
    int rows = 0;

    while (page_next_row(&text, columns, &row))
        rows++;
    return rows;
}

bool page_is_whole(const char *text, int columns)
{
    for (; *text != '\0'; text += strcspn(text, "\n"), text += *text == '\n') {
        size_t indent = strspn(text, " "), bytes = strcspn(text + indent, "\n");
        char line[1024];
        snprintf(line, sizeof line, "%.*s", (int)bytes, text + indent);
        bool is_row = indent > 0 && strstr(line, "  ") != NULL;
        if (is_row && canvas_width(line) + (int)indent > columns)
            return false;
    }
    return true;
}

void page_draw_text(struct canvas *canvas, struct rect rect, const char *text)
{
    struct page_row row = {0};

    for (int i = 0; i < rect.rows && page_next_row(&text, rect.columns, &row); i++) {
        char line[1024];
        snprintf(line, sizeof line, "%.*s", row.bytes, row.text);
        canvas_text(canvas, rect.row + i, rect.column + row.indent, rect.columns - row.indent,
                    row.indent > 0 ? STYLE_BOLD : COLOUR_PLAIN, line);
    }
}
