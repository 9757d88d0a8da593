/* The stub by example: what a debugger sends and what it is answered; and that no bytes of a
 * stranger's confuse it, however they are cut. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/prng.h"
#include "machine/board.h"
#include "machine/debug_program.h"
#include "machine/gdb.h"

static struct debug_program program;

struct bench {
    struct guest *guest;
    struct debug debug;
    struct lines lines;
    struct gdb gdb;
};

static int set_up(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);
    bench->guest = debug_program_boot(&program, 2);
    debug_init(&bench->debug);
    debug_hold(&bench->debug, bench->guest, DEBUG_ASKED);
    gdb_init(&bench->gdb, &bench->debug, &bench->lines);
    bench->gdb.can_go_back = true;
    bench->gdb.words = "";
    *state = bench;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    gdb_fini(&bench->gdb);
    bench->guest->ops->close(bench->guest);
    free(bench);
    return 0;
}

static void receive(struct bench *bench, const char *payload, size_t count)
{
    char text[2 * GDB_PACKET_MAX];
    uint8_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum = (uint8_t)(sum + (uint8_t)payload[i]);
    text[0] = '$';
    memcpy(text + 1, payload, count);
    snprintf(text + 1 + count, 4, "#%02x", sum);
    assert_int_equal(gdb_receive(&bench->gdb, (const uint8_t *)text, count + 4), count + 4);
}

/* What came out, without its frame; cleared. */
static const char *answer(struct bench *bench)
{
    static char text[4 * GDB_PACKET_MAX];
    struct bytes *output = gdb_output(&bench->gdb);
    size_t at = output->count > 0 && output->data[0] == '+' ? 1 : 0;
    if (output->count < at + 4 || output->data[at] != '$')
        return "(nothing)";
    assert_int_equal(output->data[output->count - 3], '#');
    size_t count = output->count - at - 4;
    memcpy(text, output->data + at + 1, count);
    text[count] = '\0';
    bytes_clear(output);
    return text;
}

static enum gdb_action ask(struct bench *bench, const char *payload)
{
    bytes_clear(gdb_output(&bench->gdb));
    receive(bench, payload, strlen(payload));
    return gdb_next(&bench->gdb, bench->guest);
}

static const struct {
    const char *packet, *answer;
} answers[] = {
    {"?", "T05thread:1;"},
    {"!", ""},
    {"vMustReplyEmpty", ""},
    {"vCont?", "vCont;c;C;s;S"},
    {"qC", "QC1"},
    {"qAttached", "1"},
    {"qfThreadInfo", "m1,2"},
    {"qsThreadInfo", "l"},
    {"qTStatus", ""},
    {"T1", "OK"},
    {"T2", "OK"},
    {"T3", "E16"},
    {"Tx", "E16"},
    {"Hg2", "OK"},
    {"Hg0", "OK"},
    {"Hc-1", "OK"},
    {"Hc-2", "E16"},
    {"Hg3", "E16"},
    {"Hq1", "E16"},
    {"H", "E16"},
    /* Registers, in the target's order of bytes. */
    {"p20", "0000008000000000"},
    {"p0", "0000000000000000"},
    {"P5=efcdab8967452301", "OK"},
    {"p5", "efcdab8967452301"},
    {"P0=0100000000000000", "E16"},
    {"P20=0100008000000000", "E16"}, /* an odd pc */
    {"P5=efcd", "E16"},
    {"P5=efcdab89674523011", "E16"},
    {"p1041", "0100000000000000"}, /* supervisor mode */
    {"p41", "E16"},
    {"pffffffff", "E16"},
    {"p", "E16"},
    {"p100000000000000000", "E16"},
    {"P146=0400008000000000", "OK"}, /* stvec is 0x105 + 65 */
    {"p146", "0400008000000000"},
    {"G00", "E16"},
    /* Memory. */
    {"m80020000,4", "00000000"},
    {"M80020000,4:01020304", "OK"},
    {"m80020000,4", "01020304"},
    {"m80020002,0", "E0e"},
    {"m80020000,4:", "E16"},
    {"m80020000", "E16"},
    {"m,4", "E16"},
    {"m7ffffffe,4", "E0e"},
    {"m800ffffe,4", "0000"}, /* what is there of it */
    {"mfffffffffffffffe,8", "E0e"},
    {"M80020000,4:010203", "E16"},
    {"M80020000,3:01020304", "E16"},
    {"M7ffffffe,4:01020304", "E0e"},
    {"X80020000,0:", "OK"},
    {"X80020000,3:ab}\x03", "OK"}, /* an escaped '#' */
    {"m80020000,4", "61622304"},
    /* Points. */
    {"Z0,80000000,4", "OK"},
    {"z0,80000000,4", "OK"},
    {"z0,80000000,4", "OK"},
    {"Z1,80000000,2", "OK"},
    {"Z2,80000000,8", "OK"},
    {"Z5,80000000,8", ""},
    {"Z2,80000000", "E16"},
    {"Z,80000000,4", "E16"},
    {"vCont;x", "E16"},
    {"vCont;s:7", "E16"},
    {"vCont", ""},
    {"c1", "E16"}, /* an odd pc */
    {"sx", "E16"},
    {"bx", ""},
    {"qXfer:features:read:other.xml:0,100", "E00"},
    {"qXfer:features:read:target.xml:x", "E16"},
    {"qXfer:features:read:target.xml:ffffffffffffffff,10", "l"},
    {"qXfer:features:read:target.xml:0,15", "m<?xml version=\"1.0\"?>"},
    {"qRcmd,zz", "E16"},
    {"qRcmd,7", "E16"},
    {"", ""},
};

