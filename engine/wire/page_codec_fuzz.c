/* Any bytes as what is said of pages: as a frame's payload behind a checksum that is right, each
 * encoded page in it decoded against a page that is there; and any page encoded in every form,
 * which must come back. The first byte chooses the frame's note, the second what is encoded. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/digest.h"
#include "wire/message_pages.h"
#include "wire/pages_to_encode.h"

#define PAGES 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count);

/* The digest is another's in nearly all inputs; so each is tried with the right one too, as a
 * hostile peer would send it: the page it makes is whatever the bytes say, and only a page. */
static void decode(struct page_decoder *decoder, struct page_encoded encoded, const uint8_t *base)
{
    struct {
        uint8_t page[PAGE_CODEC_BYTES], guard[64];
    } made;
    memset(&made, 0xaa, sizeof made);
    if (page_decode(decoder, &encoded, base, made.page) != STATUS_OK) {
        encoded.digest = digest_of(made.page, PAGE_CODEC_BYTES);
        enum status status = page_decode(decoder, &encoded, base, made.page);
        (void)status;
    }
    for (size_t i = 0; i < sizeof made.guard; i++)
        MUST(made.guard[i] == 0xaa);
}

static void read_frame(struct page_decoder *decoder, const uint8_t *data, size_t count)
{
    struct frame frame = {FRAME_PAGES, data[0], data + 1, (uint32_t)(count - 1)};
    struct message_pages pages;
    struct message_piece piece;
    uint8_t base[PAGE_CODEC_BYTES];

    make_page(KIND_TEXT, data[0], base);
    if (message_get_pages(&frame, data[0] & 0x80 ? 8 : PAGE_CODEC_BYTES, PAGES, &pages) !=
        STATUS_OK)
        return;
    while (message_next_piece(&pages, &piece)) {
        MUST(piece.first_idx + piece.count <= PAGES);
        if (piece.encoded.data != NULL)
            decode(decoder, piece.encoded, piece.first_idx % 2 == 0 ? base : NULL);
    }
}

/* The input laid over a page of some kind, sent twice with a change between. */
static void encode_and_decode(struct page_decoder *decoder, const uint8_t *data, size_t count)
{
    struct page_encoder_config config = {.compress = (enum compress)(data[1] % (COMPRESS_AUTO + 1)),
                                         .delta_cache_bytes = PAGE_CODEC_BYTES,
                                         .bandwidth_bits_per_s =
                                             1 + (uint64_t)data[1] * data[1] * 100000,
                                         .total_pages = PAGES};
    struct page_encoder *encoder = page_encoder_open(&config);
    uint8_t page[PAGE_CODEC_BYTES], base[PAGE_CODEC_BYTES], made[PAGE_CODEC_BYTES];

    make_page((enum page_kind)(data[0] % KIND_COUNT), data[1], page);
    for (unsigned time = 0; time < 2; time++) {
        size_t half = count / 2, at = time * half;
        memcpy(page + data[0], data + at, half < 2048 ? half : 2048);
        struct page_encoded encoded = page_encode(encoder, 5, page, time > 0, true);
        if (encoded.form == PAGE_FORM_ZERO) {
            MUST(page_is_zero(page));
        } else if (encoded.form != PAGE_FORM_PLAIN) {
            MUST(encoded.bytes <= PAGE_CODEC_MOST_BYTES);
            MUST(page_decode(decoder, &encoded, base, made) == STATUS_OK);
            MUST(memcmp(made, page, sizeof page) == 0);
        }
        memcpy(base, page, sizeof base);
    }
    page_encoder_close(encoder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count)
{
    if (count < 2 || count > FRAME_PAYLOAD_MAX)
        return 0;
    struct page_decoder *decoder = page_decoder_open();
    read_frame(decoder, data, count);
    encode_and_decode(decoder, data, count);
    page_decoder_close(decoder);
    return 0;
}
