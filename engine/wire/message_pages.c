#include "wire/message_pages.h"

_Static_assert(PAGE_CODEC_BYTES == FRAME_PAGE_BYTES,
               "a checksum looks at whole pages where rows have them");

#define NOTE_FORM_SHIFT 4
#define NOTE_WHY_MASK   0xf

size_t message_begin_pages(struct bytes *to, enum page_form form, enum why why)
{
    return frame_begin(to, FRAME_PAGES, (uint8_t)((unsigned)form << NOTE_FORM_SHIFT | why));
}

void message_put_plain(struct bytes *to, uint64_t page_idx, const uint8_t *payload,
                       uint32_t payload_bytes)
{
    bytes_put_u64(to, page_idx);
    bytes_put(to, payload, payload_bytes);
}

uint8_t *message_place_plain(struct bytes *to, uint64_t page_idx)
{
    bytes_put_u64(to, page_idx);
    return bytes_extend(to, PAGE_CODEC_BYTES);
}

void message_put_row_head(struct bytes *to, enum why why, uint64_t first_idx, const uint8_t *pages,
                          uint64_t count)
{
    size_t begin =
        frame_begin(to, FRAME_ROW, (uint8_t)((unsigned)PAGE_FORM_PLAIN << NOTE_FORM_SHIFT | why));
    bytes_put_u64(to, first_idx);
    frame_end_with(to, begin, pages, count * PAGE_CODEC_BYTES);
}

void message_put_run(struct bytes *to, uint64_t first_idx, uint64_t count)
{
    bytes_put_u64(to, first_idx);
    bytes_put_u64(to, count);
}

void message_put_encoded(struct bytes *to, const struct page_encoded *encoded)
{
    bytes_put_u64(to, encoded->digest);
    bytes_put_u16(to, (uint16_t)encoded->bytes);
    if (encoded->bytes > 0)
        bytes_put(to, encoded->data, encoded->bytes);
}

static bool is_run(enum page_form form)
{
    return form == PAGE_FORM_ZERO || form == PAGE_FORM_FREE;
}

bool message_next_piece(struct message_pages *pages, struct message_piece *piece)
{
    struct bytes_reader *reader = &pages->reader;

    if (bytes_left(reader) == 0 || reader->has_failed)
        return false;
    *piece = (struct message_piece){.count = 1, .encoded = {.form = pages->form}};
    if (pages->form == PAGE_FORM_PLAIN) {
        piece->first_idx = pages->is_row ? pages->next_idx++ : bytes_get_u64(reader);
        piece->payload = bytes_get(reader, pages->payload_bytes);
    } else if (is_run(pages->form)) {
        piece->first_idx = bytes_get_u64(reader);
        piece->count = bytes_get_u64(reader);
    } else {
        piece->first_idx = pages->next_idx++;
        piece->encoded.digest = bytes_get_u64(reader);
        piece->encoded.bytes = bytes_get_u16(reader);
        piece->encoded.data = bytes_get(reader, piece->encoded.bytes);
    }
    return !reader->has_failed;
}

/* Whether the piece can be one of a guest with so many pages. */
static bool is_possible(const struct message_pages *pages, const struct message_piece *piece,
                        uint64_t total_pages)
{
    bool is_encoded = pages->form != PAGE_FORM_PLAIN && !is_run(pages->form);

    return piece->first_idx < total_pages && piece->count > 0 &&
           piece->count <= total_pages - piece->first_idx &&
           (!is_encoded || piece->encoded.bytes <= PAGE_CODEC_MOST_BYTES);
}

enum status message_get_pages(const struct frame *frame, uint32_t payload_bytes,
                              uint64_t total_pages, struct message_pages *pages)
{
    unsigned form = frame->note >> NOTE_FORM_SHIFT, why = frame->note & NOTE_WHY_MASK;
    struct message_piece piece;

    *pages =
        (struct message_pages){.payload_bytes = payload_bytes, .is_row = frame->type == FRAME_ROW};
    if (form >= PAGE_FORM_COUNT || why >= WHY_COUNT)
        return STATUS_BAD_STREAM;
    if (pages->is_row && (form != PAGE_FORM_PLAIN || payload_bytes != PAGE_CODEC_BYTES))
        return STATUS_BAD_STREAM;
    pages->form = (enum page_form)form;
    pages->why = (enum why)why;
    bytes_reader_init(&pages->reader, frame->payload, frame->payload_bytes);
    if (pages->is_row || (pages->form != PAGE_FORM_PLAIN && !is_run(pages->form)))
        pages->next_idx = bytes_get_u64(&pages->reader);
    struct message_pages first = *pages;
    if (bytes_left(&pages->reader) == 0)
        return STATUS_BAD_STREAM;
    while (message_next_piece(pages, &piece))
        if (!is_possible(pages, &piece, total_pages))
            return STATUS_BAD_STREAM;
    if (pages->reader.has_failed)
        return STATUS_BAD_STREAM;
    *pages = first;
    return STATUS_OK;
}

static bool may_be_row(const uint8_t *head, size_t bytes, uint64_t first_idx, uint64_t count,
                       enum why *why)
{
    struct frame frame;
    struct bytes_reader reader;

    if (frame_decode_header(head, &frame) != STATUS_OK || frame.type != FRAME_ROW ||
        frame.note >> NOTE_FORM_SHIFT != PAGE_FORM_PLAIN ||
        (frame.note & NOTE_WHY_MASK) >= WHY_COUNT ||
        frame.payload_bytes != 8 + count * PAGE_CODEC_BYTES)
        return false;
    *why = (enum why)(frame.note & NOTE_WHY_MASK);
    bytes_reader_init(&reader, head + FRAME_HEADER_BYTES, 8);
    return bytes < MESSAGE_ROW_HEAD_BYTES || bytes_get_u64(&reader) == first_idx;
}

bool message_may_be_row(const uint8_t *head, size_t bytes, uint64_t first_idx, uint64_t count)
{
    enum why why;
    return may_be_row(head, bytes, first_idx, count, &why);
}

bool message_is_row(const uint8_t *head, const uint8_t *pages, uint64_t first_idx, uint64_t count,
                    enum why *why)
{
    return may_be_row(head, MESSAGE_ROW_HEAD_BYTES, first_idx, count, why) &&
           frame_is_whole(head, MESSAGE_ROW_HEAD_BYTES, pages, count * PAGE_CODEC_BYTES);
}
