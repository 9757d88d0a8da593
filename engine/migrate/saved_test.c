/* A machine in a file: what a source wrote a target reads, in pieces of any size; what no source
 * can have written is refused, at the byte. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "machine/model.h"
#include "migrate/saved.h"

#define PAGES 24

static const struct model_config config = {.pattern = WRITES_UNIFORM,
                                           .total_pages = PAGES,
                                           .working_set_pages = PAGES,
                                           .write_rate = 1000,
                                           .seed = 7};

/* A guest that has lived a little, as a file; its digest. */
static uint64_t make_file(struct bytes *file)
{
    struct guest *guest = model_open(&config);
    struct guest_run run;
    struct saving saving;

    guest->ops->run(guest, 31000000, &run);
    uint64_t digest = guest->ops->digest(guest);
    static uint8_t blocks[4 * DISK_BLOCK_BYTES];
    blocks[2 * DISK_BLOCK_BYTES] = 5;
    saving_begin(file, "guest = toy\n");
    saving_put_disk(file, blocks, sizeof blocks);
    saving_init(&saving, guest);
    while (saving_next(&saving, file))
        ;
    saving_fini(&saving);
    assert_int_equal(guest->ops->digest(guest), digest); /* to be saved changes nothing */
    guest->ops->close(guest);
    return digest;
}

static uint8_t disk[4 * DISK_BLOCK_BYTES];

/* Reads a file in pieces. `digest` becomes the guest's where it is whole. */
static enum status read_file(const struct bytes *file, size_t piece, uint64_t *digest,
                             struct problem *problem)
{
    const char *text;
    size_t text_bytes, at;
    struct resuming resuming;
    enum status status = saved_read_text(file->data, file->count, &text, &text_bytes, &at, problem);

    if (status != STATUS_OK)
        return status;
    struct guest *guest = model_open_empty(&config);
    resuming_init(&resuming, guest, at, disk, sizeof disk);
    for (; status == STATUS_OK && at < file->count; at += piece) {
        size_t count = file->count - at < piece ? file->count - at : piece;
        status = resuming_receive(&resuming, file->data + at, count, problem);
    }
    if (status == STATUS_OK)
        status = resuming_finish(&resuming, problem);
    if (status == STATUS_OK)
        *digest = guest->ops->digest(guest);
    resuming_fini(&resuming);
    guest->ops->close(guest);
    return status;
}

static void test_what_was_written_is_read(void **state)
{
    struct bytes file = {0};
    struct problem problem = {STATUS_OK, ""};
    uint64_t digest = make_file(&file), read;
    const char *text;
    size_t text_bytes, consumed;
    (void)state;

    assert_int_equal(saved_read_text(file.data, file.count, &text, &text_bytes, &consumed, NULL),
                     STATUS_OK);
    assert_int_equal(text_bytes, strlen("guest = toy\n"));
    assert_memory_equal(text, "guest = toy\n", text_bytes);
    for (size_t piece = 1; piece <= file.count; piece = piece * 3 + 1) {
        read = 0;
        assert_int_equal(read_file(&file, piece, &read, &problem), STATUS_OK);
        assert_int_equal(read, digest);
        assert_int_equal(disk[2 * DISK_BLOCK_BYTES], 5);
        memset(disk, 0, sizeof disk);
    }
    bytes_fini(&file);
}

/* Cut at every byte, and every byte changed: never a guest, always a reason. */
static void test_nothing_less_is_read(void **state)
{
    struct bytes file = {0}, part = {0};
    uint64_t digest;
    (void)state;

    make_file(&file);
    for (size_t count = FRAME_HEADER_BYTES + sizeof SAVED_MAGIC + 11; count < file.count; count++) {
        struct problem problem = {STATUS_OK, ""};
        bytes_clear(&part);
        bytes_put(&part, file.data, count);
        assert_int_equal(read_file(&part, 100, &digest, &problem), STATUS_BAD_INPUT);
        assert_non_null(strstr(problem.text, "cut off at byte"));
    }
    for (size_t at = 0; at < file.count; at++) {
        struct problem problem = {STATUS_OK, ""};
        file.data[at] ^= 0x10;
        enum status status = read_file(&file, file.count, &digest, &problem);
        file.data[at] ^= 0x10;
        assert_int_equal(status, STATUS_BAD_INPUT);
        assert_true(problem.text[0] != '\0');
    }
    bytes_fini(&file);
    bytes_fini(&part);
}

static void assert_says(const struct bytes *file, const char *words)
{
    struct problem problem = {STATUS_OK, ""};
    uint64_t digest;
    assert_int_equal(read_file(file, file->count, &digest, &problem), STATUS_BAD_INPUT);
    if (strstr(problem.text, words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", problem.text, words);
}

/* Frames that are sound, and that no source writes into a file there. */
static void test_what_no_source_writes_is_refused(void **state)
{
    struct bytes file = {0}, other = {0};
    (void)state;

    make_file(&file);
    bytes_put(&other, file.data, file.count);
    message_put_text(&other, FRAME_READY, "");
    assert_says(&other, "something stands behind");
    bytes_clear(&other);
    bytes_put(&other, file.data, file.count);
    bytes_put_u8(&other, 0);
    assert_says(&other, "something stands behind");

    /* HELLO is left out; the target of a link would wait for it for ever. */
    struct frame frame;
    size_t head, hello;
    assert_int_equal(frame_decode(file.data, file.count, &frame, &head), STATUS_OK);
    size_t block;
    assert_int_equal(frame_decode(file.data + head, file.count - head, &frame, &block), STATUS_OK);
    assert_int_equal(frame.type, FRAME_SAVED);
    head += block;
    assert_int_equal(frame_decode(file.data + head, file.count - head, &frame, &hello), STATUS_OK);
    bytes_clear(&other);
    bytes_put(&other, file.data, head);
    bytes_put(&other, file.data + head + hello, file.count - head - hello);
    assert_says(&other, "cut off");

    /* The pages are left out: COMMIT finds that they are missing. */
    size_t pages;
    assert_int_equal(
        frame_decode(file.data + head + hello, file.count - head - hello, &frame, &pages),
        STATUS_OK);
    assert_int_equal(frame.type, FRAME_PAGES);
    bytes_clear(&other);
    bytes_put(&other, file.data, head + hello);
    bytes_put(&other, file.data + head + hello + pages, file.count - head - hello - pages);
    assert_says(&other, "pages are missing");

    /* A block beyond the disk's end. */
    bytes_clear(&other);
    bytes_put(&other, file.data, head - block);
    size_t begin = frame_begin(&other, FRAME_SAVED, 1);
    bytes_put_u64(&other, sizeof disk);
    bytes_put(&other, disk, DISK_BLOCK_BYTES);
    frame_end(&other, begin);
    assert_says(&other, "that the disk does not have");

    bytes_clear(&other);
    bytes_put(&other, file.data, head + hello);
    message_put_text(&other, FRAME_RUNNING, "");
    assert_says(&other, "that no saved machine has");
    bytes_fini(&file);
    bytes_fini(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_written_is_read),
        cmocka_unit_test(test_nothing_less_is_read),
        cmocka_unit_test(test_what_no_source_writes_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
