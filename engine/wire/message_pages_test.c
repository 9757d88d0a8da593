/* PAGES frames of every form: they come back, cut and changed at every byte they do not, and what
 * they claim is not believed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/digest.h"
#include "wire/message_pages.h"
#include "wire/pages_to_encode.h"

#define TOTAL_PAGES 100

static void decode_one(const struct bytes *bytes, struct frame *frame)
{
    size_t consumed;
    assert_int_equal(frame_decode(bytes->data, bytes->count, frame, &consumed), STATUS_OK);
    assert_int_equal(consumed, bytes->count);
}

static struct page_encoded encoded_of(enum page_form form, const char *data)
{
    return (struct page_encoded){form, (const uint8_t *)data, (uint32_t)strlen(data), 77};
}

/* One frame of the form: pages 3 and 9 where it names each, else 3 and 4. */
static void put_frame(struct bytes *to, enum page_form form)
{
    size_t begin = message_begin_pages(to, form, WHY_PUSHED);
    if (form == PAGE_FORM_PLAIN) {
        message_put_plain(to, 3, (const uint8_t *)"aaaaaaaa", 8);
        message_put_plain(to, 9, (const uint8_t *)"bbbbbbbb", 8);
    } else if (form == PAGE_FORM_ZERO || form == PAGE_FORM_FREE) {
        message_put_run(to, 3, 20);
        message_put_run(to, 99, 1);
    } else {
        struct page_encoded some = encoded_of(form, "some"), none = encoded_of(form, "");
        bytes_put_u64(to, 3);
        message_put_encoded(to, &some);
        message_put_encoded(to, &none);
    }
    frame_end(to, begin);
}

static void assert_pieces(enum page_form form, struct message_pages *pages)
{
    struct message_piece piece;

    assert_int_equal(pages->form, form);
    assert_int_equal(pages->why, WHY_PUSHED);
    assert_true(message_next_piece(pages, &piece));
    assert_int_equal(piece.first_idx, 3);
    if (form == PAGE_FORM_PLAIN) {
        assert_memory_equal(piece.payload, "aaaaaaaa", 8);
        assert_true(message_next_piece(pages, &piece));
        assert_int_equal(piece.first_idx, 9);
        assert_memory_equal(piece.payload, "bbbbbbbb", 8);
    } else if (form == PAGE_FORM_ZERO || form == PAGE_FORM_FREE) {
        assert_int_equal(piece.count, 20);
        assert_true(message_next_piece(pages, &piece));
        assert_int_equal(piece.first_idx, 99);
        assert_int_equal(piece.count, 1);
    } else {
        assert_int_equal(piece.encoded.form, form);
        assert_int_equal(piece.encoded.bytes, 4);
        assert_memory_equal(piece.encoded.data, "some", 4);
        assert_int_equal(piece.encoded.digest, 77);
        assert_true(message_next_piece(pages, &piece));
        assert_int_equal(piece.first_idx, 4);
        assert_int_equal(piece.encoded.bytes, 0);
    }
    assert_false(message_next_piece(pages, &piece));
}

static void fill_row(uint8_t pages[2 * PAGE_CODEC_BYTES])
{
    for (size_t i = 0; i < 2 * PAGE_CODEC_BYTES; i++)
        pages[i] = (uint8_t)(i * 7 + i / PAGE_CODEC_BYTES);
}

/* Pages 98 and 99, behind one head. */
static void put_row(struct bytes *to, const uint8_t *pages)
{
    message_put_row_head(to, WHY_PUSHED, 98, pages, 2);
    assert_int_equal(to->count, MESSAGE_ROW_HEAD_BYTES);
    bytes_put(to, pages, 2 * PAGE_CODEC_BYTES);
}

