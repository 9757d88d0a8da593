/* The downtime clock beside its forecast, and the two rates whose race decides how many rounds it
 * takes: mu, pages copied per second, and delta, pages newly dirtied per second.
 */
#include "tui/panel.h"

#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "record/estimate.h"
#include "tui/news.h"
#include "tui/scene.h"
#include "tui/words.h"
#include "tui/translate.h"

enum { RATE_COLUMNS = 34 }; /* from here on there is room for the rates' whole unit */

static const char *rate(struct words *words, uint64_t pages_per_s, bool is_wide)
{
    if (is_wide || pages_per_s == 0)
        return words_page_rate(words, pages_per_s);
    words_short(words, pages_per_s);
    strcat(words->text, "/s");
    return words->text;
}

static void draw_line(struct canvas *canvas, struct rect rect, int *row, uint32_t style,
                      const char *name, const char *value)
{
    if (*row >= rect.row + rect.rows)
        return;
    canvas_text(canvas, *row, rect.column + 1, rect.columns - 3 - canvas_width(value), COLOUR_PLAIN,
                name);
    canvas_text_right(canvas, *row, rect.column + rect.columns - 1, style, value);
    (*row)++;
}

static void draw_heading(struct canvas *canvas, struct rect rect, const struct session_facts *facts,
                         const struct timeline *timeline)
{
    struct words words;
    char text[64];
    canvas_heading(canvas, rect, _("DOWNTIME"));
    if (facts->downtime_limit_ns == UINT64_MAX || facts->downtime_limit_ns == 0)
        return;
    units_format(UNIT_TIME, facts->downtime_limit_ns, words.text, sizeof words.text);
    /* Pre-copy may have missed the limit and the hand-over met it: post-copy took over. */
    bool has_begun = timeline->is_paused || timeline->has_resumed || timeline->downtime_ns > 0;
    bool is_exceeded =
        timeline->is_limit_exceeded && timeline->downtime_ns > facts->downtime_limit_ns;
    bool is_far = timeline->is_limit_exceeded && (is_exceeded || !has_begun);
    snprintf(text, sizeof text,
             is_exceeded ? _(" exceeds %s ")
             : is_far    ? _(" %s not met ")
                         : _(" limit %s "),
             words.text);
    canvas_text_right(canvas, rect.row, rect.column + rect.columns,
                      is_far ? COLOUR_WAITED_FOR | STYLE_BOLD : COLOUR_FAINT, text);
}

/* How much of the time the guest may run: of its harts, the one that has least. */
static bool draw_share(struct canvas *canvas, struct rect rect, int *row, const struct pace *pace)
{
    uint32_t least = pace_share(pace);
    char text[24];
    if (least >= 1000)
        return false;
    snprintf(text, sizeof text, "%u.%u %%", least / 10, least % 10);
    draw_line(canvas, rect, row, COLOUR_WAITED_FOR, _("slowed: its share"), text);
    return true;
}

static bool draw_link_state(struct canvas *canvas, struct rect rect, int *row,
                            const struct session *session)
{
    char text[64];
    if (news_link(session, text, sizeof text) == NULL)
        return false;
    /* The limit that a live link was given is no trouble. */
    draw_line(canvas, rect, row,
              session->is_live && !session->is_link_cut ? COLOUR_PLAIN : COLOUR_WAITED_FOR,
              _("link"), text);
    return true;
}

/* With a write-back cache there is no forecast: the barriers stand where it would. */
static bool draw_barriers(struct canvas *canvas, struct rect rect, int *row,
                          const struct timeline *timeline, const struct session_facts *facts)
{
    struct words words;
    if (timeline->cut.barriers_sent == 0 || facts->forecast_downtime_ns != UINT64_MAX)
        return false;
    draw_line(canvas, rect, row, COLOUR_PLAIN, _("barriers sent"),
              words_count(&words, timeline->cut.barriers_sent));
    return true;
}

/* The engine's own, made at the end of each round of pre-copy: the last one made it pause. */
static bool has_forecast(const struct timeline *timeline)
{
    return timeline->round_count > 0 && timeline->forecast_downtime_ns > 0;
}