static void packets_and_their_answers(void **state)
{
    struct bench *bench = *state;
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        enum gdb_action action = ask(bench, answers[i].packet);
        const char *text = answer(bench);
        if (strcmp(text, answers[i].answer) != 0)
            fail_msg("%s: \"%s\", not \"%s\"", answers[i].packet, text, answers[i].answer);
        if (action == GDB_CHANGED)
            action = gdb_next(&bench->gdb, bench->guest);
        assert_int_equal(action, GDB_NOTHING);
    }
}

static void packets_that_let_it_go(void **state)
{
    static const struct {
        const char *packet;
        enum gdb_action action;
        uint32_t hart_idx;
        bool sets_pc;
    } rows[] = {
        {"c", GDB_GO, DEBUG_NO_HART, false},
        {"C05", GDB_GO, DEBUG_NO_HART, false},
        {"c80000004", GDB_GO, DEBUG_NO_HART, true},
        {"s", GDB_GO, 0, false},
        {"S05;80000008", GDB_GO, 0, true},
        {"vCont;c", GDB_GO, DEBUG_NO_HART, false},
        {"vCont;s:2;c", GDB_GO, 1, false},
        {"vCont;c:1;s", GDB_GO, 0, false},
        {"vCont;S05:2;C05", GDB_GO, 1, false},
        {"vCont;s:-1", GDB_GO, 0, false},
        {"bs", GDB_GO_BACK, 0, false},
        {"bc", GDB_GO_BACK, DEBUG_NO_HART, false},
    };
    struct bench *bench = *state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        enum gdb_action action = ask(bench, rows[i].packet);
        assert_int_equal(action == GDB_CHANGED, rows[i].sets_pc); /* first of all */
        if (action == GDB_CHANGED) {
            gdb_tell_stop(&bench->gdb, bench->guest); /* it has not gone yet */
            action = gdb_next(&bench->gdb, bench->guest);
        }
        assert_int_equal(action, rows[i].action);
        assert_int_equal(bench->gdb.acting_hart, rows[i].hart_idx);
        assert_string_equal(answer(bench), "(nothing)"); /* but its acknowledgement */
        gdb_tell_stop(&bench->gdb, bench->guest);
        assert_string_equal(answer(bench), "T05thread:1;");
        assert_int_equal(gdb_next(&bench->gdb, bench->guest), GDB_NOTHING);
    }
    bench->gdb.can_go_back = false;
    bench->gdb.no_way_back = "not here";
    assert_int_equal(ask(bench, "bs"), GDB_NOTHING);
    assert_string_equal(answer(bench), "E.not here");
    assert_int_equal(ask(bench, "D"), GDB_DETACH);
    assert_string_equal(answer(bench), "OK");
    assert_int_equal(ask(bench, "k"), GDB_KILL);
    assert_int_equal(ask(bench, "vKill;1"), GDB_KILL);
}

