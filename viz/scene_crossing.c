/* The crossing: one guest moves from host A to host B. Above, both hosts with their pages, and
 * between them the link with what travels; the phase and the downtime stand there in digits for the
 * last row. Below, the rounds, the race and what clients feel.
 */
#include <stdio.h>

#include "base/units.h"
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

#define HOSTS_SHARE    0.6  /* of the height; the charts have the rest, */
#define HOSTS_MAX      0.7  /* or less where letters are large */
#define CENTRE_MIN     0.24 /* of the width: the link */
#define BARS_MAX       64

#define LINK_LINES_MIN 2 /* the link is at least as high as so many small letters */
#define KEY_LINES_MIN  6 /* a chart that is lower has no room for words in it */

/* ---- The hosts. ---- */

/* What the guest does at the host where it is, with a mark that says it too. A fault takes less
 * than a millisecond: where time is shown fast, the words would only flicker. */
static const char *describe_guest(const struct stage *stage, enum mark *mark)
{
    const double fault_is_seen = 0.01;
    const struct timeline *timeline = &stage->session->timeline;
    *mark = MARK_SQUARE;
    if (timeline->has_ended && timeline->outcome == OUTCOME_LOST)
        return _("guest lost");
    if (timeline->is_paused)
        return _("guest stands still");
    *mark = MARK_DIAMOND;
    bool is_stuck = timeline->has_ended && timeline->outcome == OUTCOME_PAUSED;
    bool is_seen = stage->speed <= fault_is_seen || timeline->trouble.is_lost;
    if (is_stuck || (timeline->waiting_harts > 0 && is_seen))
        return _("guest waits for a page");
    *mark = MARK_TRIANGLE;
    return timeline->phase == PHASE_POST_COPY ? _("guest runs, with faults") : _("guest runs here");
}

/* Returns how many pages a cell stands for. */
static uint64_t draw_host(const struct sheet *sheet, struct area area, const struct stage *stage,
                          uint32_t host, uint64_t sums[PAGE_STATE_COUNT])
{
    const struct timeline *timeline = &stage->session->timeline;
    char name[32];
    snprintf(name, sizeof name, "%s", host == HOST_SOURCE ? _("HOST A") : _("HOST B"));
    scene_name_hosts(stage->session, name);
    int gap = sheet_gap(sheet);
    bool is_gone = timeline->trouble.has_crashed[host];
    bool is_here = timeline->host == host && !timeline->has_guest_ended && !is_gone;
    enum mark mark = MARK_SQUARE;
    const char *guest = is_here ? describe_guest(stage, &mark) : is_gone ? _("crashed") : "";
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
    return (timeline->total_pages + grid.cells - 1) / grid.cells;
}

/* How many pages a cell and a particle stand for, and what time the link. */
static void describe_marks(const struct stage *stage, uint64_t pages_per_cell, char *text,
                           size_t room)
{
    const struct session *session = stage->session;
    const struct timeline *timeline = &session->timeline;
    enum why why = timeline->has_resumed ? WHY_PUSHED : WHY_FIRST;
    struct words cell, mark, faults, span;
    int length =
        snprintf(text, room, _("a cell: %s"), words_counted(&cell, pages_per_cell, "page"));
    if (timeline->pages_sent == 0 || length < 0 || (size_t)length >= room)
        return;
    snprintf(text + length, room - (size_t)length,
             timeline->faults > 0 ? _("; link: the last %s, a mark: %s or %s faults")
                                  : _("; link: the last %s, a mark: %s"),
             words_time(&span, flow_window_ns(session, stage->speed)),
             words_counted(&mark, flow_stride(session, stage->speed, why), "page"),
             words_count(&faults, flow_stride(session, stage->speed, WHY_FAULT)));
}

/* The states that a page can be in, as many as find room. */
static void draw_legend(const struct sheet *sheet, struct area area, const struct stage *stage,
                        uint64_t pages_per_cell, const uint64_t sums[PAGE_STATE_COUNT])
{
    const struct timeline *timeline = &stage->session->timeline;
    bool is_left = scene_leaves_pages(timeline);
    /* In round 0 most of what is dirty was never sent. */
    bool is_first = timeline->round_count <= 1 && !timeline->is_paused && !timeline->has_resumed;
    bool is_unsent = is_left || is_first || timeline->mode == MODE_STOP_AND_COPY;
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
    int line = paint_line_height(sheet->paint, type), end = area.x + area.width;
    for (size_t i = 0; i < sizeof entries / sizeof entries[0]; i++) {
        struct words words;
        char text[80];
        snprintf(text, sizeof text, "%s%s%s", entries[i].name, entries[i].has_count ? " " : "",
                 entries[i].has_count ? words_short(&words, sums[entries[i].state]) : "");
        int width = paint_text_width(sheet->paint, type, text);
        if (x + size + gap / 2 + width > end)
            return;
        heat_map_sample(sheet, entries[i].state, x, area.y + (line - size) / 2, size);
        paint_text(sheet->paint, x + size + gap / 2, area.y, type, text);
        x += size + gap / 2 + width + 2 * gap;
    }
    char text[128];
    describe_marks(stage, pages_per_cell, text, sizeof text);
    type.colour = sheet->theme->faint;
    if (x + paint_text_width(sheet->paint, type, text) <= end)
        paint_text(sheet->paint, end, area.y, type_right(type), text);
}

