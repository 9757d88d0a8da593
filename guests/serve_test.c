/* chat and game, spoken to by several at once: who hears what, who is not held up, who is shown
 * out. */
#include "guests/talk.h"

#define CHAT_PORT 7000
#define GAME_PORT 7777

static int setup_chat(void **state)
{
    (void)state;
    boot("chat", 8 * MIB);
    connect_to(0, CHAT_PORT);
    return 0;
}

static int setup_game(void **state)
{
    (void)state;
    stand_open(&stand, "game", 8 * MIB);
    stand_run(&stand, 10 * NS_PER_MS); /* its first tick is at about 23 ms */
    return 0;
}

static void expect(uint32_t idx, const char *expected)
{
    bytes_clear(&answers);
    read_some(idx);
    expect_bytes(expected, strlen(expected), "heard");
}

static void tell(uint32_t idx, const char *line)
{
    assert_int_equal(stream_write(&stand.clients[idx], line, (uint32_t)strlen(line)), strlen(line));
    stand_settle(&stand, NS_PER_MS);
}

/* ---- chat ---- */

static void test_everybody_hears_everything_in_the_same_order(void **state)
{
    (void)state;
    connect_to(1, CHAT_PORT);
    connect_to(7, CHAT_PORT);
    tell(0, "hello\n");
    tell(7, "/name Anna\r\n");
    tell(7, "it is\tme \xc3\xa4\r\n\r\n");
    tell(1, "/quit\n");
    expect(0, "1 * 0 came\n2 * 1 came\n3 * 7 came\n4 0: hello\n5 * 7 is now called Anna\n"
              "6 Anna: it is?me \xc3\xa4\n7 * 1 went\n");
    expect(7, "1 * 0 came\n2 * 1 came\n3 * 7 came\n4 0: hello\n5 * 7 is now called Anna\n"
              "6 Anna: it is?me \xc3\xa4\n7 * 1 went\n");
    assert_int_equal(stream_is_at_end(&stand.clients[0]), false);
    expect(1, "1 * 0 came\n2 * 1 came\n3 * 7 came\n4 0: hello\n5 * 7 is now called Anna\n"
              "6 Anna: it is?me \xc3\xa4\n");
    assert_true(stream_is_at_end(&stand.clients[1]));
    connect_to(2, CHAT_PORT); /* sees the last five, and its own coming */
    expect(2, "3 * 7 came\n4 0: hello\n5 * 7 is now called Anna\n6 Anna: it is?me \xc3\xa4\n"
              "7 * 1 went\n8 * 2 came\n");
}

static void test_what_one_may_ask_for(void **state)
{
    static const struct {
        const char *line, *answer;
    } rows[] = {
        {"/who\n", "* here: 0 1\n"},
        {"/name 1\n", "* somebody is called so already\n"},
        {"/name\n", "* /name NAME, /who and /quit are known; all else is said\n"},
        {"/name \n", "* a name has 1 to 16 letters and digits\n"},
        {"/name a b\n", "* a name has 1 to 16 letters and digits\n"},
        {"/name abcdefghijklmnopq\n", "* a name has 1 to 16 letters and digits\n"},
        {"/name abcdefghijklmnop\n", "3 * 0 is now called abcdefghijklmnop\n"},
        {"/who\n", "* here: abcdefghijklmnop 1\n"},
        {"/whoever\n", "* /name NAME, /who and /quit are known; all else is said\n"},
        {"\n\r\n", ""},
    };
    (void)state;
    connect_to(1, CHAT_PORT);
    expect(0, "1 * 0 came\n2 * 1 came\n");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        tell(0, rows[i].line);
        expect(0, rows[i].answer);
    }
}

static void test_lines_cut_anywhere_and_too_long(void **state)
{
    char line[300];
    (void)state;
    expect(0, "1 * 0 came\n");
    talk(0, "one\ntwo\r\nthree\n", 15, 1);
    expect_bytes("2 0: one\n3 0: two\n4 0: three\n", 29, "byte by byte");
    memset(line, 'x', sizeof line);
    line[256] = '\n';
    talk(0, line, 257, 100); /* the longest there may be */
    assert_int_equal(answers.count, 256 + 6);
    line[256] = 'x';
    talk(0, line, 257, 100);
    expect_bytes("* that line is too long: 256 bytes at most\n", 43, "too long");
    assert_true(stream_is_at_end(&stand.clients[0]));
}

