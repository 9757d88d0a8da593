#include "migrate/growth.h"

#include <stdbool.h>

#include "base/units.h"

#define NO_POINT GROWTH_STEPS

static unsigned step_of(uint64_t ns)
{
    unsigned step = 0;
    while (step + 1 < GROWTH_STEPS && ns >= GROWTH_FIRST_NS << (step + 1))
        step++;
    return step;
}

void growth_note(struct growth *growth, uint64_t ns, uint64_t pages)
{
    if (ns == 0)
        return;
    growth->points[step_of(ns)].ns = ns;
    growth->points[step_of(ns)].pages = pages;
}

/* The known points beside that time. */
static void find_beside(const struct growth *growth, uint64_t ns, unsigned *before, unsigned *after)
{
    *before = *after = NO_POINT;
    for (unsigned i = 0; i < GROWTH_STEPS; i++) {
        uint64_t at_ns = growth->points[i].ns;
        if (at_ns != 0 && at_ns <= ns)
            *before = i;
        else if (at_ns != 0 && *after == NO_POINT)
            *after = i;
    }
}

/* Nearer to the beginning than was ever seen. The curve is bent, so that it lies above the line from
 * its beginning to the first point, and below the one through the first two: between them. */
static uint64_t before_first(const struct growth *growth, unsigned first, uint64_t ns)
{
    uint64_t first_ns = growth->points[first].ns, pages = growth->points[first].pages;
    uint64_t below = units_mul_div(pages, ns, first_ns), above = below;

    unsigned second = first + 1;
    while (second < GROWTH_STEPS && growth->points[second].ns == 0)
        second++;
    if (second == GROWTH_STEPS || growth->points[second].pages < pages)
        return below;
    uint64_t less = units_mul_div(growth->points[second].pages - pages, first_ns - ns,
                                  growth->points[second].ns - first_ns);
    if (less < pages - below)
        above = pages - less;
    return (below + above) / 2;
}

uint64_t growth_pages(const struct growth *growth, uint64_t ns)
{
    unsigned before, after;

    find_beside(growth, ns, &before, &after);
    if (before == NO_POINT)
        return after == NO_POINT ? 0 : before_first(growth, after, ns);
    uint64_t low = growth->points[before].pages, low_ns = growth->points[before].ns;
    if (after == NO_POINT) /* between as many, and as many as the line from the beginning says */
        return (low + units_mul_div(low, ns, low_ns)) / 2;
    uint64_t high = growth->points[after].pages, high_ns = growth->points[after].ns;
    if (high <= low) /* it has become calmer since */
        return high;
    return low + units_mul_div(high - low, ns - low_ns, high_ns - low_ns);
}
