/* Pages into frames: each in its form (wire/page_codec.h), pages of one form that follow each other
 * in one event, and in few frames.
 *
 *   pages     0 0 0 0 0 0 | P P | L L L | 0 0 | ...      0: zero, P: plain, L: lz4
 *   frames    one           two   one     one            (of plain ones that are lent: one, a row)
 */
#include "migrate/source_private.h"

#include <string.h>

_Static_assert(PAGE_CODEC_BYTES == PAGE_BYTES, "a page is a page");

/* Asked for at once where they may be small: a chunk of zero pages is a few bytes for all of them.
 */
#define SMALL_PAGES_MAX 4096

void source_open_forms(struct source *source)
{
    struct page_encoder_config encoding = source->config.encoding;

    encoding.total_pages = source->guest->total_pages;
    source->page_bytes = MESSAGE_PAGE_WIRE_BYTES;
    if (encoding.compress != COMPRESS_NONE)
        source->encoder = page_encoder_open(&encoding);
}

void source_give_up_forms(struct source *source, uint64_t now_ns)
{
    source_tell_encoding(source, now_ns); /* what they have cost until now */
    page_encoder_close(source->encoder);
    source->encoder = NULL;
    source->page_bytes = MESSAGE_PAGE_WIRE_BYTES;
}

uint32_t source_forms(const struct source *source)
{
    uint32_t free = source->config.has_free_hints ? 1u << PAGE_FORM_FREE : 0;
    return page_forms_of(source->config.encoding.compress) | free;
}

static uint64_t chunk_bytes(const struct source *source)
{
    return source_is_after_pause(source) ? source->config.push_chunk_bytes
                                         : source->config.copy_chunk_bytes;
}

uint64_t source_chunk_pages(const struct source *source)
{
    uint64_t pages = chunk_bytes(source) / MESSAGE_PAGE_WIRE_BYTES;
    /* A run of model pages is one frame. */
    uint64_t frame_pages = FRAME_PAYLOAD_MAX / (8 + source->guest->ops->payload_bytes);
    bool may_be_small = source->encoder != NULL || source->guest->free.set_count > 0;

    if (may_be_small && !source_is_after_pause(source))
        return SMALL_PAGES_MAX; /* what is pushed keeps its order: it is chosen in small steps */
    return pages == 0 ? 1 : pages < frame_pages ? pages : frame_pages;
}

/* A whole fetch begins at page 0, and so does a scan each time it comes round. */
void source_begin_sweep(struct source *source, uint64_t first_idx)
{
    if (source->encoder != NULL && first_idx <= source->fetched_idx)
        page_encoder_begin_sweep(source->encoder);
    source->fetched_idx = first_idx;
}

/* What another page is to cost is said by the pages of the round that held something: those that
 * will be sent again have been written. */
void source_close_page_bytes(struct source *source)
{
    if (source->full_pages > 0)
        source->page_bytes = (source->full_bytes + source->full_pages - 1) / source->full_pages;
    source->full_pages = source->full_bytes = 0;
}

void source_tell_encoding(struct source *source, uint64_t now_ns)
{
    if (source->encoder == NULL)
        return;
    const struct page_encoder_counts *counts = page_encoder_counts(source->encoder);
    const struct page_encoder_counts *told = &source->encoded;
    if (counts->cost_ns == told->cost_ns)
        return;
    source_emit(source, (struct event){
                            .at_ns = now_ns,
                            .kind = EVENT_PAGES_ENCODED,
                            .pages_encoded = {
                                .delta_hits = counts->delta_hits - told->delta_hits,
                                .delta_misses = counts->delta_misses - told->delta_misses,
                                .delta_overflows = counts->delta_overflows - told->delta_overflows,
                                .cost_ns = counts->cost_ns - told->cost_ns}});
    source->encoded = *counts;
}

/* ---- A run of pages of one form ---- */

struct run {
    enum page_form form;
    enum why why;
    uint64_t first_idx, count;
    uint64_t bytes;     /* charged so far */
    bool is_frame_open; /* of encoded pages, which share one */
    size_t frame_begin;
};

static void close_frame(struct run *run, struct bytes *to)
{
    if (run->is_frame_open)
        frame_end(to, run->frame_begin);
    run->is_frame_open = false;
}

static void count_run(struct source *source, const struct run *run)
{
    bool holds_something = run->form != PAGE_FORM_ZERO && run->form != PAGE_FORM_FREE;
    uint64_t sent = run->form != PAGE_FORM_FREE ? run->count : 0;

    source->pages_sent += sent;
    if (source_is_after_pause(source))
        return;
    source->current.pages_sent += sent;
    source->current.bytes_sent += run->bytes;
    if (holds_something) {
        source->full_pages += run->count;
        source->full_bytes += run->bytes;
    }
}

