#include "viz/box.h"

struct area box_draw(const struct sheet *sheet, struct area area, const char *name,
                     const char *figure, struct colour figure_colour)
{
    int gap = sheet_gap(sheet);
    struct area inner = area_inset(area, gap);
    struct type type = sheet_bold(sheet, LETTERS_PLAIN, sheet->theme->ink);
    int line = paint_line_height(sheet->paint, type);
    paint_rect(sheet->paint, area, sheet->theme->panel);
    int taken = sheet_fit(sheet, inner.x, inner.y - gap / 2, inner.width, type, name) + 2 * gap;
    type.colour = figure_colour;
    type.is_bold = false;
    /* Half a figure says something else. */
    struct type smallest = sheet_type(sheet, LETTERS_SMALL, figure_colour);
    if (paint_text_width(sheet->paint, smallest, figure) <= inner.width - taken)
        sheet_fit(sheet, inner.x + inner.width, inner.y - gap / 2, inner.width - taken,
                  type_right(type), figure);
    inner.y += line;
    inner.height -= line;
    return inner;
}