static void test_a_slow_reader_misses_lines_and_holds_up_nobody(void **state)
{
    char line[128];
    uint64_t said = 0;
    (void)state;
    connect_to(1, CHAT_PORT);
    for (unsigned i = 0; i < 500; i++) {
        snprintf(line, sizeof line, "line %u %s\n", i, "........................................");
        tell(1, line);
        bytes_clear(&answers);
        read_some(1);
        said +=
            answers.count > 0 && memmem(answers.data, answers.count, line, strlen(line)) != NULL;
    }
    assert_int_equal(said, 500); /* the other one heard each at once */

    struct bytes heard = {0};
    for (bool was_any = true; was_any;) {
        bytes_clear(&answers);
        was_any = read_some(0);
        bytes_put(&heard, answers.data, answers.count);
        stand_settle(&stand, NS_PER_S);
    }
    tell(1, "the end\n");
    bytes_clear(&answers);
    read_some(0);
    bytes_put(&heard, answers.data, answers.count);
    bytes_put_u8(&heard, 0);
    /* Lines without a gap, then the number of those that are missing, then the end. */
    const char *at = (const char *)heard.data;
    unsigned long number = 1, missed = 0;
    for (; strtoul(at, NULL, 10) == number; number++)
        at = strchr(at, '\n') + 1;
    assert_int_equal(sscanf(at, "* you missed %lu lines", &missed), 1);
    assert_in_range(missed, 100, 450);
    at = strchr(at, '\n') + 1;
    assert_int_equal(strtoul(at, NULL, 10), number + missed);
    assert_non_null(strstr(at, "1: the end\n"));
    bytes_fini(&heard);
}

static void test_chat_checks_itself_and_says_so(void **state)
{
    (void)state;
    stand_close(&stand);
    boot("chat --lines 1500", 8 * MIB);
    connect_to(0, CHAT_PORT);
    for (unsigned i = 0; i < 1500 && stand.run.stop != GUEST_ENDED; i++) {
        tell(0, "again\n");
        bytes_clear(&answers);
        read_some(0);
    }
    stand_run(&stand, stand_now_ns(&stand) + NS_PER_S);
    assert_int_equal(stand.run.stop, GUEST_ENDED);
    assert_int_equal(stand.run.status, 0);
    assert_string_equal(stand_console(&stand),
                        "chat: listening on port 7000\n"
                        "chat: 1000 lines, 1 here, all that are kept checked, ok\n"
                        "chat: 1500 lines, all that are kept checked, ok\n");
}

static void test_a_room_full_of_strangers(void **state)
{
    (void)state;
    for (uint32_t i = 1; i < MAILBOX_STREAMS; i++)
        connect_to(i, CHAT_PORT);
    for (unsigned round = 0; round < 20; round++)
        for (uint32_t i = 0; i < MAILBOX_STREAMS; i++)
            tell(i, "/who\nhello all\n/name\n\n\1\2\3\n");
    for (uint32_t i = 0; i < MAILBOX_STREAMS; i += 2) { /* half of them go at once */
        stream_close(&stand.clients[i]);
        bytes_clear(&answers);
        while (read_some(i))
            stand_settle(&stand, NS_PER_S);
    }
    stand_settle(&stand, NS_PER_S);
    while (read_some(1))
        stand_settle(&stand, NS_PER_S);
    tell(1, "/who\n");
    bytes_clear(&answers);
    while (read_some(1))
        stand_settle(&stand, NS_PER_S);
    bytes_put_u8(&answers, 0);
    assert_non_null(strstr((const char *)answers.data,
                           "* here: 1 3 5 7 9 11 13 15 17 19 21 23 25 27 "
                           "29 31 33 35 37 39 41 43 45 47 49 51 53 55 57 "
                           "59 61 63\n"));
}

/* ---- game ---- */

/* Reads all that has come for a player, and gives the numbers of its last whole tick. */
struct seen {
    unsigned long ticks, tick, ack, coins;
    unsigned x, y;
    char rest[2000];
};

