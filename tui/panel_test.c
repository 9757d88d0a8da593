/* Pictures without a terminal: where the panels stand, and what they say at chosen instants. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <time.h>

#include "tui/layout.h"
#include "tui/panel.h"
#include "tui/narrator.h"
#include "tui/scripted.h"

static char picture_text[100 * 310 * 4];

/* Draws the session; its text, row by row, every character beyond ASCII as '#'. */
static const char *draw(struct scripted *s, int rows, int columns, bool has_help, bool is_ascii)
{
    static const char *const next[3] = {"ferry compare", "ferry run", "ferry forecast"};
    char sentence[2 * NARRATOR_MAX];
    struct canvas canvas;
    size_t at = 0;
    narrator_tell(&s->session, sentence, sizeof sentence);
    struct picture picture = {.session = &s->session,
                              .sentence = sentence,
                              .speed = 1,
                              .next_commands = next,
                              .latency = timeline_latency(&s->session.timeline),
                              .fault_wait = timeline_fault_wait(&s->session.timeline)};
    canvas_init(&canvas, is_ascii);
    canvas_resize(&canvas, rows, columns);
    panel_all(&canvas, &picture, has_help);
    for (int row = 0; row < rows; row++) {
        for (int column = 0; column < columns; column++) {
            uint32_t code = canvas.cells[row * columns + column].code;
            assert_true(!is_ascii || code < 0x80);
            picture_text[at++] = code == 0 ? ' ' : code < 0x80 ? (char)code : '#';
        }
        picture_text[at++] = '\n';
    }
    picture_text[at] = '\0';
    canvas_fini(&canvas);
    return picture_text;
}

static bool is_inside(struct rect rect, int rows, int columns)
{
    return rect.row >= 0 && rect.column >= 0 && rect.rows >= 0 && rect.columns > 0 &&
           rect.row + rect.rows <= rows && rect.column + rect.columns <= columns;
}

/* At every size: all inside, nothing on top of another, nothing left empty from top to bottom. */
static void the_panels_cover_every_size_exactly(void **state)
{
    (void)state;
    for (int rows = LAYOUT_ROWS_MIN; rows <= 100; rows++)
        for (int columns = LAYOUT_COLUMNS_MIN; columns <= 300; columns += 11)
            for (int has_ended = 0; has_ended < 2; has_ended++) {
                struct layout layout;
                assert_true(layout_make(rows, columns, has_ended != 0, &layout));
                const struct rect stack[] = {layout.title,   layout.sentence, layout.hosts,
                                             layout.closing, layout.rounds,   layout.clients,
                                             layout.keys};
                int row = 0;
                for (size_t i = 0; i < sizeof stack / sizeof stack[0]; i++) {
                    assert_true(is_inside(stack[i], rows, columns));
                    assert_int_equal(stack[i].row, row);
                    row += stack[i].rows;
                }
                assert_int_equal(row, rows);
                assert_int_equal(layout.measures.column, layout.rounds.columns);
                assert_int_equal(layout.measures.column + layout.measures.columns, columns);
                assert_true(layout.hosts.rows >= 6 || has_ended);
                assert_true(!has_ended || layout.closing.rows >= 6);
            }
    struct layout layout;
    assert_false(layout_make(LAYOUT_ROWS_MIN - 1, 200, false, &layout));
    assert_false(layout_make(100, LAYOUT_COLUMNS_MIN - 1, false, &layout));
}

static void assert_parts(const char *text, const char *const *parts)
{
    for (; *parts != NULL; parts++)
        if (strstr(text, *parts) == NULL)
            fail_msg("\"%s\" is not in:\n%s", *parts, text);
}