static void stops_are_told_with_their_reason(void **state)
{
    struct bench *bench = *state;
    static const struct {
        struct debug_stop stop;
        const char *answer;
    } rows[] = {
        {{DEBUG_STEPPED, 1, {0}, 0}, "T05thread:2;"},
        {{DEBUG_POINT, 0, {DEBUG_BREAK, 0x80000000, 4}, 0}, "T05thread:1;swbreak:;"},
        {{DEBUG_POINT, 0, {DEBUG_BREAK, 0x80000000, 0}, 0}, "T05thread:1;swbreak:;"},
        {{DEBUG_POINT, 0, {DEBUG_HARD_BREAK, 0x80000000, 4}, 0}, "T05thread:1;hwbreak:;"},
        {{DEBUG_POINT, 1, {DEBUG_WRITE, 1, 2}, 0x80001234}, "T05thread:2;watch:80001234;"},
        {{DEBUG_POINT, 1, {DEBUG_READ, 1, 2}, 0x80001234}, "T05thread:2;rwatch:80001234;"},
        {{DEBUG_POINT, 1, {DEBUG_ACCESS, 1, 2}, 0x80001234}, "T05thread:2;awatch:80001234;"},
        {{DEBUG_BEGIN, 0, {0}, 0}, "T05thread:1;replaylog:begin;"},
    };
    assert_int_equal(ask(bench, "qSupported:swbreak+;hwbreak+;xmlRegisters=i386"), GDB_NOTHING);
    assert_non_null(strstr(answer(bench), "ReverseStep+"));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(ask(bench, "c"), GDB_GO);
        bench->debug.stop = rows[i].stop;
        bytes_clear(gdb_output(&bench->gdb));
        gdb_tell_stop(&bench->gdb, bench->guest);
        assert_string_equal(answer(bench), rows[i].answer);
    }
    /* An interrupt, and the end. */
    assert_int_equal(ask(bench, "c"), GDB_GO);
    assert_int_equal(gdb_receive(&bench->gdb, (const uint8_t *)"+\x03", 2), 2);
    assert_int_equal(gdb_next(&bench->gdb, bench->guest), GDB_HALT);
    debug_hold(&bench->debug, bench->guest, DEBUG_ASKED);
    bytes_clear(gdb_output(&bench->gdb));
    gdb_tell_stop(&bench->gdb, bench->guest);
    assert_string_equal(answer(bench), "T02thread:1;");
    assert_int_equal(ask(bench, "?"), GDB_NOTHING); /* it still stands for the same reason */
    assert_string_equal(answer(bench), "T02thread:1;");
    assert_int_equal(ask(bench, "c"), GDB_GO);
    bytes_clear(gdb_output(&bench->gdb));
    gdb_tell_end(&bench->gdb, &(struct guest_run){.stop = GUEST_ENDED, .status = 258});
    assert_string_equal(answer(bench), "W02");
}

/* While the guest runs, questions wait; they are not answered in the middle of it. */
static void questions_wait_while_it_runs(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(ask(bench, "c"), GDB_GO);
    assert_int_equal(ask(bench, "qC"), GDB_NOTHING);
    assert_string_equal(answer(bench), "(nothing)");
    debug_hold(&bench->debug, bench->guest, DEBUG_STEPPED);
    gdb_tell_stop(&bench->gdb, bench->guest);
    assert_int_equal(gdb_next(&bench->gdb, bench->guest), GDB_NOTHING);
    assert_non_null(strstr((const char *)gdb_output(&bench->gdb)->data, "$QC1#"));
}

static void frames(void **state)
{
    static const struct {
        const char *in, *out;
    } rows[] = {
        {"$qC#b4", "+$QC1#c5"},
        {"$qC#b5", "-"},
        {"$qC#zz", "-"},
        {"$qC$qC#b4", "-+$QC1#c5"}, /* broken off by the next */
        {"++junk$qC#b4", "+$QC1#c5"},
        {"$qC#b4-", "+$QC1#c5$QC1#c5"}, /* wanted again */
        {"$a}#de", "-"},                /* ends within an escape */
        {"$QStartNoAckMode#b0$qC#b4$qC#00", "+$OK#9a$QC1#c5"},
    };
    struct bench *bench = *state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t count = strlen(rows[i].in);
        for (size_t cut = 0; cut <= count; cut++) { /* at every place */
            struct bytes *output = gdb_output(&bench->gdb);
            const uint8_t *in = (const uint8_t *)rows[i].in;
            bench->gdb.packets.has_no_acks = false;
            bytes_clear(output);
            assert_int_equal(gdb_receive(&bench->gdb, in, cut), cut);
            assert_int_equal(gdb_next(&bench->gdb, bench->guest), GDB_NOTHING);
            assert_int_equal(gdb_receive(&bench->gdb, in + cut, count - cut), count - cut);
            assert_int_equal(gdb_next(&bench->gdb, bench->guest), GDB_NOTHING);
            if (output->count != strlen(rows[i].out) ||
                memcmp(output->data, rows[i].out, output->count) != 0)
                fail_msg("row %zu, cut at %zu: %.*s", i, cut, (int)output->count, output->data);
        }
    }
}

