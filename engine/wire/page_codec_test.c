/* The codec by example: which form a page takes, that it comes back, and that nothing else does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/digest.h"
#include "wire/message_pages.h"
#include "wire/pages_to_encode.h"

#define MBIT 1000000ull

static struct page_encoder *encoder_of(enum compress compress, uint64_t bandwidth)
{
    struct page_encoder_config config = {.compress = compress,
                                         .delta_cache_bytes = 64 * PAGE_CODEC_BYTES,
                                         .bandwidth_bits_per_s = bandwidth,
                                         .total_pages = 100000};
    return page_encoder_open(&config);
}

/* The other end: makes of what was sent the page again, from the copy it has. */
static void assert_comes_back(struct page_decoder *decoder, const struct page_encoded *encoded,
                              const uint8_t *base, const uint8_t *page)
{
    uint8_t made[PAGE_CODEC_BYTES];
    if (encoded->form == PAGE_FORM_PLAIN) {
        assert_ptr_equal(encoded->data, page);
        assert_int_equal(encoded->bytes, PAGE_CODEC_BYTES);
        return;
    }
    if (encoded->form == PAGE_FORM_ZERO) {
        assert_true(page_is_zero(page));
        return;
    }
    assert_int_equal(page_decode(decoder, encoded, base, made), STATUS_OK);
    assert_memory_equal(made, page, PAGE_CODEC_BYTES);
}

/* Each kind of page under each --compress: for the first time, and again with a few changes. */
static void test_which_form_a_page_takes(void **state)
{
#define P PAGE_FORM_PLAIN
#define Z PAGE_FORM_ZERO
#define D PAGE_FORM_DELTA
#define L PAGE_FORM_LZ4
#define S PAGE_FORM_ZSTD
    static const struct row {
        enum compress compress;
        uint64_t bandwidth;
        enum page_form first[KIND_COUNT], again[KIND_COUNT]; /* zeros, text, pointers, random */
    } rows[] = {
        {COMPRESS_ZERO, 1000 * MBIT, {Z, P, P, P}, {P, P, P, P}},
        {COMPRESS_DELTA, 1000 * MBIT, {Z, P, P, P}, {D, D, D, D}},
        {COMPRESS_LZ4, 1000 * MBIT, {Z, L, L, P}, {L, L, L, P}},
        {COMPRESS_ZSTD, 1000 * MBIT, {Z, S, S, P}, {S, S, S, P}},
        /* The slower the link, the more encoding pays. */
        {COMPRESS_AUTO, 10 * MBIT, {Z, S, S, P}, {D, D, D, D}},
        {COMPRESS_AUTO, 1000 * MBIT, {Z, L, L, P}, {D, D, D, D}},
        {COMPRESS_AUTO, 1000000 * MBIT, {Z, P, P, P}, {P, P, P, P}},
    };
    struct page_decoder *decoder = page_decoder_open();
    uint8_t page[PAGE_CODEC_BYTES], base[PAGE_CODEC_BYTES];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (unsigned kind = 0; kind < KIND_COUNT; kind++) {
            struct page_encoder *encoder = encoder_of(rows[i].compress, rows[i].bandwidth);
            make_page(kind, 5, page);
            struct page_encoded encoded = page_encode(encoder, 7, page, false, true);
            if (encoded.form != rows[i].first[kind])
                fail_msg("row %zu, %s: the first copy is %s", i, page_kind_name(kind),
                         page_form_name(encoded.form));
            assert_comes_back(decoder, &encoded, NULL, page);
            memcpy(base, page, sizeof base);
            change_page(1, 4, page);
            encoded = page_encode(encoder, 7, page, true, true);
            if (encoded.form != rows[i].again[kind])
                fail_msg("row %zu, %s: sent again it is %s", i, page_kind_name(kind),
                         page_form_name(encoded.form));
            assert_comes_back(decoder, &encoded, base, page);
            page_encoder_close(encoder);
        }
    page_decoder_close(decoder);
}

