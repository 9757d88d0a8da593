/* Pages off the link, and into the guest. */
#include "migrate/target_private.h"

#include <stdio.h>
#include <string.h>

static void emit_installed(struct target *target, uint64_t now_ns, uint64_t first_idx,
                           uint64_t count, enum why why)
{
    if (count > 0)
        target_emit(target,
                    (struct event){
                        .at_ns = now_ns,
                        .kind = EVENT_PAGES_INSTALLED,
                        .pages_installed = {.first_idx = first_idx, .count = count, .why = why}});
}

/* The controller's aim, when it has moved by an eighth. */
static void tell_set_point(struct target *target, uint64_t now_ns)
{
    uint64_t told_ns = target->set_point_told_ns;
    uint64_t set_point_ns = fault_throttle_set_point_ns(&target->throttle);
    uint64_t apart_ns = set_point_ns > told_ns ? set_point_ns - told_ns : told_ns - set_point_ns;
    if (!target->throttle.is_on || apart_ns * 8 < told_ns || apart_ns == 0)
        return;
    target->set_point_told_ns = set_point_ns;
    target_emit(target, (struct event){.at_ns = now_ns,
                                       .kind = EVENT_DECIDED,
                                       .decided = {.decision = DECISION_FAULT_SET_POINT,
                                                   .value = set_point_ns}});
}

