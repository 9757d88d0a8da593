#include "viz/help.h"

#include "tui/translate.h"
#include "viz/keys.h"

/* The longest name and what it does need so many small letters. */
#define NAME_LETTERS "page down___"
#define COLUMNS      2

void help_draw(const struct sheet *sheet)
{
    const struct theme *theme = sheet->theme;
    int gap = sheet_gap(sheet), count = viz_key_count(), rows = (count + COLUMNS - 1) / COLUMNS;
    struct type name = sheet_bold(sheet, LETTERS_SMALL, theme->in_flight);
    struct type help = sheet_type(sheet, LETTERS_SMALL, theme->ink);
    int line = paint_line_height(sheet->paint, help);
    int width = paint_width(sheet->paint) - 4 * gap;
    int height = (rows + 2) * line + 2 * gap;
    struct area area = {2 * gap, (paint_height(sheet->paint) - height) / 2, width, height};
    paint_rect(sheet->paint, area, theme->panel);
    paint_outline(sheet->paint, area, 3, theme->ink);
    struct area inner = area_inset(area, gap);
    sheet_fit(sheet, inner.x, inner.y, inner.width, sheet_bold(sheet, LETTERS_SMALL, theme->ink),
              _("Keys, and those of a presenter's remote"));
    int names = paint_text_width(sheet->paint, name, NAME_LETTERS), each = inner.width / COLUMNS;
    for (int i = 0; i < count; i++) {
        const struct viz_key *key = viz_key_at(i);
        int x = inner.x + i / rows * each, y = inner.y + (i % rows + 2) * line - line / 2;
        sheet_fit(sheet, x, y, names, name, _(key->name));
        sheet_fit(sheet, x + names, y, each - names - gap, help, _(key->help));
    }
}