/* Returns what the run is charged; it is empty then. */
static uint64_t end_run(struct source *source, uint64_t now_ns, struct run *run, struct bytes *to)
{
    uint64_t bytes;

    if (run->count == 0)
        return 0;
    close_frame(run, to);
    if (run->form == PAGE_FORM_ZERO || run->form == PAGE_FORM_FREE) {
        size_t begin = message_begin_pages(to, run->form, run->why);
        message_put_run(to, run->first_idx, run->count);
        frame_end(to, begin);
        run->bytes = MESSAGE_RUN_WIRE_BYTES;
    }
    bitmap_clear_run(&source->to_send, run->first_idx, run->count);
    bitmap_set_run(&source->sent, run->first_idx, run->count);
    source_note_sent(source, run->first_idx, run->count);
    count_run(source, run);
    source_emit(source, (struct event){.at_ns = now_ns,
                                       .kind = EVENT_PAGES_SENT,
                                       .pages_sent = {.first_idx = run->first_idx,
                                                      .count = run->count,
                                                      .why = run->why,
                                                      .bytes = run->bytes,
                                                      .form = run->form}});
    bytes = run->bytes;
    run->count = run->bytes = 0;
    return bytes;
}

/* ---- Pages as they are ---- */

/* Numbers and payloads. A machine's page goes from memory into the frame and nowhere between; of a
 * model 512 versions are read at a time. */
static void put_pages(const struct source *source, uint64_t first_idx, uint64_t count,
                      struct bytes *to)
{
    const struct guest_ops *ops = source->guest->ops;
    uint8_t payloads[PAGE_BYTES];
    uint64_t at_once = PAGE_BYTES / ops->payload_bytes;

    for (uint64_t here; count > 0; first_idx += here, count -= here) {
        here = count < at_once ? count : at_once;
        if (at_once == 1) {
            ops->read_pages(source->guest, first_idx, 1, message_place_plain(to, first_idx));
            continue;
        }
        ops->read_pages(source->guest, first_idx, here, payloads);
        for (uint64_t i = 0; i < here; i++)
            message_put_plain(to, first_idx + i, payloads + i * ops->payload_bytes,
                              ops->payload_bytes);
    }
}

/* In rows. False: the guest does not lend them, or nobody takes them so. */
static bool lend_plain_run(const struct source *source, struct run *run, struct bytes *to)
{
    const struct guest *guest = source->guest;
    const uint8_t *pages = NULL;

    if (source->lending != NULL && guest->ops->lend_pages != NULL)
        pages = guest->ops->lend_pages(guest, run->first_idx, run->count);
    for (uint64_t at = 0, here; pages != NULL && at < run->count; at += here) {
        const uint8_t *row = pages + at * PAGE_BYTES;
        here = run->count - at < MESSAGE_ROW_PAGES ? run->count - at : MESSAGE_ROW_PAGES;
        message_put_row_head(to, run->why, run->first_idx + at, row, here);
        lending_add(source->lending, to, row, here * PAGE_BYTES);
        run->bytes += MESSAGE_ROW_HEAD_BYTES + here * PAGE_BYTES;
    }
    return pages != NULL;
}

static void put_plain_run(const struct source *source, struct run *run, uint64_t count,
                          struct bytes *to)
{
    uint64_t per_frame = source->guest->ops->is_charged_in_full ? count : 1;

    run->count = count;
    if (lend_plain_run(source, run, to))
        return;
    for (uint64_t at = 0; at < count; at += per_frame) {
        size_t begin = message_begin_pages(to, PAGE_FORM_PLAIN, run->why);
        put_pages(source, run->first_idx + at, per_frame, to);
        frame_end(to, begin);
    }
    run->bytes = count * MESSAGE_PAGE_WIRE_BYTES;
}

/* ---- Pages that are encoded ---- */

/* A model's page travels as its version, whatever its contents cost. */
static struct page_encoded carried(const struct source *source, const struct page_encoded *encoded,
                                   const uint8_t *payload)
{
    uint32_t payload_bytes = source->guest->ops->payload_bytes;

    if (payload_bytes == PAGE_BYTES)
        return *encoded;
    return (struct page_encoded){.form = encoded->form,
                                 .data = payload,
                                 .bytes = payload_bytes,
                                 .digest = digest_of(payload, payload_bytes)};
}

static void put_encoded(const struct source *source, struct run *run,
                        const struct page_encoded *encoded, const uint8_t *payload,
                        struct bytes *to)
{
    struct page_encoded goes = carried(source, encoded, payload);

