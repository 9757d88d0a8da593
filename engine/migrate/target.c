#include "migrate/target.h"

#include <stdio.h>
#include <string.h>

#include "migrate/target_private.h"

/* The one way to say no: what has arrived is worth nothing, and the source is told why. */
void target_fail(struct target *target, const char *reason)
{
    target->phase = TARGET_REFUSED;
    snprintf(target->reason, sizeof target->reason, "%s", reason);
    message_put_text(&target->out, FRAME_REFUSED, reason);
}

void target_init(struct target *target, struct guest *guest, struct event_list *events)
{
    *target = (struct target){.guest = guest,
                              .events = events,
                              .offer = {.version = MESSAGE_VERSION,
                                        .features = PAGE_FORMS_ALL | MESSAGE_FEATURES,
                                        .memory_pages = guest->total_pages,
                                        .kind = guest->ops->kind}};
    target->decoder = page_decoder_open();
    fault_throttle_init(&target->throttle, false);
}

void target_fini(struct target *target)
{
    page_decoder_close(target->decoder);
    bytes_fini(&target->state);
    bytes_fini(&target->in);
    bytes_fini(&target->out);
    bytes_fini(&target->forwards);
}

bool target_is_running(const struct target *target)
{
    return target->phase == TARGET_RUNNING;
}

uint32_t target_waiting_harts(const struct target *target)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < HART_MAX; i++)
        count += target->waits[i].is_waiting;
    return count;
}

bool target_is_waiting(const struct target *target, uint32_t hart_idx)
{
    return target->waits[hart_idx].is_waiting;
}

void target_throttle_faults(struct target *target)
{
    fault_throttle_init(&target->throttle, true);
}

uint32_t target_share(const struct target *target, uint32_t hart_idx)
{
    (void)hart_idx; /* harts fault in turn: all are slowed alike */
    return target->is_complete ? GUEST_SHARE_WHOLE : target->throttle.share_permille;
}

uint64_t target_held_until_ns(const struct target *target)
{
    return target->is_complete ? 0 : fault_throttle_held_until_ns(&target->throttle);
}

void target_tick(struct target *target, uint64_t now_ns)
{
    fault_throttle_tick(&target->throttle, now_ns);
}

/* What the move needs and is not known here, by its name where it has one. */
static void object_to_features(uint32_t unknown, char reason[MESSAGE_REASON_MAX])
{
    unsigned bit = (unsigned)__builtin_ctz(unknown);

    if (bit < PAGE_FORM_COUNT)
        snprintf(reason, MESSAGE_REASON_MAX,
                 "the source may send pages in form %s, which the target does not know: leave out "
                 "--compress or --free-hints at the source",
                 page_form_name((enum page_form)bit));
    else
        snprintf(reason, MESSAGE_REASON_MAX,
                 "the move needs a target that %s, and this one does not know how",
                 bit == 16   ? "recovers a broken connection"
                 : bit == 17 ? "takes packets from a tunnel"
                 : bit == 18 ? "takes rows of pages"
                             : "is of a later version");
}

/* Why this target cannot take the guest; "" where it can. */
static void object(const struct target *target, const struct message_hello *hello,
                   char reason[MESSAGE_REASON_MAX])
{
    const struct target_offer *offer = &target->offer;
    uint32_t unknown = hello->features & ~offer->features;

    *reason = '\0';
    if (hello->version != offer->version)
        snprintf(reason, MESSAGE_REASON_MAX,
                 "the stream is of version %u, and the target speaks version %u only",
                 hello->version, offer->version);
    else if (unknown != 0)
        object_to_features(unknown, reason);
    else if (strcmp(hello->kind, offer->kind) != 0 ||
             hello->payload_bytes != target->guest->ops->payload_bytes)
        snprintf(reason, MESSAGE_REASON_MAX,
                 "the guest is of another kind (%s) than the one prepared at the target (%s)",
                 hello->kind, offer->kind);
    else if (hello->total_pages > offer->memory_pages)
        snprintf(reason, MESSAGE_REASON_MAX,
                 "the guest has %llu pages of memory, and the target has room for %llu",
                 (unsigned long long)hello->total_pages, (unsigned long long)offer->memory_pages);
    else if (hello->total_pages != target->guest->total_pages)
        snprintf(reason, MESSAGE_REASON_MAX,
                 "the guest has another memory size than the one prepared at the target");
}

static void receive_hello(struct target *target, const struct frame *frame)
{
    char reason[MESSAGE_REASON_MAX];
    struct message_hello hello;

    if (message_get_hello(frame, &hello) != STATUS_OK) {
        target_fail(target, "HELLO is not that of a ferry stream");
        return;
    }
    object(target, &hello, reason);
    if (*reason != '\0') {
        target_fail(target, reason);
        return;
    }
    message_put_text(&target->out, FRAME_READY, "");
    target->phase = TARGET_RECEIVING;
}

/* The move is done when the last page is here; the source is told. */
void target_check_complete(struct target *target, uint64_t now_ns)
{
    if (target->phase != TARGET_RUNNING || target->is_complete ||
        target->guest->present.set_count < target->guest->total_pages)
        return;
    target->is_complete = true;
    message_put_text(&target->out, FRAME_COMPLETE, "");
    target_emit(target, (struct event){.at_ns = now_ns,
                                       .kind = EVENT_MIGRATION_ENDED,
                                       .migration_ended = {.outcome = OUTCOME_COMPLETED}});
}

