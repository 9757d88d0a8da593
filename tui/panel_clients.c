/* What the clients feel: for each slice of time the longest latency of an answer, as a strip whose
 * height is logarithmic, from 10 us to 100 ms, or to what it takes. Where no answer came at all,
 * the strip shows silence. The whole run fits: a column stands for as many slices as it takes.
 */
#include "tui/panel.h"

#include <math.h>
#include <stdio.h>

#include "tui/felt.h"
#include "tui/scene.h"
#include "tui/words.h"
#include "tui/translate.h"

/* In eighths of a row, at least one. */
static int eighths_of(const struct felt_strip *strip, uint64_t latency_ns, int rows)
{
    int height = (int)lround(felt_height(strip, latency_ns) * rows * 8);
    return height < 1 ? 1 : height;
}

static void draw_column(struct canvas *canvas, int bottom, int column, int rows, int height,
                        uint32_t style)
{
    for (int i = 0; i < rows && height > 0; i++, height -= 8)
        canvas_put(canvas, bottom - i, column, style, 0x2580 + (uint32_t)(height > 8 ? 8 : height));
}

static void draw_strip(struct canvas *canvas, struct rect rect, struct felt_strip *strip)
{
    int bottom = rect.row + rect.rows - 1;
    for (uint64_t i = 0; i < strip->column_count && i < (uint64_t)rect.columns; i++) {
        struct felt felt = felt_column(strip, i);
        int column = rect.column + (int)i;
        bool is_bad = felt.look == FELT_SLOW || felt.is_wrong;
        if (felt.look == FELT_USUAL || felt.look == FELT_SLOW)
            draw_column(canvas, bottom, column, rect.rows,
                        eighths_of(strip, felt.latency_max_ns, rect.rows),
                        is_bad ? COLOUR_WAITED_FOR : COLOUR_CLEAN);
        if (felt.is_wrong)
            canvas_put(canvas, rect.row, column, COLOUR_WAITED_FOR | STYLE_BOLD, '!');
        for (int row = rect.row; felt.look == FELT_SILENT && row <= bottom; row++)
            canvas_put(canvas, row, column, COLOUR_WAITED_FOR, 0x00d7);
    }
}

static void mark(struct canvas *canvas, struct rect rect, const struct felt_strip *strip, int row,
                 uint64_t at_ns, const char *name, int *taken)
{
    uint64_t column_ns = strip->slices_per_column * TIMELINE_SLICE_NS;
    int column = rect.column + (int)(at_ns / column_ns);
    if (column < *taken || column + 2 + canvas_width(name) > rect.column + rect.columns)
        return;
    *taken = canvas_format(canvas, row, column, rect.columns, COLOUR_FAINT, "\u25b2%s", name) + 1;
}

static void draw_axis(struct canvas *canvas, struct rect rect, const struct timeline *timeline,
                      const struct felt_strip *strip)
{
    char text[48];
    struct words words;
    int row = rect.row + rect.rows, taken = rect.column;
    if (timeline->has_started)
        mark(canvas, rect, strip, row, timeline->started_ns, _("move"), &taken);
    if (timeline->is_paused || timeline->has_resumed)
        mark(canvas, rect, strip, row, timeline->paused_at_ns, _("pause"), &taken);
    if (timeline->has_ended && timeline->mode != MODE_STOP_AND_COPY)
        mark(canvas, rect, strip, row, timeline->ended_ns, _(scene_end_word(timeline->outcome)),
             &taken);
    snprintf(text, sizeof text, _("a column: %s"),
             words_time(&words, strip->slices_per_column * TIMELINE_SLICE_NS));
    if (taken + canvas_width(text) < rect.column + rect.columns)
        canvas_text_right(canvas, row, rect.column + rect.columns, COLOUR_FAINT, text);
}

static void draw_heading(struct canvas *canvas, struct rect rect, const struct picture *picture)
{
    const struct timeline *timeline = &picture->session->timeline;
    struct words words, silence;
    char text[160];
    int column = canvas_heading(canvas, rect, _("CLIENTS"));
    if (!session_has_clients(picture->session))
        return;
    column = canvas_format(canvas, rect.row, column, rect.columns, COLOUR_PLAIN, _(" %s answers, "),
                           words_count(&words, timeline->answers));
    column = canvas_format(canvas, rect.row, column, rect.columns,
                           timeline->errors > 0 ? COLOUR_WAITED_FOR | STYLE_BOLD : COLOUR_PLAIN,
                           _("%s wrong "), words_count(&words, timeline->errors));
    snprintf(text, sizeof text, _(" median %s, longest silence %s "),
             words_time(&words, picture->latency.p50),
             words_time(&silence, timeline->longest_silence_ns));
    if (column + canvas_width(text) > rect.column + rect.columns - 1)
        snprintf(text, sizeof text, _(" longest silence %s "),
                 words_time(&words, timeline->longest_silence_ns));
    canvas_text_right(canvas, rect.row, rect.column + rect.columns - 1, COLOUR_PLAIN, text);
}

void panel_clients(struct canvas *canvas, struct rect rect, const struct picture *picture)
{
    const struct session *session = picture->session;
    struct rect inner = {rect.row + 1, rect.column + 7, rect.rows - 2, rect.columns - 8};
    uint64_t top_ns = FELT_LOW_NS;
    char top[24];
    draw_heading(canvas, rect, picture);
    if (!session_has_clients(session)) {
        canvas_text(canvas, inner.row, rect.column + 2, rect.columns - 3, COLOUR_FAINT,
                    scene_no_clients(session));
        return;
    }
    struct felt_strip strip = felt_strip_make(session, picture->latency, (uint64_t)inner.columns);
    for (int i = 0; i < strip.decades; i++)
        top_ns *= 10;
    units_format(UNIT_TIME, top_ns, top, sizeof top);
    canvas_text_right(canvas, inner.row, inner.column - 1, COLOUR_FAINT, top);
    canvas_text_right(canvas, inner.row + inner.rows - 1, inner.column - 1, COLOUR_FAINT, "10us");
    canvas_text_right(canvas, inner.row + inner.rows / 2, inner.column - 1, COLOUR_FAINT,
                      _("(log)"));
    draw_strip(canvas, inner, &strip);
    draw_axis(canvas, inner, &session->timeline, &strip);
}
