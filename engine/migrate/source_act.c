/* What a strategy sees and asks for: the view, the rounds, and each action. */
#include "migrate/source_private.h"

#include <stdio.h>
#include <string.h>

/* ---- Rounds ---- */

static void begin_counts(struct source *source, uint64_t now_ns, uint64_t pages)
{
    source->current = (struct round){.pages = pages};
    source->marks[0] = source->marks[1] = (struct round){0};
    source->round_started_ns = now_ns;
    source->growth_due_ns = GROWTH_FIRST_NS;
}

void source_open_round(struct source *source, uint64_t now_ns)
{
    source->is_round_open = true;
    begin_counts(source, now_ns, source->to_send.set_count);
    source_emit(source,
                (struct event){.at_ns = now_ns,
                               .kind = EVENT_ROUND_STARTED,
                               .round_started = {.round_idx = source->rounds_done,
                                                 .pages = source->to_send.set_count,
                                                 .is_paused = source->phase == PHASE_PAUSE}});
}

static void close_round(struct source *source, uint64_t now_ns, uint64_t dirtied_pages)
{
    source->is_round_open = false;
    source->current.dirtied_pages = dirtied_pages;
    source->current.left_pages = source->to_send.set_count;
    source->current.duration_ns = now_ns - source->round_started_ns;
    source_emit(source, (struct event){.at_ns = now_ns,
                                       .kind = EVENT_ROUND_ENDED,
                                       .round_ended = {.round_idx = source->rounds_done,
                                                       .pages_sent = source->current.pages_sent,
                                                       .bytes_sent = source->current.bytes_sent,
                                                       .dirtied_pages = dirtied_pages}});
    source_close_page_bytes(source);
    source_tell_encoding(source, now_ns);
    source->last = source->current;
    source->rounds_done++;
    growth_note(&source->growth, source->last.duration_ns, dirtied_pages);
}

void source_decide(struct source *source, uint64_t now_ns, enum decision decision, uint64_t value)
{
    source_emit(source, (struct event){.at_ns = now_ns,
                                       .kind = EVENT_DECIDED,
                                       .decided = {.decision = decision, .value = value}});
}

void source_tell_fetched(struct source *source, uint64_t now_ns, uint64_t dirtied,
                         uint64_t first_idx, uint64_t count)
{
    source_emit(source, (struct event){.at_ns = now_ns,
                                       .kind = EVENT_LOG_FETCHED,
                                       .log_fetched = {.dirtied_pages = dirtied,
                                                       .first_idx = first_idx,
                                                       .count = count}});
}

static uint64_t fetch(struct source *source, uint64_t now_ns, uint64_t first_idx, uint64_t count)
{
    struct guest *guest = source->guest;
    bool is_watched = source->order.is_watching && count == guest->total_pages;
    struct bitmap *into = is_watched ? &source->order.fetched : &source->to_send;
    uint64_t dirtied = guest->ops->fetch_dirty(guest, first_idx, count, into);
    if (is_watched)
        page_order_fetched(&source->order, &source->to_send, &source->flush_dirtied);
    source_begin_sweep(source, first_idx);
    source_tell_fetched(source, now_ns, dirtied, first_idx, count);
    return dirtied;
}

/* The whole log. Returns what was dirtied in the round. */
static uint64_t fetch_all(struct source *source, uint64_t now_ns)
{
    uint64_t flushed = source_flush_dirtied(source);
    uint64_t dirtied = fetch(source, now_ns, 0, source->guest->total_pages);

    bitmap_clear_all(&source->flush_dirtied);
    return dirtied + flushed;
}

/* ---- What a strategy sees ---- */

/* What the hand-over costs beside pages: the state and COMMIT. (The bitmap of stale pages, which
 * post-copy adds, is no matter of the state.) */
static uint64_t state_wire_bytes(const struct source *source)
{
    struct bytes state = {0};
    source->guest->ops->save(source->guest, &state);
    uint64_t bytes = message_hand_over_bytes(state.count);
    bytes_fini(&state);
    return bytes;
}

struct view source_view(const struct source *source, uint64_t now_ns, bool is_link_idle)
{
    return (struct view){
        .phase = source->phase,
        .now_ns = now_ns,
        .started_ns = source->started_ns,
        .total_pages = source->guest->total_pages,
        .to_send = &source->to_send,
        .choice = source->phase == PHASE_COPY
                      ? page_order_choice(&source->order, &source->to_send, &source->guest->dirty)
                      : (struct page_choice){.of = &source->to_send},
        .sent = &source->sent,
        .dirty = &source->guest->dirty,
        .rounds_done = source->rounds_done,
        .last = source->last,
        .current = source->current,
        .late = {.bytes_sent = source->current.bytes_sent - source->marks[0].bytes_sent,
                 .link_ns = source->current.link_ns - source->marks[0].link_ns},
        .pages_sent = source->pages_sent,
        .is_link_idle = is_link_idle,
        .is_slowing = throttle_has_more(&source->throttle),
        .page_bytes = source->page_bytes,
        .state_bytes = source->state_bytes,
        .half_rtt_ns = source->half_rtt_ns,
        .limits = source->config.limits,
        .outside = source->config.strategy->outside,
    };
}

