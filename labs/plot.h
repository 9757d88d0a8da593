/* plot: a picture of numbers in plain text, 80 columns wide: measured points, and curves behind
 * them, on the same axes. ASCII where the locale has no more.
 */
#ifndef LABS_PLOT_H
#define LABS_PLOT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "labs/people.h"

#define PLOT_COLUMNS    66 /* of the area; its labels stand left of it */
#define PLOT_ROWS       16
#define PLOT_CURVES_MAX 3

struct plot_curve {
    const char *name;
    char mark;              /* as it is drawn */
    double y[PLOT_COLUMNS]; /* in each column; not a number: nothing there */
};

struct plot {
    const char *title;
    const char *(*format)(struct people *people, double y); /* the axis's labels */
    bool is_x_log;
    double x_first, x_last;
    const char *x_first_text, *x_last_text, *x_name;
    uint32_t point_count;
    const double *x, *y; /* of the points, borrowed; y not a number: the point failed */
    const char *point_name;
    uint32_t curve_count;
    struct plot_curve curves[PLOT_CURVES_MAX];
};

/* Where on the x axis a column stands. */
double plot_column_x(const struct plot *plot, uint32_t column);
/* Draws it; nothing where no point and no curve has a place. The y axis is one of logarithms where
 * the values differ by more than a factor of thirty. */
void plot_print(const struct plot *plot, FILE *file);

#endif
