/* Plain pages that are read straight to where they belong.
 *
 * DOC: landing
 *
 *   the stream       head  page 7   head  page 8   head  page 9  ...
 *   is read into     |     memory   |     memory   |     memory
 *                    heads[0]       heads[1]       heads[2]
 *
 * Pages mostly follow each other. So after a few that did, the next ones are guessed, and whoever
 * reads the connection is told to put heads and pages apart. Right is a guess when the head is
 * that of the frame of just this page; then its checksum is looked at, and only then is the page
 * present. Where a guess was wrong, or the checksum is, all that came and is not believed is put
 * together again and read as any other bytes: what becomes of a damaged frame is decided there
 * alone.
 *
 * That what has not been checked lies in memory for a while harms nothing, because only *missing*
 * pages are guessed: nobody reads one before it is present, and if it never becomes so, it is
 * written over by whatever brings it. A page that is present (one that is sent again, or that the
 * guest here has written) is never written over before its frame was believed. So both rule 2
 * (what is present is what the source had) and rule 5 hold as without landing. */
#include <string.h>

#include "migrate/target_private.h"

#define FRAME_BYTES MESSAGE_PAGE_WIRE_BYTES

void target_saw_plain(struct target *target, uint64_t page_idx)
{
    struct landing *landing = &target->landing;

    if (page_idx != landing->next_idx)
        landing->streak = 0;
    landing->streak++;
    landing->next_idx = page_idx + 1;
}

void target_end_landing(struct target *target)
{
    target->landing.count = target->landing.streak = 0;
}

/* ---- What is offered ---- */

static bool guess(struct target *target)
{
    struct landing *landing = &target->landing;
    struct guest *guest = target->guest;
    struct bytes *in = &target->in;
    uint64_t most = landing->streak < LANDING_PAGES_MAX ? landing->streak : LANDING_PAGES_MAX;

    if (landing->streak < LANDING_STREAK_MIN || guest->ops->place_pages == NULL ||
        landing->next_idx >= guest->total_pages || in->count >= FRAME_BYTES)
        return false;
    uint64_t count = bitmap_gap(&guest->present, landing->next_idx, most);
    if (count == 0)
        return false;
    landing->place = guest->ops->place_pages(guest, landing->next_idx, count);
    if (landing->place == NULL)
        return false;
    landing->first_idx = landing->next_idx;
    landing->count = count;
    landing->landed = 0;
    /* The beginning of the first frame has come already. */
    size_t head_bytes = in->count < MESSAGE_PLAIN_HEAD_BYTES ? in->count : MESSAGE_PLAIN_HEAD_BYTES;
    if (in->count > 0)
        memcpy(landing->heads[0], in->data, head_bytes);
    if (in->count > head_bytes)
        memcpy(landing->place, in->data + head_bytes, in->count - head_bytes);
    landing->filled_bytes = in->count;
    bytes_clear(in);
    return true;
}

size_t target_place(struct target *target, struct span *spans, size_t most)
{
    struct landing *landing = &target->landing;
    size_t count = 0;

    if (target->has_hung_up || target->is_deaf ||
        (target->phase != TARGET_RECEIVING && target->phase != TARGET_RUNNING) ||
        (landing->count == 0 && !guess(target)))
        return 0;
    size_t at = landing->filled_bytes % FRAME_BYTES;
    for (uint64_t i = landing->filled_bytes / FRAME_BYTES; i < landing->count; i++, at = 0) {
        if (most - count < 2)
            break;
        if (at < MESSAGE_PLAIN_HEAD_BYTES) {
            spans[count++] = (struct span){landing->heads[i] + at, MESSAGE_PLAIN_HEAD_BYTES - at};
            at = MESSAGE_PLAIN_HEAD_BYTES;
        }
        spans[count++] = (struct span){
            landing->place + i * PAGE_BYTES + at - MESSAGE_PLAIN_HEAD_BYTES, FRAME_BYTES - at};
    }
    return count;
}

/* ---- What came ---- */

/* Puts together again what is not believed, as it came. */
static void put_together(struct target *target)
{
    struct landing *landing = &target->landing;
    size_t left = landing->filled_bytes - landing->landed * FRAME_BYTES;

    for (uint64_t i = landing->landed; left > 0; i++) {
        size_t head_bytes = left < MESSAGE_PLAIN_HEAD_BYTES ? left : MESSAGE_PLAIN_HEAD_BYTES;
        size_t page_bytes = left - head_bytes < PAGE_BYTES ? left - head_bytes : PAGE_BYTES;
        bytes_put(&target->in, landing->heads[i], head_bytes);
        bytes_put(&target->in, landing->place + i * PAGE_BYTES, page_bytes);
        left -= head_bytes + page_bytes;
    }
    target_end_landing(target);
}

/* How many of the next frames are whole, those guessed, and travel for one reason. */
static uint64_t believed(const struct landing *landing, enum why *why)
{
    uint64_t whole = landing->filled_bytes / FRAME_BYTES, i;
    enum why its;

    for (i = landing->landed; i < whole; i++) {
        if (!message_is_plain(landing->heads[i], landing->place + i * PAGE_BYTES,
                              landing->first_idx + i, &its) ||
            (i > landing->landed && its != *why))
            break;
        *why = its;
    }
    return i - landing->landed;
}

/* Whether the frame that has come in part may still be the one that was guessed. */
static bool is_guess_open(const struct landing *landing)
{
    uint64_t i = landing->filled_bytes / FRAME_BYTES;
    size_t head_bytes = landing->filled_bytes % FRAME_BYTES;

    return head_bytes < FRAME_HEADER_BYTES ||
           message_may_be_plain(landing->heads[i], head_bytes, landing->first_idx + i);
}

bool target_land(struct target *target, uint64_t now_ns)
{
    struct landing *landing = &target->landing;

    while (landing->landed < landing->filled_bytes / FRAME_BYTES) {
        enum why why = WHY_FIRST;
        uint64_t count = believed(landing, &why);
        if (count == 0) {
            put_together(target);
            return false;
        }
        target_install_placed(target, now_ns, landing->first_idx + landing->landed, count,
                              landing->place + landing->landed * PAGE_BYTES, why);
        landing->landed += count;
    }
    landing->next_idx = landing->first_idx + landing->landed;
    if (landing->landed == landing->count) {
        landing->streak = landing->count * 2;
        landing->count = 0;
    } else if (!is_guess_open(landing)) {
        put_together(target);
        return false;
    }
    return true;
}

void target_unplace(struct target *target)
{
    if (target->landing.count > 0)
        put_together(target);
}
