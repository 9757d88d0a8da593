#include "viz/heat_map.h"

#include <math.h>
#include <string.h>

#include "base/units.h"

#define CELLS_MAX    8192
#define PITCH_PART   84 /* a cell is so small a part of the picture's height, */
#define PITCH_MIN    7  /* but its form must be seen */
#define BATCH        512
#define SHARE_STEPS  4
#define RINGED_MAX   8
#define RING_PITCHES 4

/* What a cell looks like: a state, and for PAGE_DIRTY how much of the cell. */
enum look {
    LOOK_ABSENT,
    LOOK_CLEAN,
    LOOK_IN_FLIGHT,
    LOOK_MISSING,
    LOOK_WAITED_FOR,
    LOOK_DIRTY, /* and SHARE_STEPS - 1 heavier ones */
    LOOK_COUNT = LOOK_DIRTY + SHARE_STEPS
};

static enum look look_of(const uint64_t counts[PAGE_STATE_COUNT], uint64_t pages)
{
    if (counts[PAGE_WAITED_FOR] > 0)
        return LOOK_WAITED_FOR;
    if (counts[PAGE_IN_FLIGHT] > 0)
        return LOOK_IN_FLIGHT;
    if (counts[PAGE_MISSING] > 0)
        return LOOK_MISSING;
    if (counts[PAGE_DIRTY] > 0)
        return (enum look)(LOOK_DIRTY + (counts[PAGE_DIRTY] * SHARE_STEPS - 1) / pages);
    return counts[PAGE_CLEAN] * 2 >= pages ? LOOK_CLEAN : LOOK_ABSENT;
}

/* ---- The form of a cell. ---- */

/* A part of the cell's side, in thousandths of its own side. */
struct part {
    int x, y, width, height;
};

struct form {
    struct part fill[2]; /* in the state's colour; width 0: none */
    int hole;            /* in the middle, in the colour behind it */
};

static const struct form forms[LOOK_COUNT] = {
    [LOOK_ABSENT] = {{{420, 420, 160, 160}}, 0},
    [LOOK_CLEAN] = {{{0, 0, 1000, 1000}}, 0},
    [LOOK_IN_FLIGHT] = {{{0, 100, 1000, 280}, {0, 620, 1000, 280}}, 0},
    [LOOK_MISSING] = {{{250, 250, 500, 500}}, 0},
    [LOOK_WAITED_FOR] = {{{0, 360, 1000, 280}, {360, 0, 280, 1000}}, 0},
    [LOOK_DIRTY] = {{{0, 0, 1000, 1000}}, 660},
    [LOOK_DIRTY + 1] = {{{0, 0, 1000, 1000}}, 540},
    [LOOK_DIRTY + 2] = {{{0, 0, 1000, 1000}}, 420},
    [LOOK_DIRTY + 3] = {{{0, 0, 1000, 1000}}, 300},
};

static struct colour colour_of(const struct theme *theme, enum look look)
{
    switch (look) {
    case LOOK_ABSENT:
        return theme->line;
    case LOOK_CLEAN:
        return theme->clean;
    case LOOK_IN_FLIGHT:
        return theme->in_flight;
    case LOOK_MISSING:
        return theme->missing;
    case LOOK_WAITED_FOR:
        return theme->waited_for;
    default:
        return theme->dirty;
    }
}

static int part_of(int side, int thousandths)
{
    return (side * thousandths + 500) / 1000;
}

static struct area place(int x, int y, int side, struct part part)
{
    int left = part_of(side, part.x), top = part_of(side, part.y);
    int right = part_of(side, part.x + part.width), bottom = part_of(side, part.y + part.height);
    return (struct area){x + left, y + top, right > left ? right - left : 1,
                         bottom > top ? bottom - top : 1};
}

/* At least one pixel of the cell stays on each side. */
static struct part hole_of(int side, int hole)
{
    int wide = part_of(side, hole) > side - 2 ? (side - 2) * 1000 / side : hole;
    return (struct part){(1000 - wide) / 2, (1000 - wide) / 2, wide, wide};
}

/* ---- The grid. ---- */

struct heat_grid heat_grid_make(const struct sheet *sheet, struct area area, uint64_t total_pages)
{
    int pitch = paint_height(sheet->paint) / PITCH_PART;
    pitch = pitch < PITCH_MIN ? PITCH_MIN : pitch;
    double room = (double)area.width * area.height;
    if (room / (pitch * pitch) > CELLS_MAX)
        pitch = (int)ceil(sqrt(room / CELLS_MAX));
    /* A small guest has larger cells. */
    while (total_pages > 0 &&
           (uint64_t)(area.width / (pitch + 1)) * (uint64_t)(area.height / (pitch + 1)) >=
               total_pages)
        pitch++;
    int columns = area.width / pitch, rows = area.height / pitch;
    struct heat_grid grid = {.pitch = pitch, .columns = columns > 0 ? columns : 1};
    grid.cells = (uint64_t)grid.columns * (uint64_t)(rows > 0 ? rows : 1);
    if (grid.cells > total_pages)
        grid.cells = total_pages;
    rows = (int)((grid.cells + (uint64_t)grid.columns - 1) / (uint64_t)grid.columns);
    grid.area = (struct area){area.x + (area.width - grid.columns * pitch) / 2, area.y,
                              grid.columns * pitch, rows * pitch};
    return grid;
}