static struct seen look(uint32_t idx)
{
    struct seen seen = {0};
    char own[16];
    bytes_clear(&answers);
    while (read_some(idx))
        stand_carry(&stand);
    bytes_put_u8(&answers, 0);
    for (const char *at = (const char *)answers.data; (at = strstr(at, "tick ")) != NULL; at++) {
        assert_int_equal(sscanf(at, "tick %lu ack %lu coins %lu:%1999[^\n]", &seen.tick, &seen.ack,
                                &seen.coins, seen.rest),
                         4);
        seen.ticks++;
    }
    snprintf(own, sizeof own, " %u ", idx);
    if (seen.ticks > 0)
        assert_int_equal(sscanf(strstr(seen.rest, own) + strlen(own), "%u,%u", &seen.x, &seen.y),
                         2);
    return seen;
}

static void test_players_move_and_see_each_other(void **state)
{
    struct seen before, after;
    (void)state;
    stand_connect(&stand, 3, GAME_PORT);
    stand_connect(&stand, 4, GAME_PORT);
    stand_run(&stand, 110 * NS_PER_MS);
    before = look(3);
    assert_int_equal(memcmp(answers.data, "welcome 3 512 512\n", 18), 0);
    assert_int_equal(before.ticks, 5);
    assert_int_equal(before.tick, 5);
    assert_int_equal(before.ack, 0);
    assert_non_null(strstr(before.rest, " 4 "));

    assert_int_equal(stream_write(&stand.clients[3], "move 1 -1 7\n", 12), 12);
    for (unsigned i = 0; i < 10; i++) { /* who reads each tick sees each tick */
        stand_run(&stand, 110 * NS_PER_MS + (i + 1) * 20 * NS_PER_MS);
        after = look(3);
        assert_int_equal(after.ticks, 1);
        assert_int_equal(after.tick, 6 + i);
        assert_int_equal(after.ack, 7);
        assert_int_equal(after.x, (before.x + i + 1) % 512);
        assert_int_equal(after.y, (before.y + 512 - (i + 1)) % 512);
    }
    stream_write(&stand.clients[3], "move 0 0 8\n", 11);
    stand_run(&stand, 400 * NS_PER_MS);
    before = look(3);
    stand_run(&stand, 600 * NS_PER_MS);
    after = look(3);
    assert_int_equal(after.x, before.x);
    assert_int_equal(after.ack, 8);

    /* Player 4 has read nothing meanwhile: what has waited is old, but then comes the newest. */
    look(4);
    stand_run(&stand, 710 * NS_PER_MS);
    assert_int_equal(look(4).tick, 35);
    stream_close(&stand.clients[3]);
    stand_run(&stand, 800 * NS_PER_MS);
    assert_null(strstr(look(4).rest, " 3 "));
    look(3); /* what was on its way */
    stand_run(&stand, 810 * NS_PER_MS);
    assert_true(stream_is_over(&stand.clients[3]));
}

static void test_who_is_no_player_is_shown_out(void **state)
{
    static const char *const rows[] = {
        "GET / HTTP/1.1\r\n",
        "move 1\n",
        "move 2 0 1\n",
        "move 0 -2 1\n",
        "move 1 1 -1\n",
        "move 1 1 1 1\n",
        "move 1 1 99999999999\n",
        "move 1 1 x\n",
        "\n",
        "move  \n",
    };
    static char endless[200];
    (void)state;
    memset(endless, 'x', sizeof endless);
    for (uint32_t i = 0; i <= sizeof rows / sizeof rows[0]; i++) {
        const char *text = i == sizeof rows / sizeof rows[0] ? endless : rows[i];
        uint32_t count = text == endless ? sizeof endless : (uint32_t)strlen(text);
        stand_connect(&stand, i, GAME_PORT);
        stream_write(&stand.clients[i], text, count);
        stand_run(&stand, stand_now_ns(&stand) + 50 * NS_PER_MS);
        bytes_clear(&answers);
        read_some(i);
        bytes_put_u8(&answers, 0);
        if (strstr((const char *)answers.data, "what? write move DX DY SEQUENCE\n") == NULL)
            fail_msg("%.20s was answered %s", text, (const char *)answers.data);
        assert_true(stream_is_at_end(&stand.clients[i]));
    }
}