/* The longest that is taken, one byte more, and one that never ends. */
static void packets_are_bounded(void **state)
{
    struct bench *bench = *state;
    static char long_one[GDB_PACKET_MAX + 2];
    static uint8_t endless[GDB_INPUT_MAX];
    memset(long_one, 'q', GDB_PACKET_MAX + 1);
    receive(bench, long_one, GDB_PACKET_MAX);
    assert_int_equal(gdb_next(&bench->gdb, bench->guest), GDB_NOTHING);
    assert_string_equal(answer(bench), "");
    receive(bench, long_one, GDB_PACKET_MAX + 1);
    assert_int_equal(gdb_next(&bench->gdb, bench->guest), GDB_NOTHING);
    assert_int_equal(gdb_output(&bench->gdb)->data[0], '-');
    bytes_clear(gdb_output(&bench->gdb));
    memset(endless, 'x', sizeof endless);
    endless[0] = '$';
    for (int i = 0; i < 10; i++) {
        size_t taken = gdb_receive(&bench->gdb, endless, sizeof endless);
        assert_int_equal(gdb_next(&bench->gdb, bench->guest), GDB_NOTHING);
        assert_in_range(taken, 1, GDB_INPUT_MAX);
        assert_true(bench->gdb.packets.input_count < GDB_INPUT_MAX);
    }
    bytes_clear(gdb_output(&bench->gdb));
    assert_int_equal(ask(bench, "qC"), GDB_NOTHING);
    assert_non_null(strstr((const char *)gdb_output(&bench->gdb)->data, "$QC1#"));
}

/* What is behind the longest packet is still that packet: no signs, no interrupts. */
static void nothing_in_a_long_packet_is_a_sign(void **state)
{
    static const struct {
        const char *rest, *out;
    } rows[] = {
        {"--\x03--#00$qC#b4", "-+$QC1#c5"},
        {"--\x03--$qC#b4", "-+$QC1#c5"}, /* broken off */
        {"#00-$qC#b4", "-$QC1#c5+$QC1#c5"},
    };
    struct bench *bench = *state;
    struct bytes *output = gdb_output(&bench->gdb);
    static uint8_t input[GDB_PACKET_MAX + 100];
    memset(input, 'q', sizeof input);
    input[0] = '$';
    assert_int_equal(ask(bench, "qC"), GDB_NOTHING); /* what '-' would want again */
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t rest = strlen(rows[i].rest), count = GDB_PACKET_MAX + 10 + rest;
        memcpy(input + GDB_PACKET_MAX + 10, rows[i].rest, rest);
        for (size_t cut = GDB_PACKET_MAX; cut <= count; cut++) {
            bytes_clear(output);
            assert_int_equal(gdb_receive(&bench->gdb, input, cut), cut);
            assert_int_equal(gdb_next(&bench->gdb, bench->guest), GDB_NOTHING);
            for (size_t at = cut; at < count; at++) {
                assert_int_equal(gdb_receive(&bench->gdb, input + at, 1), 1);
                assert_int_equal(gdb_next(&bench->gdb, bench->guest), GDB_NOTHING);
            }
            if (output->count != strlen(rows[i].out) ||
                memcmp(output->data, rows[i].out, output->count) != 0)
                fail_msg("row %zu, cut at %zu: %.*s", i, cut, (int)output->count, output->data);
        }
    }
    /* Nor while the guest runs. */
    assert_int_equal(gdb_receive(&bench->gdb, input, GDB_PACKET_MAX + 5), GDB_PACKET_MAX + 5);
    assert_int_equal(gdb_next(&bench->gdb, bench->guest), GDB_NOTHING);
    bench->gdb.is_running = true;
    assert_int_equal(gdb_receive(&bench->gdb, (const uint8_t *)"q\x03q", 3), 3);
    assert_int_equal(gdb_next(&bench->gdb, bench->guest), GDB_NOTHING);
    assert_int_equal(gdb_receive(&bench->gdb, (const uint8_t *)"#00\x03", 4), 4);
    assert_int_equal(gdb_next(&bench->gdb, bench->guest), GDB_HALT);
}

/* Only a pc that was set, and of the hart that comes next, makes a new place of where it stands:
 * else the breakpoint there, where it was held, would hold it once more. */
