/* Both hosts side by side: their pages as maps, the link between them, the legend below.
 *
 * A map's cell stands for many pages and shows the state that matters most. Dirty and missing pages
 * also show how many they are: a cell fills up with what is not done yet.
 */
#include "tui/panel.h"

#include <stdio.h>

#include "base/units.h"
#include "tui/words.h"

enum { GAP_COLUMNS = 4 }; /* between the maps: the link */

struct tile {
    uint32_t code;
    uint32_t style;
};

static struct tile tile_of(const uint64_t counts[PAGE_STATE_COUNT], uint64_t pages)
{
    static const uint32_t shades[] = {0x25a1, 0x2592, 0x2593, 0x2588}; /* □ ▒ ▓ █ */
    if (counts[PAGE_WAITED_FOR] > 0)
        return (struct tile){0x25c6, COLOUR_WAITED_FOR | STYLE_BOLD};
    if (counts[PAGE_IN_FLIGHT] > 0)
        return (struct tile){0x00bb, COLOUR_IN_FLIGHT | STYLE_BOLD};
    if (counts[PAGE_MISSING] > 0)
        return (struct tile){counts[PAGE_MISSING] * 2 >= pages ? 0x25cb : 0x25e6, COLOUR_MISSING};
    if (counts[PAGE_DIRTY] > 0) {
        uint64_t quarter = (counts[PAGE_DIRTY] * 4 - 1) / pages;
        return (struct tile){shades[quarter < 4 ? quarter : 3], COLOUR_DIRTY};
    }
    if (counts[PAGE_CLEAN] * 2 >= pages)
        return (struct tile){0x25a0, COLOUR_CLEAN};
    return (struct tile){0x00b7, COLOUR_FAINT};
}

/* Draws one host's map and adds its counts to `sums`. */
static void draw_map(struct canvas *canvas, struct rect rect, const struct timeline *timeline,
                     uint32_t host, uint64_t sums[PAGE_STATE_COUNT])
{
    uint64_t total = timeline->total_pages, cells = (uint64_t)rect.rows * (uint64_t)rect.columns;
    if (cells > total)
        cells = total;
    for (uint64_t i = 0; i < cells; i++) {
        uint64_t first = units_mul_div(i, total, cells), next = units_mul_div(i + 1, total, cells);
        uint64_t counts[PAGE_STATE_COUNT];
        timeline_map_cell(timeline, host, first, next - first, counts);
        for (int state = 0; state < PAGE_STATE_COUNT; state++)
            sums[state] += counts[state];
        struct tile tile = tile_of(counts, next - first);
        canvas_put(canvas, rect.row + (int)(i / (uint64_t)rect.columns),
                   rect.column + (int)(i % (uint64_t)rect.columns), tile.style, tile.code);
    }
}

/* What the guest does at the host where it is. A fault takes less than a millisecond: where time is
 * shown fast, the words would only flicker. */
static const char *describe_guest(const struct picture *picture, bool *is_halted)
{
    const double fault_is_seen = 0.01;
    const struct timeline *timeline = &picture->session->timeline;
    *is_halted = timeline->is_paused;
    if (timeline->is_paused)
        return "guest paused";
    if (timeline->phase == PHASE_POST_COPY && picture->speed > fault_is_seen)
        return "runs with faults";
    *is_halted = timeline->waiting_harts > 0;
    return *is_halted ? "guest waits" : "guest runs here";
}

static void draw_heading(struct canvas *canvas, struct rect rect, const struct picture *picture,
                         uint32_t host)
{
    const struct timeline *timeline = &picture->session->timeline;
    char title[32];
    bool is_halted;
    snprintf(title, sizeof title, "HOST %c (%s)", host == HOST_SOURCE ? 'A' : 'B',
             host == HOST_SOURCE ? "source" : "target");
    int column = canvas_heading(canvas, rect, title);
    if (timeline->host != host || timeline->has_guest_ended)
        return;
    const char *state = describe_guest(picture, &is_halted);
    canvas_format(canvas, rect.row, column + 1, rect.column + rect.columns - column - 1,
                  (is_halted ? COLOUR_WAITED_FOR : COLOUR_CLEAN) | STYLE_BOLD, " %s %s ",
                  is_halted ? "\u25c6" : "\u25cf", state);
}

