#include "viz/race.h"

#include <math.h>
#include <stdio.h>

#include "base/units.h"
#include "tui/scene.h"
#include "tui/translate.h"
#include "tui/words.h"
#include "viz/axis.h"

#define POINTS_MAX       1024
#define POINTS_APART     8 /* pixels, at least */
#define LEGEND_LINES_MIN 5 /* a plot that is lower has no room for words in it */

struct curve {
    struct point points[POINTS_MAX]; /* in pixels */
    int count;
};

/* A point that is very near to the one before it gives its place to the next: a line of many short
 * pieces is uneven. */
static void add(struct curve *curve, const struct axis *axis, double time_ns, double pages)
{
    struct point *points = curve->points;
    int last = curve->count - 1;
    if (last > 0 && hypot(points[last].x - points[last - 1].x,
                          points[last].y - points[last - 1].y) < POINTS_APART)
        curve->count--;
    if (curve->count < POINTS_MAX)
        points[curve->count++] = axis_point(axis, time_ns, pages);
}

/* ---- What was forecast before the run, from its own figures. ---- */

/* Rounds one after the other: each takes as long as its pages take on the link, and leaves what is
 * sent in the next. What is missing at the end of the rounds follows later, at the same rate. */
static void make_forecast(struct curve *curve, const struct axis *axis,
                          const struct session_facts *facts)
{
    if (facts->forecast_total_ns == UINT64_MAX || facts->bandwidth_bits_per_s == 0)
        return;
    double page_ns = (double)facts->page_bytes * 8e9 / (double)facts->bandwidth_bits_per_s;
    double total_ns = (double)facts->forecast_total_ns, time_ns = 0;
    for (uint32_t i = 0; facts->forecast_round_pages != NULL && i < facts->forecast_round_count;
         i++) {
        add(curve, axis, time_ns, (double)facts->forecast_round_pages[i]);
        time_ns += (double)facts->forecast_round_pages[i] * page_ns;
    }
    if (time_ns == 0)
        add(curve, axis, 0, (double)facts->total_pages);
    else if (facts->mode == MODE_HYBRID && time_ns < total_ns)
        add(curve, axis, time_ns, (total_ns - time_ns) / page_ns);
    add(curve, axis, total_ns, 0);
}

/* ---- What was measured. ---- */

/* The end of each slice, and, where rounds are shorter than slices, their beginnings. */
static void make_measured(struct curve *curve, const struct axis *axis,
                          const struct timeline *timeline)
{
    uint64_t start_ns = timeline->started_ns;
    uint64_t end_ns = timeline->has_ended ? timeline->ended_ns : timeline->now_ns;
    uint64_t slices = end_ns / TIMELINE_SLICE_NS - start_ns / TIMELINE_SLICE_NS;
    uint64_t each = slices / (POINTS_MAX / 2) + 1;
    uint64_t slice = start_ns / TIMELINE_SLICE_NS;
    uint32_t rounds = timeline->round_count, round = 0;
    if (rounds > POINTS_MAX / 3)
        round = rounds - POINTS_MAX / 3;
    add(curve, axis, 0, (double)timeline->total_pages);
    for (;;) {
        uint64_t slice_ns = (slice + 1) * TIMELINE_SLICE_NS;
        uint64_t round_ns = round < rounds ? timeline->rounds[round].started_ns : UINT64_MAX;
        if (slice_ns >= end_ns && round_ns >= end_ns)
            break;
        if (round_ns <= slice_ns) {
            add(curve, axis, (double)(round_ns - start_ns), (double)timeline->rounds[round].pages);
            round++;
        } else {
            if (slice < timeline->slice_count)
                add(curve, axis, (double)(slice_ns - start_ns),
                    (double)timeline->slices[slice].pages_left);
            slice += each;
        }
    }
    /* Of a move that was given up nothing is left to be sent, and nothing was won: the curve ends
     * where it was. */
    if (timeline->has_ended && timeline->outcome != OUTCOME_COMPLETED)
        return;
    add(curve, axis, (double)(end_ns - start_ns),
        timeline->has_ended ? 0 : (double)timeline->pages_left);
}

