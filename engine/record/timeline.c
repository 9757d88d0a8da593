#include "record/timeline.h"

#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "base/units.h"
#include "record/page_map.h"
#include "record/spread.h"

#define PAGE_CONTENT_BYTES 4096

/* A client's silence lasts while it waits, from the last answer or from when it began to wait. */
struct client {
    uint64_t outstanding; /* requests that were not answered yet */
    uint64_t silent_since_ns;
};

struct timeline_private {
    struct page_map pages;
    struct spread latency, fault_wait;
    struct client clients[TIMELINE_CLIENTS_MAX];
    uint64_t silent_since_ns; /* the earliest of the clients that wait; UINT64_MAX: none does */
    uint64_t installed_ns;    /* when the last page was installed */
};

void timeline_init(struct timeline *timeline, uint64_t total_pages)
{
    *timeline = (struct timeline){.total_pages = total_pages};
    pace_init(&timeline->pace);
    timeline->private = calloc(1, sizeof *timeline->private);
    MUST(timeline->private != NULL);
    page_map_init(&timeline->private->pages, total_pages);
    spread_init(&timeline->private->latency);
    spread_init(&timeline->private->fault_wait);
    timeline->private->silent_since_ns = UINT64_MAX;
}

void timeline_fini(struct timeline *timeline)
{
    if (timeline->private != NULL) {
        page_map_fini(&timeline->private->pages);
        spread_fini(&timeline->private->latency);
        spread_fini(&timeline->private->fault_wait);
    }
    free(timeline->private);
    free(timeline->rounds);
    free(timeline->slices);
    *timeline = (struct timeline){0};
}

static void *grow_to(void *items, uint32_t *capacity, uint32_t count, size_t item_bytes)
{
    if (*capacity >= count)
        return items;
    *capacity = count;
    items = realloc(items, count * item_bytes);
    MUST(items != NULL);
    return items;
}

static void private_copy(struct timeline_private *to, const struct timeline_private *from)
{
    page_map_copy(&to->pages, &from->pages);
    spread_copy(&to->latency, &from->latency);
    spread_copy(&to->fault_wait, &from->fault_wait);
    memcpy(to->clients, from->clients, sizeof to->clients);
    to->silent_since_ns = from->silent_since_ns;
    to->installed_ns = from->installed_ns;
}

/* All members are taken over as they are, but for those that own memory: that is kept and filled.
 */
void timeline_copy(struct timeline *to, const struct timeline *from)
{
    struct timeline own = *to;
    own.rounds = grow_to(own.rounds, &own.round_capacity, from->round_count, sizeof *own.rounds);
    own.slices = grow_to(own.slices, &own.slice_capacity, from->slice_count, sizeof *own.slices);
    *to = *from;
    to->rounds = own.rounds;
    to->round_capacity = own.round_capacity;
    to->slices = own.slices;
    to->slice_capacity = own.slice_capacity;
    to->private = own.private;
    if (from->round_count > 0)
        memcpy(to->rounds, from->rounds, from->round_count * sizeof *to->rounds);
    if (from->slice_count > 0)
        memcpy(to->slices, from->slices, from->slice_count * sizeof *to->slices);
    private_copy(to->private, from->private);
}

uint64_t timeline_bytes(const struct timeline *timeline)
{
    const struct timeline_private *private = timeline->private;
    return sizeof *timeline + sizeof *private + timeline->round_count * sizeof *timeline->rounds +
           timeline->slice_count * sizeof *timeline->slices + page_map_bytes(&private->pages) +
           spread_bytes(&private->latency) + spread_bytes(&private->fault_wait);
}

/* ---- Time ---- */

static struct timeline_round *running_round(struct timeline *timeline)
{
    if (timeline->round_count == 0)
        return NULL;
    struct timeline_round *last = &timeline->rounds[timeline->round_count - 1];
    return last->has_ended ? NULL : last;
}

static void grow_slices(struct timeline *timeline)
{
    uint64_t wanted = timeline->now_ns / TIMELINE_SLICE_NS + 1;
    if (wanted > TIMELINE_SLICES_MAX)
        wanted = TIMELINE_SLICES_MAX;
    if (wanted <= timeline->slice_count)
        return;
    if (wanted > timeline->slice_capacity) {
        uint64_t capacity = wanted * 2;
        timeline->slices = realloc(timeline->slices, capacity * sizeof *timeline->slices);
        MUST(timeline->slices != NULL);
        timeline->slice_capacity = (uint32_t)capacity;
    }
    while (timeline->slice_count < wanted)
        timeline->slices[timeline->slice_count++] =
            (struct timeline_slice){.pages_left = timeline->pages_left};
}

