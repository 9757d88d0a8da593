/* metronome: its ticks come when they are due, its writes are what it says, and every word of its
 * memory counts. */
#include "guests/talk.h"

#define PORT 7100

static void test_what_it_comes_to(void **state)
{
    static const struct {
        const char *command;
        uint64_t status;
        const char *last_line;
    } rows[] = {
        {"metronome --ticks 0", 0, "metronome: 0 ticks, 0 writes, 256 pages checked, ok\n"},
        {"metronome --ticks 50", 0, "metronome: 50 ticks, 50 writes, 256 pages checked, ok\n"},
        {"metronome --ticks 50 --dirty-rate 22500pages/s --working-set 64KiB --touch page", 0,
         "metronome: 50 ticks, 1125 writes, 256 pages checked, ok\n"},
        {"metronome --ticks 3 --every 100ms --dirty-rate 15pages/s --working-set 4KiB", 0,
         "metronome: 3 ticks, 4 writes, 256 pages checked, ok\n"},
        {"metronome --ticks 1 --fill 0 --dirty-rate 0", 0,
         "metronome: 1 tick, 0 writes, 0 pages checked, ok\n"},
        {"metronome --fill 5MiB", 2, "KiB that are free\n"},
        {"metronome --working-set 2MiB", 2,
         "metronome: --working-set needs whole pages of the 1024 KiB of --fill\n"},
        {"metronome --fill 0", 2, "metronome: --dirty-rate needs a --working-set to write to\n"},
        {"metronome --every 0ms", 2, ", and --dirty-rate one write a nanosecond at most\n"},
        {"metronome --touch none", 2,
         "metronome: --touch needs one of its words: word, page, "
         "not none\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        stand_open(&stand, rows[i].command, 4 * MIB);
        stand_run(&stand, 20 * NS_PER_S);
        const char *console = stand_console(&stand);
        if (stand.run.stop != GUEST_ENDED || stand.run.status != rows[i].status)
            fail_msg("%s ended with %llu: %s", rows[i].command,
                     (unsigned long long)stand.run.status, console);
        size_t count = strlen(console), line = strlen(rows[i].last_line);
        if (line > count || strcmp(console + count - line, rows[i].last_line) != 0)
            fail_msg("%s said: %s", rows[i].command, console);
        stand_close(&stand);
    }
}

/* Reads all that has come; the lines must follow one another without a gap. Gives the last one. */
struct heard {
    unsigned count;
    unsigned long tick, at_ns;
};

static struct heard listen_to(uint32_t idx)
{
    struct heard heard = {0};
    bytes_clear(&answers);
    while (read_some(idx))
        stand_carry(&stand);
    bytes_put_u8(&answers, 0);
    for (const char *at = (const char *)answers.data; *at != '\0'; at = strchr(at, '\n') + 1) {
        unsigned long before = heard.tick;
        assert_int_equal(sscanf(at, "tick %lu %lu\n", &heard.tick, &heard.at_ns), 2);
        assert_true(heard.count == 0 || heard.tick == before + 1);
        heard.count++;
    }
    return heard;
}

static void test_each_listener_hears_each_tick_when_it_is_due(void **state)
{
    (void)state;
    stand_open(&stand, "metronome --dirty-rate 5000pages/s", 4 * MIB);
    stand_run(&stand, 50 * NS_PER_MS); /* filling takes about 10 ms */
    stand_connect(&stand, 0, PORT);
    stand_connect(&stand, 9, PORT);
    stand_run(&stand, 60 * NS_PER_MS);
    listen_to(0);
    unsigned long tick = listen_to(9).tick;
    for (unsigned i = 1; i < 20; i++) {
        stand_run(&stand, (60 + i * 10) * NS_PER_MS);
        for (uint32_t idx = 0; idx <= 9; idx += 9) {
            struct heard heard = listen_to(idx);
            assert_int_equal(heard.count, 10);
            assert_int_equal(heard.tick, tick + i * 10);
            assert_in_range(heard.at_ns, (59 + i * 10) * NS_PER_MS, (60 + i * 10) * NS_PER_MS);
        }
    }
    stream_write(&stand.clients[9], "en", 2);
    stand_run(&stand, 300 * NS_PER_MS);
    assert_int_not_equal(stand.run.stop, GUEST_ENDED);
    stream_write(&stand.clients[9], "d\n", 2);
    stand_run(&stand, NS_PER_S);
    assert_int_equal(stand.run.stop, GUEST_ENDED);
    assert_int_equal(stand.run.status, 0);
    assert_non_null(strstr(stand_console(&stand), " writes, 256 pages checked, ok\n"));
}

/* A machine that needs more than 5 ms for the writes of a tick: as many ticks as it has time for, no more
 * writes than belong to them. */
static void test_what_is_missed_is_not_made_up_for(void **state)
{
    unsigned long ticks, writes;
    (void)state;
    stand_open_as(&stand, "metronome --dirty-rate 100kpages/s --touch page --ticks 100", 4 * MIB,
                  50000000, 1);
    stand_run(&stand, 20 * NS_PER_S);
    assert_int_equal(stand.run.stop, GUEST_ENDED);
    const char *line = strstr(strstr(stand_console(&stand), "7100\n"), "metronome: ");
    assert_int_equal(sscanf(line, "metronome: %lu ticks, %lu writes", &ticks, &writes), 2);
    assert_int_equal(ticks, 100);
    assert_int_equal(writes, 100 * 100);
    assert_in_range(stand_now_ns(&stand), 500 * NS_PER_MS, 10 * NS_PER_S);
}

static void test_who_says_something_else_is_shown_out(void **state)
{
    static const char *const rows[] = {"GET / HTTP/1.1\r\n", "\n", "ending\n", "End\n"};
    (void)state;
    stand_open(&stand, "metronome", 4 * MIB);
    stand_run(&stand, 50 * NS_PER_MS);
    for (uint32_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        stand_connect(&stand, i, PORT);
        stream_write(&stand.clients[i], rows[i], (uint32_t)strlen(rows[i]));
        stand_run(&stand, stand_now_ns(&stand) + 20 * NS_PER_MS);
        bytes_clear(&answers);
        read_some(i);
        bytes_put_u8(&answers, 0);
        assert_non_null(strstr((const char *)answers.data, "what? write end, and I end\n"));
        assert_true(stream_is_at_end(&stand.clients[i]));
    }
}

/* The fill begins behind the image, and behind it there is nothing. */
static uint64_t last_filled_page(void)
{
    uint64_t page_idx = 4 * MIB / PAGE_BYTES;
    uint64_t word = 0;
    uint8_t page[PAGE_BYTES];

    while (word == 0) {
        stand.guest->ops->read_pages(stand.guest, --page_idx, 1, page);
        memcpy(&word, page + 8, sizeof word);
    }
    return page_idx;
}

static void test_every_word_of_its_memory_counts(void **state)
{
    static const struct {
        const char *command;
        uint64_t page_idx;
        uint32_t at;
    } rows[] = {
        {"metronome --ticks 300", 7, 0}, /* the number of the write that was here last */
        {"metronome --ticks 300", 7, 4095},
        {"metronome --ticks 300 --working-set 512KiB", 255, 8}, /* never written to */
        {"metronome --ticks 300 --touch page", 101, 1000},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *console;
        uint8_t page[PAGE_BYTES];
        stand_open(&stand, rows[i].command, 4 * MIB);
        stand_run(&stand, 290 * NS_PER_MS);
        assert_int_not_equal(stand.run.stop, GUEST_ENDED);
        const struct guest_ops *ops = stand.guest->ops;
        uint64_t page_idx = last_filled_page() - 255 + rows[i].page_idx;
        ops->read_pages(stand.guest, page_idx, 1, page);
        page[rows[i].at] ^= 0x10;
        ops->drop_page(stand.guest, page_idx);
        ops->install_pages(stand.guest, page_idx, 1, page);
        stand_run(&stand, 2 * NS_PER_S);
        console = stand_console(&stand);
        if (stand.run.stop != GUEST_ENDED || stand.run.status != 1 ||
            strstr(console, " and not ") == NULL)
            fail_msg("%s, page %llu: ended with %llu: %s", rows[i].command,
                     (unsigned long long)rows[i].page_idx, (unsigned long long)stand.run.status,
                     console);
        stand_close(&stand);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_it_comes_to),
        cmocka_unit_test_teardown(test_each_listener_hears_each_tick_when_it_is_due, teardown),
        cmocka_unit_test_teardown(test_what_is_missed_is_not_made_up_for, teardown),
        cmocka_unit_test_teardown(test_who_says_something_else_is_shown_out, teardown),
        cmocka_unit_test(test_every_word_of_its_memory_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
