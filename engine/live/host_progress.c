/* How a move gets on, as its source sees it: told to the gateway, ten times a second. */
#include <string.h>

#include "base/units.h"
#include "live/host_private.h"

#define PROGRESS_NS (100 * NS_PER_MS)

static void look(struct move *move, const struct event *event)
{
    switch (event->kind) {
    case EVENT_PAGES_SENT:
        move->bytes_sent += event->pages_sent.bytes;
        return;
    case EVENT_FRAME_SENT:
        move->bytes_sent += event->frame_sent.bytes;
        return;
    default:
        return;
    }
}

void progress_look(struct move *move)
{
    for (; move->looked < move->events.count; move->looked++)
        look(move, &move->events.items[move->looked]);
}

static uint64_t per_second(uint64_t count, uint64_t ns)
{
    return ns == 0 ? 0 : units_mul_div(count, NS_PER_S, ns);
}

/* What is expected, where anything is, and the progress that follows from it. */
static void put_forecast(struct move *move, uint64_t now_ns, json_t *progress)
{
    const struct source *source = &move->source;
    uint64_t left_ns;

    if (source->forecast.at_ns != 0)
        json_object_set_new(progress, "downtime_forecast_ns",
                            json_integer((json_int_t)source->forecast.pause_ns));
    if (move->resident != NULL && source_left_ns(source, now_ns, &left_ns)) {
        json_object_set_new(progress, "left_ns", json_integer((json_int_t)left_ns));
        estimate_advance(&move->estimate, now_ns - move->started_ns, left_ns);
    }
    json_object_set_new(progress, "progress_permille",
                        json_integer((json_int_t)move->estimate.permille));
}

json_t *progress_json(struct move *move, uint64_t now_ns)
{
    const struct source *source = &move->source;
    bool has_guest = move->resident != NULL;
    uint64_t pages_left =
        !has_guest ? 0 : bitmap_union_count(&source->to_send, &move->resident->guest->dirty);
    bool is_after_switch = source->phase > PHASE_PAUSE;
    uint64_t dirty_rate = per_second(source->last.dirtied_pages, source->last.duration_ns);
    json_t *progress = json_pack(
        "{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I}", "move", move->id, "to", move->to,
        "mode", mode_name(move->scenario.mode), "phase", phase_name(source->phase), "round",
        (json_int_t)source->rounds_done, "bytes_sent", (json_int_t)move->bytes_sent, "bytes_per_s",
        (json_int_t)move->rate_bytes_per_s, "pages_left",
        (json_int_t)(is_after_switch ? source->to_send.set_count : pages_left), "dirty_pages_per_s",
        (json_int_t)dirty_rate, "elapsed_ns", (json_int_t)(now_ns - move->started_ns));

    if (has_guest) {
        json_object_set_new(progress, "guest", json_string(move->resident->name));
        json_object_set_new(progress, "total_pages",
                            json_integer((json_int_t)move->resident->guest->total_pages));
    }
    put_forecast(move, now_ns, progress);
    return progress;
}

/* Pages have come since the gateway was told how many are missing. */
static bool is_more_there(const struct move *move)
{
    return move->resident != NULL && move->resident->guest->present.set_count != move->told_pages;
}

uint64_t progress_due_ns(const struct move *move)
{
    bool is_coming = !move->is_out && target_is_running(&move->target) &&
                     !move->target.is_complete && is_more_there(move);
    return move->over_ns == 0 && (move->is_out || is_coming) ? move->progress_at_ns + PROGRESS_NS
                                                             : UINT64_MAX;
}

void progress_turn(struct move *move, uint64_t now_ns)
{
    if (now_ns < progress_due_ns(move))
        return;
    if (!move->is_out) {
        move->progress_at_ns = now_ns;
        move->told_pages = move->resident->guest->present.set_count;
        host_changed(move->host);
        return;
    }
    progress_look(move);
    move->rate_bytes_per_s =
        per_second(move->bytes_sent - move->bytes_before, now_ns - move->rate_at_ns);
    move->bytes_before = move->bytes_sent;
    move->rate_at_ns = move->progress_at_ns = now_ns;
    trunk_tell(move->host, "progress", progress_json(move, now_ns));
}
