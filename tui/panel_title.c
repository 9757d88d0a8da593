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
        snprintf(round_text, sizeof round_text, "round %llu", (unsigned long long)round->round_idx);
    snprintf(text, room, "%s  downtime %s", round_text,
             words_time(&downtime, timeline->is_paused || timeline->has_resumed
                                       ? timeline->downtime_ns
                                       : UINT64_MAX));
}

void panel_title(struct canvas *canvas, struct rect rect, const struct picture *picture)
{
    const struct session *session = picture->session;
    const struct timeline *timeline = &session->timeline;
    char what[128], where[96], pace[32], clock[64];
    struct words time;
    for (int i = 0; i < rect.columns; i++)
        canvas_put(canvas, rect.row, i, STYLE_REVERSE, ' ');

    director_describe(picture->speed, pace, sizeof pace);
    bool is_fine = (picture->speed < 0.02 || picture->is_stopped) && !session->has_ended;
    snprintf(clock, sizeof clock, "%s  %s",
             is_fine ? words_clock_fine(&time, timeline->now_ns)
                     : words_clock(&time, timeline->now_ns),
             session->has_ended    ? "ended"
             : picture->is_stopped ? "stopped"
                                   : pace);
    int end = rect.columns - 1;
    canvas_text_right(canvas, rect.row, end, STYLE_REVERSE | STYLE_BOLD, clock);
    end -= canvas_width(clock) + 3;
    describe_where(timeline, where, sizeof where);
    canvas_text_right(canvas, rect.row, end, STYLE_REVERSE, where);
    end -= canvas_width(where) + 2;

    /* The name of the program makes room for what it shows, where there is little. */
    snprintf(what, sizeof what, "ferry  %s by %s  seed %llu", session->facts.guest,
             mode_name(session->facts.mode), (unsigned long long)session->facts.seed);
    if (canvas_width(what) > end - 1)
        snprintf(what, sizeof what, "ferry  %s by %s", session->facts.guest,
                 mode_name(session->facts.mode));
    if (canvas_width(what) > end - 1)
        snprintf(what, sizeof what, "%s by %s", session->facts.guest,
                 mode_name(session->facts.mode));
    canvas_text(canvas, rect.row, 1, end - 1, STYLE_REVERSE | STYLE_BOLD, what);
}

void panel_sentence(struct canvas *canvas, struct rect rect, const struct picture *picture)
{
    uint32_t style = picture->is_answer ? COLOUR_WAITED_FOR | STYLE_BOLD : STYLE_BOLD;
    if (picture->session->has_ended && picture->session->is_broken)
        style = COLOUR_WAITED_FOR | STYLE_BOLD;
    canvas_wrap(canvas, rect, style, picture->sentence);
}
