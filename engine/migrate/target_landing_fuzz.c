/* Rows of pages in order and out of it, some of them damaged, cut anywhere and read into place or
 * not: a page that is present is the one that was sent. Each byte of the input is something that
 * comes. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "migrate/memory_guest.h"
#include "migrate/target.h"

#define PAGES   48
#define SPANS   32
#define ROW_MAX 4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count);

static void put_row(struct bytes *to, uint64_t first_idx, uint64_t count, enum why why)
{
    static uint8_t pages[ROW_MAX][PAGE_BYTES];

    for (uint64_t i = 0; i < count; i++)
        memset(pages[i], (int)(first_idx + i) + 1, PAGE_BYTES);
    message_put_row_head(to, why, first_idx, pages[0], count);
    bytes_put(to, pages, count * PAGE_BYTES);
}

/* Mostly the next row; sometimes another one, a barrier, or damage to what came last. */
static void put(struct bytes *stream, uint8_t byte, uint64_t *next_idx)
{
    if (byte < 200) {
        uint64_t count = byte / 8 % ROW_MAX + 1;
        if (count > PAGES - *next_idx)
            count = PAGES - *next_idx;
        put_row(stream, *next_idx, count, byte == 0 ? WHY_FAULT : WHY_FIRST);
        *next_idx = (*next_idx + count) % PAGES;
    } else if (byte < 220) {
        *next_idx = (uint64_t)byte * 7 % PAGES;
    } else if (byte < 230) {
        message_put_number(stream, FRAME_BARRIER, byte);
    } else {
        size_t back = (size_t)(byte - 230) * 171 + 1;
        stream->data[stream->count - (back < stream->count ? back : stream->count)] ^= byte;
    }
}

static size_t read_into_place(struct target *target, uint64_t now_ns, const uint8_t *data,
                              size_t count)
{
    struct span spans[SPANS];
    size_t span_count = target_place(target, spans, SPANS), done = 0;

    for (size_t i = 0; i < span_count && done < count; i++) {
        size_t here = count - done < spans[i].count ? count - done : spans[i].count;
        memcpy(spans[i].data, data + done, here);
        done += here;
    }
    if (span_count > 0)
        target_placed(target, now_ns, done);
    return done;
}

static void check(const struct guest *guest)
{
    for (uint64_t i = 0; i < PAGES; i++)
        for (size_t at = 0; bitmap_has(&guest->present, i) && at < PAGE_BYTES; at += 64)
            if (memory_page(guest, i)[at] != (uint8_t)(i + 1))
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count)
{
    struct message_hello hello = {.version = MESSAGE_VERSION,
                                  .features = 1u << PAGE_FORM_PLAIN,
                                  .payload_bytes = PAGE_BYTES,
                                  .total_pages = PAGES,
                                  .kind = "memory"};
    struct event_list events = {0};
    struct bytes stream = {0};
    struct target target;
    uint64_t next_idx = 0;

    if (count < 3 || count > 1000)
        return 0;
    struct guest *guest = memory_open(PAGES, false);
    target_init(&target, guest, &events);
    message_put_hello(&stream, &hello);
    for (size_t i = 2; i < count; i++)
        put(&stream, data[i], &next_idx);
    size_t piece = (size_t)data[0] * data[0] + 1;
    for (size_t at = 0, turn = 0; at < stream.count; turn++) {
        size_t most = stream.count - at < piece ? stream.count - at : piece;
        bool is_buffered = data[1] > 0 && turn % data[1] == 1; /* now and then, in between */
        size_t done = is_buffered ? 0 : read_into_place(&target, turn, stream.data + at, most);
        if (done == 0) {
            target_receive(&target, turn, stream.data + at, most);
            done = most;
        }
        at += done;
    }
    check(guest);
    target_fini(&target);
    event_list_fini(&events);
    bytes_fini(&stream);
    guest->ops->close(guest);
    return 0;
}
