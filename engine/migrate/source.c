#include "migrate/source.h"

#include <stdio.h>
#include <string.h>

#include "migrate/phase.h"
#include "migrate/source_private.h"

/* How long at most a move that waits for its bandwidth limit is not asked whether it is over. */
#define HELD_BACK_NS 1000000

void source_enter(struct source *source, uint64_t now_ns, enum phase phase)
{
    MUST(phase_is_legal(source->phase, phase));
    source->phase = phase;
    if (phase != PHASE_COPY)
        throttle_end(&source->throttle);
    source_tell_encoding(source, now_ns);
    source->is_halted = (source->config.halt_at >> phase & 1) != 0;
    source_emit(source, (struct event){.at_ns = now_ns,
                                       .kind = EVENT_PHASE_CHANGED,
                                       .phase_changed = {.phase = phase}});
}

/* The one way to end without having moved: the guest goes on here as if nothing had been tried. */
void source_fail(struct source *source, uint64_t now_ns, const char *reason)
{
    bool was_paused = source_wants_pause(source);
    snprintf(source->reason, sizeof source->reason, "%s", reason);
    bytes_clear(&source->out);
    bytes_clear(&source->forwards);
    source->request_count = 0;
    message_put_text(&source->out, FRAME_ABORT, reason);
    source->guest->ops->track(source->guest, false);
    source_release_barriers(source);
    source->is_draining = false;
    source_enter(source, now_ns, PHASE_ABORTED);
    if (was_paused)
        source_emit(source, (struct event){.at_ns = now_ns,
                                           .kind = EVENT_GUEST_RESUMED,
                                           .guest_resumed = {.host = HOST_SOURCE}});
    source_emit(source, (struct event){.at_ns = now_ns,
                                       .kind = EVENT_MIGRATION_ENDED,
                                       .migration_ended = {.outcome = OUTCOME_ABORTED}});
}

void source_init(struct source *source, const struct source_config *config, struct guest *guest,
                 struct event_list *events)
{
    *source = (struct source){.config = *config, .guest = guest, .events = events};
    source->pre_paging.prefetch = config->limits.prefetch;
    source->due_ns = UINT64_MAX;
    source->pacer.bits_per_s = config->bandwidth_limit_bits_per_s;
    throttle_init(&source->throttle, &config->throttle);
    page_order_init(&source->order, guest->total_pages,
                    config->is_hot_last || config->strategy->mode == MODE_AUTO);
    source->order.is_hot_last = config->is_hot_last;
    source->order.is_skipping = config->is_skipping_rewritten;
    bitmap_init(&source->to_send, guest->total_pages);
    bitmap_init(&source->sent, guest->total_pages);
    source_open_forms(source);
    source_open_cut(source);
    if (config->strategy->begin != NULL)
        config->strategy->begin(config->strategy->outside);
}

void source_fini(struct source *source)
{
    bitmap_fini(&source->to_send);
    bitmap_fini(&source->sent);
    page_order_fini(&source->order);
    page_encoder_close(source->encoder);
    source_close_cut(source);
    bytes_fini(&source->in);
    bytes_fini(&source->out);
    bytes_fini(&source->forwards);
}

void source_start(struct source *source, uint64_t now_ns)
{
    struct guest *guest = source->guest;
    struct message_hello hello = {
        .version = MESSAGE_VERSION,
        .features = source_forms(source) | MESSAGE_FEATURE_RECOVER |
                    (source->config.is_tunnel ? MESSAGE_FEATURE_FORWARD : 0) |
                    (source->config.is_lending ? MESSAGE_FEATURE_ROW : 0),
        .payload_bytes = guest->ops->payload_bytes,
        .total_pages = guest->total_pages,
    };
    snprintf(hello.kind, sizeof hello.kind, "%s", guest->ops->kind);
    source_emit(source, (struct event){.at_ns = now_ns,
                                       .kind = EVENT_MIGRATION_STARTED,
                                       .migration_started = {.mode = source->config.strategy->mode,
                                                             .total_pages = guest->total_pages}});
    source_enter(source, now_ns, PHASE_SETUP);
    message_put_hello(&source->out, &hello);
    source->started_ns = now_ns;
    source->hello_sent_ns = now_ns;
}

uint64_t source_deadline_ns(const struct source *source)
{
    return source->due_ns;
}

bool source_wants_pause(const struct source *source)
{
    return source->phase == PHASE_PAUSE || source_is_committed(source);
}