/* ---- The dirty log ---- */

/* A round, or what would be one, has ended while the guest goes on. */
static void learn_from_round(struct source *source, uint64_t now_ns)
{
    if (throttle_round_ended(&source->throttle, &source->last))
        source_decide(source, now_ns, DECISION_SLOWER, throttle_share(&source->throttle, 0));
    source->state_bytes = state_wire_bytes(source);
    source_forecast(source, now_ns);
}

/* What would be a round: it ends when as many pages were sent as were left at its beginning. Of
 * fewer than these, chance would have too great a part. */
#define SCAN_PAGES_MIN 64

/* Of those that are to be sent, the ones that the guest gave away: told of, and sent never. */
static uint64_t given_away(const struct source *source)
{
    const struct bitmap *to_send = &source->to_send, *free = &source->guest->free;

    if (!source->config.has_free_hints || free->set_count == 0)
        return 0;
    return to_send->set_count + free->set_count - bitmap_union_count(to_send, free);
}

static void open_scan(struct source *source, uint64_t now_ns)
{
    uint64_t left = source->to_send.set_count - given_away(source) + source->guest->dirty.set_count;
    source->is_scanning = true;
    bitmap_clear_all(&source->flush_dirtied);
    begin_counts(source, now_ns, left > SCAN_PAGES_MIN ? left : SCAN_PAGES_MIN);
    source->dirty_at_opening = source->guest->dirty.set_count;
}

static void fetch_piece(struct source *source, uint64_t now_ns, const struct action *action)
{
    if (!source->is_scanning) {
        if (source->is_round_open)
            close_round(source, now_ns,
                        source->guest->dirty.set_count + source_flush_dirtied(source));
        open_scan(source, now_ns);
    }
    source->current.dirtied_pages += fetch(source, now_ns, action->first_idx, action->count);
    if (source->current.pages_sent < source->current.pages)
        return;
    source_close_page_bytes(source);
    source->last = source->current;
    source->last.dirtied_pages +=
        source->guest->dirty.set_count - source->dirty_at_opening + source->flush_dirtied.set_count;
    source->last.pages = source->last.pages_sent;
    source->last.left_pages = source->last.dirtied_pages;
    source->last.duration_ns = now_ns - source->round_started_ns;
    growth_note(&source->growth, source->last.duration_ns, source->last.dirtied_pages);
    open_scan(source, now_ns);
    learn_from_round(source, now_ns);
}

static void act_fetch(struct source *source, uint64_t now_ns)
{
    uint64_t dirtied = fetch_all(source, now_ns);

    source->is_scanning = false;
    if (source->is_round_open)
        close_round(source, now_ns, dirtied);
    learn_from_round(source, now_ns);
}

/* ---- Actions ---- */

static void exceed_limit(struct source *source, uint64_t now_ns, enum limit limit)
{
    struct view view = source_view(source, now_ns, true);
    uint64_t downtime_ns = view_downtime_ns(&view, source->to_send.set_count);
    source_emit(source, (struct event){.at_ns = now_ns,
                                       .kind = EVENT_LIMIT_EXCEEDED,
                                       .limit_exceeded = {.round_idx = source->rounds_done,
                                                          .downtime_ns = downtime_ns,
                                                          .limit = limit}});
}

/* What was dirtied until the guest stood still is what is left to send. */
static void end_last_round(struct source *source, uint64_t now_ns)
{
    source_write_back(source, now_ns);
    uint64_t dirtied = fetch_all(source, now_ns);

    source->is_scanning = false;
    if (source->is_round_open)
        close_round(source, now_ns, dirtied);
    source->state_bytes = state_wire_bytes(source);
    if (source->is_limit_exceeded)
        exceed_limit(source, now_ns, source->exceeded_limit);
}

/* What a device is still doing belongs before the cut: it may write to memory, and none of its
 * requests travels. The guest stands still meanwhile. */