/* The slice of this instant; NULL where time has outgrown them. */
static struct timeline_slice *slice_now(struct timeline *timeline)
{
    uint64_t slice_idx = timeline->now_ns / TIMELINE_SLICE_NS;
    return slice_idx < timeline->slice_count ? &timeline->slices[slice_idx] : NULL;
}

static void note_silence(struct timeline *timeline, uint64_t since_ns)
{
    if (timeline->now_ns > since_ns && timeline->now_ns - since_ns > timeline->longest_silence_ns)
        timeline->longest_silence_ns = timeline->now_ns - since_ns;
}

/* The downtime that counts is the hand-over's: from the source's pause until the target may run, or, where
 * it comes to nothing, until the source goes on. */
static bool is_down(const struct timeline *timeline)
{
    return timeline->has_started && timeline->is_paused && !timeline->has_resumed &&
           timeline->host == HOST_SOURCE;
}

/* Everything that grows with time alone. */
void timeline_advance(struct timeline *timeline, uint64_t now_ns)
{
    if (now_ns > timeline->now_ns)
        timeline->now_ns = now_ns;
    struct timeline_round *round = running_round(timeline);
    if (round != NULL)
        round->duration_ns = timeline->now_ns - round->started_ns;
    if (is_down(timeline))
        timeline->downtime_ns = timeline->now_ns - timeline->paused_at_ns;
    note_silence(timeline, timeline->private->silent_since_ns);
    trouble_advance(&timeline->trouble, timeline->now_ns);
    grow_slices(timeline);
}

/* ---- The migration ---- */

static void fold_started(struct timeline *timeline, const struct event *event)
{
    timeline->has_started = true;
    timeline->has_ended = false;
    timeline->has_resumed = false;
    timeline->mode = (enum mode)event->migration_started.mode;
    timeline->started_ns = event->at_ns;
    timeline->round_count = 0;
    timeline->dirty_traps = 0;
    timeline->downtime_ns = 0;
    timeline->is_limit_exceeded = false;
    page_map_start(&timeline->private->pages);
}

static void fold_ended(struct timeline *timeline, const struct event *event)
{
    struct timeline_round *round = running_round(timeline);
    if (round != NULL)
        round->has_ended = true; /* cut short */
    timeline->has_ended = true;
    timeline->outcome = (enum outcome)event->migration_ended.outcome;
    timeline->ended_ns = event->at_ns;
    if (timeline->outcome == OUTCOME_COMPLETED &&
        timeline->private->installed_ns >= timeline->started_ns)
        timeline->ended_ns = timeline->private->installed_ns;
    if (timeline->outcome == OUTCOME_ABORTED)
        page_map_give_up(&timeline->private->pages);
}

static void fold_round_started(struct timeline *timeline, const struct event *event)
{
    if (timeline->round_count == timeline->round_capacity) {
        timeline->round_capacity =
            timeline->round_capacity == 0 ? 32 : timeline->round_capacity * 2;
        timeline->rounds =
            realloc(timeline->rounds, timeline->round_capacity * sizeof *timeline->rounds);
        MUST(timeline->rounds != NULL);
    }
    timeline->rounds[timeline->round_count++] = (struct timeline_round){
        .round_idx = event->round_started.round_idx,
        .started_ns = event->at_ns,
        .pages = event->round_started.pages,
        .is_paused = event->round_started.is_paused != 0,
        .share_permille = pace_share(&timeline->pace),
    };
}

static void fold_round_ended(struct timeline *timeline, const struct event *event)
{
    struct timeline_round *round = running_round(timeline);
    if (round == NULL)
        return;
    round->pages_sent = event->round_ended.pages_sent;
    round->bytes_sent = event->round_ended.bytes_sent;
    round->dirtied_pages = event->round_ended.dirtied_pages;
    round->has_ended = true;
}