/* The control frames that wait; the hand-over's are the state's bytes, all others are framing. */
static uint64_t send_control(struct source *source, uint64_t now_ns, struct bytes *to)
{
    uint64_t bytes = source->out.count;
    if (source->phase == PHASE_SETUP)
        source->hello_sent_ns = now_ns; /* a real connection takes its time to be made */
    bytes_put(to, source->out.data, source->out.count);
    bytes_clear(&source->out);
    source_emit(source, (struct event){
                            .at_ns = now_ns,
                            .kind = EVENT_FRAME_SENT,
                            .frame_sent = {.bytes = bytes, .is_state = source->is_commit_pending}});
    source->is_commit_pending = false;
    return bytes;
}

/* Clients are waiting, and their packets are small: they go before any page. */
static uint64_t send_forwards(struct source *source, uint64_t now_ns, struct bytes *to)
{
    uint64_t bytes = source->forwards.count;
    bytes_put(to, source->forwards.data, source->forwards.count);
    bytes_clear(&source->forwards);
    source_emit(
        source,
        (struct event){.at_ns = now_ns, .kind = EVENT_FRAME_SENT, .frame_sent = {.bytes = bytes}});
    return bytes;
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
           (source_is_after_pause(source) && source->to_send.set_count > 0);
}

static uint64_t next_bytes(struct source *source, uint64_t now_ns, uint64_t backlog_bytes,
                           struct bytes *to)
{
    for (unsigned asked = 0; asked < SOURCE_IDLE_ACTIONS_MAX; asked++) {
        struct action action = {.kind = ACTION_WAIT};
        uint64_t charge;

        if (source->is_halted)
            return 0;
        if (source->out.count > 0)
            return send_control(source, now_ns, to);
        if (source->forwards.count > 0)
            return send_forwards(source, now_ns, to);
        charge = source_answer_request(source, now_ns, to);
        if (charge == 0)
            charge = source_send_barriers(source, now_ns, to);
        if (charge > 0)
            return charge;
        if (source->is_draining && !source->guest->ops->is_quiet(source->guest))
            return 0; /* asked again when a request is done */
        if (source->is_draining)
            source_end_drain(source, now_ns);
        if (!is_strategy_asked(source))
            return 0;
        if (source->is_switching && source->phase == PHASE_COPY)
            source_post_copy_from_now_on(source);
        source->is_switching = false;

        struct view view = source_view(source, now_ns, backlog_bytes == 0);
        source->config.strategy->next(&view, source->memo, &action);
        charge = source_perform(source, now_ns, &action, to);
        bool was_flushed_first = source->is_flush_served;
        if (charge > 0 || (action.kind == ACTION_WAIT && backlog_bytes == 0))
            source_pass_turn(source);
        if (charge > 0 || action.kind == ACTION_PUSH) /* a push that waits knows how long */
            return charge;
        if (action.kind == ACTION_WAIT && was_flushed_first && !source->is_flush_served)
            continue; /* what was flushed goes on */
        if (action.kind == ACTION_WAIT && !waits_for_ever(source, backlog_bytes))
            return 0;
        if (action.kind == ACTION_WAIT)
            source_dismiss(
                source, now_ns,
                "the strategy waits with nothing under way: no one would ever ask it again");
    }
    source_dismiss(source, now_ns, "the strategy asked for actions without end and sent nothing");
    return next_bytes(source, now_ns, backlog_bytes, to); /* ABORT, or the engine's own push */
}

/* The link has been busy since it was fed: now it is known for how long. */
static void measure_link(struct source *source, uint64_t now_ns, uint64_t backlog_bytes)
{
    if (!source->is_link_fed || backlog_bytes > 0)
        return;
    source->current.link_ns += now_ns - source->fed_at_ns;
    source->is_link_fed = false;
}

/* Whether the bandwidth limit keeps the move from sending now. It must not keep it from ending:
 * what is to end it is looked for every so often, and the strategy is asked when it is time. */
static bool is_held_back(struct source *source, uint64_t now_ns)
{
    const struct limits *limits = &source->config.limits;
    bool has_deadline = limits->switch_when == SWITCH_DEADLINE;

    if (source->phase != PHASE_COPY || !pacer_is_holding(&source->pacer, now_ns) ||
        source->is_switching)
        return false;
    struct view view = source_view(source, now_ns, true);
    if (view_is_out_of_time(&view) ||
        (has_deadline && now_ns - source->started_ns >= limits->switch_deadline_ns))
        return false;
    source->due_ns = source->pacer.next_ns;
    if (source->due_ns - now_ns > HELD_BACK_NS &&
        (has_deadline || limits->total_time_ns != LIMIT_NONE))
        source->due_ns = now_ns + HELD_BACK_NS;
    return true;
}

uint64_t source_send(struct source *source, uint64_t now_ns, uint64_t backlog_bytes,
                     struct bytes *to)
{
    uint64_t charge;

