/* The crossing: one guest moves from host A to host B. Above, both hosts with their pages, and
 * between them the link with what travels; the phase and the downtime stand there in digits for the
 * last row. Below, the rounds, the race and what clients feel.
 */
#include <stdio.h>

#include "tui/scene.h"
#include "tui/translate.h"
#include "tui/words.h"
#include "viz/bars.h"
#include "viz/box.h"
#include "viz/flow.h"
#include "viz/heat_map.h"
#include "viz/latency_strip.h"
#include "viz/race.h"
#include "viz/stage.h"

#define HOSTS_SHARE 0.56 /* of the height; the charts have the rest */
#define CENTRE_MIN  0.24 /* of the width: the link */
#define BARS_MAX    64

/* ---- The hosts. ---- */

/* What the guest does at the host where it is, with a mark that says it too. A fault takes less
 * than a millisecond: where time is shown fast, the words would only flicker. */
static const char *describe_guest(const struct stage *stage, enum mark *mark)
{
    const double fault_is_seen = 0.01;
    const struct timeline *timeline = &stage->session->timeline;
    *mark = MARK_SQUARE;
    if (timeline->is_paused)
        return _("guest stands still");
    *mark = MARK_DIAMOND;
    if (timeline->waiting_harts > 0 && stage->speed <= fault_is_seen)
        return _("guest waits for a page");
    *mark = MARK_TRIANGLE;
    return timeline->phase == PHASE_POST_COPY ? _("guest runs, with faults") : _("guest runs here");
}

static void draw_host(const struct sheet *sheet, struct area area, const struct stage *stage,
                      uint32_t host, uint64_t sums[PAGE_STATE_COUNT])
{
    const struct timeline *timeline = &stage->session->timeline;
    const char *name = host == HOST_SOURCE ? _("HOST A") : _("HOST B");
    int gap = sheet_gap(sheet);
    bool is_here = timeline->host == host && !timeline->has_guest_ended;
    enum mark mark = MARK_SQUARE;
    const char *guest = is_here ? describe_guest(stage, &mark) : "";
    struct colour colour = mark == MARK_TRIANGLE ? sheet->theme->clean : sheet->theme->alarm;
    struct area inner = box_draw(sheet, area, name, guest, colour);
    if (is_here) {
        paint_outline(sheet->paint, area, 2 + gap / 4, colour);
        struct type type = sheet_type(sheet, LETTERS_PLAIN, colour);
        int width = paint_text_width(sheet->paint, type, guest);
        int x = area.x + area.width - gap - width - type.size;
        if (x > area.x + area.width / 4)
            paint_mark(sheet->paint, mark, x + type.size / 4.0, area.y + gap + type.size / 2.0,
                       type.size * 3 / 4, colour);
    }
    struct heat_grid grid = heat_grid_make(sheet, inner, timeline->total_pages);
    heat_map(sheet, &grid, timeline, host, sums);
}

/* The states that a page can be in, as many as find room. */
static void draw_legend(const struct sheet *sheet, struct area area, const struct stage *stage,
                        const uint64_t sums[PAGE_STATE_COUNT])
{
    const struct timeline *timeline = &stage->session->timeline;
    bool is_left = scene_leaves_pages(timeline);
    bool is_unsent = is_left || timeline->pages_sent == 0 || timeline->mode == MODE_STOP_AND_COPY;
    const struct {
        enum page_state state;
        const char *name;
        bool has_count;
    } entries[] = {
        {PAGE_CLEAN, _("clean"), false},
        {PAGE_DIRTY, is_unsent ? _("to send") : _("dirty: to send again"),
         !(is_left && timeline->has_resumed)}, /* as many as are missing */
        {PAGE_IN_FLIGHT, _("in flight"), true},
        {PAGE_MISSING, _("missing"), true},
        {PAGE_WAITED_FOR, _("awaited"), true},
    };
    struct type type = sheet_type(sheet, LETTERS_SMALL, sheet->theme->ink);
    int gap = sheet_gap(sheet), size = type.size * 3 / 4, x = area.x;
    int line = paint_line_height(sheet->paint, type);
    for (size_t i = 0; i < sizeof entries / sizeof entries[0]; i++) {
        struct words words;
        char text[80];
        snprintf(text, sizeof text, "%s%s%s", entries[i].name, entries[i].has_count ? " " : "",
                 entries[i].has_count ? words_short(&words, sums[entries[i].state]) : "");
        int width = paint_text_width(sheet->paint, type, text);
        if (x + size + gap / 2 + width > area.x + area.width)
            return;
        heat_map_sample(sheet, entries[i].state, x, area.y + (line - size) / 2, size);
        paint_text(sheet->paint, x + size + gap / 2, area.y, type, text);
        x += size + gap / 2 + width + 2 * gap;
    }
}

