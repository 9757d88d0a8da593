/* Pages that the target asks for. */
#include "migrate/source_private.h"

#include <string.h>

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

void source_receive_request(struct source *source, uint64_t now_ns, const struct frame *frame)
{
    uint64_t page_idx;
    if (message_get_number(frame, &page_idx) != STATUS_OK || page_idx >= source->guest->total_pages)
        return; /* no guest has that many pages: nobody waits for it */
    if (frame->note == MESSAGE_AGAIN) {
        bitmap_set(&source->to_send, page_idx);
        pre_paging_again(&source->pre_paging, page_idx);
        source_give_up_forms(source, now_ns);
    }
    if (source->request_count == SOURCE_REQUESTS_MAX)
        return; /* no hart waits for it, there are not so many: the push brings it */
    source->requests[source->request_count++] = page_idx;
    pre_paging_faulted(&source->pre_paging, page_idx);
}