    measure_link(source, now_ns, backlog_bytes);
    throttle_tick(&source->throttle, now_ns);
    source_note_growth(source, now_ns);
    source->due_ns = UINT64_MAX;
    if (is_held_back(source, now_ns))
        return 0;
    charge = next_bytes(source, now_ns, backlog_bytes, to);
    if (charge > 0 && !source->is_link_fed) {
        source->is_link_fed = true;
        source->fed_at_ns = now_ns;
    }
    if (charge > 0 && source->phase == PHASE_COPY)
        pacer_sent(&source->pacer, now_ns, charge);
    return charge;
}

uint64_t source_send_lending(struct source *source, uint64_t now_ns, uint64_t backlog_bytes,
                             struct bytes *to, struct lending *lending)
{
    source->lending = source->config.is_lending ? lending : NULL;
    uint64_t charge = source_send(source, now_ns, backlog_bytes, to);
    source->lending = NULL;
    return charge;
}

uint32_t source_share(const struct source *source, uint32_t hart_idx)
{
    return throttle_share(&source->throttle, hart_idx);
}

void source_dirtied(struct source *source, uint32_t hart_idx)
{
    throttle_dirtied(&source->throttle, hart_idx);
}

/* ---- What arrives ---- */

static void receive_frame(struct source *source, uint64_t now_ns, const struct frame *frame)
{
    char reason[MESSAGE_REASON_MAX];

    switch (frame->type) {
    case FRAME_READY:
        if (source->phase != PHASE_SETUP)
            return;
        source->half_rtt_ns = (now_ns - source->hello_sent_ns) / 2;
        source->guest->ops->track(source->guest, true);
        source->guest->ops->tell_flushes(source->guest, source->config.has_barriers);
        bitmap_set_all(&source->to_send);
        source_enter(source, now_ns, PHASE_COPY);
        throttle_begin(&source->throttle, now_ns);
        return;
    case FRAME_RUNNING:
        if (source->phase != PHASE_HAND_OVER && source->phase != PHASE_RECOVER)
            return;
        source->was_running = true;
        if (source->phase == PHASE_RECOVER) {
            source->push_from_ns = now_ns;
            source->push_from_pages = source->to_send.set_count;
        }
        /* Pages that were pushed since COMMIT have been sent, and may yet be lost. On a connection
         * that recovers, what is left is what the target has not got. */
        source_enter(source, now_ns,
                     source->phase == PHASE_HAND_OVER
                         ? source->has_committed_all ? PHASE_COMPLETED : PHASE_POST_COPY
                     : source->to_send.set_count > 0 ? PHASE_POST_COPY
                                                     : PHASE_COMPLETED);
        return;
    case FRAME_PAGE_REQUEST:
        if (source_is_after_pause(source))
            source_receive_request(source, now_ns, frame);
        return;
    case FRAME_BARRIER_ACK:
        source_receive_barrier_ack(source, now_ns, frame);
        return;
    case FRAME_COMPLETE:
        if (source->phase == PHASE_POST_COPY)
            source_enter(source, now_ns, PHASE_COMPLETED);
        return;
    case FRAME_BITMAP:
        if (source->phase == PHASE_RECOVER)
            source_receive_bitmap(source, now_ns, frame);
        return;
    case FRAME_REFUSED:
        message_get_text(frame, reason);
        /* A target that has run the guest cannot give it back. Who says so now is another one. */
        if (source->was_running)
            source_distrust(source, now_ns, "the target does not know the guest that ran there");
        else if (!phase_is_over(source->phase) && source->phase != PHASE_LINK_LOST)
            source_fail(source, now_ns, reason);
        return;
    default:
        return; /* a frame that only a source sends */
    }
}

void source_receive(struct source *source, uint64_t now_ns, const uint8_t *data, size_t count)
{
    size_t position = 0;

    if (source->has_hung_up || source->is_deaf)
        return;
    bytes_put(&source->in, data, count);
    while (!source->is_deaf) {
        struct frame frame;
        size_t consumed;
        enum status status = frame_decode(source->in.data + position, source->in.count - position,
                                          &frame, &consumed);
        if (status != STATUS_OK) {
            source_distrust(source, now_ns, "the stream from the target is broken");
            break;
        }
        if (consumed == 0)
            break;
        receive_frame(source, now_ns, &frame);
        position += consumed;
    }
    if (source->is_deaf)
        bytes_clear(&source->in);
    else
        bytes_drop_front(&source->in, position);
}

/* ---- What people may ask for ---- */

void source_go_on(struct source *source)
{
    source->is_halted = false;
}

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
    source_fail(source, now_ns, reason);
    return true;
}
