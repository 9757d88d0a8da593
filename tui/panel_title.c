/* The first row: what is moved and how, and the four things that are always wanted: the round, the
 * downtime, the clock and how much slower it goes than the world's. Below it, the sentence.
 */
#include "tui/panel.h"

#include <stdio.h>

#include "tui/director.h"
#include "tui/words.h"

static void describe_where(const struct timeline *timeline, char *text, size_t room)
{
    const struct timeline_round *round = timeline_round(timeline);
    struct words downtime;
    char round_text[32] = "round -";
    if (round != NULL)
        snprintf(round_text, sizeof round_text, "round %llu%s", (unsigned long long)round->round_idx,
                 round->is_paused ? " (paused)" : "");
    snprintf(text, room, "%s  downtime %s", round_text,
             words_time(&downtime, timeline->is_paused || timeline->has_resumed
                                       ? timeline->downtime_ns
                                       : UINT64_MAX));
}

void panel_title(struct canvas *canvas, struct rect rect, const struct picture *picture)
{
    const struct session *session = picture->session;
    char where[96], pace[32], clock[64];
    struct words time;
    for (int i = 0; i < rect.columns; i++)
        canvas_put(canvas, rect.row, i, STYLE_REVERSE, ' ');

    int column = canvas_text(canvas, rect.row, 1, 8, STYLE_REVERSE | STYLE_BOLD, "ferry");
    column = canvas_format(canvas, rect.row, column + 2, 24, STYLE_REVERSE, "%s by %s",
                           session->facts.guest, mode_name(session->facts.mode));
    if (rect.columns >= 110)
        canvas_format(canvas, rect.row, column + 2, 24, STYLE_REVERSE, "seed %llu",
                      (unsigned long long)session->facts.seed);

    director_describe(picture->speed, pace, sizeof pace);
    bool is_fine = picture->speed < 0.02;
    snprintf(clock, sizeof clock, "%s  %s",
             is_fine ? words_clock_fine(&time, session->timeline.now_ns)
                     : words_clock(&time, session->timeline.now_ns),
             session->has_ended ? "ended" : picture->is_stopped ? "stopped" : pace);
    int end = rect.columns - 1;
    canvas_text_right(canvas, rect.row, end, STYLE_REVERSE | STYLE_BOLD, clock);
    describe_where(&session->timeline, where, sizeof where);
    canvas_text_right(canvas, rect.row, end - canvas_width(clock) - 3, STYLE_REVERSE, where);
}

void panel_sentence(struct canvas *canvas, struct rect rect, const struct picture *picture)
{
    uint32_t style = picture->is_answer ? COLOUR_WAITED_FOR | STYLE_BOLD : STYLE_BOLD;
    if (picture->session->has_ended && picture->session->is_broken)
        style = COLOUR_WAITED_FOR | STYLE_BOLD;
    canvas_wrap(canvas, rect, style, picture->sentence);
}
