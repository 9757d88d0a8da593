/* What the clients feel: for each slice of time the longest latency of an answer, as a strip whose
 * height is logarithmic, from 10 us to 100 ms, or to what it takes. Where no answer came at all,
 * the strip shows silence. The whole run fits: a column stands for as many slices as it takes.
 */
#include "tui/panel.h"

#include <math.h>
#include <stdio.h>

#include "base/units.h"
#include "tui/words.h"
#include "tui/translate.h"

#define LATENCY_LOW_NS (10 * NS_PER_US) /* the strip's foot */
#define DECADES_MIN    4                /* above it: to 100 ms */
#define DECADES_MAX    7
#define SLOW_NS        NS_PER_MS /* and this much slower than usual: */
#define SLOW_TIMES     8         /* an outage, which has another colour */
#define ANSWERS_USUAL  4 /* a column with fewer expected answers says nothing by having none */

struct strip {
    uint64_t slices_per_column;
    uint64_t column_count; /* that time has reached */
    int decades;           /* of its height */
    int rows, columns;
};

struct felt {
    uint64_t answers, wrong, latency_max_ns;
};

static struct felt felt_in_column(const struct timeline *timeline, const struct strip *strip,
                                  uint64_t column)
{
    struct felt felt = {0};
    for (uint64_t i = 0; i < strip->slices_per_column; i++) {
        uint64_t slice_idx = column * strip->slices_per_column + i;
        if (slice_idx >= timeline->slice_count)
            break;
        const struct timeline_slice *slice = &timeline->slices[slice_idx];
        felt.answers += slice->answers;
        felt.wrong += slice->wrong;
        if (slice->latency_max_ns > felt.latency_max_ns)
            felt.latency_max_ns = slice->latency_max_ns;
    }
    return felt;
}

/* In eighths of a row, at least one. */
static int height_of(uint64_t latency_ns, const struct strip *strip)
{
    if (latency_ns <= LATENCY_LOW_NS)
        return 1;
    double share = log10((double)latency_ns / (double)LATENCY_LOW_NS) / strip->decades;
    int most = strip->rows * 8, height = (int)lround(share * most);
    return height < 1 ? 1 : height > most ? most : height;
}

static void draw_column(struct canvas *canvas, int bottom, int column, int rows, int height,
                        uint32_t style)
{
    for (int i = 0; i < rows && height > 0; i++, height -= 8)
        canvas_put(canvas, bottom - i, column, style, 0x2580 + (uint32_t)(height > 8 ? 8 : height));
}

/* While the guest stands still nobody is answered: the silence grows before any answer tells it. */
static uint64_t silence_now_ns(const struct timeline *timeline)
{
    return timeline->is_paused ? timeline->now_ns - timeline->paused_at_ns : 0;
}

/* As few decades as hold the longest so far. */
static int decades_of(const struct picture *picture)
{
    uint64_t longest_ns = silence_now_ns(&picture->session->timeline), top_ns = LATENCY_LOW_NS;
    int decades = 0;
    if (picture->latency.max > longest_ns)
        longest_ns = picture->latency.max;
    for (; decades < DECADES_MIN || (top_ns < longest_ns && decades < DECADES_MAX); decades++)
        top_ns *= 10;
    return decades;
}

static void draw_strip(struct canvas *canvas, struct rect rect, const struct picture *picture,
                       const struct strip *strip)
{
    const struct session *session = picture->session;
    const struct session_facts *facts = &session->facts;
    uint64_t expected = facts->client_count * facts->request_rate * strip->slices_per_column *
                        TIMELINE_SLICE_NS / NS_PER_S;
    int bottom = rect.row + rect.rows - 1;
    uint64_t silence_ns = silence_now_ns(&session->timeline);
    uint64_t slow_ns =
        picture->latency.p50 * SLOW_TIMES > SLOW_NS ? picture->latency.p50 * SLOW_TIMES : SLOW_NS;
    bool has_answers_before = false;
    for (uint64_t i = 0; i < strip->column_count && i < (uint64_t)rect.columns; i++) {
        struct felt felt = felt_in_column(&session->timeline, strip, i);
        int column = rect.column + (int)i;
        bool is_last = i + 1 == strip->column_count;
        if (is_last && silence_ns > felt.latency_max_ns)
            felt.latency_max_ns = silence_ns;
        if (felt.answers > 0 || (is_last && silence_ns > 0)) {
            bool is_slow = felt.latency_max_ns > slow_ns || (is_last && silence_ns > 0);
            uint32_t style = felt.wrong > 0 || is_slow ? COLOUR_WAITED_FOR : COLOUR_CLEAN;
            draw_column(canvas, bottom, column, rect.rows, height_of(felt.latency_max_ns, strip),
                        style);
            if (felt.wrong > 0)
                canvas_put(canvas, rect.row, column, COLOUR_WAITED_FOR | STYLE_BOLD, '!');
        } else if (has_answers_before && expected >= ANSWERS_USUAL && !is_last) {
            for (int row = rect.row; row <= bottom; row++)
                canvas_put(canvas, row, column, COLOUR_WAITED_FOR, 0x00d7);
        }
        has_answers_before = has_answers_before || felt.answers > 0;
    }
}

