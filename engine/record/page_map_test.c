#include "record/page_map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/prng.h"

static const char letters[] = ".cdimw"; /* enum page_state as one letter each */

/* What one page shows at the source and at the target after each happening, written as two letters.
 * Happenings: s send, i install, d dirtied at the source, t dirtied at the target, f fetch,
 * H hand-over, w a hart waits, r it goes on, A given up, S start. */
static void happen(struct page_map *map, char what, uint64_t first_idx, uint64_t count)
{
    switch (what) {
    case 'S':
        page_map_start(map);
        break;
    case 's':
        page_map_send(map, first_idx, count);
        break;
    case 'i':
        page_map_install(map, first_idx, count);
        break;
    case 'd':
        page_map_dirty(map, HOST_SOURCE, first_idx);
        break;
    case 't':
        page_map_dirty(map, HOST_TARGET, first_idx);
        break;
    case 'f':
        page_map_fetch(map, first_idx, count);
        break;
    case 'H':
        page_map_hand_over(map);
        break;
    case 'w':
        page_map_wait(map, first_idx, true);
        break;
    case 'r':
        page_map_wait(map, first_idx, false);
        break;
    case 'A':
        page_map_give_up(map);
        break;
    default:
        fail_msg("%c is nothing that happens", what);
    }
}