static void test_a_full_game_keeps_its_ticks_and_checks_itself(void **state)
{
    (void)state;
    stand_close(&stand);
    stand_open(&stand, "game --ticks 260", 8 * MIB);
    stand_run(&stand, 10 * NS_PER_MS);
    for (uint32_t i = 0; i < 60; i++)
        stand_connect(&stand, i, GAME_PORT);
    for (unsigned tick = 1; tick < 250; tick++) {
        stand_run(&stand, tick * 20 * NS_PER_MS);
        for (uint32_t i = 0; i < 60; i++) { /* 20 of them read nothing, and 10 fall silent */
            char move[32];
            int count = snprintf(move, sizeof move, "move %d %d %u\n", (int)(i % 3) - 1,
                                 (int)(tick / 7 % 3) - 1, tick);
            if (i < 50)
                stream_write(&stand.clients[i], move, (uint32_t)count);
            if (i >= 20)
                look(i);
        }
    }
    stand_run(&stand, 6 * NS_PER_S);
    assert_int_equal(stand.run.stop, GUEST_ENDED);
    assert_int_equal(stand.run.status, 0);
    assert_non_null(
        strstr(stand_console(&stand), "game: tick 250, 60 players and 64 bots, 0 late, "));
    assert_non_null(strstr(stand_console(&stand), "game: 260 ticks, 0 late, worst "));
    assert_non_null(strstr(stand_console(&stand), " us, world checked, ok\n"));
}

static void test_a_slow_machine_says_that_its_ticks_are_late(void **state)
{
    (void)state;
    stand_close(&stand);
    stand_open_as(&stand, "game --ticks 50", 8 * MIB, 1000000, 1);
    stand_run(&stand, 20 * NS_PER_S);
    assert_int_equal(stand.run.stop, GUEST_ENDED);
    assert_non_null(strstr(stand_console(&stand), "game: 50 ticks, 50 late, worst "));
}

static void test_the_game_notices_a_changed_world(void **state)
{
    uint8_t page[PAGE_BYTES];
    unsigned coins = 0;
    (void)state;
    stand_run(&stand, 100 * NS_PER_MS);
    /* The field's last page is checked at the latest in tick 64: one more coin. */
    for (uint64_t page_idx = 0; coins == 0; page_idx++) {
        uint16_t cells[PAGE_BYTES / 2];
        bool is_field = true;
        stand.guest->ops->read_pages(stand.guest, page_idx, 1, page);
        memcpy(cells, page, sizeof cells);
        for (unsigned i = 0; i < PAGE_BYTES / 2; i++) {
            is_field &= cells[i] <= 1;
            coins += cells[i] == 1;
        }
        if (!is_field || coins < 10) {
            coins = 0;
            continue;
        }
        for (unsigned i = 0; i < PAGE_BYTES / 2; i++)
            if (cells[i] == 0) {
                cells[i] = 1;
                break;
            }
        memcpy(page, cells, sizeof page);
        stand.guest->ops->drop_page(stand.guest, page_idx);
        stand.guest->ops->install_pages(stand.guest, page_idx, 1, page);
    }
    stand_run(&stand, 2 * NS_PER_S);
    assert_int_equal(stand.run.stop, GUEST_ENDED);
    assert_int_equal(stand.run.status, 1);
    assert_non_null(strstr(stand_console(&stand), "the coins do not add up in row"));
}

#define CHAT(name) cmocka_unit_test_setup_teardown(name, setup_chat, teardown)
#define GAME(name) cmocka_unit_test_setup_teardown(name, setup_game, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHAT(test_everybody_hears_everything_in_the_same_order),
        CHAT(test_what_one_may_ask_for),
        CHAT(test_lines_cut_anywhere_and_too_long),
        CHAT(test_a_slow_reader_misses_lines_and_holds_up_nobody),
        CHAT(test_chat_checks_itself_and_says_so),
        CHAT(test_a_room_full_of_strangers),
        GAME(test_players_move_and_see_each_other),
        GAME(test_who_is_no_player_is_shown_out),
        GAME(test_a_full_game_keeps_its_ticks_and_checks_itself),
        GAME(test_a_slow_machine_says_that_its_ticks_are_late),
        GAME(test_the_game_notices_a_changed_world),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