/* ---- Between them. ---- */

static void describe_phase(const struct timeline *timeline, char *text, size_t room)
{
    const struct timeline_round *round = timeline_round(timeline);
    if (!timeline->has_started)
        snprintf(text, room, "%s", _("before"));
    else if (timeline->is_paused && !timeline->has_ended)
        snprintf(text, room, "%s", _("PAUSED"));
    else if (timeline->has_ended)
        snprintf(text, room, "%s", _(scene_end_word(timeline->outcome)));
    else if (timeline->trouble.is_lost)
        snprintf(text, room, "%s", _("link lost"));
    else if (timeline->phase == PHASE_COPY && round != NULL)
        snprintf(text, room, _("round %llu"), (unsigned long long)round->round_idx);
    else if (timeline->has_resumed)
        snprintf(text, room, "%s", scene_leaves_pages(timeline) ? _("post-copy") : _("arrived"));
    else
        snprintf(text, room, "%s", _("setup"));
}

/* The reasons to travel, with their shapes and how many pages that were; what there is none of in
 * this move is left out. Two have a line each; more of them share it. */
static void draw_reasons(const struct sheet *sheet, struct area area,
                         const struct timeline *timeline)
{
    const char *const names[WHY_COUNT] = {_("first copy"), _("re-sent"), _("fault"), _("pushed")};
    struct type type = sheet_type(sheet, LETTERS_SMALL, sheet->theme->ink);
    int gap = sheet_gap(sheet), line = paint_line_height(sheet->paint, type), there = 0, shown = 0;
    for (int why = 0; why < WHY_COUNT; why++)
        there += timeline->sent_by_why[why] > 0;
    for (int why = 0; why < WHY_COUNT; why++) {
        struct words words;
        char text[64];
        uint64_t pages = timeline->sent_by_why[why];
        if (pages == 0)
            continue;
        bool is_shared = there > 2;
        int width = is_shared ? area.width / 2 : area.width;
        int x = area.x + (is_shared ? shown % 2 * width : 0);
        int y = area.y + (is_shared ? shown / 2 : shown) * line;
        shown++;
        snprintf(text, sizeof text, "%s %s", names[why],
                 is_shared ? words_brief(&words, pages) : words_short(&words, pages));
        paint_mark(sheet->paint, theme_mark((enum why)why), x + type.size / 2.0, y + line / 2.0,
                   type.size, sheet->theme->why[why]);
        sheet_fit(sheet, x + type.size + gap / 2, y, width - type.size - gap / 2, type, text);
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
    bool has_begun = timeline->is_paused || timeline->has_resumed || timeline->downtime_ns > 0;
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
        struct area box = {area.x, y, area.width, height + small_line / 6};
        paint_rect(sheet->paint, box, theme->raised);
        paint_outline(sheet->paint, box, 3, theme->alarm);
        huge.colour = plain.colour = small.colour = (struct colour){0, 0, 0, 255};
    }
    sheet_fit(sheet, middle, y, area.width, type_centre(plain),
              timeline->is_paused ? _("downtime, growing") : _("downtime"));
    /* The upper part of a line of such letters is empty. */
    sheet_fit(sheet, middle, y + plain_line - huge.size / 8, area.width, type_centre(huge),
              has_begun             ? words_time(&words, timeline->downtime_ns)
              : timeline->has_ended ? _("none")
                                    : _("none yet"));
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
    int line = paint_line_height(sheet->paint, small), reasons = 2;
    char text[96];
    describe_phase(timeline, text, sizeof text);
    sheet_fit(sheet, area.x + area.width / 2, area.y - huge.size / 8, area.width, type_centre(huge),
              text);
    int top = area.y + huge.size * 7 / 6;
    int bottom = area.y + area.height - draw_downtime(sheet, area, stage) - gap;
    /* With large letters the digits have the room. */
    if (bottom - top < (reasons + LINK_LINES_MIN) * line)
        reasons = 0;
    struct area link = {area.x, top, area.width, bottom - top - reasons * line - gap / 2};
    if (link.height < line)
        return;
    flow_draw(sheet, link, session, stage->speed);
    if (reasons > 0)
        draw_reasons(
            sheet,
            (struct area){area.x, link.y + link.height + gap / 2, area.width, reasons * line},
            timeline);
}

/* ---- The charts. ---- */

