#include "viz/flow.h"

#include <math.h>
#include <stdio.h>

#include "base/units.h"
#include "tui/news.h"
#include "tui/translate.h"
#include "tui/words.h"

#define CROSSING_SEEN_S 1.6 /* so long a particle is on its way across the picture */
#define PARTICLES_MAX   72  /* at once, about */
#define FAULTS_MAX      20  /* of them, about: they are drawn larger, in one lane */
#define LANES           5   /* one above the other, so that they do not hide each other */

static double page_ns(const struct session_facts *facts)
{
    return facts->bandwidth_bits_per_s == 0
               ? 0
               : (double)facts->page_bytes * 8e9 / (double)facts->bandwidth_bits_per_s;
}

uint64_t flow_window_ns(const struct session *session, double speed)
{
    const struct session_facts *facts = &session->facts;
    /* Not faster than the page itself. */
    double least = page_ns(facts) + (double)facts->latency_ns;
    return (uint64_t)fmax(fmax(CROSSING_SEEN_S * 1e9 * speed, least), 1);
}

/* 1, 2, 5, 10, ...: the same particles from frame to frame. A fault takes the way there and back.
 */
uint64_t flow_stride(const struct session *session, double speed, enum why why)
{
    bool is_fault = why == WHY_FAULT;
    double each_ns =
        page_ns(&session->facts) + (is_fault ? 2 * (double)session->facts.latency_ns : 0);
    double pages = each_ns > 0 ? (double)flow_window_ns(session, speed) / each_ns : 1;
    uint64_t stride = 1;
    for (int i = 0; pages / (double)stride > (is_fault ? FAULTS_MAX : PARTICLES_MAX) && i < 40; i++)
        stride = i % 3 == 1 ? stride / 2 * 5 : stride * 2;
    return stride;
}

struct river {
    const struct sheet *sheet;
    struct area area;
    uint64_t now_ns, window_ns, strides[WHY_COUNT];
};

/* The number of the page, counted for its reason since the beginning of the run, decides on its
 * lane. */
static void draw_particle(const struct river *river, uint64_t number, double left_ns, enum why why)
{
    double share = ((double)river->now_ns - left_ns) / (double)river->window_ns;
    if (share < 0 || share > 1)
        return;
    int lane = (int)(number / river->strides[why] * 2 % LANES);
    bool is_fault = why == WHY_FAULT;
    int height = river->area.height / (LANES + 1), size = is_fault ? height * 3 / 2 : height;
    double y = river->area.y + river->area.height * (lane + 1.0) / (LANES + 1);
    paint_mark(river->sheet->paint, theme_mark(why), river->area.x + river->area.width * share,
               is_fault ? river->area.y + river->area.height / 2.0 : y, size,
               river->sheet->theme->why[why]);
}

/* The pages of a run leave one after the other. */
static void draw_flight(const struct river *river, const struct session *session,
                        const struct timeline_flight *flight, uint64_t first_number)
{
    double each_ns = page_ns(&session->facts);
    uint64_t stride = river->strides[flight->why];
    uint64_t first = (first_number + stride - 1) / stride * stride;
    for (uint64_t number = first; number < first_number + flight->count; number += stride) {
        double left_ns = (double)flight->sent_ns + each_ns * (double)(number - first_number + 1);
        draw_particle(river, number, left_ns, flight->why);
    }
}

/* What was sent before the oldest run that the timeline still knows, spread evenly over its slice
 * of time. `numbers`: how many pages were sent until then; `known`: how many of the slice in which
 * that was are in runs that are known. */
static void draw_slices(const struct river *river, const struct timeline *timeline,
                        uint64_t until_ns, uint64_t numbers[WHY_COUNT],
                        const uint64_t known[WHY_COUNT])
{
    uint64_t newest = until_ns / TIMELINE_SLICE_NS;
    uint64_t from_ns = river->now_ns > river->window_ns ? river->now_ns - river->window_ns : 0;
    for (uint64_t i = newest + 1; i-- > from_ns / TIMELINE_SLICE_NS;) {
        double begin_ns = (double)i * TIMELINE_SLICE_NS;
        double length_ns = i == newest ? (double)until_ns - begin_ns : TIMELINE_SLICE_NS;
        for (int why = 0; why < WHY_COUNT && i < timeline->slice_count; why++) {
            uint64_t stride = river->strides[why];
            uint64_t sent = timeline->slices[i].sent[why] - (i == newest ? known[why] : 0);
            uint64_t first = numbers[why] -= sent;
            for (uint64_t number = (first + stride - 1) / stride * stride; number < first + sent;
                 number += stride)
                draw_particle(river, number,
                              begin_ns +
                                  length_ns * (double)(number - first + 1) / (double)(sent + 1),
                              (enum why)why);
        }
    }
}

