#include "tui/felt.h"

#include <math.h>

#define SLOW_NS       NS_PER_MS /* and this much slower than usual: an outage */
#define SLOW_TIMES    8
#define ANSWERS_USUAL 4 /* a column with fewer expected answers says nothing by having none */

/* While the guest stands still nobody is answered: the silence grows before any answer tells it. */
static uint64_t silence_now_ns(const struct timeline *timeline)
{
    return timeline->is_paused ? timeline->now_ns - timeline->paused_at_ns : 0;
}

/* As few decades as hold the longest so far. */
static int decades_of(const struct felt_strip *strip)
{
    uint64_t longest_ns = silence_now_ns(&strip->session->timeline), top_ns = FELT_LOW_NS;
    int decades = 0;
    if (strip->latency.max > longest_ns)
        longest_ns = strip->latency.max;
    for (; decades < FELT_DECADES_MIN || (top_ns < longest_ns && decades < FELT_DECADES_MAX);
         decades++)
        top_ns *= 10;
    return decades;
}

struct felt_strip felt_strip_make(const struct session *session, struct timeline_spread latency,
                                  uint64_t columns)
{
    uint64_t slice_count = session->timeline.now_ns / TIMELINE_SLICE_NS + 1;
    struct felt_strip strip = {.session = session, .latency = latency};
    if (columns == 0) /* a picture too narrow for any: what there is stands in one */
        columns = 1;
    strip.slices_per_column = (slice_count + columns - 1) / columns;
    strip.column_count = (slice_count + strip.slices_per_column - 1) / strip.slices_per_column;
    strip.decades = decades_of(&strip);
    return strip;
}

static bool should_have_answers(const struct felt_strip *strip)
{
    const struct session_facts *facts = &strip->session->facts;
    return facts->client_count * facts->request_rate * strip->slices_per_column *
               TIMELINE_SLICE_NS / NS_PER_S >=
           ANSWERS_USUAL;
}

struct felt felt_column(struct felt_strip *strip, uint64_t column)
{
    const struct timeline *timeline = &strip->session->timeline;
    struct felt felt = {.look = FELT_NOTHING};
    uint64_t answers = 0, usual_ns = strip->latency.p50 * SLOW_TIMES;
    for (uint64_t i = 0; i < strip->slices_per_column; i++) {
        uint64_t slice_idx = column * strip->slices_per_column + i;
        if (slice_idx >= timeline->slice_count)
            break;
        const struct timeline_slice *slice = &timeline->slices[slice_idx];
        answers += slice->answers;
        felt.is_wrong = felt.is_wrong || slice->wrong > 0;
        if (slice->latency_max_ns > felt.latency_max_ns)
            felt.latency_max_ns = slice->latency_max_ns;
    }
    bool is_last = column + 1 == strip->column_count;
    uint64_t silence_ns = is_last ? silence_now_ns(timeline) : 0;
    if (silence_ns > felt.latency_max_ns)
        felt.latency_max_ns = silence_ns;
    if (silence_ns > 0 ||
        (answers > 0 && felt.latency_max_ns > (usual_ns > SLOW_NS ? usual_ns : SLOW_NS)))
        felt.look = FELT_SLOW;
    else if (answers > 0)
        felt.look = FELT_USUAL;
    else if (strip->has_answers && should_have_answers(strip) && !is_last)
        felt.look = FELT_SILENT;
    strip->has_answers = strip->has_answers || answers > 0;
    return felt;
}

double felt_height(const struct felt_strip *strip, uint64_t latency_ns)
{
    if (latency_ns <= FELT_LOW_NS)
        return 0;
    return fmin(1, log10((double)latency_ns / (double)FELT_LOW_NS) / strip->decades);
}