/* ---- Between them. ---- */

static void describe_phase(const struct timeline *timeline, char *text, size_t room)
{
    const struct timeline_round *round = timeline_round(timeline);
    if (!timeline->has_started)
        snprintf(text, room, "%s", _("before"));
    else if (timeline->is_paused)
        snprintf(text, room, "%s", _("PAUSED"));
    else if (timeline->has_ended)
        snprintf(text, room, "%s",
                 timeline->outcome == OUTCOME_COMPLETED ? _("complete") : _("given up"));
    else if (timeline->phase == PHASE_COPY && round != NULL)
        snprintf(text, room, _("round %llu"), (unsigned long long)round->round_idx);
    else if (timeline->has_resumed)
        snprintf(text, room, "%s", scene_leaves_pages(timeline) ? _("post-copy") : _("arrived"));
    else
        snprintf(text, room, "%s", _("setup"));
}

/* The reasons to travel, with their shapes and how many pages that were; what there is none of in
 * this move is left out. Returns how high it is. */
static void draw_reasons(const struct sheet *sheet, struct area area,
                         const struct timeline *timeline)
{
    const char *const names[WHY_COUNT] = {_("first copy"), _("re-sent"), _("fault"), _("pushed")};
    struct type type = sheet_type(sheet, LETTERS_SMALL, sheet->theme->ink);
    int gap = sheet_gap(sheet), line = paint_line_height(sheet->paint, type), shown = 0;
    for (int why = 0; why < WHY_COUNT; why++) {
        struct words words;
        char text[64];
        if (timeline->sent_by_why[why] == 0)
            continue;
        snprintf(text, sizeof text, "%s %s", names[why],
                 words_short(&words, timeline->sent_by_why[why]));
        int x = area.x + shown % 2 * area.width / 2, y = area.y + shown / 2 * line;
        shown++;
        paint_mark(sheet->paint, theme_mark((enum why)why), x + type.size / 2.0, y + line / 2.0,
                   type.size, sheet->theme->why[why]);
        sheet_fit(sheet, x + type.size + gap / 2, y, area.width / 2 - type.size - gap, type, text);
    }
}

/* What the downtime is measured against. */
static void describe_limits(const struct session *session, char *text, size_t room)
{
    const struct session_facts *facts = &session->facts;
    struct words forecast, limit;
    char part[64] = "";
    if (facts->downtime_limit_ns != UINT64_MAX && facts->downtime_limit_ns > 0) {
        units_format(UNIT_TIME, facts->downtime_limit_ns, limit.text, sizeof limit.text);
        snprintf(part, sizeof part, _("limit %s"), limit.text);
    }
    if (facts->forecast_downtime_ns == UINT64_MAX)
        snprintf(text, room, "%s", part);
    else
        snprintf(text, room, _("forecast %s%s%s"),
                 words_time(&forecast, facts->forecast_downtime_ns), *part != '\0' ? "  " : "",
                 part);
}

static int draw_downtime(const struct sheet *sheet, struct area area, const struct stage *stage)
{
    const struct timeline *timeline = &stage->session->timeline;
    const struct theme *theme = sheet->theme;
    bool has_begun = timeline->is_paused || timeline->has_resumed;
    struct type small = sheet_type(sheet, LETTERS_SMALL, theme->faint);
    struct type plain = sheet_bold(sheet, LETTERS_PLAIN, theme->ink);
    struct type huge = sheet_bold(sheet, LETTERS_HUGE, theme->ink);
    int small_line = paint_line_height(sheet->paint, small);
    int plain_line = paint_line_height(sheet->paint, plain), digits = huge.size * 11 / 10;
    int height = small_line + plain_line + digits, y = area.y + area.height - height;
    int middle = area.x + area.width / 2;
    struct words words;
    char text[160];
    if (timeline->is_paused) {
        paint_rect(sheet->paint, (struct area){area.x, y, area.width, height}, theme->alarm);
        huge.colour = plain.colour = small.colour = (struct colour){0, 0, 0, 255};
    }
    sheet_fit(sheet, middle, y, area.width, type_centre(plain),
              timeline->is_paused ? _("downtime, growing") : _("downtime"));
    /* The upper part of a line of such letters is empty. */
    sheet_fit(sheet, middle, y + plain_line - huge.size / 8, area.width, type_centre(huge),
              has_begun ? words_time(&words, timeline->downtime_ns) : _("none yet"));
    describe_limits(stage->session, text, sizeof text);
    sheet_fit(sheet, middle, y + plain_line + digits, area.width, type_centre(small), text);
    return height;
}

