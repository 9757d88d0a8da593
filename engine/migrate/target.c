#include "migrate/target.h"

#include <stdio.h>
#include <string.h>

static void emit(struct target *target, struct event event)
{
    event_append(target->events, event);
}

/* The one way to say no: what has arrived is worth nothing, and the source is told why. */
static void fail(struct target *target, const char *reason)
{
    target->phase = TARGET_REFUSED;
    snprintf(target->reason, sizeof target->reason, "%s", reason);
    message_put_text(&target->out, FRAME_REFUSED, reason);
}

void target_init(struct target *target, struct guest *guest, struct event_list *events)
{
    *target = (struct target){.guest = guest, .events = events};
}

void target_fini(struct target *target)
{
    bytes_fini(&target->state);
    bytes_fini(&target->in);
    bytes_fini(&target->out);
}

bool target_is_running(const struct target *target)
{
    return target->phase == TARGET_RUNNING;
}

uint32_t target_waiting_harts(const struct target *target)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < TARGET_HARTS_MAX; i++)
        count += target->waits[i].is_waiting;
    return count;
}

bool target_is_waiting(const struct target *target, uint32_t hart_idx)
{
    return target->waits[hart_idx].is_waiting;
}

static void receive_hello(struct target *target, const struct frame *frame)
{
    const struct guest *guest = target->guest;
    struct message_hello hello;

    if (message_get_hello(frame, &hello) != STATUS_OK)
        fail(target, "HELLO is not that of a ferry stream");
    else if (hello.version != MESSAGE_VERSION || hello.features != 0)
        fail(target, "the stream has another version or features that are not known here");
    else if (strcmp(hello.kind, guest->ops->kind) != 0 ||
             hello.payload_bytes != guest->ops->payload_bytes)
        fail(target, "the guest is of another kind than the one prepared here");
    else if (hello.total_pages != guest->total_pages)
        fail(target, "the guest has another memory size than the one prepared here");
    else {
        message_put_text(&target->out, FRAME_READY, "");
        target->phase = TARGET_RECEIVING;
    }
}

/* The move is done when the last page is here; the source is told. */
static void check_complete(struct target *target, uint64_t now_ns)
{
    if (target->phase != TARGET_RUNNING || target->is_complete ||
        target->guest->present.set_count < target->guest->total_pages)
        return;
    target->is_complete = true;
    message_put_text(&target->out, FRAME_COMPLETE, "");
    emit(target, (struct event){.at_ns = now_ns,
                                .kind = EVENT_MIGRATION_ENDED,
                                .migration_ended = {.outcome = OUTCOME_COMPLETED}});
}

static void emit_installed(struct target *target, uint64_t now_ns, uint64_t first_idx,
                           uint64_t count, enum why why)
{
    if (count > 0)
        emit(target, (struct event){
                         .at_ns = now_ns,
                         .kind = EVENT_PAGES_INSTALLED,
                         .pages_installed = {.first_idx = first_idx, .count = count, .why = why}});
}

static void resolve_waits(struct target *target, uint64_t now_ns)
{
    for (uint32_t hart_idx = 0; hart_idx < TARGET_HARTS_MAX; hart_idx++) {
        struct target_wait *wait = &target->waits[hart_idx];
        if (!wait->is_waiting || !bitmap_has(&target->guest->present, wait->page_idx))
            continue;
        wait->is_waiting = false;
        emit(target, (struct event){.at_ns = now_ns,
                                    .kind = EVENT_FAULT_RESOLVED,
                                    .fault_resolved = {.page_idx = wait->page_idx,
                                                       .hart_idx = hart_idx,
                                                       .wait_ns = now_ns - wait->since_ns}});
    }
}

/* Pages of one run on their way from the frame into the guest: as many at a time as fit into a
 * page, 512 of a model. `count` pages from first_idx belong to the run, the last held_count of them
 * are still here. */
struct arrival {
    uint64_t first_idx, count;
    uint64_t held_count;
    uint8_t held[PAGE_BYTES];
};

static void install_held(struct target *target, struct arrival *arrival)
{
    uint64_t first_idx = arrival->first_idx + arrival->count - arrival->held_count;
    if (arrival->held_count > 0)
        target->guest->ops->install_pages(target->guest, first_idx, arrival->held_count,
                                          arrival->held);
    arrival->held_count = 0;
}

static void end_run(struct target *target, uint64_t now_ns, struct arrival *arrival, enum why why)
{
    install_held(target, arrival);
    emit_installed(target, now_ns, arrival->first_idx, arrival->count, why);
    arrival->count = 0;
}

