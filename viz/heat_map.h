/* heat_map: the pages of a guest at one host, as a grid of cells. A cell stands for many pages and
 * shows the state that matters most, in a colour and in a form of its own; what is to be sent
 * (again) gets heavier with its share of the cell.
 */
#ifndef VIZ_HEAT_MAP_H
#define VIZ_HEAT_MAP_H

#include "record/timeline.h"
#include "viz/sheet.h"

/* How the cells are laid out in an area. */
struct heat_grid {
    struct area area; /* what of it they cover */
    int pitch, columns;
    uint64_t cells;
};
struct heat_grid heat_grid_make(const struct sheet *sheet, struct area area, uint64_t total_pages);

/* Draws it, and counts how many pages are in each state. */
void heat_map(const struct sheet *sheet, const struct heat_grid *grid,
              const struct timeline *timeline, uint32_t host, uint64_t sums[PAGE_STATE_COUNT]);

/* One cell, as in the map, for a legend. */
void heat_map_sample(const struct sheet *sheet, enum page_state state, int x, int y, int size);

#endif
