#include "migrate/source.h"

#include <stdio.h>
#include <string.h>

#include "migrate/phase.h"

static void emit(struct source *source, struct event event)
{
    event_append(source->events, event);
}

static void enter(struct source *source, uint64_t now_ns, enum phase phase)
{
    MUST(phase_is_legal(source->phase, phase));
    source->phase = phase;
    emit(source, (struct event){.at_ns = now_ns,
                                .kind = EVENT_PHASE_CHANGED,
                                .phase_changed = {.phase = phase}});
}

/* The one way to end without having moved: the guest goes on here as if nothing had been tried. */
static void fail(struct source *source, uint64_t now_ns, const char *reason)
{
    bool was_paused = source_wants_pause(source);
    snprintf(source->reason, sizeof source->reason, "%s", reason);
    bytes_clear(&source->out);
    message_put_text(&source->out, FRAME_ABORT, reason);
    source->guest->ops->track(source->guest, false);
    enter(source, now_ns, PHASE_ABORTED);
    if (was_paused)
        emit(source, (struct event){.at_ns = now_ns,
                                    .kind = EVENT_GUEST_RESUMED,
                                    .guest_resumed = {.host = HOST_SOURCE}});
    emit(source, (struct event){.at_ns = now_ns,
                                .kind = EVENT_MIGRATION_ENDED,
                                .migration_ended = {.outcome = OUTCOME_ABORTED}});
}

void source_init(struct source *source, const struct source_config *config, struct guest *guest,
                 struct event_list *events)
{
    *source = (struct source){.config = *config, .guest = guest, .events = events};
    bitmap_init(&source->to_send, guest->total_pages);
    bitmap_init(&source->sent, guest->total_pages);
    if (config->strategy->begin != NULL)
        config->strategy->begin(config->strategy->outside);
}

void source_fini(struct source *source)
{
    bitmap_fini(&source->to_send);
    bitmap_fini(&source->sent);
    bytes_fini(&source->in);
    bytes_fini(&source->out);
}

void source_start(struct source *source, uint64_t now_ns)
{
    struct guest *guest = source->guest;
    struct message_hello hello = {
        .version = MESSAGE_VERSION,
        .payload_bytes = guest->ops->payload_bytes,
        .total_pages = guest->total_pages,
    };
    snprintf(hello.kind, sizeof hello.kind, "%s", guest->ops->kind);
    emit(source, (struct event){.at_ns = now_ns,
                                .kind = EVENT_MIGRATION_STARTED,
                                .migration_started = {.mode = source->config.strategy->mode,
                                                      .total_pages = guest->total_pages}});
    enter(source, now_ns, PHASE_SETUP);
    message_put_hello(&source->out, &hello);
    source->hello_sent_ns = now_ns;
}

bool source_wants_pause(const struct source *source)
{
    return source->phase == PHASE_PAUSE || source->phase == PHASE_HAND_OVER ||
           source->phase == PHASE_POST_COPY || source->phase == PHASE_COMPLETED;
}

/* ---- Rounds ---- */

static void open_round(struct source *source, uint64_t now_ns)
{
    source->is_round_open = true;
    source->current = (struct round){0};
    source->round_started_ns = now_ns;
    emit(source, (struct event){.at_ns = now_ns,
                                .kind = EVENT_ROUND_STARTED,
                                .round_started = {.round_idx = source->rounds_done,
                                                  .pages = source->to_send.set_count,
                                                  .is_paused = source->phase == PHASE_PAUSE}});
}

static void close_round(struct source *source, uint64_t now_ns, uint64_t dirtied_pages)
{
    source->is_round_open = false;
    source->current.dirtied_pages = dirtied_pages;
    source->current.duration_ns = now_ns - source->round_started_ns;
    emit(source, (struct event){.at_ns = now_ns,
                                .kind = EVENT_ROUND_ENDED,
                                .round_ended = {.round_idx = source->rounds_done,
                                                .pages_sent = source->current.pages_sent,
                                                .bytes_sent = source->current.bytes_sent,
                                                .dirtied_pages = dirtied_pages}});
    source->last = source->current;
    source->rounds_done++;
}