static void receive_pages(struct target *target, uint64_t now_ns, const struct frame *frame)
{
    struct guest *guest = target->guest;
    uint32_t payload_bytes = guest->ops->payload_bytes;
    struct message_pages pages;
    struct arrival arrival;
    const uint8_t *payload;
    uint64_t page_idx;

    if (message_get_pages(frame, payload_bytes, guest->total_pages, &pages) != STATUS_OK) {
        if (target->phase == TARGET_RECEIVING)
            fail(target, "PAGES names pages that the guest does not have");
        return;
    }
    arrival.first_idx = arrival.count = arrival.held_count = 0;
    while ((payload = message_next_page(&pages, &page_idx)) != NULL) {
        /* Once the guest runs here, a page that is present is newer than any that can arrive. */
        if (target->phase == TARGET_RUNNING && bitmap_has(&guest->present, page_idx))
            continue;
        if (arrival.count == 0 || page_idx != arrival.first_idx + arrival.count) {
            end_run(target, now_ns, &arrival, pages.why);
            arrival.first_idx = page_idx;
        }
        memcpy(arrival.held + arrival.held_count * payload_bytes, payload, payload_bytes);
        arrival.count++;
        if (++arrival.held_count == PAGE_BYTES / payload_bytes)
            install_held(target, &arrival);
    }
    end_run(target, now_ns, &arrival, pages.why);
    resolve_waits(target, now_ns);
    check_complete(target, now_ns);
}

static void receive_stale(struct target *target, const struct frame *frame)
{
    struct guest *guest = target->guest;
    uint64_t first_idx;
    const uint8_t *bits;
    uint32_t bit_count;

    if (message_get_stale(frame, &first_idx, &bits, &bit_count) != STATUS_OK) {
        fail(target, "STALE cannot be read");
        return;
    }
    for (uint32_t bit = 0; bit < bit_count; bit++) {
        if ((bits[bit / 8] >> (bit % 8) & 1) == 0)
            continue;
        if (first_idx + bit >= guest->total_pages) {
            fail(target, "STALE names pages that the guest does not have");
            return;
        }
        guest->ops->drop_page(guest, first_idx + bit);
    }
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
        fail(target, "COMMIT does not belong to the state that arrived");
        return;
    }
    if (guest->total_pages - guest->present.set_count != commit.missing_pages) {
        fail(target, "pages are missing that the source has not named");
        return;
    }
    bytes_reader_init(&reader, target->state.data, target->state.count);
    if (guest->ops->load(guest, &reader, &problem) != STATUS_OK) {
        fail(target, problem.text);
        return;
    }
    target->phase = TARGET_RUNNING;
    message_put_text(&target->out, FRAME_RUNNING, "");
    emit(target, (struct event){.at_ns = now_ns,
                                .kind = EVENT_GUEST_RESUMED,
                                .guest_resumed = {.host = HOST_TARGET}});
    check_complete(target, now_ns);
}

static void receive_frame(struct target *target, uint64_t now_ns, const struct frame *frame)
{
    bool is_receiving = target->phase == TARGET_RECEIVING;

    switch (frame->type) {
    case FRAME_HELLO:
        if (target->phase == TARGET_WAITING)
            receive_hello(target, frame);
        return;
    case FRAME_PAGES:
        if (is_receiving || target->phase == TARGET_RUNNING)
            receive_pages(target, now_ns, frame);
        return;
    case FRAME_STALE:
        if (is_receiving)
            receive_stale(target, frame);
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
    case FRAME_ABORT:
        if (is_receiving) {
            target->phase = TARGET_REFUSED;
            message_get_text(frame, target->reason);
        }
        return;
    default:
        return; /* a frame that only a target sends */
    }
}

void target_receive(struct target *target, uint64_t now_ns, const uint8_t *data, size_t count)
{
    size_t position = 0;

    bytes_put(&target->in, data, count);
    for (;;) {
        struct frame frame;
        size_t consumed;
        enum status status = frame_decode(target->in.data + position, target->in.count - position,
                                          &frame, &consumed);
        if (status != STATUS_OK) {
            if (target->phase == TARGET_WAITING || target->phase == TARGET_RECEIVING)
                fail(target, "the stream from the source is broken");
            bytes_clear(&target->in);
            return;
        }
        if (consumed == 0)
            break;
        receive_frame(target, now_ns, &frame);
        position += consumed;
    }
    bytes_drop_front(&target->in, position);
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
    MUST(hart_idx < TARGET_HARTS_MAX && !target->waits[hart_idx].is_waiting);
    target->waits[hart_idx] =
        (struct target_wait){.is_waiting = true, .page_idx = page_idx, .since_ns = now_ns};
    message_put_number(&target->out, FRAME_PAGE_REQUEST, page_idx);
    emit(target, (struct event){.at_ns = now_ns,
                                .kind = EVENT_PAGE_FAULTED,
                                .page_faulted = {.page_idx = page_idx, .hart_idx = hart_idx}});
}