/* The share of the guest may be taken in the midst of a round. */
static void note_share(struct timeline *timeline)
{
    struct timeline_round *round = running_round(timeline);
    uint32_t share = pace_share(&timeline->pace);
    if (round != NULL && !round->has_ended && share < round->share_permille)
        round->share_permille = share;
}

/* ---- Pages ---- */

static void note_flight(struct timeline *timeline, const struct event *event)
{
    struct timeline_slice *slice = slice_now(timeline);
    bool is_sent = event->pages_sent.form != PAGE_FORM_FREE;
    timeline->flights[timeline->flight_count++ % TIMELINE_FLIGHTS] = (struct timeline_flight){
        .sent_ns = event->at_ns,
        .first_idx = event->pages_sent.first_idx,
        .count = event->pages_sent.count,
        .bytes = event->pages_sent.bytes,
        .why = (enum why)event->pages_sent.why,
    };
    if (slice != NULL && is_sent)
        slice->sent[event->pages_sent.why] += (uint32_t)event->pages_sent.count;
}

static enum timeline_use use_of(const struct event *event)
{
    static const enum timeline_use of_why[WHY_COUNT] = {[WHY_FIRST] = USE_FIRST,
                                                        [WHY_RESENT] = USE_RESENT,
                                                        [WHY_FAULT] = USE_FAULT,
                                                        [WHY_PUSHED] = USE_PUSHED};
    if (event->pages_sent.why == WHY_FAULT || event->pages_sent.why == WHY_PUSHED)
        return of_why[event->pages_sent.why]; /* whatever its form */
    switch ((enum page_form)event->pages_sent.form) {
    case PAGE_FORM_ZERO:
    case PAGE_FORM_FREE:
        return USE_ZERO;
    case PAGE_FORM_DELTA:
        return USE_DELTA;
    case PAGE_FORM_LZ4:
    case PAGE_FORM_ZSTD:
        return USE_COMPRESSED;
    default:
        return of_why[event->pages_sent.why];
    }
}

static void fold_sent(struct timeline *timeline, const struct event *event)
{
    struct timeline_round *round = running_round(timeline);
    uint64_t count = event->pages_sent.count, bytes = event->pages_sent.bytes;
    uint64_t content_bytes = count * PAGE_CONTENT_BYTES;

    timeline->pages_by_form[event->pages_sent.form] += count;
    timeline->bytes_by_form[event->pages_sent.form] += bytes;
    if (event->pages_sent.form == PAGE_FORM_FREE) {
        page_map_give_away(&timeline->private->pages, event->pages_sent.first_idx, count);
        count = 0;
    } else {
        page_map_send(&timeline->private->pages, event->pages_sent.first_idx, count);
    }
    timeline->pages_sent += count;
    timeline->pages_resent = timeline->pages_sent - timeline->private->pages.distinct_sent;
    timeline->sent_by_why[event->pages_sent.why] += count;
    note_flight(timeline, event);
    if (event->pages_sent.why == WHY_PUSHED)
        timeline->pages_pushed += count;
    timeline->bytes_on_wire += bytes;
    uint64_t header_bytes = bytes > content_bytes ? bytes - content_bytes : 0;
    timeline->framing_bytes += header_bytes;
    timeline->bytes_by_use[USE_FRAMING] += header_bytes;
    timeline->bytes_by_use[use_of(event)] += bytes - header_bytes;
    timeline->bytes_by_why[event->pages_sent.why] += bytes - header_bytes;
    if (round != NULL) {
        round->pages_sent += count;
        round->bytes_sent += bytes;
    }
}

static void fold_encoded(struct timeline *timeline, const struct event *event)
{
    timeline->delta_hits += event->pages_encoded.delta_hits;
    timeline->delta_misses += event->pages_encoded.delta_misses;
    timeline->delta_overflows += event->pages_encoded.delta_overflows;
    timeline->encoding_ns += event->pages_encoded.cost_ns;
}

static void fold_installed(struct timeline *timeline, const struct event *event)
{
    page_map_install(&timeline->private->pages, event->pages_installed.first_idx,
                     event->pages_installed.count);
    timeline->private->installed_ns = event->at_ns;
}

