#include "wire/page_codec.h"

#include <stdlib.h>
#include <string.h>

#include <lz4.h>
#include <zstd.h>

#include "base/digest.h"
#include "wire/delta_cache.h"
#include "wire/message_pages.h"

/* The fastest: a page is small, and higher levels find little more in it. */
#define ZSTD_LEVEL       1
#define LZ4_ACCELERATION 1

#define FS_PER_NS        1000000ull
#define FS_PER_S         1000000000000000ull

/* A form that does not pay is tried less often. */
struct patience {
    uint32_t skip;   /* pages left for which it is not tried */
    uint32_t length; /* of the last pause */
};

struct page_encoder {
    struct page_encoder_config config;
    uint32_t forms;
    uint64_t fs_per_byte; /* on the link */
    struct delta_cache cache;
    struct bitmap zeros; /* pages of which the other end has zeros: copies that take no place */
    void *lz4_state;
    ZSTD_CCtx *zstd;
    struct patience patience[PAGE_FORM_COUNT];
    struct page_encoder_counts counts;
    /* What is tried, and the best so far. */
    uint8_t buffers[2][PAGE_CODEC_MOST_BYTES];
};

uint64_t page_form_cost_ns(enum page_form form)
{
    static const uint16_t costs[PAGE_FORM_COUNT] = {
        [PAGE_FORM_PLAIN] = 0,  [PAGE_FORM_ZERO] = 100,   [PAGE_FORM_DELTA] = 1000,
        [PAGE_FORM_LZ4] = 9000, [PAGE_FORM_ZSTD] = 27000,
    };
    return costs[form];
}

uint32_t page_forms_of(enum compress compress)
{
    uint32_t plain = 1u << PAGE_FORM_PLAIN, zero = 1u << PAGE_FORM_ZERO;
    uint32_t delta = 1u << PAGE_FORM_DELTA;
    uint32_t lz4 = 1u << PAGE_FORM_LZ4, zstd = 1u << PAGE_FORM_ZSTD;

    switch (compress) {
    case COMPRESS_NONE:
        return plain;
    case COMPRESS_ZERO:
        return plain | zero;
    case COMPRESS_DELTA:
        return plain | zero | delta;
    case COMPRESS_LZ4:
        return plain | zero | lz4;
    case COMPRESS_ZSTD:
        return plain | zero | zstd;
    case COMPRESS_AUTO:
        return plain | zero | delta | lz4 | zstd;
    }
    return plain;
}

static bool may_use(const struct page_encoder *encoder, enum page_form form)
{
    return encoder->forms >> form & 1;
}

struct page_encoder *page_encoder_open(const struct page_encoder_config *config)
{
    struct page_encoder *encoder = calloc(1, sizeof *encoder);
    MUST(encoder != NULL && config->bandwidth_bits_per_s > 0);
    encoder->config = *config;
    encoder->forms = page_forms_of(config->compress);
    encoder->fs_per_byte = FS_PER_S * 8 / config->bandwidth_bits_per_s;
    if (may_use(encoder, PAGE_FORM_DELTA)) {
        uint64_t all_bytes = config->total_pages * PAGE_CODEC_BYTES;
        delta_cache_init(&encoder->cache, config->delta_cache_bytes < all_bytes
                                              ? config->delta_cache_bytes
                                              : all_bytes);
        bitmap_init(&encoder->zeros, config->total_pages);
    }
    if (may_use(encoder, PAGE_FORM_LZ4)) {
        encoder->lz4_state = malloc((size_t)LZ4_sizeofState());
        MUST(encoder->lz4_state != NULL);
    }
    if (may_use(encoder, PAGE_FORM_ZSTD)) {
        encoder->zstd = ZSTD_createCCtx();
        MUST(encoder->zstd != NULL);
        MUST(!ZSTD_isError(
            ZSTD_CCtx_setParameter(encoder->zstd, ZSTD_c_compressionLevel, ZSTD_LEVEL)));
    }
    return encoder;
}

void page_encoder_close(struct page_encoder *encoder)
{
    if (encoder == NULL)
        return;
    delta_cache_fini(&encoder->cache);
    bitmap_fini(&encoder->zeros);
    free(encoder->lz4_state);
    ZSTD_freeCCtx(encoder->zstd);
    free(encoder);
}

void page_encoder_begin_sweep(struct page_encoder *encoder)
{
    delta_cache_begin_sweep(&encoder->cache);
}

const struct page_encoder_counts *page_encoder_counts(const struct page_encoder *encoder)
{
    return &encoder->counts;
}

