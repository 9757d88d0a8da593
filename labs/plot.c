#include "labs/plot.h"

#include <langinfo.h>
#include <math.h>
#include <string.h>

#define LOG_FACTOR 30.0
#define POINT      '*' /* drawn as a disc where there is one */

struct scale {
    double low, high;
    bool is_log;
};

static double place(const struct scale *scale, double value)
{
    if (scale->is_log)
        return log(value / scale->low) / log(scale->high / scale->low);
    return (value - scale->low) / (scale->high - scale->low);
}

static double value_at(const struct scale *scale, double part)
{
    if (scale->is_log)
        return scale->low * pow(scale->high / scale->low, part);
    return scale->low + (scale->high - scale->low) * part;
}

static struct scale x_scale(const struct plot *plot)
{
    return (struct scale){plot->x_first, plot->x_last, plot->is_x_log && plot->x_first > 0};
}

double plot_column_x(const struct plot *plot, uint32_t column)
{
    struct scale scale = x_scale(plot);
    return value_at(&scale, (double)column / (PLOT_COLUMNS - 1));
}

/* ---- The y axis ---- */

static void include(struct scale *scale, double *least_positive, double y)
{
    if (!isfinite(y))
        return;
    if (scale->low > y)
        scale->low = y;
    if (scale->high < y)
        scale->high = y;
    if (y > 0 && *least_positive > y)
        *least_positive = y;
}

/* Closer together than this, the labels of the axis, of four digits, would read alike. */
#define LEAST_SPREAD 0.01

/* A curve may rise without bound where the measured points do not: it does not press them flat. */
#define CURVE_ABOVE 1.5

static bool find_y_scale(const struct plot *plot, struct scale *scale)
{
    double least_positive = INFINITY, above;

    *scale = (struct scale){INFINITY, -INFINITY, false};
    for (uint32_t i = 0; i < plot->point_count; i++)
        include(scale, &least_positive, plot->y[i]);
    above = scale->high > 0 ? scale->high * CURVE_ABOVE : INFINITY;
    for (uint32_t c = 0; c < plot->curve_count; c++)
        for (uint32_t i = 0; i < PLOT_COLUMNS; i++)
            if (plot->curves[c].y[i] <= above)
                include(scale, &least_positive, plot->curves[c].y[i]);
    if (!(scale->low <= scale->high))
        return false;
    if (scale->low > 0 && scale->high > scale->low * LOG_FACTOR) {
        scale->is_log = true;
        return true;
    }
    if (scale->low > 0 && scale->low < scale->high / 2)
        scale->low = 0; /* a part of a whole is seen only from nothing on */
    if (scale->high - scale->low <= scale->high * LEAST_SPREAD) {
        scale->low = scale->low > 0 ? 0 : scale->low - 1;
        scale->high = scale->high > 0 ? scale->high * 1.25 : scale->high + 1;
    }
    return true;
}

/* ---- The area ---- */

struct area {
    char cells[PLOT_ROWS][PLOT_COLUMNS]; /* row 0 is on top */
};

static void mark(struct area *area, const struct scale *y_scale, uint32_t column, double y,
                 char what)
{
    if (!isfinite(y) || (y_scale->is_log && y <= 0))
        return;
    double part = place(y_scale, y);
    if (part < -1e-9 || part > 1 + 1e-9)
        return;
    int row = PLOT_ROWS - 1 - (int)(part * (PLOT_ROWS - 1) + 0.5);
    area->cells[row][column] = what;
}

static void fill(struct area *area, const struct plot *plot, const struct scale *y_scale)
{
    struct scale across = x_scale(plot);

    memset(area->cells, ' ', sizeof area->cells);
    for (uint32_t c = plot->curve_count; c-- > 0;) /* the first one is not hidden by the others */
        for (uint32_t i = 0; i < PLOT_COLUMNS; i++)
            mark(area, y_scale, i, plot->curves[c].y[i], plot->curves[c].mark);
    for (uint32_t i = 0; i < plot->point_count; i++) {
        double part = plot->x_first == plot->x_last ? 0 : place(&across, plot->x[i]);
        mark(area, y_scale, (uint32_t)(part * (PLOT_COLUMNS - 1) + 0.5), plot->y[i], POINT);
    }
}

static void print_row(const char *row, bool is_utf8, FILE *file)
{
    size_t count = PLOT_COLUMNS;

    while (count > 0 && row[count - 1] == ' ')
        count--;
    for (size_t i = 0; i < count; i++)
        fputs(row[i] == POINT && is_utf8 ? "●" : (char[]){row[i], '\0'}, file);
    fputc('\n', file);
}

static bool is_nothing(const struct plot *plot)
{
    for (uint32_t i = 0; i < plot->point_count; i++)
        if (isfinite(plot->y[i]) && plot->y[i] != 0)
            return false;
    return plot->curve_count == 0;
}

void plot_print(const struct plot *plot, FILE *file)
{
    bool is_utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    struct scale y_scale;
    struct area area;

    if (!find_y_scale(plot, &y_scale))
        return;
    if (is_nothing(plot)) {
        fprintf(file, "%s: none at any point: nothing to draw\n", plot->title);
        return;
    }
    fill(&area, plot, &y_scale);
    fprintf(file, "%s%s\n", plot->title, y_scale.is_log ? " (log scale)" : "");
    for (uint32_t row = 0; row < PLOT_ROWS; row++) {
        struct people people = {0};
        double part = 1 - (double)row / (PLOT_ROWS - 1);
        bool has_label = row % 5 == 0;
        fprintf(file, "%12s %s", has_label ? plot->format(&people, value_at(&y_scale, part)) : "",
                is_utf8 ? (has_label ? "┤" : "│") : (has_label ? "+" : "|"));
        print_row(area.cells[row], is_utf8, file);
    }
    fprintf(file, "%12s %s", "", is_utf8 ? "└" : "+");
    for (uint32_t i = 0; i < PLOT_COLUMNS; i++)
        fputs(is_utf8 ? "─" : "-", file);
    int room = PLOT_COLUMNS - (int)strlen(plot->x_first_text) - (int)strlen(plot->x_last_text);
    fprintf(file, "\n%14s%s%*s%s\n%14s", "", plot->x_first_text, room > 1 ? room : 1, "",
            plot->x_last_text, "");
    fprintf(file, "%s%s; %s %s", plot->x_name, plot->is_x_log ? " (log scale)" : "",
            is_utf8 ? "●" : "*", plot->point_name);
    for (uint32_t c = 0; c < plot->curve_count; c++)
        fprintf(file, "; %c %s", plot->curves[c].mark, plot->curves[c].name);
    fputc('\n', file);
}