    if (run->is_frame_open && to->count - run->frame_begin > FRAME_PAYLOAD_MAX - PAGE_BYTES)
        close_frame(run, to);
    if (!run->is_frame_open) {
        run->frame_begin = message_begin_pages(to, run->form, run->why);
        run->is_frame_open = true;
        bytes_put_u64(to, run->first_idx + run->count);
        run->bytes += MESSAGE_ENCODED_RUN_BYTES;
    }
    message_put_encoded(to, &goes);
    run->bytes += MESSAGE_ENCODED_PAGE_BYTES + encoded->bytes;
}

static struct page_encoded encode(struct source *source, uint64_t page_idx, uint8_t *payload,
                                  uint8_t *contents)
{
    const struct guest_ops *ops = source->guest->ops;
    bool is_again = bitmap_has(&source->sent, page_idx);
    const uint8_t *page = payload;
    static const uint8_t nothing[8];

    ops->read_pages(source->guest, page_idx, 1, payload);
    if (ops->payload_bytes != PAGE_BYTES) {
        /* Version 0 holds nothing (contents.h); there may be very many of them. */
        if (memcmp(payload, nothing, ops->payload_bytes) == 0)
            return page_encode_zero(source->encoder, page_idx);
        ops->read_contents(source->guest, page_idx, contents);
        page = contents;
    }
    return page_encode(source->encoder, page_idx, page, is_again, !source_is_after_pause(source));
}

/* Adds the page to the run, or ends the run where the page has another form. Returns what a run
 * that has ended is charged. */
static uint64_t add_encoded(struct source *source, uint64_t now_ns, struct run *run,
                            uint64_t page_idx, struct bytes *to)
{
    uint8_t payload[PAGE_BYTES], contents[PAGE_BYTES];
    struct page_encoded encoded = encode(source, page_idx, payload, contents);
    uint64_t bytes = 0;

    if (run->count > 0 && run->form != encoded.form)
        bytes = end_run(source, now_ns, run, to);
    if (run->count == 0) {
        run->form = encoded.form;
        run->first_idx = page_idx;
    }
    if (encoded.form == PAGE_FORM_PLAIN) {
        size_t begin = message_begin_pages(to, PAGE_FORM_PLAIN, run->why);
        message_put_plain(to, page_idx, payload, source->guest->ops->payload_bytes);
        frame_end(to, begin);
        run->bytes += MESSAGE_PAGE_WIRE_BYTES;
    } else if (encoded.form != PAGE_FORM_ZERO) {
        put_encoded(source, run, &encoded, payload, to);
    }
    run->count++;
    return bytes;
}

/* ---- All of them ---- */

/* How many pages from `page_idx` on the guest has given away, of `most`. */
static uint64_t free_pages(const struct source *source, uint64_t page_idx, uint64_t most)
{
    if (!source->config.has_free_hints || source->guest->free.set_count == 0)
        return 0;
    return bitmap_run(&source->guest->free, page_idx, most);
}

static uint64_t used_pages(const struct source *source, uint64_t page_idx, uint64_t most)
{
    if (!source->config.has_free_hints || source->guest->free.set_count == 0)
        return most;
    uint64_t next_idx = bitmap_next(&source->guest->free, page_idx);
    return next_idx == BITMAP_NONE || next_idx - page_idx > most ? most : next_idx - page_idx;
}

uint64_t source_send_pages(struct source *source, uint64_t now_ns, uint64_t first_idx,
                           uint64_t count, enum why why, struct bytes *to)
{
    uint64_t most_bytes = chunk_bytes(source);
    uint64_t end_idx = first_idx + count, page_idx = first_idx, charge = 0;
    struct run run = {.why = why};

    while (page_idx < end_idx &&
           (page_idx == first_idx || charge + run.bytes + MESSAGE_PAGE_WIRE_BYTES <= most_bytes)) {
        uint64_t left = end_idx - page_idx;
        uint64_t free = free_pages(source, page_idx, left);
        if (free == 0 && source->encoder != NULL) {
            charge += add_encoded(source, now_ns, &run, page_idx++, to);
            continue;
        }
        charge += end_run(source, now_ns, &run, to);
        run = (struct run){.why = why, .first_idx = page_idx};
        if (free > 0) {
            run.form = PAGE_FORM_FREE;
            run.count = free;
            if (source->encoder != NULL)
                for (uint64_t i = 0; i < free; i++)
                    page_encode_zero(source->encoder, page_idx + i);
        } else {
            uint64_t room =
                charge < most_bytes ? (most_bytes - charge) / MESSAGE_PAGE_WIRE_BYTES : 0;
            uint64_t used = used_pages(source, page_idx, left);
            put_plain_run(source, &run, used < room ? used : room > 0 ? room : 1, to);
        }
        page_idx += run.count;
    }
    return charge + end_run(source, now_ns, &run, to);
}
