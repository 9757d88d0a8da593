/* The target when its connection breaks, and on the next one; and what comes through the tunnel. */
#include "migrate/target_private.h"

#include <stdio.h>
#include <string.h>

/* ---- The connection ends ---- */

void target_distrust(struct target *target, const char *reason)
{
    target->is_deaf = true;
    if (target->phase == TARGET_WAITING || target->phase == TARGET_RECEIVING)
        target_fail(target, reason);
    else if (target->phase == TARGET_RUNNING)
        target->has_hung_up = true;
}

/* Had COMMIT been verified, the guest would run here. As it does not, it never will: the source may
 * have it back when it asks (DOC: two-generals). */
void target_disconnected(struct target *target)
{
    target_end_landing(target);
    bytes_clear(&target->in);
    bytes_clear(&target->out);
    if (target->phase != TARGET_RECEIVING)
        return;
    target->phase = TARGET_REFUSED;
    snprintf(target->reason, sizeof target->reason,
             "the connection broke before the target had all that it must verify");
}

/* ---- The next one begins ---- */

void target_connected(struct target *target)
{
    target->has_hung_up = target->is_deaf = false;
    target_end_landing(target);
    /* What was said meanwhile answers nobody's question: RECOVER comes first. */
    bytes_clear(&target->out);
}

/* What is here, and what is waited for. */
static void tell_all(struct target *target)
{
    const struct bitmap *present = &target->guest->present;

    for (uint64_t idx = 0; idx < present->bit_count; idx += MESSAGE_STALE_BITS)
        message_put_bitmap(&target->out, present, idx);
    message_put_text(&target->out, FRAME_RUNNING, "");
    for (uint32_t i = 0; i < HART_MAX; i++)
        if (target->waits[i].is_waiting)
            message_put_number(&target->out, FRAME_PAGE_REQUEST, target->waits[i].page_idx);
    if (target->is_complete)
        message_put_text(&target->out, FRAME_COMPLETE, "");
}

void target_receive_recover(struct target *target, const struct frame *frame)
{
    char reason[MESSAGE_REASON_MAX];
    uint64_t state_digest;

    bytes_clear(&target->out);
    if (target->phase != TARGET_RUNNING) {
        snprintf(reason, sizeof reason, "%s",
                 *target->reason != '\0' ? target->reason
                                         : "nothing is known here of a move to be recovered");
        target_fail(target, reason);
        return;
    }
    /* Another move's source has no business with this guest, and must not be told REFUSED either:
     * its own target may run its guest. */
    if (message_get_number(frame, &state_digest) != STATUS_OK ||
        state_digest != digest_of(target->state.data, target->state.count))
        target_distrust(target, "RECOVER is of another move");
    else
        tell_all(target);
}

/* ---- The tunnel ---- */

void target_receive_forward(struct target *target, const struct frame *frame)
{
    struct message_forward forward;

    if (message_get_forward(frame, &forward) != STATUS_OK) {
        target_distrust(target, "FORWARD cannot be read");
        return;
    }
    message_put_forward(&target->forwards, &forward);
}

bool target_next_forward(struct target *target, struct message_forward *forward)
{
    struct bytes *queue = &target->forwards;
    struct frame frame;
    size_t consumed;

    if (target->forwards_taken == queue->count) {
        bytes_clear(queue);
        target->forwards_taken = 0;
        return false;
    }
    enum status status = frame_decode(queue->data + target->forwards_taken,
                                      queue->count - target->forwards_taken, &frame, &consumed);
    MUST(status == STATUS_OK && consumed > 0); /* it was put there by ourselves */
    status = message_get_forward(&frame, forward);
    MUST(status == STATUS_OK);
    target->forwards_taken += consumed;
    return true;
}
