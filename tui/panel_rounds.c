/* The rounds as bars, each beside what was predicted. The bars are logarithmic, because every round
 * is a fraction of the one before: on a straight scale the fourth could not be seen.
 *
 * A round that is going on fills up. Rounds that are only predicted are listed faintly below.
 */
#include "tui/panel.h"

#include <math.h>
#include <stdio.h>

#include "tui/scene.h"
#include "tui/words.h"
#include "tui/translate.h"

enum {
    NUMBER_COLUMNS = 4,
    PAGES_COLUMNS = 9,
    FORECAST_COLUMNS = 9,
    DIRTIED_COLUMNS = 9,
    TIME_COLUMNS = 10,
    BAR_COLUMNS_MIN = 16,
    PAUSED_COLUMNS = 7, /* the word and a gap */
};

/* Where the columns of the table end. 0: there is no room for it. */
struct columns {
    int bar, bar_end, pages, forecast, dirtied, time;
    int paused; /* where the word ends: a paused round has dirtied nothing */
};

static struct columns columns_of(struct rect rect)
{
    struct columns columns = {.bar = rect.column + NUMBER_COLUMNS};
    columns.time = rect.column + rect.columns - 2;
    columns.dirtied = columns.time - TIME_COLUMNS;
    columns.forecast = columns.dirtied - DIRTIED_COLUMNS;
    columns.bar_end = columns.forecast - FORECAST_COLUMNS - PAGES_COLUMNS + 1;
    if (columns.bar_end - columns.bar < BAR_COLUMNS_MIN) {
        columns.forecast = columns.dirtied;
        columns.dirtied = 0;
        columns.bar_end = columns.forecast - FORECAST_COLUMNS - PAGES_COLUMNS + 1;
        columns.bar_end -= PAUSED_COLUMNS;
    }
    columns.paused = columns.dirtied > 0 ? columns.dirtied : columns.bar_end + PAUSED_COLUMNS;
    columns.pages = columns.forecast - FORECAST_COLUMNS;
    return columns;
}

static int bar_length(uint64_t pages, uint64_t total_pages, int room)
{
    if (pages == 0 || total_pages < 2)
        return 0;
    int length = (int)lround(room * log((double)pages + 1) / log((double)total_pages + 1));
    return length < 1 ? 1 : length > room ? room : length;
}

static void draw_heading(struct canvas *canvas, struct rect rect, struct columns columns)
{
    int end = canvas_heading(canvas, rect, _("ROUNDS"));
    /* _(" pages ") is as wide as the numbers below it are at most. */
    bool has_room = columns.pages - PAGES_COLUMNS - end > 12;
    canvas_text(canvas, rect.row, end, 12, COLOUR_FAINT,
                has_room ? _("(log scale) ") : _("(log) "));
    canvas_text_right(canvas, rect.row, columns.pages + 1, COLOUR_FAINT, _(" pages "));
    canvas_text_right(canvas, rect.row, columns.forecast + 1, COLOUR_FAINT, _(" forecast "));
    if (columns.dirtied > 0)
        canvas_text_right(canvas, rect.row, columns.dirtied + 1, COLOUR_FAINT, _(" dirtied "));
    canvas_text_right(canvas, rect.row, columns.time + 1, COLOUR_FAINT, _(" time "));
}

/* What has been sent is solid, to an eighth of a column; the rest of the set is shaded. */
static void draw_bar(struct canvas *canvas, int row, struct columns columns, uint64_t total_pages,
                     const struct timeline_round *round)
{
    int length = bar_length(round->pages, total_pages, columns.bar_end - columns.bar);
    int eighths = length * 8;
    uint32_t style = round->is_paused ? COLOUR_WAITED_FOR : COLOUR_IN_FLIGHT;
    if (round->pages > 0 && round->pages_sent < round->pages)
        eighths = (int)((double)length * 8 * (double)round->pages_sent / (double)round->pages);
    for (int i = 0; i < length; i++) {
        int filled = eighths - i * 8;
        uint32_t code = filled >= 8 ? 0x2588 : filled > 0 ? 0x2590 - (uint32_t)filled : 0x2591;
        canvas_put(canvas, row, columns.bar + i, style, code);
    }
}

static void draw_measured(struct canvas *canvas, int row, struct columns columns,
                          const struct session *session, const struct timeline_round *round)
{
    struct words words;
    uint64_t forecast = scene_forecast_pages(&session->facts, round->round_idx);
    uint32_t style = round->has_ended ? COLOUR_PLAIN : STYLE_BOLD;
    char number[16];
    snprintf(number, sizeof number, "%llu", (unsigned long long)round->round_idx);
    canvas_text_right(canvas, row, columns.bar - 1, style, number);
    draw_bar(canvas, row, columns, session->facts.total_pages, round);
    canvas_text_right(canvas, row, columns.pages, style,
                      words_short(&words, scene_is_cut_short(&session->timeline, round)
                                              ? round->pages_sent
                                              : round->pages));
    canvas_text_right(canvas, row, columns.forecast, COLOUR_FORECAST,
                      forecast == UINT64_MAX ? "-" : words_short(&words, forecast));
    if (round->is_paused)
        canvas_text_right(canvas, row, columns.paused, COLOUR_WAITED_FOR, _("paused"));
    else if (columns.dirtied > 0)
        canvas_text_right(canvas, row, columns.dirtied,
                          round->dirtied_pages > 0 ? COLOUR_DIRTY : COLOUR_FAINT,
                          words_short(&words, round->dirtied_pages));
    canvas_text_right(canvas, row, columns.time, style, words_time(&words, round->duration_ns));
}