static void the_pictures_say_what_is_going_on(void **state)
{
    static const struct {
        enum mode mode;
        uint64_t at_ns;
        const char *parts[8];
    } rows[] = {
        {MODE_PRE_COPY,
         NS_PER_S / 2,
         {"round -", "downtime -", "guest runs here", "not paused yet", "  0 ", "4,096",
          "0.500 s"}},
        {MODE_PRE_COPY,
         NS_PER_S + NS_PER_S / 5,
         {"round 0", "dirty 3,", "in flight", "forecast now", "limit 30ms"}},
        {MODE_PRE_COPY,
         100 * NS_PER_S,
         {"downtime 8.325 ms", "measured", "forecast at pause", "WHAT THIS SHOWED",
          "ferry forecast", "0 wrong"}},
        {MODE_STOP_AND_COPY,
         NS_PER_S + NS_PER_S / 2,
         {"guest paused", "still growing", "499.8 ms", "paused", "round 0"}},
        {MODE_POST_COPY,
         NS_PER_S + 1000000,
         {"runs with faults", "missing 4,095", "awaited 1", "4,096 pages to come",
          "downtime 758.0 us"}},
        {MODE_HYBRID, NS_PER_S + NS_PER_S, {"runs with faults", "faults", "pushed", "round 0"}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct scripted *s = scripted_open(rows[i].mode, 4096, NS_PER_S);
        s->session.ops->advance(&s->session, rows[i].at_ns);
        assert_parts(draw(s, 24, 80, false, false), rows[i].parts);
        assert_parts(draw(s, 40, 120, false, true), rows[i].parts);
        scripted_close(&s->session);
    }
}

/* No faults where none came, and no seed in a world that is real. */
static void what_there_is_none_of_is_not_shown(void **state)
{
    struct scripted *s = scripted_open(MODE_POST_COPY, 4096, NS_PER_S);
    (void)state;
    s->session.ops->advance(&s->session, NS_PER_S + 1000000);
    assert_non_null(strstr(draw(s, 40, 160, false, false), "seed"));
    s->session.facts.is_real = true;
    assert_null(strstr(draw(s, 40, 160, false, false), "seed"));
    s->session.timeline.faults = 0;
    assert_null(strstr(draw(s, 40, 160, false, false), "runs with faults"));
    scripted_close(&s->session);
}

/* Who talks to a real guest is told with its move. */
static void of_a_live_guest_it_is_not_said_that_nobody_talks_to_it(void **state)
{
    struct scripted *s = scripted_open(MODE_PRE_COPY, 4096, NS_PER_S);
    (void)state;
    s->session.facts.client_count = 0;
    assert_non_null(strstr(draw(s, 24, 80, false, false), "Nobody talks to this guest."));
    s->session.facts.is_real = s->session.is_live = true;
    assert_null(strstr(draw(s, 24, 80, false, false), "Nobody"));
    assert_non_null(strstr(draw(s, 24, 80, false, false), "shown with its move."));
    s->session.timeline.has_started = true;
    assert_non_null(strstr(draw(s, 24, 80, false, false), "Nobody talks to this guest."));
    scripted_close(&s->session);
}

/* Of a live world it is the link as it is now, whatever the move that is looked at has seen of it. */
static void the_link_of_a_live_world_is_the_one_of_now(void **state)
{
    struct scripted *s = scripted_open(MODE_PRE_COPY, 4096, NS_PER_S);
    (void)state;
    s->session.ops->advance(&s->session, 100 * NS_PER_S);
    s->session.facts.is_real = s->session.is_live = true;
    s->session.timeline.trouble.link_state = LINK_CUT;
    assert_null(strstr(draw(s, 24, 80, false, false), "  cut"));
    s->session.link_bits_per_s = 40 * (8u << 20);
    s->session.timeline.trouble.link_state = LINK_WHOLE;
    assert_non_null(strstr(draw(s, 24, 80, false, false), "40.00 MiB/s"));
    s->session.is_link_cut = true;
    assert_non_null(strstr(draw(s, 24, 80, false, false), "  cut"));
    scripted_close(&s->session);
}

/* Every size, every scene, with and without help: nothing outside, no glyph without an ASCII form.
 */
static void no_size_breaks_a_picture(void **state)
{
    static const int sizes[][2] = {{1, 1},    {3, 10},   {24, 80},  {25, 81},
                                   {40, 120}, {60, 200}, {100, 300}};
    static const uint64_t pages[] = {1, 3, 64, 100003};
    (void)state;
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++)
        for (int mode = 0; mode < MODE_COUNT; mode++) {
            struct scripted *s = scripted_open((enum mode)mode, pages[i], NS_PER_S / 100);
            while (!s->session.has_ended) {
                uint64_t piece_ns = 1 + (uint64_t)s->events.items[s->events.count - 1].at_ns / 6;
                s->session.ops->advance(&s->session, s->session.timeline.now_ns + piece_ns);
                for (size_t j = 0; j < sizeof sizes / sizeof sizes[0]; j++) {
                    const char *text = draw(s, sizes[j][0], sizes[j][1], j % 2, j % 3 == 0);
                    if (sizes[j][0] < LAYOUT_ROWS_MIN)
                        continue;
                    assert_non_null(strstr(text, "round"));
                    assert_non_null(strstr(text, "downtime"));
                    if (strchr(text, '~') != NULL)
                        fail_msg("no ASCII form of something in:\n%s", text);
                }
            }
            scripted_close(&s->session);
        }
}

static void sixteen_million_pages_are_drawn_whole(void **state)
{
    uint64_t pages = 1ull << 24;
    struct scripted *s = scripted_open(MODE_PRE_COPY, 64, 60 * NS_PER_S);
    (void)state;
    timeline_fini(&s->session.timeline);
    timeline_init(&s->session.timeline, pages);
    s->session.facts.total_pages = pages;
    const struct event start = {
        .at_ns = 1, .kind = EVENT_MIGRATION_STARTED, .fields = {MODE_PRE_COPY, pages}};
    timeline_add(&s->session.timeline, &start);
    assert_non_null(strstr(draw(s, 60, 200, false, false), "to send 16.78 M"));
    scripted_close(&s->session);
}