static uint64_t fetch(struct source *source, uint64_t now_ns)
{
    struct guest *guest = source->guest;
    uint64_t dirtied = guest->ops->fetch_dirty(guest, 0, guest->total_pages, &source->to_send);
    emit(source, (struct event){.at_ns = now_ns,
                                .kind = EVENT_LOG_FETCHED,
                                .log_fetched = {.dirtied_pages = dirtied}});
    return dirtied;
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

static struct view view_of(const struct source *source, uint64_t now_ns, bool is_link_idle)
{
    return (struct view){
        .phase = source->phase,
        .now_ns = now_ns,
        .total_pages = source->guest->total_pages,
        .to_send = &source->to_send,
        .sent = &source->sent,
        .rounds_done = source->rounds_done,
        .last = source->last,
        .is_link_idle = is_link_idle,
        .page_bytes = MESSAGE_PAGE_WIRE_BYTES,
        .state_bytes = source->state_bytes,
        .half_rtt_ns = source->half_rtt_ns,
        .limits = source->config.limits,
        .outside = source->config.strategy->outside,
    };
}

/* ---- Actions ---- */

static void act_fetch(struct source *source, uint64_t now_ns)
{
    uint64_t dirtied = fetch(source, now_ns);

    if (source->is_round_open)
        close_round(source, now_ns, dirtied);
    source->state_bytes = state_wire_bytes(source);
    struct view view = view_of(source, now_ns, true);
    uint64_t next_pages = view_next_round_pages(&view);
    emit(source, (struct event){.at_ns = now_ns,
                                .kind = EVENT_DOWNTIME_FORECAST,
                                .downtime_forecast = {
                                    .now_ns = view_downtime_ns(&view, source->to_send.set_count),
                                    .next_round_ns = view_downtime_ns(&view, next_pages)}});
}

/* Why the guest was paused, in a sentence. */
static void explain_pause(struct source *source, bool is_limit_exceeded)
{
    enum mode mode = source->config.strategy->mode;
    const char *reason =
        source->config.strategy->outside != NULL ? "the strategy asked for the pause"
        : is_limit_exceeded ? "the round limit was met with the downtime limit out of reach"
        : mode == MODE_PRE_COPY && source->to_send.set_count == 0
            ? "nothing was left to send when the guest was paused"
        : mode == MODE_PRE_COPY
            ? "the forecast downtime was within the limit, and another round would not have "
              "lowered it by a quarter"
        : mode == MODE_STOP_AND_COPY ? "everything was sent while the guest stood still"
        : mode == MODE_POST_COPY     ? "the guest was switched over before its pages"
                                     : "the rounds before the switch were done";
    snprintf(source->reason, sizeof source->reason, "%s", reason);
}

static void exceed_limit(struct source *source, uint64_t now_ns)
{
    struct view view = view_of(source, now_ns, true);
    uint64_t downtime_ns = view_downtime_ns(&view, source->to_send.set_count);
    emit(source, (struct event){.at_ns = now_ns,
                                .kind = EVENT_LIMIT_EXCEEDED,
                                .limit_exceeded = {.round_idx = source->rounds_done,
                                                   .downtime_ns = downtime_ns}});
}

static void act_pause(struct source *source, uint64_t now_ns, bool is_limit_exceeded)
{
    uint64_t dirtied = fetch(source, now_ns);

    if (source->is_round_open)
        close_round(source, now_ns, dirtied);
    source->state_bytes = state_wire_bytes(source);
    if (is_limit_exceeded)
        exceed_limit(source, now_ns);
    explain_pause(source, is_limit_exceeded);
    enter(source, now_ns, PHASE_PAUSE);
    emit(source, (struct event){.at_ns = now_ns,
                                .kind = EVENT_GUEST_PAUSED,
                                .guest_paused = {.host = HOST_SOURCE}});
}

static void act_give_up(struct source *source, uint64_t now_ns, const struct action *action)
{
    if (action->is_limit_exceeded)
        exceed_limit(source, now_ns);
    fail(source, now_ns,
         action->reason != NULL      ? action->reason
         : action->is_limit_exceeded ? "the round limit was met with the downtime limit out of "
                                       "reach (--on-limit abort)"
                                     : "the strategy gave the move up");
}

/* STALE (where copies sent before are old), STATE and COMMIT leave in one burst. */
static void act_hand_over(struct source *source, uint64_t now_ns)
{
    struct guest *guest = source->guest;
    struct bytes state = {0};
    uint64_t missing_pages = source->to_send.set_count;

    if (!source->is_round_open && missing_pages == 0)
        open_round(source, now_ns);
    if (source->is_round_open)
        close_round(source, now_ns, 0);
    if (missing_pages > 0 && source->sent.set_count > 0)
        for (uint64_t idx = 0; idx < guest->total_pages; idx += MESSAGE_STALE_BITS)
            message_put_stale(&source->out, &source->to_send, idx);
    guest->ops->save(guest, &state);
    message_put_state(&source->out, &state);
    message_put_commit(
        &source->out, &(struct message_commit){.missing_pages = missing_pages,
                                               .state_digest = digest_of(state.data, state.count)});
    bytes_fini(&state);
    source->is_commit_pending = true;
    enter(source, now_ns, PHASE_HAND_OVER);
}

static bool is_after_pause(const struct source *source)
{
    return source->phase == PHASE_HAND_OVER || source->phase == PHASE_POST_COPY;
}

/* Numbers and payloads, read as many at a time as fit into a page: 512 of a model. */
static void put_pages(const struct source *source, uint64_t first_idx, uint64_t count,
                      struct bytes *to)
{
    const struct guest_ops *ops = source->guest->ops;
    uint8_t payloads[PAGE_BYTES];
    uint64_t at_once = PAGE_BYTES / ops->payload_bytes;

    while (count > 0) {
        uint64_t here = count < at_once ? count : at_once;
        ops->read_pages(source->guest, first_idx, here, payloads);
        for (uint64_t i = 0; i < here; i++) {
            bytes_put_u64(to, first_idx + i);
            bytes_put(to, payloads + i * ops->payload_bytes, ops->payload_bytes);
        }
        first_idx += here;
        count -= here;
    }
}

/* Puts at most `count` pages from `first_idx` on the link, as far as they travel for one reason,
 * and returns their charge. */
static uint64_t send_pages(struct source *source, uint64_t now_ns, uint64_t first_idx,
                           uint64_t count, enum why why, struct bytes *to)
{
    const struct guest_ops *ops = source->guest->ops;
    uint64_t per_frame = ops->is_charged_in_full ? count : 1;

    for (uint64_t idx = first_idx; idx < first_idx + count; idx += per_frame) {
        size_t begin = frame_begin(to, FRAME_PAGES, (uint8_t)why);
        put_pages(source, idx, per_frame, to);
        frame_end(to, begin);
    }
    bitmap_clear_run(&source->to_send, first_idx, count);
    bitmap_set_run(&source->sent, first_idx, count);
    uint64_t bytes = count * MESSAGE_PAGE_WIRE_BYTES;
    if (!is_after_pause(source)) {
        source->current.pages_sent += count;
        source->current.bytes_sent += bytes;
    }
    emit(source,
         (struct event){
             .at_ns = now_ns,
             .kind = EVENT_PAGES_SENT,
             .pages_sent = {.first_idx = first_idx, .count = count, .why = why, .bytes = bytes}});
    return bytes;
}

/* ---- Strategies that break a rule ---- */

static void post_copy_from_now_on(struct source *source)
{
    source->config.strategy = strategy_of(MODE_POST_COPY);
    memset(source->memo, 0, sizeof source->memo);
}

/* It has no say any more. Before COMMIT the move is given up; after it the guest must not be left
 * without its pages, and the engine pushes them itself. */
static void dismiss(struct source *source, uint64_t now_ns, const char *reason)
{
    if (is_after_pause(source))
        post_copy_from_now_on(source);
    else
        fail(source, now_ns, reason);
}

static uint64_t refuse(struct source *source, uint64_t now_ns, const struct action *action)
{
    char reason[MESSAGE_REASON_MAX];
    const char *name = action_name(action->kind);
    bool is_copying = source->phase == PHASE_COPY;

    if (name != NULL)
        snprintf(reason, sizeof reason,
                 "the strategy asked to %s in phase %s, where it may %s, WAIT or GIVE_UP", name,
                 phase_name(source->phase), is_copying ? "SEND, FETCH, PAUSE" : "SEND, HAND_OVER");
    else
        snprintf(reason, sizeof reason, "the strategy asked for action %lld: there is none",
                 (long long)(int)action->kind);
    dismiss(source, now_ns, reason);
    return 0;
}

/* Of all that can be wrong with a range of pages, the first in reading order is told. */
static uint64_t refuse_range(struct source *source, uint64_t now_ns, const struct action *action)
{
    char reason[MESSAGE_REASON_MAX];
    unsigned long long first_idx = action->first_idx, total = source->guest->total_pages;

    if (action->first_idx >= total)
        snprintf(reason, sizeof reason,
                 "the strategy asked to SEND page %llu%s: the guest has pages 0 to %llu", first_idx,
                 action->first_idx == PAGE_NONE ? ", which is PAGE_NONE" : "", total - 1);
    else if (action->count == 0)
        snprintf(reason, sizeof reason,
                 "the strategy asked to SEND 0 pages from page %llu on: at least 1 is to be sent",
                 first_idx);
    else
        snprintf(
            reason, sizeof reason,
            "the strategy asked to SEND %llu pages from page %llu on: the guest has %llu in all",
            (unsigned long long)action->count, first_idx, total);
    dismiss(source, now_ns, reason);
    return 0;
}

/* A SEND as a strategy asked for it. Refused are pages that do not exist and, once the guest runs
 * elsewhere, pages that are no longer the source's to give. */
static uint64_t act_send(struct source *source, uint64_t now_ns, const struct action *action,
                         struct bytes *to)
{
    uint64_t total = source->guest->total_pages;
    uint64_t chunk_bytes =
        is_after_pause(source) ? source->config.push_chunk_bytes : source->config.copy_chunk_bytes;
    uint64_t most = chunk_bytes / MESSAGE_PAGE_WIRE_BYTES;
    uint64_t frame_pages = FRAME_PAYLOAD_MAX / (8 + source->guest->ops->payload_bytes);
    uint64_t count = 1;
    enum why why = WHY_PUSHED;

    if (action->first_idx >= total || action->count == 0 ||
        action->count > total - action->first_idx)
        return refuse_range(source, now_ns, action);
    if (most > frame_pages) /* a run of model pages is one frame */
        most = frame_pages;
    if (action->count < most)
        most = action->count;
    if (is_after_pause(source)) {
        most = bitmap_run(&source->to_send, action->first_idx, most == 0 ? 1 : most);
        if (most == 0)
            return refuse(source, now_ns, action);
        count = most;
    } else {
        bool is_again = bitmap_has(&source->sent, action->first_idx);
        why = is_again ? WHY_RESENT : WHY_FIRST;
        while (count < most && bitmap_has(&source->sent, action->first_idx + count) == is_again)
            count++;
        if (!source->is_round_open)
            open_round(source, now_ns);
    }
    return send_pages(source, now_ns, action->first_idx, count, why, to);
}

/* Page requests come before whatever a strategy would like: a hart is waiting. */
static uint64_t answer_request(struct source *source, uint64_t now_ns, struct bytes *to)
{
    while (source->request_count > 0) {
        uint64_t page_idx = source->requests[0];
        source->request_count--;
        memmove(&source->requests[0], &source->requests[1],
                source->request_count * sizeof source->requests[0]);
        if (bitmap_has(&source->to_send, page_idx)) /* else it is on its way already */
            return send_pages(source, now_ns, page_idx, 1, WHY_FAULT, to);
    }
    return 0;
}

/* The control frames that wait; the hand-over's are the state's bytes, all others are framing. */
static uint64_t send_control(struct source *source, uint64_t now_ns, struct bytes *to)
{
    uint64_t bytes = source->out.count;
    bytes_put(to, source->out.data, source->out.count);
    bytes_clear(&source->out);
    emit(source,
         (struct event){.at_ns = now_ns,
                        .kind = EVENT_FRAME_SENT,
                        .frame_sent = {.bytes = bytes, .is_state = source->is_commit_pending}});
    source->is_commit_pending = false;
    return bytes;
}

/* Performs one action. Returns the charge of what was put on the link, if anything was. */
static uint64_t perform(struct source *source, uint64_t now_ns, const struct action *action,
                        struct bytes *to)
{
    bool is_copying = source->phase == PHASE_COPY;
    bool is_paused = source->phase == PHASE_PAUSE;

    switch (action->kind) {
    case ACTION_WAIT:
        return 0;
    case ACTION_SEND:
        return act_send(source, now_ns, action, to);
    case ACTION_FETCH:
        if (!is_copying)
            return refuse(source, now_ns, action);
        act_fetch(source, now_ns);
        return 0;
    case ACTION_PAUSE:
        if (!is_copying)
            return refuse(source, now_ns, action);
        act_pause(source, now_ns, action->is_limit_exceeded);
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
    case ACTION_COUNT:
        break;
    }
    return refuse(source, now_ns, action);
}

/* With the link idle a strategy is asked again when something arrives. Only one thing does that it
 * can wait for: the target's word that the guest runs there. (Pages are requested as well, but a
 * guest may never touch the ones that are left.) */
static bool waits_for_ever(const struct source *source, uint64_t backlog_bytes)
{
    return backlog_bytes == 0 && source->phase != PHASE_HAND_OVER;
}

static bool is_strategy_asked(const struct source *source)
{
    return source->phase == PHASE_COPY || source->phase == PHASE_PAUSE ||
           (is_after_pause(source) && source->to_send.set_count > 0);
}

uint64_t source_send(struct source *source, uint64_t now_ns, uint64_t backlog_bytes,
                     struct bytes *to)
{
    for (unsigned asked = 0; asked < SOURCE_IDLE_ACTIONS_MAX; asked++) {
        struct action action = {.kind = ACTION_WAIT};
        uint64_t charge;

        if (source->out.count > 0)
            return send_control(source, now_ns, to);
        charge = answer_request(source, now_ns, to);
        if (charge > 0)
            return charge;
        if (!is_strategy_asked(source))
            return 0;
        if (source->is_switching && source->phase == PHASE_COPY)
            post_copy_from_now_on(source);
        source->is_switching = false;

        struct view view = view_of(source, now_ns, backlog_bytes == 0);
        source->config.strategy->next(&view, source->memo, &action);
        charge = perform(source, now_ns, &action, to);
        if (charge > 0)
            return charge;
        if (action.kind == ACTION_WAIT && !waits_for_ever(source, backlog_bytes))
            return 0;
        if (action.kind == ACTION_WAIT)
            dismiss(source, now_ns,
                    "the strategy waits with nothing under way: no one would ever ask it again");
    }
    dismiss(source, now_ns, "the strategy asked for actions without end and sent nothing");
    return source_send(source, now_ns, backlog_bytes, to); /* ABORT, or the engine's own push */
}

/* ---- What arrives ---- */

static void receive_request(struct source *source, const struct frame *frame)
{
    uint64_t page_idx;
    if (message_get_number(frame, &page_idx) != STATUS_OK ||
        page_idx >= source->guest->total_pages || source->request_count == SOURCE_REQUESTS_MAX)
        return; /* no guest has that many harts or pages: nobody waits for it */
    source->requests[source->request_count++] = page_idx;
}

static void receive_frame(struct source *source, uint64_t now_ns, const struct frame *frame)
{
    char reason[MESSAGE_REASON_MAX];

    switch (frame->type) {
    case FRAME_READY:
        if (source->phase != PHASE_SETUP)
            return;
        source->half_rtt_ns = (now_ns - source->hello_sent_ns) / 2;
        source->guest->ops->track(source->guest, true);
        bitmap_set_all(&source->to_send);
        enter(source, now_ns, PHASE_COPY);
        return;
    case FRAME_RUNNING:
        if (source->phase != PHASE_HAND_OVER)
            return;
        enter(source, now_ns, source->to_send.set_count > 0 ? PHASE_POST_COPY : PHASE_COMPLETED);
        return;
    case FRAME_PAGE_REQUEST:
        if (is_after_pause(source))
            receive_request(source, frame);
        return;
    case FRAME_COMPLETE:
        if (source->phase == PHASE_POST_COPY)
            enter(source, now_ns, PHASE_COMPLETED);
        return;
    case FRAME_REFUSED:
        message_get_text(frame, reason);
        if (!phase_is_over(source->phase) && source->phase != PHASE_POST_COPY)
            fail(source, now_ns, reason);
        return;
    default:
        return; /* a frame that only a source sends */
    }
}

void source_receive(struct source *source, uint64_t now_ns, const uint8_t *data, size_t count)
{
    size_t position = 0;

    bytes_put(&source->in, data, count);
    for (;;) {
        struct frame frame;
        size_t consumed;
        enum status status = frame_decode(source->in.data + position, source->in.count - position,
                                          &frame, &consumed);
        if (status != STATUS_OK) {
            source_abort(source, now_ns, "the stream from the target is broken");
            bytes_clear(&source->in);
            return;
        }
        if (consumed == 0)
            break;
        receive_frame(source, now_ns, &frame);
        position += consumed;
    }
    bytes_drop_front(&source->in, position);
}

/* ---- What people may ask for ---- */

bool source_switch_to_post_copy(struct source *source)
{
    if (source->phase != PHASE_COPY && source->phase != PHASE_SETUP)
        return false;
    source->is_switching = true;
    return true;
}

bool source_abort(struct source *source, uint64_t now_ns, const char *reason)
{
    if (source->phase != PHASE_SETUP && source->phase != PHASE_COPY && source->phase != PHASE_PAUSE)
        return false;
    fail(source, now_ns, reason);
    return true;
}