/* Pages of all kinds, written again and again, as a target sees them: whatever is chosen comes to
 * what was sent, and never costs more than plain. */
static void test_random_pages_come_back(void **state)
{
    enum { PAGES = 96 };
    static uint8_t pages[PAGES][PAGE_CODEC_BYTES], there[PAGES][PAGE_CODEC_BYTES];
    (void)state;
    for (int compress = COMPRESS_ZERO; compress <= COMPRESS_AUTO; compress++) {
        struct page_encoder *encoder = encoder_of((enum compress)compress, 1000 * MBIT);
        struct page_decoder *decoder = page_decoder_open();
        struct prng prng = prng_make(3, (uint64_t)compress);
        bool is_sent[PAGES] = {false};
        for (unsigned step = 0; step < 4000; step++) {
            uint64_t i = prng_below(&prng, PAGES);
            if (step % 500 == 0)
                page_encoder_begin_sweep(encoder);
            if (prng_below(&prng, 4) == 0)
                make_page((enum page_kind)prng_below(&prng, KIND_COUNT), step, pages[i]);
            else
                change_page(step, 1u << prng_below(&prng, 9), pages[i]);
            struct page_encoded encoded = page_encode(encoder, i, pages[i], is_sent[i], true);
            assert_comes_back(decoder, &encoded, there[i], pages[i]);
            if (encoded.form != PAGE_FORM_PLAIN)
                assert_true(encoded.bytes <= PAGE_CODEC_MOST_BYTES);
            memcpy(there[i], pages[i], PAGE_CODEC_BYTES);
            is_sent[i] = true;
        }
        const struct page_encoder_counts *counts = page_encoder_counts(encoder);
        bool has_cache = compress == COMPRESS_DELTA || compress == COMPRESS_AUTO;
        assert_int_equal(counts->delta_hits > 0, has_cache);
        assert_int_equal(counts->delta_misses > 0, has_cache); /* 96 pages, room for 64 */
        assert_int_equal(counts->delta_overflows > 0, has_cache);
        page_encoder_close(encoder);
        page_decoder_close(decoder);
    }
}

/* A delta is never against what the other end may not have. */
static void test_no_delta_where_the_base_is_not_kept(void **state)
{
    struct page_encoder *encoder = encoder_of(COMPRESS_DELTA, 1000 * MBIT);
    uint8_t page[PAGE_CODEC_BYTES];
    (void)state;
    make_page(KIND_TEXT, 1, page);
    page_encode(encoder, 3, page, false, true);
    change_page(1, 1, page);
    assert_int_equal(page_encode(encoder, 3, page, true, false).form, PAGE_FORM_PLAIN);
    page_encoder_close(encoder);
}

/* Zeros that were sent as such are the next delta's base. */
static void test_zeros_are_a_base(void **state)
{
    struct page_encoder *encoder = encoder_of(COMPRESS_DELTA, 1000 * MBIT);
    struct page_decoder *decoder = page_decoder_open();
    uint8_t page[PAGE_CODEC_BYTES];
    const uint8_t zeros[PAGE_CODEC_BYTES] = {0};
    (void)state;
    make_page(KIND_RANDOM, 1, page);
    page_encode(encoder, 3, page, false, true);
    assert_int_equal(page_encode(encoder, 3, zeros, true, true).form, PAGE_FORM_ZERO);
    memset(page, 0, sizeof page);
    change_page(1, 3, page);
    struct page_encoded encoded = page_encode(encoder, 3, page, true, true);
    assert_int_equal(encoded.form, PAGE_FORM_DELTA);
    assert_comes_back(decoder, &encoded, zeros, page);
    page_encoder_close(encoder);
    page_decoder_close(decoder);
}

/* Among pages of which none can be compressed the forms are tried less and less often: what trying
 * costs stays small beside what the pages cost; and when better pages come, it is noticed. */
