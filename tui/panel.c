#include "tui/panel.h"

#include <stdio.h>

#include "tui/layout.h"

static void draw_all(struct canvas *canvas, const struct layout *layout,
                     const struct picture *picture)
{
    panel_title(canvas, layout->title, picture);
    panel_sentence(canvas, layout->sentence, picture);
    if (layout->hosts.rows > 0)
        panel_hosts(canvas, layout->hosts, picture);
    if (layout->closing.rows > 0)
        panel_closing(canvas, layout->closing, picture);
    if (picture->has_code) {
        struct rect rest = layout->rounds;
        rest.rows += layout->clients.rows;
        rest.columns += layout->measures.columns;
        panel_code(canvas, rest, picture);
        return;
    }
    panel_rounds(canvas, layout->rounds, picture);
    panel_measures(canvas, layout->measures, picture);
    if (layout->clients.rows > 0)
        panel_clients(canvas, layout->clients, picture);
}

void panel_all(struct canvas *canvas, const struct picture *picture, bool has_help)
{
    struct layout layout;
    struct rect everything = {0, 0, canvas->rows, canvas->columns};
    canvas_blank(canvas, everything);
    if (!layout_make(canvas->rows, canvas->columns, picture->session->has_ended, &layout)) {
        char text[128];
        snprintf(text, sizeof text,
                 "Please make this window at least %d columns by %d rows (it is %d by %d).",
                 LAYOUT_COLUMNS_MIN, LAYOUT_ROWS_MIN, canvas->columns, canvas->rows);
        canvas_wrap(canvas, everything, COLOUR_PLAIN, text);
        return;
    }
    draw_all(canvas, &layout, picture);
    panel_keys(canvas, layout.keys, picture);
    if (has_help)
        panel_help(canvas, everything, picture);
}

void panel_beside(struct canvas *canvas, const struct picture *picture)
{
    struct layout layout;
    canvas_blank(canvas, (struct rect){0, 0, canvas->rows, canvas->columns});
    if (layout_make_beside(canvas->rows, canvas->columns, &layout))
        draw_all(canvas, &layout, picture);
}