static void fold_frame(struct timeline *timeline, const struct event *event)
{
    timeline->bytes_on_wire += event->frame_sent.bytes;
    if (event->frame_sent.is_state)
        timeline->state_bytes += event->frame_sent.bytes;
    timeline->bytes_by_use[event->frame_sent.is_state ? USE_STATE : USE_CONTROL] +=
        event->frame_sent.bytes;
    if (!event->frame_sent.is_state)
        timeline->framing_bytes += event->frame_sent.bytes;
}

static void fold_dirtied(struct timeline *timeline, const struct event *event)
{
    struct timeline_round *round = running_round(timeline);
    uint32_t host = (uint32_t)event->page_dirtied.host;

    page_map_dirty(&timeline->private->pages, host, event->page_dirtied.page_idx);
    if (host != HOST_SOURCE || !timeline->has_started)
        return;
    timeline->dirty_traps += event->page_dirtied.is_logged == 0;
    if (round != NULL)
        round->dirtied_pages++;
}

static void fold_faulted(struct timeline *timeline, const struct event *event)
{
    page_map_wait(&timeline->private->pages, event->page_faulted.page_idx, true);
    timeline->faults++;
    timeline->waiting_harts++;
}

static void fold_resolved(struct timeline *timeline, const struct event *event)
{
    page_map_wait(&timeline->private->pages, event->fault_resolved.page_idx, false);
    spread_add(&timeline->private->fault_wait, event->fault_resolved.wait_ns);
    if (timeline->waiting_harts > 0)
        timeline->waiting_harts--;
}

/* ---- The guest ---- */

static void fold_paused(struct timeline *timeline, const struct event *event)
{
    timeline->is_paused = true;
    timeline->host = (uint32_t)event->guest_paused.host;
    if (timeline->host != HOST_SOURCE)
        return;
    timeline->paused_at_ns = event->at_ns;
    timeline->is_pause_in_a_round = timeline->pages_sent != timeline->forecast_sent;
}

/* Of a switch that leaves pages it is the switch's own, if that was foreseen: one that comes in the
 * middle of a round, or is asked for, was not. */
uint64_t timeline_paused_forecast_ns(const struct timeline *timeline)
{
    if (!timeline->has_resumed)
        return 0;
    if (!timeline->has_left_pages)
        return timeline->forecast_downtime_ns;
    return timeline->is_pause_in_a_round ? 0 : timeline->forecast_pause_ns;
}

static void fold_resumed(struct timeline *timeline, const struct event *event)
{
    timeline->is_paused = false;
    timeline->host = (uint32_t)event->guest_resumed.host;
    if (timeline->host == HOST_SOURCE || timeline->has_resumed)
        return;
    timeline->has_resumed = true;
    timeline->resumed_at_ns = event->at_ns;
    page_map_hand_over(&timeline->private->pages);
}

/* A move that was over is not undone by a crash; the guest is lost all the same. */
static void fold_crashed(struct timeline *timeline, const struct event *event)
{
    if (timeline->has_ended && timeline->host == event->host_crashed.host)
        timeline->outcome = OUTCOME_LOST;
}

static void fold_guest_ended(struct timeline *timeline, const struct event *event)
{
    timeline->has_guest_ended = true;
    timeline->guest_ended_ns = event->at_ns;
    timeline->host = (uint32_t)event->guest_ended.host;
    timeline->guest_status = event->guest_ended.status;
    timeline->is_guest_fault = event->guest_ended.is_fault != 0;
}

/* ---- Clients ---- */

static void find_longest_waiting(struct timeline_private *private)
{
    private->silent_since_ns = UINT64_MAX;
    for (unsigned i = 0; i < TIMELINE_CLIENTS_MAX; i++) {
        const struct client *client = &private->clients[i];
        if (client->outstanding > 0 && client->silent_since_ns < private->silent_since_ns)
        private->silent_since_ns = client->silent_since_ns;
    }
}

static void fold_request(struct timeline *timeline, const struct event *event)
{
    if (timeline->requests++ == 0)
        timeline->first_request_ns = event->at_ns;
    if (event->request_sent.client_idx >= TIMELINE_CLIENTS_MAX)
        return; /* counted; whose silence it is cannot be told */
    struct client *client = &timeline->private->clients[event->request_sent.client_idx];
    if (client->outstanding++ > 0)
        return;
    client->silent_since_ns = event->at_ns;
    if (event->at_ns < timeline->private->silent_since_ns)
        timeline->private->silent_since_ns = event->at_ns;
}