static void test_what_does_not_pay_is_tried_less_often(void **state)
{
    struct page_encoder *encoder = encoder_of(COMPRESS_AUTO, 1000 * MBIT);
    uint8_t page[PAGE_CODEC_BYTES];
    unsigned pages = 0;
    (void)state;
    for (uint64_t i = 0; i < 10000; i++) {
        make_page(KIND_RANDOM, i, page);
        assert_int_equal(page_encode(encoder, i, page, false, true).form, PAGE_FORM_PLAIN);
    }
    uint64_t tried_ns =
        page_encoder_counts(encoder)->cost_ns - 10000 * page_form_cost_ns(PAGE_FORM_ZERO);
    uint64_t both_ns = page_form_cost_ns(PAGE_FORM_LZ4) + page_form_cost_ns(PAGE_FORM_ZSTD);
    assert_true(tried_ns >= both_ns * 10000 / (PAGE_CODEC_SKIP_MAX + 1));
    assert_true(tried_ns <= both_ns * 10000 / (PAGE_CODEC_SKIP_MAX - 10));
    make_page(KIND_TEXT, 1, page);
    while (page_encode(encoder, 20000 + pages, page, false, true).form == PAGE_FORM_PLAIN)
        pages++;
    assert_true(pages <= PAGE_CODEC_SKIP_MAX);
    page_encoder_close(encoder);
}

/* Of all --compress, auto is the cheapest in time of the link and of the processor together, on a
 * mixture of pages, whatever the link. */
static void test_auto_is_smallest_for_its_cost(void **state)
{
    static const uint64_t bandwidths[] = {10 * MBIT, 100 * MBIT, 1000 * MBIT, 10000 * MBIT,
                                          100000 * MBIT};
    uint8_t page[PAGE_CODEC_BYTES];
    (void)state;
    for (size_t b = 0; b < sizeof bandwidths / sizeof *bandwidths; b++) {
        uint64_t best_ns = UINT64_MAX, auto_ns = 0;
        for (int compress = COMPRESS_ZERO; compress <= COMPRESS_AUTO; compress++) {
            struct page_encoder *encoder = encoder_of((enum compress)compress, bandwidths[b]);
            uint64_t bytes = 0;
            for (uint64_t step = 0; step < 3000; step++) {
                /* First each of 60 pages, then again and again: its kind is its own. */
                make_page((enum page_kind)(step % 60 / 15), step % 60, page);
                change_page(step / 60, 3, page);
                struct page_encoded encoded =
                    page_encode(encoder, step % 60, page, step >= 60, true);
                bytes += encoded.form == PAGE_FORM_PLAIN  ? MESSAGE_PAGE_WIRE_BYTES
                         : encoded.form == PAGE_FORM_ZERO ? MESSAGE_RUN_WIRE_BYTES
                                                          : 34 + encoded.bytes;
            }
            uint64_t total_ns =
                bytes * 8000 / (bandwidths[b] / MBIT) + page_encoder_counts(encoder)->cost_ns;
            if (compress == COMPRESS_AUTO)
                auto_ns = total_ns;
            else if (total_ns < best_ns)
                best_ns = total_ns;
            page_encoder_close(encoder);
        }
        if (auto_ns > best_ns + best_ns / 50)
            fail_msg("at %llu Mbit/s auto costs %llu ns, another form %llu",
                     (unsigned long long)(bandwidths[b] / MBIT), (unsigned long long)auto_ns,
                     (unsigned long long)best_ns);
    }
}

/* ---- What is wrong is found ---- */

static void test_a_delta_against_another_page_is_found(void **state)
{
    struct page_encoder *encoder = encoder_of(COMPRESS_DELTA, 1000 * MBIT);
    struct page_decoder *decoder = page_decoder_open();
    uint8_t page[PAGE_CODEC_BYTES], other[PAGE_CODEC_BYTES], made[PAGE_CODEC_BYTES];
    (void)state;
    make_page(KIND_POINTERS, 1, page);
    memcpy(other, page, sizeof other);
    other[2000] ^= 1;
    page_encode(encoder, 3, page, false, true);
    change_page(1, 1, page);
    struct page_encoded encoded = page_encode(encoder, 3, page, true, true);
    assert_int_equal(encoded.form, PAGE_FORM_DELTA);
    assert_int_equal(page_decode(decoder, &encoded, other, made), STATUS_BAD_STREAM);
    assert_int_equal(page_decode(decoder, &encoded, NULL, made), STATUS_BAD_STREAM);
    page_encoder_close(encoder);
    page_decoder_close(decoder);
}