bool page_is_zero(const uint8_t page[PAGE_CODEC_BYTES])
{
    static const uint8_t nothing[8];
    return memcmp(page, nothing, 8) == 0 && memcmp(page, page + 8, PAGE_CODEC_BYTES - 8) == 0;
}

/* ---- One form ---- */

/* Encodes the page into `to`, at most PAGE_CODEC_MOST_BYTES; 0 bytes are a result too (a delta of
 * nothing), SIZE_MAX is none. */
static size_t encode_as(struct page_encoder *encoder, enum page_form form, const uint8_t *base,
                        const uint8_t *page, uint8_t *to)
{
    encoder->counts.cost_ns += page_form_cost_ns(form);
    if (form == PAGE_FORM_DELTA)
        return page_delta_encode(base, page, to, PAGE_CODEC_MOST_BYTES);
    if (form == PAGE_FORM_LZ4) {
        int bytes =
            LZ4_compress_fast_extState(encoder->lz4_state, (const char *)page, (char *)to,
                                       PAGE_CODEC_BYTES, PAGE_CODEC_MOST_BYTES, LZ4_ACCELERATION);
        return bytes > 0 ? (size_t)bytes : SIZE_MAX;
    }
    size_t bytes = ZSTD_compress2(encoder->zstd, to, PAGE_CODEC_MOST_BYTES, page, PAGE_CODEC_BYTES);
    return ZSTD_isError(bytes) ? SIZE_MAX : bytes;
}

/* ---- The choice ---- */

static uint64_t cost_fs(const struct page_encoder *encoder, enum page_form form, size_t bytes)
{
    size_t wire_bytes = form == PAGE_FORM_PLAIN
                            ? MESSAGE_PAGE_WIRE_BYTES
                            : MESSAGE_ENCODED_RUN_BYTES + MESSAGE_ENCODED_PAGE_BYTES + bytes;
    return wire_bytes * encoder->fs_per_byte + page_form_cost_ns(form) * FS_PER_NS;
}

/* Whether to try the form now: not while its pause lasts, and not where it could not pay even if
 * nothing were left of the page. */
static bool is_worth_a_try(struct page_encoder *encoder, enum page_form form, uint64_t best_fs)
{
    struct patience *patience = &encoder->patience[form];

    if (encoder->config.compress != COMPRESS_AUTO)
        return true;
    if (cost_fs(encoder, form, 0) >= best_fs)
        return false;
    if (patience->skip > 0 && form != PAGE_FORM_DELTA) {
        patience->skip--;
        return false;
    }
    return true;
}

static void note_try(struct page_encoder *encoder, enum page_form form, bool has_paid)
{
    struct patience *patience = &encoder->patience[form];
    uint32_t longer = patience->length * 2 + 1;

    patience->length = has_paid ? 0 : longer < PAGE_CODEC_SKIP_MAX ? longer : PAGE_CODEC_SKIP_MAX;
    patience->skip = patience->length;
}

/* The forms in the order of their cost; each is compared with the best of those before it. A fixed
 * form is taken wherever it is smaller than the page. */
static struct page_encoded best_of(struct page_encoder *encoder, const uint8_t *base,
                                   const uint8_t *page)
{
    static const enum page_form forms[] = {PAGE_FORM_DELTA, PAGE_FORM_LZ4, PAGE_FORM_ZSTD};
    struct page_encoded best = {PAGE_FORM_PLAIN, page, PAGE_CODEC_BYTES, 0};
    uint64_t best_fs = cost_fs(encoder, PAGE_FORM_PLAIN, PAGE_CODEC_BYTES);
    bool is_weighed = encoder->config.compress == COMPRESS_AUTO;

    for (unsigned i = 0; i < sizeof forms / sizeof *forms; i++) {
        enum page_form form = forms[i];
        if (!may_use(encoder, form) || (form == PAGE_FORM_DELTA && base == NULL) ||
            !is_worth_a_try(encoder, form, best_fs))
            continue;
        uint8_t *to = best.data == encoder->buffers[0] ? encoder->buffers[1] : encoder->buffers[0];
        size_t bytes = encode_as(encoder, form, base, page, to);
        bool has_paid =
            bytes != SIZE_MAX && (!is_weighed || cost_fs(encoder, form, bytes) < best_fs);
        note_try(encoder, form, has_paid);
        if (!has_paid)
            continue;
        best = (struct page_encoded){form, to, (uint32_t)bytes, 0};
        best_fs = cost_fs(encoder, form, bytes);
    }
    return best;
}

/* The copy of a page that the other end has; NULL when it is not known here. */
static const uint8_t *find_base(struct page_encoder *encoder, uint64_t page_idx)
{
    static const uint8_t nothing[PAGE_CODEC_BYTES];

    if (bitmap_has(&encoder->zeros, page_idx))
        return nothing;
    return delta_cache_find(&encoder->cache, page_idx);
}