/* What travels, and in which direction. */
static void draw_link(struct canvas *canvas, int row, int column, const struct timeline *timeline,
                      const uint64_t sums[PAGE_STATE_COUNT])
{
    bool is_moving = timeline->has_started && !timeline->has_ended;
    if (!is_moving)
        return;
    if (sums[PAGE_IN_FLIGHT] > 0 || timeline->phase == PHASE_COPY || timeline->phase == PHASE_PAUSE)
        canvas_text(canvas, row, column, 2, COLOUR_IN_FLIGHT | STYLE_BOLD, "\u00bb\u00bb");
    if (timeline->waiting_harts > 0)
        canvas_text(canvas, row + 1, column, 2, COLOUR_WAITED_FOR | STYLE_BOLD, "\u00ab?");
}

static void draw_legend(struct canvas *canvas, struct rect rect,
                        const uint64_t sums[PAGE_STATE_COUNT], uint64_t pages_per_cell)
{
    static const struct {
        enum page_state state;
        uint32_t code, style;
        const char *name;
        bool has_count;
    } entries[] = {
        {PAGE_CLEAN, 0x25a0, COLOUR_CLEAN, "clean", false},
        {PAGE_DIRTY, 0x2593, COLOUR_DIRTY, "dirty", true},
        {PAGE_IN_FLIGHT, 0x00bb, COLOUR_IN_FLIGHT | STYLE_BOLD, "in flight", true},
        {PAGE_MISSING, 0x25cb, COLOUR_MISSING, "missing", true},
        {PAGE_WAITED_FOR, 0x25c6, COLOUR_WAITED_FOR | STYLE_BOLD, "waited for", true},
        {PAGE_ABSENT, 0x00b7, COLOUR_FAINT, "not here", false},
    };
    int column = rect.column, end = rect.column + rect.columns;
    struct words count;
    for (size_t i = 0; i < sizeof entries / sizeof entries[0]; i++) {
        if (column + 2 + canvas_width(entries[i].name) > end)
            break;
        if (entries[i].state == PAGE_DIRTY) /* few of the cell's pages, or many */
            canvas_put(canvas, rect.row, column++, entries[i].style, 0x25a1);
        canvas_put(canvas, rect.row, column, entries[i].style, entries[i].code);
        column =
            canvas_text(canvas, rect.row, column + 2, end - column, COLOUR_PLAIN, entries[i].name);
        if (entries[i].has_count)
            column = canvas_format(canvas, rect.row, column + 1, end - column - 1,
                                   sums[entries[i].state] > 0 ? STYLE_BOLD : COLOUR_FAINT, "%s",
                                   words_short(&count, sums[entries[i].state]));
        column += 2;
    }
    char text[48];
    snprintf(text, sizeof text, "a cell: %s", words_counted(&count, pages_per_cell, "page"));
    if (column + canvas_width(text) <= end)
        canvas_text_right(canvas, rect.row, end, COLOUR_FAINT, text);
}

void panel_hosts(struct canvas *canvas, struct rect rect, const struct picture *picture)
{
    const struct timeline *timeline = &picture->session->timeline;
    uint64_t sums[PAGE_STATE_COUNT] = {0};
    int columns = (rect.columns - GAP_COLUMNS) / 2;
    struct rect a = {rect.row, rect.column, 1, columns};
    struct rect b = {rect.row, rect.column + rect.columns - columns, 1, columns};
    draw_heading(canvas, a, picture, HOST_SOURCE);
    draw_heading(canvas, b, picture, HOST_TARGET);

    struct rect map = {rect.row + 1, a.column + 1, rect.rows - 2, columns - 1};
    draw_map(canvas, map, timeline, HOST_SOURCE, sums);
    map.column = b.column;
    draw_map(canvas, map, timeline, HOST_TARGET, sums);
    draw_link(canvas, map.row + map.rows / 2 - 1, a.column + columns + 1, timeline, sums);

    uint64_t cells = (uint64_t)map.rows * (uint64_t)map.columns;
    struct rect legend = {rect.row + rect.rows - 1, rect.column + 1, 1, rect.columns - 2};
    draw_legend(canvas, legend, sums, (timeline->total_pages + cells - 1) / cells);
}