/* Every byte of each form's data changed, and the data cut at every byte: refused, or the very same
 * page (a library may overlook a bit that means nothing). */
static void test_changed_or_cut_it_is_refused(void **state)
{
    static const enum compress forms[] = {COMPRESS_DELTA, COMPRESS_LZ4, COMPRESS_ZSTD};
    uint8_t page[PAGE_CODEC_BYTES], base[PAGE_CODEC_BYTES], made[PAGE_CODEC_BYTES];
    uint8_t data[PAGE_CODEC_BYTES];
    struct page_decoder *decoder = page_decoder_open();
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct page_encoder *encoder = encoder_of(forms[i], 1000 * MBIT);
        make_page(KIND_TEXT, 9, base);
        memcpy(page, base, sizeof page);
        page_encode(encoder, 3, page, false, true);
        change_page(1, 30, page);
        struct page_encoded encoded = page_encode(encoder, 3, page, true, true);
        assert_int_not_equal(encoded.form, PAGE_FORM_PLAIN);
        memcpy(data, encoded.data, encoded.bytes);
        encoded.data = data;
        uint32_t whole = encoded.bytes;
        for (encoded.bytes = 0; encoded.bytes < whole; encoded.bytes++)
            assert_int_equal(page_decode(decoder, &encoded, base, made), STATUS_BAD_STREAM);
        for (uint32_t at = 0; at < whole; at++)
            for (unsigned bit = 1; bit < 256; bit *= 2) {
                data[at] ^= (uint8_t)bit;
                if (page_decode(decoder, &encoded, base, made) == STATUS_OK)
                    assert_memory_equal(made, page, sizeof page);
                data[at] ^= (uint8_t)bit;
            }
        encoded.digest ^= 1;
        assert_int_equal(page_decode(decoder, &encoded, base, made), STATUS_BAD_STREAM);
        page_encoder_close(encoder);
    }
    page_decoder_close(decoder);
}

/* Data that would come to more than a page: bombs. */
static void test_a_page_is_all_that_is_ever_written(void **state)
{
    struct {
        uint8_t page[PAGE_CODEC_BYTES], guard[64];
    } made;
    struct page_decoder *decoder = page_decoder_open();
    uint8_t bomb[600], untouched[64];
    (void)state;
    memset(bomb, 0xff, sizeof bomb); /* an LZ4 match of 150 kB */
    bomb[0] = 0x1f;
    bomb[1] = 'x';
    bomb[2] = 1;
    bomb[3] = 0;
    memset(&made, 0xaa, sizeof made);
    memset(untouched, 0xaa, sizeof untouched);
    for (int form = 0; form < PAGE_FORM_COUNT; form++) {
        struct page_encoded encoded = {(enum page_form)form, bomb, sizeof bomb, 0};
        assert_int_equal(page_decode(decoder, &encoded, made.page, made.page), STATUS_BAD_STREAM);
        assert_memory_equal(made.guard, untouched, sizeof untouched);
    }
    page_decoder_close(decoder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_which_form_a_page_takes),
        cmocka_unit_test(test_random_pages_come_back),
        cmocka_unit_test(test_no_delta_where_the_base_is_not_kept),
        cmocka_unit_test(test_zeros_are_a_base),
        cmocka_unit_test(test_what_does_not_pay_is_tried_less_often),
        cmocka_unit_test(test_auto_is_smallest_for_its_cost),
        cmocka_unit_test(test_a_delta_against_another_page_is_found),
        cmocka_unit_test(test_changed_or_cut_it_is_refused),
        cmocka_unit_test(test_a_page_is_all_that_is_ever_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