static void forget_base(struct page_encoder *encoder, uint64_t page_idx)
{
    delta_cache_forget(&encoder->cache, page_idx);
    bitmap_clear(&encoder->zeros, page_idx);
}

/* The page was sent: this is what the other end has of it from now on. */
static void keep_base(struct page_encoder *encoder, uint64_t page_idx, const uint8_t *page,
                      bool is_again)
{
    uint8_t *copy = delta_cache_find(&encoder->cache, page_idx);

    bitmap_clear(&encoder->zeros, page_idx);
    if (copy == NULL)
        copy = delta_cache_add(&encoder->cache, page_idx, is_again);
    if (copy != NULL)
        memcpy(copy, page, PAGE_CODEC_BYTES);
}

struct page_encoded page_encode_zero(struct page_encoder *encoder, uint64_t page_idx)
{
    if (may_use(encoder, PAGE_FORM_DELTA)) {
        forget_base(encoder, page_idx);
        bitmap_set(&encoder->zeros, page_idx);
    }
    return (struct page_encoded){.form = PAGE_FORM_ZERO};
}

struct page_encoded page_encode(struct page_encoder *encoder, uint64_t page_idx,
                                const uint8_t page[PAGE_CODEC_BYTES], bool is_again,
                                bool is_base_kept)
{
    struct page_encoder_counts *counts = &encoder->counts;
    bool may_delta = may_use(encoder, PAGE_FORM_DELTA), has_deltas = may_delta && is_base_kept;
    const uint8_t *base = NULL;

    if (may_use(encoder, PAGE_FORM_ZERO)) {
        counts->cost_ns += page_form_cost_ns(PAGE_FORM_ZERO);
        if (page_is_zero(page))
            return page_encode_zero(encoder, page_idx);
    }
    if (has_deltas && is_again)
        base = find_base(encoder, page_idx);
    struct page_encoded best = best_of(encoder, base, page);
    if (best.form != PAGE_FORM_PLAIN)
        best.digest = digest_of(page, PAGE_CODEC_BYTES);
    if (has_deltas && is_again) {
        counts->delta_hits += best.form == PAGE_FORM_DELTA;
        counts->delta_overflows += base != NULL && best.form != PAGE_FORM_DELTA;
        counts->delta_misses += base == NULL;
    }
    if (has_deltas)
        keep_base(encoder, page_idx, page, is_again);
    else if (may_delta)
        forget_base(encoder, page_idx);
    return best;
}

/* ---- Back ---- */

struct page_decoder {
    ZSTD_DCtx *zstd;
};

struct page_decoder *page_decoder_open(void)
{
    struct page_decoder *decoder = calloc(1, sizeof *decoder);
    MUST(decoder != NULL);
    decoder->zstd = ZSTD_createDCtx();
    MUST(decoder->zstd != NULL);
    return decoder;
}

void page_decoder_close(struct page_decoder *decoder)
{
    if (decoder == NULL)
        return;
    ZSTD_freeDCtx(decoder->zstd);
    free(decoder);
}

static enum status decode_as(struct page_decoder *decoder, const struct page_encoded *encoded,
                             const uint8_t *base, uint8_t *page)
{
    switch (encoded->form) {
    case PAGE_FORM_DELTA:
        if (base == NULL)
            return STATUS_BAD_STREAM;
        return page_delta_decode(base, encoded->data, encoded->bytes, page);
    case PAGE_FORM_LZ4:
        return LZ4_decompress_safe((const char *)encoded->data, (char *)page, (int)encoded->bytes,
                                   PAGE_CODEC_BYTES) == PAGE_CODEC_BYTES
                   ? STATUS_OK
                   : STATUS_BAD_STREAM;
    case PAGE_FORM_ZSTD:
        return ZSTD_decompressDCtx(decoder->zstd, page, PAGE_CODEC_BYTES, encoded->data,
                                   encoded->bytes) == PAGE_CODEC_BYTES
                   ? STATUS_OK
                   : STATUS_BAD_STREAM;
    default:
        return STATUS_BAD_STREAM;
    }
}

enum status page_decode(struct page_decoder *decoder, const struct page_encoded *encoded,
                        const uint8_t *base, uint8_t page[PAGE_CODEC_BYTES])
{
    if (encoded->bytes > PAGE_CODEC_MOST_BYTES ||
        decode_as(decoder, encoded, base, page) != STATUS_OK ||
        digest_of(page, PAGE_CODEC_BYTES) != encoded->digest)
        return STATUS_BAD_STREAM;
    return STATUS_OK;
}