static void a_page_goes_its_way(void **state)
{
    static const struct {
        const char *happenings;
        const char *shown; /* before the first, and after each */
    } rows[] = {
        /* stop-and-copy: sent once, then given away */
        {"SsiH", "c. d. i. cc .c"},
        /* dirtied while on its way: dirty when it has arrived */
        {"Ssdi", "c. d. i. i. dc"},
        /* pre-copy: dirtied, fetched, sent again */
        {"SsidfsiH", "c. d. i. cc dc dc ic cc .c"},
        /* dirtied before it is sent in a round: it stays in the log, later writes do not trap */
        {"SdsifsiH", "c. d. d. i. dc dc ic cc .c"},
        /* two copies on their way at a time */
        {"SsdfsiiH", "c. d. i. i. i. i. ic cc .c"},
        /* post-copy: missing, waited for, sent, there, written */
        {"SHwsirt", "c. d. dm dw iw .c .c .d"},
        /* post-copy: pushed before anybody asked */
        {"SHsi", "c. d. dm im .c"},
        /* hybrid: the copy there is old, so the page is missing again */
        {"SsidfHsi", "c. d. i. cc dc dc dm im .c"},
        /* hybrid: in the log, not fetched */
        {"SsidHsi", "c. d. i. cc dc dm im .c"},
        /* pushed a second time for nothing: what is at the target stays */
        {"SHsitsi", "c. d. dm im .c .d .d .d"},
        /* given up: as if nothing had been tried, whatever still arrives */
        {"SsidAii", "c. d. i. cc dc c. c. c."},
        /* and tried again */
        {"SsiASsiH", "c. d. i. cc c. d. i. cc .c"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct page_map map;
        const char *happenings = rows[i].happenings, *shown = rows[i].shown;
        page_map_init(&map, 3);
        for (;;) {
            char source = letters[page_map_state(&map, HOST_SOURCE, 1)];
            char target = letters[page_map_state(&map, HOST_TARGET, 1)];
            if (source != shown[0] || target != shown[1])
                fail_msg("%s before \"%s\": shows %c%c", rows[i].happenings, happenings, source,
                         target);
            if (*happenings == '\0')
                break;
            happen(&map, *happenings++, 1, 1);
            shown += 3;
        }
        page_map_fini(&map);
    }
}

static void distinct_pages_are_counted_once(void **state)
{
    struct page_map map;
    (void)state;
    page_map_init(&map, 1000);
    page_map_start(&map);
    page_map_send(&map, 0, 1000);
    page_map_send(&map, 10, 500);
    assert_int_equal(map.distinct_sent, 1000);
    page_map_give_up(&map);
    page_map_start(&map);
    page_map_send(&map, 999, 1);
    assert_int_equal(map.distinct_sent, 1001);
    page_map_fini(&map);
}

static void assert_counts(const struct page_map *map, struct prng *prng)
{
    for (uint32_t host = 0; host < HOST_COUNT; host++) {
        for (unsigned cell = 0; cell < 8; cell++) {
            uint64_t first = cell == 0 ? 0 : prng_below(prng, map->total_pages + 1);
            uint64_t count =
                cell == 0 ? map->total_pages : prng_below(prng, map->total_pages - first + 1);
            uint64_t counts[PAGE_STATE_COUNT], expected[PAGE_STATE_COUNT] = {0};
            page_map_count(map, host, first, count, counts);
            for (uint64_t i = first; i < first + count; i++)
                expected[page_map_state(map, host, i)]++;
            assert_memory_equal(counts, expected, sizeof counts);
            if (cell == 0)
                assert_memory_equal(counts, map->totals[host], sizeof counts);
        }
    }
}

/* Runs over blocks and parts of blocks do to each page what they do to a page alone, and the counts
 * are those of the pages. The other map gets every run page by page. */
static void runs_are_many_pages(void **state)
{
    static const uint64_t sizes[] = {1, 255, 256, 257, 1024, 1500};
    static const char happenings[] = "sssssiiiiiddddtwrfssiiddtf";
    (void)state;
    for (size_t size = 0; size < sizeof sizes / sizeof sizes[0]; size++) {
        struct page_map map, alone;
        struct prng prng = prng_make(size, 3);
        uint64_t total = sizes[size];
        page_map_init(&map, total);
        page_map_init(&alone, total);
        for (unsigned n = 0; n < 1200; n++) {
            char what = happenings[prng_below(&prng, sizeof happenings - 1)];
            if (n == 20 || n == 800)
                what = 'S';
            else if (n == 500 || n == 1100)
                what = 'H';
            else if (n == 700)
                what = 'A';
            uint64_t first = prng_below(&prng, 3) == 0 ? 0 : prng_below(&prng, total);
            uint64_t count =
                prng_below(&prng, 3) == 0 ? total - first : prng_below(&prng, total - first + 1);
            bool is_run = what == 's' || what == 'i' || what == 'f';
            if (what == 'f' && count == 0)
                count = 1; /* none would be all */
            happen(&map, what, first, count);
            for (uint64_t i = 0; i < (is_run ? count : 1); i++)
                happen(&alone, what, first + i, 1);
            assert_int_equal(map.distinct_sent, alone.distinct_sent);
            for (uint64_t i = 0; i < total; i++) {
                assert_int_equal(page_map_state(&map, HOST_SOURCE, i),
                                 page_map_state(&alone, HOST_SOURCE, i));
                assert_int_equal(page_map_state(&map, HOST_TARGET, i),
                                 page_map_state(&alone, HOST_TARGET, i));
            }
            assert_counts(&map, &prng);
        }
        page_map_fini(&map);
        page_map_fini(&alone);
    }
}

/* A continuous scan fetches the log in pieces: what is outside of a piece stays in the log, in the
 * same block and in others. */
static void a_piece_of_the_log_is_fetched(void **state)
{
    static const struct {
        uint64_t first_idx, count;
        const char *shown; /* pages 2, 5, 300 and 1999 at the source when sent again */
    } rows[] = {
        {0, 0, "cccc"}, {0, 2000, "cccc"}, {5, 1, "dcdd"}, {3, 298, "dccd"}, {1999, 1, "dddc"},
    };
    static const uint64_t written[] = {2, 5, 300, 1999};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct page_map map;
        page_map_init(&map, 2000);
        happen(&map, 'S', 0, 0);
        happen(&map, 's', 0, 2000);
        happen(&map, 'i', 0, 2000);
        for (size_t k = 0; k < 4; k++)
            happen(&map, 'd', written[k], 1);
        happen(&map, 'f', rows[i].first_idx, rows[i].count);
        happen(&map, 's', 0, 2000);
        happen(&map, 'i', 0, 2000);
        for (size_t k = 0; k < 4; k++)
            assert_int_equal(letters[page_map_state(&map, HOST_SOURCE, written[k])],
                             rows[i].shown[k]);
        happen(&map, 'f', 0, 2000);
        happen(&map, 's', 0, 2000);
        happen(&map, 'i', 0, 2000);
        for (size_t k = 0; k < 4; k++)
            assert_int_equal(letters[page_map_state(&map, HOST_SOURCE, written[k])], 'c');
        page_map_fini(&map);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_page_goes_its_way),
        cmocka_unit_test(distinct_pages_are_counted_once),
        cmocka_unit_test(runs_are_many_pages),
        cmocka_unit_test(a_piece_of_the_log_is_fetched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