/* Of harts that wait for one page, the first has asked for it: its wait is what the link took. */
static void resolve_waits(struct target *target, uint64_t now_ns)
{
    uint64_t longest_ns = 0;
    for (uint32_t hart_idx = 0; hart_idx < HART_MAX; hart_idx++) {
        struct target_wait *wait = &target->waits[hart_idx];
        if (!wait->is_waiting || !bitmap_has(&target->guest->present, wait->page_idx))
            continue;
        wait->is_waiting = false;
        if (now_ns - wait->since_ns > longest_ns)
            longest_ns = now_ns - wait->since_ns;
        target_emit(target, (struct event){.at_ns = now_ns,
                                           .kind = EVENT_FAULT_RESOLVED,
                                           .fault_resolved = {.page_idx = wait->page_idx,
                                                              .hart_idx = hart_idx,
                                                              .wait_ns = now_ns - wait->since_ns}});
    }
    if (longest_ns > 0 && !target->is_pushed) {
        fault_throttle_resolved(&target->throttle, now_ns, longest_ns);
        tell_set_point(target, now_ns);
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

/* One more page of which the payload stands in `payload`; zeros where it is NULL. */
static void add_page(struct target *target, uint64_t now_ns, struct arrival *arrival,
                     uint64_t page_idx, const uint8_t *payload, enum why why)
{
    uint32_t payload_bytes = target->guest->ops->payload_bytes;
    uint8_t *to;

    /* Once the guest runs here, a page that is present is newer than any that can arrive. */
    if (target->phase == TARGET_RUNNING && bitmap_has(&target->guest->present, page_idx))
        return;
    if (arrival->count == 0 || page_idx != arrival->first_idx + arrival->count) {
        end_run(target, now_ns, arrival, why);
        arrival->first_idx = page_idx;
    }
    to = arrival->held + arrival->held_count * payload_bytes;
    if (payload == NULL)
        memset(to, 0, payload_bytes);
    else
        memcpy(to, payload, payload_bytes);
    arrival->count++;
    if (++arrival->held_count == PAGE_BYTES / payload_bytes)
        install_held(target, arrival);
}

/* The payload of a page that travelled encoded. (The copy that a delta is against came in another
 * frame: it is installed.) */
static enum status decode(struct target *target, const struct message_piece *piece,
                          uint8_t *payload)
{
    const struct guest *guest = target->guest;
    uint8_t base[PAGE_BYTES];
    bool has_base = piece->encoded.form == PAGE_FORM_DELTA && target->phase == TARGET_RECEIVING &&
                    bitmap_has(&guest->present, piece->first_idx);

    if (guest->ops->payload_bytes != PAGE_BYTES) { /* a model's: its version, see message_pages.h */
        if (piece->encoded.bytes != guest->ops->payload_bytes ||
            digest_of(piece->encoded.data, piece->encoded.bytes) != piece->encoded.digest)
            return STATUS_BAD_STREAM;
        memcpy(payload, piece->encoded.data, piece->encoded.bytes);
        return STATUS_OK;
    }
    if (has_base)
        guest->ops->read_pages(guest, piece->first_idx, 1, base);
    return page_decode(target->decoder, &piece->encoded, has_base ? base : NULL, payload);
}

/* A page that is not what its sender says. Before the guest runs here nothing is lost by saying no;
 * afterwards the page is asked for again. */
static void refuse_page(struct target *target, const struct message_piece *piece)
{
    char reason[MESSAGE_REASON_MAX];

    if (target->phase != TARGET_RECEIVING) {
        if (!bitmap_has(&target->guest->present, piece->first_idx))
            message_put_request_again(&target->out, piece->first_idx);
        return;
    }
    snprintf(reason, sizeof reason,
             "page %llu arrived in form %s and does not come to the page that its digest names",
             (unsigned long long)piece->first_idx, page_form_name(piece->encoded.form));
    target_distrust(target, reason);
}

static bool receive_piece(struct target *target, uint64_t now_ns, struct arrival *arrival,
                          const struct message_pages *pages, const struct message_piece *piece)
{
    uint8_t payload[PAGE_BYTES];

    switch (pages->form) {
    case PAGE_FORM_PLAIN:
        add_page(target, now_ns, arrival, piece->first_idx, piece->payload, pages->why);
        return true;
    case PAGE_FORM_ZERO:
    case PAGE_FORM_FREE:
        for (uint64_t i = 0; i < piece->count; i++)
            add_page(target, now_ns, arrival, piece->first_idx + i, NULL, pages->why);
        return true;
    default:
        if (decode(target, piece, payload) != STATUS_OK)
            return false;
        add_page(target, now_ns, arrival, piece->first_idx, payload, pages->why);
        return true;
    }
}

static void end_arrival(struct target *target, uint64_t now_ns, enum why why)
{
    target->is_pushed = why != WHY_FAULT;
    resolve_waits(target, now_ns);
    target_check_complete(target, now_ns);
}

void target_receive_pages(struct target *target, uint64_t now_ns, const struct frame *frame)
{
    const struct guest *guest = target->guest;
    struct message_pages pages;
    struct message_piece piece;
    struct arrival arrival;

    if (message_get_pages(frame, guest->ops->payload_bytes, guest->total_pages, &pages) !=
        STATUS_OK) {
        target_distrust(target, "PAGES names pages that the guest does not have");
        return;
    }
    if (pages.is_row)
        target_saw_row(target, pages.next_idx, bytes_left(&pages.reader) / PAGE_BYTES);
    arrival.first_idx = arrival.count = arrival.held_count = 0;
    while (target->phase != TARGET_REFUSED && message_next_piece(&pages, &piece))
        if (!receive_piece(target, now_ns, &arrival, &pages, &piece))
            refuse_page(target, &piece);
    end_run(target, now_ns, &arrival, pages.why);
    end_arrival(target, now_ns, pages.why);
}

void target_install_placed(struct target *target, uint64_t now_ns, uint64_t first_idx,
                           uint64_t count, const uint8_t *place, enum why why)
{
    target->guest->ops->install_pages(target->guest, first_idx, count, place);
    emit_installed(target, now_ns, first_idx, count, why);
    end_arrival(target, now_ns, why);
}

void target_receive_stale(struct target *target, const struct frame *frame)
{
    struct guest *guest = target->guest;
    uint64_t first_idx;
    const uint8_t *bits;
    uint32_t bit_count;

    if (message_get_stale(frame, &first_idx, &bits, &bit_count) != STATUS_OK) {
        target_fail(target, "STALE cannot be read");
        return;
    }
    for (uint32_t bit = 0; bit < bit_count; bit++) {
        if ((bits[bit / 8] >> (bit % 8) & 1) == 0)
            continue;
        if (first_idx + bit >= guest->total_pages) {
            target_fail(target, "STALE names pages that the guest does not have");
            return;
        }
        guest->ops->drop_page(guest, first_idx + bit);
    }
}