static void draw_parts(const struct sheet *sheet, const struct heat_grid *grid,
                       const uint8_t *looks, enum look look, bool is_hole, int which)
{
    struct area batch[BATCH];
    const struct form *form = &forms[look];
    int count = 0, side = grid->pitch - (grid->pitch > 9 ? 2 : 1);
    struct part part = is_hole ? hole_of(side, form->hole) : form->fill[which];
    struct colour colour = is_hole ? sheet->theme->panel : colour_of(sheet->theme, look);
    for (uint64_t i = 0; i < grid->cells; i++) {
        if (looks[i] != look)
            continue;
        int column = (int)(i % (uint64_t)grid->columns), row = (int)(i / (uint64_t)grid->columns);
        batch[count++] = place(grid->area.x + column * grid->pitch,
                               grid->area.y + row * grid->pitch, side, part);
        if (count == BATCH) {
            paint_rects(sheet->paint, batch, count, colour);
            count = 0;
        }
    }
    paint_rects(sheet->paint, batch, count, colour);
}

static void draw_looks(const struct sheet *sheet, const struct heat_grid *grid,
                       const uint8_t *looks, enum look look)
{
    for (int which = 0; which < 2; which++)
        if (forms[look].fill[which].width > 0)
            draw_parts(sheet, grid, looks, look, false, which);
    if (forms[look].hole > 0)
        draw_parts(sheet, grid, looks, look, true, 0);
}

/* Where few cells have what the whole picture is about, each has a ring that is seen from afar. */
static void ring(const struct sheet *sheet, const struct heat_grid *grid, const uint8_t *looks,
                 enum look look)
{
    uint64_t places[RINGED_MAX];
    int count = 0;
    for (uint64_t i = 0; i < grid->cells; i++) {
        if (looks[i] != look)
            continue;
        if (count == RINGED_MAX)
            return;
        places[count++] = i;
    }
    for (int i = 0; i < count; i++) {
        uint64_t column = places[i] % (uint64_t)grid->columns;
        uint64_t row = places[i] / (uint64_t)grid->columns;
        paint_mark(sheet->paint, MARK_RING, grid->area.x + ((double)column + 0.5) * grid->pitch,
                   grid->area.y + ((double)row + 0.5) * grid->pitch, grid->pitch * RING_PITCHES,
                   colour_of(sheet->theme, look));
    }
}

void heat_map(const struct sheet *sheet, const struct heat_grid *grid,
              const struct timeline *timeline, uint32_t host, uint64_t sums[PAGE_STATE_COUNT])
{
    uint8_t looks[CELLS_MAX];
    bool is_seen[LOOK_COUNT] = {false};
    uint64_t total = timeline->total_pages, cells = grid->cells;
    for (uint64_t i = 0; i < cells; i++) {
        uint64_t first = units_mul_div(i, total, cells), next = units_mul_div(i + 1, total, cells);
        uint64_t counts[PAGE_STATE_COUNT];
        timeline_map_cell(timeline, host, first, next - first, counts);
        for (int state = 0; state < PAGE_STATE_COUNT; state++)
            sums[state] += counts[state];
        looks[i] = (uint8_t)look_of(counts, next - first);
        is_seen[looks[i]] = true;
    }
    for (int look = 0; look < LOOK_COUNT; look++)
        if (is_seen[look])
            draw_looks(sheet, grid, looks, (enum look)look);
    paint_clip(sheet->paint, &grid->area);
    if (is_seen[LOOK_WAITED_FOR])
        ring(sheet, grid, looks, LOOK_WAITED_FOR);
    else if (is_seen[LOOK_IN_FLIGHT])
        ring(sheet, grid, looks, LOOK_IN_FLIGHT);
    paint_clip(sheet->paint, NULL);
}

void heat_map_sample(const struct sheet *sheet, enum page_state state, int x, int y, int size)
{
    uint64_t counts[PAGE_STATE_COUNT] = {0};
    counts[state] = 2;
    uint8_t look = (uint8_t)look_of(counts, 4);
    struct heat_grid grid = {.area = {x, y, size, size}, .pitch = size, .columns = 1, .cells = 1};
    draw_looks(sheet, &grid, &look, (enum look)look);
}