static void only_a_new_pc_is_another_place(void **state)
{
    static const struct {
        const char *packet;
        bool is_moved;
    } rows[] = {
        {"P5=efcdab8967452301", false},
        {"M80020000,4:01020304", false},
        {"P20=0400008000000000", true},
        {"P146=0400008000000000", false},
        {"Hg2", false},
        {"P20=0400008000000000", false},
    };
    struct bench *bench = *state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        bench->debug.is_moved = false;
        (void)ask(bench, rows[i].packet);
        assert_string_equal(answer(bench), "OK");
        (void)gdb_next(&bench->gdb, bench->guest);
        if (bench->debug.is_moved != rows[i].is_moved)
            fail_msg("%s", rows[i].packet);
    }
    /* All registers at once, with the pc as it is, and with another one. */
    char packet[2 * 8 * 33 + 2] = "G";
    assert_int_equal(ask(bench, "Hg1"), GDB_NOTHING);
    assert_int_equal(ask(bench, "g"), GDB_NOTHING);
    strcat(packet, answer(bench));
    assert_int_equal(ask(bench, packet), GDB_CHANGED);
    assert_false(bench->debug.is_moved);
    packet[strlen(packet) - 16] ^= 8;
    (void)gdb_next(&bench->gdb, bench->guest);
    assert_int_equal(ask(bench, packet), GDB_CHANGED);
    assert_true(bench->debug.is_moved);
    debug_hold(&bench->debug, bench->guest, DEBUG_ASKED); /* a stop is a place */
    assert_false(bench->debug.is_moved);
}

/* GDB keeps two sorts of breakpoints; their lengths mean nothing here. */
static void breakpoints_are_of_two_sorts(void **state)
{
    struct bench *bench = *state;
    static const char *const packets[] = {"Z0,80000000,4", "Z1,80000000,0", "Z0,80000000,2",
                                          "z0,80000000,2", "z1,80000000,4"};
    static const uint32_t counts[] = {1, 2, 2, 1, 0};
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(ask(bench, packets[i]), GDB_NOTHING);
        assert_string_equal(answer(bench), "OK");
        assert_int_equal(bench->debug.point_count, counts[i]);
    }
}

static void the_target_description_is_whole(void **state)
{
    struct bench *bench = *state;
    char whole[16384] = "", packet[64];
    size_t count = 0;
    for (int i = 0; i < 1000; i++) {
        snprintf(packet, sizeof packet, "qXfer:features:read:target.xml:%zx,100", count);
        assert_int_equal(ask(bench, packet), GDB_NOTHING);
        const char *piece = answer(bench);
        memcpy(whole + count, piece + 1, strlen(piece));
        count += strlen(piece) - 1;
        if (piece[0] == 'l')
            break;
        assert_int_equal(piece[0], 'm');
    }
    static const char *const parts[] = {"riscv:rv64",
                                        "name=\"zero\" bitsize=\"64\" regnum=\"0\"",
                                        "name=\"t6\"",
                                        "name=\"pc\" bitsize=\"64\" regnum=\"32\"",
                                        "name=\"sepc\" bitsize=\"64\" regnum=\"386\"",
                                        "name=\"priv\"",
                                        "</target>"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (strstr(whole, parts[i]) == NULL)
            fail_msg("%s is not in %s", parts[i], whole);
}

static void monitor_words(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(ask(bench, "qRcmd,7768657265"), GDB_NOTHING); /* where */
    assert_memory_equal(answer(bench), "6861727420303a", 14);      /* "hart 0:" */
    assert_int_equal(ask(bench, "qRcmd,696e737472756374696f6e73"), GDB_NOTHING);
    assert_memory_equal(answer(bench), "3020696e", 8); /* "0 in" */
    assert_int_equal(ask(bench, "qRcmd,78797a"), GDB_WORD);
    assert_string_equal(bench->gdb.word, "xyz");
    gdb_answer(&bench->gdb, "no");
    assert_string_equal(answer(bench), "6e6f");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(packets_and_their_answers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(packets_that_let_it_go, set_up, tear_down),
        cmocka_unit_test_setup_teardown(stops_are_told_with_their_reason, set_up, tear_down),
        cmocka_unit_test_setup_teardown(questions_wait_while_it_runs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(frames, set_up, tear_down),
        cmocka_unit_test_setup_teardown(packets_are_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_in_a_long_packet_is_a_sign, set_up, tear_down),
        cmocka_unit_test_setup_teardown(only_a_new_pc_is_another_place, set_up, tear_down),
        cmocka_unit_test_setup_teardown(breakpoints_are_of_two_sorts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_target_description_is_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(monitor_words, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
