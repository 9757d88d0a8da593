#include "viz/latency_strip.h"

#include <math.h>
#include <stdio.h>

#include "base/units.h"
#include "tui/felt.h"
#include "tui/scene.h"
#include "tui/translate.h"
#include "tui/words.h"

#define COLUMN_PART 180 /* a column is at least so small a part of the picture's height */

static void draw_hatched(const struct sheet *sheet, struct area area, struct colour colour)
{
    int stripe = sheet_gap(sheet) / 4 + 2;
    for (int y = area.y + area.height - stripe; y > area.y - stripe; y -= 2 * stripe) {
        int top = y < area.y ? area.y : y;
        paint_rect(sheet->paint, (struct area){area.x, top, area.width, y + stripe - top}, colour);
    }
}

/* The strip's decades, from its foot up. */
static void draw_scale(const struct sheet *sheet, struct area plot, int decades)
{
    struct type type = type_right(sheet_type(sheet, LETTERS_SMALL, sheet->theme->faint));
    int line = paint_line_height(sheet->paint, type);
    uint64_t value_ns = FELT_LOW_NS;
    int each = line * (decades + 1) > plot.height ? 2 : 1;
    for (int i = 0; i <= decades; i++, value_ns *= 10) {
        int y = plot.y + plot.height - plot.height * i / decades;
        char text[24];
        units_format(UNIT_TIME, value_ns, text, sizeof text);
        paint_rect(sheet->paint, (struct area){plot.x, y, plot.width, 1}, sheet->theme->line);
        if (i % each == 0)
            paint_text(sheet->paint, plot.x - sheet_gap(sheet) / 2, y - line / 2, type, text);
    }
}

static void draw_columns(const struct sheet *sheet, struct area plot, struct felt_strip *strip)
{
    const struct theme *theme = sheet->theme;
    double width = (double)plot.width / (double)strip->column_count;
    for (uint64_t i = 0; i < strip->column_count; i++) {
        struct felt felt = felt_column(strip, i);
        int x = plot.x + (int)lround((double)i * width);
        int next = plot.x + (int)lround((double)(i + 1) * width);
        int height = (int)lround(felt_height(strip, felt.latency_max_ns) * plot.height);
        height = felt.look == FELT_SILENT ? plot.height : height < 3 ? 3 : height;
        struct area column = {x, plot.y + plot.height - height, next - x, height};
        if (felt.look == FELT_USUAL && !felt.is_wrong)
            paint_rect(sheet->paint, column, theme->clean);
        else if (felt.look != FELT_NOTHING)
            draw_hatched(sheet, column, theme->alarm);
        if (felt.is_wrong)
            paint_mark(sheet->paint, MARK_CROSS, (x + next) / 2.0, plot.y + sheet_gap(sheet),
                       2 * sheet_gap(sheet), theme->alarm);
        /* An outage of a moment is a narrow column: a diamond stands above it. */
        if (felt.look == FELT_SLOW && next - x < sheet_gap(sheet))
            paint_mark(sheet->paint, MARK_DIAMOND, (x + next) / 2.0,
                       column.y - sheet_gap(sheet) / 2.0, sheet_gap(sheet), theme->alarm);
    }
}

/* Below the strip: where the move began, and the pause; and how long all of it is. */
static void draw_instants(const struct sheet *sheet, struct area plot,
                          const struct session *session, uint64_t span_ns)
{
    const struct timeline *timeline = &session->timeline;
    struct type type = sheet_type(sheet, LETTERS_SMALL, sheet->theme->faint);
    int gap = sheet_gap(sheet), top = plot.y + plot.height, y = top + gap / 3;
    int end = plot.x + plot.width, taken = plot.x;
    struct words words;
    const struct {
        bool is_there;
        uint64_t at_ns;
        const char *name;
    } instants[] = {
        {timeline->has_started, timeline->started_ns, _("move")},
        {timeline->is_paused || timeline->has_resumed, timeline->paused_at_ns, _("pause")},
    };
    for (size_t i = 0; i < sizeof instants / sizeof instants[0]; i++) {
        int width = paint_text_width(sheet->paint, type, instants[i].name);
        int x = plot.x + (int)units_mul_div(
                             (uint64_t)plot.width,
                             instants[i].at_ns < span_ns ? instants[i].at_ns : span_ns, span_ns);
        if (!instants[i].is_there)
            continue;
        paint_rect(sheet->paint, (struct area){x - 1, top, 2, gap}, sheet->theme->ink);
        int left = x + gap / 3 + width > end ? x - gap / 3 - width : x + gap / 3;
        if (left < taken)
            continue;
        paint_text(sheet->paint, left, y, type, instants[i].name);
        taken = left + width + gap / 2;
    }
    words_time(&words, timeline->now_ns); /* the last column need not be full */
    if (end - paint_text_width(sheet->paint, type, words.text) > taken)
        paint_text(sheet->paint, end, y, type_right(type), words.text);
}

void latency_strip(const struct sheet *sheet, struct area area, const struct stage *stage)
{
    struct type type = sheet_type(sheet, LETTERS_SMALL, sheet->theme->faint);
    int line = paint_line_height(sheet->paint, type);
    int room = paint_text_width(sheet->paint, type, "100ms") + sheet_gap(sheet);
    struct area plot = {area.x + room, area.y + line / 2, area.width - room,
                        area.height - line * 3 / 2};
    int column = 1 + paint_height(sheet->paint) / COLUMN_PART;
    if (!session_has_clients(stage->session)) {
        sheet_wrap(sheet, area, type, scene_no_clients(stage->session));
        return;
    }
    if (plot.width < column || plot.height <= 0)
        return; /* no room for a single one */
    struct felt_strip strip =
        felt_strip_make(stage->session, stage->latency, (uint64_t)(plot.width / column));
    draw_scale(sheet, plot, strip.decades);
    draw_columns(sheet, plot, &strip);
    draw_instants(sheet, plot, stage->session,
                  strip.slices_per_column * strip.column_count * TIMELINE_SLICE_NS);
}