static void draw_clock(struct canvas *canvas, struct rect rect, int *row,
                       const struct timeline *timeline)
{
    struct words words;
    bool has_begun = timeline->is_paused || timeline->has_resumed || timeline->downtime_ns > 0;
    uint32_t style = STYLE_BOLD | (timeline->is_paused ? COLOUR_WAITED_FOR | STYLE_REVERSE : 0);
    char text[64];
    snprintf(text, sizeof text, " %s ",
             has_begun ? words_time(&words, timeline->downtime_ns) : _("none yet"));
    canvas_text(canvas, *row, rect.column + 1, 14,
                STYLE_BOLD | (timeline->is_paused ? COLOUR_WAITED_FOR : COLOUR_PLAIN),
                timeline->is_paused ? _("still growing")
                : has_begun         ? _("measured")
                                    : _("not paused yet"));
    canvas_text_right(canvas, *row, rect.column + rect.columns, style, text);
    (*row)++;
}

void panel_measures(struct canvas *canvas, struct rect rect, const struct picture *picture)
{
    const struct session_facts *facts = &picture->session->facts;
    const struct timeline *timeline = &picture->session->timeline;
    bool is_ascii = canvas->is_ascii, is_wide = rect.columns >= RATE_COLUMNS;
    struct words words;
    int row = rect.row + 1;
    draw_heading(canvas, rect, facts, timeline);
    draw_clock(canvas, rect, &row, timeline);
    /* There is always room for what slows the move or the guest: it stands where else is what was
     * known beforehand. */
    if (!draw_link_state(canvas, rect, &row, picture->session) &&
        !draw_barriers(canvas, rect, &row, timeline, facts))
        draw_line(canvas, rect, &row, COLOUR_FORECAST, _("forecast at start"),
                  words_time(&words, facts->forecast_downtime_ns));
    if (facts->mode == MODE_PRE_COPY)
        draw_line(canvas, rect, &row, COLOUR_FORECAST,
                  scene_leaves_pages(timeline)                   ? _("had it paused")
                  : timeline->is_paused || timeline->has_resumed ? _("forecast at pause")
                                                                 : _("forecast now"),
                  words_time(&words,
                             has_forecast(timeline) ? timeline->forecast_downtime_ns : UINT64_MAX));
    if (!draw_share(canvas, rect, &row, &timeline->pace))
        draw_line(canvas, rect, &row, COLOUR_FORECAST, _("if stop-and-copy"),
                  words_time(&words, facts->stop_and_copy_downtime_ns));
    draw_line(canvas, rect, &row, COLOUR_IN_FLIGHT,
              is_ascii ? (is_wide ? _("mu page copy rate") : _("mu copy rate"))
                       : _("\u03bc page copy rate"),
              rate(&words, timeline_mu(timeline), is_wide));
    draw_line(canvas, rect, &row, COLOUR_DIRTY,
              is_ascii ? (is_wide ? _("delta page dirty rate") : _("delta dirty rate"))
                       : _("\u03b4 page dirty rate"),
              rate(&words, timeline_delta(timeline), is_wide));
    if (row >= rect.row + rect.rows)
        return;
    /* With more rows: how long it will still take, and what it costs so far. */
    uint64_t left_ns;
    row++;
    draw_line(canvas, rect, &row, COLOUR_FORECAST, _("time left"),
              words_time(&words, !timeline->has_ended && estimate_left_ns(timeline, &left_ns)
                                     ? left_ns
                                     : UINT64_MAX));
    draw_line(canvas, rect, &row, COLOUR_PLAIN, _("pages sent"),
              words_count(&words, timeline->pages_sent));
    draw_line(canvas, rect, &row, COLOUR_DIRTY, _("sent again"),
              words_count(&words, timeline->pages_resent));
    draw_line(canvas, rect, &row, COLOUR_PLAIN, _("on the wire"),
              words_size(&words, timeline->bytes_on_wire));
    draw_line(canvas, rect, &row, COLOUR_DIRTY, _("write traps"),
              words_count(&words, timeline->dirty_traps));
    draw_line(canvas, rect, &row, COLOUR_MISSING, _("page faults"),
              words_count(&words, timeline->faults));
}
