/* Rows of pages that are read straight to where they belong.
 *
 * DOC: landing
 *
 *   the stream       head  pages 16-31   head  pages 32-47   head  pages 48-63  ...
 *   is read into     |     memory        |     memory        |     memory
 *                    heads[0]            heads[1]            heads[2]
 *
 * Rows mostly follow each other. So after one that did, or a few short ones, the next ones are
 * guessed, and whoever reads the connection is told to put heads and pages apart. Right is a guess
 * when the head is that of just this row; then its checksum is looked at, and only then are its
 * pages present. Where a guess was wrong, or the checksum is, all that came and is not believed is put
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

void target_saw_row(struct target *target, uint64_t first_idx, uint64_t count)
{
    struct landing *landing = &target->landing;

    if (first_idx != landing->next_idx || count != landing->row_pages)
        landing->streak = 0;
    landing->streak += count;
    landing->next_idx = first_idx + count;
    landing->row_pages = count;
}

void target_end_landing(struct target *target)
{
    target->landing.row_count = target->landing.streak = 0;
}

/* Of one of the rows: its bytes on the link; and its pages, where they belong. */
static size_t row_bytes(const struct landing *landing)
{
    return MESSAGE_ROW_HEAD_BYTES + landing->row_pages * PAGE_BYTES;
}

static uint8_t *row_place(const struct landing *landing, uint64_t row_idx)
{
    return landing->place + row_idx * landing->row_pages * PAGE_BYTES;
}

static uint64_t row_first_idx(const struct landing *landing, uint64_t row_idx)
{
    return landing->first_idx + row_idx * landing->row_pages;
}

/* ---- What is offered ---- */

static bool guess(struct target *target)
{
    struct landing *landing = &target->landing;
    struct guest *guest = target->guest;
    struct bytes *in = &target->in;
    uint64_t most = landing->streak < LANDING_PAGES_MAX ? landing->streak : LANDING_PAGES_MAX;

    if (landing->streak < LANDING_STREAK_MIN || guest->ops->place_pages == NULL ||
        landing->next_idx >= guest->total_pages || in->count >= row_bytes(landing))
        return false;
    uint64_t rows = bitmap_gap(&guest->present, landing->next_idx, most) / landing->row_pages;
    if (rows == 0)
        return false;
    landing->place = guest->ops->place_pages(guest, landing->next_idx, rows * landing->row_pages);
    if (landing->place == NULL)
        return false;
    landing->first_idx = landing->next_idx;
    landing->row_count = rows;
    landing->landed = 0;
    /* The beginning of the first one has come already. */
    size_t head_bytes = in->count < MESSAGE_ROW_HEAD_BYTES ? in->count : MESSAGE_ROW_HEAD_BYTES;
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
        (landing->row_count == 0 && !guess(target)))
        return 0;
    size_t each = row_bytes(landing), at = landing->filled_bytes % each;
    for (uint64_t i = landing->filled_bytes / each; i < landing->row_count; i++, at = 0) {
        if (most - count < 2)
            break;
        if (at < MESSAGE_ROW_HEAD_BYTES) {
            spans[count++] = (struct span){landing->heads[i] + at, MESSAGE_ROW_HEAD_BYTES - at};
            at = MESSAGE_ROW_HEAD_BYTES;
        }
        spans[count++] =
            (struct span){row_place(landing, i) + at - MESSAGE_ROW_HEAD_BYTES, each - at};
    }
    return count;
}

/* ---- What came ---- */

/* Puts together again what is not believed, as it came. */
static void put_together(struct target *target)
{
    struct landing *landing = &target->landing;
    size_t each = row_bytes(landing), left = landing->filled_bytes - landing->landed * each;

    for (uint64_t i = landing->landed; left > 0; i++) {
        size_t here = left < each ? left : each;
        size_t head_bytes = here < MESSAGE_ROW_HEAD_BYTES ? here : MESSAGE_ROW_HEAD_BYTES;
        size_t page_bytes = here - head_bytes;
        bytes_put(&target->in, landing->heads[i], head_bytes);
        bytes_put(&target->in, row_place(landing, i), page_bytes);
        left -= head_bytes + page_bytes;
    }
    target_end_landing(target);
}

/* How many of the next rows are whole, those guessed, and travel for one reason. */
static uint64_t believed(const struct landing *landing, enum why *why)
{
    uint64_t whole = landing->filled_bytes / row_bytes(landing), i;
    enum why its;

    for (i = landing->landed; i < whole; i++) {
        if (!message_is_row(landing->heads[i], row_place(landing, i), row_first_idx(landing, i),
                            landing->row_pages, &its) ||
            (i > landing->landed && its != *why))
            break;
        *why = its;
    }
    return i - landing->landed;
}

/* Whether the row that has come in part may still be the one that was guessed. */
static bool is_guess_open(const struct landing *landing)
{
    uint64_t i = landing->filled_bytes / row_bytes(landing);
    size_t head_bytes = landing->filled_bytes % row_bytes(landing);

    return head_bytes < FRAME_HEADER_BYTES ||
           message_may_be_row(landing->heads[i], head_bytes, row_first_idx(landing, i),
                              landing->row_pages);
}

bool target_land(struct target *target, uint64_t now_ns)
{
    struct landing *landing = &target->landing;

    while (landing->landed < landing->filled_bytes / row_bytes(landing)) {
        enum why why = WHY_FIRST;
        uint64_t rows = believed(landing, &why);
        if (rows == 0) {
            put_together(target);
            return false;
        }
        target_install_placed(target, now_ns, row_first_idx(landing, landing->landed),
                              rows * landing->row_pages, row_place(landing, landing->landed), why);
        landing->landed += rows;
    }
    landing->next_idx = row_first_idx(landing, landing->landed);
    if (landing->landed == landing->row_count) {
        landing->streak = landing->row_count * landing->row_pages * 2;
        landing->row_count = 0;
    } else if (!is_guess_open(landing)) {
        put_together(target);
        return false;
    }
    return true;
}

void target_unplace(struct target *target)
{
    if (target->landing.row_count > 0)
        put_together(target);
}