/* The silence that this answer ends was noted when time passed, if it is the longest there was. */
static void end_silence(struct timeline *timeline, const struct event *event)
{
    if (event->request_answered.client_idx >= TIMELINE_CLIENTS_MAX)
        return;
    struct client *client = &timeline->private->clients[event->request_answered.client_idx];
    uint64_t since_ns = client->silent_since_ns;
    if (client->outstanding == 0)
        return;
    client->outstanding--;
    client->silent_since_ns = event->at_ns;
    if (since_ns == timeline->private->silent_since_ns)
        find_longest_waiting(timeline->private);
}

static void fold_answer(struct timeline *timeline, const struct event *event)
{
    uint64_t latency_ns = event->request_answered.latency_ns;
    struct timeline_slice *slice = slice_now(timeline);

    timeline->answers++;
    timeline->errors += event->request_answered.is_wrong;
    timeline->last_latency_ns = latency_ns;
    spread_add(&timeline->private->latency, latency_ns);
    end_silence(timeline, event);
    if (slice == NULL)
        return;
    slice->answers++;
    slice->wrong += (uint32_t)event->request_answered.is_wrong;
    if (latency_ns > slice->latency_max_ns)
        slice->latency_max_ns = latency_ns;
}

/* ---- The fold ---- */

static void fold(struct timeline *timeline, const struct event *event)
{
    trouble_fold(&timeline->trouble, event);
    turns_fold(&timeline->turns, event);
    switch (event->kind) {
    case EVENT_MIGRATION_STARTED:
        fold_started(timeline, event);
        break;
    case EVENT_PHASE_CHANGED:
        timeline->phase = (enum phase)event->phase_changed.phase;
        timeline->has_left_pages |= timeline->phase == PHASE_POST_COPY;
        break;
    case EVENT_ROUND_STARTED:
        fold_round_started(timeline, event);
        break;
    case EVENT_ROUND_ENDED:
        fold_round_ended(timeline, event);
        break;
    case EVENT_PAGES_SENT:
        fold_sent(timeline, event);
        break;
    case EVENT_PAGES_INSTALLED:
        fold_installed(timeline, event);
        break;
    case EVENT_FRAME_SENT:
        fold_frame(timeline, event);
        break;
    case EVENT_PAGE_DIRTIED:
        fold_dirtied(timeline, event);
        break;
    case EVENT_LOG_FETCHED:
        page_map_fetch(&timeline->private->pages, event->log_fetched.first_idx,
                       event->log_fetched.count);
        break;
    case EVENT_DOWNTIME_FORECAST:
        timeline->forecast_downtime_ns = event->downtime_forecast.now_ns;
        timeline->forecast_pause_ns = event->downtime_forecast.pause_ns;
        timeline->forecast_at_ns = event->at_ns;
        timeline->forecast_sent = timeline->pages_sent;
        timeline->forecast_left_ns = event->downtime_forecast.left_ns;
        break;
    case EVENT_LIMIT_EXCEEDED:
        timeline->is_limit_exceeded = true;
        timeline->exceeded_limit = (enum limit)event->limit_exceeded.limit;
        break;
    case EVENT_GUEST_PAUSED:
        fold_paused(timeline, event);
        break;
    case EVENT_GUEST_RESUMED:
        fold_resumed(timeline, event);
        break;
    case EVENT_PAGE_FAULTED:
        fold_faulted(timeline, event);
        break;
    case EVENT_FAULT_RESOLVED:
        fold_resolved(timeline, event);
        break;
    case EVENT_MIGRATION_ENDED:
        fold_ended(timeline, event);
        break;
    case EVENT_REQUEST_SENT:
        fold_request(timeline, event);
        break;
    case EVENT_REQUEST_ANSWERED:
        fold_answer(timeline, event);
        break;
    case EVENT_GUEST_ENDED:
        fold_guest_ended(timeline, event);
        break;
    case EVENT_RUN_ENDED:
        timeline->has_run_ended = true;
        timeline->instructions = event->run_ended.instructions;
        timeline->digest = event->run_ended.digest;
        break;
    case EVENT_PAGES_ENCODED:
        fold_encoded(timeline, event);
        break;
    case EVENT_BARRIER_SENT:
    case EVENT_BARRIER_ACKNOWLEDGED:
    case EVENT_CACHE_WRITTEN_BACK:
    case EVENT_DISK_WRITTEN:
        cut_fold(&timeline->cut, event);
        break;
    case EVENT_HOST_CRASHED:
        fold_crashed(timeline, event);
        break;
    case EVENT_DECIDED:
    case EVENT_SHARE_SET:
    case EVENT_LOG_DRAINED:
    case EVENT_LINK_CHANGED:
    case EVENT_PACKET_FORWARDED:
    case EVENT_PACKET_DROPPED:
    case EVENT_TUNNEL_ENDED:
    case EVENT_PROGRESS_MADE:
    case EVENT_STREAMS_REHOMED:
    case EVENT_CONSOLE_WRITTEN:
    case EVENT_INPUT_GIVEN:
    case EVENT_COUNT:
        break;
    }
}