/* The latest rounds that find room, and one that is still to come. */
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
    uint32_t wanted = timeline->round_count < count ? timeline->round_count + 1 : count;
    uint32_t first = wanted > (uint32_t)room ? wanted - (uint32_t)room : 0;
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

/* Where the outlines come from, in the corner that shrinking rounds leave free. */
static void draw_key(const struct sheet *sheet, struct area area, bool has_forecast)
{
    struct type type = type_right(sheet_type(sheet, LETTERS_SMALL, sheet->theme->forecast));
    int right = area.x + area.width, line = paint_line_height(sheet->paint, type);
    if (has_forecast)
        paint_text(sheet->paint, right, area.y, type, _("outline: forecast"));
    type.colour = sheet->theme->faint;
    paint_text(sheet->paint, right, area.y + (has_forecast ? line : 0), type, _("log scale"));
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
    if (count == 0) {
        sheet_wrap(sheet, inner, sheet_type(sheet, LETTERS_PLAIN, sheet->theme->faint),
                   session->facts.mode == MODE_POST_COPY
                       ? _("No rounds: the guest goes first, and its pages follow.")
                       : _("No round yet."));
        return;
    }
    bars_draw(sheet, inner, bars, count, session->facts.total_pages);
    if (inner.height >= KEY_LINES_MIN * sheet_size(sheet, LETTERS_SMALL))
        draw_key(sheet, inner, session->facts.forecast_round_pages != NULL);
}

/* In post-copy there are no rounds: what is still to come, and how long the guest waited for what
 * it touched. */
static void draw_faults(const struct sheet *sheet, struct area area, const struct stage *stage)
{
    const struct timeline *timeline = &stage->session->timeline;
    const struct theme *theme = sheet->theme;
    struct words faults, missing, usual, longest;
    struct area inner =
        box_draw(sheet, area, _("FAULTS"), words_count(&faults, timeline->faults), theme->ink);
    struct type type = sheet_type(sheet, LETTERS_PLAIN, theme->ink);
    int line = paint_line_height(sheet->paint, type), gap = sheet_gap(sheet), y = inner.y + gap;
    uint64_t came = timeline->sent_by_why[WHY_FAULT] + timeline->sent_by_why[WHY_PUSHED];
    uint64_t all = came + timeline->pages_missing;
    struct area bar = {inner.x, y, inner.width, line};
    paint_outline(sheet->paint, bar, 2, theme->missing);
    bar.width = all > 0 ? (int)units_mul_div((uint64_t)bar.width, came, all) : 0;
    paint_rect(sheet->paint, bar, theme->missing);
    const struct {
        const char *name, *value;
    } rows[] = {
        {_("still to come"), words_count(&missing, timeline->pages_missing)},
        {_("usual wait"), words_time(&usual, stage->fault_wait.p50)},
        {_("longest wait"), words_time(&longest, stage->fault_wait.max)},
    };
    int row_count = stage->fault_wait.count > 0 ? 3 : 1;
    for (int i = 0; i < row_count; i++) {
        y += line + gap / 2;
        int taken = sheet_fit(sheet, inner.x, y, inner.width, type, rows[i].name);
        sheet_fit(sheet, inner.x + inner.width, y, inner.width - taken - gap, type_right(type),
                  rows[i].value);
    }
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
}

static void draw_clients(const struct sheet *sheet, struct area area, const struct stage *stage)
{
    const struct timeline *timeline = &stage->session->timeline;
    struct words words;
    char figure[96] = "";
    if (session_has_clients(stage->session))
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
    /* The phase, the link, the downtime: their letters decide how high it must be. */
    int wanted = sheet_size(sheet, LETTERS_HUGE) * 7 / 3 + 6 * legend;
    if (wanted > hosts)
        hosts = wanted < area.height * HOSTS_MAX - legend ? wanted
                                                          : (int)(area.height * HOSTS_MAX) - legend;
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
    uint64_t pages_per_cell =
        draw_host(sheet, (struct area){area.x + area.width - side, area.y, side, hosts}, stage,
                  HOST_TARGET, sums);
    draw_centre(sheet, (struct area){area.x + side + gap, area.y, centre, hosts}, stage);
    draw_legend(sheet, (struct area){area.x, area.y + hosts, area.width, legend}, stage,
                pages_per_cell, sums);

    int top = area.y + hosts + legend + gap / 2, height = area.y + area.height - top;
    int third = (area.width - 2 * gap) / 3;
    struct area first = {area.x, top, third, height};
    bool has_faults =
        stage->session->timeline.has_resumed && scene_leaves_pages(&stage->session->timeline);
    (has_faults ? draw_faults : draw_rounds)(sheet, first, stage);
    draw_race(sheet, (struct area){area.x + third + gap, top, third, height}, stage);
    draw_clients(sheet, (struct area){area.x + 2 * (third + gap), top, third, height}, stage);
}