static const struct timeline_flight *flight_before(const struct timeline *timeline, uint64_t back)
{
    return &timeline->flights[(timeline->flight_count - 1 - back) % TIMELINE_FLIGHTS];
}

static void draw_pages(const struct river *river, const struct session *session)
{
    const struct timeline *timeline = &session->timeline;
    uint64_t kept =
        timeline->flight_count < TIMELINE_FLIGHTS ? timeline->flight_count : TIMELINE_FLIGHTS;
    uint64_t numbers[WHY_COUNT], known[WHY_COUNT] = {0};
    for (int why = 0; why < WHY_COUNT; why++)
        numbers[why] = timeline->sent_by_why[why];
    for (uint64_t i = 0; i < kept; i++) {
        const struct timeline_flight *flight = flight_before(timeline, i);
        numbers[flight->why] -= flight->count;
        draw_flight(river, session, flight, numbers[flight->why]);
    }
    if (kept < TIMELINE_FLIGHTS)
        return;
    uint64_t oldest_ns = flight_before(timeline, kept - 1)->sent_ns;
    for (uint64_t i = 0; i < kept; i++) {
        const struct timeline_flight *flight = flight_before(timeline, i);
        if (flight->sent_ns / TIMELINE_SLICE_NS == oldest_ns / TIMELINE_SLICE_NS)
            known[flight->why] += flight->count;
    }
    draw_slices(river, timeline, oldest_ns, numbers, known);
}

/* Somebody waits for a page at host B: it was asked for. */
static void draw_requests(const struct river *river)
{
    int size = river->area.height / 4;
    struct colour colour = river->sheet->theme->why[WHY_FAULT];
    double y = river->area.y + river->area.height + size * 0.2;
    for (int i = 0; i < 5; i++)
        paint_mark(river->sheet->paint, MARK_LEFT,
                   river->area.x + river->area.width * (i + 0.5) / 5, y, size, colour);
}

/* Before anything travels, and while something ails it: what it is. */
static void draw_name(const struct sheet *sheet, struct area area, const struct session *session)
{
    const struct session_facts *facts = &session->facts;
    struct type type = sheet_type(sheet, LETTERS_SMALL, sheet->theme->faint);
    int line = paint_line_height(sheet->paint, type);
    struct words bandwidth, latency;
    char text[96], trouble[64];
    if (news_link(session, trouble, sizeof trouble) != NULL) {
        if (!session->is_live || session->is_link_cut)
            type.colour = sheet->theme->alarm;
        snprintf(text, sizeof text, _("the link: %s"), trouble);
    } else {
        snprintf(text, sizeof text, _("the link: %s, %s"),
                 words_bandwidth(&bandwidth, session->is_live ? 0 : facts->bandwidth_bits_per_s,
                                 facts->is_real),
                 words_time(&latency, facts->latency_ns));
    }
    sheet_fit(sheet, area.x + area.width / 2, area.y + (area.height - line) / 2, area.width,
              type_centre(type), text);
}

void flow_draw(const struct sheet *sheet, struct area area, const struct session *session,
               double speed)
{
    const struct timeline *timeline = &session->timeline;
    int rail = 2 + area.height / 40;
    struct area inner = {area.x, area.y + 2 * rail, area.width, area.height - 4 * rail};
    struct river river = {.sheet = sheet,
                          .area = inner,
                          .now_ns = timeline->now_ns,
                          .window_ns = flow_window_ns(session, speed)};
    for (int why = 0; why < WHY_COUNT; why++)
        river.strides[why] = flow_stride(session, speed, (enum why)why);
    paint_rect(sheet->paint, area, sheet->theme->panel);
    paint_rect(sheet->paint, (struct area){area.x, area.y, area.width, rail}, sheet->theme->line);
    paint_rect(sheet->paint, (struct area){area.x, area.y + area.height - rail, area.width, rail},
               sheet->theme->line);
    paint_clip(sheet->paint, &area);
    if (!timeline->has_ended) /* what is over is not under way any more */
        draw_pages(&river, session);
    if (timeline->waiting_harts > 0)
        draw_requests(&river);
    if (!timeline->has_started || timeline->trouble.link_state != LINK_WHOLE)
        draw_name(sheet, inner, session);
    paint_clip(sheet->paint, NULL);
}