static void act_pause(struct source *source, uint64_t now_ns, const struct action *action)
{
    snprintf(source->reason, sizeof source->reason, "%s",
             action->reason != NULL ? action->reason : "the strategy asked for the pause");
    source->is_limit_exceeded = action->is_limit_exceeded;
    source->exceeded_limit = action->limit;
    source->is_draining = !source->guest->ops->is_quiet(source->guest);
    source_release_barriers(source);
    if (!source->is_draining)
        end_last_round(source, now_ns);
    source_enter(source, now_ns, PHASE_PAUSE);
    source_emit(source, (struct event){.at_ns = now_ns,
                                       .kind = EVENT_GUEST_PAUSED,
                                       .guest_paused = {.host = HOST_SOURCE}});
}

void source_end_drain(struct source *source, uint64_t now_ns)
{
    source->is_draining = false;
    end_last_round(source, now_ns);
}

static void act_give_up(struct source *source, uint64_t now_ns, const struct action *action)
{
    if (action->is_limit_exceeded)
        exceed_limit(source, now_ns, action->limit);
    source_fail(source, now_ns,
                action->reason != NULL ? action->reason : "the strategy gave the move up");
}

/* STALE (where copies sent before are old), STATE and COMMIT leave in one burst. */
static void act_hand_over(struct source *source, uint64_t now_ns)
{
    struct guest *guest = source->guest;
    struct bytes state = {0};
    uint64_t missing_pages = source->to_send.set_count;

    /* No line of a cache travels. */
    MUST(source->config.skips_write_back || guest->ops->write_back(guest).lines == 0);
    if (!source->is_round_open && missing_pages == 0)
        source_open_round(source, now_ns);
    if (source->is_round_open)
        close_round(source, now_ns, 0);
    source->has_committed_all = missing_pages == 0;
    if (missing_pages > 0 && source->sent.set_count > 0)
        for (uint64_t idx = 0; idx < guest->total_pages; idx += MESSAGE_STALE_BITS)
            message_put_stale(&source->out, &source->to_send, idx);
    guest->ops->save(guest, &state);
    message_put_state(&source->out, &state);
    source->state_digest = digest_of(state.data, state.count);
    message_put_commit(&source->out,
                       &(struct message_commit){.missing_pages = missing_pages,
                                                .state_digest = source->state_digest});
    bytes_fini(&state);
    source->is_commit_pending = true;
    source->handed_over_ns = source->push_from_ns = now_ns;
    source->push_from_pages = missing_pages;
    source_enter(source, now_ns, PHASE_HAND_OVER);
}

/* A decision that is a remedy comes into force. */
static void act_decide(struct source *source, uint64_t now_ns, const struct action *action)
{
    source_decide(source, now_ns, action->decision, action->value);
    if (action->decision == DECISION_HOT_LAST)
        source->order.is_hot_last = source->order.is_skipping = true;
    if (action->decision == DECISION_POST_COPY && source->pre_paging.prefetch != PREFETCH_NONE)
        source->pre_paging.prefetch = PREFETCH_BUBBLE; /* none is what the user wanted */
}

/* ---- Strategies that break a rule ---- */

void source_post_copy_from_now_on(struct source *source)
{
    source->config.strategy = strategy_of(MODE_POST_COPY);
    memset(source->memo, 0, sizeof source->memo);
}

/* It has no say any more. Before COMMIT the move is given up; after it the guest must not be left
 * without its pages, and the engine pushes them itself. */
void source_dismiss(struct source *source, uint64_t now_ns, const char *reason)
{
    if (source_is_after_pause(source))
        source_post_copy_from_now_on(source);
    else
        source_fail(source, now_ns, reason);
}

/* PUSH and DECIDE are the engine's own: a strategy from outside cannot ask for them. */
static bool is_action(const struct source *source, enum action_kind kind)
{
    bool is_outside = source->config.strategy->outside != NULL;
    return action_name(kind) != NULL && (!is_outside || kind <= ACTION_GIVE_UP);
}

static uint64_t refuse(struct source *source, uint64_t now_ns, const struct action *action)
{
    char reason[MESSAGE_REASON_MAX];
    const char *name = action_name(action->kind);
    bool is_copying = source->phase == PHASE_COPY;

    if (is_action(source, action->kind))
        snprintf(reason, sizeof reason,
                 "the strategy asked to %s in phase %s, where it may %s, WAIT or GIVE_UP", name,
                 phase_name(source->phase),
                 source_is_after_pause(source)
                     ? is_action(source, ACTION_PUSH) ? "PUSH, SEND" : "SEND"
                 : is_copying ? "SEND, FETCH, PAUSE"
                              : "SEND, HAND_OVER");
    else
        snprintf(reason, sizeof reason, "the strategy asked for action %lld: there is none",
                 (long long)(int)action->kind);
    source_dismiss(source, now_ns, reason);
    return 0;
}