static void draw_centre(const struct sheet *sheet, struct area area, const struct stage *stage)
{
    const struct session *session = stage->session;
    const struct timeline *timeline = &session->timeline;
    const struct theme *theme = sheet->theme;
    int gap = sheet_gap(sheet);
    struct type huge =
        sheet_bold(sheet, LETTERS_HUGE, timeline->is_paused ? theme->alarm : theme->ink);
    struct type small = sheet_type(sheet, LETTERS_SMALL, theme->faint);
    int line = paint_line_height(sheet->paint, small);
    char text[96];
    describe_phase(timeline, text, sizeof text);
    sheet_fit(sheet, area.x + area.width / 2, area.y - huge.size / 8, area.width, type_centre(huge),
              text);
    int top = area.y + huge.size * 11 / 10;
    int bottom = area.y + area.height - draw_downtime(sheet, area, stage) - gap;
    struct area link = {area.x, top, area.width, bottom - top - 3 * line - gap};
    if (link.height < 2 * line)
        link.height = bottom - top;
    flow_draw(sheet, link, session, stage->speed);

    struct area below = {area.x, link.y + link.height + gap / 2, area.width,
                         bottom - link.y - link.height};
    if (below.height < 3 * line)
        return;
    struct words span, count;
    snprintf(text, sizeof text, _("the last %s, a mark: %s"),
             words_time(&span, flow_window_ns(session, stage->speed)),
             words_counted(&count, flow_stride(session, stage->speed), "page"));
    if (timeline->pages_sent > 0)
        sheet_fit(sheet, below.x + below.width / 2, below.y, below.width, type_centre(small), text);
    below.y += line;
    draw_reasons(sheet, below, timeline);
}

/* ---- The charts. ---- */

/* The latest rounds that find room, and those that are still to come. */
static int make_rounds(const struct sheet *sheet, const struct session *session, int room,
                       struct bar *bars)
{
    const struct session_facts *facts = &session->facts;
    const struct timeline *timeline = &session->timeline;
    bool is_copying = !timeline->has_started ||
                      (!timeline->is_paused && !timeline->has_resumed && !timeline->has_ended);
    uint32_t count = timeline->round_count, shown = 0;
    if (is_copying && facts->forecast_round_pages != NULL && facts->forecast_round_count > count)
        count = facts->forecast_round_count;
    uint32_t first = count > (uint32_t)room ? count - (uint32_t)room : 0;
    if (first > timeline->round_count)
        first = timeline->round_count;
    for (uint32_t i = first; i < count && shown < (uint32_t)room; i++, shown++) {
        struct bar *bar = &bars[shown];
        *bar = (struct bar){.value = UINT64_MAX, .forecast = scene_forecast_pages(facts, i)};
        snprintf(bar->label, sizeof bar->label, "%u", i);
        if (i >= timeline->round_count)
            continue;
        const struct timeline_round *round = &timeline->rounds[i];
        bool is_cut = scene_is_cut_short(timeline, round);
        bar->value = is_cut ? round->pages_sent : round->pages;
        bar->done = round->pages_sent;
        bar->is_marked = round->is_paused;
        bar->colour = round->is_paused ? sheet->theme->alarm : sheet->theme->in_flight;
    }
    return (int)shown;
}

