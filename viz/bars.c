#include "viz/bars.h"

#include <math.h>
#include <stdio.h>

#include "tui/words.h"

static struct type label_type(const struct sheet *sheet, struct colour colour)
{
    return type_centre(sheet_type(sheet, LETTERS_SMALL, colour));
}

int bars_room(const struct sheet *sheet, struct area area)
{
    int pitch =
        paint_text_width(sheet->paint, label_type(sheet, sheet->theme->faint), "00") * 5 / 4;
    int room = area.width / (pitch > 0 ? pitch : 1);
    return room < 1 ? 1 : room;
}

/* A single page is still to be seen. */
static int height_of(uint64_t value, uint64_t top, int room)
{
    double share = log((double)value + 1) / log((double)(top > 1 ? top : 2) + 1);
    return value == 0 ? 0 : (int)lround(fmax(room * fmin(share, 1), 2));
}

static void draw_solid(const struct sheet *sheet, struct area column, const struct bar *bar,
                       uint64_t top)
{
    int height = height_of(bar->value, top, column.height), bottom = column.y + column.height;
    int done = bar->value == 0 || bar->done >= bar->value
                   ? height
                   : (int)((double)height * (double)bar->done / (double)bar->value);
    int stripe = sheet_gap(sheet) / 3 + 1;
    for (int y = bottom - height; y < bottom - done; y += 2 * stripe) {
        int thick = y + stripe > bottom - done ? bottom - done - y : stripe;
        paint_rect(sheet->paint, (struct area){column.x, y, column.width, thick}, bar->colour);
    }
    paint_rect(sheet->paint, (struct area){column.x, bottom - done, column.width, done},
               bar->colour);
    if (bar->is_marked && height > 0)
        paint_mark(sheet->paint, MARK_DIAMOND, column.x + column.width / 2.0,
                   bottom - height - sheet_gap(sheet), sheet_gap(sheet) * 3 / 2, bar->colour);
}

void bars_draw(const struct sheet *sheet, struct area area, const struct bar *bars, int count,
               uint64_t top)
{
    struct type type = label_type(sheet, sheet->theme->ink);
    int line = paint_line_height(sheet->paint, type), room = bars_room(sheet, area);
    int slots = count < 6 ? 6 : count;
    int pitch = area.width / (slots > room ? room : slots), width = pitch * 3 / 5;
    int headroom = 2 * sheet_gap(sheet);
    for (int i = 0; i < count; i++) {
        struct area column = {area.x + i * pitch + (pitch - width) / 2, area.y + headroom, width,
                              area.height - line - headroom};
        bool is_measured = bars[i].value != UINT64_MAX;
        if (is_measured)
            draw_solid(sheet, column, &bars[i], top);
        if (bars[i].forecast != UINT64_MAX) {
            int height = height_of(bars[i].forecast, top, column.height), out = width / 5;
            paint_outline(sheet->paint,
                          (struct area){column.x - out, column.y + column.height - height,
                                        width + 2 * out, height},
                          2 + sheet_gap(sheet) / 16, sheet->theme->forecast);
        }
        type.colour = is_measured ? sheet->theme->ink : sheet->theme->faint;
        paint_text(sheet->paint, column.x + width / 2, area.y + area.height - line, type,
                   bars[i].label);
    }
    paint_rect(sheet->paint, (struct area){area.x, area.y + area.height - line, area.width, 2},
               sheet->theme->line);
}