/* All of it is verified before the guest runs; until then the source still has everything. */
static void receive_commit(struct target *target, uint64_t now_ns, const struct frame *frame)
{
    struct guest *guest = target->guest;
    struct problem problem = {STATUS_OK, ""};
    struct message_commit commit;
    struct bytes_reader reader;

    if (message_get_commit(frame, &commit) != STATUS_OK ||
        commit.state_digest != digest_of(target->state.data, target->state.count)) {
        target_fail(target, "COMMIT does not belong to the state that arrived");
        return;
    }
    if (guest->total_pages - guest->present.set_count != commit.missing_pages) {
        target_fail(target, "pages are missing that the source has not named");
        return;
    }
    bytes_reader_init(&reader, target->state.data, target->state.count);
    if (guest->ops->load(guest, &reader, &problem) != STATUS_OK) {
        target_fail(target, problem.text);
        return;
    }
    target->phase = TARGET_RUNNING;
    message_put_text(&target->out, FRAME_RUNNING, "");
    target_emit(target, (struct event){.at_ns = now_ns,
                                       .kind = EVENT_GUEST_RESUMED,
                                       .guest_resumed = {.host = HOST_TARGET}});
    target_check_complete(target, now_ns);
}

static void receive_frame(struct target *target, uint64_t now_ns, const struct frame *frame)
{
    bool is_receiving = target->phase == TARGET_RECEIVING;
    uint64_t number;

    switch (frame->type) {
    case FRAME_HELLO:
        if (target->phase == TARGET_WAITING)
            receive_hello(target, frame);
        return;
    case FRAME_PAGES:
    case FRAME_ROW:
        if (is_receiving || target->phase == TARGET_RUNNING)
            target_receive_pages(target, now_ns, frame);
        return;
    case FRAME_STALE:
        if (is_receiving)
            target_receive_stale(target, frame);
        return;
    case FRAME_STATE:
        if (is_receiving) {
            bytes_clear(&target->state);
            bytes_put(&target->state, frame->payload, frame->payload_bytes);
        }
        return;
    case FRAME_COMMIT:
        if (is_receiving)
            receive_commit(target, now_ns, frame);
        return;
    case FRAME_BARRIER:
        if (is_receiving && message_get_number(frame, &number) == STATUS_OK)
            message_put_number(&target->out, FRAME_BARRIER_ACK, number);
        return;
    case FRAME_ABORT:
        if (is_receiving) {
            target->phase = TARGET_REFUSED;
            message_get_text(frame, target->reason);
        }
        return;
    case FRAME_RECOVER:
        target_receive_recover(target, frame);
        return;
    case FRAME_FORWARD:
        if (target->phase == TARGET_RUNNING)
            target_receive_forward(target, frame);
        return;
    default:
        return; /* a frame that only a target sends */
    }
}

/* The frames that are whole, of what has come. */
static void take_frames(struct target *target, uint64_t now_ns)
{
    size_t position = 0;

    while (!target->is_deaf) {
        struct frame frame;
        size_t consumed;
        enum status status = frame_decode(target->in.data + position, target->in.count - position,
                                          &frame, &consumed);
        if (status != STATUS_OK) {
            target_distrust(target, "the stream from the source is broken");
            break;
        }
        if (consumed == 0)
            break;
        receive_frame(target, now_ns, &frame);
        position += consumed;
    }
    if (target->is_deaf)
        bytes_clear(&target->in);
    else
        bytes_drop_front(&target->in, position);
}

/* `count` bytes have been taken, before which so many pages were here. */
static void note_arrival(struct target *target, uint64_t now_ns, uint64_t pages_before,
                         size_t count)
{
    uint64_t pages = target->guest->present.set_count;

    if (target->is_deaf)
        return;
    pages = pages > pages_before ? pages - pages_before : 0;
    fault_throttle_arrived(&target->throttle, now_ns, pages,
                           target->guest->ops->is_charged_in_full ? pages * MESSAGE_PAGE_WIRE_BYTES
                                                                  : count,
                           target->is_pushed, target_waiting_harts(target));
}

void target_receive(struct target *target, uint64_t now_ns, const uint8_t *data, size_t count)
{
    uint64_t pages_before = target->guest->present.set_count;

    if (target->has_hung_up || target->is_deaf)
        return;
    target_unplace(target);
    bytes_put(&target->in, data, count);
    take_frames(target, now_ns);
    note_arrival(target, now_ns, pages_before, count);
}

void target_placed(struct target *target, uint64_t now_ns, size_t count)
{
    uint64_t pages_before = target->guest->present.set_count;

    target->landing.filled_bytes += count;
    if (!target_land(target, now_ns))
        take_frames(target, now_ns);
    note_arrival(target, now_ns, pages_before, count);
}

uint64_t target_send(struct target *target, struct bytes *to)
{
    uint64_t bytes = target->out.count;
    bytes_put(to, target->out.data, target->out.count);
    bytes_clear(&target->out);
    return bytes;
}

void target_fault(struct target *target, uint64_t now_ns, uint32_t hart_idx, uint64_t page_idx)
{
    bool is_asked_for = false;
    MUST(hart_idx < HART_MAX && !target->waits[hart_idx].is_waiting);
    for (uint32_t i = 0; i < HART_MAX; i++)
        is_asked_for |= target->waits[i].is_waiting && target->waits[i].page_idx == page_idx;
    target->waits[hart_idx] =
        (struct target_wait){.is_waiting = true, .page_idx = page_idx, .since_ns = now_ns};
    message_put_number(&target->out, FRAME_PAGE_REQUEST, page_idx);
    if (!is_asked_for)
        fault_throttle_faulted(&target->throttle, now_ns);
    target_emit(target,
                (struct event){.at_ns = now_ns,
                               .kind = EVENT_PAGE_FAULTED,
                               .page_faulted = {.page_idx = page_idx, .hart_idx = hart_idx}});
}