/* Time passes first: what was going on until this instant went on until this instant. */
void timeline_add(struct timeline *timeline, const struct event *event)
{
    MUST((unsigned)event->kind < EVENT_COUNT && event->at_ns >= timeline->now_ns);
    timeline_advance(timeline, event->at_ns);
    timeline->event_count++;
    fold(timeline, event);
    pace_fold(&timeline->pace, event);
    if (event->kind == EVENT_SHARE_SET)
        note_share(timeline);
    const uint64_t *target = timeline->private->pages.totals[HOST_TARGET];
    timeline->pages_missing = target[PAGE_MISSING] + target[PAGE_WAITED_FOR];
    timeline->pages_left = timeline->private->pages.totals[HOST_SOURCE][PAGE_DIRTY];
    struct timeline_slice *slice = slice_now(timeline);
    if (slice != NULL)
        slice->pages_left = timeline->pages_left;
}

/* ---- What is asked of it ---- */

enum page_state timeline_page(const struct timeline *timeline, uint32_t host, uint64_t page_idx)
{
    return page_map_state(&timeline->private->pages, host, page_idx);
}

void timeline_map_cell(const struct timeline *timeline, uint32_t host, uint64_t first_idx,
                       uint64_t count, uint64_t counts[PAGE_STATE_COUNT])
{
    page_map_count(&timeline->private->pages, host, first_idx, count, counts);
}

const struct timeline_round *timeline_round(const struct timeline *timeline)
{
    return timeline->round_count == 0 ? NULL : &timeline->rounds[timeline->round_count - 1];
}

/* The round that rates are taken from: see the header for the order of preference. */
static const struct timeline_round *measured_round(const struct timeline *timeline)
{
    const struct timeline_round *paused = NULL;
    for (uint32_t i = timeline->round_count; i-- > 0;) {
        const struct timeline_round *round = &timeline->rounds[i];
        if (!round->has_ended || round->duration_ns == 0)
            continue;
        if (!round->is_paused)
            return round;
        paused = paused == NULL ? round : paused;
    }
    return paused != NULL ? paused : timeline_round(timeline);
}

static uint64_t rate_per_s(uint64_t count, uint64_t duration_ns)
{
    if (duration_ns == 0)
        return 0;
    unsigned __int128 rate = (unsigned __int128)count * NS_PER_S / duration_ns;
    return rate < UINT64_MAX ? (uint64_t)rate : UINT64_MAX;
}

uint64_t timeline_mu(const struct timeline *timeline)
{
    const struct timeline_round *round = measured_round(timeline);
    return round == NULL ? 0 : rate_per_s(round->pages_sent, round->duration_ns);
}

uint64_t timeline_delta(const struct timeline *timeline)
{
    const struct timeline_round *round = measured_round(timeline);
    return round == NULL ? 0 : rate_per_s(round->dirtied_pages, round->duration_ns);
}

static struct timeline_spread spread_of(const struct spread *spread)
{
    if (spread->count == 0)
        return (struct timeline_spread){0};
    return (struct timeline_spread){
        .count = spread->count,
        .p50 = spread_percentile(spread, 50),
        .p99 = spread_percentile(spread, 99),
        .max = spread->max,
    };
}

struct timeline_spread timeline_latency(const struct timeline *timeline)
{
    return spread_of(&timeline->private->latency);
}

struct timeline_spread timeline_fault_wait(const struct timeline *timeline)
{
    return spread_of(&timeline->private->fault_wait);
}
