#include "viz/axis.h"

#include <math.h>
#include <stdio.h>

#include "base/units.h"
#include "tui/words.h"

#define COUNT_STEPS 4
#define TIME_STEPS  4

double axis_step(double value, int steps)
{
    static const double digits[] = {1, 2, 5, 10};
    double power = pow(10, floor(log10(value / steps) + 1e-9));
    for (int i = 0; i < 4; i++)
        if (digits[i] * power * steps >= value * (1 - 1e-9))
            return digits[i] * power;
    return 10 * power;
}

static struct type ticks_type(const struct sheet *sheet)
{
    return sheet_type(sheet, LETTERS_SMALL, sheet->theme->faint);
}

struct axis axis_make(const struct sheet *sheet, struct area area, uint64_t time_ns, uint64_t count)
{
    struct type type = ticks_type(sheet);
    int line = paint_line_height(sheet->paint, type);
    struct axis axis = {.x_max = time_ns > 0 ? (double)time_ns : 1};
    double top = count > 0 ? (double)count : 1;
    double step = axis_step(top, COUNT_STEPS);
    axis.y_max = fmax(top * 1.04, step); /* the highest value does not touch the edge */
    struct words words;
    double last = floor(top / step) * step;
    int room = paint_text_width(sheet->paint, type, words_brief(&words, (uint64_t)last));
    axis.plot = (struct area){area.x + room + sheet_gap(sheet) / 2, area.y + line / 4,
                              area.width - room - sheet_gap(sheet), area.height - line - line / 3};
    return axis;
}

double axis_x(const struct axis *axis, double time_ns)
{
    return axis->plot.x + axis->plot.width * fmin(fmax(time_ns / axis->x_max, 0), 1);
}

double axis_y(const struct axis *axis, double count)
{
    return axis->plot.y + axis->plot.height * (1 - fmin(fmax(count / axis->y_max, 0), 1));
}

struct point axis_point(const struct axis *axis, double time_ns, double count)
{
    return (struct point){axis_x(axis, time_ns), axis_y(axis, count)};
}

void axis_draw(const struct sheet *sheet, const struct axis *axis)
{
    struct type type = ticks_type(sheet);
    int line = paint_line_height(sheet->paint, type), taken = axis->plot.x - sheet_gap(sheet);
    int bottom = axis->plot.y + axis->plot.height, right = axis->plot.x + axis->plot.width;
    struct words words;
    double step = axis_step(axis->y_max / 1.04, COUNT_STEPS);
    int each = (int)ceil(line / (step / axis->y_max * axis->plot.height)), idx = 0;
    for (double value = 0; value <= axis->y_max; value += step, idx++) {
        int y = (int)lround(axis_y(axis, value));
        paint_rect(sheet->paint,
                   (struct area){axis->plot.x, y, axis->plot.width, value > 0 ? 1 : 2},
                   sheet->theme->line);
        if (idx % (each > 0 ? each : 1) == 0)
            paint_text(sheet->paint, axis->plot.x - sheet_gap(sheet) / 2, y - line / 2,
                       type_right(type), words_brief(&words, (uint64_t)value));
    }
    step = axis_step(axis->x_max, TIME_STEPS);
    for (double value = 0; value <= axis->x_max * (1 + 1e-9); value += step) {
        char text[32];
        units_format(UNIT_TIME, (uint64_t)value, text, sizeof text);
        if (value < 1)
            snprintf(text, sizeof text, "0");
        int width = paint_text_width(sheet->paint, type, text);
        int x = (int)lround(axis_x(axis, value));
        paint_rect(sheet->paint, (struct area){x, bottom, 2, line / 4}, sheet->theme->line);
        int left = x - width / 2 < taken ? taken : x - width / 2;
        if (left > right - width)
            left = right - width;
        if (left < taken)
            continue;
        paint_text(sheet->paint, left, bottom + line / 5, type, text);
        taken = left + width + sheet_gap(sheet);
    }
}
