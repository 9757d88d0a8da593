/* Pages onto the link: as a strategy sends them, and as the target asks for them. */
#include "migrate/source_private.h"

#include <string.h>

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
uint64_t source_send_pages(struct source *source, uint64_t now_ns, uint64_t first_idx,
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
    if (!source_is_after_pause(source)) {
        source->current.pages_sent += count;
        source->current.bytes_sent += bytes;
    }
    source_emit(
        source,
        (struct event){
            .at_ns = now_ns,
            .kind = EVENT_PAGES_SENT,
            .pages_sent = {.first_idx = first_idx, .count = count, .why = why, .bytes = bytes}});
    return bytes;
}

/* Page requests come before whatever a strategy would like: a hart is waiting. */
uint64_t source_answer_request(struct source *source, uint64_t now_ns, struct bytes *to)
{
    while (source->request_count > 0) {
        uint64_t page_idx = source->requests[0];
        source->request_count--;
        memmove(&source->requests[0], &source->requests[1],
                source->request_count * sizeof source->requests[0]);
        if (bitmap_has(&source->to_send, page_idx)) /* else it is on its way already */
            return source_send_pages(source, now_ns, page_idx, 1, WHY_FAULT, to);
    }
    return 0;
}

void source_receive_request(struct source *source, const struct frame *frame)
{
    uint64_t page_idx;
    if (message_get_number(frame, &page_idx) != STATUS_OK ||
        page_idx >= source->guest->total_pages || source->request_count == SOURCE_REQUESTS_MAX)
        return; /* no guest has that many harts or pages: nobody waits for it */
    source->requests[source->request_count++] = page_idx;
}