static void test_a_row_comes_back(void **state)
{
    uint8_t pages[2 * PAGE_CODEC_BYTES];
    struct message_pages said;
    struct message_piece piece;
    struct bytes bytes = {0};
    struct frame frame;
    (void)state;

    fill_row(pages);
    put_row(&bytes, pages);
    decode_one(&bytes, &frame);
    assert_int_equal(frame.type, FRAME_ROW);
    assert_int_equal(message_get_pages(&frame, PAGE_CODEC_BYTES, TOTAL_PAGES, &said), STATUS_OK);
    assert_int_equal(said.why, WHY_PUSHED);
    for (unsigned i = 0; i < 2; i++) {
        assert_true(message_next_piece(&said, &piece));
        assert_int_equal(piece.first_idx, 98 + i);
        assert_memory_equal(piece.payload, pages + i * PAGE_CODEC_BYTES, PAGE_CODEC_BYTES);
    }
    assert_false(message_next_piece(&said, &piece));
    bytes_fini(&bytes);
}

/* Not beyond the guest, not of a model, no half page, in no other form. */
static void test_a_row_that_cannot_be_is_refused(void **state)
{
    uint8_t pages[2 * PAGE_CODEC_BYTES];
    struct message_pages said;
    struct bytes bytes = {0};
    struct frame frame;
    (void)state;

    fill_row(pages);
    put_row(&bytes, pages);
    decode_one(&bytes, &frame);
    assert_int_equal(message_get_pages(&frame, PAGE_CODEC_BYTES, 99, &said), STATUS_BAD_STREAM);
    assert_int_equal(message_get_pages(&frame, 8, TOTAL_PAGES, &said), STATUS_BAD_STREAM);
    frame.note |= PAGE_FORM_LZ4 << 4;
    assert_int_equal(message_get_pages(&frame, PAGE_CODEC_BYTES, TOTAL_PAGES, &said),
                     STATUS_BAD_STREAM);
    frame.note = WHY_PUSHED;
    for (uint32_t count = 0; count < 8 + 2 * PAGE_CODEC_BYTES; count++) {
        frame.payload_bytes = count;
        assert_int_equal(message_get_pages(&frame, PAGE_CODEC_BYTES, TOTAL_PAGES, &said) ==
                             STATUS_OK,
                         count == 8 + PAGE_CODEC_BYTES);
    }
    bytes_fini(&bytes);
}

/* As a target does that reads head and pages to where they belong. */
static void test_a_row_in_two_places(void **state)
{
    uint8_t pages[2 * PAGE_CODEC_BYTES];
    struct bytes bytes = {0};
    enum why why = WHY_FIRST;
    (void)state;

    fill_row(pages);
    put_row(&bytes, pages);
    assert_true(message_is_row(bytes.data, pages, 98, 2, &why));
    assert_int_equal(why, WHY_PUSHED);
    assert_false(message_is_row(bytes.data, pages, 97, 2, &why));
    assert_false(message_is_row(bytes.data, pages, 98, 1, &why));
    assert_true(message_may_be_row(bytes.data, FRAME_HEADER_BYTES, 0, 2)); /* not known yet */
    assert_false(message_may_be_row(bytes.data, FRAME_HEADER_BYTES, 0, 1));
    assert_false(message_may_be_row(bytes.data, MESSAGE_ROW_HEAD_BYTES, 0, 2));
    for (size_t at = 0; at < MESSAGE_ROW_HEAD_BYTES; at++) {
        bytes.data[at] ^= 0x10;
        assert_false(message_is_row(bytes.data, pages, 98, 2, &why));
        bytes.data[at] ^= 0x10;
    }
    for (size_t at = 0; at < sizeof pages; at += 61) {
        pages[at] ^= 0x10;
        assert_false(message_is_row(bytes.data, pages, 98, 2, &why));
        pages[at] ^= 0x10;
    }
    bytes_fini(&bytes);
}

static void test_every_form_comes_back(void **state)
{
    (void)state;
    for (int form = 0; form < PAGE_FORM_COUNT; form++) {
        struct bytes bytes = {0};
        struct message_pages pages;
        struct frame frame;
        put_frame(&bytes, (enum page_form)form);
        decode_one(&bytes, &frame);
        assert_int_equal(message_get_pages(&frame, 8, TOTAL_PAGES, &pages), STATUS_OK);
        assert_pieces((enum page_form)form, &pages);
        bytes_fini(&bytes);
    }
}