/* Words in a corner of the plot, on the panel's ground: no line goes through them. */
static void draw_words(const struct sheet *sheet, int x, int y, struct type type, const char *text)
{
    int width = paint_text_width(sheet->paint, type, text), gap = sheet_gap(sheet) / 2;
    int left = type.align == ALIGN_RIGHT ? x - width : x;
    paint_rect(sheet->paint,
               (struct area){left - gap, y, width + 2 * gap, paint_line_height(sheet->paint, type)},
               sheet->theme->panel);
    paint_text(sheet->paint, x, y, type, text);
}

/* While the guest stands still its time is marked. */
static void draw_pause(const struct sheet *sheet, const struct axis *axis,
                       const struct timeline *timeline)
{
    if (!timeline->is_paused && !timeline->has_resumed)
        return;
    uint64_t end_ns = timeline->has_resumed ? timeline->resumed_at_ns : timeline->now_ns;
    int x = (int)lround(axis_x(axis, (double)(timeline->paused_at_ns - timeline->started_ns)));
    int next = (int)lround(axis_x(axis, (double)(end_ns - timeline->started_ns)));
    int least = 3;
    struct type type = sheet_type(sheet, LETTERS_SMALL, sheet->theme->alarm);
    const char *name = _("pause");
    int width = paint_text_width(sheet->paint, type, name), gap = sheet_gap(sheet);
    struct colour colour = sheet->theme->alarm;
    paint_rect(
        sheet->paint,
        (struct area){x, axis->plot.y, next - x < least ? least : next - x, axis->plot.height},
        (struct colour){colour.red, colour.green, colour.blue, 140});
    bool is_left = x - width - gap > axis->plot.x;
    draw_words(sheet, is_left ? x - gap / 2 - width : next + gap / 2,
               axis->plot.y + axis->plot.height * 2 / 3, type, name);
}

/* The two that race, and what the dashes are. */
static void draw_legend(const struct sheet *sheet, struct area plot, const struct session *session)
{
    const struct timeline *timeline = &session->timeline;
    uint64_t mu = timeline_mu(timeline), delta = timeline_delta(timeline);
    struct type type = type_right(sheet_type(sheet, LETTERS_SMALL, sheet->theme->ink));
    int line = paint_line_height(sheet->paint, type), right = plot.x + plot.width, y = plot.y;
    bool has_forecast = session->facts.forecast_total_ns != UINT64_MAX;
    struct words rate;
    char text[64];
    if (plot.height < LEGEND_LINES_MIN * line)
        return;
    if (mu > 0) {
        snprintf(text, sizeof text, _("copied %s/s"), words_brief(&rate, mu));
        draw_words(sheet, right, y, type, text);
        y += line;
    }
    if (mu > 0 && timeline->mode != MODE_STOP_AND_COPY) {
        snprintf(text, sizeof text, _("dirtied %s/s"), words_brief(&rate, delta));
        draw_words(sheet, right, y, type, text);
        y += line;
    }
    type.colour = sheet->theme->forecast;
    if (has_forecast)
        draw_words(sheet, right, y, type, _("dashes: forecast"));
}

void race_draw(const struct sheet *sheet, struct area area, const struct session *session)
{
    const struct session_facts *facts = &session->facts;
    const struct timeline *timeline = &session->timeline;
    uint64_t took_ns = 0, most_ns = 0;
    if (timeline->has_started)
        took_ns =
            (timeline->has_ended ? timeline->ended_ns : timeline->now_ns) - timeline->started_ns;
    if (facts->forecast_total_ns != UINT64_MAX)
        most_ns = facts->forecast_total_ns;
    if (took_ns > most_ns)
        most_ns = took_ns;
    double thick = 2 + sheet_gap(sheet) / 6.0;
    struct axis axis = axis_make(sheet, area, most_ns + most_ns / 50, timeline->total_pages);
    struct curve curve = {.count = 0};
    axis_draw(sheet, &axis);
    make_forecast(&curve, &axis, facts);
    paint_polyline(sheet->paint, curve.points, curve.count, thick, 2.5 * thick,
                   sheet->theme->forecast);
    if (timeline->has_started)
        draw_pause(sheet, &axis, timeline);
    draw_legend(sheet, axis.plot, session);
    if (!timeline->has_started)
        return;
    curve.count = 0;
    make_measured(&curve, &axis, timeline);
    paint_polyline(sheet->paint, curve.points, curve.count, 1.4 * thick, 0,
                   sheet->theme->in_flight);
    struct point last = curve.points[curve.count - 1];
    paint_mark(sheet->paint, MARK_CIRCLE, last.x, last.y, (int)(4 * thick), sheet->theme->ink);
}