static void draw_rounds(const struct sheet *sheet, struct area area, const struct stage *stage)
{
    const struct session *session = stage->session;
    const struct timeline_round *round = timeline_round(&session->timeline);
    char figure[96] = "";
    struct words pages;
    struct bar bars[BARS_MAX];
    if (round != NULL)
        snprintf(figure, sizeof figure, _("round %llu: %s"), (unsigned long long)round->round_idx,
                 words_counted(&pages, round->pages, "page"));
    struct area inner = box_draw(sheet, area, _("ROUNDS"), figure, sheet->theme->ink);
    int room = bars_room(sheet, inner);
    int count = make_rounds(sheet, session, room < BARS_MAX ? room : BARS_MAX, bars);
    if (count > 0)
        bars_draw(sheet, inner, bars, count, session->facts.total_pages);
    else
        sheet_wrap(sheet, inner, sheet_type(sheet, LETTERS_PLAIN, sheet->theme->faint),
                   session->facts.mode == MODE_POST_COPY
                       ? _("No rounds: the guest goes first, and its pages follow.")
                       : _("No round yet."));
}

static void draw_race(const struct sheet *sheet, struct area area, const struct stage *stage)
{
    const struct timeline *timeline = &stage->session->timeline;
    struct words words;
    char figure[96];
    snprintf(figure, sizeof figure, _("%s to send"),
             words_counted(&words,
                           timeline->has_resumed ? timeline->pages_missing : timeline->pages_left,
                           "page"));
    bool is_going = timeline->has_started && !timeline->has_ended;
    struct area inner = box_draw(sheet, area, _("RACE"), is_going ? figure : "", sheet->theme->ink);
    race_draw(sheet, inner, stage->session);
    uint64_t mu = timeline_mu(timeline), delta = timeline_delta(timeline);
    if (mu == 0)
        return;
    struct type type = type_right(sheet_type(sheet, LETTERS_SMALL, sheet->theme->ink));
    int line = paint_line_height(sheet->paint, type), y = inner.y + line / 2;
    struct words rate;
    snprintf(figure, sizeof figure, _("copied %s/s"), words_brief(&rate, mu));
    paint_text(sheet->paint, inner.x + inner.width, y, type, figure);
    snprintf(figure, sizeof figure, _("dirtied %s/s"), words_brief(&rate, delta));
    if (timeline->round_count > 0 && timeline->mode != MODE_STOP_AND_COPY)
        paint_text(sheet->paint, inner.x + inner.width, y + line, type, figure);
}

static void draw_clients(const struct sheet *sheet, struct area area, const struct stage *stage)
{
    const struct timeline *timeline = &stage->session->timeline;
    struct words words;
    char figure[96] = "";
    if (stage->session->facts.client_count > 0)
        snprintf(figure, sizeof figure, _("longest silence %s"),
                 words_time(&words, timeline->longest_silence_ns));
    latency_strip(sheet, box_draw(sheet, area, _("CLIENTS"), figure, sheet->theme->ink), stage);
}

void scene_crossing(const struct sheet *sheet, struct area area, const struct stage *stage)
{
    int gap = sheet_gap(sheet);
    struct type small = sheet_type(sheet, LETTERS_SMALL, sheet->theme->ink);
    int legend = paint_line_height(sheet->paint, small);
    int hosts = (int)(area.height * HOSTS_SHARE) - legend;
    /* The digits decide how wide the middle is. */
    int digits = paint_text_width(sheet->paint, sheet_bold(sheet, LETTERS_HUGE, sheet->theme->ink),
                                  "888.8 ms");
    int centre = (int)(area.width * CENTRE_MIN);
    centre = centre > digits + gap ? centre : digits + gap;
    if (centre > area.width / 2)
        centre = area.width / 2;
    int side = (area.width - centre - 2 * gap) / 2;
    uint64_t sums[PAGE_STATE_COUNT] = {0};
    draw_host(sheet, (struct area){area.x, area.y, side, hosts}, stage, HOST_SOURCE, sums);
    draw_host(sheet, (struct area){area.x + area.width - side, area.y, side, hosts}, stage,
              HOST_TARGET, sums);
    draw_centre(sheet, (struct area){area.x + side + gap, area.y, centre, hosts}, stage);
    draw_legend(sheet, (struct area){area.x, area.y + hosts, area.width, legend}, stage, sums);

    int top = area.y + hosts + legend + gap / 2, height = area.y + area.height - top;
    int third = (area.width - 2 * gap) / 3;
    draw_rounds(sheet, (struct area){area.x, top, third, height}, stage);
    draw_race(sheet, (struct area){area.x + third + gap, top, third, height}, stage);
    draw_clients(sheet, (struct area){area.x + 2 * (third + gap), top, third, height}, stage);
}
