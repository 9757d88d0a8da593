/* What two hosts say before the engine's bytes: written, read again, cut and changed at every byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "live/move_text.h"
#include "migrate/saved.h"

#define ID "0123456789abcdef0123456789abcdef"

static void put(struct bytes *frame)
{
    struct move_text text = {
        .id = ID, .gateway = "12ab", .moves = 3, .is_recovery = true, .uses_disk = true};

    scenario_init(&text.scenario);
    assert_int_equal(scenario_set(&text.scenario, "guest", "memwalk", NULL), STATUS_OK);
    assert_int_equal(scenario_set(&text.scenario, "memory", "32MiB", NULL), STATUS_OK);
    assert_int_equal(scenario_set(&text.scenario, "args", "--writes 3 'a b'", NULL), STATUS_OK);
    text.scenario.bandwidth_bits_per_s = 1000; /* it takes three days */
    move_text_put(frame, &text);
    move_text_fini(&text);
}

static void what_is_said_is_heard(void **state)
{
    struct problem problem = {STATUS_OK, ""};
    struct bytes frame = {0};
    struct move_text text;
    size_t consumed;

    (void)state;
    put(&frame);
    assert_int_equal(move_text_get(frame.data, frame.count, &text, &consumed, &problem), STATUS_OK);
    assert_int_equal(consumed, frame.count);
    assert_string_equal(text.id, ID);
    assert_string_equal(text.gateway, "12ab");
    assert_int_equal(text.moves, 3);
    assert_int_equal(text.stream_idx, 0);
    assert_true(text.is_recovery && text.uses_disk);
    assert_string_equal(text.scenario.guest, "memwalk");
    assert_int_equal(text.scenario.memory_bytes, 32 << 20);
    assert_memory_equal(text.scenario.arguments.data, "--writes\0003\0a b", 15);
    move_text_fini(&text);
    bytes_fini(&frame);
}

static void cut_it_is_waited_for_and_changed_it_is_refused(void **state)
{
    struct bytes frame = {0};
    struct move_text text;
    size_t consumed;

    (void)state;
    put(&frame);
    for (size_t count = 0; count < frame.count; count++) {
        assert_int_equal(move_text_get(frame.data, count, &text, &consumed, NULL), STATUS_OK);
        assert_int_equal(consumed, 0);
        move_text_fini(&text);
    }
    for (size_t at = 0; at < frame.count; at++) {
        frame.data[at] ^= 0x40;
        enum status status = move_text_get(frame.data, frame.count, &text, &consumed, NULL);
        assert_true(status != STATUS_OK || consumed == 0); /* a length may be longer now */
        frame.data[at] ^= 0x40;
        move_text_fini(&text);
    }
    bytes_fini(&frame);
}

static void what_makes_no_sense_is_refused_by_name(void **state)
{
    static const char *const rows[][2] = {
        {"guest = kv\n", "cannot be read"},
        {"move = " ID, "cannot be read"},
        {"move = 123\n", "move = 123: it has 32 hexadecimal digits"},
        {"move = " ID "\nmove = " ID "\n", "move is said twice"},
        {"move = " ID "\nguest = kv\nguest = kv\n", "guest is said twice"},
        {"move = " ID "\nstream = 2\n", "stream = 2: it is a number up to 1"},
        {"move = " ID "\nrecover = perhaps\n", "recover = perhaps: it is yes or no"},
        {"move = " ID "\nmoves = -1\n", "moves = -1"},
        {"move = " ID "\ngateway = here\n", "gateway = here"},
        {"move = " ID "\nmemory = 99\n", "memory: \"99\" has no unit"},
        {"move = " ID "\ncolour = red\n", "unknown option \"colour\""},
        {"move = " ID "\nguest = kv\nmode = post-copy\nmax-rounds = 3\n", "max-rounds cannot"},
        {"move = " ID "\n = \n", "cannot be read"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct problem problem = {STATUS_OK, ""};
        struct bytes frame = {0};
        struct move_text text;
        size_t consumed;
        saving_begin(&frame, rows[i][0]);
        assert_int_equal(move_text_get(frame.data, frame.count, &text, &consumed, &problem),
                         STATUS_BAD_INPUT);
        if (strstr(problem.text, rows[i][1]) == NULL)
            fail_msg("%s: %s", rows[i][0], problem.text);
        move_text_fini(&text);
        bytes_fini(&frame);
    }
}

static void answers_come_back(void **state)
{
    static const enum move_answer answers[] = {MOVE_READY, MOVE_REFUSED, MOVE_UNKNOWN};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        char reason[MESSAGE_REASON_MAX];
        enum move_answer answer = MOVE_READY;
        struct bytes frame = {0};
        size_t consumed;
        move_text_put_answer(&frame, answers[i], "no\x1b[31m room");
        for (size_t count = 0; count < frame.count; count++)
            assert_int_equal(
                move_text_get_answer(frame.data, count, &answer, reason, &consumed, NULL),
                STATUS_OK);
        assert_int_equal(
            move_text_get_answer(frame.data, frame.count, &answer, reason, &consumed, NULL),
            STATUS_OK);
        assert_int_equal(consumed, frame.count);
        assert_int_equal(answer, answers[i]);
        assert_string_equal(reason, answer == MOVE_READY ? "" : "no?[31m room");
        bytes_clear(&frame);
        saving_begin(&frame, "answer = maybe\n");
        assert_int_equal(
            move_text_get_answer(frame.data, frame.count, &answer, reason, &consumed, NULL),
            STATUS_BAD_INPUT);
        bytes_fini(&frame);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_said_is_heard),
        cmocka_unit_test(cut_it_is_waited_for_and_changed_it_is_refused),
        cmocka_unit_test(what_makes_no_sense_is_refused_by_name),
        cmocka_unit_test(answers_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
