#include "viz/scrub.h"

#include "base/units.h"

#define AFTER_NS NS_PER_S /* what is expected to be lived after the move */

void scrub_follow(struct scrub *scrub, const struct session *session)
{
    if (session_is_past(session) && scrub->until_ns >= session->timeline.now_ns)
        return;
    scrub->count = scene_instants(&session->timeline, scrub->instants, SCRUB_INSTANTS_MAX);
    scrub->until_ns = session->timeline.now_ns;
}

uint64_t scrub_span_ns(const struct session *session)
{
    const struct session_facts *facts = &session->facts;
    uint64_t span_ns =
        session->lived_ns > session->timeline.now_ns ? session->lived_ns : session->timeline.now_ns;
    bool is_known = facts->start_at_ns != UINT64_MAX && facts->forecast_total_ns != UINT64_MAX;
    if (is_known && !session->has_ended &&
        facts->start_at_ns + facts->forecast_total_ns + AFTER_NS > span_ns)
        span_ns = facts->start_at_ns + facts->forecast_total_ns + AFTER_NS;
    return span_ns > 0 ? span_ns : 1;
}

static int place(struct area area, uint64_t span_ns, uint64_t at_ns)
{
    uint64_t at = at_ns < span_ns ? at_ns : span_ns;
    return area.x + (int)units_mul_div((uint64_t)area.width, at, span_ns);
}

uint64_t scrub_at(struct area area, const struct session *session, int x)
{
    uint64_t span_ns = scrub_span_ns(session);
    if (x <= area.x)
        return 0;
    if (x >= area.x + area.width)
        return span_ns;
    return units_mul_div(span_ns, (uint64_t)(x - area.x), (uint64_t)area.width);
}

/* Each part of the run has a colour and a height of its own. */
static void draw_part(const struct sheet *sheet, struct area bar, const struct scene_instant *begin,
                      int next_x, int x, int number)
{
    const struct theme *theme = sheet->theme;
    struct colour colour = theme->faint;
    int share = 4; /* of ten */
    switch (begin->mark) {
    case SCENE_MARK_BEGIN:
    case SCENE_MARK_START:
        break;
    case SCENE_MARK_ROUND:
        colour = theme->in_flight;
        share = number % 2 == 0 ? 7 : 5;
        break;
    case SCENE_MARK_PAUSE:
        colour = theme->alarm;
        share = 10;
        next_x = next_x - x < 4 ? x + 4 : next_x;
        break;
    case SCENE_MARK_RESUME:
        colour = theme->missing;
        share = 6;
        break;
    case SCENE_MARK_END:
        colour = theme->clean;
        share = 4;
        break;
    }
    int height = bar.height * share / 10;
    paint_rect(sheet->paint, (struct area){x, bar.y + bar.height - height, next_x - x, height},
               colour);
}

void scrub_draw(const struct sheet *sheet, struct area area, const struct session *session,
                const struct scrub *scrub)
{
    const struct theme *theme = sheet->theme;
    uint64_t span_ns = scrub_span_ns(session);
    struct area bar = {area.x, area.y + area.height / 4, area.width, area.height / 2};
    paint_rect(sheet->paint, (struct area){bar.x, bar.y + bar.height - 2, bar.width, 2},
               theme->line);
    /* The pause last: it is short, and must be seen. */
    for (int is_pause = 0; is_pause < 2; is_pause++)
        for (int i = 0; i < scrub->count; i++) {
            uint64_t end_ns = i + 1 < scrub->count ? scrub->instants[i + 1].at_ns : scrub->until_ns;
            if ((scrub->instants[i].mark == SCENE_MARK_PAUSE) == is_pause)
                draw_part(sheet, bar, &scrub->instants[i], place(bar, span_ns, end_ns),
                          place(bar, span_ns, scrub->instants[i].at_ns), i);
        }
    int x = place(bar, span_ns, session->timeline.now_ns), gap = sheet_gap(sheet);
    paint_rect(sheet->paint, (struct area){x - gap / 8 - 1, area.y, gap / 4 + 2, area.height},
               theme->ink);
    paint_mark(sheet->paint, MARK_CIRCLE, x, bar.y + bar.height / 2.0, area.height * 2 / 3,
               theme->ink);
}