/* Of all that can be wrong with a range of pages, the first in reading order is told. */
static uint64_t refuse_range(struct source *source, uint64_t now_ns, const struct action *action)
{
    char reason[MESSAGE_REASON_MAX];
    const char *name = action_name(action->kind);
    unsigned long long first_idx = action->first_idx, total = source->guest->total_pages;

    if (action->first_idx >= total)
        snprintf(reason, sizeof reason,
                 "the strategy asked to %s page %llu%s: the guest has pages 0 to %llu", name,
                 first_idx, action->first_idx == PAGE_NONE ? ", which is PAGE_NONE" : "",
                 total - 1);
    else if (action->count == 0)
        snprintf(reason, sizeof reason,
                 "the strategy asked to %s 0 pages from page %llu on: at least 1 is to be sent",
                 name, first_idx);
    else
        snprintf(reason, sizeof reason,
                 "the strategy asked to %s %llu pages from page %llu on: the guest has %llu in all",
                 name, (unsigned long long)action->count, first_idx, total);
    source_dismiss(source, now_ns, reason);
    return 0;
}

static bool is_range(const struct source *source, const struct action *action)
{
    uint64_t total = source->guest->total_pages;
    return action->first_idx < total && action->count > 0 &&
           action->count <= total - action->first_idx;
}

/* A SEND as a strategy asked for it. Refused are pages that do not exist and, once the guest runs
 * elsewhere, pages that are no longer the source's to give. */
static uint64_t act_send(struct source *source, uint64_t now_ns, const struct action *action,
                         struct bytes *to)
{
    uint64_t most = source_chunk_pages(source);
    uint64_t count = 1;
    enum why why = WHY_PUSHED;

    if (!is_range(source, action))
        return refuse_range(source, now_ns, action);
    if (action->count < most)
        most = action->count;
    if (source_is_after_pause(source)) {
        most = bitmap_run(&source->to_send, action->first_idx, most);
        if (most == 0)
            return refuse(source, now_ns, action);
        count = most;
    } else {
        bool is_again = bitmap_has(&source->sent, action->first_idx);
        why = is_again ? WHY_RESENT : WHY_FIRST;
        while (count < most && bitmap_has(&source->sent, action->first_idx + count) == is_again)
            count++;
        if (!source->is_round_open && !source->is_scanning)
            source_open_round(source, now_ns);
    }
    return source_send_pages(source, now_ns, action->first_idx, count, why, to);
}

/* The next pages in the order of --prefetch. */
static uint64_t act_push(struct source *source, uint64_t now_ns, struct bytes *to)
{
    const struct limits *limits = &source->config.limits;
    uint64_t begins_ns = source->handed_over_ns + limits->push_after_ns;
    uint64_t first_idx, count;

    if (source->pre_paging.prefetch == PREFETCH_NONE && now_ns < begins_ns) {
        source->due_ns = begins_ns;
        return 0;
    }
    if (!pre_paging_next(&source->pre_paging, &source->to_send, source_chunk_pages(source),
                         &first_idx, &count))
        return 0;
    return source_send_pages(source, now_ns, first_idx, count, WHY_PUSHED, to);
}

/* Performs one action. Returns the charge of what was put on the link, if anything was. */
uint64_t source_perform(struct source *source, uint64_t now_ns, const struct action *action,
                        struct bytes *to)
{
    bool is_copying = source->phase == PHASE_COPY;
    bool is_paused = source->phase == PHASE_PAUSE;

    if (!is_action(source, action->kind))
        return refuse(source, now_ns, action);
    switch (action->kind) {
    case ACTION_WAIT:
        return 0;
    case ACTION_SEND:
        return act_send(source, now_ns, action, to);
    case ACTION_FETCH:
        if (!is_copying)
            return refuse(source, now_ns, action);
        if (action->count == 0)
            act_fetch(source, now_ns);
        else if (is_range(source, action))
            fetch_piece(source, now_ns, action);
        else
            return refuse_range(source, now_ns, action);
        return 0;
    case ACTION_PAUSE:
        if (!is_copying)
            return refuse(source, now_ns, action);
        act_pause(source, now_ns, action);
        return 0;
    case ACTION_HAND_OVER:
        if (!is_paused)
            return refuse(source, now_ns, action);
        act_hand_over(source, now_ns);
        return 0;
    case ACTION_GIVE_UP:
        if (!is_copying && !is_paused)
            return refuse(source, now_ns, action);
        act_give_up(source, now_ns, action);
        return 0;
    case ACTION_DECIDE:
        if (!is_copying || (unsigned)action->decision >= DECISION_COUNT)
            return refuse(source, now_ns, action);
        act_decide(source, now_ns, action);
        return 0;
    case ACTION_PUSH:
        if (!source_is_after_pause(source))
            return refuse(source, now_ns, action);
        return act_push(source, now_ns, to);
    case ACTION_COUNT:
        break;
    }
    return refuse(source, now_ns, action);
}