static void mark(struct canvas *canvas, struct rect rect, const struct strip *strip, int row,
                 uint64_t at_ns, const char *name, int *taken)
{
    uint64_t column_ns = strip->slices_per_column * TIMELINE_SLICE_NS;
    int column = rect.column + (int)(at_ns / column_ns);
    if (column < *taken || column + 2 + canvas_width(name) > rect.column + rect.columns)
        return;
    *taken = canvas_format(canvas, row, column, rect.columns, COLOUR_FAINT, "\u25b2%s", name) + 1;
}

static void draw_axis(struct canvas *canvas, struct rect rect, const struct timeline *timeline,
                      const struct strip *strip)
{
    char text[48];
    struct words words;
    int row = rect.row + rect.rows, taken = rect.column;
    if (timeline->has_started)
        mark(canvas, rect, strip, row, timeline->started_ns, _("move"), &taken);
    if (timeline->is_paused || timeline->has_resumed)
        mark(canvas, rect, strip, row, timeline->paused_at_ns, _("pause"), &taken);
    if (timeline->has_ended && timeline->mode != MODE_STOP_AND_COPY)
        mark(canvas, rect, strip, row, timeline->ended_ns,
             timeline->outcome == OUTCOME_COMPLETED ? _("complete") : _("given up"), &taken);
    snprintf(text, sizeof text, _("a column: %s"),
             words_time(&words, strip->slices_per_column * TIMELINE_SLICE_NS));
    if (taken + canvas_width(text) < rect.column + rect.columns)
        canvas_text_right(canvas, row, rect.column + rect.columns, COLOUR_FAINT, text);
}

static void draw_heading(struct canvas *canvas, struct rect rect, const struct picture *picture)
{
    const struct timeline *timeline = &picture->session->timeline;
    struct words words, silence;
    char text[160];
    int column = canvas_heading(canvas, rect, _("CLIENTS"));
    if (picture->session->facts.client_count == 0)
        return;
    column = canvas_format(canvas, rect.row, column, rect.columns, COLOUR_PLAIN, _(" %s answers, "),
                           words_count(&words, timeline->answers));
    column = canvas_format(canvas, rect.row, column, rect.columns,
                           timeline->errors > 0 ? COLOUR_WAITED_FOR | STYLE_BOLD : COLOUR_PLAIN,
                           _("%s wrong "), words_count(&words, timeline->errors));
    snprintf(text, sizeof text, _(" median %s, longest silence %s "),
             words_time(&words, picture->latency.p50),
             words_time(&silence, timeline->longest_silence_ns));
    if (column + canvas_width(text) > rect.column + rect.columns - 1)
        snprintf(text, sizeof text, _(" longest silence %s "),
                 words_time(&words, timeline->longest_silence_ns));
    canvas_text_right(canvas, rect.row, rect.column + rect.columns - 1, COLOUR_PLAIN, text);
}

void panel_clients(struct canvas *canvas, struct rect rect, const struct picture *picture)
{
    const struct session *session = picture->session;
    struct rect inner = {rect.row + 1, rect.column + 7, rect.rows - 2, rect.columns - 8};
    uint64_t slice_count = session->timeline.now_ns / TIMELINE_SLICE_NS + 1;
    struct strip strip = {.rows = inner.rows, .columns = inner.columns};
    uint64_t top_ns = LATENCY_LOW_NS;
    char top[24];
    draw_heading(canvas, rect, picture);
    if (session->facts.client_count == 0) {
        canvas_text(canvas, inner.row, rect.column + 2, rect.columns - 3, COLOUR_FAINT,
                    _("Nobody talks to this guest."));
        return;
    }
    strip.slices_per_column = (slice_count + (uint64_t)inner.columns - 1) / (uint64_t)inner.columns;
    strip.column_count = (slice_count + strip.slices_per_column - 1) / strip.slices_per_column;
    strip.decades = decades_of(picture);
    for (int i = 0; i < strip.decades; i++)
        top_ns *= 10;
    units_format(UNIT_TIME, top_ns, top, sizeof top);
    canvas_text_right(canvas, inner.row, inner.column - 1, COLOUR_FAINT, top);
    canvas_text_right(canvas, inner.row + inner.rows - 1, inner.column - 1, COLOUR_FAINT, "10us");
    canvas_text_right(canvas, inner.row + inner.rows / 2, inner.column - 1, COLOUR_FAINT,
                      _("(log)"));
    draw_strip(canvas, inner, picture, &strip);
    draw_axis(canvas, inner, &session->timeline, &strip);
}