/* A round that was given up, or switched away from, shows what was sent of it. */
static void a_round_cut_short_claims_no_more_than_was_sent(void **state)
{
    static const enum session_command commands[] = {SESSION_ABORT, SESSION_POST_COPY};
    (void)state;
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        struct scripted *s = scripted_open(MODE_PRE_COPY, 4096, NS_PER_S);
        s->session.ops->advance(&s->session, NS_PER_S + 100 * NS_PER_MS);
        assert_true(s->session.ops->act(&s->session, commands[i], 0));
        s->session.ops->advance(&s->session, NS_PER_S + 104 * NS_PER_MS);
        const struct timeline_round *round = timeline_round(&s->session.timeline);
        char row[64];
        assert_true(round->pages_sent > 100 && round->pages_sent < 1000);
        snprintf(row, sizeof row, " %llu    4,096", (unsigned long long)round->pages_sent);
        /* beside the forecast of 4,096 */
        const char *text = draw(s, 24, 80, false, false);
        const char *first = strstr(text, "\n  0 #");
        assert_non_null(first);
        if (strstr(first, row) == NULL || strstr(first, row) > first + 80)
            fail_msg("\"%s\" is not in:\n%s", row, text);
        scripted_close(&s->session);
    }
}

/* Whatever the counts are, each glyph of the map has its word. */
static void the_legend_is_whole_at_every_instant(void **state)
{
    static const char *const names[] = {"clean", "in flight", "missing", "awaited", "absent"};
    (void)state;
    for (int mode = 0; mode < MODE_COUNT; mode++) {
        struct scripted *s = scripted_open((enum mode)mode, 100000, NS_PER_MS);
        while (!s->session.has_ended) {
            s->session.ops->advance(&s->session, s->session.timeline.now_ns + 500 * NS_PER_MS);
            const char *text = draw(s, 24, 80, false, false);
            for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
                if (strstr(text, names[i]) == NULL)
                    fail_msg("\"%s\" is not in:\n%s", names[i], text);
            assert_true(strstr(text, "dirty ") != NULL || strstr(text, "to send") != NULL);
        }
        scripted_close(&s->session);
    }
}

/* What a recording cannot do is not offered. */
static void a_recording_offers_only_to_be_watched_again(void **state)
{
    struct scripted *s = scripted_open(MODE_HYBRID, 64, NS_PER_MS);
    (void)state;
    s->session.facts.origin = "recording x.ferry";
    s->session.ops->advance(&s->session, 100 * NS_PER_S);
    const char *text = draw(s, 24, 80, false, false);
    assert_non_null(strstr(text, "Watch it again:  4 hybrid"));
    assert_null(strstr(text, "stop-and-copy  2"));
    text = draw(s, 24, 80, true, false);
    assert_non_null(strstr(text, " 1 2 3 4 ")); /* one of them does it */
    assert_null(strstr(text, "(1 2 3 4)"));
    assert_non_null(strstr(text, "(+ -)"));
    assert_non_null(strstr(text, "(x)"));
    scripted_close(&s->session);
}

/* The promise of the design. Processor time, and the best of several: what else the machine does
 * must not decide. */
static void a_frame_takes_less_than_five_milliseconds(void **state)
{
    static const uint64_t pages[] = {16384, 1ull << 24};
    (void)state;
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
        struct scripted *s = scripted_open(MODE_PRE_COPY, 16384, NS_PER_S);
        uint64_t best_ns = UINT64_MAX;
        timeline_fini(&s->session.timeline);
        timeline_init(&s->session.timeline, pages[i]);
        s->session.facts.total_pages = pages[i];
        s->session.ops->advance(&s->session, 3 * NS_PER_S);
        for (int frame = 0; frame < 20; frame++) {
            struct timespec began, ended;
            clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &began);
            draw(s, 60, 200, false, false);
            clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ended);
            uint64_t took_ns = (uint64_t)(ended.tv_sec - began.tv_sec) * NS_PER_S +
                               (uint64_t)ended.tv_nsec - (uint64_t)began.tv_nsec;
            best_ns = took_ns < best_ns ? took_ns : best_ns;
        }
        assert_true(best_ns < 5 * NS_PER_MS);
        scripted_close(&s->session);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_panels_cover_every_size_exactly),
        cmocka_unit_test(the_pictures_say_what_is_going_on),
        cmocka_unit_test(what_there_is_none_of_is_not_shown),
        cmocka_unit_test(the_link_of_a_live_world_is_the_one_of_now),
        cmocka_unit_test(of_a_live_guest_it_is_not_said_that_nobody_talks_to_it),
        cmocka_unit_test(no_size_breaks_a_picture),
        cmocka_unit_test(a_frame_takes_less_than_five_milliseconds),
        cmocka_unit_test(a_round_cut_short_claims_no_more_than_was_sent),
        cmocka_unit_test(the_legend_is_whole_at_every_instant),
        cmocka_unit_test(a_recording_offers_only_to_be_watched_again),
        cmocka_unit_test(sixteen_million_pages_are_drawn_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
