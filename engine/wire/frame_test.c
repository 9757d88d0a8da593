/* The stream by example: whole, cut at every byte, and changed at every bit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "wire/message.h"

static void put_frame(struct bytes *to, enum frame_type type, uint8_t note, const char *payload)
{
    size_t begin = frame_begin(to, type, note);
    bytes_put(to, payload, strlen(payload));
    frame_end(to, begin);
}

static void test_a_frame_comes_back(void **state)
{
    struct bytes bytes = {0};
    struct frame frame;
    size_t consumed;
    (void)state;

    put_frame(&bytes, FRAME_PAGES, 3, "contents");
    put_frame(&bytes, FRAME_READY, 0, "");
    assert_int_equal(frame_decode(bytes.data, bytes.count, &frame, &consumed), STATUS_OK);
    assert_int_equal(consumed, FRAME_HEADER_BYTES + 8);
    assert_int_equal(frame.type, FRAME_PAGES);
    assert_int_equal(frame.note, 3);
    assert_int_equal(frame.payload_bytes, 8);
    assert_memory_equal(frame.payload, "contents", 8);
    assert_int_equal(frame_decode(bytes.data + consumed, bytes.count - consumed, &frame, &consumed),
                     STATUS_OK);
    assert_int_equal(frame.type, FRAME_READY);
    assert_int_equal(consumed, FRAME_HEADER_BYTES);
    bytes_fini(&bytes);
}

static void test_a_cut_frame_asks_for_more(void **state)
{
    struct bytes bytes = {0};
    (void)state;

    put_frame(&bytes, FRAME_STATE, 0, "some state");
    for (size_t count = 0; count < bytes.count; count++) {
        struct frame frame;
        size_t consumed = 99;
        assert_int_equal(frame_decode(bytes.data, count, &frame, &consumed), STATUS_OK);
        assert_int_equal(consumed, 0);
    }
    bytes_fini(&bytes);
}

static void test_every_changed_bit_is_noticed(void **state)
{
    struct bytes bytes = {0};
    (void)state;

    put_frame(&bytes, FRAME_COMMIT, 0, "sixteen bytes...");
    for (size_t bit = 0; bit < bytes.count * 8; bit++) {
        struct frame frame;
        size_t consumed;
        bytes.data[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        enum status status = frame_decode(bytes.data, bytes.count, &frame, &consumed);
        /* A changed length may make it wait for more; it never makes it accept. */
        assert_true(status == STATUS_BAD_STREAM || consumed == 0);
        bytes.data[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
    bytes_fini(&bytes);
}

static void test_a_claimed_length_is_not_believed(void **state)
{
    uint8_t header[FRAME_HEADER_BYTES] = {0, 0, 0x10, 1}; /* 1 MiB + 16 MiB */
    struct frame frame;
    size_t consumed;
    (void)state;
    assert_int_equal(frame_decode(header, sizeof header, &frame, &consumed), STATUS_BAD_STREAM);
}

static void decode_one(const struct bytes *bytes, struct frame *frame)
{
    size_t consumed;
    assert_int_equal(frame_decode(bytes->data, bytes->count, frame, &consumed), STATUS_OK);
    assert_int_equal(consumed, bytes->count);
}

static void test_messages_come_back(void **state)
{
    struct bytes bytes = {0};
    struct frame frame;
    struct message_hello hello = {
        .version = 1, .payload_bytes = 4096, .total_pages = 77, .kind = "machine"};
    struct message_hello hello_back;
    struct message_commit commit = {.missing_pages = 5, .state_digest = 0x123456789abcdefull},
                          commit_back;
    char text[MESSAGE_REASON_MAX];
    uint64_t number;
    (void)state;

    message_put_hello(&bytes, &hello);
    decode_one(&bytes, &frame);
    assert_int_equal(message_get_hello(&frame, &hello_back), STATUS_OK);
    assert_memory_equal(&hello, &hello_back, sizeof hello);

    bytes_clear(&bytes);
    message_put_commit(&bytes, &commit);
    decode_one(&bytes, &frame);
    assert_int_equal(message_get_commit(&frame, &commit_back), STATUS_OK);
    assert_int_equal(commit_back.missing_pages, 5);
    assert_int_equal(commit_back.state_digest, commit.state_digest);

    bytes_clear(&bytes);
    message_put_number(&bytes, FRAME_PAGE_REQUEST, 1ull << 40);
    decode_one(&bytes, &frame);
    assert_int_equal(message_get_number(&frame, &number), STATUS_OK);
    assert_int_equal(number, 1ull << 40);
    assert_int_equal(message_get_commit(&frame, &commit_back), STATUS_BAD_STREAM);

    bytes_clear(&bytes);
    message_put_text(&bytes, FRAME_REFUSED, "no \x1b[31m room");
    decode_one(&bytes, &frame);
    message_get_text(&frame, text);
    assert_string_equal(text, "no ?[31m room");
    bytes_fini(&bytes);
}

static void test_stale_bits_name_their_pages(void **state)
{
    struct bitmap stale;
    struct bytes bytes = {0};
    struct frame frame;
    uint64_t first_idx;
    const uint8_t *bits;
    uint32_t bit_count;
    (void)state;

    bitmap_init(&stale, 100);
    bitmap_set(&stale, 0);
    bitmap_set(&stale, 63);
    bitmap_set(&stale, 64);
    bitmap_set(&stale, 99);
    message_put_stale(&bytes, &stale, 0);
    decode_one(&bytes, &frame);
    assert_int_equal(message_get_stale(&frame, &first_idx, &bits, &bit_count), STATUS_OK);
    assert_int_equal(first_idx, 0);
    assert_int_equal(bit_count, 104);
    for (uint32_t bit = 0; bit < bit_count; bit++)
        assert_int_equal(bits[bit / 8] >> (bit % 8) & 1, bit < 100 && bitmap_has(&stale, bit));
    bitmap_fini(&stale);
    bytes_fini(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_frame_comes_back),
        cmocka_unit_test(test_a_cut_frame_asks_for_more),
        cmocka_unit_test(test_every_changed_bit_is_noticed),
        cmocka_unit_test(test_a_claimed_length_is_not_believed),
        cmocka_unit_test(test_messages_come_back),
        cmocka_unit_test(test_stale_bits_name_their_pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