static void draw_predicted(struct canvas *canvas, int row, struct columns columns,
                           const struct session *session, uint64_t round_idx)
{
    struct words words;
    char number[16];
    uint64_t pages = scene_forecast_pages(&session->facts, round_idx);
    int length = bar_length(pages, session->facts.total_pages, columns.bar_end - columns.bar);
    snprintf(number, sizeof number, "%llu", (unsigned long long)round_idx);
    canvas_text_right(canvas, row, columns.bar - 1, COLOUR_FAINT, number);
    for (int i = 0; i < length; i++)
        canvas_put(canvas, row, columns.bar + i, COLOUR_FAINT, 0x00b7);
    canvas_text_right(canvas, row, columns.forecast, COLOUR_FORECAST, words_short(&words, pages));
}

/* After a switch to post-copy there are no more rounds: what is still to come, and why it came. */
static void draw_post_copy(struct canvas *canvas, struct rect rect, int row,
                           const struct picture *picture)
{
    const struct timeline *timeline = &picture->session->timeline;
    struct words count, usual, worst;
    int column = rect.column + 2, room = rect.columns - 4, bar = 16, end = rect.row + rect.rows;
    uint64_t came = timeline->sent_by_why[WHY_FAULT] + timeline->sent_by_why[WHY_PUSHED];
    uint64_t all = came + timeline->pages_missing;
    int filled = all == 0 ? bar : (int)(came * (uint64_t)bar / all);
    if (row >= end)
        return;
    for (int i = 0; i < bar; i++)
        canvas_put(canvas, row, column + i, COLOUR_MISSING, i < filled ? 0x2588 : 0x2591);
    canvas_format(canvas, row++, column + bar + 1, room - bar - 1, STYLE_BOLD, _("%s to come"),
                  words_counted(&count, timeline->pages_missing, "page"));
    if (row < end)
        canvas_format(canvas, row++, column, room, COLOUR_PLAIN, _("%s pushed"),
                      words_counted(&count, timeline->pages_pushed, "page"));
    if (row < end)
        canvas_format(canvas, row++, column, room, COLOUR_PLAIN,
                      _("%s touched before they came: faults"),
                      words_counted(&count, timeline->faults, "page"));
    if (row < end && picture->fault_wait.count > 0)
        canvas_format(canvas, row++, column, room, COLOUR_PLAIN, _("usual wait %s, longest %s"),
                      words_time(&usual, picture->fault_wait.p50),
                      words_time(&worst, picture->fault_wait.max));
    if (row < end && timeline->pace.waiting_harts_max > 1)
        canvas_format(canvas, row, column, room, COLOUR_PLAIN, _("harts in line %s, at most %s"),
                      words_short(&count, timeline->pace.waiting_harts),
                      words_short(&usual, timeline->pace.waiting_harts_max));
}

/* How many rows the rounds get: all, or what the lines on post-copy leave. */
static uint32_t rows_for_rounds(struct rect rect, bool has_post_copy)
{
    enum { POST_COPY_ROWS = 4 };
    int rows = rect.rows - 1 - (has_post_copy ? POST_COPY_ROWS : 0);
    return rows < 1 ? 1 : (uint32_t)rows;
}

void panel_rounds(struct canvas *canvas, struct rect rect, const struct picture *picture)
{
    const struct session *session = picture->session;
    const struct timeline *timeline = &session->timeline;
    struct columns columns = columns_of(rect);
    bool has_post_copy =
        timeline->has_resumed &&
        (timeline->pages_missing > 0 || timeline->faults > 0 || timeline->pages_pushed > 0);
    uint32_t room = rows_for_rounds(rect, has_post_copy);
    bool is_copying = !timeline->has_started ||
                      (!timeline->is_paused && !timeline->has_resumed && !timeline->has_ended);
    uint32_t predicted = session->facts.forecast_round_pages == NULL || !is_copying
                             ? 0
                             : session->facts.forecast_round_count;
    uint32_t count = timeline->round_count > predicted ? timeline->round_count : predicted;

    /* The latest rounds, and one that is still to come. */
    uint32_t wanted = timeline->round_count < count ? timeline->round_count + 1 : count;
    uint32_t first = wanted > room ? wanted - room : 0;
    draw_heading(canvas, rect, columns);
    int row = rect.row + 1;
    for (uint32_t i = first; i < count && i - first < room; i++, row++) {
        if (i < timeline->round_count)
            draw_measured(canvas, row, columns, session, &timeline->rounds[i]);
        else
            draw_predicted(canvas, row, columns, session, i);
    }
    if (has_post_copy)
        draw_post_copy(canvas, rect, row, picture);
    else if (count == 0)
        canvas_text(canvas, row, rect.column + 2, rect.columns - 3, COLOUR_FAINT,
                    timeline->has_ended && !timeline->has_resumed ? _("no round was begun")
                    : timeline->mode == MODE_POST_COPY && timeline->has_started
                        ? _("no rounds: the guest goes first, its pages follow")
                        : _("no round yet"));
}
