/* axis: a plot with its two axes: values to pixels, lines at round values, and what they are
 * called. The horizontal axis is a time from 0, the vertical one a count from 0.
 */
#ifndef VIZ_AXIS_H
#define VIZ_AXIS_H

#include "viz/sheet.h"

struct axis {
    struct area plot;    /* where values are drawn */
    double x_max, y_max; /* what stands at its right and upper edge */
};

/* Leaves room in `area` for what the axes are called. `time_ns` and `count` are the largest values
 * that must find a place. */
struct axis axis_make(const struct sheet *sheet, struct area area, uint64_t time_ns,
                      uint64_t count);
void axis_draw(const struct sheet *sheet, const struct axis *axis);

double axis_x(const struct axis *axis, double time_ns);
double axis_y(const struct axis *axis, double count);
struct point axis_point(const struct axis *axis, double time_ns, double count);

/* 1, 2 or 5 times a power of ten: the step in which at most `steps` reach `value`. */
double axis_step(double value, int steps);

#endif
