#include "viz/show.h"

#include <stdio.h>

#include "tui/director.h"
#include "tui/scene.h"
#include "tui/translate.h"
#include "tui/words.h"

#define SENTENCE_LINES 2

static struct area whole(const struct sheet *sheet)
{
    int gap = sheet_gap(sheet);
    return area_inset((struct area){0, 0, paint_width(sheet->paint), paint_height(sheet->paint)},
                      gap);
}

struct area show_scrub_area(const struct sheet *sheet)
{
    struct area area = whole(sheet);
    int height = sheet_size(sheet, LETTERS_PLAIN);
    return (struct area){area.x + height / 2, area.y + area.height - height, area.width - height,
                         height};
}

static void draw_title(const struct sheet *sheet, struct area area, const struct stage *stage)
{
    const struct session *session = stage->session;
    const struct timeline *timeline = &session->timeline;
    const struct session_facts *facts = &session->facts;
    bool is_switched = timeline->mode == MODE_PRE_COPY && scene_leaves_pages(timeline);
    char what[200], pace[48], clock[96];
    struct words time, size, bandwidth;
    struct type type = sheet_bold(sheet, LETTERS_PLAIN, sheet->theme->ink);

    director_describe_session(stage->speed, stage->session, pace, sizeof pace);
    bool is_fine = (stage->speed < 0.02 || stage->is_stopped) && !session->has_ended;
    snprintf(clock, sizeof clock, "%s  %s",
             is_fine ? words_clock_fine(&time, timeline->now_ns)
                     : words_clock(&time, timeline->now_ns),
             session->has_ended  ? _("ended")
             : stage->is_stopped ? _("stopped")
                                 : pace);
    int taken =
        sheet_fit(sheet, area.x + area.width, area.y, area.width / 2, type_right(type), clock);
    int length = snprintf(what, sizeof what, _("%s by %s: %s"), facts->guest,
                          is_switched ? _("pre-copy, then post-copy") : _(mode_name(facts->mode)),
                          words_size(&size, facts->total_pages * facts->page_bytes));
    if (facts->bandwidth_bits_per_s > 0 && length < (int)sizeof what)
        snprintf(what + length, sizeof what - (size_t)length, _(" over %s"),
                 words_bandwidth(&bandwidth, facts->bandwidth_bits_per_s, facts->is_real));
    sheet_fit(sheet, area.x, area.y, area.width - taken - 2 * sheet_gap(sheet), type, what);
}

void show_draw(const struct sheet *sheet, const struct scene *scene, const struct stage *stage,
               const struct scrub *scrub)
{
    const struct theme *theme = sheet->theme;
    struct area area = whole(sheet), bar = show_scrub_area(sheet);
    int gap = sheet_gap(sheet);
    struct type title = sheet_bold(sheet, LETTERS_PLAIN, theme->ink);
    bool is_alarm = stage->is_answer || (stage->session->has_ended && stage->session->is_broken);
    struct type sentence = sheet_type(sheet, LETTERS_LARGE, is_alarm ? theme->alarm : theme->ink);

    paint_clear(sheet->paint, theme->paper);
    draw_title(sheet, area, stage);
    int top = area.y + paint_line_height(sheet->paint, title);
    int lines = SENTENCE_LINES * paint_line_height(sheet->paint, sentence);
    sheet_wrap(sheet, (struct area){area.x, top, area.width, lines}, sentence, stage->sentence);
    top += lines + gap / 2;
    scene->draw(sheet, (struct area){area.x, top, area.width, bar.y - gap / 2 - top}, stage);
    scrub_draw(sheet, bar, stage->session, scrub);
}
