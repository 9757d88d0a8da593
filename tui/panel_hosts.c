/* Both hosts side by side: their pages as maps, the link between them, the legend below.
 *
 * A map's cell stands for many pages and shows the state that matters most. Dirty pages
 * also show how many they are in three shades: a cell gets darker with what is not done yet.
 */
#include "tui/panel.h"

#include <stdio.h>

#include "base/units.h"
#include "tui/scene.h"
#include "tui/words.h"
#include "tui/translate.h"

enum { GAP_COLUMNS = 4 }; /* between the maps: the link */

struct tile {
    uint32_t code;
    uint32_t style;
};

static struct tile tile_of(const uint64_t counts[PAGE_STATE_COUNT], uint64_t pages)
{
    static const uint32_t shades[] = {0x25a1, 0x2592, 0x2593}; /* □ ▒ ▓ */
    if (counts[PAGE_WAITED_FOR] > 0)
        return (struct tile){0x25c6, COLOUR_WAITED_FOR | STYLE_BOLD};
    if (counts[PAGE_IN_FLIGHT] > 0)
        return (struct tile){0x00bb, COLOUR_IN_FLIGHT | STYLE_BOLD};
    if (counts[PAGE_MISSING] > 0)
        return (struct tile){0x25cb, COLOUR_MISSING};
    if (counts[PAGE_DIRTY] > 0) {
        uint64_t third = (counts[PAGE_DIRTY] * 3 - 1) / pages;
        return (struct tile){shades[third < 3 ? third : 2], COLOUR_DIRTY};
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
    *is_halted = true;
    if (timeline->has_ended && timeline->outcome == OUTCOME_LOST)
        return _("guest lost");
    if (timeline->has_ended && timeline->outcome == OUTCOME_PAUSED && timeline->has_resumed)
        return _("guest waits");
    *is_halted = timeline->is_paused;
    if (timeline->is_paused)
        return _("guest paused");
    if (timeline->phase == PHASE_POST_COPY && timeline->faults > 0 &&
        picture->speed > fault_is_seen)
        return _("runs with faults");
    *is_halted = timeline->waiting_harts > 0;
    return *is_halted ? _("guest waits") : _("guest runs here");
}

static void draw_heading(struct canvas *canvas, struct rect rect, const struct picture *picture,
                         uint32_t host, uint64_t pages_per_cell)
{
    const struct timeline *timeline = &picture->session->timeline;
    struct words pages;
    char title[32], scale[64];
    bool is_halted, is_gone = timeline->trouble.has_crashed[host];
    snprintf(title, sizeof title, _("HOST %c (%s)"),
             session_host_letter(&picture->session->facts, host),
             is_gone               ? _("crashed")
             : host == HOST_SOURCE ? _("source")
                                   : _("target"));
    int column = canvas_heading(canvas, rect, title);
    snprintf(scale, sizeof scale, _(" a cell: %s "), words_counted(&pages, pages_per_cell, "page"));
    if (timeline->host != host && column + canvas_width(scale) < rect.column + rect.columns)
        canvas_text_right(canvas, rect.row, rect.column + rect.columns, COLOUR_FAINT, scale);
    if (timeline->host != host || timeline->has_guest_ended || is_gone)
        return;
    const char *state = describe_guest(picture, &is_halted);
    canvas_format(canvas, rect.row, column + 1, rect.column + rect.columns - column - 1,
                  (is_halted ? COLOUR_WAITED_FOR : COLOUR_CLEAN) | STYLE_BOLD, " %s %s ",
                  timeline->is_paused ? "\u2016"
                  : is_halted         ? "\u25c6"
                                      : "\u25cf",
                  state);
}

/* What travels, and in which direction. */
static void draw_link(struct canvas *canvas, int row, int column, const struct timeline *timeline,
                      const uint64_t sums[PAGE_STATE_COUNT])
{
    bool is_moving = timeline->has_started && !timeline->has_ended;
    if (!is_moving)
        return;
    if (timeline->trouble.link_state == LINK_CUT || timeline->trouble.is_lost)
        canvas_text(canvas, row, column, 2, COLOUR_WAITED_FOR | STYLE_BOLD, "><");
    else if (sums[PAGE_IN_FLIGHT] > 0 || timeline->phase == PHASE_COPY ||
             timeline->phase == PHASE_PAUSE)
        canvas_text(canvas, row, column, 2, COLOUR_IN_FLIGHT | STYLE_BOLD, "\u00bb\u00bb");
    if (timeline->waiting_harts > 0)
        canvas_text(canvas, row + 1, column, 2, COLOUR_WAITED_FOR | STYLE_BOLD, "\u00ab?");
}

/* How the legend is written; the first form that fits is taken. */
struct legend_form {
    bool is_brief; /* 16.4k for 16,384 */
    int gap;
};

/* Returns the column after it; draws only with `is_drawing`, so that its width can be asked for. */
static int write_legend(struct canvas *canvas, struct rect rect, const struct timeline *timeline,
                        const uint64_t sums[PAGE_STATE_COUNT], struct legend_form form,
                        bool is_drawing)
{
    /* Before the first page is sent, and once the guest has left them behind, nothing is dirty in
     * the sense of written again: those pages only wait to be sent. */
    bool is_left = scene_leaves_pages(timeline);
    bool is_unsent = is_left || timeline->pages_sent == 0 || timeline->mode == MODE_STOP_AND_COPY;
    const struct {
        enum page_state state;
        const char *glyphs;
        uint32_t style;
        const char *name;
        bool has_count;
    } entries[] = {
        {PAGE_CLEAN, "\u25a0", COLOUR_CLEAN, _("clean"), false},
        {PAGE_DIRTY, "\u25a1\u2592\u2593", COLOUR_DIRTY, is_unsent ? _("to send") : _("dirty"),
         !(is_left && timeline->has_resumed)}, /* as many as are missing */
        {PAGE_IN_FLIGHT, "\u00bb", COLOUR_IN_FLIGHT | STYLE_BOLD, _("in flight"), true},
        {PAGE_MISSING, "\u25cb", COLOUR_MISSING, _("missing"), true},
        {PAGE_WAITED_FOR, "\u25c6", COLOUR_WAITED_FOR | STYLE_BOLD, _("awaited"), true},
        {PAGE_ABSENT, "\u00b7", COLOUR_FAINT, _("absent"), false},
    };
    int column = rect.column, room = is_drawing ? rect.columns : 0;
    for (size_t i = 0; i < sizeof entries / sizeof entries[0]; i++) {
        uint64_t sum = sums[entries[i].state];
        struct words words;
        const char *count = !entries[i].has_count ? ""
                            : form.is_brief       ? words_brief(&words, sum)
                                                  : words_short(&words, sum);
        canvas_text(canvas, rect.row, column, room, entries[i].style, entries[i].glyphs);
        column += canvas_width(entries[i].glyphs) + 1;
        canvas_text(canvas, rect.row, column, room, COLOUR_PLAIN, entries[i].name);
        column += canvas_width(entries[i].name) + 1;
        canvas_text(canvas, rect.row, column, room, sum > 0 ? STYLE_BOLD : COLOUR_FAINT, count);
        column += canvas_width(count) - (*count == '\0') + form.gap;
    }
    return column - form.gap;
}

static void draw_legend(struct canvas *canvas, struct rect rect, const struct timeline *timeline,
                        const uint64_t sums[PAGE_STATE_COUNT])
{
    static const struct legend_form forms[] = {{false, 2}, {true, 2}, {true, 1}};
    size_t last = sizeof forms / sizeof forms[0] - 1, i = 0;
    while (i < last &&
           write_legend(canvas, rect, timeline, sums, forms[i], false) > rect.column + rect.columns)
        i++;
    write_legend(canvas, rect, timeline, sums, forms[i], true);
}

void panel_hosts(struct canvas *canvas, struct rect rect, const struct picture *picture)
{
    const struct timeline *timeline = &picture->session->timeline;
    uint64_t sums[PAGE_STATE_COUNT] = {0};
    int columns = (rect.columns - GAP_COLUMNS) / 2;
    struct rect a = {rect.row, rect.column, 1, columns};
    struct rect b = {rect.row, rect.column + rect.columns - columns, 1, columns};
    struct rect map = {rect.row + 1, a.column + 1, rect.rows - 2, columns - 1};
    draw_map(canvas, map, timeline, HOST_SOURCE, sums);
    map.column = b.column;
    draw_map(canvas, map, timeline, HOST_TARGET, sums);
    draw_link(canvas, map.row + map.rows / 2 - 1, a.column + columns + 1, timeline, sums);

    uint64_t cells = (uint64_t)map.rows * (uint64_t)map.columns;
    uint64_t pages_per_cell = (timeline->total_pages + cells - 1) / cells;
    draw_heading(canvas, a, picture, HOST_SOURCE, pages_per_cell);
    draw_heading(canvas, b, picture, HOST_TARGET, pages_per_cell);
    struct rect legend = {rect.row + rect.rows - 1, rect.column + 1, 1, rect.columns - 2};
    draw_legend(canvas, legend, timeline, sums);
}