static void test_cut_and_changed_at_every_byte(void **state)
{
    (void)state;
    for (int form = 0; form < PAGE_FORM_COUNT; form++) {
        struct bytes bytes = {0};
        struct message_pages pages;
        struct frame frame;
        size_t consumed;
        put_frame(&bytes, (enum page_form)form);
        for (size_t cut = 0; cut < bytes.count; cut++) {
            assert_int_equal(frame_decode(bytes.data, cut, &frame, &consumed), STATUS_OK);
            assert_int_equal(consumed, 0);
        }
        for (size_t at = 0; at < bytes.count; at++)
            for (unsigned change = 1; change < 256; change++) {
                bytes.data[at] ^= (uint8_t)change;
                assert_true(frame_decode(bytes.data, bytes.count, &frame, &consumed) != STATUS_OK ||
                            consumed == 0);
                bytes.data[at] ^= (uint8_t)change;
            }
        /* Behind a checksum that is right: whole pieces alone. */
        decode_one(&bytes, &frame);
        for (frame.payload_bytes = 0; frame.payload_bytes < bytes.count - FRAME_HEADER_BYTES;
             frame.payload_bytes++) {
            struct message_piece piece;
            if (message_get_pages(&frame, 8, TOTAL_PAGES, &pages) != STATUS_OK)
                continue;
            while (message_next_piece(&pages, &piece))
                assert_true(piece.first_idx + piece.count <= TOTAL_PAGES);
            assert_int_equal(bytes_left(&pages.reader), 0);
        }
        bytes_fini(&bytes);
    }
}

