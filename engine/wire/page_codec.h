/* page_codec: in which form a page's contents travel, and back.
 *
 *   form    travels as                                          is chosen where
 *   plain   the page                                            nothing else is smaller
 *   zero    nothing                                             all its bytes are zero
 *   delta   what has changed since it was sent (page_delta.h)   the copy sent before is cached here,
 *                                                               or was all zeros
 *   lz4     one LZ4 block
 *   zstd    one zstd frame
 *   free    nothing: the guest gave it away, it reads as zeros  the guest says so (guest.h)
 *
 * A page in a form other than plain travels with the digest of its contents, so that a delta that
 * was applied to another copy than it was made of is found, and so is a library that is wrong.
 *
 * By COMPRESS_AUTO each page takes the form that is smallest for its cost: the time of its bytes on
 * the link and the time that encoding takes a processor, together. What encoding takes are
 * constants (page_form_cost_ns), not the clock of this computer: the same pages take the same forms
 * everywhere. A form that did not pay is left untried for a while, and for twice as long when it
 * then does not pay again, for trying has its price too.
 *
 * Contexts of the libraries belong to whoever opened the encoder or decoder; there are no others.
 */
#ifndef WIRE_PAGE_CODEC_H
#define WIRE_PAGE_CODEC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bitmap.h"
#include "base/event.h"
#include "base/status.h"
#include "wire/page_delta.h"

#define PAGE_CODEC_BYTES DELTA_PAGE_BYTES
/* Of an encoded page's data: with its digest and framing it is then smaller than plain, even if it
 * travels alone. */
#define PAGE_CODEC_MOST_BYTES (PAGE_CODEC_BYTES - 11)
/* A form that never pays is tried for one page in so many. */
#define PAGE_CODEC_SKIP_MAX 63

enum compress {
    COMPRESS_NONE,
    COMPRESS_ZERO,  /* this and all that follow: zero pages as such */
    COMPRESS_DELTA, /* and delta where it is smaller */
    COMPRESS_LZ4,
    COMPRESS_ZSTD,
    COMPRESS_AUTO
};

struct page_encoder_config {
    enum compress compress;
    uint64_t delta_cache_bytes;
    uint64_t bandwidth_bits_per_s; /* of the link, for COMPRESS_AUTO */
    uint64_t total_pages;          /* of the guest, for deltas against pages sent as zeros */
};

/* Since the encoder was opened. */
struct page_encoder_counts {
    uint64_t delta_hits;      /* pages sent again whose copy was known and whose delta travelled */
    uint64_t delta_misses;    /* whose copy was not known any more */
    uint64_t delta_overflows; /* whose copy was known, and whose delta was too large to pay */
    uint64_t cost_ns;         /* by the constants below; of what was tried, not of what was sent */
};

struct page_encoded {
    enum page_form form;
    const uint8_t *data; /* borrowed until the next page; NULL of zero */
    uint32_t bytes;
    uint64_t digest; /* of the page's contents; not computed for plain and zero */
};

/* Nanoseconds to encode a page: medians of `make bench` on one core of a Zen 4, rounded. */
uint64_t page_form_cost_ns(enum page_form form);

#define PAGE_FORMS_ALL ((1u << PAGE_FORM_COUNT) - 1)
/* The forms that may come of it, as a set of bits: bit i is form i. */
uint32_t page_forms_of(enum compress compress);

struct page_encoder *page_encoder_open(const struct page_encoder_config *config);
void page_encoder_close(struct page_encoder *encoder); /* NULL: nothing */

/* A new round, or once more around: see delta_cache.h. */
void page_encoder_begin_sweep(struct page_encoder *encoder);
/* Chooses the form of a page. is_again: it was sent before. is_base_kept: and the other end still
 * has what was sent; the guest does not run there yet. */
struct page_encoded page_encode(struct page_encoder *encoder, uint64_t page_idx,
                                const uint8_t page[PAGE_CODEC_BYTES], bool is_again,
                                bool is_base_kept);
/* The same for a page that is known to be all zeros, or is free: the other end will read zeros. */
struct page_encoded page_encode_zero(struct page_encoder *encoder, uint64_t page_idx);
const struct page_encoder_counts *page_encoder_counts(const struct page_encoder *encoder);

struct page_decoder *page_decoder_open(void);
void page_decoder_close(struct page_decoder *decoder); /* NULL: nothing */

/* Makes the page of form delta, lz4 or zstd; base: the page as it is here, NULL when it is not.
 * STATUS_BAD_STREAM when the bytes are none of that form, or make another page than the digest
 * says; `page` is then of no use. */
MUST_USE enum status page_decode(struct page_decoder *decoder, const struct page_encoded *encoded,
                                 const uint8_t *base, uint8_t page[PAGE_CODEC_BYTES]);

bool page_is_zero(const uint8_t page[PAGE_CODEC_BYTES]);

#endif
