/* The source when its connection breaks: what ends a move before COMMIT, and what goes on after it.
 *
 * DOC: two-generals
 * Once COMMIT is out the source cannot know whether the target has verified it and runs the guest:
 * a RUNNING that was lost looks like one that was never sent. Two hosts that cannot both be sure
 * must have agreed beforehand which of them never runs the guest again. Here it is the source: it
 * keeps everything, runs nothing, and asks. Only the word REFUSED gives the guest back, or the
 * knowledge that COMMIT has never left (source_take_back). */
#include "migrate/source_private.h"

#include <string.h>

#include "migrate/phase.h"

/* ---- The connection ends ---- */

void source_disconnected(struct source *source, uint64_t now_ns, const char *reason)
{
    source->is_deaf = true;
    source->request_count = 0; /* they are asked again on the next connection */
    if (source_is_committed(source)) {
        if (source->phase != PHASE_COMPLETED && source->phase != PHASE_LINK_LOST)
            source_enter(source, now_ns, PHASE_LINK_LOST);
        bytes_clear(&source->out);
        bytes_clear(&source->forwards);
        source->is_commit_pending = false;
        return;
    }
    (void)source_abort(source, now_ns, reason);
    bytes_clear(&source->out); /* nobody hears of it */
}

void source_take_back(struct source *source, uint64_t now_ns, const char *reason)
{
    MUST(source->phase == PHASE_HAND_OVER && !source->was_running);
    source_fail(source, now_ns, reason);
    bytes_clear(&source->out); /* nobody hears of it */
    source->is_commit_pending = false;
}

void source_distrust(struct source *source, uint64_t now_ns, const char *reason)
{
    source->is_deaf = true;
    if (!source_is_committed(source)) {
        (void)source_abort(source, now_ns, reason);
        return;
    }
    source_disconnected(source, now_ns, reason);
    source->has_hung_up = true;
}

/* ---- The next one begins ---- */

void source_connected(struct source *source, uint64_t now_ns)
{
    source->has_hung_up = source->is_deaf = false;
    bytes_clear(&source->in);
    if (source->phase != PHASE_LINK_LOST)
        return;
    /* What the target does not say that it has must travel, whatever had been sent. */
    bitmap_set_all(&source->to_send);
    message_put_number(&source->out, FRAME_RECOVER, source->state_digest);
    source_enter(source, now_ns, PHASE_RECOVER);
    /* The strategy's memory is of a set that is no more: how far it had pushed, for one. What is
     * left to do after the switch is the same after all of them. */
    source_post_copy_from_now_on(source);
    source->pre_paging = (struct pre_paging){.prefetch = source->pre_paging.prefetch};
}

void source_receive_bitmap(struct source *source, uint64_t now_ns, const struct frame *frame)
{
    uint64_t total_pages = source->guest->total_pages, first_idx;
    const uint8_t *bits;
    uint32_t bit_count;

    if (message_get_stale(frame, &first_idx, &bits, &bit_count) != STATUS_OK) {
        source_distrust(source, now_ns, "BITMAP cannot be read");
        return;
    }
    for (uint32_t bit = 0; bit < bit_count; bit++) {
        if ((bits[bit / 8] >> (bit % 8) & 1) == 0)
            continue;
        if (first_idx + bit >= total_pages) {
            source_distrust(source, now_ns, "BITMAP names pages that the guest does not have");
            return;
        }
        bitmap_clear(&source->to_send, first_idx + bit);
    }
}

/* ---- The tunnel ---- */

bool source_forward(struct source *source, const struct message_forward *forward, uint64_t *charge)
{
    size_t before = source->forwards.count;

    if (!source_is_committed(source) || source->phase == PHASE_LINK_LOST || source->has_hung_up ||
        before + forward->bytes > SOURCE_FORWARDS_MAX)
        return false;
    message_put_forward(&source->forwards, forward);
    *charge = source->forwards.count - before;
    return true;
}
