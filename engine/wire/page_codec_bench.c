/* What pages cost to put into frames and to take out again, checksums and digests included: each
 * form on each kind of page, beside copying the same pages with memcpy, measured in turn with it;
 * medians. The nanoseconds of encoding are what page_form_cost_ns (page_codec.h) says, rounded. */
#include <stdio.h>
#include <stdlib.h>

#include "base/bench.h"
#include "wire/message_pages.h"
#include "wire/pages_to_encode.h"

#define PAGES  2048 /* 8 MiB: more than a cache near the processor holds */
#define ROUNDS 15

static uint8_t before[PAGES][PAGE_CODEC_BYTES], pages[PAGES][PAGE_CODEC_BYTES];
static uint8_t copies[PAGES][PAGE_CODEC_BYTES];

static double median(double *times)
{
    qsort(times, ROUNDS, sizeof *times, bench_by_size);
    return times[ROUNDS / 2];
}

static double copy_all(void)
{
    double begin = bench_seconds();
    for (unsigned i = 0; i < PAGES; i++)
        memcpy(copies[i], pages[i], PAGE_CODEC_BYTES);
    return bench_seconds() - begin;
}

/* A page, alone in a frame. */
static void put(struct bytes *to, uint64_t page_idx, const struct page_encoded *encoded)
{
    size_t begin = message_begin_pages(to, encoded->form, WHY_FIRST);
    if (encoded->form == PAGE_FORM_PLAIN) {
        message_put_plain(to, page_idx, encoded->data, PAGE_CODEC_BYTES);
    } else if (encoded->form == PAGE_FORM_ZERO) {
        message_put_run(to, page_idx, 1);
    } else {
        bytes_put_u64(to, page_idx);
        message_put_encoded(to, encoded);
    }
    frame_end(to, begin);
}

/* Of deltas, those of the pages as they are now against those before. */
static double encode_all(enum compress compress, struct bytes *stream)
{
    struct page_encoder_config config = {.compress = compress,
                                         .delta_cache_bytes = 2 * sizeof pages,
                                         .bandwidth_bits_per_s = 1000000000,
                                         .total_pages = PAGES};
    struct page_encoder *encoder = page_encoder_open(&config);
    bool is_again = compress == COMPRESS_DELTA;

    for (unsigned i = 0; is_again && i < PAGES; i++)
        page_encode(encoder, i, before[i], false, true);
    bytes_clear(stream);
    double begin = bench_seconds();
    for (unsigned i = 0; i < PAGES; i++) {
        struct page_encoded encoded = page_encode(encoder, i, pages[i], is_again, true);
        put(stream, i, &encoded);
    }
    double seconds = bench_seconds() - begin;
    page_encoder_close(encoder);
    return seconds;
}

static void decode_page(struct page_decoder *decoder, const struct frame *frame)
{
    struct message_pages in_frame;
    struct message_piece piece;

    if (message_get_pages(frame, PAGE_CODEC_BYTES, PAGES, &in_frame) != STATUS_OK ||
        !message_next_piece(&in_frame, &piece))
        abort();
    uint8_t *to = copies[piece.first_idx];
    if (in_frame.form == PAGE_FORM_PLAIN)
        memcpy(to, piece.payload, PAGE_CODEC_BYTES);
    else if (in_frame.form == PAGE_FORM_ZERO)
        memset(to, 0, PAGE_CODEC_BYTES);
    else if (page_decode(decoder, &piece.encoded, before[piece.first_idx], to) != STATUS_OK)
        abort();
}

static double decode_all(struct page_decoder *decoder, const struct bytes *stream)
{
    double begin = bench_seconds();
    for (size_t at = 0, consumed = 0; at < stream->count; at += consumed) {
        struct frame frame;
        if (frame_decode(stream->data + at, stream->count - at, &frame, &consumed) != STATUS_OK)
            abort();
        decode_page(decoder, &frame);
    }
    double seconds = bench_seconds() - begin;
    if (memcmp(copies, pages, sizeof pages) != 0)
        abort();
    return seconds;
}

static void fill(enum page_kind kind, unsigned changes)
{
    for (unsigned i = 0; i < PAGES; i++) {
        make_page(kind, i, before[i]);
        memcpy(pages[i], before[i], PAGE_CODEC_BYTES);
        change_page(i, changes, pages[i]);
    }
}

static void measure(const char *what, enum page_kind kind, unsigned changes, enum compress compress)
{
    static double copying[ROUNDS], encoding[ROUNDS], decoding[ROUNDS];
    struct page_decoder *decoder = page_decoder_open();
    struct bytes stream = {0};

    fill(kind, changes);
    encode_all(compress, &stream); /* the stream has its memory then */
    for (unsigned round = 0; round < ROUNDS; round++) {
        copying[round] = copy_all();
        encoding[round] = encode_all(compress, &stream);
        decoding[round] = decode_all(decoder, &stream);
    }
    double copy = median(copying), encode = median(encoding), decode = median(decoding);
    printf("%-26s %5.0f bytes   encode %6.0f ns, memcpy's rate x %.3f   "
           "decode %6.0f ns, x %.3f\n",
           what, (double)stream.count / PAGES, encode / PAGES * 1e9, copy / encode,
           decode / PAGES * 1e9, copy / decode);
    bytes_fini(&stream);
    page_decoder_close(decoder);
}

int main(void)
{
    printf("pages of 4096 bytes into frames and back, medians of %d\n", ROUNDS);
    measure("plain", KIND_RANDOM, 0, COMPRESS_NONE);
    measure("zero", KIND_ZEROS, 0, COMPRESS_ZERO);
    measure("zero, of none that are", KIND_RANDOM, 0, COMPRESS_ZERO);
    measure("delta, 4 words changed", KIND_RANDOM, 4, COMPRESS_DELTA);
    measure("delta, 64 words changed", KIND_RANDOM, 64, COMPRESS_DELTA);
    for (int kind = KIND_TEXT; kind < KIND_COUNT; kind++)
        for (int compress = COMPRESS_LZ4; compress <= COMPRESS_ZSTD; compress++) {
            char what[40];
            snprintf(what, sizeof what, "%s, %s", compress == COMPRESS_LZ4 ? "lz4" : "zstd",
                     page_kind_name((enum page_kind)kind));
            measure(what, (enum page_kind)kind, 0, (enum compress)compress);
        }
    return 0;
}
