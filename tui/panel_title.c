/* The first row: what is moved and how, and the four things that are always wanted: the round, the
 * downtime, the clock and how much slower it goes than the world's. Below it, the sentence.
 */
#include "tui/panel.h"

#include <stdio.h>

#include "tui/director.h"
#include "tui/keys.h"
#include "tui/scene.h"
#include "tui/words.h"
#include "tui/translate.h"

static void describe_where(const struct timeline *timeline, char *text, size_t room)
{
    const struct timeline_round *round = timeline_round(timeline);
    struct words downtime;
    char round_text[32];
    if (round == NULL)
        snprintf(round_text, sizeof round_text, "%s", _("round -"));
    else
        snprintf(round_text, sizeof round_text, _("round %llu"),
                 (unsigned long long)round->round_idx);
    snprintf(text, room, _("%s  downtime %s"), round_text,
             words_time(&downtime,
                        timeline->is_paused || timeline->has_resumed || timeline->downtime_ns > 0
                            ? timeline->downtime_ns
                            : UINT64_MAX));
}

/* What the clock, the round and the downtime take at most. What stands before them is chosen by
 * this and not by what they take now: it would come and go with their digits. */
enum { WHERE_COLUMNS = 28, CLOCK_COLUMNS = 28 };

static void describe_what(const struct session *session, int columns, char *text, size_t room)
{
    const struct session_facts *facts = &session->facts;
    const struct timeline *timeline = &session->timeline;
    bool is_switched = timeline->mode == MODE_PRE_COPY && scene_leaves_pages(timeline);
    int left = columns - WHERE_COLUMNS - CLOCK_COLUMNS - 7;
    const char *mode = key_has_code(session) ? session->code->name
                       : !is_switched        ? mode_name(facts->mode)
                       : left >= 40          ? _("pre-copy, then post-copy")
                                             : _("pre-, then post-copy");
    char seed[32] = "";
    if (!facts->is_real)
        snprintf(seed, sizeof seed, _("  seed %llu"), (unsigned long long)facts->seed);
    int length = canvas_width(facts->guest) + canvas_width(mode) + 4;
    bool has_seed = left >= length + 7 + canvas_width(seed);
    if (is_switched && left < length)
        snprintf(text, room, "%s", mode);
    else
        snprintf(text, room, _("%s%s by %s%s"), left >= length + 7 ? "ferry  " : "", facts->guest,
                 mode, has_seed ? seed : "");
}

void panel_title(struct canvas *canvas, struct rect rect, const struct picture *picture)
{
    const struct session *session = picture->session;
    const struct timeline *timeline = &session->timeline;
    char what[128], where[96], pace[32], clock[64];
    struct words time;
    for (int i = 0; i < rect.columns; i++)
        canvas_put(canvas, rect.row, i, STYLE_REVERSE, ' ');

    director_describe_session(picture->speed, session, pace, sizeof pace);
    bool is_fine = (picture->speed < 0.02 || picture->is_stopped) && !session->has_ended;
    snprintf(clock, sizeof clock, "%s  %s",
             is_fine ? words_clock_fine(&time, timeline->now_ns)
                     : words_clock(&time, timeline->now_ns),
             session->has_ended         ? _("ended")
             : session_is_held(session) ? _("debugger")
             : picture->is_stopped      ? _("stopped")
                                        : pace);
    int end = rect.columns - 1;
    canvas_text_right(canvas, rect.row, end, STYLE_REVERSE | STYLE_BOLD, clock);
    end -= canvas_width(clock) + 3;
    describe_where(timeline, where, sizeof where);
    canvas_text_right(canvas, rect.row, end, STYLE_REVERSE, where);
    end -= canvas_width(where) + 2;

    describe_what(session, rect.columns, what, sizeof what);
    canvas_text(canvas, rect.row, 1, end - 1, STYLE_REVERSE | STYLE_BOLD, what);
}

void panel_sentence(struct canvas *canvas, struct rect rect, const struct picture *picture)
{
    uint32_t style = picture->is_answer ? COLOUR_WAITED_FOR | STYLE_BOLD : STYLE_BOLD;
    if (picture->session->has_ended && picture->session->is_broken)
        style = COLOUR_WAITED_FOR | STYLE_BOLD;
    canvas_wrap(canvas, rect, style, picture->sentence);
}