/* Frames whose checksum is right, and which say what cannot be. */
static void test_what_cannot_be_is_refused(void **state)
{
    static const struct row {
        uint8_t note;
        uint64_t numbers[3];
        unsigned count;
        const char *what;
    } rows[] = {
        {PAGE_FORM_COUNT << 4, {1, 1}, 2, "a form that is none"},
        {0xf0, {1, 1}, 2, "a form that is none"},
        {WHY_COUNT, {1, 1}, 2, "a reason that is none"},
        {PAGE_FORM_PLAIN << 4, {0}, 0, "nothing"},
        {PAGE_FORM_PLAIN << 4, {TOTAL_PAGES, 0}, 2, "a plain page beyond the memory"},
        {PAGE_FORM_PLAIN << 4, {UINT64_MAX, 0}, 2, "a plain page far beyond it"},
        {PAGE_FORM_PLAIN << 4, {1, 0, 2}, 3, "half a plain page"},
        {PAGE_FORM_ZERO << 4, {0}, 0, "no zero pages"},
        {PAGE_FORM_ZERO << 4, {3, 0}, 2, "a run of none"},
        {PAGE_FORM_ZERO << 4, {3, TOTAL_PAGES}, 2, "a run that ends beyond the memory"},
        {PAGE_FORM_ZERO << 4, {3, UINT64_MAX - 1}, 2, "a run that goes round the numbers"},
        {PAGE_FORM_FREE << 4, {TOTAL_PAGES, 1}, 2, "free pages beyond the memory"},
        {PAGE_FORM_ZERO << 4, {3}, 1, "half a run"},
        {PAGE_FORM_LZ4 << 4, {3}, 1, "a run of encoded pages without one"},
        {PAGE_FORM_LZ4 << 4, {3, 5}, 2, "an encoded page without its length"},
        {PAGE_FORM_LZ4 << 4, {3, 5, 0xffff}, 3, "a length that nothing follows"},
        {PAGE_FORM_DELTA << 4, {TOTAL_PAGES, 5, 0}, 3, "encoded pages beyond the memory"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bytes bytes = {0};
        struct message_pages pages;
        struct frame frame;
        size_t begin = frame_begin(&bytes, FRAME_PAGES, rows[i].note);
        for (unsigned k = 0; k < rows[i].count; k++)
            bytes_put_u64(&bytes, rows[i].numbers[k]);
        frame_end(&bytes, begin);
        decode_one(&bytes, &frame);
        if (message_get_pages(&frame, 8, TOTAL_PAGES, &pages) != STATUS_BAD_STREAM)
            fail_msg("accepted: %s", rows[i].what);
        bytes_fini(&bytes);
    }
}

/* A run of encoded pages that leads beyond the memory, and data longer than any page may be. */
static void test_a_run_ends_where_memory_ends(void **state)
{
    static const uint8_t data[PAGE_CODEC_BYTES];
    struct bytes bytes = {0};
    struct message_pages pages;
    struct frame frame;
    struct page_encoded none = encoded_of(PAGE_FORM_DELTA, ""), large = none;
    (void)state;
    size_t begin = message_begin_pages(&bytes, PAGE_FORM_DELTA, WHY_FIRST);
    bytes_put_u64(&bytes, TOTAL_PAGES - 2);
    for (unsigned i = 0; i < 3; i++)
        message_put_encoded(&bytes, &none);
    frame_end(&bytes, begin);
    decode_one(&bytes, &frame);
    assert_int_equal(message_get_pages(&frame, 8, TOTAL_PAGES, &pages), STATUS_BAD_STREAM);
    assert_int_equal(message_get_pages(&frame, 8, TOTAL_PAGES + 1, &pages), STATUS_OK);
    for (unsigned more = 0; more < 2; more++) {
        bytes_clear(&bytes);
        begin = message_begin_pages(&bytes, PAGE_FORM_LZ4, WHY_FIRST);
        bytes_put_u64(&bytes, 0);
        large.data = data;
        large.bytes = PAGE_CODEC_MOST_BYTES + more;
        message_put_encoded(&bytes, &large);
        frame_end(&bytes, begin);
        decode_one(&bytes, &frame);
        assert_int_equal(message_get_pages(&frame, PAGE_CODEC_BYTES, TOTAL_PAGES, &pages),
                         more == 0 ? STATUS_OK : STATUS_BAD_STREAM);
    }
    bytes_fini(&bytes);
}

/* What a page is charged is what it takes. */
static void test_the_sizes_are_as_they_say(void **state)
{
    static uint8_t page[PAGE_CODEC_BYTES];
    struct page_encoded three = encoded_of(PAGE_FORM_DELTA, "abc");
    struct bytes bytes = {0};
    (void)state;
    size_t begin = message_begin_pages(&bytes, PAGE_FORM_PLAIN, WHY_FIRST);
    message_put_plain(&bytes, 1, page, sizeof page);
    frame_end(&bytes, begin);
    assert_int_equal(bytes.count, MESSAGE_PAGE_WIRE_BYTES);
    assert_int_equal(bytes.count, 4120);
    bytes_clear(&bytes);
    begin = message_begin_pages(&bytes, PAGE_FORM_FREE, WHY_FIRST);
    message_put_run(&bytes, 1, 50);
    frame_end(&bytes, begin);
    assert_int_equal(bytes.count, MESSAGE_RUN_WIRE_BYTES);
    bytes_clear(&bytes);
    begin = message_begin_pages(&bytes, PAGE_FORM_DELTA, WHY_FIRST);
    bytes_put_u64(&bytes, 1);
    message_put_encoded(&bytes, &three);
    message_put_encoded(&bytes, &three);
    frame_end(&bytes, begin);
    assert_int_equal(bytes.count, MESSAGE_ENCODED_RUN_BYTES + 2 * (MESSAGE_ENCODED_PAGE_BYTES + 3));
    /* The largest encoded page, alone, is smaller than a plain one. */
    assert_int_equal(MESSAGE_ENCODED_RUN_BYTES + MESSAGE_ENCODED_PAGE_BYTES + PAGE_CODEC_MOST_BYTES,
                     MESSAGE_PAGE_WIRE_BYTES - 1);
    bytes_fini(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_form_comes_back),
        cmocka_unit_test(test_a_row_comes_back),
        cmocka_unit_test(test_a_row_that_cannot_be_is_refused),
        cmocka_unit_test(test_a_row_in_two_places),
        cmocka_unit_test(test_cut_and_changed_at_every_byte),
        cmocka_unit_test(test_what_cannot_be_is_refused),
        cmocka_unit_test(test_a_run_ends_where_memory_ends),
        cmocka_unit_test(test_the_sizes_are_as_they_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
